//! One bench for every SQL database: a warehouse, and an analyst who looks at it through a connection of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub(crate) use audience_sync::clock::{Clock, Timestamp};
pub(crate) use audience_sync::connectors::warehouse::Removed;
use audience_sync::connectors::warehouse::postgres::{Postgres, PostgresConfig, Tls};
use audience_sync::connectors::warehouse::sqlite::{Sqlite, SqliteConfig};
pub(crate) use audience_sync::destination::{
    Action, Attributes, AudienceRef, Batch, Context, Cursor, Destination, MemberId, OpId, Reason, RejectRecord, Row,
    RowOutcome, RunLog, RunRecord, Size,
};
pub(crate) use audience_sync::identity::{AttributeValue, Consent};
pub(crate) use audience_sync::{ErrorKind, Retry, async_trait};
use rusqlite::types::Value;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::types::Type;

use crate::servers::postgres::PostgresServer;

/// 2026-11-23T12:00:00Z, a Monday.
pub(crate) const NOON: i64 = 1_795_435_200_000;
pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Always 2026-11-23T12:00:00Z.
#[derive(Debug)]
pub(crate) struct Noon;

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

/// A database that is there.
#[derive(Clone, Copy)]
pub(crate) enum Db {
    Sqlite,
    Postgres(&'static PostgresServer),
}

impl Db {
    pub(crate) fn sqlite() -> Option<Self> {
        Some(Self::Sqlite)
    }

    pub(crate) fn postgres() -> Option<Self> {
        PostgresServer::shared().map(Self::Postgres)
    }
}

/// What a test may set.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) workspace: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) removed: Removed,
}

impl Default for Terms {
    fn default() -> Self {
        Self { workspace: "default", prefix: "", removed: Removed::Tombstone }
    }
}

/// A warehouse with tables of its own.
pub(crate) struct Bench {
    pub(crate) warehouse: Arc<dyn Destination>,
    pub(crate) log: Arc<dyn RunLog>,
    pub(crate) cx: Context,
    place: Place,
}

#[derive(Clone)]
enum Place {
    Sqlite(Arc<tempfile::TempDir>),
    Postgres(&'static PostgresServer, String),
}

fn both<W: Destination + RunLog + Clone>(warehouse: W) -> (Arc<dyn Destination>, Arc<dyn RunLog>) {
    (Arc::new(warehouse.clone()), Arc::new(warehouse))
}

impl Place {
    fn new(db: Db) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        match db {
            Db::Sqlite => Self::Sqlite(Arc::new(tempfile::tempdir().unwrap())),
            Db::Postgres(server) => Self::Postgres(server, format!("bench_{}", NEXT.fetch_add(1, Ordering::Relaxed))),
        }
    }

    fn file(folder: &tempfile::TempDir) -> PathBuf {
        folder.path().join("w.db")
    }

    fn open(&self, terms: Terms) -> (Arc<dyn Destination>, Arc<dyn RunLog>) {
        match self {
            Self::Sqlite(folder) => both(
                Sqlite::new(
                    SqliteConfig::new(Self::file(folder))
                        .with_workspace_key(terms.workspace)
                        .with_table_prefix(terms.prefix)
                        .with_removed(terms.removed),
                )
                .unwrap(),
            ),
            Self::Postgres(server, schema) => both(
                Postgres::new(
                    postgres_config(server.port(), schema)
                        .with_workspace_key(terms.workspace)
                        .with_table_prefix(terms.prefix)
                        .with_removed(terms.removed),
                )
                .unwrap(),
            ),
        }
    }
}

pub(crate) fn postgres_config(port: u16, schema: &str) -> PostgresConfig {
    PostgresConfig::new("127.0.0.1", "postgres", "postgres").with_port(port).with_tls(Tls::Disable).with_schema(schema)
}

impl Bench {
    pub(crate) async fn new(db: Db) -> Self {
        Self::with(db, Terms::default()).await
    }

    pub(crate) async fn with(db: Db, terms: Terms) -> Self {
        let place = Place::new(db);
        let (warehouse, log) = place.open(terms);
        // The tables are there before anybody looks.
        let cx = Context::new("run", Arc::new(Noon));
        warehouse.size(&cx, &vip()).await.unwrap();
        Self { warehouse, log, cx, place }
    }

    /// Another warehouse in the same place.
    pub(crate) fn beside(&self, terms: Terms) -> Beside {
        let (warehouse, log) = self.place.open(terms);
        Beside { warehouse, log }
    }

    /// The schema, where databases have them.
    pub(crate) fn schema(&self) -> &str {
        match &self.place {
            Place::Sqlite(_) => "main",
            Place::Postgres(_, schema) => schema,
        }
    }

    /// Rows as texts: columns by `|`, null as `-`, the same in every database.
    pub(crate) async fn query(&self, sql: &str) -> Vec<String> {
        match &self.place {
            Place::Sqlite(folder) => of_sqlite(&rusqlite::Connection::open(Place::file(folder)).unwrap(), sql),
            Place::Postgres(server, schema) => {
                let client = server.client("postgres", "postgres").await;
                client.batch_execute(&format!("SET search_path = {schema}; SET TimeZone = 'UTC'")).await.unwrap();
                of_postgres(&client, sql).await
            }
        }
    }

    /// Changes what is there, past the warehouse.
    pub(crate) async fn meddle(&self, sql: &str) {
        match &self.place {
            Place::Sqlite(folder) => {
                rusqlite::Connection::open(Place::file(folder)).unwrap().execute_batch(sql).unwrap();
            }
            Place::Postgres(server, schema) => {
                let client = server.client("postgres", "postgres").await;
                client.batch_execute(&format!("SET search_path = {schema}; {sql}")).await.unwrap();
            }
        }
    }

    pub(crate) async fn send(&self, batch: &Batch) -> Vec<RowOutcome> {
        self.warehouse.send(&self.cx, batch).await.unwrap().resolve(batch.rows().len()).unwrap()
    }

    pub(crate) async fn accepted(&self, batch: &Batch) {
        let outcomes = self.send(batch).await;
        assert!(outcomes.iter().all(|outcome| *outcome == RowOutcome::ACCEPTED), "{outcomes:?}");
    }

    pub(crate) async fn members(&self) -> Vec<String> {
        self.query("SELECT member_key FROM v_current_members ORDER BY 1").await
    }
}

/// A second warehouse in a bench's place.
pub(crate) struct Beside {
    pub(crate) warehouse: Arc<dyn Destination>,
    pub(crate) log: Arc<dyn RunLog>,
}

fn of_sqlite(connection: &rusqlite::Connection, sql: &str) -> Vec<String> {
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

async fn of_postgres(client: &tokio_postgres::Client, sql: &str) -> Vec<String> {
    let types: Vec<Type> =
        client.prepare(sql).await.unwrap().columns().iter().map(|column| column.type_().clone()).collect();
    let text = |of: &Type, value: Option<&str>| match (value, of) {
        (None, _) => "-".to_owned(),
        (Some(value), &Type::BOOL) => (if value == "t" { "1" } else { "0" }).to_owned(),
        // `2026-11-23 12:00:00+00`, with what there is behind the second.
        (Some(value), &Type::TIMESTAMPTZ) => {
            let value = value.strip_suffix("+00").unwrap().replace(' ', "T");
            let (second, rest) = value.split_once('.').unwrap_or((&value, ""));
            format!("{second}.{rest:0<6}Z")
        }
        (Some(value), &Type::JSONB) => serde_json::from_str::<serde_json::Value>(value).unwrap().to_string(),
        (Some(value), _) => value.to_owned(),
    };
    let messages = client.simple_query(sql).await.unwrap();
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| types.iter().enumerate().map(|(index, of)| text(of, row.get(index))).collect::<Vec<_>>().join("|"))
        .collect()
}

/// Operation `op` for a member, as of noon plus `after` milliseconds.
pub(crate) fn row(member: &str, op: u8, after: i64) -> Row {
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

pub(crate) fn tier(mut row: Row, tier: &str) -> Row {
    row.attributes = Attributes::new([("tier".into(), AttributeValue::from(tier))]);
    row
}

pub(crate) fn because(mut row: Row, reason: Reason) -> Row {
    row.reason = reason;
    row
}

/// Rows for the audience `vip` in the run `run-<version>`.
pub(crate) fn batch(version: u64, action: Action, rows: Vec<Row>) -> Batch {
    Batch::new(format!("run-{version}"), vip(), action, rows).with_row_version(version)
}

pub(crate) fn vip() -> AudienceRef {
    AudienceRef::new("vip", "vip")
}

/// `00…`, as a log's event id begins for operation 0.
pub(crate) fn op(op: u8) -> String {
    OpId::from_bytes([op; 16]).to_hex()
}
