//! The configuration of a PostgreSQL warehouse.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use tokio_postgres::config::Host;

use super::tls::Tls;
use crate::connectors::warehouse::Removed;
use crate::connectors::warehouse::sql::{check_prefix, check_schema, check_workspace, checked_id};
use crate::error::{Error, ErrorKind, Result};
use crate::secret::Secret;

/// Where a PostgreSQL warehouse is, how it is reached, and how it is written. Unknown fields are refused; the password
/// does not print.
///
/// ```
/// # use audience_sync::connectors::warehouse::postgres::{PostgresConfig, Tls};
/// let config: PostgresConfig = serde_json::from_str(
///     r#"{ "host": "db.example.com", "database": "analytics", "user": "loader", "password": "s3cr3t" }"#,
/// )?;
/// assert_eq!((config.port, &*config.schema, config.tls), (5432, "activation", Tls::VerifyFull));
/// assert!(!format!("{config:?}").contains("s3cr3t"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PostgresConfig {
    /// The server's name or address; a path that begins with `/` is the folder of its socket.
    pub host: String,
    /// The port; 5432 unless set.
    #[serde(default = "default_port")]
    pub port: u16,
    /// The database.
    pub database: String,
    /// The role that logs in.
    pub user: String,
    /// Its password; none for servers that trust the connection.
    #[serde(default)]
    pub password: Option<Secret<String>>,
    /// How the connection is encrypted and the server recognised; [`Tls::VerifyFull`] unless set.
    #[serde(default)]
    pub tls: Tls,
    /// Certificates (PEM) of the authorities that may sign the server's; those of the system unless set.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The schema of the tables; `activation` unless set. Made where it is missing.
    #[serde(default = "default_schema")]
    pub schema: String,
    /// Stands before the name of every table and view; up to 32 of `[A-Za-z0-9_]`, not beginning with a digit.
    #[serde(default)]
    pub table_prefix: String,
    /// The host's tenant, in every row; 1 to 64 bytes.
    #[serde(default = "default_workspace")]
    pub workspace_key: String,
    /// What becomes of the row of a member that left.
    #[serde(default)]
    pub removed: Removed,
    /// The destination's id becomes `postgres:<id>`; `[a-z0-9_.:-]`. Without it, the database's name. State and reports
    /// name the destination by it: two databases of the same name need ids of their own.
    #[serde(default)]
    pub id: Option<String>,
    /// How long one statement may run, waits for locks included, in milliseconds; 300,000 unless set, at least 1.
    #[serde(default = "default_statement_timeout")]
    pub statement_timeout_ms: u32,
    /// How long connecting may take, in milliseconds; 10,000 unless set, at least 1.
    #[serde(default = "default_connect_timeout")]
    pub connect_timeout_ms: u32,
    /// How many connections may be open at a time, 1 to 16; 2 unless set.
    #[serde(default = "default_connections")]
    pub connections: u8,
}

fn default_port() -> u16 {
    5432
}

fn default_schema() -> String {
    "activation".into()
}

fn default_workspace() -> String {
    "default".into()
}

fn default_statement_timeout() -> u32 {
    300_000
}

fn default_connect_timeout() -> u32 {
    10_000
}

fn default_connections() -> u8 {
    2
}

impl PostgresConfig {
    /// A database on a server, everything else as by default.
    pub fn new(host: impl Into<String>, database: impl Into<String>, user: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: default_port(),
            database: database.into(),
            user: user.into(),
            password: None,
            tls: Tls::default(),
            ca_file: None,
            schema: default_schema(),
            table_prefix: String::new(),
            workspace_key: default_workspace(),
            removed: Removed::default(),
            id: None,
            statement_timeout_ms: default_statement_timeout(),
            connect_timeout_ms: default_connect_timeout(),
            connections: default_connections(),
        }
    }

    /// From a URL as PostgreSQL's own tools take it: `postgres://user:password@host:port/database?sslmode=verify-full`.
    /// Of its settings `sslmode` and `sslrootcert` are known; without `sslmode` it is `verify-full`, not libpq's `prefer`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for another URL; its text is not repeated, for it may hold a password.
    pub fn from_url(url: &str) -> Result<Self> {
        let refused = |found: &str| {
            Error::new(
                ErrorKind::Config,
                format!("expected postgres://user:password@host:port/database, optionally with sslmode, found {found}"),
            )
        };
        let (plain, settings) = url.split_once('?').unwrap_or((url, ""));
        let parsed: tokio_postgres::Config = plain.parse().map_err(|_| refused("another text"))?;
        let (host, database, user) = match (parsed.get_hosts(), parsed.get_dbname(), parsed.get_user()) {
            ([Host::Tcp(host)], Some(database), Some(user)) => (host.clone(), database, user),
            _ => return Err(refused("no host, database or user, or more than one host")),
        };
        let mut config = Self::new(host, database, user);
        config.port = parsed.get_ports().first().copied().unwrap_or_else(default_port);
        let password = parsed.get_password().map(|bytes| String::from_utf8(bytes.to_vec()));
        config.password = password.transpose().map_err(|_| refused("a password that is no text"))?.map(Secret::new);
        for setting in settings.split('&').filter(|setting| !setting.is_empty()) {
            match setting.split_once('=') {
                Some(("sslmode", "disable")) => config.tls = Tls::Disable,
                Some(("sslmode", "prefer")) => config.tls = Tls::Prefer,
                Some(("sslmode", "require")) => config.tls = Tls::Require,
                Some(("sslmode", "verify-ca")) => config.tls = Tls::VerifyCa,
                Some(("sslmode", "verify-full")) => config.tls = Tls::VerifyFull,
                Some(("sslrootcert", path)) => config.ca_file = Some(path.into()),
                _ => return Err(refused("another setting")),
            }
        }
        Ok(config)
    }

    /// Sets the port.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the password.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<Secret<String>>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Sets how the connection is encrypted.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Sets the file of authorities.
    #[must_use]
    pub fn with_ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Sets the schema.
    #[must_use]
    pub fn with_schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// Sets the prefix of every table and view.
    #[must_use]
    pub fn with_table_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.table_prefix = prefix.into();
        self
    }

    /// Sets the host's tenant.
    #[must_use]
    pub fn with_workspace_key(mut self, workspace: impl Into<String>) -> Self {
        self.workspace_key = workspace.into();
        self
    }

    /// Sets what becomes of the row of a member that left.
    #[must_use]
    pub fn with_removed(mut self, removed: Removed) -> Self {
        self.removed = removed;
        self
    }

    /// Sets the destination's id, without `postgres:`.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets how long one statement may run, in milliseconds.
    #[must_use]
    pub fn with_statement_timeout_ms(mut self, millis: u32) -> Self {
        self.statement_timeout_ms = millis;
        self
    }

    /// Sets how long connecting may take, in milliseconds.
    #[must_use]
    pub fn with_connect_timeout_ms(mut self, millis: u32) -> Self {
        self.connect_timeout_ms = millis;
        self
    }

    /// Sets how many connections may be open at a time.
    #[must_use]
    pub fn with_connections(mut self, connections: u8) -> Self {
        self.connections = connections;
        self
    }

    /// Refuses what can never work, and answers with the destination's id.
    pub(super) fn checked_id(&self) -> Result<String> {
        for (field, value) in [("host", &self.host), ("database", &self.database), ("user", &self.user)] {
            if value.is_empty() || value.contains('\0') {
                return Err(refused(&format!("expected `{field}` to be a text without NUL, found none or another")));
            }
        }
        check_schema("schema", &self.schema)?;
        check_prefix(&self.table_prefix)?;
        check_workspace(&self.workspace_key)?;
        if self.statement_timeout_ms == 0 || self.connect_timeout_ms == 0 {
            return Err(refused("expected `statement_timeout_ms` and `connect_timeout_ms` to be at least 1, found 0"));
        }
        if !(1..=16).contains(&self.connections) {
            return Err(refused(&format!("expected `connections` to be 1 to 16, found {}", self.connections)));
        }
        checked_id("postgres", self.id.as_deref(), &self.database)
    }

    pub(super) fn statement_timeout(&self) -> Duration {
        Duration::from_millis(self.statement_timeout_ms.into())
    }

    /// What the client needs to connect. A connection that went silent is noticed within a minute.
    pub(super) fn client(&self) -> tokio_postgres::Config {
        let mut client = tokio_postgres::Config::new();
        let socket = self.host.starts_with('/');
        client
            .host(&self.host)
            .port(self.port)
            .dbname(&self.database)
            .user(&self.user)
            .application_name("audience-sync")
            .ssl_mode(if socket { Tls::Disable.ssl_mode() } else { self.tls.ssl_mode() })
            .connect_timeout(Duration::from_millis(self.connect_timeout_ms.into()))
            .keepalives_idle(Duration::from_secs(20))
            .keepalives_interval(Duration::from_secs(10))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(60));
        if let Some(password) = &self.password {
            client.password(password.expose());
        }
        client
    }
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("database", &self.database)
            .field("tls", &self.tls)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> PostgresConfig {
        PostgresConfig::new("db.example.com", "Analytics", "loader")
    }

    #[test]
    fn a_url_says_what_libpq_would_take_from_it() {
        let url = "postgres://loader:p%40ss@db.example.com:6432/analytics?sslmode=verify-ca&sslrootcert=/etc/ca.pem";
        let config = PostgresConfig::from_url(url).unwrap();
        assert_eq!((&*config.host, config.port), ("db.example.com", 6432));
        assert_eq!((&*config.database, &*config.user), ("analytics", "loader"));
        assert_eq!(config.password.unwrap().expose(), "p@ss");
        assert_eq!((config.tls, config.ca_file), (Tls::VerifyCa, Some("/etc/ca.pem".into())));
        let plain = PostgresConfig::from_url("postgresql://loader@localhost/analytics").unwrap();
        assert_eq!((plain.port, plain.tls), (5432, Tls::VerifyFull));
        for wrong in [
            "",
            "mysql://a@b/c",
            "postgres://loader@localhost",
            "postgres://localhost/analytics",
            "postgres://l@a,b/c",
            "postgres://l:s3cr3t@a/c?sslmode=maybe",
            "postgres://l:s3cr3t@a/c?options=-cfsync=off",
        ] {
            let error = PostgresConfig::from_url(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{wrong}");
            assert!(!format!("{error:?}").contains("s3cr3t"));
        }
    }

    #[test]
    fn what_can_never_work_is_refused() {
        let server = |host: &str, database: &str, user: &str| PostgresConfig::new(host, database, user);
        for wrong in [
            server("", "a", "b"),
            server("a", "", "b"),
            server("a", "b", ""),
            server("a\0", "b", "c"),
            config().with_schema("a b"),
            config().with_table_prefix("1"),
            config().with_workspace_key(""),
            config().with_id("CRM"),
            config().with_statement_timeout_ms(0),
            config().with_connect_timeout_ms(0),
            config().with_connections(0),
            config().with_connections(17),
        ] {
            assert_eq!(wrong.checked_id().unwrap_err().kind(), ErrorKind::Config, "{wrong:?}");
        }
        assert_eq!(config().checked_id().unwrap(), "postgres:analytics");
    }

    #[test]
    fn is_read_with_defaults_and_prints_no_secret() {
        let read = |text| serde_json::from_str::<PostgresConfig>(text);
        let config = read(r#"{"host":"h","database":"d","user":"u","password":"s3cr3t","tls":"require"}"#).unwrap();
        assert_eq!((config.tls, config.connections, config.statement_timeout_ms), (Tls::Require, 2, 300_000));
        assert!(!format!("{config:?}").contains("s3cr3t"));
        assert!(read(r#"{"host":"h","database":"d","user":"u","pasword":"x"}"#).is_err());
    }
}
