//! How numbers, moments and outside text are written, the same in every form of a report.

use crate::destination::ActionCounts;
pub(super) use crate::figures::{counted, grouped, share};
use crate::time::Timestamp;

/// The difference with its sign: `+12`, `−3`, `±0`.
pub(super) fn change(from: u64, to: u64) -> String {
    match (to.checked_sub(from), from.checked_sub(to)) {
        (Some(0), _) | (None, None) => "±0".to_owned(),
        (Some(more), _) => format!("+{}", grouped(more)),
        (None, Some(less)) => format!("−{}", grouped(less)),
    }
}

/// A moment to the minute: `2026-11-23 10:15`. UTC; the page says so once.
pub(super) fn minute(moment: Timestamp) -> String {
    let text = moment.to_string();
    match (text.ends_with('Z'), text.get(..10), text.get(11..16)) {
        (true, Some(date), Some(time)) => format!("{date} {time}"),
        _ => text,
    }
}

/// A moment's day: `2026-11-23`.
pub(super) fn day(moment: Timestamp) -> String {
    let text = moment.to_string();
    match (text.ends_with('Z'), text.get(..10)) {
        (true, Some(date)) => date.to_owned(),
        _ => text,
    }
}

/// How long from one moment to another: `420 ms`, `12.3 s`, `4 min 5 s`, `2 h 3 min`.
pub(super) fn took(from: Timestamp, to: Timestamp) -> String {
    let millis = to.since(from).as_millis();
    let secs = millis / 1000;
    match secs {
        0 => format!("{millis} ms"),
        1..60 => format!("{secs}.{} s", millis % 1000 / 100),
        60..3600 => format!("{} min {} s", secs / 60, secs % 60),
        _ => format!("{} h {} min", secs / 3600, secs % 3600 / 60),
    }
}

/// Outside text in one line: control characters become spaces, marks that hide text or turn its direction `U+FFFD`.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => '\u{fffd}',
            '\u{2028}' | '\u{2029}' => ' ',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect()
}

/// The sum of several ledgers. Saturates: a report may come from a file.
pub(super) fn sum<'a>(ledgers: impl IntoIterator<Item = &'a ActionCounts>) -> ActionCounts {
    ledgers.into_iter().fold(ActionCounts::default(), |sum, counts| ActionCounts {
        planned: sum.planned.saturating_add(counts.planned),
        accepted: sum.accepted.saturating_add(counts.accepted),
        rejected: sum.rejected.saturating_add(counts.rejected),
        skipped: sum.skipped.saturating_add(counts.skipped),
        pending: sum.pending.saturating_add(counts.pending),
    })
}

/// What the four ends of a ledger sum up to; saturates.
pub(super) fn ends(counts: &ActionCounts) -> u64 {
    [counts.rejected, counts.skipped, counts.pending].into_iter().fold(counts.accepted, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_carry_their_sign() {
        assert_eq!([change(5, 17), change(17, 5), change(5, 5)], ["+12", "−12", "±0"]);
        assert_eq!(change(0, u64::MAX), "+18,446,744,073,709,551,615");
    }

    #[test]
    fn moments_and_spans_are_short() {
        let moment = Timestamp::from_millis(1_795_428_900_000);
        assert_eq!((minute(moment).as_str(), day(moment).as_str()), ("2026-11-23 10:15", "2026-11-23"));
        assert_eq!(minute(Timestamp::from_millis(i64::MAX)), "9223372036854775807 ms since 1970");
        let after = |millis: i64| took(moment, Timestamp::from_millis(moment.as_millis() + millis));
        assert_eq!([after(420), after(12_390), after(245_000)], ["420 ms", "12.3 s", "4 min 5 s"]);
        assert_eq!([after(7_380_000), after(-1)], ["2 h 3 min", "0 ms"]);
    }

    #[test]
    fn outside_text_stays_in_its_line_and_direction() {
        assert_eq!(plain("a\r\nb\u{202e}c\u{200b}d\u{7}é"), "a  b\u{fffd}c\u{fffd}d é");
    }

    #[test]
    fn sums_of_hostile_numbers_saturate() {
        let most = ActionCounts { planned: u64::MAX, accepted: u64::MAX, rejected: 1, skipped: 0, pending: 0 };
        assert_eq!(sum([&most, &most]).planned, u64::MAX);
        assert_eq!(ends(&most), u64::MAX);
    }
}
