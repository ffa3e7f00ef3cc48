//! What the values of a run were like: counted in one pass, in bounded memory.

mod count;
mod geography;
mod rates;
mod repeats;
mod report;
mod rules;
mod story;
mod typos;

pub use count::Hygiene;
pub use rates::{MatchRate, MatchRates, RateBand};
pub use report::{
    Coverage, DestinationCounts, EmailQuality, ExpectedMatches, Geography, HygieneReport, KindCounts, Lever, Mismatch,
    RepeatCounts, TopRepeat,
};
pub use rules::HygieneRules;
pub use story::{HygieneBar, HygieneSection};
pub use typos::TypoCount;

#[cfg(test)]
mod tests;
