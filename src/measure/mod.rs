//! Measuring what an audience brings: who is held out, how many that takes, and what the treated did beyond them.
//!
//! Pure functions: no runtime, no network, no state.
//!
//! ```
//! use audience_sync::measure::{ArmCounts, Finding, Lift, Power};
//!
//! # fn main() -> audience_sync::error::Result<()> {
//! // Before: 53,211 members in each arm see a change of 10 % at a base rate of 3 %.
//! assert_eq!(Power::default().members_per_arm(0.03, 0.1)?, 53_211);
//! // After: everybody who was assigned, and how many of them converted.
//! let lift = Lift::between(ArmCounts::new(90_000, 3_150)?, ArmCounts::new(10_000, 300)?);
//! assert_eq!(lift.finding(), Finding::Higher);
//! # Ok(()) }
//! ```

mod arms;
mod check;
mod contamination;
mod dist;
mod estimate;
mod holdout;
mod lift;
mod looks;
mod power;
mod regions;
mod report;
mod revenue;
mod significance;
mod split;

pub use arms::{Arm, Arms};
pub use contamination::Contamination;
pub use estimate::{Estimate, Finding, Strength, Verdict};
pub use holdout::Holdout;
pub use lift::{ArmCounts, Lift};
pub use looks::Looks;
pub use power::{Detectable, Power};
pub use regions::{Change, RegionSales, geo_split, pre_post};
pub use report::{Comparison, LiftReport, Reading};
pub use revenue::{ArmRevenue, Capped, RevenueLift};
pub use significance::{Test, holm};
pub use split::{SampleRatio, sample_ratio};
