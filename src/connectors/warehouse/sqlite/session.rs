//! The one connection: opened when it is needed, left when the caller has gone, given up when it is broken.

use std::path::Path;
use std::sync::{Mutex, PoisonError, Weak};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::fault::Work;
use super::names::Names;
use super::schema;
use crate::error::{Error, ErrorKind, Retry};

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

/// An open database for one piece of work.
pub(super) struct Session<'a> {
    connection: &'a mut Connection,
    caller: &'a Caller,
}

impl Slot {
    /// Does a piece of work on the connection, and opens it first where there is none.
    pub(super) fn work<T>(
        &self,
        open: impl FnOnce() -> Work<Connection>,
        caller: &Caller,
        work: impl FnOnce(&mut Session<'_>) -> Work<T>,
    ) -> Work<T> {
        // A panic while it was held rolled its transaction back on the way out.
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        caller.still_waits()?;
        let connection = match slot.take() {
            Some(connection) => slot.insert(connection),
            None => slot.insert(open()?),
        };
        let result = work(&mut Session { connection, caller });
        if result.as_ref().is_err_and(|fault| !fault.spares_the_connection()) {
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

impl Session<'_> {
    /// For reading.
    pub(super) fn connection(&self) -> &Connection {
        self.connection
    }

    /// For writing. Dropped without [`commit`], nothing was written.
    pub(super) fn begin(&mut self) -> Work<Writing<'_>> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        Ok(Writing { transaction, caller: self.caller })
    }
}

/// A transaction that holds the database's only lock for writing.
pub(super) struct Writing<'a> {
    transaction: Transaction<'a>,
    caller: &'a Caller,
}

impl<'a> std::ops::Deref for Writing<'a> {
    type Target = Transaction<'a>;

    fn deref(&self) -> &Self::Target {
        &self.transaction
    }
}

impl Writing<'_> {
    /// Makes all of it count, on the disk, unless the caller has gone.
    pub(super) fn commit(self) -> Work<()> {
        self.caller.still_waits()?;
        still_in_place(&self.transaction)?;
        Ok(self.transaction.commit()?)
    }
}

/// A file that was deleted or moved away can still be written to, and nobody would ever read it.
#[cfg(unix)]
fn still_in_place(connection: &Connection) -> Work<()> {
    let mut moved = 0;
    connection.file_control(None::<&str>, rusqlite::FileControl::HasMoved(&mut moved))?;
    if moved == 0 {
        return Ok(());
    }
    Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY_DBMOVED), None).into())
}

#[cfg(not(unix))]
fn still_in_place(_: &Connection) -> Work<()> {
    Ok(())
}

/// Opens a database file and makes sure of its tables.
pub(super) fn open(path: &Path, busy_timeout_ms: u32, names: &Names, now: &str) -> Work<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_millis(busy_timeout_ms.into()))?;
    // Readers see the last commit while we write. Where the file system cannot do that, SQLite stays with its older
    // journal, which is as safe: readers and the writer then wait for each other.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // An acknowledged batch survives a power cut: one sync of the log a batch, not only one a checkpoint.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Forgotten people leave no bytes behind in free pages.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    // Their ids are not spilled into temporary files either.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    schema::ensure(&mut connection, names, now)?;
    Ok(connection)
}
