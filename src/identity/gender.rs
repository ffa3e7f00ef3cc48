//! Genders.

use super::clean::{self, clean};
use super::reject::{Notes, Reject};

// One word each; `1` and `2` mean the one here and the other there, and are never read.
const MALE: &[&str] =
    &["m", "male", "man", "boy", "mr", "mr.", "homme", "mann", "hombre", "masculino", "uomo", "männlich", "男"];
const FEMALE: &[&str] = &[
    "f", "female", "woman", "girl", "mrs", "mrs.", "ms", "ms.", "miss", "femme", "frau", "mujer", "femenino", "donna",
    "weiblich", "女",
];

/// A gender: `m` or `f`. What is neither is missing: every platform here knows the two alone, and a wrong one costs the
/// match.
pub(super) fn canonical_gender(text: &str) -> Result<(Box<str>, Notes), Reject> {
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
    let word = clean::lower_nfc(text.into_owned(), &mut notes);
    if MALE.contains(&&*word) {
        Ok(("m".into(), notes))
    } else if FEMALE.contains(&&*word) {
        Ok(("f".into(), notes))
    } else {
        Err(Reject::Missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gender(text: &str) -> Result<String, Reject> {
        canonical_gender(text).map(|(text, _)| text.into())
    }

    #[test]
    fn words_of_several_languages_are_read_and_nothing_is_guessed() {
        for (word, letter) in [("Female", "f"), (" M ", "m"), ("Ms.", "f"), ("FRAU", "f"), ("男", "m"), ("uomo", "m")]
        {
            assert_eq!(gender(word).as_deref(), Ok(letter), "{word}");
        }
        for word in ["", "1", "2", "x", "d", "divers", "non-binary", "fem ale"] {
            assert_eq!(gender(word), Err(Reject::Missing), "{word}");
        }
        assert_eq!(gender("unknown"), Err(Reject::Placeholder));
    }
}
