//! Dates of birth.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::clean::{self, clean};
use super::reject::{BirthDateReason, Notes, Reject};

/// In which order day and month stand in `04/05/1984`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "there is no third order with the year last")]
pub enum DateOrder {
    /// Month, day, year.
    Mdy,
    /// Day, month, year.
    Dmy,
}

const OLDEST_YEAR: i16 = 1900;
/// Thirteen years before the year of this release. Older releases refuse too many, never too few.
pub(super) const NEWEST_YEAR: i16 = 2013;

/// How dates are read.
#[derive(Clone, Copy)]
pub(super) struct DateReading {
    pub(super) order: Option<DateOrder>,
    pub(super) newest_year: i16,
}

/// A date of birth as `YYYY-MM-DD`.
pub(super) fn canonical_birth_date(text: &str, reading: DateReading) -> Result<(Box<str>, Notes), Reject> {
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
    let date = read(&text, reading.order).map_err(Reject::BirthDate)?;
    if !(OLDEST_YEAR..=reading.newest_year).contains(&date.year()) {
        return Err(Reject::BirthDate(BirthDateReason::OutOfRange));
    }
    let default = date.month() == 1 && date.day() == 1 && matches!(date.year(), 1900 | 1970 | 1980 | 2000);
    notes.add_if(default, Notes::DEFAULT_BIRTH_DATE);
    Ok((format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day()).into(), notes))
}

fn read(text: &str, order: Option<DateOrder>) -> Result<Date, BirthDateReason> {
    let day = day_of_timestamp(text);
    if day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit()) {
        return date(day.get(..4), day.get(4..6), day.get(6..));
    }
    let separator = ['-', '/', '.'].into_iter().find(|it| day.contains(*it)).ok_or(BirthDateReason::Format)?;
    let mut parts = day.split(separator);
    let (Some(first), Some(second), Some(third), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(BirthDateReason::Format);
    };
    if ![first, second, third].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(BirthDateReason::Format);
    }
    match (first.len(), second.len(), third.len()) {
        (4, 1..=2, 1..=2) if separator != '.' => date(Some(first), Some(second), Some(third)),
        (1..=2, 1..=2, 4) => match order_of(first, second, separator, order)? {
            DateOrder::Dmy => date(Some(third), Some(second), Some(first)),
            DateOrder::Mdy => date(Some(third), Some(first), Some(second)),
        },
        (1..=2, 1..=2, 1..=2) => Err(BirthDateReason::TwoDigitYear),
        _ => Err(BirthDateReason::Format),
    }
}

/// The day of a timestamp (`1984-05-06T00:00:00Z`), or the text as it is. The time zone does not move it.
fn day_of_timestamp(text: &str) -> &str {
    match text.split_once(['T', 't', ' ']) {
        Some((day, time))
            if time.starts_with(|c: char| c.is_ascii_digit())
                && time
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b':' | b'.' | b'+' | b'-' | b'Z' | b'z' | b' ')) =>
        {
            day
        }
        _ => text,
    }
}

/// Dots say day first, a part above 12 says it is the day, and otherwise the order must be declared.
fn order_of(
    first: &str,
    second: &str,
    separator: char,
    declared: Option<DateOrder>,
) -> Result<DateOrder, BirthDateReason> {
    let above = |part: &str| part.parse::<u8>().is_ok_and(|number| number > 12);
    match (separator, above(first), above(second)) {
        ('.', ..) | (_, true, _) => Ok(DateOrder::Dmy),
        (_, false, true) => Ok(DateOrder::Mdy),
        (_, false, false) if first.trim_start_matches('0') == second.trim_start_matches('0') => Ok(DateOrder::Dmy),
        (_, false, false) => declared.ok_or(BirthDateReason::Ambiguous),
    }
}

fn date(year: Option<&str>, month: Option<&str>, day: Option<&str>) -> Result<Date, BirthDateReason> {
    let number = |part: Option<&str>| part.and_then(|part| part.parse::<i16>().ok()).ok_or(BirthDateReason::Format);
    let small = |part| i8::try_from(number(part)?).map_err(|_| BirthDateReason::NotADay);
    Date::new(number(year)?, small(month)?, small(day)?).map_err(|_| BirthDateReason::NotADay)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: DateReading = DateReading { order: None, newest_year: NEWEST_YEAR };

    fn birth_date(text: &str, order: Option<DateOrder>) -> Result<String, Reject> {
        canonical_birth_date(text, DateReading { order, ..PLAIN }).map(|(text, _)| text.into())
    }

    #[test]
    fn every_form_is_the_same_day() {
        for text in [
            "1984-05-16",
            "19840516",
            "1984/05/16",
            "1984-5-16",
            "16.05.1984",
            "16.5.1984",
            "16/05/1984",
            "05/16/1984",
            "1984-05-16T00:00:00Z",
            "1984-05-16 23:59:59.5+02:00",
            " 1984-05-16\u{200B} ",
        ] {
            assert_eq!(birth_date(text, None).as_deref(), Ok("1984-05-16"), "{text}");
        }
        assert_eq!(birth_date("04/05/1984", Some(DateOrder::Mdy)).as_deref(), Ok("1984-04-05"));
        assert_eq!(birth_date("04/05/1984", Some(DateOrder::Dmy)).as_deref(), Ok("1984-05-04"));
        assert_eq!(birth_date("04.05.1984", Some(DateOrder::Mdy)).as_deref(), Ok("1984-05-04"));
        assert_eq!(birth_date("04/4/1984", None).as_deref(), Ok("1984-04-04"));
        assert_eq!(birth_date("2000-02-29", None).as_deref(), Ok("2000-02-29"));
    }

    #[test]
    fn what_is_no_birthday_is_told_apart() {
        use BirthDateReason::{Ambiguous, Format, NotADay, OutOfRange, TwoDigitYear};
        for (text, reason) in [
            ("04/05/1984", Ambiguous),
            ("04-05-1984", Ambiguous),
            ("16.05.84", TwoDigitYear),
            ("05/16/84", TwoDigitYear),
            ("1985-02-29", NotADay),
            ("19841301", NotADay),
            ("13/13/1984", NotADay),
            ("0000-00-00", NotADay),
            ("1899-12-31", OutOfRange),
            ("2014-01-01", OutOfRange),
            ("May 16, 1984", Format),
            ("1984", Format),
            ("1984-05-16-1", Format),
            ("1984-05-16Tx", Format),
            ("1984--16", Format),
        ] {
            assert_eq!(birth_date(text, None), Err(Reject::BirthDate(reason)), "{text}");
        }
        assert_eq!(birth_date("n/a", None), Err(Reject::Placeholder));
        assert_eq!(birth_date(" ", None), Err(Reject::Missing));
    }

    #[test]
    fn the_age_moves_with_the_host_and_form_defaults_are_noted() {
        let older = DateReading { newest_year: 2008, ..PLAIN };
        assert_eq!(canonical_birth_date("2009-01-01", older), Err(Reject::BirthDate(BirthDateReason::OutOfRange)));
        assert!(canonical_birth_date("1970-01-01", PLAIN).unwrap().1.contains(Notes::DEFAULT_BIRTH_DATE));
        assert!(canonical_birth_date("1970-01-02", PLAIN).unwrap().1.is_empty());
    }
}
