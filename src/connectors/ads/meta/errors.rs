//! What Meta's replies mean, and what their usage headers ask for.
//!
//! The body decides, then the status: Meta throttles with status 400 and reports its own faults with it.
//! Sources: Marketing API error codes and rate limits (developers.facebook.com, read 2026-11-23), and what published
//! connectors found in practice.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::api::Number;
use crate::error::ErrorKind;
use crate::http::{Classifier, HeaderMap, Meaning, Seen, StatusCode};

/// Meta's word on its replies.
pub(super) const META: Classifier = Classifier::new("Meta", meaning).with_json_replies();

/// One code, or one code with a subcode, of Meta's documentation.
pub(super) struct Line {
    pub(super) code: i64,
    /// `None` stands for every subcode without a line of its own.
    pub(super) subcode: Option<i64>,
    meaning: Meaning,
}

const fn any(code: i64, meaning: Meaning) -> Line {
    Line { code, subcode: None, meaning }
}

const fn one(code: i64, subcode: i64, meaning: Meaning) -> Line {
    Line { code, subcode: Some(subcode), meaning }
}

const fn config(found: &'static str) -> Meaning {
    Meaning::stop(ErrorKind::Config, found)
}

const fn denied(found: &'static str) -> Meaning {
    Meaning::stop(ErrorKind::PermissionDenied, found)
}

const fn ended(found: &'static str) -> Meaning {
    Meaning::stop(ErrorKind::Conflict, found)
}

const fn gone(found: &'static str) -> Meaning {
    Meaning::stop(ErrorKind::NotFound, found)
}

const fn terms(found: &'static str) -> Meaning {
    Meaning::stop(ErrorKind::TermsNotAccepted, found)
}

const fn token(found: &'static str) -> Meaning {
    Meaning::stop(ErrorKind::Unauthenticated, found)
}

const fn busy(secs: u64, found: &'static str) -> Meaning {
    Meaning::busy(found).with_wait(Duration::from_secs(secs))
}

const fn fault(found: &'static str) -> Meaning {
    Meaning::fault(found)
}

const fn throttled(found: &'static str) -> Meaning {
    Meaning::throttled(found)
}

pub(super) const TABLE: &[Line] = &[
    any(1, fault("an unknown fault of its own")),
    one(1, 99, fault("an unknown fault of its own, which too many rows at once cause as well")),
    any(2, fault("a temporary fault of its own")),
    any(3, denied("a capability missing; grant it to the app")),
    any(4, throttled("too many requests of this app")),
    any(10, denied("a permission missing; grant `ads_management` to the token")),
    any(17, throttled("too many requests of this user")),
    any(32, throttled("too many requests for this page")),
    any(100, config("a parameter it does not take")),
    one(100, 33, gone("no such object, or not for this token; look for a deleted audience or a missing right")),
    one(100, 1_713_230, config("the audience blocked by an integrity restriction; appeal in Audience Manager")),
    one(100, 1_713_231, config("the audience flagged by policy; appeal in Audience Manager")),
    any(102, token("the session of the token ended; make a new token")),
    any(105, config("too many parameters")),
    any(190, token("an access token it does not take; make a new one for the system user")),
    one(190, 458, token("the app removed by the token's user; install it again and make a new token")),
    one(190, 460, token("the password of the token's user changed; make a new token")),
    one(190, 463, token("the access token expired; make a new one, best for a system user")),
    one(190, 467, token("the access token invalid; make a new one")),
    one(190, 492, token("the session of the token not valid; make a new token")),
    any(194, config("a required parameter missing")),
    any(200, denied("a permission missing; make the system user advertiser or admin of the ad account")),
    one(200, 1_870_050, config("the ad account not linked to the business; link it in the business settings")),
    one(200, 1_870_090, terms("the Custom Audience terms not accepted; accept them for the owning business")),
    any(294, denied("the permission `ads_management` missing; grant it to the token")),
    any(299, denied("a permission missing; grant `ads_management` to the token")),
    any(341, busy(60, "the app's limit reached for now")),
    any(368, config("the action blocked for a time as abusive; wait some hours")),
    any(613, throttled("too many requests")),
    one(613, 1_487_742, throttled("too many requests of this ad account")),
    any(2635, config("an API version that is retired; set `api_version` to a current one")),
    any(2650, config("an audience it cannot update: of another kind, or first filled in another form")),
    one(2650, 1_870_144, config("an audience of 100 million people or more, which cannot be replaced")),
    one(2650, 1_870_145, busy(120, "another update of the audience in progress")),
    one(2650, 1_870_147, config("the session's first batch not seen; number batches from 1")),
    one(2650, 1_870_148, fault("the audience not fully updated")),
    one(2650, 1_870_158, ended("the upload session timed out; the next run begins another")),
    one(2650, 1_870_159, ended("the upload session finished; the next run begins another")),
    any(2654, config("an audience it cannot create")),
    any(2655, terms("the messaging terms not accepted; accept them in the business settings")),
    any(2663, terms("the Custom Audience terms not accepted; accept them for the owning business")),
    any(5000, fault("an internal fault of its own")),
    any(21_009, fault("an internal fault of its own")),
    any(80_003, throttled("too many calls to this ad account's custom audiences")),
    any(80_004, throttled("too many calls to this ad account")),
    any(1_487_301, config("the audience not shared with this ad account; use the account that owns it")),
    any(1_487_366, gone("the audience deleted")),
];

/// The line of a code with a subcode: its own, else the code's, else one that has the subcode as a code.
///
/// The last because Meta's seven-digit numbers are documented as codes and come as subcodes too. Smaller subcodes mean
/// other things than the codes of the same number.
fn line(code: i64, subcode: Option<i64>) -> Option<&'static Line> {
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

fn meaning(seen: &Seen<'_>) -> Option<Meaning> {
    let Some(Envelope { error }) = seen.json() else { return without_envelope(seen.status()) };
    let (code, subcode) = (error.code.0, error.error_subcode.map(|number| number.0).filter(|number| *number != 0));
    let shown = subcode.map_or_else(|| code.to_string(), |subcode| format!("{code}/{subcode}"));
    let meaning = match line(code, subcode) {
        Some(line) => line.meaning.clone(),
        None if code < 0 || error.is_transient == Some(true) => fault("a temporary fault of its own"),
        None => unknown(seen.status()),
    };
    let wait = regained(&seen.response().headers).filter(|_| meaning.is_throttle());
    let meaning = meaning.with_code(shown);
    Some(match wait {
        Some(wait) => meaning.with_wait(wait),
        None => meaning,
    })
}

/// A code that has no line goes by the status; one that says no more than "no" leaves the code, which is Meta's word
/// about the whole request.
fn unknown(status: StatusCode) -> Meaning {
    match status.as_u16() {
        401 => token("a code that is not known here, with status 401; make a new token"),
        403 => denied("a code that is not known here, with status 403; grant the permission to the token"),
        404 => gone("a code that is not known here, with status 404; look for a deleted audience"),
        429 => throttled("too many requests"),
        500.. => fault("a fault of its own"),
        _ => config("a code that is not known here; look it up in Meta's error reference"),
    }
}

/// HTML, empty bodies and other JSON come from something before Meta, so whether the request was applied is not known.
fn without_envelope(status: StatusCode) -> Option<Meaning> {
    let of_the_way = matches!(status.as_u16(), 408 | 413 | 429);
    (status.is_client_error() && !of_the_way).then(|| fault("a failure that Meta did not write"))
}

/// Minutes until calls are taken again, per use case, of an account that has had too many.
fn regained(headers: &HeaderMap) -> Option<Duration> {
    let minutes = use_cases(headers).filter_map(|usage| u64::try_from(usage.estimated_time_to_regain_access?.0).ok());
    minutes.max().map(|minutes| Duration::from_secs(minutes.max(1).saturating_mul(60)))
}

/// How much of a limit is used, in percent of each thing that is counted.
#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    call_count: Option<f64>,
    #[serde(default)]
    total_cputime: Option<f64>,
    #[serde(default)]
    total_time: Option<f64>,
    #[serde(default)]
    acc_id_util_pct: Option<f64>,
    #[serde(default)]
    estimated_time_to_regain_access: Option<Number>,
}

impl Usage {
    fn percent(&self) -> f64 {
        let counted = [self.call_count, self.total_cputime, self.total_time, self.acc_id_util_pct];
        counted.into_iter().flatten().fold(0.0, f64::max)
    }
}

fn use_cases(headers: &HeaderMap) -> impl Iterator<Item = Usage> {
    let header = headers.get("x-business-use-case-usage");
    let usage: Option<BTreeMap<String, Vec<Usage>>> =
        header.and_then(|value| serde_json::from_slice(value.as_bytes()).ok());
    usage.unwrap_or_default().into_values().flatten()
}

/// The pause that a reply's usage headers make advisable: none below 75 percent of every limit, from there growing to a
/// minute, and from 95 percent as long as Meta says, at least a minute.
pub(super) fn pause(headers: &HeaderMap) -> Option<Duration> {
    let read = |name: &str| headers.get(name).and_then(|value| serde_json::from_slice::<Usage>(value.as_bytes()).ok());
    let single = ["x-ad-account-usage", "x-app-usage"].into_iter().filter_map(read);
    let percent = use_cases(headers).chain(single).fold(0.0, |most: f64, usage| most.max(usage.percent()));
    if percent >= 95.0 {
        return Some(regained(headers).unwrap_or_default().max(Duration::from_secs(60)));
    }
    (percent >= 75.0).then(|| Duration::from_secs(60).mul_f64((percent - 75.0) / 20.0))
}
