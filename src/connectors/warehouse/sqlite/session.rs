//! The one connection: opened when it is needed, left when the caller has gone, given up when it is broken.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::{Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, Statement, ToSql};

use super::fault::of_sqlite;
use crate::connectors::warehouse::sql::{Cell, SQLITE, Sql, SqlSession, StageRows, Value, Values, Work};
use crate::connectors::warehouse::tables::Table;
use crate::connectors::warehouse::values::{decimal, moment};
use crate::error::{Error, ErrorKind, Retry};

/// The pages that are kept in memory, in KiB.
const CACHE_KIB: i64 = 64 * 1024;

/// The pages (of 4 KiB) that the write-ahead log gathers before they are copied into the database: 64 MiB.
const LOG_PAGES: i64 = 16 * 1024;

/// The place of the one connection.
#[derive(Debug, Default)]
pub(super) struct Slot(Mutex<Option<Connection>>);

/// Whether the caller still waits. Work that nobody waits for must not be applied after what the caller does next.
#[derive(Clone, Debug)]
pub(super) struct Caller(pub(super) Weak<()>);

impl Caller {
    fn still_waits(&self) -> Work<()> {
        if self.0.strong_count() > 0 {
            return Ok(());
        }
        let gone = Error::new(ErrorKind::Timeout, "expected a caller that waits, found it gone; nothing was written");
        Err(gone.with_retry(Retry::Safe { after: None }).into())
    }
}

/// The database of one piece of work. Dropped, it takes back what was not committed.
pub(super) struct Session<'a> {
    connection: &'a mut Connection,
    caller: &'a Caller,
}

impl Slot {
    /// Does a piece of work on the connection, and opens it first where there is none. Nothing in it waits for anything
    /// but the disk and the lock: it runs on a thread that may be blocked.
    pub(super) fn work<T>(
        &self,
        open: impl FnOnce(&Caller) -> Work<Connection>,
        caller: &Caller,
        work: impl AsyncFnOnce(&mut Session<'_>) -> Work<T>,
    ) -> Work<T> {
        // A panic while it was held rolled its transaction back on the way out.
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        caller.still_waits()?;
        let connection = match slot.take() {
            Some(connection) => slot.insert(connection),
            None => slot.insert(open(caller)?),
        };
        let result = at_once(work(&mut Session { connection, caller }));
        if result.as_ref().is_err_and(|fault| !fault.spares_the_connection) {
            *slot = None;
        }
        result
    }

    /// The connection as it is, for tests that break it.
    #[cfg(test)]
    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, Option<Connection>> {
        self.0.lock().unwrap()
    }
}

/// Runs a future that never waits.
fn at_once<T>(future: impl Future<Output = Work<T>>) -> Work<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Error::new(ErrorKind::Bug, "expected work that never waits, found it waiting").into()),
    }
}

impl Session<'_> {
    /// For tests and pragmas.
    pub(super) fn connection(&self) -> &Connection {
        self.connection
    }

    fn run(&self, sql: &str) -> Work<()> {
        self.connection.execute_batch(sql).map_err(of_sqlite)
    }

    fn prepared<T>(&self, sql: &str, run: impl FnOnce(&mut Statement<'_>) -> rusqlite::Result<T>) -> Work<T> {
        self.connection.prepare(sql).and_then(|mut statement| run(&mut statement)).map_err(of_sqlite)
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if !self.connection.is_autocommit() {
            // Where this fails, SQLite has rolled back already, or the connection is given up.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }
}

/// A value in SQLite's own types.
impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match *self {
            Self::Null(_) => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Int(value) => ToSqlOutput::from(value),
            Self::Text(text) | Self::Json(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            // Both were looked at before they got here.
            Self::Decimal(micros) => ToSqlOutput::from(decimal(micros).unwrap_or_default()),
            Self::Moment(at) => ToSqlOutput::from(moment(at).unwrap_or_default()),
        })
    }
}

fn bind(statement: &mut Statement<'_>, sql: &Sql, values: &Values<'_>) -> rusqlite::Result<()> {
    for (index, name) in sql.parameters.iter().enumerate() {
        // A name without a value stays null, which no column of ours but those for it takes.
        if let Some((_, value)) = values.iter().find(|(known, _)| known == name) {
            statement.raw_bind_parameter(index + 1, value)?;
        }
    }
    Ok(())
}

#[async_trait]
impl SqlSession for Session<'_> {
    /// Takes the database's only lock for writing.
    async fn begin(&mut self, stages: &[&Table]) -> Work<()> {
        self.run("BEGIN IMMEDIATE")?;
        for stage in stages {
            for statement in SQLITE.create_stage(stage) {
                self.run(&statement)?;
            }
        }
        Ok(())
    }

    /// Whoever has begun is alone.
    async fn lock(&mut self, _: &str) -> Work<()> {
        Ok(())
    }

    async fn commit(&mut self) -> Work<()> {
        self.caller.still_waits()?;
        still_in_place(self.connection)?;
        self.run("COMMIT")
    }

    async fn rollback(&mut self) -> Work<()> {
        self.run("ROLLBACK")
    }

    async fn savepoint(&mut self) -> Work<()> {
        self.run("SAVEPOINT piece")
    }

    async fn keep(&mut self) -> Work<()> {
        self.run("RELEASE piece")
    }

    async fn take_back(&mut self) -> Work<()> {
        self.run("ROLLBACK TO piece; RELEASE piece")
    }

    async fn define(&mut self, sql: &str) -> Work<()> {
        self.run(sql)
    }

    async fn objects(&mut self, _: Option<&str>) -> Work<Vec<(String, Option<String>)>> {
        // The columns of tables alone: those of a view that somebody broke cannot be told.
        let sql = "SELECT object.name, col.name FROM sqlite_schema AS object
                   LEFT JOIN pragma_table_info(CASE object.type WHEN 'table' THEN object.name END) AS col
                   WHERE object.type IN ('table', 'view')";
        self.prepared(sql, |statement| {
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })
    }

    async fn execute(&mut self, sql: &Sql, values: &Values<'_>) -> Work<u64> {
        self.prepared(&sql.text, |statement| {
            bind(statement, sql, values)?;
            statement.raw_execute().map(|rows| rows as u64)
        })
    }

    async fn query(&mut self, sql: &Sql, values: &Values<'_>) -> Work<Vec<Vec<Cell>>> {
        self.prepared(&sql.text, |statement| {
            bind(statement, sql, values)?;
            let (columns, mut found) = (statement.column_count(), Vec::new());
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                found.push((0..columns).map(|column| cell(row, column)).collect::<rusqlite::Result<_>>()?);
            }
            Ok(found)
        })
    }

    async fn load(&mut self, stage: &Table, rows: &dyn StageRows) -> Work<()> {
        let places = vec!["?"; stage.columns.len()].join(", ");
        let sql = format!("INSERT INTO {} VALUES ({places})", SQLITE.stage(stage));
        self.prepared(&sql, |statement| {
            let mut values = Vec::with_capacity(stage.columns.len());
            for index in 0..rows.len() {
                values.clear();
                rows.row(index, &mut values);
                for (place, value) in values.iter().enumerate() {
                    statement.raw_bind_parameter(place + 1, value)?;
                }
                statement.raw_execute()?;
            }
            Ok(())
        })
    }
}

fn cell(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Cell> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(Cell::Null),
        ValueRef::Integer(number) => Ok(Cell::Int(number)),
        _ => row.get(column).map(Cell::Text),
    }
}

/// A file that was deleted or moved away can still be written to, and nobody would ever read it.
#[cfg(unix)]
fn still_in_place(connection: &Connection) -> Work<()> {
    let mut moved = 0;
    connection.file_control(None::<&str>, rusqlite::FileControl::HasMoved(&mut moved)).map_err(of_sqlite)?;
    if moved == 0 {
        return Ok(());
    }
    let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY_DBMOVED);
    Err(of_sqlite(rusqlite::Error::SqliteFailure(error, None)))
}

#[cfg(not(unix))]
fn still_in_place(_: &Connection) -> Work<()> {
    Ok(())
}

/// Opens a database file; `prepare` makes sure of its tables.
pub(super) fn open(
    path: &Path,
    busy_timeout_ms: u32,
    caller: &Caller,
    prepare: impl AsyncFnOnce(&mut Session<'_>) -> Work<()>,
) -> Work<Connection> {
    let mut connection = opened(path, busy_timeout_ms).map_err(of_sqlite)?;
    at_once(prepare(&mut Session { connection: &mut connection, caller }))?;
    Ok(connection)
}

fn opened(path: &Path, busy_timeout_ms: u32) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_millis(busy_timeout_ms.into()))?;
    // Readers see the last commit while we write. Where the file system cannot do that, SQLite stays with its older
    // journal, which is as safe: readers and the writer then wait for each other.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // An acknowledged batch survives a power cut: one sync of the log a batch, not only one a checkpoint.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Members come in no order of their own, so a batch touches pages all over the file. Kept in memory, a page is read
    // once; copied from the log only every 64 MiB, it is written back once for several batches.
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES, |_| Ok(()))?;
    // Forgotten people leave no bytes behind in free pages.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    // Their ids are not spilled into temporary files either.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}
