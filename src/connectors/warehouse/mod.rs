//! Warehouses: current membership, its history, key events, runs and rejects, where analysts look.

#[cfg(feature = "sqlite")]
pub mod sqlite;
