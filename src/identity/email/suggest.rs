//! Domains that look like a slip of the finger.

use serde::{Deserialize, Serialize};

use super::lists::{FREQUENT, REAL};
use super::words::holds;

/// A domain that was probably meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Suggestion {
    /// The domain, in lower case.
    pub domain: &'static str,
    /// How sure that is.
    pub confidence: Confidence,
}

/// How sure a [`Suggestion`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Confidence {
    /// A domain like the frequent one, or under a top-level domain that exists: it may be somebody's own.
    Low,
    /// A known misspelling.
    High,
}

/// Names before the dot that are a slip of a domain's.
#[rustfmt::skip]
const NAMES: &[(&str, &[&str])] = &[
    ("gmail.com", &[
        "gmial", "gmal", "gmai", "gamil", "gnail", "gmaill", "gmil", "gmaul", "gmali", "gmaik", "gmaio", "gmsil", "ggmail",
        "gmmail", "gmaiil", "gmaail", "gimail", "gmeil", "gmailc", "gmile", "gmqil", "gjail",
    ]),
    ("hotmail.com", &[
        "hotmial", "hotmal", "hotmai", "hotmil", "hotmaill", "hotamil", "homail", "hotnail", "hormail", "hotmaul",
        "htmail", "hotmali", "hhotmail", "hotmeil", "hotmsil", "hoymail", "hotrmail", "hotmaik",
    ]),
    ("yahoo.com", &["yaho", "yahooo", "yhoo", "yhaoo", "yaoo", "yahho", "yahoi", "yaahoo", "yshoo", "yajoo", "yaoho"]),
    ("outlook.com", &[
        "outlok", "outloo", "outllok", "outlool", "outlock", "otlook", "outook", "outloook", "outlookk", "oulook",
    ]),
    ("icloud.com", &["iclud", "icoud", "iclod", "iclould", "icloude", "iclooud", "icloudd", "iloud", "icluod"]),
    ("aol.com", &["aoll", "aool"]),
];

/// What `com` becomes in haste, where that is no top-level domain.
const NO_TLD: &[&str] = &["con", "cmo", "ocm", "comm", "coom", "vom", "xom", "cpm", "clm", "ccom", "comn", "c"];
/// The same where it is one: Colombia, Cameroon, Oman.
const OTHER_TLD: &[&str] = &["co", "cm", "om"];
/// Domains are at most so long (RFC 1035), and no near match is looked for among longer ones.
const DOMAIN_LIMIT: usize = 253;

/// The domain that was probably meant with `domain` (of an address in its canonical form), if another one was.
///
/// Nothing is suggested for a domain that is known to be real (`ymail.com`, `hotmail.co.uk`). Known misspellings come
/// first; then the frequent domain that is one edit away (a letter missing, added, replaced, or two neighbours
/// swapped), two for domains of nine bytes and more. Those are of [`Confidence::Low`], and whoever counts them should
/// leave out domains that are not rare beside the suggested one in the same data.
///
/// ```
/// use audience_sync::identity::{Confidence, suggest_domain};
///
/// let suggestion = suggest_domain("gmial.com").expect("a known misspelling");
/// assert_eq!((suggestion.domain, suggestion.confidence), ("gmail.com", Confidence::High));
/// assert_eq!(suggest_domain("ymail.com"), None);
/// ```
pub fn suggest_domain(domain: &str) -> Option<Suggestion> {
    if domain.len() > DOMAIN_LIMIT || FREQUENT.contains(&domain) || holds(&REAL, domain) {
        return None;
    }
    known_slip(domain).or_else(|| near_match(domain))
}

/// The same domain, if it is one of the most frequent.
pub(in crate::identity) fn frequent(domain: &str) -> Option<&'static str> {
    FREQUENT.iter().find(|name| **name == domain).copied()
}

fn known_slip(domain: &str) -> Option<Suggestion> {
    let (name, tld) = domain.rsplit_once('.')?;
    let of_com = |meant: &&&str| meant.strip_suffix(".com") == Some(name);
    let slip = NAMES.iter().find(|(_, slips)| slips.contains(&name)).map(|(meant, _)| *meant);
    let confidence = if NO_TLD.contains(&tld) || tld == "com" {
        Confidence::High
    } else if OTHER_TLD.contains(&tld) {
        Confidence::Low
    } else {
        return None;
    };
    let meant = slip.or_else(|| FREQUENT.iter().find(of_com).copied())?;
    Some(Suggestion { domain: meant, confidence })
}

fn near_match(domain: &str) -> Option<Suggestion> {
    let most = if domain.len() < 9 { 1 } else { 2 };
    FREQUENT
        .iter()
        .filter(|meant| meant.len().abs_diff(domain.len()) <= most)
        .map(|meant| (strsim::damerau_levenshtein(meant, domain), *meant))
        .filter(|(edits, _)| *edits <= most)
        // The first of equals: the more frequent one.
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, domain)| Suggestion { domain, confidence: Confidence::Low })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggested(domain: &str) -> Option<(&'static str, Confidence)> {
        suggest_domain(domain).map(|it| (it.domain, it.confidence))
    }

    #[test]
    fn known_misspellings_are_sure() {
        for (slips, meant) in [
            // identity.md 9
            ("gmial.com gmal.com gmai.com gamil.com gnail.com gmaill.com gmail.con gmail.cmo", "gmail.com"),
            ("hotmial.com hotmal.com hotmai.com hotmil.com hotmail.con", "hotmail.com"),
            ("yaho.com yahooo.com yhoo.com yahoo.con", "yahoo.com"),
            ("outlok.com outloo.com", "outlook.com"),
            ("iclud.com icoud.com", "icloud.com"),
            ("protonmail.comm", "protonmail.com"),
        ] {
            for slip in slips.split(' ') {
                assert_eq!(suggested(slip), Some((meant, Confidence::High)), "{slip}");
            }
        }
    }

    #[test]
    fn what_may_be_somebodys_own_is_not_sure() {
        for (domain, meant) in [
            ("gmail.co", "gmail.com"),
            ("gmail.cm", "gmail.com"),
            ("gmail.om", "gmail.com"),
            ("hotmail.co", "hotmail.com"),
            ("aol.co", "aol.com"),
            ("wbe.de", "web.de"),
            ("t-onlin.de", "t-online.de"),
            ("comcat.net", "comcast.net"),
            ("g-mail.com", "gmail.com"),
            ("gnaill.com", "gmail.com"),
        ] {
            assert_eq!(suggested(domain), Some((meant, Confidence::Low)), "{domain}");
        }
    }

    #[test]
    fn real_and_far_domains_are_left_alone() {
        for domain in [
            "gmail.com",
            "mail.com",
            "ymail.com",
            "gmx.com",
            "email.com",
            "hotmail.co.uk",
            "yahoo.co.jp",
            "gmx.ch",
            "outlook.fr",
            "live.fr",
            "quist.se",
            "a.b",
            "com",
            "",
            "xn--bcher-kva.ch",
            "we.dk",
        ] {
            assert_eq!(suggested(domain), None, "{domain}");
        }
        // Two edits are too many for a short name.
        assert_eq!(suggested("wx.de"), None);
    }

    #[test]
    fn the_lists_do_not_contradict_each_other() {
        for domain in FREQUENT {
            assert!(!holds(&REAL, domain), "{domain}");
        }
        for (meant, slips) in NAMES {
            assert!(FREQUENT.contains(meant));
            for slip in *slips {
                let domain = format!("{slip}.com");
                assert!(!holds(&REAL, &domain) && !FREQUENT.contains(&&*domain), "{domain}");
            }
        }
    }
}
