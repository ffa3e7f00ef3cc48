//! The tables and views: made when they are missing, looked at before they are used.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::fault::Work;
use super::names::Names;
use super::views;
use crate::connectors::warehouse::sql::SQLITE;
use crate::connectors::warehouse::tables::{ALL, SCHEMA, SCHEMA_VERSION, VIEWS};
use crate::error::{Error, ErrorKind};

/// Makes sure that the tables and views are there, in the version this crate writes.
pub(super) fn ensure(connection: &mut Connection, names: &Names, now: &str) -> Work<()> {
    if !exists(connection, names, SCHEMA.name)? {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been faster.
        if !exists(&transaction, names, SCHEMA.name)? {
            create(&transaction, names, now)?;
            transaction.commit()?;
        }
    }
    verify(connection, names)
}

fn exists(connection: &Connection, names: &Names, name: &str) -> Work<bool> {
    let mut find = connection.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE")?;
    Ok(find.exists([format!("{}{name}", names.prefix)])?)
}

fn create(transaction: &Transaction<'_>, names: &Names, now: &str) -> Work<()> {
    for name in ALL.iter().map(|table| table.name).chain(VIEWS) {
        if exists(transaction, names, name)? {
            return Err(refused(format!(
                "expected no table or view `{}{name}`, found one that this crate did not make; set another \
                 `table_prefix`, or another `path`",
                names.prefix
            )));
        }
    }
    for table in ALL {
        for statement in SQLITE.create(&names.prefix, table) {
            transaction.execute_batch(&statement)?;
        }
    }
    for view in views::create(names) {
        transaction.execute_batch(&view)?;
    }
    transaction.execute(
        &format!("INSERT INTO {} (version, engine_version, created_at) VALUES (?1, ?2, ?3)", names.schema),
        (SCHEMA_VERSION, env!("CARGO_PKG_VERSION"), now),
    )?;
    Ok(())
}

/// Columns that others added do no harm; a missing one would show only in the middle of a run.
fn verify(connection: &Connection, names: &Names) -> Work<()> {
    let version: Option<i64> = connection
        .query_row(&format!("SELECT MAX(version) FROM {}", names.schema), [], |row| row.get(0))
        .optional()?
        .flatten();
    if version != Some(SCHEMA_VERSION) {
        let found = version.map_or("none".to_owned(), |version| version.to_string());
        return Err(refused(format!(
            "expected tables of version {SCHEMA_VERSION}, found {found}; use the version of this crate that made them, \
             or a newer one"
        )));
    }
    let mut columns = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    for table in ALL {
        let found: Vec<String> = columns
            .query_map([format!("{}{}", names.prefix, table.name)], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for column in table.columns {
            if !found.iter().any(|name| name.eq_ignore_ascii_case(column.name)) {
                return Err(refused(format!(
                    "expected the column `{}` in the table `{}{}`, found it missing; restore it from a backup",
                    column.name, names.prefix, table.name
                )));
            }
        }
    }
    Ok(())
}

fn refused(message: String) -> super::fault::Fault {
    Error::new(ErrorKind::Config, message).into()
}
