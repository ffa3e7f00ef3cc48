//! Phone numbers.
//!
//! The numbering plans are those of Google's library: as one automaton for numbers that need no parser, which decides
//! what is valid for all of them; by `rlibphonenumber` for the rest.

pub(super) mod e164;
#[cfg(feature = "phonenumber")]
mod interop;
#[cfg(feature = "phone")]
mod parse;

use super::region::Region;
use super::reject::{Notes, Reject};

/// The release of Google's libphonenumber metadata that decides which phone numbers are valid.
///
/// Belongs beside [`VERSION`](super::VERSION) in what is kept of a run: numbering plans change a little every month.
pub const PHONE_METADATA: &str = "9.0.42";

/// How national numbers are read.
#[derive(Clone, Copy, Default)]
#[cfg_attr(not(feature = "phone"), expect(dead_code, reason = "the automaton needs the region alone"))]
pub(super) struct Reading {
    /// The region of national numbers.
    pub(super) region: Option<Region>,
    /// Whether the region is the member's own, not a default.
    pub(super) region_is_own: bool,
    pub(super) require_valid: bool,
    pub(super) allow_test_values: bool,
}

/// The separate numbers of a cell that holds several.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split([';', ',', '|', '\n']).flat_map(|piece| piece.split(" / ")).map(str::trim).filter(|it| !it.is_empty())
}

pub(super) use e164::fast_reading as fast;

/// A number as E.164: `+` and digits.
pub(super) fn canonical_phone(text: &str, reading: Reading) -> Result<(Box<str>, Notes), Reject> {
    match e164::fast_reading(text, reading) {
        Some(number) => Ok((number.as_str().into(), number.notes())),
        None => slow::canonical_phone(text, reading),
    }
}

#[cfg(feature = "phone")]
use parse as slow;

/// Without a parser only what needs none is read.
#[cfg(not(feature = "phone"))]
mod slow {
    use super::{Notes, Reading, Reject, e164};

    pub(super) fn canonical_phone(text: &str, reading: Reading) -> Result<(Box<str>, Notes), Reject> {
        if text.trim().is_empty() {
            return Err(Reject::Missing);
        }
        match e164::test_value(text) {
            Some(_) if !reading.allow_test_values => Err(Reject::TestValue),
            Some(number) => Ok((number.as_str().into(), number.notes())),
            None => Err(Reject::FeatureDisabled),
        }
    }
}

#[cfg(all(test, feature = "phone"))]
mod tests;
