//! Countries.

mod names;

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use self::names::COUNTRIES;
use super::clean::{self, clean};
use super::region::{Region, RegionHint};
use super::reject::{Notes, Reject};

const INPUT_LIMIT: usize = 128;

/// A country as its ISO 3166-1 alpha-2 code, upper case.
pub(super) fn canonical_country(text: &str) -> Result<(Box<str>, Notes), Reject> {
    if text.len() > INPUT_LIMIT {
        return Err(Reject::TooLong);
    }
    let (cleaned, mut notes) = clean(text);
    if cleaned.is_empty() {
        return Err(Reject::Missing);
    }
    // `NA` is Namibia here, so the codes come before the null-like words.
    let Some(region) = read(&cleaned) else {
        return Err(if clean::is_null_like(&cleaned) {
            Reject::Placeholder
        } else if clean::looks_hashed(&cleaned) {
            Reject::HashedInPlain
        } else {
            Reject::UnknownCountry
        });
    };
    notes.add_if(!cleaned.is_ascii() && Region::read(&cleaned).is_none(), Notes::WIDTH_FOLDED);
    Ok((region.as_str().into(), notes))
}

impl RegionHint {
    /// What a cell of a country column says.
    pub(super) fn read(text: &str) -> Self {
        let text = text.trim();
        // `NA` is Namibia here, so the codes come before the null-like words.
        match read(text) {
            Some(region) => Self::Known(region),
            None if clean::is_null_like(text) => Self::Unset,
            None => Self::Unreadable,
        }
    }
}

/// The country of a code or a name. By the table alone: nothing is guessed from the beginning of a word or from words
/// within.
pub(super) fn read(text: &str) -> Option<Region> {
    Region::read(text).or_else(|| {
        let key = key(text);
        // Two letters of full width, and `U.K.`.
        Region::read(&key).or_else(|| BY_NAME.get(key.as_str()).copied())
    })
}

/// Lower case without marks, commas and full stops, single spaces, `&` as `and`.
fn key(text: &str) -> String {
    let plain: String = text
        .nfkd()
        .filter(|c| !is_combining_mark(*c) && !matches!(c, '.' | ','))
        .map(|c| if c == '’' { '\'' } else { c })
        .collect();
    let mut key = String::with_capacity(plain.len());
    for word in clean::lower(&plain).split_whitespace() {
        if !key.is_empty() {
            key.push(' ');
        }
        key.push_str(if word == "&" { "and" } else { word });
    }
    key
}

static BY_NAME: LazyLock<HashMap<String, Region>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    for line in COUNTRIES {
        let mut forms = line.split('|');
        if let Some(region) = forms.next().and_then(Region::read) {
            names.extend(forms.map(|form| (key(form), region)));
        }
    }
    names
});

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn country(text: &str) -> Result<String, Reject> {
        canonical_country(text).map(|(code, _)| code.into())
    }

    #[test]
    fn codes_and_names_are_one_code() {
        for (text, code) in [
            (" de ", "DE"),
            ("DEU", "DE"),
            ("276", "DE"),
            ("Germany", "DE"),
            ("Deutschland", "DE"),
            ("UK", "GB"),
            ("U.K.", "GB"),
            ("EL", "GR"),
            ("XK", "XK"),
            ("NA", "NA"),
            ("u.s.a.", "US"),
            ("United States  of America", "US"),
            ("Great Britain", "GB"),
            ("england", "GB"),
            ("Northern Ireland", "GB"),
            ("España", "ES"),
            ("ESPANA", "ES"),
            ("Holland", "NL"),
            ("Korea", "KR"),
            ("South Korea", "KR"),
            ("Korea, Republic of", "KR"),
            ("Czech Republic", "CZ"),
            ("Turkey", "TR"),
            ("Türkiye", "TR"),
            ("Swaziland", "SZ"),
            ("Macedonia", "MK"),
            ("Burma", "MM"),
            ("Ivory Coast", "CI"),
            ("Côte d’Ivoire", "CI"),
            ("Cape Verde", "CV"),
            ("UAE", "AE"),
            ("Hong Kong", "HK"),
            ("日本", "JP"),
            ("한국", "KR"),
            ("ＤＥ", "DE"),
            ("Trinidad & Tobago", "TT"),
        ] {
            assert_eq!(country(text).as_deref(), Ok(code), "{text}");
        }
    }

    #[test]
    fn nothing_is_guessed() {
        for text in ["Germ", "Germany!", "Georgia, USA", "ZZ", "000", "New York", "Deutsch", "en"] {
            assert_eq!(country(text), Err(Reject::UnknownCountry), "{text}");
        }
        assert_eq!(country(""), Err(Reject::Missing));
        assert_eq!(country("n/a"), Err(Reject::Placeholder));
    }

    #[test]
    fn every_code_has_a_line_and_no_name_has_two() {
        let mut seen: HashMap<String, &str> = HashMap::new();
        assert_eq!(COUNTRIES.len(), 250);
        for line in COUNTRIES {
            let code = line.split('|').next().unwrap();
            assert_eq!(country(code).as_deref(), Ok(code));
            for form in line.split('|').skip(1) {
                assert_eq!(country(form).as_deref(), Ok(code), "{form}");
                if let Some(other) = seen.insert(key(form), code) {
                    panic!("{form} stands for {other} and {code}");
                }
            }
        }
    }
}
