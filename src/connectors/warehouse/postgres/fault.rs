//! What PostgreSQL's error codes mean (<https://www.postgresql.org/docs/15/errcodes-appendix.html>, read 2026-11-23).
//!
//! The server's own texts are not passed on: they quote values.

use tokio_postgres::error::DbError;

use crate::connectors::warehouse::sql::Fault;
use crate::error::{Error, ErrorKind, Retry};

/// A fault before the commit was asked for: nothing counts.
pub(super) fn of(fault: &tokio_postgres::Error) -> Fault {
    match fault.as_db_error() {
        Some(error) => of_code(error),
        None => of_connection(fault, Retry::Safe { after: None }),
    }
}

/// A fault while the commit was asked for. Only what the server says of the transaction itself is certain: a connection
/// that ends may have ended behind the commit.
pub(super) fn of_commit(fault: &tokio_postgres::Error) -> Fault {
    let certain = fault.code().is_some_and(|code| matches!(code.code().get(..2), Some("40" | "23" | "25")));
    let mut fault = match fault.as_db_error() {
        Some(error) => of_code(error),
        None => of_connection(fault, Retry::MaybeApplied),
    };
    if !certain {
        fault.error = fault.error.with_retry(Retry::MaybeApplied);
        fault.spares_the_connection = false;
    }
    fault
}

fn of_connection(fault: &tokio_postgres::Error, retry: Retry) -> Fault {
    let error = Error::new(
        ErrorKind::Transport,
        "expected the connection to PostgreSQL to last, found it closed; it is opened again",
    )
    .with_retry(retry);
    Fault { error: with_io(error, fault), row: None, spares_the_connection: false }
}

/// A fault while connecting: nothing was asked for yet.
pub(super) fn of_connecting(fault: &tokio_postgres::Error) -> Error {
    if let Some(error) = fault.as_db_error() {
        return of_code(error).error;
    }
    if fault.is_closed() {
        return unreachable_server();
    }
    let source = std::error::Error::source(fault);
    let io = source.and_then(|source| source.downcast_ref::<std::io::Error>());
    let tls = io.and_then(|io| io.get_ref()).and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(tls) = tls {
        let message = "expected a certificate that `tls` and `ca_file` accept, found another; correct `host`, or set \
                       `ca_file` to the authority that signed the server's certificate";
        return Error::new(ErrorKind::Config, message).with_source(tls.clone());
    }
    if io.is_none() {
        // Without a cause from below it is the client itself that gave up: over TLS that the server does not speak, a
        // password that it was not given, an authentication that it does not know.
        let message = "expected PostgreSQL to offer TLS and a way to log in that the configuration has, found neither \
                       or another; look at `tls` and `password`";
        return Error::new(ErrorKind::Config, message);
    }
    with_io(unreachable_server(), fault)
}

fn unreachable_server() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "expected PostgreSQL to answer at `host` and `port`, found that it does not; it is tried again",
    )
    .with_retry(Retry::Safe { after: None })
}

/// Keeps the kind of what went wrong on the wire, which names no values.
fn with_io(error: Error, fault: &tokio_postgres::Error) -> Error {
    let source = std::error::Error::source(fault);
    match source.and_then(|source| source.downcast_ref::<std::io::Error>()) {
        Some(io) => error.with_source(std::io::Error::from(io.kind())),
        None => error,
    }
}

fn of_code(fault: &DbError) -> Fault {
    let code = fault.code().code();
    let (kind, retry, message) = meaning(code);
    let fatal = fault.severity() != "ERROR";
    let row = row_code(code);
    let spares = !fatal && (row.is_some() || matches!(code, "40001" | "40P01" | "55P03" | "57014"));
    Fault { error: Error::new(kind, message).with_retry(retry).with_code(code), row, spares_the_connection: spares }
}

/// The code by which a row is refused, when it is the row's own fault.
fn row_code(code: &str) -> Option<&'static str> {
    match code {
        "22001" => Some("too_long"),
        "22003" | "22007" | "22008" => Some("out_of_range"),
        "22021" | "22P05" => Some("nul_character"),
        "54000" => Some("too_big"),
        _ => match code.get(..2) {
            Some("22") => Some("malformed"),
            // Also what a trigger or a domain that somebody else made raises.
            Some("23" | "P0") => Some("constraint"),
            _ => None,
        },
    }
}

fn meaning(code: &str) -> (ErrorKind, Retry, &'static str) {
    use ErrorKind::{Bug, Config, NotFound, PermissionDenied, RateLimited, Rejected, Unauthenticated, Unavailable};
    let (never, safe) = (Retry::Never, Retry::Safe { after: None });
    match code {
        "53300" | "53400" => (RateLimited, safe, "expected a free connection, found too many open; it is tried again"),
        "40001" | "40P01" => {
            (Unavailable, safe, "expected to write alone, found a conflict with another writer; it is tried again")
        }
        "55P03" => (Unavailable, safe, "expected to get a lock in time, found it held; it is tried again"),
        "57014" => (
            Unavailable,
            safe,
            "expected the statement to end within `statement_timeout_ms`, found it canceled; it is tried again",
        ),
        "25006" => (
            Unavailable,
            safe,
            "expected a server that can be written to, found a read-only one; it is connected to again",
        ),
        "53200" => (Unavailable, safe, "expected enough memory on the server, found too little; it is tried again"),
        "53100" => (Config, never, "expected room on the server's disk, found it full; free space"),
        "28P01" | "28000" => {
            (Unauthenticated, never, "expected to be let in, found it refused; correct `user`, `password` and `tls`")
        }
        "3D000" => (NotFound, never, "expected the database to exist, found that it does not; correct `database`"),
        "3F000" => (NotFound, never, "expected the schema to exist, found that it does not; correct `schema`"),
        "42501" => (PermissionDenied, never, "expected to be allowed, found a grant missing; `check` says which"),
        "21000" => (Bug, never, "expected each key once in a batch, found one twice"),
        _ => match code.get(..2) {
            Some("08" | "57" | "58" | "53" | "25") => {
                (Unavailable, safe, "expected PostgreSQL to stay up, found it going down; it is tried again")
            }
            Some("22" | "23" | "P0") => {
                (Rejected, never, "expected the values to fit the tables, found that they do not")
            }
            Some("42") => (
                Config,
                never,
                "expected the tables and views of this crate, found others; restore them, or set `table_prefix`",
            ),
            Some("54" | "0A") => (Config, never, "expected what the server can do, found a limit of it"),
            _ => (ErrorKind::UnexpectedReply, never, "expected a documented code of PostgreSQL, found another"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_to_do_next() {
        let safe = Retry::Safe { after: None };
        for (code, kind, retry) in [
            ("53300", ErrorKind::RateLimited, safe),
            ("53400", ErrorKind::RateLimited, safe),
            ("08006", ErrorKind::Unavailable, safe),
            ("40001", ErrorKind::Unavailable, safe),
            ("40P01", ErrorKind::Unavailable, safe),
            ("55P03", ErrorKind::Unavailable, safe),
            ("57P01", ErrorKind::Unavailable, safe),
            ("57P03", ErrorKind::Unavailable, safe),
            ("57014", ErrorKind::Unavailable, safe),
            ("53200", ErrorKind::Unavailable, safe),
            ("25006", ErrorKind::Unavailable, safe),
            ("25P03", ErrorKind::Unavailable, safe),
            ("58030", ErrorKind::Unavailable, safe),
            ("28000", ErrorKind::Unauthenticated, Retry::Never),
            ("28P01", ErrorKind::Unauthenticated, Retry::Never),
            ("3D000", ErrorKind::NotFound, Retry::Never),
            ("3F000", ErrorKind::NotFound, Retry::Never),
            ("42501", ErrorKind::PermissionDenied, Retry::Never),
            ("42P01", ErrorKind::Config, Retry::Never),
            ("42703", ErrorKind::Config, Retry::Never),
            ("53100", ErrorKind::Config, Retry::Never),
            ("0A000", ErrorKind::Config, Retry::Never),
            ("54001", ErrorKind::Config, Retry::Never),
            ("22P02", ErrorKind::Rejected, Retry::Never),
            ("23505", ErrorKind::Rejected, Retry::Never),
            ("21000", ErrorKind::Bug, Retry::Never),
            ("XX000", ErrorKind::UnexpectedReply, Retry::Never),
        ] {
            let (found, again, _) = meaning(code);
            assert_eq!((found, again), (kind, retry), "{code}");
        }
    }

    #[test]
    fn only_values_and_constraints_are_a_rows_own_fault() {
        for (code, word) in [
            ("22001", "too_long"),
            ("22003", "out_of_range"),
            ("22008", "out_of_range"),
            ("22021", "nul_character"),
            ("22P02", "malformed"),
            ("23502", "constraint"),
            ("23514", "constraint"),
            ("P0001", "constraint"),
            ("54000", "too_big"),
        ] {
            assert_eq!(row_code(code), Some(word), "{code}");
        }
        for code in ["40001", "42501", "53100", "57014", "08006", "21000", "54001"] {
            assert_eq!(row_code(code), None, "{code}");
        }
    }
}
