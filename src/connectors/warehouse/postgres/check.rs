//! Which grants there are, and which are missing.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::config::PostgresConfig;
use super::fault;
use crate::connectors::warehouse::sql::{Names, POSTGRES};
use crate::connectors::warehouse::tables::CONTRACT;
use crate::destination::Check;
use crate::error::Result;

/// What the role may do, asked in one query. Of a schema that is missing there is nothing to ask.
const ASKED: &str = "
    SELECT current_setting('server_version'), CAST(current_user AS text),
           has_database_privilege(current_database(), 'TEMPORARY'),
           has_database_privilege(current_database(), 'CREATE'),
           n.oid IS NOT NULL,
           coalesce(has_schema_privilege(n.oid, 'USAGE'), FALSE),
           coalesce(has_schema_privilege(n.oid, 'CREATE'), FALSE),
           (SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid())
    FROM (SELECT 1) AS one LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = $1";

/// What each table of ours lets the role do.
const ASKED_OF_TABLES: &str = "
    SELECT CAST(c.relname AS text), has_table_privilege(c.oid, 'SELECT'), has_table_privilege(c.oid, 'INSERT'),
           has_table_privilege(c.oid, 'UPDATE'), has_table_privilege(c.oid, 'DELETE')
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')";

/// Adds to a check what the server says of the role's grants. Each that is missing stands there as the statement that
/// gives it.
pub(super) async fn grants(client: &Client, config: &PostgresConfig, names: &Names, check: Check) -> Result<Check> {
    let told = |error: tokio_postgres::Error| fault::of(&error).error;
    let rows = client.query_typed(ASKED, &[(&config.schema, Type::TEXT)]).await.map_err(told)?;
    let Some(row) = rows.first() else { return Ok(check) };
    let version: String = row.try_get(0).map_err(told)?;
    let role: String = row.try_get(1).map_err(told)?;
    let tls: Option<bool> = row.try_get(7).map_err(told)?;
    let may = |index: usize| row.try_get::<_, bool>(index).map_err(told);
    let mut check = check.with_found(format!("PostgreSQL {version}")).with_found(if tls == Some(true) {
        "encrypted"
    } else {
        "not encrypted"
    });
    let grant = |what: &str| format!("GRANT {what} TO {}", POSTGRES.quoted(&role));
    let (database, schema) = (POSTGRES.quoted(&config.database), POSTGRES.quoted(&config.schema));
    if !may(2)? {
        check = check.with_missing(grant(&format!("TEMPORARY ON DATABASE {database}")));
    }
    let (has_schema, may_use, may_create) = (may(4)?, may(5)?, may(6)?);
    if !has_schema {
        let missing = !may(3)?;
        let statement = grant(&format!("CREATE ON DATABASE {database}"));
        return Ok(if missing { check.with_missing(statement) } else { check });
    }
    if !may_use {
        check = check.with_missing(grant(&format!("USAGE ON SCHEMA {schema}")));
    }
    let rows = client.query_typed(ASKED_OF_TABLES, &[(&config.schema, Type::TEXT)]).await.map_err(told)?;
    let mut found = 0;
    for table in CONTRACT.tables {
        let Some(row) =
            rows.iter().find(|row| row.try_get(0).is_ok_and(|name: String| name == names.plain(table.name)))
        else {
            continue;
        };
        found += 1;
        let wanted = [(1, "SELECT"), (2, "INSERT"), (3, "UPDATE"), (4, "DELETE")];
        let missing: Vec<&str> =
            wanted.iter().filter(|(index, _)| !row.try_get(*index).unwrap_or(false)).map(|(_, word)| *word).collect();
        if !missing.is_empty() {
            check = check.with_missing(grant(&format!("{} ON {}", missing.join(", "), names.of(table.name))));
        }
    }
    if found < CONTRACT.tables.len() && !may_create {
        check = check.with_missing(grant(&format!("CREATE ON SCHEMA {schema}")));
    }
    Ok(check)
}
