//! Guards: they judge the complete plan before anything leaves.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::plan::PlanCounts;

/// One million: ratios are counted in parts of it and compared as integers.
const MILLION: u128 = 1_000_000;

/// The limits a plan must keep within. The defaults are on; a host loosens them per binding, or approves one plan by its
/// digest.
///
/// Removals whose membership expired, or whose consent was withdrawn, do not count towards the removal guards. What is
/// left of a run that did not come to its end is judged together with what it did: against the members there were
/// before it, for at most 24 hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Guards {
    /// Refuses a plan that would empty an audience that had members. Default on.
    pub empty_source: bool,
    /// The most that may leave, in parts per million of the previous members. Default 200,000 (20 %).
    pub max_remove_ppm: Option<u32>,
    /// The share guard counts from so many removals on. Default 100.
    pub remove_floor: u64,
    /// The most that may leave, as a number. Default none.
    pub max_remove: Option<u64>,
    /// The most that may enter, in parts per million of the previous members. Default 2,000,000 (twice as many).
    pub max_add_ppm: Option<u32>,
    /// The growth guard counts from so many previous members on. Default 1,000.
    pub add_floor: u64,
    /// The most that may change, in parts per million of the previous members. Default 500,000 (50 %).
    pub max_change_ppm: Option<u32>,
    /// Rows without a usable member id, in parts per million of the source. Default 1,000 (0.1 %), from 10 rows on.
    pub max_unusable_ppm: Option<u32>,
    /// Rows that contradict an earlier one of the same member, in parts per million. Default 10,000 (1 %).
    pub max_conflict_ppm: Option<u32>,
    /// The most that may leave within 24 hours over all runs, in parts per million of the members there were. Default
    /// 400,000 (40 %): it stops a slow drain by many small syncs.
    pub max_remove_day_ppm: Option<u32>,
    /// Refuses a plan made under other mapping rules than the last: every member would be sent again. Default on.
    pub mapping_changed: bool,
    /// Refuses a plan under another holdout than the last: it would reshuffle the arms. Default on.
    pub holdout_reshuffle: bool,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            empty_source: true,
            max_remove_ppm: Some(200_000),
            remove_floor: 100,
            max_remove: None,
            max_add_ppm: Some(2_000_000),
            add_floor: 1_000,
            max_change_ppm: Some(500_000),
            max_unusable_ppm: Some(1_000),
            max_conflict_ppm: Some(10_000),
            max_remove_day_ppm: Some(400_000),
            mapping_changed: true,
            holdout_reshuffle: true,
        }
    }
}

/// The number of rows from which the share of unusable ones is judged.
const UNUSABLE_FLOOR: u64 = 10;

impl Guards {
    /// Changes any of it: `Guards::default().with(|g| g.max_remove = Some(5_000))`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The guards that refuse the plan.
    pub(crate) fn judge(&self, plan: &PlanCounts, facts: &Facts) -> Vec<GuardTrip> {
        let mut trips = Vec::new();
        let base = plan.previous.max(facts.unfinished_members);
        let removed = match plan.removed_guarded {
            0 => 0,
            more => more.saturating_add(facts.unfinished_removed),
        };
        if self.empty_source && plan.desired == 0 && plan.previous > 0 {
            trips.push(GuardTrip::new(Guard::EmptySource, 0, 1, plan.previous));
        }
        if let Some(most) = self.max_remove.filter(|most| removed > *most) {
            trips.push(GuardTrip::new(Guard::MaxRemove, removed, most, base));
        }
        let mut share = |guard, observed, floor, limit: Option<u32>, base| {
            let Some(ppm) = limit else { return };
            if observed >= floor && u128::from(observed) * MILLION > u128::from(ppm) * u128::from(base) {
                let most = u128::from(ppm) * u128::from(base) / MILLION;
                trips.push(GuardTrip::new(guard, observed, u64::try_from(most).unwrap_or(u64::MAX), base));
            }
        };
        share(Guard::RemoveShare, removed, self.remove_floor, self.max_remove_ppm, base);
        if base >= self.add_floor {
            share(Guard::Growth, plan.added, 1, self.max_add_ppm, base);
        }
        share(Guard::ChangeShare, plan.changed, self.remove_floor, self.max_change_ppm, base);
        share(Guard::Unusable, plan.unusable, UNUSABLE_FLOOR, self.max_unusable_ppm, plan.source_rows);
        share(Guard::Conflicts, plan.conflicts, UNUSABLE_FLOOR, self.max_conflict_ppm, plan.source_rows);
        let day = facts.removed_today.saturating_add(plan.removed_guarded);
        let there_were = plan.previous.saturating_add(facts.removed_today);
        if facts.removed_today > 0 && plan.removed_guarded > 0 {
            share(Guard::RemoveDay, day, self.remove_floor, self.max_remove_day_ppm, there_were);
        }
        if self.mapping_changed && facts.mapping_changed && plan.changed > 0 {
            trips.push(GuardTrip::new(Guard::MappingChanged, plan.changed, 0, plan.previous));
        }
        if self.holdout_reshuffle && facts.holdout_changed && plan.previous > 0 {
            trips.push(GuardTrip::new(Guard::HoldoutReshuffle, plan.previous, 0, plan.previous));
        }
        trips
    }
}

/// What the guards need to know beside the plan.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) removed_today: u64,
    /// The members before the runs that did not come to their end; 0 without one.
    pub(crate) unfinished_members: u64,
    /// What those runs removed.
    pub(crate) unfinished_removed: u64,
    pub(crate) mapping_changed: bool,
    pub(crate) holdout_changed: bool,
}

/// A guard by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Guard {
    /// Nobody is desired, and there were members.
    EmptySource,
    /// More leave than the number allowed.
    MaxRemove,
    /// A larger share leaves than allowed.
    RemoveShare,
    /// Within 24 hours a larger share leaves than allowed.
    RemoveDay,
    /// The audience grows by more than allowed.
    Growth,
    /// A larger share changes than allowed.
    ChangeShare,
    /// Too many rows without a usable member id.
    Unusable,
    /// Too many rows contradict an earlier one of the same member.
    Conflicts,
    /// The mapping rules are not those of the last run.
    MappingChanged,
    /// The holdout is not that of the last run.
    HoldoutReshuffle,
}

impl Guard {
    /// The guard as a stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptySource => "empty_source",
            Self::MaxRemove => "max_remove",
            Self::RemoveShare => "remove_share",
            Self::RemoveDay => "remove_day",
            Self::Growth => "growth",
            Self::ChangeShare => "change_share",
            Self::Unusable => "unusable_rows",
            Self::Conflicts => "conflicting_rows",
            Self::MappingChanged => "mapping_changed",
            Self::HoldoutReshuffle => "holdout_reshuffle",
        }
    }
}

/// A guard that refuses a plan, with what it saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GuardTrip {
    /// Which.
    pub guard: Guard,
    /// What the plan holds.
    pub observed: u64,
    /// The most (for an empty source: the least) it may hold.
    pub limit: u64,
    /// What the limit is a share of.
    pub base: u64,
}

impl GuardTrip {
    fn new(guard: Guard, observed: u64, limit: u64, base: u64) -> Self {
        Self { guard, observed, limit, base }
    }
}

impl fmt::Display for GuardTrip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { guard, observed, limit, base } = self;
        write!(f, "{}: observed {observed}, limit {limit}, of {base}", guard.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(desired: u64, previous: u64, added: u64, removed: u64, changed: u64) -> PlanCounts {
        PlanCounts {
            desired,
            previous,
            added,
            removed,
            removed_guarded: removed,
            changed,
            source_rows: desired,
            ..PlanCounts::default()
        }
    }

    fn tripped(plan: &PlanCounts, facts: Facts) -> Vec<Guard> {
        Guards::default().judge(plan, &facts).iter().map(|trip| trip.guard).collect()
    }

    #[test]
    fn the_removal_share_counts_from_its_floor_and_above_its_limit() {
        assert_eq!(tripped(&plan(800, 1000, 0, 200, 0), Facts::default()), []);
        assert_eq!(tripped(&plan(799, 1000, 0, 201, 0), Facts::default()), [Guard::RemoveShare]);
        assert_eq!(tripped(&plan(1, 100, 0, 99, 0), Facts::default()), []);
        assert_eq!(tripped(&plan(20, 120, 0, 100, 0), Facts::default()), [Guard::RemoveShare]);
    }

    #[test]
    fn an_empty_source_never_empties_an_audience() {
        assert_eq!(tripped(&plan(0, 5, 0, 5, 0), Facts::default()), [Guard::EmptySource]);
        assert_eq!(tripped(&plan(0, 0, 0, 0, 0), Facts::default()), []);
    }

    #[test]
    fn expired_members_do_not_count() {
        let mut expired = plan(100, 1000, 0, 900, 0);
        expired.removed_guarded = 10;
        assert_eq!(tripped(&expired, Facts::default()), []);
    }

    #[test]
    fn the_rest_of_a_run_is_judged_with_what_was_done_of_it() {
        // Of 1,000 members 850 have left, 100 of them neither by time nor by consent.
        let begun = Facts { unfinished_members: 1000, unfinished_removed: 100, ..Facts::default() };
        assert_eq!(tripped(&plan(2000, 150, 1900, 50, 100), begun), []);
        assert_eq!(tripped(&plan(2000, 150, 1900, 50, 100), Facts::default()), [Guard::ChangeShare]);
        assert_eq!(tripped(&plan(49, 150, 0, 101, 0), begun), [Guard::RemoveShare]);
        assert_eq!(tripped(&plan(3151, 150, 3001, 0, 0), begun), [Guard::Growth]);
        let limited = Guards::default().with(|guards| guards.max_remove = Some(149));
        assert_eq!(limited.judge(&plan(100, 150, 0, 50, 0), &begun)[0].guard, Guard::MaxRemove);
        assert_eq!(limited.judge(&plan(101, 150, 0, 49, 0), &begun), []);
    }

    #[test]
    fn growth_counts_from_a_thousand_members() {
        assert_eq!(tripped(&plan(3000, 999, 2001, 0, 0), Facts::default()), []);
        assert_eq!(tripped(&plan(3000, 1000, 2000, 0, 0), Facts::default()), []);
        assert_eq!(tripped(&plan(3001, 1000, 2001, 0, 0), Facts::default()), [Guard::Growth]);
    }

    #[test]
    fn a_slow_drain_is_seen_over_the_day() {
        let slow = Facts { removed_today: 300, ..Facts::default() };
        assert_eq!(tripped(&plan(600, 700, 0, 100, 0), slow), []);
        assert_eq!(tripped(&plan(599, 700, 0, 101, 0), slow), [Guard::RemoveDay]);
    }

    #[test]
    fn new_mapping_rules_and_a_new_holdout_are_refused() {
        let facts = Facts { mapping_changed: true, holdout_changed: true, ..Facts::default() };
        assert_eq!(tripped(&plan(10, 10, 0, 0, 10), facts), [Guard::MappingChanged, Guard::HoldoutReshuffle]);
        assert_eq!(tripped(&plan(600, 1000, 0, 0, 501), Facts::default()), [Guard::ChangeShare]);
    }

    #[test]
    fn bad_rows_are_judged_by_their_share_of_the_source() {
        let mut bad = plan(9_990, 9_990, 0, 0, 0);
        (bad.source_rows, bad.unusable) = (10_000, 10);
        assert_eq!(tripped(&bad, Facts::default()), []);
        (bad.unusable, bad.conflicts) = (11, 101);
        assert_eq!(tripped(&bad, Facts::default()), [Guard::Unusable, Guard::Conflicts]);
    }
}
