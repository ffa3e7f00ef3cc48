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
mod events;
mod fault;
mod ledger;
mod membership;
mod names;
mod reads;
mod runs;
mod schema;
mod session;
mod step;
#[cfg(test)]
mod tests;
mod views;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

pub use config::{Removed, SqliteConfig};

use self::fault::Work;
use self::membership::Terms;
use self::names::Names;
use self::session::{Caller, Session, Slot};
use super::tables::SCHEMA_VERSION;
use super::values::moment;
use crate::destination::{
    AudienceRef, Batch, Capabilities, Check, Context, Cursor, Destination, EventBatch, Family, HoldoutMode, Info,
    Limits, MemberPage, Outcome, RejectRecord, RemovalMatch, RemovalNeeds, Resend, RunLog, RunRecord, Size,
    SizeReadBack,
};
use crate::error::{Doing, Error, ErrorKind, Result};
use crate::identity::profiles;

/// Rows one transaction holds: enough that the sync at its end is spread thin, little enough that others get a turn.
const BATCH_ROWS: u64 = 5_000;

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
        let names = Names::new(&config.table_prefix);
        Ok(Self(Arc::new(Inner { id, file: config.file_name(), config, names, slot: Slot::default() })))
    }

    /// Does a piece of work off the async threads, with the terms all writing needs.
    async fn work<T, F>(&self, cx: &Context, doing: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Session<'_>, &Terms<'_>) -> Work<T> + Send + 'static,
    {
        self.prepared(cx, doing, || Ok(()), |session, terms, ()| work(session, terms)).await
    }

    /// The same, with what can be prepared before the database is locked.
    async fn prepared<P, T, F>(
        &self,
        cx: &Context,
        doing: &'static str,
        prepare: impl FnOnce() -> Work<P> + Send + 'static,
        work: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Session<'_>, &Terms<'_>, P) -> Work<T> + Send + 'static,
    {
        // Lives as long as this future: the work sees by it whether anybody waits.
        let waits = Arc::new(());
        let caller = Caller(Arc::downgrade(&waits));
        let (inner, now) = (self.0.clone(), cx.now());
        let result = cx.blocking(move || inner.run(&caller, now, prepare, work)).await;
        drop(waits);
        result.doing(|| format!("{doing} in the SQLite database `{}`", self.0.file))
    }
}

impl Inner {
    fn run<P, T>(
        &self,
        caller: &Caller,
        now: crate::time::Timestamp,
        prepare: impl FnOnce() -> Work<P>,
        work: impl FnOnce(&mut Session<'_>, &Terms<'_>, P) -> Work<T>,
    ) -> Result<T> {
        let now = moment(now).ok_or_else(|| {
            Error::new(ErrorKind::Config, "expected the clock to be in the years 1 to 9999, found another time")
        })?;
        let SqliteConfig { path, workspace_key, removed, busy_timeout_ms, .. } = &self.config;
        let terms = Terms { names: &self.names, workspace: workspace_key, removed: *removed, now: &now };
        let open = || session::open(path, *busy_timeout_ms, &self.names, &now);
        prepare()
            .and_then(|prepared| self.slot.work(open, caller, |session| work(session, &terms, prepared)))
            .map_err(fault::Fault::into_error)
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("id", &self.0.id).finish_non_exhaustive()
    }
}

#[async_trait]
impl Destination for Sqlite {
    fn info(&self) -> Info {
        Info::new(&*self.0.id, "SQLite", Family::Warehouse)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(&profiles::WAREHOUSE).with(|c| {
            c.update = true;
            c.events = true;
            c.forget = true;
            c.limits = Limits::rows(BATCH_ROWS);
            c.resend = Resend::Idempotent;
            c.removal = RemovalNeeds::MemberId;
            c.removal_match = RemovalMatch::WholeMember;
            c.holdout = HoldoutMode::Label;
            c.size = SizeReadBack::Exact;
            c.readable_members = true;
        })
    }

    /// Opens the database, makes the tables where they are missing, writes a row and takes it back.
    async fn check(&self, cx: &Context) -> Result<Check> {
        let found = self.work(cx, "check", reads::probe).await;
        let check = Check::ready().with_account(&*self.0.file);
        match found {
            Ok(journal) => Ok(check
                .with_found(format!("SQLite {}", rusqlite::version()))
                .with_found(format!("tables of version {SCHEMA_VERSION}"))
                .with_found(format!("can be written to, journal mode {journal}"))),
            Err(error) if error.kind() == ErrorKind::Config => Ok(check.with_missing(error.message())),
            Err(error) => Err(error),
        }
    }

    async fn send(&self, cx: &Context, batch: &Batch) -> Result<Outcome> {
        let batch = batch.clone();
        let prepare = move || membership::Ready::new(batch);
        self.prepared(cx, "send a batch", prepare, |session, terms, ready| membership::send(session, terms, &ready))
            .await
    }

    async fn size(&self, cx: &Context, audience: &AudienceRef) -> Result<Size> {
        let key = audience.key.clone();
        let count = self
            .work(cx, "count members", move |session, terms| reads::size(session, terms.names, terms.workspace, &key))
            .await?;
        Ok(Size::Exact(count))
    }

    async fn members(&self, cx: &Context, audience: &AudienceRef, after: Option<Cursor>) -> Result<MemberPage> {
        let key = audience.key.clone();
        self.work(cx, "list members", move |session, terms| {
            reads::members(session, terms.names, terms.workspace, &key, after.as_ref())
        })
        .await
    }

    async fn record(&self, cx: &Context, events: &EventBatch) -> Result<Outcome> {
        let batch = events.clone();
        let prepare = move || Ok(events::Ready::new(batch));
        self.prepared(cx, "record events", prepare, |session, terms, ready| events::record(session, terms, &ready))
            .await
    }

    async fn forget(&self, cx: &Context, people: &Batch) -> Result<Outcome> {
        let people = people.clone();
        self.work(cx, "forget people", move |session, terms| reads::forget(session, terms, &people)).await?;
        Ok(Outcome::accepted())
    }
}

#[async_trait]
impl RunLog for Sqlite {
    async fn begin(&self, cx: &Context, run: &RunRecord) -> Result<()> {
        self.end(cx, run).await
    }

    async fn rejects(&self, cx: &Context, rejects: &[RejectRecord]) -> Result<()> {
        let rejects = rejects.to_vec();
        self.work(cx, "log rejected rows", move |session, terms| runs::reject(session, terms.names, &rejects)).await
    }

    async fn end(&self, cx: &Context, run: &RunRecord) -> Result<()> {
        let run = run.clone();
        self.work(cx, "log a run", move |session, terms| runs::note(session, terms.names, terms.workspace, &run)).await
    }
}
