//! The configuration of a SQLite warehouse.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::connectors::warehouse::Removed;
use crate::connectors::warehouse::sql::{check_prefix, check_workspace, checked_id};
use crate::error::{Error, ErrorKind, Result};

/// The longest waiting for a lock that may be configured: the engine gives a call up after some minutes.
const MAX_BUSY_TIMEOUT_MS: u32 = 60_000;

/// Where a SQLite warehouse lies, and how it is written.
///
/// ```
/// # use audience_sync::connectors::warehouse::sqlite::{Removed, SqliteConfig};
/// let config: SqliteConfig = serde_json::from_str(r#"{ "path": "warehouse.db", "removed": "delete" }"#)?;
/// assert_eq!(config.workspace_key, "default");
/// assert_eq!(config.removed, Removed::Delete);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SqliteConfig {
    /// The database file. Made when it is missing; its folder is not. No URI, no `:memory:`.
    pub path: PathBuf,
    /// The destination's id becomes `sqlite:<id>`; `[a-z0-9_.:-]`. Without it, the file's name without its ending.
    /// State and reports name the destination by it: two files of the same name need ids of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The host's tenant, in every row; 1 to 64 bytes.
    #[serde(default = "default_workspace")]
    pub workspace_key: String,
    /// Stands before the name of every table and view; up to 32 of `[A-Za-z0-9_]`, not beginning with a digit.
    #[serde(default)]
    pub table_prefix: String,
    /// What becomes of the row of a member that left.
    #[serde(default)]
    pub removed: Removed,
    /// How long to wait for another writer, in milliseconds; 5,000 unless set, at most 60,000.
    #[serde(default = "default_busy_timeout")]
    pub busy_timeout_ms: u32,
}

fn default_workspace() -> String {
    "default".into()
}

fn default_busy_timeout() -> u32 {
    5_000
}

impl SqliteConfig {
    /// A database file, everything else as by default.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            id: None,
            workspace_key: default_workspace(),
            table_prefix: String::new(),
            removed: Removed::default(),
            busy_timeout_ms: default_busy_timeout(),
        }
    }

    /// Sets the destination's id, without `sqlite:`.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the host's tenant.
    #[must_use]
    pub fn with_workspace_key(mut self, workspace: impl Into<String>) -> Self {
        self.workspace_key = workspace.into();
        self
    }

    /// Sets the prefix of every table and view.
    #[must_use]
    pub fn with_table_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.table_prefix = prefix.into();
        self
    }

    /// Sets what becomes of the row of a member that left.
    #[must_use]
    pub fn with_removed(mut self, removed: Removed) -> Self {
        self.removed = removed;
        self
    }

    /// Sets how long to wait for another writer, in milliseconds.
    #[must_use]
    pub fn with_busy_timeout_ms(mut self, millis: u32) -> Self {
        self.busy_timeout_ms = millis;
        self
    }

    /// Refuses what can never work, and answers with the destination's id.
    pub(super) fn checked_id(&self) -> Result<String> {
        check_path(&self.path)?;
        check_workspace(&self.workspace_key)?;
        check_prefix(&self.table_prefix)?;
        if self.busy_timeout_ms > MAX_BUSY_TIMEOUT_MS {
            return Err(Error::new(
                ErrorKind::Config,
                format!("expected `busy_timeout_ms` up to {MAX_BUSY_TIMEOUT_MS}, found {}", self.busy_timeout_ms),
            ));
        }
        checked_id("sqlite", self.id.as_deref(), &self.path.file_stem().unwrap_or_default().to_string_lossy())
    }

    /// The file's name, which messages may show; the folder says too much of the host.
    pub(super) fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// SQLite gives the empty name, `:memory:` and `file:` meanings of their own: databases that are gone at the end.
fn check_path(path: &Path) -> Result<()> {
    let bytes = path.as_os_str().as_encoded_bytes();
    let special = bytes.starts_with(b":") || bytes.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"file:"));
    if path.file_name().is_none() || special || bytes.contains(&0) {
        return Err(Error::new(
            ErrorKind::Config,
            "expected `path` to name a database file, found none, a URI, or an in-memory database",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(config: SqliteConfig) -> Result<String> {
        config.checked_id()
    }

    #[test]
    fn the_id_is_stable_and_shows_no_folder() {
        assert_eq!(id(SqliteConfig::new("/srv/tenant/Ware House.db")).unwrap(), "sqlite:ware_house");
        assert_eq!(id(SqliteConfig::new("crm.sqlite3").with_id("crm.eu-1")).unwrap(), "sqlite:crm.eu-1");
    }

    #[test]
    fn what_can_never_work_is_refused() {
        let file = || SqliteConfig::new("w.db");
        for wrong in [
            SqliteConfig::new(""),
            SqliteConfig::new("/"),
            SqliteConfig::new(":memory:"),
            SqliteConfig::new("FILE:w.db?mode=memory"),
            SqliteConfig::new("w\0.db"),
            file().with_workspace_key(""),
            file().with_workspace_key("w".repeat(65)),
            file().with_table_prefix("1st_"),
            file().with_table_prefix("a\"b"),
            file().with_table_prefix("p".repeat(33)),
            file().with_id(""),
            file().with_id("CRM"),
            file().with_busy_timeout_ms(60_001),
        ] {
            assert_eq!(wrong.clone().checked_id().unwrap_err().kind(), ErrorKind::Config, "{wrong:?}");
        }
        assert!(id(file().with_workspace_key("w".repeat(64)).with_table_prefix("_crm2_")).is_ok());
    }

    #[test]
    fn travels_through_serde_with_defaults() {
        let config: SqliteConfig = serde_json::from_str(r#"{"path":"w.db"}"#).unwrap();
        assert_eq!(config, SqliteConfig::new("w.db"));
        assert_eq!((config.busy_timeout_ms, config.removed), (5_000, Removed::Tombstone));
        let text = serde_json::to_string(&config.with_id("crm").with_removed(Removed::Delete)).unwrap();
        assert_eq!(
            text,
            r#"{"path":"w.db","id":"crm","workspace_key":"default","table_prefix":"","removed":"delete","busy_timeout_ms":5000}"#
        );
        assert!(serde_json::from_str::<SqliteConfig>(r#"{"path":"w.db","tabel_prefix":"x"}"#).is_err());
    }
}
