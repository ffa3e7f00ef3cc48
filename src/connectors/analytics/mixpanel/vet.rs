//! What is refused before anything is sent, because Mixpanel would refuse it, or take it and make nonsense of it.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::wire::LONGEST_TEXT;
use crate::destination::{MemberId, RowOutcome};
use crate::time::Timestamp;

/// Ids that Mixpanel refuses as the usual marks of a mistake, for `distinct_id` and `$insert_id` alike
/// (reference/import-events in mixpanel/docs, read November 2026). Compared as they stand there.
const FORBIDDEN_IDS: [&str; 17] = [
    "00000000-0000-0000-0000-000000000000",
    "anon",
    "anonymous",
    "nil",
    "none",
    "null",
    "n/a",
    "na",
    "undefined",
    "unknown",
    "<nil>",
    "0",
    "-1",
    "true",
    "false",
    "[]",
    "{}",
];

/// The longest `$insert_id`, in bytes (same page).
const LONGEST_INSERT_ID: usize = 36;

/// 1971-01-01: earlier times are refused (same page).
const EARLIEST: Timestamp = Timestamp::from_secs(31_536_000);

/// Later times than so far ahead are refused (same page).
const AHEAD: Duration = Duration::from_secs(3_600);

/// Whether a member's id can be a `distinct_id`.
///
/// An empty one is taken by Mixpanel and belongs to nobody; a longer one is cut, and two members could become one.
pub(super) fn member_id(id: &MemberId) -> Result<(), RowOutcome> {
    let id = id.as_str();
    if id.is_empty() {
        Err(RowOutcome::rejected_field("missing", "member_id"))
    } else if FORBIDDEN_IDS.contains(&id) {
        Err(RowOutcome::rejected_field("placeholder_id", "member_id"))
    } else if id.chars().count() > LONGEST_TEXT {
        Err(RowOutcome::rejected_field("too_long", "member_id"))
    } else {
        Ok(())
    }
}

/// Whether an event can have been at that time.
pub(super) fn time(time: Timestamp, now: Timestamp, field: &'static str) -> Result<(), RowOutcome> {
    if time < EARLIEST || time > now.plus(AHEAD) {
        return Err(RowOutcome::rejected_field("time_out_of_range", field));
    }
    Ok(())
}

/// An event's id as an `$insert_id`: itself where it may be one, otherwise 32 hex digits of its SHA-256.
pub(super) fn insert_id(event_id: &str) -> String {
    let plain = (1..=LONGEST_INSERT_ID).contains(&event_id.len())
        && event_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !FORBIDDEN_IDS.iter().any(|forbidden| forbidden.eq_ignore_ascii_case(event_id));
    if plain {
        return event_id.to_owned();
    }
    let mut hex = const_hex::encode(Sha256::digest(event_id));
    hex.truncate(32);
    hex
}
