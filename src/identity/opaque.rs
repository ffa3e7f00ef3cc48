//! Ids that platforms hand out: taken as they are, or refused.

use super::clean::{self, clean};
use super::kind::IdentifierKind;
use super::reject::{Notes, Reject};

const CLICK_LIMIT: usize = 1024;
const RAMP_LIMIT: usize = 256;
const HANDLE_LIMIT: usize = 64;
const USER_ID_LIMIT: usize = 512;

type Canonical = Result<(Box<str>, Notes), Reject>;

/// The text without white space at its edges; its inside is never touched.
fn opaque(text: &str, limit: usize, bad: Reject) -> Result<(&str, Notes), Reject> {
    let trimmed = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}');
    let mut notes = Notes::NONE;
    notes.add_if(trimmed.len() < text.len(), Notes::TRIMMED);
    if trimmed.is_empty() {
        return Err(Reject::Missing);
    }
    if clean::is_null_like(trimmed) {
        return Err(Reject::Placeholder);
    }
    if trimmed.len() > limit {
        return Err(Reject::TooLong);
    }
    if trimmed.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(bad);
    }
    Ok((trimmed, notes))
}

/// A click id: opaque, its case kept. Of Meta's `fbc` the form is known: `fb.<index>.<milliseconds>.<fbclid>`.
pub(super) fn canonical_click_id(kind: IdentifierKind, text: &str) -> Canonical {
    let (id, notes) = opaque(text, CLICK_LIMIT, Reject::BadClickId)?;
    if kind == IdentifierKind::Fbc && !is_fbc(id) {
        return Err(Reject::BadClickId);
    }
    Ok((id.into(), notes))
}

fn is_fbc(id: &str) -> bool {
    let mut parts = id.splitn(4, '.');
    let digits = |part: Option<&str>| {
        part.is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    parts.next() == Some("fb")
        && digits(parts.next())
        && digits(parts.next())
        && parts.next().is_some_and(|click| !click.is_empty())
}

/// A raw UID2 or EUID: 44 characters of base64, its case kept.
pub(super) fn canonical_uid(text: &str) -> Canonical {
    let (id, notes) = opaque(text, CLICK_LIMIT, Reject::NotRawUid)?;
    let letters = id.trim_end_matches('=');
    let base64 = letters.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    if id.len() == 44 && letters.len() >= 43 && base64 { Ok((id.into(), notes)) } else { Err(Reject::NotRawUid) }
}

/// A RampID: `X`, a letter for its type, and the rest, its case kept. The length is LiveRamp's to choose.
pub(super) fn canonical_ramp_id(text: &str) -> Canonical {
    let (id, notes) = opaque(text, RAMP_LIMIT, Reject::BadRampId)?;
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match id.as_bytes() {
        [b'X', letter, rest @ ..]
            if letter.is_ascii_alphabetic() && !rest.is_empty() && rest.iter().all(|it| word(*it)) =>
        {
            Ok((id.into(), notes))
        }
        _ => Err(Reject::BadRampId),
    }
}

/// The name of an account: lower case, without `@`.
pub(super) fn canonical_handle(text: &str) -> Canonical {
    let (text, mut notes) = clean(text);
    if clean::looks_hashed(&text) {
        return Err(Reject::HashedInPlain);
    }
    let name = text.trim_start_matches('@');
    if text.is_empty() || name.is_empty() {
        return Err(Reject::Missing);
    }
    if clean::is_null_like(name) {
        return Err(Reject::Placeholder);
    }
    let handle = clean::lower_nfc(name.to_owned(), &mut notes);
    if handle.len() > HANDLE_LIMIT {
        return Err(Reject::TooLong);
    }
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-') || is_mark(c);
    if handle.chars().all(allowed) { Ok((handle.into(), notes)) } else { Err(Reject::BadHandle) }
}

/// The dot that lower-casing `İ` leaves.
const fn is_mark(c: char) -> bool {
    c == '\u{307}'
}

/// The id of an account: trimmed, its case kept.
pub(super) fn canonical_platform_user_id(text: &str) -> Canonical {
    let (id, notes) = opaque(text, USER_ID_LIMIT, Reject::BadCharacter)?;
    Ok((id.into(), notes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn click_ids_are_opaque() {
        let click = |kind, text: &str| canonical_click_id(kind, text).map(|(id, _)| String::from(id));
        assert_eq!(click(IdentifierKind::Gclid, " Cj0K.Q-_aB\n").as_deref(), Ok("Cj0K.Q-_aB"));
        assert_eq!(click(IdentifierKind::Gclid, "Cj0 KQ"), Err(Reject::BadClickId));
        assert_eq!(click(IdentifierKind::Msclkid, "undefined"), Err(Reject::Placeholder));
        assert_eq!(click(IdentifierKind::Twclid, &"a".repeat(1025)), Err(Reject::TooLong));
        let fbc = "fb.1.1554763741205.IwAR2F4-dbP0l7Mn.1";
        assert_eq!(click(IdentifierKind::Fbc, fbc).as_deref(), Ok(fbc));
        for bad in ["IwAR2F4", "fb.1.1554763741205.", "fb.1.1554763741205", "FB.1.1.a", "fb.x.1.a"] {
            assert_eq!(click(IdentifierKind::Fbc, bad), Err(Reject::BadClickId), "{bad}");
            assert_eq!(click(IdentifierKind::Fbclid, bad).as_deref(), Ok(bad));
        }
    }

    #[test]
    fn raw_uids_have_44_characters_and_tokens_do_not() {
        let raw = "YhKT6ONeMDyvQPLzyLt3DyWDL4j9kMF1Ty4rHLt9l7w=";
        assert_eq!(&*canonical_uid(&format!(" {raw}")).unwrap().0, raw);
        assert!(canonical_uid(&raw.replace('=', "A")).is_ok());
        let token = raw.repeat(3);
        for bad in [&raw[1..], &token, &raw.replace('K', "-"), &raw.replace("w=", "=="), &raw.to_uppercase()[..43]] {
            assert_eq!(canonical_uid(bad), Err(Reject::NotRawUid), "{bad}");
        }
    }

    #[test]
    fn ramp_ids_begin_with_their_type() {
        let id = "XY1000bDaZQ0Yy_fR-UgJKVLbkLIZaFyKMQ99zrIvuSSnQ4Tg";
        assert_eq!(&*canonical_ramp_id(id).unwrap().0, id);
        for bad in ["Y1000", "X1000", "XY", "xY1000", "XY10 00", "XY10*"] {
            assert_eq!(canonical_ramp_id(bad), Err(Reject::BadRampId), "{bad}");
        }
    }

    #[test]
    fn handles_lose_the_at_and_their_case() {
        let handle = |text: &str| canonical_handle(text).map(|(text, _)| String::from(text));
        assert_eq!(handle(" @Nora_Quist ").as_deref(), Ok("nora_quist"));
        assert_eq!(handle("@"), Err(Reject::Missing));
        assert_eq!(handle("null"), Err(Reject::Placeholder));
        for bad in ["nora quist", "https://x.com/nora", "a@b"] {
            assert_eq!(handle(bad), Err(Reject::BadHandle), "{bad}");
        }
    }

    #[test]
    fn account_ids_keep_their_case() {
        assert_eq!(&*canonical_platform_user_id(" 27391011aB ").unwrap().0, "27391011aB");
        assert_eq!(canonical_platform_user_id("2 7"), Err(Reject::BadCharacter));
    }
}
