//! The built-in destinations, in three families, each behind a feature of its own.
//!
//! [`CATALOGUE`] lists them all, those that were not built in too; [`from_config`] makes one from a configuration.

#[cfg(feature = "meta")]
pub mod ads;
#[cfg(feature = "mixpanel")]
pub mod analytics;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub mod warehouse;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::destination::{Destination, Family};
use crate::error::{Error, ErrorKind, Result};

/// One built-in connector.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Connector {
    /// The word that names it in configurations; also its feature.
    pub id: &'static str,
    /// The title for people.
    pub title: &'static str,
    /// The family.
    pub family: Family,
    /// What it does, in a few words.
    pub does: &'static str,
    /// Whether this build has it.
    pub built_in: bool,
    build: fn(Value) -> Result<Arc<dyn Destination>>,
}

macro_rules! connector {
    ($feature:literal, $title:literal, $family:ident, $does:literal, $module:ident::$name:ident, $type:ident) => {
        Connector {
            id: $feature,
            title: $title,
            family: Family::$family,
            does: $does,
            built_in: cfg!(feature = $feature),
            #[cfg(feature = $feature)]
            build: |config| Ok(Arc::new($module::$name::$type::new(read($feature, config)?)?)),
            #[cfg(not(feature = $feature))]
            build: |_| Err(not_built_in($feature)),
        }
    };
}

/// Every connector there is, in the order of the README.
pub static CATALOGUE: &[Connector] = &[
    connector!("meta", "Meta Custom Audiences", Ads, "add, remove, find or create, size range", ads::meta, Meta),
    connector!(
        "mixpanel",
        "Mixpanel",
        Analytics,
        "list property, enter and exit events, key events",
        analytics::mixpanel,
        Mixpanel
    ),
    connector!(
        "postgres",
        "PostgreSQL",
        Warehouse,
        "membership, history, key events, run log",
        warehouse::postgres,
        Postgres
    ),
    connector!("sqlite", "SQLite", Warehouse, "membership, history, key events, run log", warehouse::sqlite, Sqlite),
];

/// Makes a destination: `id` is the connector's in the [`CATALOGUE`], `config` its own configuration as an object.
///
/// ```
/// use audience_sync::connectors::from_config;
/// let error = from_config("meat", serde_json::json!({})).unwrap_err();
/// assert!(error.to_string().contains("found connector \"meat\""));
/// ```
///
/// # Errors
/// [`ErrorKind::Config`] for an unknown connector or a configuration that is not its own, with what was expected;
/// [`ErrorKind::FeatureDisabled`] for one that this build does not have.
pub fn from_config(id: &str, config: Value) -> Result<Arc<dyn Destination>> {
    let Some(connector) = CATALOGUE.iter().find(|connector| connector.id == id) else {
        let known: Vec<&str> = CATALOGUE.iter().map(|connector| connector.id).collect();
        return Err(bad_config(format!("expected one of {}, found connector {id:?}", known.join(", "))));
    };
    (connector.build)(config)
}

fn bad_config(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message).doing("configure a destination")
}

#[allow(dead_code, reason = "no connector may be built in")]
fn read<C: DeserializeOwned>(connector: &str, config: Value) -> Result<C> {
    serde_json::from_value(config).map_err(|error| {
        // serde's text names fields and types; it quotes a value only where it is of the wrong type.
        bad_config(format!("expected the fields of connector {connector}: {}", without_values(&error.to_string())))
    })
}

/// A configuration holds secrets: what is quoted between back-ticks is a field's name, between quotes a value.
#[allow(dead_code, reason = "no connector may be built in")]
fn without_values(text: &str) -> String {
    text.split('"').enumerate().map(|(index, part)| if index % 2 == 0 { part } else { "…" }).collect()
}

#[allow(dead_code, reason = "all connectors may be built in")]
fn not_built_in(feature: &str) -> Error {
    Error::new(
        ErrorKind::FeatureDisabled,
        format!("expected a build with the connector {feature}, found one without; turn on the feature `{feature}`"),
    )
    .doing("configure a destination")
}
