//! The wait a platform announces.

use std::time::Duration;

use ::http::header::RETRY_AFTER;
use ::http::{HeaderMap, HeaderValue};
use jiff::civil::DateTime;
use jiff::fmt::{rfc2822, strtime};
use jiff::tz::Offset;

use crate::time::Timestamp;

/// The shortest announced wait that is believed.
pub const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);

/// The longest announced wait that is waited for; what wants longer comes again with a later run.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// The wait of the `Retry-After` header, between [`RETRY_AFTER_MIN`] and [`RETRY_AFTER_MAX`]; `None` without a readable
/// one. Of several the longest counts.
///
/// Reads seconds and the three date forms of RFC 9110 section 5.6.7; a date is taken against `now`.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let wait = headers.get_all(RETRY_AFTER).iter().filter_map(|value| wait(value, now)).max()?;
    Some(wait.clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX))
}

fn wait(value: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only a number too large for 64 bits fails here.
        return Some(text.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    date(text).map(|moment| moment.since(now))
}

fn date(text: &str) -> Option<Timestamp> {
    /// The obsolete forms: RFC 850 and C's `asctime`. Day names are not compared with the date.
    const OBSOLETE: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    const IMF_FIXDATE: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let moment = IMF_FIXDATE.parse_timestamp(text).ok().or_else(|| {
        OBSOLETE.iter().find_map(|form| {
            let civil: DateTime = strtime::parse(form, text).ok()?.to_datetime().ok()?;
            Offset::UTC.to_timestamp(civil).ok()
        })
    })?;
    Some(Timestamp::from_millis(moment.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(values: &[&str], now: Timestamp) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
        }
        retry_after(&headers, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_and_all_three_date_forms_are_read() {
        // RFC 9110 section 5.6.7: the three forms of one moment, 784111777 seconds after 1970.
        let now = Timestamp::from_secs(784_111_777 - 120);
        for (value, wait) in [
            ("120", Some(120)),
            (" 120 ", Some(120)),
            ("0", Some(1)),
            ("1", Some(1)),
            ("3600", Some(3_600)),
            ("3601", Some(3_600)),
            ("18446744073709551616", Some(3_600)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(120)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(120)),
            ("Sun Nov  6 08:49:37 1994", Some(120)),
            ("Mon, 06 Nov 1994 08:49:37 GMT", Some(120)),
            ("Sun, 06 Nov 1994 08:40:00 GMT", Some(1)),
            ("Fri, 31 Dec 1999 23:59:59 GMT", Some(3_600)),
            ("", None),
            ("-1", None),
            ("+5", None),
            ("1.5", None),
            ("5 s", None),
            ("soon", None),
            ("Sun, 32 Nov 1994 08:49:37 GMT", None),
        ] {
            assert_eq!(read(&[value], now), wait, "{value:?}");
        }
    }

    #[test]
    fn of_several_the_longest_readable_counts() {
        let now = Timestamp::from_secs(0);
        assert_eq!(read(&["5", "soon", "70", "6"], now), Some(70));
        assert_eq!(read(&["soon"], now), None);
        assert_eq!(read(&[], now), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_header_and_clock_give_a_wait_in_bounds(value in "[ -~]{0,40}", now in any::<i64>()) {
            if let Some(wait) = read(&[&value], Timestamp::from_millis(now)) {
                prop_assert!((1..=3_600).contains(&wait));
            }
        }
    }
}
