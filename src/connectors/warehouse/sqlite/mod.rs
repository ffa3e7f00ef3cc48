//! A SQLite database file as a warehouse: the [tables and views](super) of the contract, in one file.
//!
//! - **Durable**: every batch is one transaction, on the disk (`synchronous = FULL`) before it is acknowledged. A full
//!   disk, a lock or a crash leaves everything as it was.
//! - **Exactly once**: membership, history and ledger change together. Only transitions are written to the history, under
//!   the operation's own id; a row with a lower version than what is held is ignored. A batch sent again within its run
//!   is not looked at again; with other rows under its id it is refused (`batch_conflict`).
//! - **Readable meanwhile**: write-ahead logging (the file is switched to it), so that analysts read the last commit while
//!   a batch is written.
//! - **Cancel-safe**: a call whose future was dropped is not applied any more, unless it was being committed.
//! - **Forgetting** deletes from every table and overwrites what was deleted; copies of the file are the host's.
//!
//! One connection, on the blocking threads of [`Context::blocking`]. Another process may write to the file too: a batch
//! waits [`SqliteConfig::busy_timeout_ms`] for it, and is then tried again.
//!
//! SQLite has texts and whole numbers: times are ISO 8601 texts in UTC (`2026-11-23T10:15:00.000000Z`), decimals texts
//! with six digits after the point, booleans 0 and 1. Analysts need SQLite 3.39 or later.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> audience_sync::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("warehouse.db");
//! use std::sync::Arc;
//! use audience_sync::clock::TokioClock;
//! use audience_sync::connectors::warehouse::sqlite::Sqlite;
//! use audience_sync::destination::{AudienceRef, Context, Destination, Size};
//!
//! let warehouse = Sqlite::open(path)?;
//! let cx = Context::new("run-1", Arc::new(TokioClock));
//! assert!(warehouse.check(&cx).await?.is_ready());
//! assert_eq!(warehouse.info().id, "sqlite:warehouse");
//! assert_eq!(warehouse.size(&cx, &AudienceRef::new("vip", "vip")).await?, Size::Exact(0));
//! # Ok(())
//! # }
//! ```

mod config;
mod fault;
mod session;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use config::SqliteConfig;

pub use super::Removed;

use self::session::{Caller, Slot};
use super::sql::{self, Answer, Names, ReadyBatch, ReadyEvents, SQLITE, Statements, Task, Terms, Work, destination};
use super::tables::{CONTRACT, SCHEMA_VERSION};
use super::values::check_moment;
use crate::destination::{
    AudienceRef, Batch, Capabilities, Check, Context, Cursor, Destination, EventBatch, Family, Info, MemberPage,
    Outcome, RejectRecord, RunLog, RunRecord, Size,
};
use crate::error::{Doing, Error, ErrorKind, Result};
use crate::time::Timestamp;

/// Rows one transaction holds: enough that the sync at its end is spread thin, little enough that others get a turn.
const BATCH_ROWS: u64 = 5_000;

/// Bytes one transaction holds, as rows are counted.
const BATCH_BYTES: u64 = 64 << 20;

/// A SQLite database file as a warehouse. A cheap clone: all clones share one connection.
///
/// It is a [`Destination`] and a [`RunLog`]. The [module's page](self) says what it promises.
#[derive(Clone)]
pub struct Sqlite(Arc<Inner>);

struct Inner {
    id: String,
    /// The file's name without its folder, for messages.
    file: String,
    config: SqliteConfig,
    names: Names,
    statements: Statements,
    slot: Slot,
}

impl Sqlite {
    /// A database file with the default configuration. Nothing is opened yet: the file and its tables are made at the
    /// first use.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when `path` is not that of a file.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::new(SqliteConfig::new(path))
    }

    /// A warehouse by its configuration. Nothing is opened yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the configuration can never work.
    pub fn new(config: SqliteConfig) -> Result<Self> {
        let id = config.checked_id().doing(|| "configure a SQLite warehouse")?;
        let names = Names::new(&SQLITE, None, &config.table_prefix);
        let statements = Statements::new(&names, config.removed);
        Ok(Self(Arc::new(Inner { id, file: config.file_name(), config, names, statements, slot: Slot::default() })))
    }

    fn info_(&self) -> Info {
        Info::new(&*self.0.id, "SQLite", Family::Warehouse)
    }

    fn capabilities_(&self) -> Capabilities {
        sql::capabilities(BATCH_ROWS, BATCH_BYTES)
    }

    /// Opens the database, makes the tables where they are missing, writes a row and takes it back.
    async fn check_(&self, cx: &Context) -> Result<Check> {
        let check = Check::ready().with_account(&*self.0.file);
        match self.perform(cx, "check", || Ok(Task::Probe)).await {
            Ok(_) => Ok(check
                .with_found(format!("SQLite {}", rusqlite::version()))
                .with_found(format!("tables of version {SCHEMA_VERSION}"))
                .with_found("can be written to")),
            Err(error) if error.kind() == ErrorKind::Config => Ok(check.with_missing(error.message())),
            Err(error) => Err(error),
        }
    }

    /// Does a piece of work off the async threads; `prepare` before the database is locked.
    async fn perform(
        &self,
        cx: &Context,
        doing: &'static str,
        prepare: impl FnOnce() -> Result<Task> + Send + 'static,
    ) -> Result<Answer> {
        // Lives as long as this future: the work sees by it whether anybody waits.
        let waits = Arc::new(());
        let caller = Caller(Arc::downgrade(&waits));
        let (inner, now) = (self.0.clone(), cx.now());
        let result = cx.blocking(move || inner.run(&caller, now, &prepare()?).map_err(|fault| fault.error)).await;
        drop(waits);
        result.doing(|| format!("{doing} in the SQLite database `{}`", self.0.file))
    }
}

impl Inner {
    fn run(&self, caller: &Caller, now: Timestamp, task: &Task) -> Work<Answer> {
        let outside =
            |_| Error::new(ErrorKind::Config, "expected the clock in the years 1 to 9999, found another time");
        check_moment(now, "now").map_err(outside)?;
        let Self { names, statements, config, .. } = self;
        let terms = Terms { statements, workspace: &config.workspace_key, place: "", now };
        let open = |caller: &Caller| {
            session::open(&config.path, config.busy_timeout_ms, caller, async |session| {
                sql::ensure(session, names, statements, &CONTRACT, now).await
            })
        };
        self.slot.work(open, caller, async |session| {
            let answer = sql::perform(session, &terms, task).await?;
            if matches!(task, Task::Forget(_)) {
                // From the write-ahead log too. Not an error when a reader holds it back: the next checkpoint does it.
                let _ = session.connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            }
            Ok(answer)
        })
    }
}

destination!(Sqlite);

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("id", &self.0.id).finish_non_exhaustive()
    }
}
