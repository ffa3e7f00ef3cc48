//! One member on its way to one destination.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::identity::{AttributeValue, Consent, Identifier};
use crate::time::Timestamp;

/// What a row asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "a fourth action would change every destination")]
pub enum Action {
    /// The member enters, or (where updates are not offered) is sent again because it changed.
    Add,
    /// The member leaves; at a destination that removes by identifiers, only the row's identifiers do.
    Remove,
    /// A member that stays is sent again because it changed.
    Update,
}

impl Action {
    /// The action as a stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Update => "update",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a row is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The member is new in the audience.
    Entered,
    /// The member is in the source no more.
    Left,
    /// The membership's time is over.
    Expired,
    /// The member does not consent to what the destination is for.
    Consent,
    /// The member is held out.
    HeldOut,
    /// What the destination receives of the member changed.
    Changed,
    /// The rules by which members are mapped changed.
    MappingChanged,
    /// An earlier row for the member was sent, and never answered.
    InDoubt,
    /// An earlier row for the member was rejected, and is tried again.
    Retry,
    /// The membership is sent again before the platform lets it lapse.
    Refresh,
}

impl Reason {
    /// The reason as a stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Left => "left",
            Self::Expired => "expired",
            Self::Consent => "consent",
            Self::HeldOut => "held_out",
            Self::Changed => "changed",
            Self::MappingChanged => "mapping_changed",
            Self::InDoubt => "in_doubt",
            Self::Retry => "retry",
            Self::Refresh => "refresh",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The host's id of a member. Does not print: an id may be an e-mail address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(Arc<str>);

impl MemberId {
    /// Takes the host's id, byte for byte.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for MemberId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberId({} bytes)", self.0.len())
    }
}

/// Names one operation for ever: a resend in the same direction carries the same id.
///
/// Every de-duplication key a platform takes is derived from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId([u8; 16]);

impl OpId {
    /// From its 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// 32 lower-case hex digits.
    pub fn to_hex(&self) -> String {
        const_hex::encode(self.0)
    }
}

impl fmt::Debug for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpId({})", self.to_hex())
    }
}

/// The platform's own reference of a member, kept so that the member can be removed by it. Does not print.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VendorRef(Box<str>);

impl VendorRef {
    /// Takes the platform's reference.
    pub fn new(reference: impl Into<Box<str>>) -> Self {
        Self(reference.into())
    }

    /// The reference itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for VendorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VendorRef({} bytes)", self.0.len())
    }
}

/// Which arm of an experiment a member is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Arm {
    /// Sent to every destination.
    Treatment,
    /// Withheld from ad platforms; labelled elsewhere.
    Holdout,
}

impl Arm {
    /// The arm as a stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Treatment => "treatment",
            Self::Holdout => "holdout",
        }
    }
}

/// The mapped attributes of a member, in name order. Does not print values.
#[derive(Clone, Default, PartialEq)]
pub struct Attributes(Vec<(Box<str>, AttributeValue)>);

impl Attributes {
    /// From pairs in any order; of two with the same name the last counts.
    pub fn new(pairs: impl IntoIterator<Item = (Box<str>, AttributeValue)>) -> Self {
        let sorted: std::collections::BTreeMap<_, _> = pairs.into_iter().collect();
        Self(sorted.into_iter().collect())
    }

    /// The pairs, in name order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// One member on its way to one destination: exactly what that destination's profile sends.
///
/// Does not print a person's values.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Names the operation for ever.
    pub op_id: OpId,
    /// The host's id of the member.
    pub member_id: MemberId,
    /// The wire values of the destination's profile. For a removal: those that are to vanish.
    pub identifiers: Vec<Identifier>,
    /// Mapped attributes; empty for a removal.
    pub attributes: Attributes,
    /// What the member consents to.
    pub consent: Consent,
    /// The arm of the audience's holdout, where it has one and the destination wants it as a label.
    pub arm: Option<Arm>,
    /// Why the row is sent.
    pub reason: Reason,
    /// When the change counts from, in business time. A resend keeps it.
    pub effective_at: Timestamp,
    /// When the membership ends by itself, if it does.
    pub expires_at: Option<Timestamp>,
    /// What the platform called the member when it was added, where it said so.
    pub vendor_ref: Option<VendorRef>,
}

/// What a row costs against a destination's limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "platforms count rows, identifiers and bytes")]
pub struct Cost {
    /// Rows, as the platform counts them: a platform with one key per row may count several for one member.
    pub rows: u64,
    /// Identifiers.
    pub identifiers: u64,
    /// Bytes of the request body, before compression.
    pub bytes: u64,
}

impl Cost {
    /// One row, its identifiers, and a generous guess at its bytes as JSON.
    pub fn of(row: &Row) -> Self {
        let identifiers: usize = row.identifiers.iter().map(|identifier| identifier.value.wire_len() + 16).sum();
        let attributes: usize = row.attributes.iter().map(|(name, value)| name.len() + value.wire_len() + 8).sum();
        Self {
            rows: 1,
            identifiers: row.identifiers.len() as u64,
            bytes: (96 + row.member_id.as_str().len() + identifiers + attributes) as u64,
        }
    }
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            rows: self.rows.saturating_add(other.rows),
            identifiers: self.identifiers.saturating_add(other.identifiers),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}
