//! Domains that are likely a slip of the keyboard.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::identity::email::{self, Confidence};

/// How many typed domains are counted one by one; there are not many more within two keys of a frequent one.
const MOST: usize = 4_096;
/// A likely slip is at least this much rarer than what it was meant to be.
const RARER: u64 = 500;

#[derive(Clone, Debug, Default)]
pub(super) struct Typos {
    frequent: BTreeMap<&'static str, u64>,
    found: BTreeMap<Box<str>, (&'static str, Confidence, u64)>,
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
    pub confidence: Confidence,
    /// Addresses with the domain.
    pub addresses: u64,
}

impl Typos {
    /// Counts the domain of a canonical address.
    pub(super) fn count(&mut self, domain: &str) {
        if let Some(name) = email::frequent(domain) {
            *self.frequent.entry(name).or_default() += 1;
        } else if let Some((_, _, count)) = self.found.get_mut(domain) {
            *count += 1;
        } else if !self.fine.contains(domain) {
            match email::suggest_domain(domain) {
                Some(meant) if self.found.len() < MOST => {
                    self.found.insert(domain.into(), (meant.domain, meant.confidence, 1));
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
            .filter(|(_, (meant, confidence, count))| *confidence == Confidence::High || is_rare(meant, *count))
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
        let rare = of(&[("gmail.com", 1_001), ("gmajl.com", 2), ("gmial.com", 1)]).report();
        let told: Vec<_> = rare.iter().map(|it| (&*it.domain, &*it.suggestion, it.confidence, it.addresses)).collect();
        assert_eq!(
            told,
            [("gmajl.com", "gmail.com", Confidence::Low, 2), ("gmial.com", "gmail.com", Confidence::High, 1)]
        );
        assert!(of(&[("gmail.com", 1_000), ("gmajl.com", 2)]).report().is_empty());
        assert!(of(&[("gmajl.com", 1)]).report().is_empty());
    }

    #[test]
    fn real_domains_are_no_slips() {
        let real = of(&[("gmail.com", 10_000), ("mail.com", 1), ("ymail.com", 1), ("gmx.com", 1), ("quist.se", 1)]);
        assert!(real.report().is_empty());
    }

    #[test]
    fn parts_are_put_together() {
        let mut left = of(&[("gmail.com", 600)]);
        left.merge(&of(&[("gmail.com", 600), ("gmajl.com", 2)]));
        assert_eq!(left.report()[0].addresses, 2);
    }
}
