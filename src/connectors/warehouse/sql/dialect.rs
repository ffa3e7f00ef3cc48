//! From the tables as data to the text of one SQL dialect. Pure: no connection, no values of members.

use std::fmt::Write;

use crate::connectors::warehouse::tables::{Column, Logical, Table};

/// How one database wants its SQL written.
#[derive(Debug)]
pub(crate) struct Dialect {
    pub(crate) kind: Kind,
    /// Stands around an identifier; doubled inside it.
    pub(crate) quote: char,
    /// The database's own type for what a column holds.
    pub(crate) column_type: fn(Logical) -> &'static str,
    /// What follows the columns of a table.
    pub(crate) table_options: &'static str,
    /// Whether tables are made and changed in a transaction.
    pub(crate) transactional_ddl: bool,
    /// What a configuration calls the place of the tables.
    pub(crate) place: &'static str,
}

/// The dialects that differ in more than words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "matched on, made by its own connector"))]
    Sqlite,
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "matched on, made by its own connector"))]
    Postgres,
}

/// SQLite 3.39 or later: strict types, and tables that are their own key's tree.
#[cfg(any(test, feature = "sqlite"))]
pub(crate) static SQLITE: Dialect = Dialect {
    kind: Kind::Sqlite,
    quote: '"',
    column_type: |logical| match logical {
        Logical::Text | Logical::Key | Logical::Decimal | Logical::Timestamp | Logical::Json => "TEXT",
        Logical::Int64 | Logical::Bool => "INTEGER",
    },
    table_options: " STRICT, WITHOUT ROWID",
    transactional_ddl: true,
    place: "`path`",
};

/// PostgreSQL 11 or later.
#[cfg(any(test, feature = "postgres"))]
pub(crate) static POSTGRES: Dialect = Dialect {
    kind: Kind::Postgres,
    quote: '"',
    column_type: |logical| match logical {
        Logical::Text => "text",
        // Byte by byte, whatever the database's own order is, and never folded.
        Logical::Key => "text COLLATE \"C\"",
        Logical::Int64 => "bigint",
        Logical::Decimal => "numeric(18,6)",
        Logical::Bool => "boolean",
        Logical::Timestamp => "timestamp with time zone",
        Logical::Json => "jsonb",
    },
    table_options: "",
    transactional_ddl: true,
    place: "`schema`",
};

/// A statement with its parameters' names in the order in which their values are handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) parameters: Vec<String>,
}

impl Dialect {
    /// An identifier, whatever it holds. NUL cannot stand in an identifier; configured names are checked for it before.
    pub(crate) fn quoted(&self, identifier: &str) -> String {
        let quote = self.quote;
        let mut out = String::with_capacity(identifier.len() + 2);
        out.push(quote);
        for character in identifier.chars() {
            if character == quote {
                out.push(quote);
            }
            out.push(character);
        }
        out.push(quote);
        out
    }

    /// Whether `Events` and `events` are one table.
    pub(crate) fn folds_names(&self) -> bool {
        self.kind != Kind::Postgres
    }

    /// A template with parameters as `:name` (quoted names and texts in it hold no colon) as a statement.
    pub(crate) fn sql(&self, template: &str) -> Sql {
        let (mut text, mut parameters) = (String::with_capacity(template.len()), Vec::<String>::new());
        let mut parts = template.split(':');
        text.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let end = part.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            let known = parameters.iter().position(|known| known == name);
            let place = match known {
                None => {
                    parameters.push(name.to_owned());
                    parameters.len()
                }
                Some(index) => index + 1,
            };
            // Writing to a text cannot fail.
            let _ = match self.kind {
                Kind::Postgres => write!(text, "${place}{rest}"),
                Kind::Sqlite => write!(text, "?{place}{rest}"),
            };
        }
        Sql { text, parameters }
    }

    /// A column as `CREATE TABLE` and `ADD COLUMN` want it.
    pub(crate) fn column(&self, column: &Column) -> String {
        let null = if column.nullable { "" } else { " NOT NULL" };
        format!("{} {}{null}", self.quoted(column.name), (self.column_type)(column.logical))
    }

    /// The columns of a table, with their types.
    pub(crate) fn columns(&self, table: &Table) -> String {
        table.columns.iter().map(|column| self.column(column)).collect::<Vec<_>>().join(", ")
    }

    /// Names in a row.
    pub(crate) fn list(&self, names: &[&str]) -> String {
        names.iter().map(|name| self.quoted(name)).collect::<Vec<_>>().join(", ")
    }

    /// A stage's name. A stage belongs to one connection, and shadows nobody's table.
    pub(crate) fn stage(&self, table: &Table) -> String {
        match self.kind {
            Kind::Sqlite => format!("temp.{}", self.quoted(table.name)),
            Kind::Postgres => format!("pg_temp.{}", self.quoted(table.name)),
        }
    }

    /// The statements that make an empty stage.
    pub(crate) fn create_stage(&self, table: &Table) -> Vec<String> {
        let (name, columns) = (self.stage(table), self.columns(table));
        match self.kind {
            Kind::Sqlite => vec![
                format!("CREATE TEMP TABLE IF NOT EXISTS {} ({columns}) STRICT", self.quoted(table.name)),
                format!("DELETE FROM {name}"),
            ],
            Kind::Postgres => vec![format!("CREATE TEMP TABLE {} ({columns}) ON COMMIT DROP", self.quoted(table.name))],
        }
    }

    /// Texts one after the other; `parts` are expressions that are never null.
    pub(crate) fn concat(&self, parts: &[&str]) -> String {
        format!("({})", parts.join(" || "))
    }

    /// Whether two values are the same, null being the same as null.
    pub(crate) fn same(&self, left: &str, right: &str) -> String {
        format!("{left} IS NOT DISTINCT FROM {right}")
    }

    /// `INSERT`'s tail that leaves rows out whose key is there already.
    /// A `SELECT` before it needs a `WHERE`, or SQLite would read `ON` as a join's.
    pub(crate) fn or_keep(&self, table: &Table) -> String {
        format!(" ON CONFLICT ({}) DO NOTHING", self.list(table.key))
    }

    /// `INSERT`'s tail that sets columns of the row with the same key, where `only_if` holds; both may name the row as
    /// it is, by the table's name without its schema, and as it was to be inserted ([`Dialect::inserted`]).
    pub(crate) fn or_update(&self, table: &Table, sets: &[(&str, String)], only_if: &str) -> String {
        let set = |(name, value): &(&str, String)| format!("{} = {value}", self.quoted(name));
        let sets = sets.iter().map(set).collect::<Vec<_>>().join(", ");
        format!(" ON CONFLICT ({}) DO UPDATE SET {sets} WHERE {only_if}", self.list(table.key))
    }

    /// A column of the row that an upsert could not insert.
    pub(crate) fn inserted(&self, name: &str) -> String {
        format!("excluded.{}", self.quoted(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameters_are_placed_as_the_database_wants_them() {
        let template = "SELECT a FROM t WHERE w = :workspace AND (a = :key OR b = :workspace) LIMIT :page_size";
        let of = |dialect: &Dialect| {
            let sql = dialect.sql(template);
            (sql.text, sql.parameters.join(","))
        };
        assert_eq!(
            of(&POSTGRES),
            ("SELECT a FROM t WHERE w = $1 AND (a = $2 OR b = $1) LIMIT $3".into(), "workspace,key,page_size".into())
        );
        assert_eq!(
            of(&SQLITE),
            ("SELECT a FROM t WHERE w = ?1 AND (a = ?2 OR b = ?1) LIMIT ?3".into(), "workspace,key,page_size".into())
        );
    }

    proptest! {
        #[test]
        fn a_quoted_identifier_reads_back_as_it_was(identifier in "[^\u{0}]{0,12}") {
            for dialect in [&SQLITE, &POSTGRES] {
                let quoted = dialect.quoted(&identifier);
                let quote = dialect.quote.to_string();
                let inner = quoted.strip_prefix(&quote).and_then(|rest| rest.strip_suffix(&quote)).unwrap();
                prop_assert_eq!(inner.replace(&quote.repeat(2), &quote), identifier.as_str());
                prop_assert_eq!(inner.replace(&quote.repeat(2), "").matches(&quote).count(), 0);
            }
        }
    }
}
