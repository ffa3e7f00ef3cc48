//! The tables' and views' names as they stand in SQL: with schema and prefix, quoted.

use super::dialect::Dialect;
use crate::connectors::warehouse::tables::{BATCHES, EVENTS, LOG, MEMBERSHIP, REJECTS, RUNS, SCHEMA, VIEWS};
use crate::error::{Error, ErrorKind, Result};

/// Where the tables are, and what they are called.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) dialect: &'static Dialect,
    /// The schema (PostgreSQL) or database (MySQL); none for a database that has but one.
    pub(crate) schema: Option<String>,
    pub(crate) prefix: String,
    pub(crate) membership: String,
    pub(crate) log: String,
    pub(crate) events: String,
    pub(crate) runs: String,
    pub(crate) rejects: String,
    pub(crate) batches: String,
    pub(crate) versions: String,
    pub(crate) current_members: String,
    pub(crate) membership_intervals: String,
    pub(crate) cohort_ltv: String,
}

impl Names {
    pub(crate) fn new(dialect: &'static Dialect, schema: Option<&str>, prefix: &str) -> Self {
        let name = |name| qualified(dialect, schema, prefix, name);
        let [current_members, membership_intervals, cohort_ltv] = VIEWS.map(name);
        Self {
            dialect,
            schema: schema.map(str::to_owned),
            prefix: prefix.to_owned(),
            membership: name(MEMBERSHIP.name),
            log: name(LOG.name),
            events: name(EVENTS.name),
            runs: name(RUNS.name),
            rejects: name(REJECTS.name),
            batches: name(BATCHES.name),
            versions: name(SCHEMA.name),
            current_members,
            membership_intervals,
            cohort_ltv,
        }
    }

    /// A table's or view's name with its schema and prefix, quoted.
    pub(crate) fn of(&self, name: &str) -> String {
        qualified(self.dialect, self.schema.as_deref(), &self.prefix, name)
    }

    /// The same without its schema: as an upsert names the row that is there.
    pub(crate) fn bare(&self, name: &str) -> String {
        self.dialect.quoted(&self.plain(name))
    }

    /// The name with its prefix, as the catalogue has it.
    pub(crate) fn plain(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

fn qualified(dialect: &Dialect, schema: Option<&str>, prefix: &str, name: &str) -> String {
    let name = dialect.quoted(&format!("{prefix}{name}"));
    schema.map(|schema| format!("{}.{name}", dialect.quoted(schema))).unwrap_or(name)
}

/// The longest prefix: with it every name of ours is shorter than what PostgreSQL cuts off in silence.
const LONGEST_PREFIX: usize = 32;

/// Refuses a prefix that would have to be quoted by every analyst, or makes names too long.
pub(crate) fn check_prefix(prefix: &str) -> Result<()> {
    if (prefix.is_empty() || is_word(prefix)) && prefix.len() <= LONGEST_PREFIX {
        return Ok(());
    }
    Err(refused("expected `table_prefix` to be up to 32 of [A-Za-z0-9_], not beginning with a digit", prefix))
}

/// Refuses a schema's or database's name that would have to be quoted by every analyst.
#[cfg(any(test, feature = "postgres"))]
pub(crate) fn check_schema(field: &str, name: &str) -> Result<()> {
    if is_word(name) && name.len() <= 63 {
        return Ok(());
    }
    Err(refused(&format!("expected `{field}` to be 1 to 63 of [A-Za-z0-9_], not beginning with a digit"), name))
}

/// Refuses a host's tenant that the tables cannot hold.
pub(crate) fn check_workspace(workspace: &str) -> Result<()> {
    if workspace.is_empty() || workspace.len() > 64 || workspace.contains('\0') {
        return Err(refused("expected `workspace_key` to be 1 to 64 bytes without NUL", workspace));
    }
    Ok(())
}

/// The destination's id from what the host set, or from what it connects to.
pub(crate) fn checked_id(kind: &str, id: Option<&str>, found: &str) -> Result<String> {
    match id {
        Some(id) if !id.is_empty() && id.chars().all(is_id) => Ok(format!("{kind}:{id}")),
        Some(id) => Err(refused("expected `id` to be one or more of [a-z0-9_.:-]", id)),
        None => Ok(format!("{kind}:{}", found.to_ascii_lowercase().replace(|character| !is_id(character), "_"))),
    }
}

fn is_id(character: char) -> bool {
    matches!(character, 'a'..='z' | '0'..='9' | '_' | '.' | ':' | '-')
}

fn is_word(text: &str) -> bool {
    let digit_first = text.as_bytes().first().is_none_or(u8::is_ascii_digit);
    !digit_first && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn refused(expected: &str, found: &str) -> Error {
    Error::new(ErrorKind::Config, format!("{expected}, found another text of {} bytes", found.len()))
}

#[cfg(test)]
mod tests {
    use super::super::dialect::{POSTGRES, SQLITE};
    use super::*;
    use crate::connectors::warehouse::tables::ALL;

    #[test]
    fn names_stand_in_their_schema_and_fit_with_the_longest_prefix() {
        let names = Names::new(&POSTGRES, Some("activation"), "crm_");
        assert_eq!(names.log, r#""activation"."crm_audience_membership_log""#);
        assert_eq!(names.of("events"), r#""activation"."crm_events""#);
        assert_eq!(names.bare("events"), r#""crm_events""#);
        assert_eq!(Names::new(&SQLITE, None, "").cohort_ltv, r#""v_cohort_ltv""#);
        let indexes = ALL.iter().map(|table| format!("{}_by_1", table.name));
        for name in indexes.chain(VIEWS.map(str::to_owned)) {
            // The longest name that PostgreSQL keeps whole.
            assert!(LONGEST_PREFIX + name.len() <= 63, "{name}");
        }
    }

    #[test]
    fn what_analysts_would_have_to_quote_is_refused() {
        for prefix in ["1st_", "a\"b", "é", &"p".repeat(33)] {
            assert_eq!(check_prefix(prefix).unwrap_err().kind(), ErrorKind::Config, "{prefix}");
        }
        for schema in ["", "a.b", "a b", &"s".repeat(64)] {
            assert_eq!(check_schema("schema", schema).unwrap_err().kind(), ErrorKind::Config, "{schema}");
        }
        assert!(check_prefix("").is_ok() && check_prefix("_crm2_").is_ok() && check_schema("schema", "a1").is_ok());
        assert!(check_workspace("").is_err() && check_workspace(&"w".repeat(65)).is_err());
        assert!(check_workspace("a\0").is_err() && check_workspace("München").is_ok());
    }

    #[test]
    fn the_id_is_what_was_set_or_what_it_connects_to() {
        assert_eq!(checked_id("sqlite", None, "Ware House").unwrap(), "sqlite:ware_house");
        assert_eq!(checked_id("postgres", Some("crm.eu-1"), "x").unwrap(), "postgres:crm.eu-1");
        assert!(checked_id("sqlite", Some(""), "x").is_err() && checked_id("sqlite", Some("CRM"), "x").is_err());
    }
}
