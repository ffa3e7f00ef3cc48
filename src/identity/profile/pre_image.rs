//! The forms that values are brought into before they are encoded.

use serde::Serialize;

use crate::identity::clean;
use crate::identity::hashed::HashConvention;
use crate::identity::reject::Reject;

/// The form of a value before it is encoded, made from its canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PreImage {
    /// The address in lower case, dots and `+tag` kept.
    EmailPlain,
    /// The same; of `gmail.com` and `googlemail.com` without dots and without `+tag`, the domain kept as it is
    /// (developers.google.com/data-manager/api/devguides/concepts/formatting, read November 2026).
    EmailGmailFolded,
    /// The same; of `gmail.com` alone without dots and without `+tag` (UID2 operator, `InputUtil.java`, July 2026).
    EmailUid2,
    /// Cut at the first `+`, and of the local part ASCII letters and digits alone, whatever the domain (Reddit, "Manual
    /// advanced matching", read November 2026).
    EmailReddit,
    /// ASCII letters, digits, `.`, `@` and `-` alone: the `+` goes, its tag stays (Amazon Ads help page
    /// GCCXMZYCK4RXWS6C as two peers have it, read November 2026).
    EmailAmazon,
    /// Without `+tag`, whatever the domain. No built-in profile uses it: see
    /// [`TIKTOK_SEGMENT`](super::profiles::TIKTOK_SEGMENT).
    EmailUntagged,
    /// Without `+tag` and without dots in the local part, whatever the domain. No built-in profile uses it: see
    /// [`MICROSOFT`](super::profiles::MICROSOFT).
    EmailFolded,
    /// `+` and digits.
    E164Plus,
    /// Digits with the country code; no `+`.
    E164Digits,
    /// `+` and digits; digests of either form are taken, because the destination matches both.
    E164PlusOrDigits,
    /// `+` and 10 to 15 digits; shorter numbers are refused (UID2, "Normalization and encoding", August 2026).
    E164Uid2,
    /// The ten digits of a number of the North American plan; numbers of other plans are refused.
    TenDigits,
    /// The name in lower case, single spaces kept.
    NamePlain,
    /// The name in lower case without white space and ASCII punctuation; letters of every script kept.
    NameLetters,
    /// The name in lower case without white space.
    NameUnspaced,
    /// The name in lower case, its first 35 characters (LinkedIn, "DMP segment users", read November 2026).
    Name35,
    /// The name without one leading `mr.`, `mrs.`, `ms.` or `dr.` (github googleads/data-manager-node
    /// `util/src/formatter.ts`, June 2026).
    GoogleGivenName,
    /// The name without the suffixes at its end that Google's formatter knows (`jr.`, `phd`, `iii`; same source).
    GoogleFamilyName,
    /// The first letter of [`Self::NameLetters`].
    Initial,
    /// ASCII letters alone.
    AsciiLetters,
    /// ASCII letters and digits alone.
    AsciiAlphanumeric,
    /// Letters of every script: white space, ASCII digits and ASCII punctuation go.
    PlaceLetters,
    /// Lower case without spaces and hyphens; of ZIP+4 the first five digits.
    PostalCompact,
    /// `YYYYMMDD`.
    DateDigits,
    /// `YYYY`.
    Year,
    /// `MM`.
    Month,
    /// `DD`.
    Day,
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
    /// Lower case without white space, as Meta's SDKs make external ids before they hash them.
    LowerUnspaced,
    /// The id as it is.
    ExternalIdPlain,
    /// The id, if it is at most 128 ASCII letters, digits, `-` and `_`; others are refused (`not_taken`).
    ExternalIdWord,
    /// The canonical value as it is.
    Plain,
}

impl PreImage {
    /// Whether a digest that was made by `convention` stands for this pre-image. One without a declared convention is
    /// sent as it is.
    pub const fn accepts(self, convention: HashConvention) -> bool {
        use HashConvention as Declared;
        matches!(
            (self, convention),
            (Self::EmailPlain, Declared::EmailPlain)
                | (Self::EmailGmailFolded, Declared::EmailGmailFolded)
                | (Self::E164Plus | Self::E164Uid2, Declared::E164Plus)
                | (Self::E164Digits, Declared::E164Digits)
                | (Self::E164PlusOrDigits, Declared::E164Plus | Declared::E164Digits)
                | (Self::EmailUid2, Declared::EmailUid2)
                | (Self::EmailReddit, Declared::EmailReddit)
                | (Self::EmailAmazon, Declared::EmailAmazon)
                | (Self::Plain | Self::Lower, Declared::DeviceIdLower)
                | (Self::Upper, Declared::DeviceIdUpper)
                | (Self::NamePlain, Declared::NamePlain)
                | (Self::NameLetters, Declared::NameLetters)
                | (Self::ExternalIdPlain | Self::ExternalIdWord, Declared::ExternalIdPlain)
        )
    }

    /// Appends the pre-image of a canonical value to `out`; leaves it empty when nothing remains.
    ///
    /// # Errors
    /// Why the destination does not take this value.
    pub(in crate::identity) fn write(self, canonical: &str, out: &mut String) -> Result<(), Reject> {
        match self {
            Self::EmailPlain
            | Self::E164Plus
            | Self::E164PlusOrDigits
            | Self::NamePlain
            | Self::ExternalIdPlain
            | Self::Plain => out.push_str(canonical),
            Self::EmailGmailFolded => fold_gmail(canonical, &["gmail.com", "googlemail.com"], out),
            Self::EmailUid2 => fold_gmail(canonical, &["gmail.com"], out),
            Self::EmailReddit => rewrite(canonical, true, |c| c.is_ascii_alphanumeric(), out),
            Self::EmailAmazon => {
                rewrite(canonical, false, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'), out);
            }
            Self::EmailUntagged => rewrite(canonical, true, |_| true, out),
            Self::EmailFolded => rewrite(canonical, true, |c| c != '.', out),
            Self::E164Digits => out.push_str(canonical.trim_start_matches(['+', '0'])),
            Self::E164Uid2 => out.push_str(ten_to_fifteen(canonical)?),
            Self::TenDigits => out.push_str(north_american(canonical)?),
            Self::ExternalIdWord => out.push_str(word_of_128(canonical)?),
            Self::GoogleGivenName => out.push_str(without_title(canonical)),
            Self::GoogleFamilyName => out.push_str(without_suffixes(canonical)),
            Self::DateDigits => out.extend(canonical.chars().filter(|c| *c != '-')),
            Self::Year => out.push_str(canonical.get(..4).unwrap_or_default()),
            Self::Month => out.push_str(canonical.get(5..7).unwrap_or_default()),
            Self::Day => out.push_str(canonical.get(8..10).unwrap_or_default()),
            Self::Lower => out.push_str(&clean::lower(canonical)),
            Self::LowerUnspaced => out.extend(clean::lower(canonical).split_whitespace()),
            Self::Upper => out.push_str(&canonical.to_ascii_uppercase()),
            Self::PostalCompact => compact_postal(canonical, out),
            _ => out.extend(self.kept(canonical)),
        }
        Ok(())
    }

    /// The characters that are kept, where a form is nothing but that.
    fn kept(self, canonical: &str) -> impl Iterator<Item = char> {
        let at_most = match self {
            Self::Name35 => 35,
            Self::Initial => 1,
            _ => usize::MAX,
        };
        let keep = move |c: &char| match self {
            Self::NameLetters | Self::Initial => !c.is_whitespace() && !c.is_ascii_punctuation(),
            Self::NameUnspaced => !c.is_whitespace(),
            Self::PlaceLetters => !c.is_whitespace() && !c.is_ascii_punctuation() && !c.is_ascii_digit(),
            Self::AsciiLetters => c.is_ascii_alphabetic(),
            Self::AsciiAlphanumeric => c.is_ascii_alphanumeric(),
            _ => true,
        };
        canonical.chars().filter(keep).take(at_most)
    }
}

fn fold_gmail(address: &str, domains: &[&str], out: &mut String) {
    match address.rsplit_once('@') {
        Some((_, domain)) if domains.contains(&domain) => rewrite(address, true, |c| c != '.', out),
        _ => out.push_str(address),
    }
}

/// The address with the kept characters of its local part, cut at the first `+` where tags go.
fn rewrite(address: &str, untag: bool, keep: impl Fn(char) -> bool, out: &mut String) {
    let Some((local, domain)) = address.rsplit_once('@') else { return };
    let local = if untag { local.split_once('+').map_or(local, |(name, _)| name) } else { local };
    out.extend(local.chars().filter(|c| keep(*c)));
    // A local part that was all tag is nobody's address.
    if !out.is_empty() {
        out.push('@');
        out.push_str(domain);
    }
}

fn ten_to_fifteen(number: &str) -> Result<&str, Reject> {
    // One more for the `+`.
    if number.len() < 11 { Err(Reject::Uid2TooShort) } else { Ok(number) }
}

fn north_american(number: &str) -> Result<&str, Reject> {
    number.strip_prefix("+1").filter(|rest| rest.len() == 10).ok_or(Reject::NotTaken)
}

fn word_of_128(id: &str) -> Result<&str, Reject> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if id.len() <= 128 && id.bytes().all(word) { Ok(id) } else { Err(Reject::NotTaken) }
}

fn without_title(name: &str) -> &str {
    let (first, rest) = name.split_once(' ').unwrap_or((name, ""));
    if matches!(first, "mr." | "mrs." | "ms." | "dr.") { rest } else { name }
}

const SUFFIXES: &[&str] = &[
    "jr", "jr.", "sr", "sr.", "2nd", "3rd", "ii", "iii", "iv", "v", "vi", "cpa", "dc", "dds", "vm", "jd", "md", "phd",
];

/// Suffixes go one by one, after a comma or white space, and never the whole name.
fn without_suffixes(name: &str) -> &str {
    let mut left = name;
    while let Some((before, last)) = left.rsplit_once([' ', ',']) {
        let before = before.trim_end_matches([' ', ',']);
        if before.is_empty() || !SUFFIXES.contains(&last) {
            break;
        }
        left = before;
    }
    left
}

fn compact_postal(postal: &str, out: &mut String) {
    let zip_plus_4 = postal.len() == 10
        && postal.bytes().enumerate().all(|(at, byte)| if at == 5 { byte == b'-' } else { byte.is_ascii_digit() });
    let postal = if zip_plus_4 { postal.get(..5).unwrap_or_default() } else { postal };
    out.extend(postal.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_ascii_lowercase()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pre_image(of: PreImage, canonical: &str) -> String {
        let mut out = String::new();
        of.write(canonical, &mut out).unwrap();
        out
    }

    #[test]
    fn gmail_is_folded_and_nothing_else_is() {
        // identity.md 4.3, profile google
        let folded = |address| pre_image(PreImage::EmailGmailFolded, address);
        assert_eq!(folded("nora.quist+vip@gmail.com"), "noraquist@gmail.com");
        assert_eq!(folded("nora.quist@googlemail.com"), "noraquist@googlemail.com");
        assert_eq!(folded("nora.quist+vip@gmailfoo.com"), "nora.quist+vip@gmailfoo.com");
        assert_eq!(folded("ola.berg@fjord.example"), "ola.berg@fjord.example");
        assert_eq!(folded("+tag@gmail.com"), "");
    }

    #[test]
    fn each_platform_has_its_address() {
        for (form, address, expected) in [
            (PreImage::EmailUid2, "nora.quist+vip@gmail.com", "noraquist@gmail.com"),
            (PreImage::EmailUid2, "nora.quist@googlemail.com", "nora.quist@googlemail.com"),
            (PreImage::EmailReddit, "al.ice$+apple@example.com", "alice@example.com"),
            (PreImage::EmailReddit, "+a@example.com", ""),
            (PreImage::EmailAmazon, "nora.quist+vip@gmail.com", "nora.quistvip@gmail.com"),
            (PreImage::EmailAmazon, "a_b-c@fjord.example", "ab-c@fjord.example"),
            (PreImage::EmailUntagged, "a.b+c@fjord.example", "a.b@fjord.example"),
            (PreImage::EmailFolded, "a.b+c@fjord.example", "ab@fjord.example"),
            (PreImage::EmailPlain, "a.b+c@fjord.example", "a.b+c@fjord.example"),
        ] {
            assert_eq!(pre_image(form, address), expected, "{form:?} {address}");
        }
    }

    #[test]
    fn names_keep_the_letters_of_every_script_where_the_platform_does() {
        let letters = |name| pre_image(PreImage::NameLetters, name);
        assert_eq!(letters("o'brien-smith jr."), "obriensmithjr");
        assert_eq!(letters("maría josé"), "maríajosé");
        assert_eq!(letters("정"), "정");
        assert_eq!(letters("-."), "");
        assert_eq!(pre_image(PreImage::Initial, "'élodie marie"), "é");
        assert_eq!(pre_image(PreImage::NameUnspaced, "anne-marie del rio"), "anne-mariedelrio");
        assert_eq!(pre_image(PreImage::Name35, &"é".repeat(40)), "é".repeat(35));
        assert_eq!(pre_image(PreImage::AsciiAlphanumeric, "zoë 2nd"), "zo2nd");
    }

    #[test]
    fn google_names_lose_titles_and_suffixes() {
        // ads-core.md 1.2
        let given = |name| pre_image(PreImage::GoogleGivenName, name);
        assert_eq!(given("dr. ada"), "ada");
        assert_eq!(given("dr. mrs. ada"), "mrs. ada");
        assert_eq!(given("dr ada"), "dr ada");
        assert_eq!(given("dr.ada"), "dr.ada");
        assert_eq!(given("prof. ada"), "prof. ada");
        assert_eq!(given("mr."), "");
        assert_eq!(given("anne marie"), "anne marie");
        let family = |name| pre_image(PreImage::GoogleFamilyName, name);
        assert_eq!(family("lovelace, jr."), "lovelace");
        assert_eq!(family("lovelace,jr"), "lovelace");
        assert_eq!(family("quist md phd"), "quist");
        assert_eq!(family("quinn-alex"), "quinn-alex");
        assert_eq!(family("v"), "v");
        assert_eq!(family(", iii"), ", iii");
        assert_eq!(family("dejr"), "dejr");
    }

    #[test]
    fn phones_have_the_plus_or_not() {
        assert_eq!(pre_image(PreImage::E164Digits, "+390612345678"), "390612345678");
        assert_eq!(pre_image(PreImage::E164Plus, "+390612345678"), "+390612345678");
        assert_eq!(pre_image(PreImage::E164PlusOrDigits, "+390612345678"), "+390612345678");
        assert_eq!(pre_image(PreImage::TenDigits, "+15125550100"), "5125550100");
        let mut out = String::new();
        assert_eq!(PreImage::TenDigits.write("+4930901820", &mut out), Err(Reject::NotTaken));
        assert_eq!(PreImage::E164Uid2.write("+352123456", &mut out), Err(Reject::Uid2TooShort));
        assert_eq!(pre_image(PreImage::E164Uid2, "+4930901820"), "+4930901820");
        assert_eq!(PreImage::ExternalIdWord.write("C 1001", &mut out), Err(Reject::NotTaken));
        assert_eq!(out, "");
    }

    #[test]
    fn addresses_and_dates_have_their_forms() {
        for (form, value, expected) in [
            (PreImage::AsciiLetters, "københavn 2", "kbenhavn"),
            (PreImage::PlaceLetters, "st. louis 2", "stlouis"),
            (PreImage::PlaceLetters, "københavn", "københavn"),
            (PreImage::PostalCompact, "78701-1234", "78701"),
            (PreImage::PostalCompact, "SW1A 1AA", "sw1a1aa"),
            (PreImage::PostalCompact, "1100-148", "1100148"),
            (PreImage::DateDigits, "1984-05-06", "19840506"),
            (PreImage::Year, "1984-05-06", "1984"),
            (PreImage::Month, "1984-05-06", "05"),
            (PreImage::Day, "1984-05-06", "06"),
            (PreImage::Lower, "DE", "de"),
            (PreImage::Upper, "aebe52e7", "AEBE52E7"),
            (PreImage::LowerUnspaced, "C-aB 01", "c-ab01"),
        ] {
            assert_eq!(pre_image(form, value), expected, "{form:?}");
        }
    }
}
