//! Against real databases in temporary folders.

mod contract;
mod faults;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::*;
use crate::clock::Clock;
use crate::destination::{Action, Attributes, MemberId, OpId, Reason, Row, RowOutcome};
use crate::error::Retry;
use crate::identity::{AttributeValue, Consent};
use crate::time::Timestamp;

/// 2026-11-23T12:00:00Z, a Monday.
const NOON: i64 = 1_795_435_200_000;

/// Always 2026-11-23T12:00:00Z.
#[derive(Debug)]
struct Noon;

#[async_trait]
impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOON)
    }

    async fn sleep(&self, _: Duration) {}

    fn jitter(&self) -> u64 {
        0
    }
}

/// A warehouse in a folder of its own.
struct Bench {
    folder: tempfile::TempDir,
    warehouse: Sqlite,
    cx: Context,
}

impl Bench {
    fn new() -> Self {
        Self::with(|config| config)
    }

    fn with(change: impl FnOnce(SqliteConfig) -> SqliteConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = SqliteConfig::new(folder.path().join("w.db")).with_busy_timeout_ms(0);
        let warehouse = Sqlite::new(change(config)).unwrap();
        Self { folder, warehouse, cx: context() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("w.db")
    }

    /// A connection of an analyst's own.
    fn analyst(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    /// Rows as texts: columns by `|`, null as `-`.
    fn query(&self, sql: &str) -> Vec<String> {
        query(&self.analyst(), sql)
    }

    async fn send(&self, batch: &Batch) -> Vec<RowOutcome> {
        self.warehouse.send(&self.cx, batch).await.unwrap().resolve(batch.rows().len()).unwrap()
    }

    async fn accepted(&self, batch: &Batch) {
        let outcomes = self.send(batch).await;
        assert!(outcomes.iter().all(|outcome| *outcome == RowOutcome::ACCEPTED), "{outcomes:?}");
    }

    fn members(&self) -> Vec<String> {
        self.query("SELECT member_key FROM v_current_members ORDER BY 1")
    }
}

fn context() -> Context {
    Context::new("run", Arc::new(Noon))
}

fn query(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let text = |value: Value| match value {
        Value::Null => "-".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text,
        Value::Blob(_) => "blob".to_owned(),
    };
    let rows = statement.query_map([], |row| {
        (0..columns).map(|column| row.get(column).map(text)).collect::<Result<Vec<_>, _>>().map(|cells| cells.join("|"))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// Operation `op` for a member, as of noon plus `after` milliseconds.
fn row(member: &str, op: u8, after: i64) -> Row {
    Row {
        op_id: OpId::from_bytes([op; 16]),
        member_id: MemberId::from(member),
        identifiers: Vec::new(),
        attributes: Attributes::default(),
        consent: Consent::default(),
        arm: None,
        reason: Reason::Entered,
        effective_at: Timestamp::from_millis(NOON + after),
        expires_at: None,
        vendor_ref: None,
    }
}

fn tier(mut row: Row, tier: &str) -> Row {
    row.attributes = Attributes::new([("tier".into(), AttributeValue::from(tier))]);
    row
}

/// Rows for the audience `vip` in the run `run-<version>`.
fn batch(version: u64, action: Action, rows: Vec<Row>) -> Batch {
    Batch::new(format!("run-{version}"), vip(), action, rows).with_row_version(version)
}

fn vip() -> AudienceRef {
    AudienceRef::new("vip", "vip")
}
