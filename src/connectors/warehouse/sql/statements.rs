//! Every statement by which the tables are read and written, rendered once for one dialect.
//!
//! A batch goes through a stage into [`STEPS`]: what each of its rows does, seen before anything is written. From there
//! the steps are written to the tables. Parameters are named in the templates: `:workspace`, `:audience`, `:run`,
//! `:version`, `:now`, and what each statement has of its own.

use super::dialect::{Dialect, Kind, Sql};
use super::names::Names;
use crate::connectors::warehouse::Removed;
use crate::connectors::warehouse::tables::{
    BATCHES, EVENTS, LOG, MEMBERSHIP, REJECTS, RUNS, SCHEMA, STAGED_EVENTS, STAGED_KEYS, STAGED_ROWS, STEPS, Table,
};

/// The statements, by what they are for.
#[derive(Debug)]
pub(crate) struct Statements {
    /// Who wrote a batch, and what was in it.
    pub(crate) find_batch: Sql,
    pub(crate) note_batch: Sql,
    /// What adding or changing the staged rows `:low` to `:high` does.
    pub(crate) steps_present: Sql,
    /// What removing them does.
    pub(crate) steps_left: Sql,
    pub(crate) forget_steps: Sql,
    pub(crate) write_present: Sql,
    pub(crate) write_left: Sql,
    pub(crate) write_log: Sql,
    pub(crate) write_events: Sql,
    pub(crate) note_run: Sql,
    pub(crate) note_reject: Sql,
    pub(crate) size: Sql,
    pub(crate) members: Sql,
    /// Deletes the staged people, table by table.
    pub(crate) forget: [Sql; 4],
    pub(crate) probe: Sql,
    pub(crate) find_version: Sql,
    pub(crate) note_version: Sql,
}

impl Statements {
    pub(crate) fn new(names: &Names, removed: Removed) -> Self {
        let sql = |template: String| names.dialect.sql(&template);
        Self {
            find_batch: sql(format!("SELECT run_id, content_sha256 FROM {} WHERE batch_id = :batch", names.batches)),
            note_batch: sql(note_batch(names)),
            steps_present: sql(steps_present(names)),
            steps_left: sql(steps_left(names)),
            forget_steps: sql(format!("DELETE FROM {}", names.dialect.stage(&STEPS))),
            write_present: sql(write_present(names)),
            write_left: sql(match removed {
                Removed::Tombstone => write_tombstones(names),
                Removed::Delete => delete_left(names),
            }),
            write_log: sql(write_log(names)),
            write_events: sql(write_events(names)),
            note_run: sql(note_run(names)),
            note_reject: sql(note_reject(names)),
            size: sql(format!(
                "SELECT COUNT(*) FROM {} AS m WHERE {} AND m.is_member = TRUE",
                names.membership,
                ours("m")
            )),
            members: sql(format!(
                "SELECT m.member_key FROM {} AS m WHERE {} AND m.member_key > :after AND m.is_member = TRUE
                 ORDER BY m.member_key LIMIT :page",
                names.membership,
                ours("m")
            )),
            forget: forget(names).map(sql),
            probe: sql(insert(&names.batches, &BATCHES, &[":batch", ":run", "'check'", "0", "''", ":now"])),
            find_version: sql(format!("SELECT MAX(version) FROM {}", names.versions)),
            note_version: sql(insert(&names.versions, &SCHEMA, &[":version", ":engine", ":now"])),
        }
    }
}

/// One tenant's rows of one audience.
fn ours(alias: &str) -> String {
    format!("{alias}.workspace_key = :workspace AND {alias}.audience_key = :audience")
}

/// One tenant's rows of one audience, to be joined with the stage `other` (of which `column` is never null).
///
/// Without statistics PostgreSQL guesses that one row in 200 has a given workspace, and one of those in 200 a given
/// audience: it then reads all rows of the audience for each that is staged. What depends on the stage it looks up.
fn ours_beside(names: &Names, alias: &str, other: &str, column: &str) -> String {
    match names.dialect.kind {
        Kind::Postgres => {
            let of = |value: &str| format!("CASE WHEN {other}.{column} IS NOT NULL THEN {value} END");
            format!("{alias}.workspace_key = {} AND {alias}.audience_key = {}", of(":workspace"), of(":audience"))
        }
        Kind::Sqlite => ours(alias),
    }
}

/// A member's rows in the log, in the order of its key.
fn history(alias: &str, member: &str) -> String {
    format!("{alias}.workspace_key = :workspace AND {alias}.member_key = {member} AND {alias}.audience_key = :audience")
}

fn insert(name: &str, table: &Table, values: &[&str]) -> String {
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    debug_assert_eq!(columns.len(), values.len());
    format!("INSERT INTO {name} ({}) VALUES ({})", columns.join(", "), values.join(", "))
}

fn note_batch(names: &Names) -> String {
    let dialect = names.dialect;
    let new = |name| (name, dialect.inserted(name));
    let values = [":batch", ":run", ":table_name", ":row_count", ":content", ":now"];
    let sets = ["run_id", "row_count", "content_sha256", "committed_at"].map(new);
    insert(&names.batches, &BATCHES, &values) + &dialect.or_update(&BATCHES, &sets, "TRUE")
}

/// A row with a lower version than what is held does nothing, and is left out. Where no row is held, the log may remember
/// the member: rows may have been deleted when it left.
fn steps_present(names: &Names) -> String {
    let Names { dialect, membership, log, .. } = names;
    format!(
        "INSERT INTO {steps}
             (member_key, op, kind, reason, group_key, happened_at, attributes, row_hash, is_new, newest)
         SELECT r.member_key, r.op,
                CASE WHEN m.is_member = TRUE AND m.row_hash = r.row_hash AND {same_group} THEN 'touch'
                     WHEN m.is_member = TRUE THEN 'change' ELSE 'enter' END,
                r.reason, r.group_key, r.happened_at, r.attributes, r.row_hash, m.member_key IS NULL,
                CASE WHEN m.member_key IS NULL THEN (SELECT MAX(l.run_seq) FROM {log} AS l WHERE {history})
                     ELSE m.row_version END
         FROM {rows} AS r LEFT JOIN {membership} AS m ON {ours} AND m.member_key = r.member_key
         WHERE r.idx >= :low AND r.idx < :high AND (m.row_version IS NULL OR m.row_version <= :version)",
        steps = dialect.stage(&STEPS),
        rows = dialect.stage(&STAGED_ROWS),
        same_group = dialect.same("m.group_key", "r.group_key"),
        history = history("l", "r.member_key"),
        ours = ours_beside(names, "m", "r", "op"),
    )
}

/// Who leaves leaves with what was known of it.
fn steps_left(names: &Names) -> String {
    let Names { dialect, membership, .. } = names;
    format!(
        "INSERT INTO {steps} (member_key, op, kind, reason, group_key, happened_at, row_hash, is_new, newest)
         SELECT r.member_key, r.op, CASE WHEN m.is_member = TRUE THEN 'exit' ELSE 'touch' END, r.reason, m.group_key,
                r.happened_at, m.row_hash, FALSE, m.row_version
         FROM {rows} AS r JOIN {membership} AS m ON {ours} AND m.member_key = r.member_key
         WHERE r.idx >= :low AND r.idx < :high AND m.row_version <= :version",
        steps = dialect.stage(&STEPS),
        rows = dialect.stage(&STAGED_ROWS),
        ours = ours_beside(names, "m", "r", "op"),
    )
}

/// Steps that count: the log may remember a newer one of a member that has no row.
const COUNTS: &str = "(s.newest IS NULL OR s.newest <= :version)";

fn write_present(names: &Names) -> String {
    let Names { dialect, membership, log, .. } = names;
    let known = names.bare(MEMBERSHIP.name);
    let held = |name: &str| format!("CASE WHEN {known}.is_member = TRUE THEN {known}.{name} ELSE");
    let new = |name| (name, dialect.inserted(name));
    let sets = [
        ("entered_at", format!("{} {} END", held("entered_at"), dialect.inserted("entered_at"))),
        ("entry_count", format!("{} {known}.entry_count + 1 END", held("entry_count"))),
        ("exited_at", "NULL".to_owned()),
        ("is_member", "TRUE".to_owned()),
        new("group_key"),
        new("row_hash"),
        new("attributes"),
        new("run_id"),
        new("updated_at"),
        new("row_version"),
    ];
    let remembered = "s.is_new = TRUE AND s.newest IS NOT NULL";
    let enters = format!("FROM {log} AS l WHERE {} AND l.event_type = 'enter'", history("l", "s.member_key"));
    format!(
        "INSERT INTO {membership} (workspace_key, audience_key, member_key, is_member, first_entered_at, entered_at,
             entry_count, group_key, row_hash, attributes, run_id, row_version, updated_at)
         SELECT :workspace, :audience, s.member_key, TRUE,
                CASE WHEN {remembered} THEN COALESCE((SELECT MIN(l.occurred_at) {enters}), s.happened_at)
                     ELSE s.happened_at END, s.happened_at,
                CASE WHEN {remembered} THEN 1 + (SELECT COUNT(*) {enters}) ELSE 1 END,
                s.group_key, s.row_hash, s.attributes, :run, :version, :now
         FROM {steps} AS s WHERE {COUNTS}{update}",
        steps = dialect.stage(&STEPS),
        update = dialect.or_update(
            &MEMBERSHIP,
            &sets,
            &format!("{known}.row_version <= {}", dialect.inserted("row_version"))
        ),
    )
}

fn write_tombstones(names: &Names) -> String {
    let Names { dialect, membership, .. } = names;
    let steps = dialect.stage(&STEPS);
    let set = "SET exited_at = CASE s.kind WHEN 'exit' THEN s.happened_at ELSE m.exited_at END, is_member = FALSE,
               run_id = :run, row_version = :version, updated_at = :now";
    let of = format!("{} AND m.member_key = s.member_key", ours_beside(names, "m", "s", "op"));
    format!("UPDATE {membership} AS m {set} FROM {steps} AS s WHERE {of}")
}

fn delete_left(names: &Names) -> String {
    let ours = format!("{} AND ", ours_beside(names, "m", "s", "op"));
    delete_staged(names, &names.membership, &ours, &STEPS, "member_key")
}

/// Deletes the rows whose member is staged.
fn delete_staged(names: &Names, table: &str, only: &str, stage: &Table, key: &str) -> String {
    let stage = names.dialect.stage(stage);
    match names.dialect.kind {
        Kind::Sqlite => {
            format!("DELETE FROM {table} AS m WHERE {only}m.member_key IN (SELECT s.{key} FROM {stage} AS s)")
        }
        Kind::Postgres => format!("DELETE FROM {table} AS m USING {stage} AS s WHERE {only}m.member_key = s.{key}"),
    }
}

/// Transitions under the operation's own id.
///
/// An operation may make the same transition a second time: two runs as of the same moment, with a third between that
/// went the other way. The version then tells them apart.
fn write_log(names: &Names) -> String {
    let Names { dialect, log, .. } = names;
    let event = dialect.concat(&["s.op", "'-'", "s.kind"]);
    let again = dialect.concat(&["s.op", "'-'", "s.kind", "'-'", ":version_text"]);
    format!(
        "INSERT INTO {log} (event_id, workspace_key, audience_key, member_key, event_type, reason, group_key,
             occurred_at, run_id, run_seq, row_hash)
         SELECT CASE WHEN s.newest IS NOT NULL AND EXISTS (
                    SELECT 1 FROM {log} AS l WHERE {history} AND l.event_id = {event}) THEN {again} ELSE {event} END,
                :workspace, :audience, s.member_key, s.kind, s.reason, s.group_key, s.happened_at, :run, :version,
                s.row_hash
         FROM {steps} AS s WHERE s.kind <> 'touch' AND {COUNTS}{keep}",
        steps = dialect.stage(&STEPS),
        history = history("l", "s.member_key"),
        keep = dialect.or_keep(&LOG),
    )
}

fn write_events(names: &Names) -> String {
    format!(
        "INSERT INTO {events} (event_id, workspace_key, event_name, member_key, occurred_at, received_at, value,
             currency, order_id, properties, batch_id)
         SELECT r.event_id, :workspace, r.event_name, r.member_key, r.occurred_at, :now, r.value, r.currency,
                r.order_id, r.properties, :batch
         FROM {rows} AS r WHERE r.idx >= :low AND r.idx < :high{keep}",
        events = names.events,
        rows = names.dialect.stage(&STAGED_EVENTS),
        keep = names.dialect.or_keep(&EVENTS),
    )
}

/// The columns of a run that its log knows; all of them but the key are set anew when it ends.
pub(crate) const RUN_COLUMNS: [&str; 28] = [
    "run_id",
    "run_seq",
    "workspace_key",
    "audience_key",
    "destination_key",
    "mode",
    "started_at",
    "finished_at",
    "source_rows",
    "null_key_rows",
    "duplicate_key_rows",
    "planned_added",
    "attempted_added",
    "succeeded_added",
    "failed_added",
    "planned_changed",
    "attempted_changed",
    "succeeded_changed",
    "failed_changed",
    "planned_removed",
    "attempted_removed",
    "succeeded_removed",
    "failed_removed",
    "snapshot_generation",
    "error_class",
    "error_message",
    "engine_version",
    "status",
];

/// A record that says "running" never undoes one that says how it ended.
fn note_run(names: &Names) -> String {
    let dialect = names.dialect;
    let known = names.bare(RUNS.name);
    let values: Vec<String> = RUN_COLUMNS.iter().map(|name| format!(":{name}")).collect();
    let sets: Vec<(&str, String)> = RUN_COLUMNS.iter().skip(1).map(|name| (*name, dialect.inserted(name))).collect();
    let only_if = format!("({known}.status = 'running' OR {} <> 'running')", dialect.inserted("status"));
    format!(
        "INSERT INTO {} ({}) VALUES ({}){}",
        names.runs,
        RUN_COLUMNS.join(", "),
        values.join(", "),
        dialect.or_update(&RUNS, &sets, &only_if)
    )
}

/// A rejected row that is known already stays as it is.
fn note_reject(names: &Names) -> String {
    let values =
        [":reject", ":run", ":audience", ":member", ":op", ":class", ":code", ":message", ":attempt", ":occurred"];
    insert(&names.rejects, &REJECTS, &values) + &names.dialect.or_keep(&REJECTS)
}

/// A rejected row names its tenant only through its run; one whose run was not logged may be anybody's.
fn forget(names: &Names) -> [String; 4] {
    let staged =
        |table: &str| delete_staged(names, table, "m.workspace_key = :workspace AND ", &STAGED_KEYS, "member_key");
    let theirs = format!(
        "NOT EXISTS (SELECT 1 FROM {} AS run WHERE run.run_id = m.run_id AND run.workspace_key <> :workspace) AND ",
        names.runs
    );
    [
        staged(&names.membership),
        staged(&names.log),
        staged(&names.events),
        delete_staged(names, &names.rejects, &theirs, &STAGED_KEYS, "logged_key"),
    ]
}

/// The statements that make a table and its indexes.
pub(crate) fn create_table(names: &Names, table: &Table) -> Vec<String> {
    let dialect: &Dialect = names.dialect;
    let mut statements = vec![format!(
        "CREATE TABLE {} ({}, PRIMARY KEY ({})){}",
        names.of(table.name),
        dialect.columns(table),
        dialect.list(table.key),
        dialect.table_options,
    )];
    for (index, columns) in table.indexes.iter().enumerate() {
        // An index lies in the schema of its table.
        let name = names.bare(&format!("{}_by_{}", table.name, index + 1));
        statements.push(format!("CREATE INDEX {name} ON {} ({})", names.of(table.name), dialect.list(columns)));
    }
    statements
}

/// The statement that adds a column that may be null.
pub(crate) fn add_column(
    names: &Names,
    table: &Table,
    column: &crate::connectors::warehouse::tables::Column,
) -> String {
    format!("ALTER TABLE {} ADD COLUMN {}", names.of(table.name), names.dialect.column(column))
}
