//! The figures the checklist judges by.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::audience::{PlatformFacts, Waiver};

/// The figures the checklist judges by: the defaults are the house's. Shares are 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ReadinessPolicy {
    /// The hours for which a check counts. Default 24.
    pub check_hours: u32,
    /// The days that credentials must last. Default 7.
    pub token_days: u32,
    /// The days for which a proven write counts. Default 30.
    pub write_days: u32,
    /// The share of present values that must be usable: pass from, warn from. Default 0.95, 0.85.
    pub valid: [f64; 2],
    /// The share of members with an identifier: pass from, warn from. Default 0.8, 0.6.
    pub covered: [f64; 2],
    /// The greatest share of one value of a field. Default 0.001.
    pub top_value: f64,
    /// The greatest share of placeholder values. Default 0.005.
    pub placeholders: f64,
    /// The share of members with two kinds of identifier: pass from; below it warns. Default 0.4.
    pub two_kinds: f64,
    /// The share of rows rejected: pass up to, warn up to. Default 0.01, 0.05.
    pub rejects: [f64; 2],
    /// The size at the destination over ours, without a history: lowest to warn, lowest to pass, highest. Default 0.15,
    /// 0.3, 1.05.
    pub ratio: [f64; 3],
    /// The change from one refresh to the next: pass up to, warn up to. Default 0.25, 0.6.
    pub change: [f64; 2],
    /// Impressions a week: lowest, highest. Default 1, 10.
    pub cap_per_week: [f64; 2],
    /// The lowest p-value of the sample-ratio test. Default 0.001.
    pub ratio_p: f64,
    /// Contamination: pass up to, warn up to. Default 0.005, 0.02.
    pub contamination: [f64; 2],
    /// The days for which the way back counts. Default 7.
    pub undo_days: u32,
    /// Facts about platforms that are better than, or missing in, [`PlatformFacts::of`].
    pub platforms: BTreeMap<String, PlatformFacts>,
    /// Items that do not block although they do by default.
    pub not_blocking: BTreeSet<String>,
    /// Items that are set aside.
    pub waivers: Vec<Waiver>,
}

impl Default for ReadinessPolicy {
    fn default() -> Self {
        Self {
            check_hours: 24,
            token_days: 7,
            write_days: 30,
            valid: [0.95, 0.85],
            covered: [0.8, 0.6],
            top_value: 0.001,
            placeholders: 0.005,
            two_kinds: 0.4,
            rejects: [0.01, 0.05],
            ratio: [0.15, 0.3, 1.05],
            change: [0.25, 0.6],
            cap_per_week: [1.0, 10.0],
            ratio_p: 0.001,
            contamination: [0.005, 0.02],
            undo_days: 7,
            platforms: BTreeMap::new(),
            not_blocking: BTreeSet::new(),
            waivers: Vec::new(),
        }
    }
}

impl ReadinessPolicy {
    /// Changes any of it.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}
