//! What a platform announces of its rate limit.

use std::time::Duration;

use ::http::HeaderMap;

use crate::time::Timestamp;

/// Numbers above are moments, below are seconds from now: 2001-09-09 in one reading, 31 years in the other.
const A_MOMENT: u64 = 1_000_000_000;

/// The longest stretch that is believed.
const LONGEST: Duration = Duration::from_secs(86_400);

/// What a reply's headers say is left of the rate limit, and when it begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Announced {
    /// How much is still taken.
    pub remaining: u64,
    /// Until then, from now; at most a day.
    pub reset: Duration,
}

impl Announced {
    /// Of the headers that platforms commonly send: `RateLimit` (IETF draft `ratelimit-headers` 08 and later),
    /// `RateLimit-Remaining` with `RateLimit-Reset` (the drafts before), and the same with `X-RateLimit-` or
    /// `X-Rate-Limit-` in front. A reset is seconds from now or seconds since 1970. Of several policies in one `RateLimit`
    /// the tightest counts. `None` where either number is missing.
    pub fn of(headers: &HeaderMap, now: Timestamp) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        if let Some(found) = text("ratelimit").and_then(structured) {
            return Some(found);
        }
        ["ratelimit", "x-ratelimit", "x-rate-limit"].iter().find_map(|family| {
            let number = |last: &str| number(text(&format!("{family}-{last}"))?);
            let (remaining, reset) = (number("remaining")?, number("reset")?);
            Some(Self { remaining, reset: until(reset, now) })
        })
    }
}

/// Whole or with a fraction, which is rounded up for a reset and makes no difference to what remains.
fn number(text: &str) -> Option<u64> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let more = u64::from(fraction.bytes().any(|digit| digit != b'0'));
    whole.parse::<u64>().ok()?.checked_add(more)
}

fn until(reset: u64, now: Timestamp) -> Duration {
    let wait = if reset > A_MOMENT {
        Timestamp::from_secs(i64::try_from(reset).unwrap_or(i64::MAX)).since(now)
    } else {
        Duration::from_secs(reset)
    };
    wait.min(LONGEST)
}

/// `"minute";r=50;t=30, "day";r=900;t=7000`.
fn structured(text: &str) -> Option<Announced> {
    let policies = text.split(',').filter_map(|policy| {
        let parameter = |name: &str| {
            let mut parameters = policy.split(';').skip(1);
            parameters.find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('=')?.parse().ok())
        };
        let reset = Duration::from_secs(parameter("t")?).min(LONGEST);
        Some(Announced { remaining: parameter("r")?, reset })
    });
    policies.min_by_key(|announced| (announced.remaining, std::cmp::Reverse(announced.reset)))
}

#[cfg(test)]
mod tests {
    use ::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn the_common_forms_are_read() {
        let now = Timestamp::from_secs(1_795_428_900);
        for (headers, expected) in [
            (&[("ratelimit-remaining", "5"), ("ratelimit-reset", "30")][..], Some((5, 30))),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795428960")], Some((0, 60))),
            (&[("x-rate-limit-remaining", " 7 "), ("x-rate-limit-reset", "1795428800")], Some((7, 0))),
            (&[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "0.2")], Some((1, 1))),
            (&[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "900000000")], Some((1, 86_400))),
            (&[("ratelimit", r#""default";r=50;t=30"#)], Some((50, 30))),
            (&[("ratelimit", r#""m";r=50;t=30, "d";r=9;t=7000;x=1"#), ("ratelimit-remaining", "1")], Some((9, 7_000))),
            (&[("x-ratelimit-remaining", "5")], None),
            (&[("x-ratelimit-remaining", "-1"), ("x-ratelimit-reset", "5")], None),
            (&[("x-ratelimit-remaining", "many"), ("x-ratelimit-reset", "5")], None),
            (&[("x-ratelimit-remaining", "5"), ("x-ratelimit-reset", "Mon, 23 Nov 2026 10:15:00 GMT")], None),
            (&[("ratelimit", "nothing")], None),
            (&[], None),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            let found = Announced::of(&map, now).map(|found| (found.remaining, found.reset.as_secs()));
            assert_eq!(found, expected, "{headers:?}");
        }
    }
}
