//! The tables and views: made when they are missing, added to when they are older, looked at before they are used.

use super::names::Names;
use super::session::{Fault, SqlSession, Work};
use super::statements::{Statements, add_column, create_table};
use super::value::{Cell, Value};
use super::views;
use crate::connectors::warehouse::tables::{Contract, SCHEMA, Table, VIEWS};
use crate::error::{Error, ErrorKind};
use crate::time::Timestamp;

/// What is there of ours.
#[derive(Debug)]
struct Found {
    objects: Vec<(String, Option<String>)>,
    fold: bool,
}

impl Found {
    async fn read<S: SqlSession>(session: &mut S, names: &Names) -> Work<Self> {
        let objects = session.objects(names.schema.as_deref()).await?;
        Ok(Self { objects, fold: names.dialect.folds_names() })
    }

    fn is(&self, left: &str, right: &str) -> bool {
        if self.fold { left.eq_ignore_ascii_case(right) } else { left == right }
    }

    fn has(&self, name: &str) -> bool {
        self.objects.iter().any(|(object, _)| self.is(object, name))
    }

    fn has_column(&self, name: &str, column: &str) -> bool {
        self.objects.iter().any(|(object, found)| {
            self.is(object, name) && found.as_deref().is_some_and(|found| found.eq_ignore_ascii_case(column))
        })
    }
}

/// Makes sure that the tables and views are there, in the version this crate writes. Nothing is ever dropped or changed
/// but what a view shows: an older version gets the tables and columns it lacks.
pub(crate) async fn ensure<S: SqlSession>(
    session: &mut S,
    names: &Names,
    statements: &Statements,
    contract: &Contract,
    now: Timestamp,
) -> Work<()> {
    let found = Found::read(session, names).await?;
    if version(session, names, statements, &found).await? == Version::Is(contract.version) {
        return verify(&found, names, contract);
    }
    session.begin(&[]).await?;
    session.lock(&format!("{}.{}", names.schema.as_deref().unwrap_or_default(), names.plain(SCHEMA.name))).await?;
    // Another process may have been faster.
    let found = Found::read(session, names).await?;
    match version(session, names, statements, &found).await? {
        Version::Is(version) if version == contract.version => {
            session.rollback().await?;
            return verify(&found, names, contract);
        }
        Version::Is(version) if version > contract.version => {
            return Err(wrong_version(contract, &version.to_string()));
        }
        Version::Empty if names.dialect.transactional_ddl => return Err(wrong_version(contract, "none")),
        Version::Missing => refuse_strangers(&found, names, contract)?,
        // Older; or, where tables are made one by one, not finished.
        Version::Is(_) | Version::Empty => {}
    }
    complete(session, names, contract, &found).await?;
    let values = [
        ("version", Value::Int(contract.version)),
        ("engine", Value::Text(env!("CARGO_PKG_VERSION"))),
        ("now", Value::Moment(now)),
    ];
    session.execute(&statements.note_version, &values).await?;
    session.commit().await?;
    verify(&Found::read(session, names).await?, names, contract)
}

#[derive(Debug, PartialEq, Eq)]
enum Version {
    /// There is no table of versions.
    Missing,
    /// There is one, and nothing in it.
    Empty,
    Is(i64),
}

async fn version<S: SqlSession>(
    session: &mut S,
    names: &Names,
    statements: &Statements,
    found: &Found,
) -> Work<Version> {
    if !found.has(&names.plain(SCHEMA.name)) {
        return Ok(Version::Missing);
    }
    let rows = session.query(&statements.find_version, &[]).await?;
    match rows.first().and_then(|row| row.first()) {
        Some(Cell::Int(version)) => Ok(Version::Is(*version)),
        Some(Cell::Null) | None => Ok(Version::Empty),
        Some(Cell::Text(_)) => Err(Fault::unexpected("numbers of versions")),
    }
}

fn refuse_strangers(found: &Found, names: &Names, contract: &Contract) -> Work<()> {
    for name in contract.tables.iter().map(|table| table.name).chain(VIEWS) {
        let name = names.plain(name);
        if found.has(&name) {
            return Err(refused(format!(
                "expected no table or view `{name}`, found one that this crate did not make; set another \
                 `table_prefix`, or another {}",
                names.dialect.place
            )));
        }
    }
    Ok(())
}

/// Makes what is missing. The table of versions comes first: it says whose the others are.
async fn complete<S: SqlSession>(session: &mut S, names: &Names, contract: &Contract, found: &Found) -> Work<()> {
    let (versions, others): (Vec<&Table>, Vec<&Table>) =
        contract.tables.iter().partition(|table| table.name == SCHEMA.name);
    session.make_place(names).await?;
    for table in versions.into_iter().chain(others) {
        let name = names.plain(table.name);
        if !found.has(&name) {
            for statement in create_table(names, table) {
                session.define(&statement).await?;
            }
            continue;
        }
        for column in table.columns.iter().filter(|column| !found.has_column(&name, column.name)) {
            if !column.nullable {
                return Err(missing_column(column.name, &name));
            }
            session.define(&add_column(names, table, column)).await?;
        }
    }
    for view in views::create(names) {
        session.define(&view).await?;
    }
    Ok(())
}

/// Every statement that makes tables and views anew, the version among them: for those who make them by hand.
#[cfg(feature = "postgres")]
pub(crate) fn ddl(names: &Names, contract: &Contract) -> Vec<String> {
    let mut statements: Vec<String> = contract.tables.iter().flat_map(|table| create_table(names, table)).collect();
    statements.extend(views::create(names));
    statements.push(format!(
        "INSERT INTO {} (version, engine_version, created_at) VALUES ({}, '{}', CURRENT_TIMESTAMP)",
        names.versions,
        contract.version,
        env!("CARGO_PKG_VERSION")
    ));
    statements
}

/// Columns that others added do no harm; a missing one would show only in the middle of a run.
fn verify(found: &Found, names: &Names, contract: &Contract) -> Work<()> {
    for table in contract.tables {
        let name = names.plain(table.name);
        let missing = table.columns.iter().find(|column| !found.has_column(&name, column.name));
        if let Some(column) = missing {
            return Err(missing_column(column.name, &name));
        }
    }
    Ok(())
}

fn missing_column(column: &str, table: &str) -> Fault {
    refused(format!(
        "expected the column `{column}` in the table `{table}`, found it missing; restore it from a backup"
    ))
}

fn wrong_version(contract: &Contract, found: &str) -> Fault {
    refused(format!(
        "expected tables of version {}, found {found}; use the version of this crate that made them, or a newer one",
        contract.version
    ))
}

fn refused(message: String) -> Fault {
    Error::new(ErrorKind::Config, message).into()
}
