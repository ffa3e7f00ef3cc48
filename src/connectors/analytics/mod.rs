//! Analytics and lifecycle tools: membership as properties, entries and exits as events.

#[cfg(feature = "mixpanel")]
mod labels;
#[cfg(feature = "mixpanel")]
pub mod mixpanel;
