//! What every warehouse writes in the same way: times, decimals, JSON, hashes, the contract's words, and what may be
//! written at all.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::destination::{Action, Attributes, MemberId, Reason, RowOutcome, RunStatus};
use crate::identity::AttributeValue;
use crate::time::Timestamp;

/// The longest key or name, in bytes: the least of what the warehouses can search by (MySQL's `VARBINARY(255)`).
pub(crate) const MAX_KEY: usize = 255;

/// The moments that every warehouse can hold: the years 1 to 9999, without the last day, which `Timestamp` does not print
/// as a date.
const MOMENTS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_207_199_999;

/// The largest amount, in millionths, that 18 digits hold.
const MAX_MICROS: u64 = 999_999_999_999_999_999;

/// A moment as ISO 8601 in UTC with microseconds; `None` outside the years 1 to 9999.
#[cfg(any(test, feature = "sqlite"))]
pub(crate) fn moment(at: Timestamp) -> Option<String> {
    if !MOMENTS.contains(&at.as_millis()) {
        return None;
    }
    let mut text = at.to_string();
    text.pop();
    text.push_str("000Z");
    Some(text)
}

/// An amount in millionths as a decimal with six digits after the point; `None` above 18 digits.
#[cfg(any(test, feature = "sqlite"))]
pub(crate) fn decimal(micros: i64) -> Option<String> {
    let size = micros.unsigned_abs();
    let sign = if micros < 0 { "-" } else { "" };
    (size <= MAX_MICROS).then(|| format!("{sign}{}.{:06}", size / 1_000_000, size % 1_000_000))
}

/// Refuses a moment that not every warehouse can hold.
pub(crate) fn check_moment(at: Timestamp, field: &'static str) -> Result<(), RowOutcome> {
    if MOMENTS.contains(&at.as_millis()) {
        return Ok(());
    }
    Err(RowOutcome::rejected_field("out_of_range", field))
}

/// Refuses an amount, in millionths, that not every warehouse can hold.
pub(crate) fn check_decimal(micros: i64, field: &'static str) -> Result<(), RowOutcome> {
    if micros.unsigned_abs() <= MAX_MICROS {
        return Ok(());
    }
    Err(RowOutcome::rejected_field("out_of_range", field))
}

/// Attributes as a JSON object in name order; `None` when there are none.
pub(crate) fn json(attributes: &Attributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    // Texts, numbers and texts as keys: nothing of it can fail to be written.
    serde_json::to_string(&Object(attributes)).ok()
}

struct Object<'a>(&'a Attributes);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.iter() {
            match value {
                AttributeValue::Null => map.serialize_entry(name, &())?,
                AttributeValue::Bool(value) => map.serialize_entry(name, value)?,
                AttributeValue::Int(value) => map.serialize_entry(name, value)?,
                // A JSON number would pass through a binary float at most readers.
                AttributeValue::Decimal(value) => map.serialize_entry(name, value.as_str())?,
                AttributeValue::Text(value) => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

/// The SHA-256 of a text in lower-case hex.
pub(crate) fn sha256_hex(text: &str) -> String {
    const_hex::encode(Sha256::digest(text))
}

/// Feeds a text to a hash with its length before it, so that no two lists of texts feed the same bytes.
pub(crate) fn feed(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text);
}

/// Refuses a key or name that not every warehouse can hold.
pub(crate) fn check_key(value: &str, field: &'static str) -> Result<(), RowOutcome> {
    let code = match value {
        "" => "missing",
        long if long.len() > MAX_KEY => "too_long",
        other if other.contains('\0') => "nul_character",
        _ => return Ok(()),
    };
    Err(RowOutcome::rejected_field(code, field))
}

/// Refuses attributes that not every warehouse can hold: PostgreSQL takes no NUL, not even escaped in JSON.
pub(crate) fn check_attributes(attributes: &Attributes) -> Result<(), RowOutcome> {
    for (name, value) in attributes.iter() {
        let nul = name.contains('\0') || matches!(value, AttributeValue::Text(text) if text.contains('\0'));
        if nul {
            return Err(RowOutcome::rejected_field("nul_character", name.to_owned()));
        }
    }
    Ok(())
}

/// The key under which a refused member is logged: its own, or, when that cannot be stored, its hash.
pub(crate) fn loggable_key(member: &MemberId) -> std::borrow::Cow<'_, str> {
    match check_key(member.as_str(), "member_id") {
        Ok(()) => member.as_str().into(),
        Err(_) => format!("sha256:{}", sha256_hex(member.as_str())).into(),
    }
}

/// The contract's word for a reason. What is sent again after a failure is there because the source says so.
pub(crate) fn reason_word(reason: Reason) -> &'static str {
    match reason {
        Reason::Entered | Reason::Left | Reason::Changed | Reason::InDoubt | Reason::Retry => "query",
        Reason::Expired => "expired",
        Reason::Consent => "consent",
        Reason::HeldOut => "holdout",
        Reason::MappingChanged | Reason::Refresh => "resync",
    }
}

/// The contract's word for how a run ended. A plan that a guard refused was called off before anything was sent.
pub(crate) fn status_word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Success => "succeeded",
        RunStatus::Partial => "partial",
        RunStatus::Failed => "failed",
        RunStatus::Refused => "canceled",
    }
}

/// The contract's word for an action.
pub(crate) fn op_word(action: Action) -> &'static str {
    match action {
        Action::Add => "add",
        Action::Update => "change",
        Action::Remove => "remove",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Decimal;

    #[test]
    fn moments_have_microseconds_and_lie_between_the_years_1_and_9999() {
        let text = |millis| moment(Timestamp::from_millis(millis));
        assert_eq!(text(1_795_428_900_250).as_deref(), Some("2026-11-23T10:15:00.250000Z"));
        assert_eq!(text(-62_135_596_800_000).as_deref(), Some("0001-01-01T00:00:00.000000Z"));
        assert_eq!(text(253_402_207_199_999).as_deref(), Some("9999-12-30T21:59:59.999000Z"));
        for outside in [-62_135_596_800_001, 253_402_207_201_001, i64::MIN, i64::MAX] {
            assert_eq!(text(outside), None);
        }
    }

    #[test]
    fn amounts_are_exact() {
        for (micros, text) in [
            (0, "0.000000"),
            (19_990_000, "19.990000"),
            (-1, "-0.000001"),
            (-1_500_000, "-1.500000"),
            (999_999_999_999_999_999, "999999999999.999999"),
        ] {
            assert_eq!(decimal(micros).as_deref(), Some(text));
        }
        for outside in [1_000_000_000_000_000_000, i64::MIN, i64::MAX] {
            assert_eq!(decimal(outside), None);
        }
    }

    #[test]
    fn attributes_are_json_in_name_order() {
        let attributes = Attributes::new([
            ("tier".into(), "go\"ld\n".into()),
            ("score".into(), AttributeValue::from(Decimal::parse("12.30").unwrap())),
            ("orders".into(), i64::MAX.into()),
            ("active".into(), true.into()),
            ("city".into(), AttributeValue::Null),
        ]);
        assert_eq!(
            json(&attributes).as_deref(),
            Some(r#"{"active":true,"city":null,"orders":9223372036854775807,"score":"12.30","tier":"go\"ld\n"}"#)
        );
        assert_eq!(json(&Attributes::default()), None);
        assert_eq!(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn what_not_every_warehouse_can_hold_is_refused() {
        let refused = |value: &str| match check_key(value, "member_id") {
            Err(RowOutcome::Rejected { code, field }) => Some((code.into_owned(), field.unwrap().into_owned())),
            Err(_) => panic!("another outcome"),
            Ok(()) => None,
        };
        assert_eq!(refused(&"é".repeat(127)), None);
        assert_eq!(refused(&"é".repeat(128)).unwrap(), ("too_long".into(), "member_id".into()));
        assert_eq!(refused("").unwrap().0, "missing");
        assert_eq!(refused("a\0b").unwrap().0, "nul_character");

        let with = |value: &str| check_attributes(&Attributes::new([("tier".into(), value.into())]));
        assert_eq!(with("gold"), Ok(()));
        assert_eq!(with("a\0"), Err(RowOutcome::rejected_field("nul_character", "tier")));
    }

    #[test]
    fn a_key_that_cannot_be_stored_is_logged_as_its_hash() {
        assert_eq!(loggable_key(&MemberId::from("C-1")), "C-1");
        assert_eq!(
            loggable_key(&MemberId::from("")),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
