//! Numbers as people read them, the same wherever the crate writes sentences.

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// One noun for one, another for any other number: `1 row`, `2 rows`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// A part of a whole in percent, with one digit after the point; `None` for a part of nothing.
///
/// A part that is neither nothing nor all never reads `0.0 %` or `100.0 %`.
pub(crate) fn share(part: u64, whole: u64) -> Option<String> {
    let permille = (u128::from(part) * 1000 + u128::from(whole) / 2).checked_div(u128::from(whole))?;
    Some(match permille {
        0 if part > 0 => "< 0.1 %".to_owned(),
        1000 if part < whole => "> 99.9 %".to_owned(),
        _ => format!("{}.{} %", permille / 10, permille % 10),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1_000, 123_456, 1_234_567].map(grouped), ["0", "999", "1,000", "123,456", "1,234,567"]);
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!((counted(1, "row", "rows"), counted(0, "row", "rows")), ("1 row".to_owned(), "0 rows".to_owned()));
    }

    #[test]
    fn a_share_never_rounds_to_nothing_or_to_all() {
        assert_eq!(share(1, 8).as_deref(), Some("12.5 %"));
        assert_eq!(share(1, 1_000_000).as_deref(), Some("< 0.1 %"));
        assert_eq!(share(999_999, 1_000_000).as_deref(), Some("> 99.9 %"));
        assert_eq!((share(0, 7).as_deref(), share(7, 7).as_deref()), (Some("0.0 %"), Some("100.0 %")));
        assert_eq!(share(u64::MAX, u64::MAX).as_deref(), Some("100.0 %"));
        assert_eq!(share(0, 0), None);
    }
}
