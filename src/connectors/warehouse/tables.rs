//! The public tables as data: one description for every dialect.

/// The version of these tables, as `activation_schema` holds it.
pub(crate) const SCHEMA_VERSION: i64 = 1;

/// What a column holds, before a dialect gives it a type of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logical {
    /// A text.
    Text,
    /// A text that is compared byte by byte.
    Key,
    /// A whole number of 64 bits.
    Int64,
    /// An exact decimal with 18 digits, 6 of them after the point.
    Decimal,
    /// Yes or no.
    Bool,
    /// A moment in UTC with microseconds.
    Timestamp,
    /// A JSON document.
    Json,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) logical: Logical,
    pub(crate) nullable: bool,
}

/// A table: its columns in order, its key, and what it is searched by besides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [Column],
    pub(crate) key: &'static [&'static str],
    pub(crate) indexes: &'static [&'static [&'static str]],
}

const fn must(name: &'static str, logical: Logical) -> Column {
    Column { name, logical, nullable: false }
}

const fn may(name: &'static str, logical: Logical) -> Column {
    Column { name, logical, nullable: true }
}

/// Current membership: one row per workspace, audience and member.
pub(crate) const MEMBERSHIP: Table = Table {
    name: "audience_membership",
    columns: &[
        must("workspace_key", Logical::Key),
        must("audience_key", Logical::Key),
        must("member_key", Logical::Key),
        must("is_member", Logical::Bool),
        must("first_entered_at", Logical::Timestamp),
        must("entered_at", Logical::Timestamp),
        may("exited_at", Logical::Timestamp),
        must("entry_count", Logical::Int64),
        may("group_key", Logical::Text),
        must("row_hash", Logical::Text),
        may("attributes", Logical::Json),
        must("run_id", Logical::Text),
        must("row_version", Logical::Int64),
        must("updated_at", Logical::Timestamp),
    ],
    key: &["workspace_key", "audience_key", "member_key"],
    indexes: &[],
};

/// Every entry, exit and change: append-only.
///
/// An event's id names it alone. The key begins with the member, so that one member's history lies in one place: with the
/// id alone every event would go to a random page, and a second tree would be needed to find a member's.
pub(crate) const LOG: Table = Table {
    name: "audience_membership_log",
    columns: &[
        must("event_id", Logical::Key),
        must("workspace_key", Logical::Key),
        must("audience_key", Logical::Key),
        must("member_key", Logical::Key),
        must("event_type", Logical::Text),
        must("reason", Logical::Text),
        may("group_key", Logical::Text),
        must("occurred_at", Logical::Timestamp),
        must("run_id", Logical::Text),
        must("run_seq", Logical::Int64),
        must("row_hash", Logical::Text),
    ],
    key: &["workspace_key", "member_key", "audience_key", "event_id"],
    indexes: &[],
};

/// Key events. Two tenants may have an order of the same number, so the workspace is part of the key.
pub(crate) const EVENTS: Table = Table {
    name: "events",
    columns: &[
        must("event_id", Logical::Key),
        must("workspace_key", Logical::Key),
        must("event_name", Logical::Text),
        must("member_key", Logical::Key),
        must("occurred_at", Logical::Timestamp),
        must("received_at", Logical::Timestamp),
        may("value", Logical::Decimal),
        may("currency", Logical::Text),
        may("order_id", Logical::Text),
        may("properties", Logical::Json),
        must("batch_id", Logical::Text),
    ],
    key: &["workspace_key", "event_id"],
    indexes: &[&["workspace_key", "member_key", "occurred_at"]],
};

/// Runs.
pub(crate) const RUNS: Table = Table {
    name: "sync_runs",
    columns: &[
        must("run_id", Logical::Key),
        must("run_seq", Logical::Int64),
        must("workspace_key", Logical::Key),
        must("audience_key", Logical::Key),
        must("destination_key", Logical::Text),
        must("mode", Logical::Text),
        must("status", Logical::Text),
        must("started_at", Logical::Timestamp),
        may("finished_at", Logical::Timestamp),
        must("source_rows", Logical::Int64),
        must("null_key_rows", Logical::Int64),
        must("duplicate_key_rows", Logical::Int64),
        must("planned_added", Logical::Int64),
        must("attempted_added", Logical::Int64),
        must("succeeded_added", Logical::Int64),
        must("failed_added", Logical::Int64),
        must("planned_changed", Logical::Int64),
        must("attempted_changed", Logical::Int64),
        must("succeeded_changed", Logical::Int64),
        must("failed_changed", Logical::Int64),
        must("planned_removed", Logical::Int64),
        must("attempted_removed", Logical::Int64),
        must("succeeded_removed", Logical::Int64),
        must("failed_removed", Logical::Int64),
        may("destination_reported_size", Logical::Int64),
        may("query_fingerprint", Logical::Text),
        may("mapping_version", Logical::Int64),
        must("snapshot_generation", Logical::Int64),
        may("error_class", Logical::Text),
        may("error_code", Logical::Text),
        may("error_message", Logical::Text),
        must("engine_version", Logical::Text),
    ],
    key: &["run_id"],
    indexes: &[],
};

/// Rejected rows. They hold the member's key and nothing else of the member.
pub(crate) const REJECTS: Table = Table {
    name: "sync_rejects",
    columns: &[
        must("reject_id", Logical::Key),
        must("run_id", Logical::Text),
        must("audience_key", Logical::Key),
        must("member_key", Logical::Key),
        must("op", Logical::Text),
        must("error_class", Logical::Text),
        must("error_code", Logical::Text),
        may("error_message", Logical::Text),
        must("attempt", Logical::Int64),
        must("occurred_at", Logical::Timestamp),
    ],
    key: &["reject_id"],
    indexes: &[],
};

/// The ledger of batches.
pub(crate) const BATCHES: Table = Table {
    name: "load_batches",
    columns: &[
        must("batch_id", Logical::Key),
        must("run_id", Logical::Text),
        must("table_name", Logical::Text),
        must("row_count", Logical::Int64),
        must("content_sha256", Logical::Text),
        must("committed_at", Logical::Timestamp),
    ],
    key: &["batch_id"],
    indexes: &[],
};

/// The version of the tables.
pub(crate) const SCHEMA: Table = Table {
    name: "activation_schema",
    columns: &[
        must("version", Logical::Int64),
        must("engine_version", Logical::Text),
        must("created_at", Logical::Timestamp),
    ],
    key: &["version"],
    indexes: &[],
};

/// Every table.
pub(crate) const ALL: [&Table; 7] = [&MEMBERSHIP, &LOG, &EVENTS, &RUNS, &REJECTS, &BATCHES, &SCHEMA];

/// Every view's name; `views` has their texts.
pub(crate) const VIEWS: [&str; 3] = ["v_current_members", "v_membership_intervals", "v_cohort_ltv"];

/// What is to be there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contract {
    pub(crate) version: i64,
    pub(crate) tables: &'static [&'static Table],
}

/// What this crate writes to.
pub(crate) static CONTRACT: Contract = Contract { version: SCHEMA_VERSION, tables: &ALL };

/// A batch of members on its way: one connection's own, and only until the batch is committed.
pub(crate) static STAGED_ROWS: Table = Table {
    name: "audience_sync_rows",
    columns: &[
        must("idx", Logical::Int64),
        must("member_key", Logical::Key),
        must("op", Logical::Text),
        must("reason", Logical::Text),
        may("group_key", Logical::Text),
        must("happened_at", Logical::Timestamp),
        may("attributes", Logical::Json),
        must("row_hash", Logical::Text),
    ],
    key: &[],
    indexes: &[],
};

/// What each row of a batch does. `kind` is `enter`, `change`, `exit` or `touch`; `is_new` says that no row is held of the
/// member, `newest` the version of what is held or, without a row, of what the log remembers.
pub(crate) static STEPS: Table = Table {
    name: "audience_sync_steps",
    columns: &[
        must("member_key", Logical::Key),
        must("op", Logical::Text),
        must("kind", Logical::Text),
        must("reason", Logical::Text),
        may("group_key", Logical::Text),
        must("happened_at", Logical::Timestamp),
        may("attributes", Logical::Json),
        must("row_hash", Logical::Text),
        must("is_new", Logical::Bool),
        may("newest", Logical::Int64),
    ],
    key: &[],
    indexes: &[],
};

/// A batch of key events on its way.
pub(crate) static STAGED_EVENTS: Table = Table {
    name: "audience_sync_events",
    columns: &[
        must("idx", Logical::Int64),
        must("event_id", Logical::Key),
        must("event_name", Logical::Text),
        must("member_key", Logical::Key),
        must("occurred_at", Logical::Timestamp),
        may("value", Logical::Decimal),
        may("currency", Logical::Text),
        may("order_id", Logical::Text),
        may("properties", Logical::Json),
    ],
    key: &[],
    indexes: &[],
};

/// People to be forgotten: by their key, and by the one under which their rejects were logged.
pub(crate) static STAGED_KEYS: Table = Table {
    name: "audience_sync_keys",
    columns: &[must("member_key", Logical::Text), must("logged_key", Logical::Text)],
    key: &[],
    indexes: &[],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_indexes_name_columns_and_no_column_stands_twice() {
        for table in ALL {
            let position = |name: &str| table.columns.iter().position(|column| column.name == name);
            for name in table.key.iter().chain(table.indexes.iter().copied().flatten()) {
                let column = table.columns[position(name).unwrap_or_else(|| panic!("{} lacks {name}", table.name))];
                assert!(!column.nullable, "{}.{name}", table.name);
            }
            for (index, column) in table.columns.iter().enumerate() {
                assert_eq!(position(column.name), Some(index), "{}.{}", table.name, column.name);
            }
        }
    }
}
