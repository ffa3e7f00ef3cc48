//! The tables' and views' names as they stand in SQL: with the prefix, quoted.

use crate::connectors::warehouse::sql::SQLITE;
use crate::connectors::warehouse::tables::{BATCHES, EVENTS, LOG, MEMBERSHIP, REJECTS, RUNS, SCHEMA, VIEWS};

#[derive(Debug)]
pub(super) struct Names {
    pub(super) prefix: String,
    pub(super) membership: String,
    pub(super) log: String,
    pub(super) events: String,
    pub(super) runs: String,
    pub(super) rejects: String,
    pub(super) batches: String,
    pub(super) schema: String,
    pub(super) current_members: String,
    pub(super) membership_intervals: String,
    pub(super) cohort_ltv: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        let name = |name| SQLITE.name(prefix, name);
        let [current_members, membership_intervals, cohort_ltv] = VIEWS.map(name);
        Self {
            prefix: prefix.to_owned(),
            membership: name(MEMBERSHIP.name),
            log: name(LOG.name),
            events: name(EVENTS.name),
            runs: name(RUNS.name),
            rejects: name(REJECTS.name),
            batches: name(BATCHES.name),
            schema: name(SCHEMA.name),
            current_members,
            membership_intervals,
            cohort_ltv,
        }
    }
}
