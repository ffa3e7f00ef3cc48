//! Audience activation.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod clock;
pub mod error;
pub mod observe;
pub mod secret;
pub mod time;
