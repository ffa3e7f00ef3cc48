//! A host's own set of domains.

use std::collections::HashSet;
use std::fmt;

use super::marks::parents;
use crate::identity::reject::Notes;

/// A set of domains, each with all below it: what the host has instead of the built-in list of disposable ones.
///
/// `Debug` shows how many there are.
///
/// ```
/// use std::sync::LazyLock;
///
/// use audience_sync::identity::{Canonicalizer, DomainList};
///
/// // One domain a line; empty lines and lines that begin with `#` do not count.
/// static DISPOSABLE: LazyLock<DomainList> = LazyLock::new(|| DomainList::parse("# ours\nmailinator.com\n"));
///
/// let canonicalizer = Canonicalizer::new().with_disposable_domains(&DISPOSABLE);
/// assert!(DISPOSABLE.contains("eu.mailinator.com") && !DISPOSABLE.contains("quist.se"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DomainList(HashSet<Box<str>>);

impl DomainList {
    /// Reads a list of one domain a line. Upper case, dots at the ends, `@` and `*.` before a domain do not matter;
    /// what follows a `#` is a comment. Domains outside ASCII are written in their ASCII form (`xn--`).
    pub fn parse(text: &str) -> Self {
        text.lines().map(|line| line.split_once('#').map_or(line, |(domain, _)| domain)).collect()
    }

    /// Whether the domain of a canonical address, or a parent of it, is in the list.
    pub fn contains(&self, domain: &str) -> bool {
        parents(domain).any(|parent| self.0.contains(parent))
    }

    /// How many domains there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none: nothing is noted as disposable then.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<S: AsRef<str>> FromIterator<S> for DomainList {
    fn from_iter<I: IntoIterator<Item = S>>(domains: I) -> Self {
        let bare = |domain: S| {
            let domain = domain.as_ref().trim().trim_start_matches(['*', '@', '.']).trim_end_matches('.');
            (!domain.is_empty()).then(|| domain.to_ascii_lowercase().into())
        };
        Self(domains.into_iter().filter_map(bare).collect())
    }
}

impl fmt::Debug for DomainList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DomainList({} domains)", self.0.len())
    }
}

/// The notes of a canonical address, with [`Notes::DISPOSABLE`] by `list` in place of the built-in one.
pub(in crate::identity) fn note_disposable(list: &DomainList, address: &str, notes: Notes) -> Notes {
    let mut notes = notes.without(Notes::DISPOSABLE);
    notes.add_if(address.rsplit_once('@').is_some_and(|(_, domain)| list.contains(domain)), Notes::DISPOSABLE);
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_by_lines_and_holds_what_is_below_its_domains() {
        let list = DomainList::parse("# ours\n\nMailinator.com.\n *.grr.la # both\n@web.de\r\n");
        assert_eq!(list.len(), 3);
        for domain in ["mailinator.com", "a.b.mailinator.com", "grr.la", "web.de"] {
            assert!(list.contains(domain), "{domain}");
        }
        for domain in ["notmailinator.com", "com", "mailinator.com.br", ""] {
            assert!(!list.contains(domain), "{domain}");
        }
        assert_eq!(format!("{list:?}"), "DomainList(3 domains)");
        assert!(DomainList::default().is_empty());
    }
}
