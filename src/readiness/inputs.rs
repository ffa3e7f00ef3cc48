//! What the checklist is judged from. The host collects it; the rules ask nobody.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::audience::Portfolio;
use crate::destination::{Capabilities, Check, Size};
use crate::error::ErrorKind;
use crate::identity::HygieneReport;
use crate::sync::{Guards, RunReport};
use crate::time::Timestamp;

/// Everything the rules may look at, for one destination. What is left out is unknown, and unknown is never a pass.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Inputs {
    /// The destination's id: `meta:act_100`.
    pub destination: String,
    /// What it declares.
    pub capabilities: Option<Capabilities>,
    /// What [`Destination::check`](crate::destination::Destination::check) answered last.
    pub check: Option<Checked>,
    /// When a write was last proven, and whether it was let in.
    pub write: Option<WriteProof>,
    /// The account's audiences, with their placements.
    pub portfolio: Option<Portfolio>,
    /// The runs at this destination, the oldest first.
    pub runs: Vec<RunReport>,
    /// How often the platform's own size was read, and what it was; the oldest first.
    pub sizes: Vec<SizeReading>,
    /// The guards of the bindings at this destination.
    pub guards: Option<Vec<Guards>>,
    /// What the identity values of a whole source are like.
    pub hygiene: Option<HygieneReport>,
    /// What only the host knows.
    pub host: HostFacts,
}

impl Inputs {
    /// Nothing but the destination's id.
    pub fn new(destination: impl Into<String>) -> Self {
        Self { destination: destination.into(), ..Self::default() }
    }

    /// Changes any of it.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// What a check of the destination answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Checked {
    /// When it was asked.
    pub at: Timestamp,
    /// What it answered; `None` when the question failed.
    pub answer: Option<Check>,
    /// Why the question failed.
    pub error: Option<ErrorKind>,
    /// When the credentials end; `None` when they do not, or nobody says.
    pub expires_at: Option<Timestamp>,
}

impl Checked {
    /// An answer, or why there was none.
    pub fn new(at: Timestamp, answer: crate::Result<Check>) -> Self {
        let error = answer.as_ref().err().map(crate::Error::kind);
        Self { at, answer: answer.ok(), error, expires_at: None }
    }

    /// Sets when the credentials end.
    #[must_use]
    pub fn expiring_at(mut self, moment: Timestamp) -> Self {
        self.expires_at = Some(moment);
        self
    }
}

/// A write at the account: a test audience, or a call that only validates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "a moment and its outcome")]
pub struct WriteProof {
    /// When.
    pub at: Timestamp,
    /// Whether the platform took it.
    pub taken: bool,
}

/// The platform's size of one audience, beside ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "a size and what it is compared with")]
pub struct SizeReading {
    /// The key of the audience.
    pub audience: String,
    /// When it was read.
    pub at: Timestamp,
    /// What the platform said.
    pub size: Size,
    /// The persons it had acknowledged by then: sent and accepted, less removed and accepted.
    pub acknowledged: u64,
    /// When the last row before had been accepted.
    pub last_change: Timestamp,
}

/// What only the host knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HostFacts {
    /// Whether the suppressions are attached to the campaigns or ad sets as exclusions.
    pub suppressions_attached: Option<bool>,
    /// Whether the held-out members are bound as an exclusion.
    pub holdout_excluded: Option<bool>,
    /// Consent of the members in markets that ask for it.
    pub consent: Option<ConsentFacts>,
    /// The arms, as found.
    pub split: Option<SplitFacts>,
    /// How people are told of each trouble.
    pub alerts: Option<BTreeMap<Alert, AlertState>>,
    /// The way back.
    pub undo: Option<UndoFacts>,
    /// Whether a test person who was deleted at the source left every audience in time.
    pub deletion_proven: Option<bool>,
}

/// Consent of the members in the EEA, the UK and Switzerland.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "three counts")]
pub struct ConsentFacts {
    /// Members there.
    pub members: u64,
    /// Of those, members with an answer to both purposes.
    pub with_both: u64,
    /// Members who denied and are sent all the same.
    pub denied_sent: u64,
}

/// The arms of an experiment, as found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "two figures")]
pub struct SplitFacts {
    /// The p-value of the sample-ratio test.
    pub ratio_p: f64,
    /// Held-out members found in what was sent, as a share of the holdout.
    pub contamination: f64,
}

/// A trouble somebody must be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Alert {
    /// Credentials are refused.
    Auth,
    /// A run failed.
    Run,
    /// Too many rows are rejected.
    Rejects,
    /// A size jumped.
    SizeJump,
    /// An audience is stale.
    Staleness,
}

impl Alert {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Auth, Self::Run, Self::Rejects, Self::SizeJump, Self::Staleness];

    /// The trouble as a stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Run => "run",
            Self::Rejects => "rejects",
            Self::SizeJump => "size_jump",
            Self::Staleness => "staleness",
        }
    }
}

/// How an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AlertState {
    /// It has a route.
    Configured,
    /// A test alert arrived.
    Tested,
}

/// The way back to the last good members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "two moments")]
pub struct UndoFacts {
    /// When the last good snapshot was made.
    pub snapshot_at: Option<Timestamp>,
    /// When bringing it back was last tried without sending.
    pub dry_run_at: Option<Timestamp>,
}

/// The keys of the audiences used at the destination.
pub(super) fn placed(inputs: &Inputs) -> BTreeSet<&str> {
    let charters = inputs.portfolio.iter().flat_map(|portfolio| &portfolio.charters);
    let here = charters.filter(|charter| charter.placements.iter().any(|at| at.destination == inputs.destination));
    here.map(|charter| charter.audience.key()).collect()
}
