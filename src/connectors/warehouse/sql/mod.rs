//! From the tables as data to the text of one SQL dialect. Pure: no connection, no values of members.

use super::tables::{Logical, Table};

/// How one database wants its SQL written.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// Stands around an identifier; doubled inside it.
    pub(crate) quote: char,
    /// The database's own type for what a column holds.
    pub(crate) column_type: fn(Logical) -> &'static str,
    /// What follows the columns of a table.
    pub(crate) table_options: &'static str,
}

/// SQLite 3.39 or later: strict types, and tables that are their own key's tree.
pub(crate) const SQLITE: Dialect = Dialect {
    quote: '"',
    column_type: |logical| match logical {
        Logical::Text | Logical::Key | Logical::Decimal | Logical::Timestamp | Logical::Json => "TEXT",
        Logical::Int64 | Logical::Bool => "INTEGER",
    },
    table_options: " STRICT, WITHOUT ROWID",
};

impl Dialect {
    /// An identifier, whatever it holds. NUL cannot stand in an identifier; prefixes are checked for it before.
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

    /// A table's or view's name with its prefix, quoted.
    pub(crate) fn name(&self, prefix: &str, name: &str) -> String {
        self.quoted(&format!("{prefix}{name}"))
    }

    /// The statements that make a table and its indexes.
    pub(crate) fn create(&self, prefix: &str, table: &Table) -> Vec<String> {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| {
                let null = if column.nullable { "" } else { " NOT NULL" };
                format!("{} {}{null}", self.quoted(column.name), (self.column_type)(column.logical))
            })
            .collect();
        let mut statements = vec![format!(
            "CREATE TABLE {} ({}, PRIMARY KEY ({})){}",
            self.name(prefix, table.name),
            columns.join(", "),
            self.list(table.key),
            self.table_options,
        )];
        for (index, columns) in table.indexes.iter().enumerate() {
            let name = self.name(prefix, &format!("{}_by_{}", table.name, index + 1));
            statements.push(format!(
                "CREATE INDEX {name} ON {} ({})",
                self.name(prefix, table.name),
                self.list(columns)
            ));
        }
        statements
    }

    fn list(&self, names: &[&str]) -> String {
        names.iter().map(|name| self.quoted(name)).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables::{BATCHES, EVENTS};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_table_is_written_in_the_dialects_types() {
        assert_eq!(
            SQLITE.create("crm_", &BATCHES),
            ["CREATE TABLE \"crm_load_batches\" (\"batch_id\" TEXT NOT NULL, \"run_id\" TEXT NOT NULL, \
              \"table_name\" TEXT NOT NULL, \"row_count\" INTEGER NOT NULL, \"content_sha256\" TEXT NOT NULL, \
              \"committed_at\" TEXT NOT NULL, PRIMARY KEY (\"batch_id\")) STRICT, WITHOUT ROWID"]
        );
        let events = SQLITE.create("", &EVENTS);
        assert!(events[0].contains("\"value\" TEXT, \"currency\" TEXT,"), "{}", events[0]);
        assert_eq!(
            events[1],
            "CREATE INDEX \"events_by_1\" ON \"events\" (\"workspace_key\", \"member_key\", \"occurred_at\")"
        );
    }

    proptest! {
        #[test]
        fn a_quoted_identifier_reads_back_as_it_was(identifier in "[^\u{0}]{0,12}") {
            let quoted = SQLITE.quoted(&identifier);
            let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap();
            prop_assert_eq!(inner.replace("\"\"", "\""), identifier);
            prop_assert_eq!(inner.replace("\"\"", "").matches('"').count(), 0);
        }
    }
}
