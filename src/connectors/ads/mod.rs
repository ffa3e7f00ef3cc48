//! Ad platforms: audiences for targeting and exclusion.

#[cfg(feature = "meta")]
pub mod meta;
