//! What SQLite's result codes mean (<https://www.sqlite.org/rescode.html>, read 2026-11-23).
//!
//! SQLite's own texts are not passed on: they may hold paths and values.

use rusqlite::ffi;

use crate::connectors::warehouse::sql::Fault;
use crate::error::{Error, ErrorKind, Retry};

/// A fault of SQLite as one of ours.
pub(super) fn of_sqlite(fault: rusqlite::Error) -> Fault {
    let (row, spares_the_connection) = match &fault {
        // What another process does to the lock says nothing against the connection, nor does a row that does not fit.
        rusqlite::Error::SqliteFailure(error, _) => match error.extended_code & 0xff {
            ffi::SQLITE_CONSTRAINT => (Some("constraint"), true),
            ffi::SQLITE_MISMATCH => (Some("type_mismatch"), true),
            ffi::SQLITE_TOOBIG => (Some("too_big"), true),
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => (None, true),
            _ => (None, false),
        },
        _ => (None, false),
    };
    Fault { error: into_error(fault), row, spares_the_connection }
}

fn into_error(fault: rusqlite::Error) -> Error {
    match fault {
        rusqlite::Error::SqliteFailure(error, _) => of_code(error),
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => Error::new(
            ErrorKind::State,
            "expected the values this crate writes, found one of another type; another writer changed a table: restore \
             it from a backup",
        ),
        rusqlite::Error::InvalidPath(_) | rusqlite::Error::NulError(_) => {
            Error::new(ErrorKind::Config, "expected `path` to be one that SQLite can open, found another")
        }
        _ => Error::new(ErrorKind::Bug, "expected SQLite to be used as it wants, found a misuse"),
    }
}

fn of_code(error: ffi::Error) -> Error {
    let (kind, message) = match error.extended_code {
        ffi::SQLITE_READONLY_DBMOVED => (
            ErrorKind::Config,
            "expected the database file where it was opened, found it moved or deleted; nothing was written: bring it \
             back, or resync",
        ),
        code => meaning(code & 0xff),
    };
    let retry = match error.extended_code & 0xff {
        // The write may have reached the file before the fault showed.
        ffi::SQLITE_IOERR => Some(Retry::MaybeApplied),
        _ => None,
    };
    let ours = Error::new(kind, message).with_code(error.extended_code.to_string()).with_source(error);
    match retry {
        Some(retry) => ours.with_retry(retry),
        None => ours,
    }
}

fn meaning(code: i32) -> (ErrorKind, &'static str) {
    use ErrorKind::{Bug, Config, Rejected, Unavailable, UnexpectedReply};
    match code {
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => (
            Unavailable,
            "expected to get the database for writing, found it locked by another connection; it is tried again",
        ),
        ffi::SQLITE_SCHEMA | ffi::SQLITE_PROTOCOL | ffi::SQLITE_INTERRUPT | ffi::SQLITE_NOMEM => {
            (Unavailable, "expected the statement to run, found it interrupted; it is tried again")
        }
        ffi::SQLITE_IOERR => (Unavailable, "expected to read and write the file, found an input/output fault"),
        ffi::SQLITE_FULL => (
            Config,
            "expected room for the database, found the disk or its quota full; nothing was written: free space",
        ),
        ffi::SQLITE_READONLY | ffi::SQLITE_PERM => (
            Config,
            "expected to write to the database, found it read-only; grant write access to the file and its folder",
        ),
        ffi::SQLITE_CANTOPEN => {
            (Config, "expected to open the database, found that it cannot be; make its folder, and grant access to it")
        }
        ffi::SQLITE_CORRUPT => {
            (Config, "expected a sound database, found it damaged; restore it from a backup, then resync")
        }
        ffi::SQLITE_NOTADB => (Config, "expected a SQLite database, found another kind of file; correct `path`"),
        ffi::SQLITE_AUTH => (Config, "expected the statement to be allowed, found it denied"),
        ffi::SQLITE_ERROR => {
            (Config, "expected the tables and views of this crate, found others; restore them, or set `table_prefix`")
        }
        ffi::SQLITE_CONSTRAINT | ffi::SQLITE_MISMATCH | ffi::SQLITE_TOOBIG => {
            (Rejected, "expected the values to fit the tables, found that they do not")
        }
        ffi::SQLITE_MISUSE | ffi::SQLITE_RANGE => (Bug, "expected SQLite to be used as it wants, found a misuse"),
        _ => (UnexpectedReply, "expected a documented result of SQLite, found another"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(extended: i32) -> Error {
        of_sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(extended), Some("/srv/x.db nora@quist.se".into())))
            .error
    }

    #[test]
    fn codes_say_what_to_do_next() {
        let safe = Retry::Safe { after: None };
        for (code, kind, retry) in [
            (5, ErrorKind::Unavailable, safe),
            (517, ErrorKind::Unavailable, safe),
            (261, ErrorKind::Unavailable, safe),
            (6, ErrorKind::Unavailable, safe),
            (17, ErrorKind::Unavailable, safe),
            (10, ErrorKind::Unavailable, Retry::MaybeApplied),
            (1034, ErrorKind::Unavailable, Retry::MaybeApplied),
            (13, ErrorKind::Config, Retry::Never),
            (8, ErrorKind::Config, Retry::Never),
            (1032, ErrorKind::Config, Retry::Never),
            (14, ErrorKind::Config, Retry::Never),
            (11, ErrorKind::Config, Retry::Never),
            (26, ErrorKind::Config, Retry::Never),
            (23, ErrorKind::Config, Retry::Never),
            (1, ErrorKind::Config, Retry::Never),
            (1555, ErrorKind::Rejected, Retry::Never),
            (21, ErrorKind::Bug, Retry::Never),
        ] {
            let error = of(code);
            assert_eq!((error.kind(), error.retry()), (kind, retry), "{code}");
            assert_eq!(error.code(), Some(code.to_string().as_str()));
            assert!(!format!("{error:?}").contains("nora") && !format!("{error:?}").contains("/srv"), "{error:?}");
        }
    }

    #[test]
    fn only_constraints_types_and_sizes_are_a_rows_own_fault() {
        let row_code = |code| of_sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)).row;
        for code in [275, 1299, 2067, 1555, 1811] {
            assert_eq!(row_code(code), Some("constraint"), "{code}");
        }
        assert_eq!((row_code(18), row_code(20)), (Some("too_big"), Some("type_mismatch")));
        for code in [1, 5, 8, 10, 11, 13, 14] {
            assert_eq!(row_code(code), None, "{code}");
        }
    }
}
