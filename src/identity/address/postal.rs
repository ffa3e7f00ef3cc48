//! Postcodes.

use unicode_normalization::UnicodeNormalization as _;

use crate::identity::clean::{self, clean};
use crate::identity::reject::{Notes, Reject};

/// Longer than any country's, ZIP+4 with its hyphen included.
const LIMIT: usize = 16;

/// A postcode: upper case, in the written form of the country where that is known (ISO 3166-1 alpha-2).
///
/// Without a country only the characters are judged: letters, digits, single spaces and hyphens.
pub(in crate::identity) fn canonical_postal(text: &str, country: Option<&str>) -> Result<(Box<str>, Notes), Reject> {
    let (text, mut notes) = clean(text);
    if text.is_empty() {
        return Err(Reject::Missing);
    }
    if clean::is_null_like(&text) {
        return Err(Reject::Placeholder);
    }
    if clean::looks_hashed(&text) {
        return Err(Reject::HashedInPlain);
    }
    let folded: String = text.nfkc().collect();
    notes.add_if(!text.is_ascii(), Notes::WIDTH_FOLDED);
    if folded.len() > LIMIT {
        return Err(Reject::BadPostal);
    }
    let written = folded.to_ascii_uppercase();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-');
    if !written.bytes().all(allowed) || !written.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Reject::BadPostal);
    }
    let bare: String = written.chars().filter(char::is_ascii_alphanumeric).collect();
    let postal = match country.and_then(|country| in_form_of(country, &bare, &mut notes)) {
        Some(formed) => formed.ok_or(Reject::BadPostal)?,
        None => written.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "),
    };
    Ok((postal.into(), notes))
}

/// The letters and digits in the form of a country that is known here: nothing for another country, and nothing inside
/// when they are not a postcode of it.
fn in_form_of(country: &str, bare: &str, notes: &mut Notes) -> Option<Option<String>> {
    Some(match country {
        "US" => {
            let bare = with_zeros(bare, 3, notes);
            shaped(&bare, "00000").or_else(|| shaped(&bare, "00000-0000"))
        }
        "DE" => shaped(&with_zeros(bare, 4, notes), "00000"),
        "CA" => shaped(bare, "A0A 0A0"),
        "GB" => ["A0", "A00", "A0A", "AA0", "AA00", "AA0A"]
            .iter()
            .find_map(|outward| shaped(bare, &format!("{outward} 0AA"))),
        "NL" => shaped(bare, "0000 AA"),
        "PT" => shaped(bare, "0000-000"),
        "JP" => shaped(bare, "000-0000"),
        "PL" => shaped(bare, "00-000"),
        "BR" => shaped(bare, "00000-000"),
        _ => return None,
    })
}

/// A number of `least` to four digits with the zeros in front that a spreadsheet dropped.
fn with_zeros(bare: &str, least: usize, notes: &mut Notes) -> String {
    let lost = (least..5).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_digit());
    notes.add_if(lost, Notes::ZERO_RESTORED);
    if lost { format!("{bare:0>5}") } else { bare.to_owned() }
}

/// `bare` in a shape of `0` (a digit), `A` (a letter) and separators.
fn shaped(bare: &str, shape: &str) -> Option<String> {
    let mut given = bare.chars();
    let mut out = String::with_capacity(shape.len());
    for place in shape.chars() {
        out.push(match place {
            '0' => given.next().filter(char::is_ascii_digit)?,
            'A' => given.next().filter(char::is_ascii_alphabetic)?,
            separator => separator,
        });
    }
    given.next().is_none().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postal(text: &str, country: &str) -> Result<String, Reject> {
        canonical_postal(text, Some(country).filter(|it| !it.is_empty())).map(|(text, _)| text.into())
    }

    #[test]
    fn each_country_has_its_form() {
        for (text, country, canonical) in [
            ("78701-1234", "US", "78701-1234"),
            ("787011234", "US", "78701-1234"),
            (" 78701 ", "US", "78701"),
            ("2139", "US", "02139"),
            ("501", "US", "00501"),
            ("1067", "DE", "01067"),
            ("k1a0b1", "CA", "K1A 0B1"),
            ("sw1a1aa", "GB", "SW1A 1AA"),
            ("M1 1AE", "GB", "M1 1AE"),
            ("1012ab", "NL", "1012 AB"),
            ("1100148", "PT", "1100-148"),
            ("１００-０００１", "JP", "100-0001"),
            ("00950", "PL", "00-950"),
            ("01310100", "BR", "01310-100"),
            ("114  55", "SE", "114 55"),
            ("sw1a 1aa", "", "SW1A 1AA"),
            ("2139", "", "2139"),
        ] {
            assert_eq!(postal(text, country).as_deref(), Ok(canonical), "{text} {country}");
        }
        assert!(canonical_postal("2139", Some("US")).unwrap().1.contains(Notes::ZERO_RESTORED));
    }

    #[test]
    fn what_is_no_postcode_is_refused() {
        for (text, country) in [
            ("7870", "CA"),
            ("78701-12", "US"),
            ("12", "US"),
            ("ABCDE", "US"),
            ("123456", "DE"),
            ("123", "DE"),
            ("SW1A 1A", "GB"),
            ("10 Downing Street", ""),
            ("787*1", ""),
            ("--- -", ""),
        ] {
            assert_eq!(postal(text, country), Err(Reject::BadPostal), "{text} {country}");
        }
        assert_eq!(postal("N/A", "US"), Err(Reject::Placeholder));
        assert_eq!(postal("", "US"), Err(Reject::Missing));
    }
}
