//! One connection in use.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::SinkExt;
use sha2::{Digest, Sha256};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::fault;
use super::wire::{Chunks, Parameter, type_of};
use crate::connectors::warehouse::sql::{Cell, Fault, Names, POSTGRES, Sql, SqlSession, StageRows, Values, Work};
use crate::connectors::warehouse::tables::Table;
use crate::error::{Error, ErrorKind};

/// How long a transaction may wait for us, in seconds: a host that hangs must not hold what others wait for.
const IDLE_SECONDS: u32 = 60;

/// One connection in use. Dropped, its connection is closed, and the server takes back what was not committed; a
/// statement that still runs there cannot count any more.
pub(super) struct Session {
    client: Client,
    statement_timeout: Duration,
    in_transaction: bool,
}

impl Session {
    pub(super) fn new(client: Client, statement_timeout: Duration) -> Self {
        Self { client, statement_timeout, in_transaction: false }
    }

    /// The connection, for the next call, when nothing is open on it.
    pub(super) async fn release(mut self) -> Option<Client> {
        if self.in_transaction {
            self.rollback().await.ok()?;
        }
        (!self.client.is_closed()).then_some(self.client)
    }

    async fn simple(&self, sql: &str) -> Work<()> {
        self.client.batch_execute(sql).await.map_err(|error| fault::of(&error))
    }
}

/// Names of parameters become their values, with a type each: no round trip to ask the server for the types, and nothing
/// that a pooler between us would have to remember.
fn bind<'a>(sql: &Sql, values: &Values<'a>) -> Work<Vec<(Parameter<'a>, Type)>> {
    let value = |name: &String| {
        let value = values.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
        let value = value.ok_or_else(|| Error::new(ErrorKind::Bug, format!("expected a value for `{name}`")))?;
        Ok((Parameter(value), type_of(&value)))
    };
    sql.parameters.iter().map(value).collect()
}

fn borrowed<'a>(bound: &'a [(Parameter<'a>, Type)]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    bound.iter().map(|(value, of)| (value as &(dyn ToSql + Sync), of.clone())).collect()
}

fn cell(row: &Row, index: usize) -> Work<Cell> {
    let of = row.columns().get(index).map(|column| column.type_().clone());
    let got = match of {
        Some(Type::INT8) => row.try_get::<_, Option<i64>>(index).map(|value| value.map(Cell::Int)),
        Some(Type::INT4) => {
            row.try_get::<_, Option<i32>>(index).map(|value| value.map(|value| Cell::Int(value.into())))
        }
        Some(Type::BOOL) => {
            row.try_get::<_, Option<bool>>(index).map(|value| value.map(|value| Cell::Int(value.into())))
        }
        _ => row.try_get::<_, Option<String>>(index).map(|value| value.map(Cell::Text)),
    };
    match got {
        Ok(value) => Ok(value.unwrap_or(Cell::Null)),
        Err(_) => Err(Fault::unexpected("numbers and texts")),
    }
}

#[async_trait]
impl SqlSession for Session {
    /// One message to the server. Settings and stages end with the transaction, so that a pooler that gives each
    /// transaction another connection does no harm.
    async fn begin(&mut self, stages: &[&Table]) -> Work<()> {
        let mut sql = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = {}; \
             SET LOCAL idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'; SET LOCAL client_min_messages = error",
            self.statement_timeout.as_millis()
        );
        for statement in stages.iter().flat_map(|stage| POSTGRES.create_stage(stage)) {
            sql.push_str("; ");
            sql.push_str(&statement);
        }
        self.in_transaction = true;
        self.simple(&sql).await
    }

    /// Held until the server has settled the transaction, also when nobody hears of it.
    async fn lock(&mut self, key: &str) -> Work<()> {
        let digest: [u8; 32] = Sha256::digest(key).into();
        let (first, _) = digest.split_at(8);
        let key = first.iter().fold(0_i64, |key, byte| key << 8 | i64::from(*byte));
        let locked = self.client.query_typed("SELECT pg_advisory_xact_lock($1)", &[(&key, Type::INT8)]).await;
        locked.map(drop).map_err(|error| fault::of(&error))
    }

    async fn commit(&mut self) -> Work<()> {
        let committed = self.client.batch_execute("COMMIT").await;
        self.in_transaction = false;
        committed.map_err(|error| fault::of_commit(&error))
    }

    async fn rollback(&mut self) -> Work<()> {
        self.simple("ROLLBACK").await?;
        self.in_transaction = false;
        Ok(())
    }

    async fn savepoint(&mut self) -> Work<()> {
        self.simple("SAVEPOINT piece").await
    }

    async fn keep(&mut self) -> Work<()> {
        self.simple("RELEASE SAVEPOINT piece").await
    }

    async fn take_back(&mut self) -> Work<()> {
        self.simple("ROLLBACK TO SAVEPOINT piece; RELEASE SAVEPOINT piece").await
    }

    async fn define(&mut self, sql: &str) -> Work<()> {
        self.simple(sql).await
    }

    async fn make_place(&mut self, names: &Names) -> Work<()> {
        let Some(schema) = &names.schema else { return Ok(()) };
        let sql = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1";
        let found = self.client.query_typed(sql, &[(schema, Type::TEXT)]).await.map_err(|error| fault::of(&error))?;
        // Asked for first: `IF NOT EXISTS` wants the grant to make one also where there is one.
        if found.is_empty() {
            self.simple(&format!("CREATE SCHEMA {}", POSTGRES.quoted(schema))).await?;
        }
        Ok(())
    }

    async fn objects(&mut self, schema: Option<&str>) -> Work<Vec<(String, Option<String>)>> {
        // Not `information_schema`, which hides what nothing was granted on.
        let sql = "SELECT CAST(c.relname AS text), CAST(a.attname AS text)
                   FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                   LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                       AND c.relkind IN ('r', 'p')
                   WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";
        let schema = schema.unwrap_or("public");
        let rows = self.client.query_typed(sql, &[(&schema, Type::TEXT)]).await.map_err(|error| fault::of(&error))?;
        let object = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.iter().map(object).collect::<Result<_, tokio_postgres::Error>>().map_err(|error| fault::of(&error))
    }

    async fn execute(&mut self, sql: &Sql, values: &Values<'_>) -> Work<u64> {
        let bound = bind(sql, values)?;
        self.client.execute_typed(&sql.text, &borrowed(&bound)).await.map_err(|error| fault::of(&error))
    }

    async fn query(&mut self, sql: &Sql, values: &Values<'_>) -> Work<Vec<Vec<Cell>>> {
        let bound = bind(sql, values)?;
        let rows = self.client.query_typed(&sql.text, &borrowed(&bound)).await.map_err(|error| fault::of(&error))?;
        rows.iter().map(|row| (0..row.len()).map(|index| cell(row, index)).collect()).collect()
    }

    async fn load(&mut self, stage: &Table, rows: &dyn StageRows) -> Work<()> {
        let sql = format!("COPY {} FROM STDIN (FORMAT binary)", POSTGRES.stage(stage));
        let copied = async {
            let sink = self.client.copy_in(&sql).await?;
            futures_util::pin_mut!(sink);
            for chunk in Chunks::new(rows) {
                sink.send(chunk).await?;
            }
            sink.finish().await
        };
        copied.await.map(drop).map_err(|error| fault::of(&error))
    }
}
