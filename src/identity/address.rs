//! Streets, cities and states. Postcodes and countries have files of their own.

mod postal;
mod states;

pub(super) use postal::canonical_postal;

use super::clean::{self, clean};
use super::reject::{Notes, Reject};

const CITY_LIMIT: usize = 256;
const STREET_LIMIT: usize = 512;

/// A city: composed, in lower case, single spaces.
pub(super) fn canonical_city(text: &str) -> Result<(Box<str>, Notes), Reject> {
    let (city, notes) = place(text, CITY_LIMIT)?;
    Ok((city.into(), notes))
}

/// A street with its number: as a city.
pub(super) fn canonical_street(text: &str) -> Result<(Box<str>, Notes), Reject> {
    let (street, notes) = place(text, STREET_LIMIT)?;
    Ok((street.into(), notes))
}

/// A state or province: the code in lower case where the country (ISO 3166-1 alpha-2) has a table here, and otherwise
/// the text in lower case without punctuation.
pub(super) fn canonical_region(text: &str, country: Option<&str>) -> Result<(Box<str>, Notes), Reject> {
    let (place, mut notes) = place(text, CITY_LIMIT)?;
    // Apostrophes and full stops stand inside words; the rest stands between them.
    let spaced: String = place
        .chars()
        .filter(|c| !matches!(c, '.' | '\'' | '‘' | '’' | '“' | '”' | '„'))
        .map(|c| if c.is_ascii_punctuation() { ' ' } else { c })
        .collect();
    let bare = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if bare.is_empty() {
        return Err(Reject::Missing);
    }
    let known = country
        .and_then(states::of)
        .and_then(|states| states.iter().find(|(code, name)| *code == bare || *name == bare));
    // What is left of `n/a` and its like must not pass as a name.
    if known.is_none() && clean::is_null_like(&bare) {
        return Err(Reject::Placeholder);
    }
    if clean::looks_hashed(&bare) {
        return Err(Reject::HashedInPlain);
    }
    notes.add_if(bare.len() < place.len(), Notes::SPACE_REMOVED);
    Ok((known.map_or(bare.as_str(), |(code, _)| code).into(), notes))
}

fn place(text: &str, limit: usize) -> Result<(String, Notes), Reject> {
    let (text, mut notes) = clean(text);
    let mut text = &*text;
    while let Some(inner) = clean::unquote(text) {
        text = inner;
        notes = notes.with(Notes::UNWRAPPED);
    }
    if text.is_empty() {
        return Err(Reject::Missing);
    }
    if text.len() > limit {
        return Err(Reject::TooLong);
    }
    if clean::is_null_like(text) {
        return Err(Reject::Placeholder);
    }
    if clean::looks_hashed(text) {
        return Err(Reject::HashedInPlain);
    }
    let collapsed = text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    notes.add_if(collapsed.len() < text.len(), Notes::SPACE_REMOVED);
    let place = clean::lower_nfc(collapsed, &mut notes);
    // Some letters are longer in lower case.
    if place.len() > limit { Err(Reject::TooLong) } else { Ok((place, notes)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(text: &str, country: &str) -> Result<String, Reject> {
        canonical_region(text, Some(country).filter(|it| !it.is_empty())).map(|(text, _)| text.into())
    }

    #[test]
    fn cities_are_composed_and_in_lower_case() {
        let city = |text: &str| canonical_city(text).map(|(text, _)| String::from(text));
        assert_eq!(city("  São  Paulo ").as_deref(), Ok("são paulo"));
        assert_eq!(city("MU\u{308}NCHEN").as_deref(), Ok("münchen"));
        assert_eq!(city("\"Saint-Denis\"").as_deref(), Ok("saint-denis"));
        assert_eq!(city("unknown"), Err(Reject::Placeholder));
        assert_eq!(city(" \u{200B}"), Err(Reject::Missing));
        assert_eq!(city(&"a".repeat(257)), Err(Reject::TooLong));
        assert_eq!(
            canonical_street("1  Rue de l’Église").map(|it| String::from(it.0)).as_deref(),
            Ok("1 rue de l’église")
        );
    }

    #[test]
    fn states_become_codes_where_the_country_has_some() {
        for (text, country, canonical) in [
            ("Texas", "US", "tx"),
            ("TX", "US", "tx"),
            ("N.Y.", "US", "ny"),
            ("District of Columbia", "US", "dc"),
            ("Puerto Rico", "US", "pr"),
            ("AE", "US", "ae"),
            ("Québec", "CA", "qc"),
            ("Prince Edward Island", "CA", "pe"),
            ("New South Wales", "AU", "nsw"),
            ("WA", "AU", "wa"),
            ("Baden-Württemberg", "DE", "baden württemberg"),
            ("Texas", "", "texas"),
            ("West Texas", "US", "west texas"),
            ("Provence-Alpes-Côte d'Azur", "FR", "provence alpes côte dazur"),
        ] {
            assert_eq!(region(text, country).as_deref(), Ok(canonical), "{text}");
        }
        assert_eq!(region("N/A", "US"), Err(Reject::Placeholder));
        assert_eq!(region("(none.)", "US"), Err(Reject::Placeholder));
        assert_eq!(region("!!", "US"), Err(Reject::Missing));
    }
}
