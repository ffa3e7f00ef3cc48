//! What a destination can do, as data.
//!
//! Planner, guards, readiness, docs and the conformance suite read the same value.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::row::{Action, Cost};
use crate::identity::Profile;
use crate::naming::NameRules;

/// What a destination can do and how much of it.
///
/// [`Capabilities::new`] is cautious: adds and removes, one request in flight, removal by member id, resend safe.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Capabilities {
    /// The identity rules of the destination; serialized as the profile's id.
    #[serde(serialize_with = "profile_id")]
    pub profile: &'static Profile,
    /// Takes a changed member as one row. Otherwise a change is a removal of what vanished and an addition.
    pub update: bool,
    /// Takes removals.
    pub remove: bool,
    /// Takes key events.
    pub events: bool,
    /// Erases people at the account.
    pub forget: bool,
    /// The most that one batch may hold.
    pub limits: Limits,
    /// Requests that may be in flight at once.
    pub in_flight: u32,
    /// Requests that may be begun in a stretch of time.
    pub rate: Option<RateLimit>,
    /// How uploads are grouped.
    pub session: SessionKind,
    /// Finishes work later: outcomes may be pending.
    pub jobs: bool,
    /// Whether a row may be sent twice.
    pub resend: Resend,
    /// How long the platform keeps a membership that is not sent again.
    pub membership_ttl: Option<Duration>,
    /// What is needed to remove a member.
    pub removal: RemovalNeeds,
    /// Whom a removal with some of a member's identifiers removes.
    pub removal_match: RemovalMatch,
    /// What becomes of held-out members.
    pub holdout: HoldoutMode,
    /// The consents without which a member must not be sent.
    pub consent: Vec<ConsentPurpose>,
    /// The members an audience needs to be usable.
    pub minimum_size: Option<u64>,
    /// What an audience may be called.
    pub name_rules: NameRules,
    /// What `size` answers.
    pub size: SizeReadBack,
    /// How long a change takes to show in `size`.
    pub size_lag: Duration,
    /// Members can be listed.
    pub readable_members: bool,
    /// The hosts it talks to, without scheme; empty: none.
    pub hosts: Vec<String>,
}

fn profile_id<S: Serializer>(profile: &&'static Profile, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(profile.id)
}

impl Capabilities {
    /// Cautious capabilities over a profile.
    pub fn new(profile: &'static Profile) -> Self {
        Self {
            profile,
            update: false,
            remove: true,
            events: false,
            forget: false,
            limits: Limits::default(),
            in_flight: 1,
            rate: None,
            session: SessionKind::None,
            jobs: false,
            resend: Resend::Idempotent,
            membership_ttl: None,
            removal: RemovalNeeds::MemberId,
            removal_match: RemovalMatch::WholeMember,
            holdout: HoldoutMode::Label,
            consent: Vec::new(),
            minimum_size: None,
            name_rules: NameRules::default(),
            size: SizeReadBack::None,
            size_lag: Duration::ZERO,
            readable_members: false,
            hosts: Vec::new(),
        }
    }

    /// Changes any of it: `Capabilities::new(&PROFILE).with(|c| c.in_flight = 4)`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Whether rows of `action` may be sent.
    pub fn takes(&self, action: Action) -> bool {
        match action {
            Action::Add => true,
            Action::Remove => self.remove,
            Action::Update => self.update,
        }
    }
}

/// The most that one batch may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Limits {
    /// Rows, as the platform counts them.
    pub rows: u64,
    /// Identifiers.
    pub identifiers: Option<u64>,
    /// Bytes of the body before compression.
    pub bytes: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 1000, identifiers: None, bytes: None }
    }
}

impl Limits {
    /// At most so many rows.
    pub fn rows(rows: u64) -> Self {
        Self { rows, ..Self::default() }
    }

    /// At most so many bytes.
    #[must_use]
    pub fn with_bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// At most so many identifiers.
    #[must_use]
    pub fn with_identifiers(mut self, identifiers: u64) -> Self {
        self.identifiers = Some(identifiers);
        self
    }

    /// Whether a batch of that cost fits.
    pub fn fits(&self, cost: Cost) -> bool {
        cost.rows <= self.rows
            && self.identifiers.is_none_or(|most| cost.identifiers <= most)
            && self.bytes.is_none_or(|most| cost.bytes <= most)
    }
}

/// Requests that may be begun in a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "a rate is a number over a time")]
pub struct RateLimit {
    /// So many requests …
    pub requests: u32,
    /// … in this time.
    pub per: Duration,
}

/// How uploads are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SessionKind {
    /// Each batch stands alone.
    None,
    /// One session per run and action.
    PerAction,
    /// One session replaces the whole membership.
    Replace,
}

/// Whether a row may be sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Resend {
    /// Twice is as good as once.
    Idempotent,
    /// The platform drops a second row with the same key for so long.
    Dedup {
        /// How long.
        window: Duration,
    },
    /// Twice is twice. A row in doubt is then not sent again: it settles as skipped, `unconfirmed`.
    Never,
}

/// What is needed to remove a member; kept, encrypted, in the member's handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RemovalNeeds {
    /// The host's member id.
    MemberId,
    /// The identifiers as they were sent.
    Identifiers,
    /// The platform's own reference.
    VendorRef,
}

/// Whom a removal with some of a member's identifiers removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RemovalMatch {
    /// Whoever has any of them: identifiers that a staying member shares are struck from the removal.
    AnyIdentifier,
    /// Only the member itself.
    WholeMember,
    /// The platform does not say; treated as [`RemovalMatch::AnyIdentifier`].
    Unknown,
}

/// What becomes of held-out members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HoldoutMode {
    /// They are not sent.
    Withhold,
    /// They are sent with their arm.
    Label,
}

/// What a member must not have denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConsentPurpose {
    /// Sending personal data to an ad platform.
    AdUserData,
    /// Personalised advertising.
    AdPersonalization,
}

/// What `size` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SizeReadBack {
    /// Nothing.
    None,
    /// The exact number.
    Exact,
    /// A rounded number.
    Rounded,
    /// A range.
    Range,
}
