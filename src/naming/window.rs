//! Time windows: the age of the event that qualifies a member, as it stands in a name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::window_scan::{Scan, scan_text};
use crate::error::{Error, ErrorKind, Result};

/// A unit of time in a window.
///
/// The seconds are nominal, for comparing only: a month counts 30 days, a year 365. Rendering never converts a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums)]
pub enum Unit {
    /// Minutes, written `min` (a bare `m` is refused: it may mean months).
    Min,
    /// Hours, written `h`.
    H,
    /// Days, written `d`.
    D,
    /// Weeks, written `w`.
    W,
    /// Months, written `mo`.
    Mo,
    /// Years, written `y`.
    Y,
}

impl Unit {
    pub(super) const ALL: [Self; 6] = [Self::Min, Self::H, Self::D, Self::W, Self::Mo, Self::Y];

    /// The one spelling used in rendered names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::H => "h",
            Self::D => "d",
            Self::W => "w",
            Self::Mo => "mo",
            Self::Y => "y",
        }
    }

    /// Nominal length in seconds, for comparing only.
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Min => 60,
            Self::H => 3_600,
            Self::D => 86_400,
            Self::W => 604_800,
            Self::Mo => 30 * 86_400,
            Self::Y => 365 * 86_400,
        }
    }

    /// Every spelling that is read, lower case, the canonical one first.
    pub(super) const fn spellings(self) -> &'static [&'static str] {
        match self {
            Self::Min => &["min", "mins", "minute", "minutes"],
            Self::H => &["h", "hr", "hrs", "hour", "hours"],
            Self::D => &["d", "day", "days"],
            Self::W => &["w", "wk", "wks", "week", "weeks"],
            Self::Mo => &["mo", "mos", "mth", "mths", "month", "months"],
            Self::Y => &["y", "yr", "yrs", "year", "years"],
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A length of time as a name writes it: a number from 0 to 9,999 and a unit.
///
/// Two durations are equal when they are written alike; compare [`Dur::seconds`] for their length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dur {
    n: u16,
    unit: Unit,
}

impl Dur {
    /// The largest number a duration can have.
    pub const MAX: u16 = 9_999;

    /// `n` units.
    ///
    /// # Errors
    /// `Config` when `n` is above 9,999.
    pub fn new(n: u16, unit: Unit) -> Result<Self> {
        if n > Self::MAX {
            return Err(config(format!("duration: expected a number from 0 to {}, found {n}", Self::MAX)));
        }
        Ok(Self { n, unit })
    }

    /// The number.
    pub const fn n(self) -> u16 {
        self.n
    }

    /// The unit.
    pub const fn unit(self) -> Unit {
        self.unit
    }

    /// Nominal length in seconds, for comparing only.
    pub const fn seconds(self) -> u64 {
        self.n as u64 * self.unit.seconds()
    }
}

impl fmt::Display for Dur {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.n, self.unit)
    }
}

impl FromStr for Dur {
    type Err = Error;

    /// Reads the rendered form only: digits and a canonical unit, such as `24h`.
    fn from_str(text: &str) -> Result<Self> {
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(split);
        let unit = Unit::ALL.into_iter().find(|known| known.as_str() == unit);
        match (digits.parse::<u16>(), unit) {
            (Ok(n), Some(unit)) => Self::new(n, unit),
            _ => Err(config(format!("duration: expected a number and a unit like \"24h\", found {text:?}"))),
        }
    }
}

/// A day of the calendar, year 1 to 9999. Prints as `YYYYMMDD`, the form used in names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(jiff::civil::Date);

impl Date {
    /// The day `year`-`month`-`day`.
    ///
    /// # Errors
    /// `Config` when there is no such day or the year is outside 1 to 9999.
    pub fn new(year: u16, month: u8, day: u8) -> Result<Self> {
        let parts = (i16::try_from(year), i8::try_from(month), i8::try_from(day));
        if let (Ok(y @ 1..), Ok(m), Ok(d)) = parts
            && let Ok(date) = jiff::civil::Date::new(y, m, d)
        {
            return Ok(Self(date));
        }
        Err(config(format!("date: there is no day {year:04}-{month:02}-{day:02}")))
    }

    /// The year, 1 to 9999.
    pub fn year(self) -> u16 {
        self.0.year().unsigned_abs()
    }

    /// The month, 1 to 12.
    pub fn month(self) -> u8 {
        self.0.month().unsigned_abs()
    }

    /// The day of the month, 1 to 31.
    pub fn day(self) -> u8 {
        self.0.day().unsigned_abs()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}{:02}{:02}", self.year(), self.month(), self.day())
    }
}

impl FromStr for Date {
    type Err = Error;

    /// Reads `YYYYMMDD` or `YYYY-MM-DD`.
    fn from_str(text: &str) -> Result<Self> {
        let expected = || config(format!("date: expected YYYYMMDD or YYYY-MM-DD, found {text:?}"));
        let dashed = matches!(text.as_bytes(), [_, _, _, _, b'-', _, _, b'-', _, _]);
        let digits = if dashed { text.replace('-', "") } else { text.to_owned() };
        if digits.len() != 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(expected());
        }
        let part = |range| digits.get(range).and_then(|part: &str| part.parse::<u16>().ok()).ok_or_else(expected);
        let narrow = |n: u16| u8::try_from(n).unwrap_or(u8::MAX);
        Self::new(part(0..4)?, narrow(part(4..6)?), narrow(part(6..8)?))
    }
}

/// When the event that qualifies a member happened, relative to the moment of evaluation.
///
/// Ages are half-open, `[from, to)`: `0-24h` and `24-72h` touch and do not overlap. Use the constructors: they keep the
/// rules below, and only windows that keep them can be rendered and read back. As data a window is its text, such as
/// `"0-24h"`.
///
/// Not `non_exhaustive`: whoever evaluates windows must handle a new kind.
///
/// # Examples
/// ```
/// use audience_sync::naming::Window;
///
/// let window: Window = "last 24 hours".parse()?;
/// assert_eq!(window.to_string(), "0-24h");
/// assert_eq!(window.age_seconds(), Some((0, Some(86_400))));
/// # Ok::<(), audience_sync::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Window {
    /// At any time.
    Lifetime,
    /// Between `from` (included) and `to` (not included) ago. `to` is longer than `from`; a zero `from` has the unit of
    /// `to`.
    Range {
        /// The least age, included.
        from: Dur,
        /// The greatest age, not included.
        to: Dur,
    },
    /// `from` ago or longer. Never zero: that is [`Window::Lifetime`].
    Open {
        /// The least age, included.
        from: Dur,
    },
    /// Will happen within the time given (a renewal, an expiry). Never zero.
    Next {
        /// The time from now.
        within: Dur,
    },
    /// On these days, both included, in the template's time zone.
    Fixed {
        /// The first day.
        from: Date,
        /// The last day.
        to: Date,
    },
}

impl Window {
    /// From `from` ago back to `to` ago; a zero `from` takes the unit of `to`.
    ///
    /// # Errors
    /// `Config` when `to` is not longer than `from` in nominal seconds.
    pub fn range(from: Dur, to: Dur) -> Result<Self> {
        if to.seconds() <= from.seconds() {
            return Err(config(format!("window: expected an end after {from}, found {to}")));
        }
        let from = if from.n == 0 { Dur { n: 0, unit: to.unit } } else { from };
        Ok(Self::Range { from, to })
    }

    /// The last `to`: a range that starts now.
    ///
    /// # Errors
    /// `Config` when `to` is zero.
    pub fn last(to: Dur) -> Result<Self> {
        Self::range(Dur { n: 0, unit: to.unit }, to)
    }

    /// `from` ago or longer; a zero `from` gives [`Window::Lifetime`].
    pub const fn open(from: Dur) -> Self {
        if from.n == 0 { Self::Lifetime } else { Self::Open { from } }
    }

    /// Within the next `within`.
    ///
    /// # Errors
    /// `Config` when `within` is zero.
    pub fn next(within: Dur) -> Result<Self> {
        if within.n == 0 {
            return Err(config("window: expected a time to come longer than zero".to_owned()));
        }
        Ok(Self::Next { within })
    }

    /// The days from `from` to `to`, both included.
    ///
    /// # Errors
    /// `Config` when `to` is before `from`.
    pub fn fixed(from: Date, to: Date) -> Result<Self> {
        if to < from {
            return Err(config(format!("window: expected a last day on or after {from}, found {to}")));
        }
        Ok(Self::Fixed { from, to })
    }

    /// The age in nominal seconds, `[from, to)`, `None` for an open end; `None` for windows that are not an age
    /// ([`Window::Next`], [`Window::Fixed`]).
    pub const fn age_seconds(self) -> Option<(u64, Option<u64>)> {
        match self {
            Self::Lifetime => Some((0, None)),
            Self::Range { from, to } => Some((from.seconds(), Some(to.seconds()))),
            Self::Open { from } => Some((from.seconds(), None)),
            Self::Next { .. } | Self::Fixed { .. } => None,
        }
    }

    /// Whether both windows hold the same moments, however they are written (`24h` and `1d`), in nominal seconds.
    pub fn same_length(self, other: Self) -> bool {
        match (self, other) {
            (Self::Next { within: a }, Self::Next { within: b }) => a.seconds() == b.seconds(),
            (Self::Fixed { .. }, Self::Fixed { .. }) => self == other,
            _ => self.age_seconds().is_some() && self.age_seconds() == other.age_seconds(),
        }
    }

    /// The canonical text in an exclusion: a range from now is its length alone (`7d`).
    pub fn in_exclusion(self) -> String {
        match self {
            Self::Range { from, to } if from.n == 0 => to.to_string(),
            other => other.to_string(),
        }
    }
}

/// The canonical text in the window field: `0-24h`, `90d+`, `Next 30d`, `20261101..20261130`, `Lifetime`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lifetime => f.write_str("Lifetime"),
            Self::Range { from, to } if from.unit == to.unit => write!(f, "{}-{to}", from.n),
            Self::Range { from, to } => write!(f, "{from}-{to}"),
            Self::Open { from } => write!(f, "{from}+"),
            Self::Next { within } => write!(f, "Next {within}"),
            Self::Fixed { from, to } => write!(f, "{from}..{to}"),
        }
    }
}

impl FromStr for Window {
    type Err = Error;

    /// Reads every form a name may use: `0-24h`, `last 24 hours`, `90d+`, `next 30 days`, `2026-11-01..2026-11-30`.
    fn from_str(text: &str) -> Result<Self> {
        match scan_text(text) {
            Scan::Window(window) => Ok(window),
            Scan::Bad(fault) => Err(config(format!("window: {}, found {text:?}", fault.message))),
            Scan::No => Err(config(format!("window: expected one like \"0-24h\" or \"90d+\", found {text:?}"))),
        }
    }
}

fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

macro_rules! serde_as_text {
    ($($name:ty),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
serde_as_text!(Date, Dur, Window);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_vectors() {
        for (input, canonical) in [
            ("0-24h", "0-24h"),
            ("24h", "0-24h"),
            ("0h-24h", "0-24h"),
            ("0d-24h", "0-24h"),
            ("last 24 hours", "0-24h"),
            ("L24H", "0-24h"),
            ("0 to 24 hours", "0-24h"),
            ("2h", "0-2h"),
            ("7d", "0-7d"),
            ("last 7 days", "0-7d"),
            ("L30D", "0-30d"),
            ("24–72h", "24-72h"),
            ("90d+", "90d+"),
            ("over 90 days", "90d+"),
            ("older than 90 days", "90d+"),
            ("1-3mo", "1-3mo"),
            ("2h-7d", "2h-7d"),
            ("60min-24h", "60min-24h"),
            ("30d-12mo", "30d-12mo"),
            ("lifetime", "Lifetime"),
            ("all time", "Lifetime"),
            ("ever", "Lifetime"),
            ("0d+", "Lifetime"),
            ("next 30d", "Next 30d"),
            ("next 30 days", "Next 30d"),
            ("20261101..20261130", "20261101..20261130"),
            ("2026-11-01..2026-11-30", "20261101..20261130"),
        ] {
            let window: Window = input.parse().unwrap_or_else(|error| panic!("{input}: {error}"));
            assert_eq!(window.to_string(), canonical, "{input}");
            assert_eq!(canonical.parse::<Window>().unwrap(), window);
            assert_eq!(window.in_exclusion().parse::<Window>().unwrap(), window);
        }
    }

    #[test]
    fn an_exclusion_writes_a_range_from_now_as_its_length() {
        for (field, exclusion) in [("0-24h", "24h"), ("0-7d", "7d"), ("90d+", "90d+"), ("1-3mo", "1-3mo")] {
            assert_eq!(field.parse::<Window>().unwrap().in_exclusion(), exclusion);
        }
    }

    #[test]
    fn constructors_keep_the_rules() {
        let dur = |text: &str| text.parse::<Dur>().unwrap();
        assert_eq!(Window::range(dur("0d"), dur("24h")).unwrap(), Window::last(dur("24h")).unwrap());
        assert!(Window::range(dur("1h"), dur("60min")).is_err());
        assert!(Window::last(dur("0h")).is_err());
        assert_eq!(Window::open(dur("0d")), Window::Lifetime);
        assert!(Dur::new(10_000, Unit::D).is_err());
        assert!(Date::new(2026, 2, 29).is_err());
        assert!(Date::new(2028, 2, 29).is_ok());
        assert!(Date::new(0, 1, 1).is_err());
    }

    #[test]
    fn lengths_compare_in_seconds() {
        let window = |text: &str| text.parse::<Window>().unwrap();
        assert!(window("24h").same_length(window("1d")));
        assert!(!window("30d").same_length(window("1-30d")));
        assert!(window("1mo").same_length(window("30d")));
        assert!(!window("lifetime").same_length(window("next 30d")));
    }

    #[test]
    fn data_form_is_the_text() {
        let window: Window = serde_json::from_str("\"2h-7d\"").unwrap();
        assert_eq!(serde_json::to_string(&window).unwrap(), "\"2h-7d\"");
        assert!(serde_json::from_str::<Window>("\"5m\"").is_err());
        assert_eq!(serde_json::to_string(&"24h".parse::<Dur>().unwrap()).unwrap(), "\"24h\"");
    }
}
