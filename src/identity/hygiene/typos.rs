//! Domains that are likely a slip of the keyboard.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How sure a correction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TypoConfidence {
    /// A known slip that is nobody's mail domain.
    High,
    /// One or two keys beside a frequent domain, and rare beside it in the same file.
    Likely,
}

struct Suggestion {
    domain: &'static str,
    confidence: TypoConfidence,
}

/// What the domain was likely meant to be.
fn suggest_domain(domain: &str) -> Option<Suggestion> {
    if REAL.contains(&domain) || FREQUENT.contains(&domain) {
        return None;
    }
    if let Some((_, meant)) = KNOWN.iter().find(|(typo, _)| *typo == domain) {
        return Some(Suggestion { domain: meant, confidence: TypoConfidence::High });
    }
    let reach = if domain.len() >= 9 { 2 } else { 1 };
    let near = |meant: &&&'static str| {
        meant.len().abs_diff(domain.len()) <= reach && strsim::osa_distance(domain, meant) <= reach
    };
    let meant = FREQUENT.iter().find(near)?;
    Some(Suggestion { domain: meant, confidence: TypoConfidence::Likely })
}

/// The most frequent domains of consumers' addresses.
const FREQUENT: &[&str] = &[
    "gmail.com",
    "yahoo.com",
    "hotmail.com",
    "outlook.com",
    "icloud.com",
    "aol.com",
    "googlemail.com",
    "live.com",
    "msn.com",
    "me.com",
    "mac.com",
    "comcast.net",
    "verizon.net",
    "att.net",
    "sbcglobal.net",
    "bellsouth.net",
    "cox.net",
    "charter.net",
    "protonmail.com",
    "proton.me",
    "yahoo.co.uk",
    "hotmail.co.uk",
    "btinternet.com",
    "sky.com",
    "virginmedia.com",
    "gmx.de",
    "gmx.net",
    "web.de",
    "t-online.de",
    "freenet.de",
    "hotmail.de",
    "yahoo.de",
    "outlook.de",
    "orange.fr",
    "wanadoo.fr",
    "free.fr",
    "sfr.fr",
    "laposte.net",
    "hotmail.fr",
    "yahoo.fr",
    "libero.it",
    "tiscali.it",
    "virgilio.it",
    "hotmail.it",
    "yahoo.it",
    "hotmail.es",
    "yahoo.es",
    "telefonica.net",
    "bluewin.ch",
    "uol.com.br",
    "bol.com.br",
    "hotmail.com.br",
    "yahoo.com.br",
    "yahoo.co.jp",
    "yahoo.co.in",
    "rediffmail.com",
    "qq.com",
    "163.com",
    "mail.ru",
    "yandex.ru",
    "ymail.com",
    "rocketmail.com",
];

/// Domains near a frequent one that are mail domains themselves.
const REAL: &[&str] = &[
    "mail.com",
    "email.com",
    "gmx.com",
    "gmx.at",
    "gmx.ch",
    "ymail.com",
    "live.de",
    "live.fr",
    "live.it",
    "live.nl",
    "live.se",
    "live.dk",
    "live.ca",
    "live.cn",
    "line.com",
    "126.com",
    "139.com",
    "list.ru",
    "bk.ru",
    "inbox.ru",
    "hotmail.nl",
    "hotmail.se",
    "hotmail.be",
    "hotmail.ch",
    "hotmail.dk",
    "outlook.fr",
    "outlook.es",
    "outlook.it",
    "yahoo.ca",
    "yahoo.in",
    "yahoo.se",
    "yahoo.dk",
    "yahoo.gr",
    "yahoo.ie",
    "ya.ru",
    "fmail.com",
    "vmail.com",
];

const KNOWN: &[(&str, &str)] = &[
    ("gmial.com", "gmail.com"),
    ("gmal.com", "gmail.com"),
    ("gmai.com", "gmail.com"),
    ("gamil.com", "gmail.com"),
    ("gnail.com", "gmail.com"),
    ("gmaill.com", "gmail.com"),
    ("gmail.con", "gmail.com"),
    ("gmail.cm", "gmail.com"),
    ("gmail.om", "gmail.com"),
    ("gmail.comm", "gmail.com"),
    ("hotmial.com", "hotmail.com"),
    ("hotmal.com", "hotmail.com"),
    ("hotmai.com", "hotmail.com"),
    ("hotmil.com", "hotmail.com"),
    ("hotmail.con", "hotmail.com"),
    ("yaho.com", "yahoo.com"),
    ("yahooo.com", "yahoo.com"),
    ("yhoo.com", "yahoo.com"),
    ("yahoo.con", "yahoo.com"),
    ("outlok.com", "outlook.com"),
    ("outloo.com", "outlook.com"),
    ("outlook.con", "outlook.com"),
    ("iclud.com", "icloud.com"),
    ("icoud.com", "icloud.com"),
    ("icloud.con", "icloud.com"),
    ("aol.con", "aol.com"),
];

/// How many typed domains are counted one by one; there are not many more within two keys of a frequent one.
const MOST: usize = 4_096;
/// A likely slip is at least this much rarer than what it was meant to be.
const RARER: u64 = 500;

#[derive(Clone, Debug, Default)]
pub(super) struct Typos {
    frequent: BTreeMap<&'static str, u64>,
    found: BTreeMap<Box<str>, (&'static str, TypoConfidence, u64)>,
    /// Domains looked at without a finding, so that they are looked at once. A cache: it changes no count.
    fine: std::collections::HashSet<Box<str>>,
}

/// One typed domain that was likely meant to be another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TypoCount {
    /// The domain as it stands in the addresses.
    pub domain: String,
    /// What it was likely meant to be.
    pub suggestion: String,
    /// How sure that is.
    pub confidence: TypoConfidence,
    /// Addresses with the domain.
    pub addresses: u64,
}

impl Typos {
    /// Counts the domain of a canonical address.
    pub(super) fn count(&mut self, domain: &str) {
        if let Some(name) = FREQUENT.iter().find(|name| **name == domain) {
            *self.frequent.entry(name).or_default() += 1;
        } else if let Some((_, _, count)) = self.found.get_mut(domain) {
            *count += 1;
        } else if !self.fine.contains(domain) {
            match suggest_domain(domain) {
                Some(Suggestion { domain: meant, confidence }) if self.found.len() < MOST => {
                    self.found.insert(domain.into(), (meant, confidence, 1));
                }
                _ if self.fine.len() < MOST => drop(self.fine.insert(domain.into())),
                _ => {}
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (name, count) in &other.frequent {
            *self.frequent.entry(name).or_default() += count;
        }
        for (domain, (meant, confidence, count)) in &other.found {
            if self.found.len() < MOST || self.found.contains_key(domain) {
                self.found.entry(domain.clone()).or_insert((meant, *confidence, 0)).2 += count;
            }
        }
    }

    /// The known slips, and the likely ones that are rare beside what they were meant to be; the most frequent first.
    pub(super) fn report(&self) -> Vec<TypoCount> {
        let is_rare = |meant: &str, count: u64| {
            count.saturating_mul(RARER) < self.frequent.get(meant).copied().unwrap_or_default()
        };
        let mut typos: Vec<TypoCount> = self
            .found
            .iter()
            .filter(|(_, (meant, confidence, count))| *confidence == TypoConfidence::High || is_rare(meant, *count))
            .map(|(domain, (meant, confidence, count))| TypoCount {
                domain: domain.to_string(),
                suggestion: (*meant).to_owned(),
                confidence: *confidence,
                addresses: *count,
            })
            .collect();
        typos.sort_by(|a, b| b.addresses.cmp(&a.addresses).then_with(|| a.domain.cmp(&b.domain)));
        typos
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(domains: &[(&str, u64)]) -> Typos {
        let mut typos = Typos::default();
        for (domain, times) in domains {
            (0..*times).for_each(|_| typos.count(domain));
        }
        typos
    }

    #[test]
    fn a_likely_slip_has_to_be_rare_beside_its_target() {
        // 1/500 of 1,001 is just above 2.
        let rare = of(&[("gmail.com", 1_001), ("gmaik.com", 2), ("gmial.com", 1)]).report();
        let told: Vec<_> = rare.iter().map(|it| (&*it.domain, &*it.suggestion, it.confidence, it.addresses)).collect();
        assert_eq!(
            told,
            [
                ("gmaik.com", "gmail.com", TypoConfidence::Likely, 2),
                ("gmial.com", "gmail.com", TypoConfidence::High, 1)
            ]
        );
        assert!(of(&[("gmail.com", 1_000), ("gmaik.com", 2)]).report().is_empty());
        assert!(of(&[("gmaik.com", 1)]).report().is_empty());
    }

    #[test]
    fn real_domains_are_no_slips() {
        let real = of(&[("gmail.com", 10_000), ("mail.com", 1), ("ymail.com", 1), ("gmx.com", 1), ("quist.se", 1)]);
        assert!(real.report().is_empty());
    }

    #[test]
    fn parts_are_put_together() {
        let mut left = of(&[("gmail.com", 600)]);
        left.merge(&of(&[("gmail.com", 600), ("gmaik.com", 2)]));
        assert_eq!(left.report()[0].addresses, 2);
    }
}
