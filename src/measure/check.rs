//! What every input is held to before it is counted with.

use crate::error::{Error, ErrorKind, Result};

/// The greatest count taken: every whole number up to here is exact as a float.
pub(super) const MAX_COUNT: u64 = 1 << 53;
/// Basis points of a whole.
pub(super) const WHOLE_BP: u32 = 10_000;

pub(super) fn wrong(doing: &str, expected: &str, found: impl std::fmt::Display, next: &str) -> Error {
    Error::new(ErrorKind::Config, format!("{doing}: expected {expected}, found {found}; {next}"))
}

/// A confidence level. The edges keep the quantiles finite.
pub(super) fn level(doing: &str, level: f64) -> Result<f64> {
    // NaN is in no range.
    if (0.5..=0.999_999).contains(&level) {
        return Ok(level);
    }
    Err(wrong(doing, "a confidence level of 0.5 to 0.999999", level, "0.95 is usual"))
}

/// A share of members that is neither nothing nor all.
pub(super) fn rate(doing: &str, what: &str, rate: f64) -> Result<f64> {
    if rate > 0.0 && rate < 1.0 {
        return Ok(rate);
    }
    let expected = format!("{what} between 0 and 1, neither included");
    Err(wrong(doing, &expected, rate, "give it as a share: 0.03 for 3 %"))
}

/// A count of members of an arm.
pub(super) fn members(doing: &str, members: u64) -> Result<u64> {
    if (1..=MAX_COUNT).contains(&members) {
        return Ok(members);
    }
    let expected = format!("1 to {MAX_COUNT} members");
    Err(wrong(doing, &expected, members, "count everybody who was assigned to the arm, converted or not"))
}

/// An amount that is no less than nothing.
pub(super) fn amount(doing: &str, amount: f64) -> Result<f64> {
    if (0.0..=MAX_AMOUNT).contains(&amount) {
        return Ok(amount);
    }
    let expected = format!("amounts of 0 to {MAX_AMOUNT:e}");
    Err(wrong(doing, &expected, amount, "take refunds off the purchase they belong to"))
}

/// Squares and sums of amounts up to here stay finite.
const MAX_AMOUNT: f64 = 1e15;
