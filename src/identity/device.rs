//! Advertising ids of mobile devices.

use unicode_normalization::UnicodeNormalization as _;

use super::clean::{self, clean};
use super::reject::{Notes, Reject};

const INPUT_LIMIT: usize = 256;

/// An advertising id: a UUID in lower case with its hyphens.
pub(super) fn canonical_device_id(text: &str) -> Result<(Box<str>, Notes), Reject> {
    if text.len() > INPUT_LIMIT {
        return Err(Reject::TooLong);
    }
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
    let hex = hex_digits(&text, &mut notes).ok_or(Reject::BadDeviceId)?;
    if hex.bytes().all(|byte| byte == b'0') {
        return Err(Reject::LimitedAdTracking);
    }
    if hex.bytes().all(|byte| hex.as_bytes().first() == Some(&byte)) {
        return Err(Reject::Placeholder);
    }
    let mut id = String::with_capacity(36);
    for (index, digit) in hex.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            id.push('-');
        }
        id.push(digit);
    }
    Ok((id.into(), notes))
}

/// The 32 digits in lower case, of a text with all four hyphens or none.
fn hex_digits(text: &str, notes: &mut Notes) -> Option<String> {
    let folded: String = text.nfkc().filter(|c| *c != ' ').collect();
    notes.add_if(!text.is_ascii(), Notes::WIDTH_FOLDED);
    notes.add_if(text.contains(' '), Notes::SPACE_REMOVED);
    let bare = folded.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(&folded);
    notes.add_if(bare.len() < folded.len(), Notes::UNWRAPPED);
    let hyphens: Vec<_> = bare.match_indices('-').map(|(index, _)| index).collect();
    if !hyphens.is_empty() && hyphens != [8, 13, 18, 23] {
        return None;
    }
    notes.add_if(bare.bytes().any(|byte| byte.is_ascii_uppercase()), Notes::LOWERCASED);
    let hex: String = bare.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    (hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Result<String, Reject> {
        canonical_device_id(text).map(|(text, _)| text.into())
    }

    #[test]
    fn ids_are_lower_case_with_hyphens() {
        let canonical = "aebe52e7-03ee-455a-b3c4-e57283966239";
        for text in [
            "AEBE52E7-03EE-455A-B3C4-E57283966239",
            " aebe52e703ee455ab3c4e57283966239 ",
            "{AEBE52E7-03EE-455A-B3C4-E57283966239}",
            "ＡEBE52E7-03EE-455A-B3C4-E57283966239",
        ] {
            assert_eq!(id(text).as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn zeros_fillers_and_other_ids_are_told_apart() {
        assert_eq!(id("00000000-0000-0000-0000-000000000000"), Err(Reject::LimitedAdTracking));
        assert_eq!(id("00000000000000000000000000000000"), Err(Reject::LimitedAdTracking));
        assert_eq!(id("ffffffff-ffff-ffff-ffff-ffffffffffff"), Err(Reject::Placeholder));
        for bad in
            ["9774d56d682e549c", "aebe52e703ee-455ab3c4e57283966239", "gebe52e7-03ee-455a-b3c4-e57283966239", "é"]
        {
            assert_eq!(id(bad), Err(Reject::BadDeviceId), "{bad}");
        }
        assert_eq!(id(&"a1".repeat(32)), Err(Reject::HashedInPlain));
    }
}
