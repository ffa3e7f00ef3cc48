//! The views' texts.

use super::dialect::{Dialect, Kind};
use super::names::Names;

/// The statements that make the views, or make them anew where they are there.
pub(crate) fn create(names: &Names) -> Vec<String> {
    let views = [
        (&names.current_members, current_members(names)),
        (&names.membership_intervals, membership_intervals(names)),
        (&names.cohort_ltv, cohort_ltv(names)),
    ];
    let mut statements = Vec::new();
    for (view, query) in views {
        match names.dialect.kind {
            Kind::Sqlite => {
                statements.push(format!("DROP VIEW IF EXISTS {view}"));
                statements.push(format!("CREATE VIEW {view} AS {query}"));
            }
            // Keeps what analysts were granted on it, and what they built on it.
            Kind::Postgres => statements.push(format!("CREATE OR REPLACE VIEW {view} AS {query}")),
        }
    }
    statements
}

fn current_members(names: &Names) -> String {
    format!(
        "SELECT workspace_key, audience_key, member_key, group_key, first_entered_at, entered_at, entry_count,
                row_hash, attributes, run_id, row_version, updated_at
         FROM {} WHERE is_member = TRUE",
        names.membership
    )
}

/// The partition's columns stand in the order of the log's key, so that one member's intervals are found by it.
fn membership_intervals(names: &Names) -> String {
    format!(
        "SELECT workspace_key, audience_key, member_key, group_key, occurred_at AS entered_at,
                CASE next_type WHEN 'exit' THEN next_at END AS exited_at,
                reason AS entry_reason, CASE next_type WHEN 'exit' THEN next_reason END AS exit_reason,
                run_id AS entry_run_id, CASE next_type WHEN 'exit' THEN next_run END AS exit_run_id
         FROM (
             SELECT workspace_key, audience_key, member_key, group_key, occurred_at, event_type, reason, run_id,
                    LEAD(event_type) OVER one AS next_type, LEAD(occurred_at) OVER one AS next_at,
                    LEAD(reason) OVER one AS next_reason, LEAD(run_id) OVER one AS next_run
             FROM {} WHERE event_type IN ('enter', 'exit')
             WINDOW one AS (PARTITION BY workspace_key, member_key, audience_key ORDER BY run_seq, occurred_at)
         ) AS paired WHERE event_type = 'enter'",
        names.log
    )
}

/// Nothing passes through a binary float but `ltv`.
fn cohort_ltv(names: &Names) -> String {
    let Names { dialect, membership, events, .. } = names;
    let (entered_week, weeks_since) =
        (week_of(dialect, "first_entered_at"), weeks_between(dialect, "cohort_week", &week_of(dialect, "occurred_at")));
    let same_group = dialect.same("cohort.group_key", "week.group_key");
    let Money { sum, shown, shown_to_date, ltv } = money(dialect);
    format!(
        "WITH entered AS (
             SELECT workspace_key, audience_key, group_key, member_key, first_entered_at, {entered_week} AS cohort_week
             FROM {membership}
         ), cohort AS (
             SELECT workspace_key, audience_key, group_key, cohort_week, COUNT(*) AS cohort_members
             FROM entered GROUP BY workspace_key, audience_key, group_key, cohort_week
         ), week AS (
             SELECT entered.workspace_key, audience_key, group_key, cohort_week, {weeks_since} AS week_number, currency,
                    COUNT(*) AS events, COUNT(DISTINCT entered.member_key) AS active_members, {sum} AS amount
             FROM entered JOIN {events} AS event ON event.workspace_key = entered.workspace_key
                 AND event.member_key = entered.member_key AND event.occurred_at >= entered.first_entered_at
             GROUP BY entered.workspace_key, audience_key, group_key, cohort_week, week_number, currency
         ), summed AS (
             SELECT week.workspace_key, week.audience_key, week.group_key, week.cohort_week, week_number, currency,
                    cohort_members, active_members, events, amount, SUM(amount) OVER (
                        PARTITION BY week.workspace_key, week.audience_key, week.group_key, week.cohort_week, currency
                        ORDER BY week_number) AS amount_to_date
             FROM week JOIN cohort ON cohort.workspace_key = week.workspace_key
                 AND cohort.audience_key = week.audience_key
                 AND {same_group} AND cohort.cohort_week = week.cohort_week
         )
         SELECT workspace_key, audience_key, group_key, cohort_week, week_number, currency, cohort_members,
                active_members, events, {shown} AS value, {shown_to_date} AS value_to_date, {ltv} AS ltv
         FROM summed"
    )
}

/// The Monday of a moment's week, in UTC.
fn week_of(dialect: &Dialect, moment: &str) -> String {
    match dialect.kind {
        Kind::Sqlite => format!("date({moment}, 'weekday 0', '-6 days')"),
        Kind::Postgres => format!("CAST(date_trunc('week', {moment} AT TIME ZONE 'UTC') AS date)"),
    }
}

/// Whole weeks from one Monday to another.
fn weeks_between(dialect: &Dialect, from: &str, to: &str) -> String {
    match dialect.kind {
        Kind::Sqlite => format!("CAST((julianday({to}) - julianday({from})) / 7 AS INTEGER)"),
        Kind::Postgres => format!("({to} - {from}) / 7"),
    }
}

struct Money {
    sum: &'static str,
    shown: String,
    shown_to_date: String,
    ltv: &'static str,
}

/// SQLite has no decimals: there whole millionths are summed, and written as decimals again.
fn money(dialect: &Dialect) -> Money {
    let shown = |amount: &str| match dialect.kind {
        Kind::Sqlite => format!(
            "CASE WHEN {amount} IS NOT NULL THEN printf('%s%d.%06d', CASE WHEN {amount} < 0 THEN '-' ELSE '' END, \
             abs({amount}) / 1000000, abs({amount}) % 1000000) END"
        ),
        Kind::Postgres => amount.to_owned(),
    };
    let (sum, ltv) = match dialect.kind {
        Kind::Sqlite => {
            ("SUM(CAST(replace(value, '.', '') AS INTEGER))", "amount_to_date / 1000000.0 / cohort_members")
        }
        Kind::Postgres => ("SUM(value)", "CAST(amount_to_date AS double precision) / cohort_members"),
    };
    Money { sum, shown: shown("amount"), shown_to_date: shown("amount_to_date"), ltv }
}
