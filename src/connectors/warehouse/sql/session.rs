//! What a connector brings: a session with its database. The statements themselves are the same for all.

use async_trait::async_trait;

use super::dialect::Sql;
use super::names::Names;
use super::value::{Cell, StageRows, Values};
use crate::connectors::warehouse::tables::Table;
use crate::error::{Error, ErrorKind};

/// What stopped a piece of work.
#[derive(Debug)]
pub(crate) struct Fault {
    /// For the caller. It holds no values.
    pub(crate) error: Error,
    /// The code by which rows are refused, when it is a row that the database refused and nothing else.
    pub(crate) row: Option<&'static str>,
    /// Whether the connection is as good as before.
    pub(crate) spares_the_connection: bool,
}

pub(crate) type Work<T> = Result<T, Fault>;

impl From<Error> for Fault {
    /// One of ours: nothing is wrong with the connection.
    fn from(error: Error) -> Self {
        Self { error, row: None, spares_the_connection: true }
    }
}

impl Fault {
    /// The database answered with something that its own documentation does not let expect.
    pub(crate) fn unexpected(what: &str) -> Self {
        Error::new(ErrorKind::State, format!("expected {what}, found something else; another writer changed a table"))
            .into()
    }
}

/// A connection in use. What it did since [`SqlSession::begin`] counts with [`SqlSession::commit`]; dropped before, none
/// of it does.
#[async_trait]
pub(crate) trait SqlSession: Send {
    /// Begins a transaction with empty stages.
    async fn begin(&mut self, stages: &[&Table]) -> Work<()>;

    /// Waits until no other transaction that locked the same key is open: also those of callers that are gone.
    async fn lock(&mut self, key: &str) -> Work<()>;

    /// Makes it all count, on the disk.
    async fn commit(&mut self) -> Work<()>;

    /// Takes back what was done since [`SqlSession::begin`].
    async fn rollback(&mut self) -> Work<()>;

    /// A place to come back to, within the transaction; one at a time.
    async fn savepoint(&mut self) -> Work<()>;

    /// Goes on from the savepoint with what was done since.
    async fn keep(&mut self) -> Work<()>;

    /// Takes back what was done since the savepoint.
    async fn take_back(&mut self) -> Work<()>;

    /// Runs a statement without parameters: those that make tables.
    async fn define(&mut self, sql: &str) -> Work<()>;

    /// Makes the place where the tables are to be, where it is missing.
    async fn make_place(&mut self, names: &Names) -> Work<()> {
        let _ = names;
        Ok(())
    }

    /// The tables and views where ours are to be: the name of each, and each of its columns (none for a view).
    async fn objects(&mut self, schema: Option<&str>) -> Work<Vec<(String, Option<String>)>>;

    /// Runs a statement; how many rows it wrote.
    async fn execute(&mut self, sql: &Sql, values: &Values<'_>) -> Work<u64>;

    /// Runs a query of few rows.
    async fn query(&mut self, sql: &Sql, values: &Values<'_>) -> Work<Vec<Vec<Cell>>>;

    /// Fills a stage in the fastest way there is.
    async fn load(&mut self, stage: &Table, rows: &dyn StageRows) -> Work<()>;
}
