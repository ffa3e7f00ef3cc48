//! What Meta's error replies mean.
//!
//! The body decides, then the status: Meta throttles with status 400 and reports its own faults with it.
//! Sources: Marketing API error codes and rate limits (developers.facebook.com, read 2026-11-23), and what published
//! connectors found in practice.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::api::Number;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::http::{Response, classify_status, json, retry_after};
use crate::time::Timestamp;

/// What to do about a code.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    /// Refused unprocessed, as too many: again after the announced wait.
    Throttled,
    /// A fault of Meta's that may have come after the work was done: again.
    Fault,
    /// Refused unprocessed for a state that passes: again after so many seconds.
    Busy(u64),
    /// Never as it is.
    Stop(ErrorKind),
}

/// One code, or one code with a subcode, of Meta's documentation.
pub(super) struct Meaning {
    pub(super) code: i64,
    /// `None` stands for every subcode without a line of its own.
    pub(super) subcode: Option<i64>,
    verdict: Verdict,
    /// What was found, and the next step.
    found: &'static str,
}

const fn any(code: i64, verdict: Verdict, found: &'static str) -> Meaning {
    Meaning { code, subcode: None, verdict, found }
}

const fn one(code: i64, subcode: i64, verdict: Verdict, found: &'static str) -> Meaning {
    Meaning { code, subcode: Some(subcode), verdict, found }
}

const CONFIG: Verdict = Verdict::Stop(ErrorKind::Config);
const DENIED: Verdict = Verdict::Stop(ErrorKind::PermissionDenied);
const ENDED: Verdict = Verdict::Stop(ErrorKind::Conflict);
const FAULT: Verdict = Verdict::Fault;
const GONE: Verdict = Verdict::Stop(ErrorKind::NotFound);
const TERMS: Verdict = Verdict::Stop(ErrorKind::TermsNotAccepted);
const THROTTLED: Verdict = Verdict::Throttled;
const TOKEN: Verdict = Verdict::Stop(ErrorKind::Unauthenticated);

pub(super) const TABLE: &[Meaning] = &[
    any(1, FAULT, "an unknown fault of its own"),
    one(1, 99, FAULT, "an unknown fault of its own, which too many rows at once cause as well"),
    any(2, FAULT, "a temporary fault of its own"),
    any(3, DENIED, "a capability missing; grant it to the app"),
    any(4, THROTTLED, "too many requests of this app"),
    any(10, DENIED, "a permission missing; grant `ads_management` to the token"),
    any(17, THROTTLED, "too many requests of this user"),
    any(32, THROTTLED, "too many requests for this page"),
    any(100, CONFIG, "a parameter it does not take"),
    one(100, 33, GONE, "no such object, or not for this token; look for a deleted audience or a missing right"),
    one(100, 1_713_230, CONFIG, "the audience blocked by an integrity restriction; appeal in Audience Manager"),
    one(100, 1_713_231, CONFIG, "the audience flagged by policy; appeal in Audience Manager"),
    any(102, TOKEN, "the session of the token ended; make a new token"),
    any(105, CONFIG, "too many parameters"),
    any(190, TOKEN, "an access token it does not take; make a new one for the system user"),
    one(190, 458, TOKEN, "the app removed by the token's user; install it again and make a new token"),
    one(190, 460, TOKEN, "the password of the token's user changed; make a new token"),
    one(190, 463, TOKEN, "the access token expired; make a new one, best for a system user"),
    one(190, 467, TOKEN, "the access token invalid; make a new one"),
    one(190, 492, TOKEN, "the session of the token not valid; make a new token"),
    any(194, CONFIG, "a required parameter missing"),
    any(200, DENIED, "a permission missing; make the system user advertiser or admin of the ad account"),
    one(200, 1_870_050, CONFIG, "the ad account not linked to the business; link it in the business settings"),
    one(200, 1_870_090, TERMS, "the Custom Audience terms not accepted; accept them for the owning business"),
    any(294, DENIED, "the permission `ads_management` missing; grant it to the token"),
    any(299, DENIED, "a permission missing; grant `ads_management` to the token"),
    any(341, Verdict::Busy(60), "the app's limit reached for now"),
    any(368, CONFIG, "the action blocked for a time as abusive; wait some hours"),
    any(613, THROTTLED, "too many requests"),
    one(613, 1_487_742, THROTTLED, "too many requests of this ad account"),
    any(2635, CONFIG, "an API version that is retired; set `api_version` to a current one"),
    any(2650, CONFIG, "an audience it cannot update: of another kind, or first filled in another form"),
    one(2650, 1_870_144, CONFIG, "an audience of 100 million people or more, which cannot be replaced"),
    one(2650, 1_870_145, Verdict::Busy(120), "another update of the audience in progress"),
    one(2650, 1_870_147, CONFIG, "the session's first batch not seen; number batches from 1"),
    one(2650, 1_870_148, FAULT, "the audience not fully updated"),
    one(2650, 1_870_158, ENDED, "the upload session timed out; the next run begins another"),
    one(2650, 1_870_159, ENDED, "the upload session finished; the next run begins another"),
    any(2654, CONFIG, "an audience it cannot create"),
    any(2655, TERMS, "the messaging terms not accepted; accept them in the business settings"),
    any(2663, TERMS, "the Custom Audience terms not accepted; accept them for the owning business"),
    any(5000, FAULT, "an internal fault of its own"),
    any(21_009, FAULT, "an internal fault of its own"),
    any(80_003, THROTTLED, "too many calls to this ad account's custom audiences"),
    any(80_004, THROTTLED, "too many calls to this ad account"),
    any(1_487_301, CONFIG, "the audience not shared with this ad account; use the account that owns it"),
    any(1_487_366, GONE, "the audience deleted"),
];

/// The meaning of a code with a subcode: its own line, else the code's, else a line that has the subcode as a code.
///
/// The last because Meta's seven-digit numbers are documented as codes and come as subcodes too. Smaller subcodes mean
/// other things than the codes of the same number.
fn meaning(code: i64, subcode: Option<i64>) -> Option<&'static Meaning> {
    let line = |code, subcode| TABLE.iter().find(|line| line.code == code && line.subcode == subcode);
    let long = subcode.filter(|number| *number > 999_999).and_then(|number| line(number, None));
    subcode.and_then(|_| line(code, subcode)).or(long).or_else(|| line(code, None))
}

#[derive(Deserialize)]
struct Envelope {
    error: Fault,
}

/// Meta's error object. Its texts are not read: they may quote what was sent.
#[derive(Deserialize)]
struct Fault {
    code: Number,
    #[serde(default)]
    error_subcode: Option<Number>,
    #[serde(default)]
    is_transient: Option<bool>,
}

/// Whether a reply is one of success: it has a 2xx status and no error object.
///
/// # Errors
/// What the error object says, or else the status. HTML and empty bodies come from something before Meta, so whether
/// the request was applied is not known.
pub(super) fn check(response: &Response, now: Timestamp) -> Result<()> {
    match json::<Envelope>(response) {
        Ok(Envelope { error }) => Err(classify(&error, response, now)),
        Err(_) if response.status.is_success() => Ok(()),
        Err(_) => Err(without_envelope(response, now)),
    }
}

/// A reply without the form that Meta documents: treated as a fault on the way, whatever was done.
pub(super) fn unreadable(message: &str) -> Error {
    Error::new(ErrorKind::Unavailable, message).with_retry(Retry::MaybeApplied)
}

fn classify(fault: &Fault, response: &Response, now: Timestamp) -> Error {
    let (code, subcode) = (fault.code.0, fault.error_subcode.map(|number| number.0).filter(|number| *number != 0));
    let shown = subcode.map_or_else(|| code.to_string(), |subcode| format!("{code}/{subcode}"));
    let known = meaning(code, subcode).map(|line| (line.verdict, line.found));
    let transient = code < 0 || fault.is_transient == Some(true);
    let (verdict, found) = match known {
        Some(known) => known,
        None if transient => (Verdict::Fault, "a temporary fault of its own"),
        None => match classify_status(response, now) {
            // A status that says no more than "no" leaves the code, which is Meta's word about the whole request.
            Err(error) if error.kind() != ErrorKind::Rejected => return error.with_code(shown),
            _ => (CONFIG, "a code that is not known here; look it up in Meta's error reference"),
        },
    };
    let (kind, retry) = match verdict {
        Verdict::Throttled => (ErrorKind::RateLimited, Retry::Safe { after: announced(response, now) }),
        Verdict::Fault => (ErrorKind::Unavailable, Retry::MaybeApplied),
        Verdict::Busy(secs) => (ErrorKind::Unavailable, Retry::Safe { after: Some(Duration::from_secs(secs)) }),
        Verdict::Stop(kind) => (kind, Retry::Never),
    };
    Error::new(kind, format!("expected Meta to take the request, found {found}")).with_retry(retry).with_code(shown)
}

fn without_envelope(response: &Response, now: Timestamp) -> Error {
    match classify_status(response, now) {
        Err(error) => match error.kind() {
            ErrorKind::RateLimited | ErrorKind::Timeout | ErrorKind::TooLarge | ErrorKind::Unavailable => error,
            _ if response.status.is_redirection() => error,
            _ => unreadable(&format!("expected Meta's JSON, found status {} without it", response.status.as_u16())),
        },
        Ok(()) => unreadable("expected Meta's JSON, found something else"),
    }
}

/// The wait Meta announces with a throttle: the longest of the use-case header, at least a minute, or `Retry-After`.
fn announced(response: &Response, now: Timestamp) -> Option<Duration> {
    /// Minutes until calls are taken again; the header's other numbers are percentages of the limit.
    #[derive(Deserialize)]
    struct Usage {
        #[serde(default)]
        estimated_time_to_regain_access: Option<Number>,
    }
    let header = response.headers.get("x-business-use-case-usage");
    let usage: Option<BTreeMap<String, Vec<Usage>>> =
        header.and_then(|value| serde_json::from_slice(value.as_bytes()).ok());
    let minutes = usage.and_then(|usage| {
        let all = usage.values().flatten();
        all.filter_map(|usage| u64::try_from(usage.estimated_time_to_regain_access?.0).ok()).max()
    });
    minutes
        .map(|minutes| Duration::from_secs(minutes.max(1).saturating_mul(60)))
        .or_else(|| retry_after(&response.headers, now))
}
