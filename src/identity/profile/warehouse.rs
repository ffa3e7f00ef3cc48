//! Warehouses.

use super::{KeyedBy, Profile};

/// A warehouse: the member id is the key of the row, and no identifier is sent.
///
/// The public tables hold the member key and the mapped attributes. An analyst joins on the key; whoever wants
/// digests or clear contact data beside it maps them as attributes, or brings a profile of their own.
pub const WAREHOUSE: Profile =
    Profile { id: "warehouse", version: 1, keyed_by: KeyedBy::MemberId, rules: &[], together: &[] };
