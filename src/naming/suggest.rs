//! Did you mean: the terms closest to what was written.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::diagnostic::Applicability;
use super::template::Template;
use super::text::fold;
use super::vocabulary::VocabTerm;

const MAX_SUGGESTIONS: usize = 3;
/// Longer texts are no slip of the pen of a term, which has 48 characters at most.
const MAX_CHARS: usize = 52;

/// A term close to what was written.
pub(super) struct Near<'v> {
    pub(super) term: &'v VocabTerm,
    pub(super) applicability: Applicability,
    distance: usize,
    likeness: f64,
}

impl Near<'_> {
    fn order(&self, other: &Self) -> Ordering {
        self.distance.cmp(&other.distance).then(other.likeness.total_cmp(&self.likeness))
    }

    /// What else the term is called, as far as it helps to choose.
    pub(super) fn same_as(&self) -> Option<String> {
        let others: Vec<&str> = self.term.long.iter().chain(&self.term.synonyms).take(2).map(String::as_str).collect();
        (!others.is_empty()).then(|| others.join(", "))
    }
}

/// The terms that may stand there and are closest to `key`, a match key; at most three, the closest first.
pub(super) fn near_terms<'v>(key: &str, template: &'v Template, takes: impl Fn(&VocabTerm) -> bool) -> Vec<Near<'v>> {
    let chars = key.chars().count();
    if chars > MAX_CHARS {
        return Vec::new();
    }
    let mut best: BTreeMap<usize, Near<'v>> = BTreeMap::new();
    let letters = Letters::of(key);
    for (spelling, known, term) in template.spellings().filter(|(_, _, term)| takes(term)) {
        let place = known.at;
        if !letters.may_be_near(&known.letters) {
            continue;
        }
        let Some((distance, likeness)) = compare(key, spelling) else { continue };
        let near = Near { term, applicability: Applicability::Guess, distance, likeness };
        let closer = best.get(&place).is_none_or(|other| near.order(other).is_lt());
        if closer {
            best.insert(place, near);
        }
    }
    // The map has the order of the vocabulary, and the sort keeps it where nothing else decides.
    let mut near: Vec<Near<'v>> = best.into_values().collect();
    near.sort_by(Near::order);
    let alone = near.get(1).is_none_or(|second| second.distance > 2);
    for (at, near) in near.iter_mut().enumerate() {
        near.applicability = match near.distance {
            // One slip in a word long enough, and nothing else it could have been.
            1 if at == 0 && alone && chars >= 5 => Applicability::Certain,
            0..=2 => Applicability::Likely,
            _ => Applicability::Guess,
        };
    }
    near.truncate(MAX_SUGGESTIONS);
    near
}

/// The texts closest to `text`; at most three.
pub(super) fn near_texts<'v>(text: &str, texts: &'v [String]) -> Vec<&'v str> {
    let key = fold(text);
    if key.chars().count() > MAX_CHARS {
        return Vec::new();
    }
    let close =
        texts.iter().filter_map(|text| compare(&key, &fold(text)).map(|(distance, _)| (distance, text.as_str())));
    let mut near: Vec<(usize, &str)> = close.collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().take(MAX_SUGGESTIONS).map(|(_, text)| text).collect()
}

/// How often each letter stands in a text, letters in 32 groups: tells cheaply of most texts that they are not close.
#[derive(Clone, Debug)]
pub(super) struct Letters {
    counts: [u8; 32],
    letters: usize,
    spaces: usize,
}

impl Letters {
    pub(super) fn of(text: &str) -> Self {
        let mut all = Self { counts: [0; 32], letters: 0, spaces: 0 };
        for c in text.chars() {
            if c == ' ' {
                all.spaces += 1;
            } else if let Some(count) = all.counts.get_mut(c as usize % 32) {
                *count = count.saturating_add(1);
                all.letters += 1;
            }
        }
        all
    }

    /// Whether [`compare`] can find both close. Never `false` of texts that are: what both do not share must be changed,
    /// three letters at most; and a Jaro-Winkler likeness of 0.90 needs a Jaro likeness of 0.83, for which the shares
    /// of common characters add up to 1.5 at least.
    fn may_be_near(&self, other: &Self) -> bool {
        let both = self.counts.iter().zip(&other.counts);
        let shared: usize = both.map(|(a, b)| usize::from(*a.min(b))).sum();
        if self.letters.max(other.letters) - shared <= 3 {
            return true;
        }
        let (one, two) = (self.letters + self.spaces, other.letters + other.spaces);
        2 * (shared + self.spaces.min(other.spaces)) * (one + two) >= 3 * one * two
    }
}

/// Distance and likeness of two folded texts when they are close enough to be meant for one another.
fn compare(written: &str, spelling: &str) -> Option<(usize, f64)> {
    let likeness = || strsim::jaro_winkler(written, spelling);
    // Words run together or torn apart count as one slip.
    if without_spaces(written).eq(without_spaces(spelling)) {
        return Some((1, likeness()));
    }
    let (long, other) = (written.chars().count(), spelling.chars().count());
    let allowed = (long / 3).clamp(1, 3);
    let distance = if long.abs_diff(other) <= 3 { strsim::osa_distance(written, spelling) } else { usize::MAX };
    if distance <= allowed {
        return Some((distance, likeness()));
    }
    let same_start = written.chars().next() == spelling.chars().next();
    same_start.then(likeness).filter(|likeness| *likeness >= 0.90).map(|likeness| (distance, likeness))
}

fn without_spaces(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| *c != ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest(key: &str) -> Vec<(String, Applicability)> {
        let template = Template::pipe_default();
        let near = near_terms(key, &template, |_| true);
        near.into_iter().map(|near| (near.term.canonical.clone(), near.applicability)).collect()
    }

    #[test]
    fn finds_what_was_meant() {
        for (key, canonical) in
            [("purhc", "Purch"), ("cart abadnon", "Cart Abandon"), ("cartabandon", "Cart Abandon"), ("un sub", "Unsub")]
        {
            assert_eq!(nearest(key)[0], (canonical.to_owned(), Applicability::Certain), "{key}");
        }
    }

    #[test]
    fn short_or_ambiguous_words_are_only_guessed_at() {
        assert!(nearest("lea").iter().all(|(_, sure)| *sure < Applicability::Certain));
        assert!(nearest("hc").iter().all(|(_, sure)| *sure < Applicability::Certain));
        assert_eq!(nearest("gardening"), []);
        assert_eq!(nearest(&"cart abandon ".repeat(20)), []);
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { cases: 256, failure_persistence: None, ..Default::default() })]

        #[test]
        fn letters_rule_out_nothing_that_is_close(at in 0_usize..80, cut in 0_usize..12, put in "[a-f é]{0,4}", end in 0_usize..12) {
            let template = Template::pipe_default();
            let spelling = template.spellings().nth(at).map(|(key, ..)| key.to_owned()).unwrap();
            let mut slip: Vec<char> = spelling.chars().collect();
            let (cut, end) = (cut.min(slip.len()), end.min(slip.len()));
            slip.splice(cut.min(end)..(cut.min(end) + 2).min(slip.len()), put.chars());
            let slip: String = slip.into_iter().collect();
            for (key, ..) in template.spellings().filter(|(key, ..)| compare(&slip, key).is_some()) {
                assert!(Letters::of(&slip).may_be_near(&Letters::of(key)), "{slip:?} {key:?}");
            }
        }
    }

    #[test]
    fn texts_of_a_list() {
        let allow = ["CI".to_owned(), "BrandX".to_owned()];
        assert_eq!(near_texts("brnadx", &allow), ["BrandX"]);
        assert!(near_texts("zz", &allow).is_empty());
    }
}
