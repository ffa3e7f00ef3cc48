//! Numbers of the `phonenumber` crate.
//!
//! It and this crate read the same metadata, and not always the same number. Of 0.3.10 is known (each checked against
//! Google's own library, November 2026): a number in clean E.164 loses digits when it is parsed with the region `US`
//! and belongs to another country (`+4915123471732` becomes `+495123471732`, somebody else's number); full-width and
//! Arabic-Indic digits, no-break spaces, `/` and `;ext=` are refused; digits without `+` that begin with the region's
//! own code are taken as international; letters of vanity numbers lose their last digit. So give this crate the text
//! where there is one, and a parsed number only where the text is gone; and parse what begins with `+` without a region.

use phonenumber::PhoneNumber;

use crate::identity::canonical::Canonical;
use crate::identity::hashed::Plain;
use crate::identity::kind::IdentifierKind;

/// A number that was parsed by the `phonenumber` crate, as text: `+`, country code, leading zeros, digits. It is judged
/// like any other plain value.
///
/// What that parser made of the text cannot be undone here. Where the text is still there, give it instead: of clean
/// E.164 that was parsed with the region `US`, `phonenumber` 0.3.10 drops a `1` that belongs to the number
/// (`+4915123471732` becomes `+495123471732`). Parse what begins with `+` with no region, `None`.
///
/// ```
/// use audience_sync::identity::{Member, Plain};
///
/// # fn main() -> Result<(), phonenumber::ParseError> {
/// let number = phonenumber::parse(None, "+39 06 1234 5678")?;
/// assert_eq!(Plain::from(&number).as_str(), "+390612345678");
/// let member = Member::new("u-1").phone(&number);
/// # Ok(()) }
/// ```
impl From<&PhoneNumber> for Plain {
    fn from(number: &PhoneNumber) -> Self {
        let national = number.national();
        let zeros = "0".repeat(usize::from(national.zeros()));
        Self::from(format!("+{}{zeros}{}", number.code().value(), national.value()))
    }
}

impl Canonical {
    /// A canonical phone as a number of the `phonenumber` crate; nothing for other kinds, for digests, and for numbers
    /// that crate does not read.
    ///
    /// Its own E.164 is compared: a number that it would change is not handed out.
    pub fn to_phone_number(&self) -> Option<PhoneNumber> {
        let text = self.as_str().filter(|_| self.kind() == IdentifierKind::Phone)?;
        let number = phonenumber::parse(None, text).ok()?;
        (Plain::from(&number).as_str() == text).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use phonenumber::country::Id;

    use super::*;
    use crate::identity::{Canonicalizer, Hashed, Member};

    fn canonical(member: &Member) -> Vec<Canonical> {
        Canonicalizer::new().canonicalize_member(member).values().to_vec()
    }

    #[test]
    fn parsed_numbers_are_taken_as_they_are() {
        // Libphonenumber's own: the leading zero of Italy is part of the number, that of Germany is not.
        for (region, text, e164) in [
            (Id::DE, "030 901820", "+4930901820"),
            (Id::IT, "06 1234 5678", "+390612345678"),
            (Id::GB, "020 8366 1177", "+442083661177"),
        ] {
            let number = phonenumber::parse(Some(region), text).unwrap();
            assert_eq!(Plain::from(&number).as_str(), e164);
            assert_eq!(canonical(&Member::new("1").phone(&number))[0].as_str(), Some(e164));
        }
    }

    #[test]
    fn canonical_numbers_become_parsed_ones() {
        let member = Member::new("1").phone("+39 06 1234 5678").email("nora@quist.se");
        let [phone, email] = &canonical(&member)[..] else { panic!("two values") };
        let number = phone.to_phone_number().unwrap();
        assert_eq!((number.code().value(), number.national().value()), (39, 612_345_678));
        assert!(email.to_phone_number().is_none());
        let digest = Hashed::sha256_hex("9a1b2c3d9a1b2c3d9a1b2c3d9a1b2c3d9a1b2c3d9a1b2c3d9a1b2c3d9a1b2c3d").unwrap();
        assert!(canonical(&Member::new("1").identifier(IdentifierKind::Phone, digest))[0].to_phone_number().is_none());
    }

    #[test]
    fn the_known_difference_is_still_there() {
        // Should this fail, the crate was mended: the notes above may go.
        let changed = phonenumber::parse(Some(Id::US), "+4915123471732").unwrap();
        assert_eq!(Plain::from(&changed).as_str(), "+495123471732");
        let kept = phonenumber::parse(None, "+4915123471732").unwrap();
        assert_eq!(Plain::from(&kept).as_str(), "+4915123471732");
    }
}
