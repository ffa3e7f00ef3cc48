//! The views' texts.

use super::names::Names;

/// The statements that make the views.
pub(super) fn create(names: &Names) -> [String; 3] {
    [current_members(names), membership_intervals(names), cohort_ltv(names)]
}

fn current_members(names: &Names) -> String {
    format!(
        "CREATE VIEW {view} AS
         SELECT workspace_key, audience_key, member_key, group_key, first_entered_at, entered_at, entry_count, row_hash,
                attributes, run_id, row_version, updated_at
         FROM {membership} WHERE is_member = 1",
        view = names.current_members,
        membership = names.membership,
    )
}

/// The partition's columns stand in the order of the log's index, so that one member's intervals are found by it.
fn membership_intervals(names: &Names) -> String {
    format!(
        "CREATE VIEW {view} AS
         SELECT workspace_key, audience_key, member_key, group_key, occurred_at AS entered_at,
                CASE next_type WHEN 'exit' THEN next_at END AS exited_at,
                reason AS entry_reason, CASE next_type WHEN 'exit' THEN next_reason END AS exit_reason,
                run_id AS entry_run_id, CASE next_type WHEN 'exit' THEN next_run END AS exit_run_id
         FROM (
             SELECT workspace_key, audience_key, member_key, group_key, occurred_at, event_type, reason, run_id,
                    LEAD(event_type) OVER one AS next_type, LEAD(occurred_at) OVER one AS next_at,
                    LEAD(reason) OVER one AS next_reason, LEAD(run_id) OVER one AS next_run
             FROM {log} WHERE event_type IN ('enter', 'exit')
             WINDOW one AS (PARTITION BY workspace_key, member_key, audience_key ORDER BY run_seq, occurred_at)
         ) WHERE event_type = 'enter'",
        view = names.membership_intervals,
        log = names.log,
    )
}

/// Sums whole millionths, and writes them as decimals again: nothing passes through a binary float but `ltv`.
fn cohort_ltv(names: &Names) -> String {
    let exact = |micros: &str| {
        format!(
            "CASE WHEN {micros} IS NOT NULL THEN printf('%s%d.%06d', CASE WHEN {micros} < 0 THEN '-' ELSE '' END, \
             abs({micros}) / 1000000, abs({micros}) % 1000000) END"
        )
    };
    format!(
        "CREATE VIEW {view} AS
         WITH entered AS (
             SELECT workspace_key, audience_key, group_key, member_key, first_entered_at,
                    date(first_entered_at, 'weekday 0', '-6 days') AS cohort_week
             FROM {membership}
         ), cohort AS (
             SELECT workspace_key, audience_key, group_key, cohort_week, COUNT(*) AS cohort_members
             FROM entered GROUP BY workspace_key, audience_key, group_key, cohort_week
         ), week AS (
             SELECT workspace_key, audience_key, group_key, cohort_week,
                    CAST((julianday(date(occurred_at, 'weekday 0', '-6 days')) - julianday(cohort_week)) / 7 AS INTEGER)
                        AS week_number,
                    currency, COUNT(*) AS events, COUNT(DISTINCT member_key) AS active_members,
                    SUM(CAST(replace(value, '.', '') AS INTEGER)) AS micros
             FROM entered JOIN {events} USING (workspace_key, member_key)
             WHERE occurred_at >= first_entered_at
             GROUP BY workspace_key, audience_key, group_key, cohort_week, week_number, currency
         ), summed AS (
             SELECT week.*, cohort_members, SUM(micros) OVER (
                        PARTITION BY week.workspace_key, week.audience_key, week.group_key, week.cohort_week, currency
                        ORDER BY week_number) AS micros_to_date
             FROM week JOIN cohort ON cohort.workspace_key = week.workspace_key
                 AND cohort.audience_key = week.audience_key
                 AND cohort.group_key IS week.group_key AND cohort.cohort_week = week.cohort_week
         )
         SELECT workspace_key, audience_key, group_key, cohort_week, week_number, currency, cohort_members,
                active_members, events, {value} AS value, {to_date} AS value_to_date,
                micros_to_date / 1000000.0 / cohort_members AS ltv
         FROM summed",
        view = names.cohort_ltv,
        membership = names.membership,
        events = names.events,
        value = exact("micros"),
        to_date = exact("micros_to_date"),
    )
}
