//! A schema of a PostgreSQL database as a warehouse: the [tables and views](super) of the contract.
//!
//! Also for what speaks its wire protocol and its SQL: Aurora, AlloyDB, Cloud SQL, Neon, Timescale. PostgreSQL 11 or later.
//!
//! # What it promises
//!
//! - **Exactly once**: a batch is staged (binary `COPY` into a temporary table), then membership, history and ledger
//!   change in one transaction. After a lost connection or a dead process the same batch is sent again: it waits until the
//!   server has settled the first try (an advisory lock of the transaction, one per audience), and finds it in the ledger
//!   or does it anew. Only transitions are written to the history, under the operation's own id; a row with a lower
//!   version than what is held is ignored.
//! - **One row's fault is one row's**: what a constraint or trigger of somebody else refuses is found by halves, and the
//!   others are written.
//! - **Behind a pooler**: no setting, stage or prepared statement outlives its transaction, so PgBouncer may pool by
//!   transaction.
//! - **Cancel-safe**: a dropped call closes its connection, and what it did not commit does not count.
//! - **Bounded**: every statement by [`PostgresConfig::statement_timeout_ms`], connecting by
//!   [`PostgresConfig::connect_timeout_ms`], a silent connection by keep-alives (a minute), a transaction that waits for a
//!   host that hangs by the server (a minute).
//!
//! Texts with U+0000 are refused, as PostgreSQL cannot hold them; everything else comes back byte for byte, `attributes`
//! and `properties` as `jsonb` holds them. Keys compare byte by byte (`COLLATE "C"`). Times are `timestamptz`, amounts
//! `numeric(18,6)`.
//!
//! # Grants
//!
//! [`check`](crate::destination::Destination::check) names each that is missing. With a role that may make the schema
//! itself:
//!
//! ```sql
//! GRANT CONNECT, TEMPORARY, CREATE ON DATABASE analytics TO loader;
//! ```
//!
//! The least: an administrator makes the schema and hands it over; or makes the tables too ([`ddl`] has the statements),
//! and grants
//!
//! ```sql
//! GRANT CONNECT, TEMPORARY ON DATABASE analytics TO loader;
//! GRANT USAGE ON SCHEMA activation TO loader;
//! GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA activation TO loader;
//! ```
//!
//! Analysts need `USAGE` on the schema and `SELECT` on its tables and views. A query source needs `SELECT` alone.
//!
//! # Settings
//!
//! `tls` is `verify-full` unless set. Managed databases sign with an authority of their own: set
//! [`PostgresConfig::ca_file`] to its certificate. `max_connections` must have room for
//! [`PostgresConfig::connections`]. A replica cannot be written to; after a failover the next call connects anew.
//!
//! # Costs
//!
//! A membership takes about 0.4 KB with its key, a transition in the log about 0.5 KB, and the write-ahead log as much
//! again. A batch of 20,000 rows is one transaction. Members that are sent again unchanged are updated (`run_id`,
//! `row_version`), which leaves dead rows to autovacuum. Forgetting people reads the membership table through, and their
//! bytes are gone from the files after the next `VACUUM`, from the write-ahead log and from backups as the host keeps them.
//!
//! ```no_run
//! # async fn example(cx: audience_sync::destination::Context) -> audience_sync::Result<()> {
//! use audience_sync::connectors::warehouse::postgres::{Postgres, PostgresConfig};
//! use audience_sync::destination::Destination;
//!
//! let warehouse = Postgres::new(PostgresConfig::from_url("postgres://loader:s3cr3t@db.example.com/analytics")?)?;
//! let check = warehouse.check(&cx).await?;
//! assert!(check.is_ready(), "{:?}", check.missing);
//! # Ok(())
//! # }
//! ```

mod check;
mod config;
mod fault;
mod session;
mod tls;
mod wire;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;
use tokio_postgres::Client;

pub use config::PostgresConfig;
pub use tls::Tls;

pub use super::Removed;

use self::session::Session;
use super::sql::{self, Answer, Names, POSTGRES, ReadyBatch, ReadyEvents, Statements, Task, Terms, destination};
use super::tables::CONTRACT;
use super::values::check_moment;
use crate::destination::{
    AudienceRef, Batch, Capabilities, Check, Context, Cursor, Destination, EventBatch, Family, Info, MemberPage,
    Outcome, RejectRecord, RunLog, RunRecord, Size,
};
use crate::error::{Doing, Error, ErrorKind, Result};
use crate::time::Timestamp;

/// Rows one transaction holds: enough that its round trips are spread thin.
const BATCH_ROWS: u64 = 20_000;

/// Bytes one transaction holds, as rows are counted.
const BATCH_BYTES: u64 = 64 << 20;

/// A schema of a PostgreSQL database as a warehouse. A cheap clone: all clones share their connections.
///
/// It is a [`Destination`] and a [`RunLog`]. The [module's page](self) says what it promises.
#[derive(Clone)]
pub struct Postgres(Arc<Inner>);

struct Inner {
    id: String,
    config: PostgresConfig,
    names: Names,
    statements: Statements,
    /// Where the tables are, for locks.
    place: String,
    /// How many calls may hold a connection.
    slots: Semaphore,
    idle: Mutex<Vec<Client>>,
}

/// The statements that make the schema's tables and views, for an administrator who makes them for a role that may not.
///
/// # Errors
/// [`ErrorKind::Config`] when the configuration can never work.
pub fn ddl(config: &PostgresConfig) -> Result<Vec<String>> {
    config.checked_id().doing(|| "configure a PostgreSQL warehouse")?;
    let names = Names::new(&POSTGRES, Some(&config.schema), &config.table_prefix);
    let mut statements = vec![format!("CREATE SCHEMA {}", POSTGRES.quoted(&config.schema))];
    statements.extend(sql::ddl(&names, &CONTRACT));
    Ok(statements)
}

impl Postgres {
    /// A warehouse by its configuration. Nothing is connected to yet: the schema and its tables are made at the first
    /// use.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the configuration can never work.
    pub fn new(config: PostgresConfig) -> Result<Self> {
        let id = config.checked_id().doing(|| "configure a PostgreSQL warehouse")?;
        let names = Names::new(&POSTGRES, Some(&config.schema), &config.table_prefix);
        Ok(Self(Arc::new(Inner {
            id,
            statements: Statements::new(&names, config.removed),
            place: format!("{}.{}", config.schema, config.table_prefix),
            names,
            slots: Semaphore::new(config.connections.into()),
            idle: Mutex::default(),
            config,
        })))
    }

    fn info_(&self) -> Info {
        Info::new(&*self.0.id, "PostgreSQL", Family::Warehouse)
    }

    fn capabilities_(&self) -> Capabilities {
        sql::capabilities(BATCH_ROWS, BATCH_BYTES).with(|c| {
            c.in_flight = self.0.config.connections.into();
            c.hosts = vec![self.0.config.host.clone()];
        })
    }

    /// Looks at the grants, makes the tables where they are missing, writes a row and takes it back.
    async fn check_(&self, cx: &Context) -> Result<Check> {
        let doing = || format!("check the PostgreSQL database `{}`", self.0.config.database);
        let check = Check::ready().with_account(format!("{}@{}", self.0.config.user, self.0.config.database));
        let client = match self.0.connect(cx).await {
            Ok(client) => client,
            Err(error) if is_for_the_operator(&error) => return Ok(check.with_missing(error.message())),
            Err(error) => return Err(error.doing(doing())),
        };
        let check = check::grants(&client, &self.0.config, &self.0.names, check).await.doing(doing)?;
        drop(client);
        if !check.is_ready() {
            return Ok(check);
        }
        match self.perform(cx, "check", || Ok(Task::Probe)).await {
            Ok(_) => {
                Ok(check.with_found(format!("tables of version {}", CONTRACT.version)).with_found("can be written to"))
            }
            Err(error) if is_for_the_operator(&error) => Ok(check.with_missing(error.message())),
            Err(error) => Err(error),
        }
    }

    /// Does a piece of work on a connection; `prepare`, which may compute for long, off the async threads.
    async fn perform(
        &self,
        cx: &Context,
        doing: &'static str,
        prepare: impl FnOnce() -> Result<Task> + Send + 'static,
    ) -> Result<Answer> {
        let result = async {
            let task = cx.blocking(prepare).await?;
            self.0.run(cx, &task).await
        };
        result.await.doing(|| format!("{doing} in the PostgreSQL database `{}`", self.0.config.database))
    }
}

/// Whether the configuration or the server's grants have to change first.
fn is_for_the_operator(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Config | ErrorKind::NotFound | ErrorKind::PermissionDenied)
}

impl Inner {
    async fn run(&self, cx: &Context, task: &Task) -> Result<Answer> {
        let now = cx.now();
        let outside =
            |_| Error::new(ErrorKind::Config, "expected the clock in the years 1 to 9999, found another time");
        check_moment(now, "now").map_err(outside)?;
        let closed = |_| Error::new(ErrorKind::Bug, "expected connections to be handed out, found none");
        let _slot = self.slots.acquire().await.map_err(closed)?;
        let mut session = self.session(cx, now).await?;
        let terms =
            Terms { statements: &self.statements, workspace: &self.config.workspace_key, place: &self.place, now };
        let result = sql::perform(&mut session, &terms, task).await;
        if result.as_ref().map_or_else(|fault| fault.spares_the_connection, |_| true) {
            self.keep(session.release().await);
        }
        result.map_err(|fault| fault.error)
    }

    /// A connection that answers: one that was left, or a new one, on which the tables are looked at first.
    async fn session(&self, cx: &Context, now: Timestamp) -> Result<Session> {
        while let Some(client) = self.left() {
            // What was left may have been closed since: a server that was started again, a firewall that forgot.
            if client.batch_execute("").await.is_ok() {
                return Ok(Session::new(client, self.config.statement_timeout()));
            }
        }
        let mut session = Session::new(self.connect(cx).await?, self.config.statement_timeout());
        sql::ensure(&mut session, &self.names, &self.statements, &CONTRACT, now).await.map_err(|fault| fault.error)?;
        Ok(session)
    }

    fn left(&self) -> Option<Client> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, client: Option<Client>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(client);
    }

    async fn connect(&self, cx: &Context) -> Result<Client> {
        let (tls, ca_file) = (self.config.tls, self.config.ca_file.clone());
        let connector = cx.blocking(move || tls.connector(ca_file.as_deref())).await?;
        let connected = self.config.client().connect(connector).await;
        let (client, connection) = connected.map_err(|error| fault::of_connecting(&error))?;
        // Ends with the client. What it ends with, the client's own calls have been told.
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    }
}

destination!(Postgres);

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("id", &self.0.id).finish_non_exhaustive()
    }
}
