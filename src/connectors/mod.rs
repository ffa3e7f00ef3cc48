//! The built-in destinations, in three families. Each is behind a feature of its own.

#[cfg(feature = "meta")]
pub mod ads;
#[cfg(feature = "mixpanel")]
pub mod analytics;
#[cfg(feature = "sqlite")]
pub mod warehouse;
