//! Sets of words known when the crate is built, asked about for every value.

/// How many words `text` holds.
pub(super) const fn count(text: &str) -> usize {
    let (bytes, mut index, mut words) = (text.as_bytes(), 0, 0);
    while index < bytes.len() {
        if !bytes[index].is_ascii_whitespace() && (index == 0 || bytes[index - 1].is_ascii_whitespace()) {
            words += 1;
        }
        index += 1;
    }
    words
}

/// The words of `text`. Does not build unless they are in ascending order.
pub(super) const fn sorted<const N: usize>(text: &'static str) -> [&'static str; N] {
    let (mut words, mut rest, mut taken) = ([""; N], text.trim_ascii(), 0);
    while taken < N {
        let mut end = 0;
        while end < rest.len() && !rest.as_bytes()[end].is_ascii_whitespace() {
            end += 1;
        }
        let (word, after) = rest.split_at(end);
        assert!(taken == 0 || is_before(words[taken - 1].as_bytes(), word.as_bytes()), "words are in ascending order");
        words[taken] = word;
        (rest, taken) = (after.trim_ascii_start(), taken + 1);
    }
    words
}

const fn is_before(left: &[u8], right: &[u8]) -> bool {
    let mut index = 0;
    while index < left.len() && index < right.len() {
        if left[index] != right[index] {
            return left[index] < right[index];
        }
        index += 1;
    }
    left.len() < right.len()
}

/// Declares a sorted list of words, separated by white space.
macro_rules! word_list {
    ($(#[$doc:meta])* $name:ident = $text:expr) => {
        $(#[$doc])*
        pub(super) static $name: [&str; crate::identity::email::words::count($text)] =
            crate::identity::email::words::sorted($text);
    };
}
pub(super) use word_list;

pub(super) fn holds(list: &[&str], word: &str) -> bool {
    list.binary_search(&word).is_ok()
}

const FILTER_BITS: u32 = 13;

/// Says of most words in a few cycles that they are in none of its lists.
pub(super) struct Filter([u64; 1 << (FILTER_BITS - 6)]);

impl Filter {
    pub(super) const fn of(lists: &[&[&str]]) -> Self {
        let mut bits = [0; 1 << (FILTER_BITS - 6)];
        let mut list = 0;
        while list < lists.len() {
            let mut word = 0;
            while word < lists[list].len() {
                let slot = slot(lists[list][word].as_bytes());
                bits[slot >> 6] |= 1 << (slot & 63);
                word += 1;
            }
            list += 1;
        }
        Self(bits)
    }

    /// Whether `word` may be in one of the lists; `false` is certain.
    pub(super) fn may_hold(&self, word: &[u8]) -> bool {
        let slot = slot(word);
        self.0.get(slot >> 6).is_none_or(|bits| bits >> (slot & 63) & 1 == 1)
    }
}

/// A number below 2^13 from the length and the ends of a word.
const fn slot(word: &[u8]) -> usize {
    let (head, tail) = match (word.first_chunk(), word.last_chunk()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => match (word.first_chunk(), word.last_chunk(), word) {
            (Some(head), Some(tail), _) => (u32::from_le_bytes(*head) as u64, u32::from_le_bytes(*tail) as u64),
            (_, _, [first, .., last]) => (*first as u64, *last as u64),
            (_, _, [only]) => (*only as u64, 0),
            _ => (0, 0),
        },
    };
    let mixed = (head ^ tail.rotate_left(29) ^ word.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> (64 - FILTER_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    word_list!(FEW = " a  bc\n\tbcd\nlonger-than-eight ");

    #[test]
    fn lists_are_split_and_searched() {
        assert_eq!(FEW, ["a", "bc", "bcd", "longer-than-eight"]);
        assert!(holds(&FEW, "bcd") && !holds(&FEW, "b") && !holds(&FEW, ""));
    }

    #[test]
    fn a_filter_never_denies_a_word_of_its_lists() {
        static FILTER: Filter = Filter::of(&[&FEW, &["", "mailinator.com"]]);
        for word in FEW.iter().chain(&["", "mailinator.com"]) {
            assert!(FILTER.may_hold(word.as_bytes()), "{word}");
        }
        let denied = (0..1000).filter(|n| !FILTER.may_hold(format!("word-{n}.com").as_bytes())).count();
        assert!(denied > 900, "{denied}");
    }
}
