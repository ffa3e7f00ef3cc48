//! Audience activation.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod audience;
pub mod clock;
pub mod connectors;
pub mod destination;
pub mod diff;
pub mod error;
#[cfg(feature = "http")]
pub mod http;
pub mod identity;
pub mod measure;
pub mod naming;
pub mod observe;
#[cfg(feature = "engine")]
pub mod report;
pub mod secret;
#[cfg(feature = "engine")]
pub mod state;
#[cfg(feature = "engine")]
pub mod sync;
pub mod time;

pub use async_trait::async_trait;
pub use error::{Error, ErrorKind, Result, Retry};
