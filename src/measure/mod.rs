//! Measuring what an audience brings: who is held out.
//!
//! Pure functions: no runtime, no network, no state.

mod holdout;

pub use holdout::Holdout;
