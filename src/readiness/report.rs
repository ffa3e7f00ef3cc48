//! The checklist's answer, as a value that prints and serializes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::audience::{Evidence, Waiver};
use crate::time::Timestamp;

/// How one item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// As it should be.
    Pass,
    /// Good enough to go on, and to be looked at.
    Warn,
    /// Not as it must be.
    Fail,
    /// Not known. Never a pass.
    Unknown,
    /// Not a pass, and somebody answers for it.
    Waived,
}

impl Status {
    /// The status as a stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::Waived => "waived",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One item of the checklist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Item {
    /// The stable id: `cnt.dest`.
    pub id: String,
    /// What it asks for.
    pub title: String,
    /// Whether nothing goes live before it passes.
    pub blocker: bool,
    /// How it stands.
    pub status: Status,
    /// Why, in one sentence without a full stop; empty for a pass.
    #[serde(default)]
    pub reason: String,
    /// What that rests on.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// The next step; empty for a pass.
    #[serde(default)]
    pub fix: String,
    /// Who waived it, and why.
    #[serde(default)]
    pub waived: Option<Waiver>,
}

/// Whether a destination may go live. Prints as text; as data it has a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReadinessReport {
    /// The version of the data form: 1.
    pub v: u32,
    /// When it was judged.
    pub generated_at: Timestamp,
    /// The destination's id.
    pub destination: String,
    /// `Fail` when a blocker fails or is unknown; else `Warn` when anything but a pass or a waiver is there; else `Pass`.
    pub overall: Status,
    /// Every item, in the checklist's order.
    pub items: Vec<Item>,
}

impl ReadinessReport {
    /// The item with this id.
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }

    /// How many items stand so.
    pub fn count(&self, status: Status) -> usize {
        self.items.iter().filter(|item| item.status == status).count()
    }

    /// What keeps it from going live.
    pub fn blocking(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.blocker && matches!(item.status, Status::Fail | Status::Unknown))
    }
}

/// What all items together come to.
pub(super) fn overall(items: &[Item]) -> Status {
    let stands = |item: &Item| !matches!(item.status, Status::Pass | Status::Waived);
    if items.iter().any(|item| item.blocker && matches!(item.status, Status::Fail | Status::Unknown)) {
        Status::Fail
    } else if items.iter().any(stands) {
        Status::Warn
    } else {
        Status::Pass
    }
}

impl fmt::Display for ReadinessReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} as of {}", self.overall, self.destination, self.generated_at)?;
        for item in &self.items {
            write!(f, "  {:<8}{:<13} {}", item.status, item.id, item.title)?;
            if !item.reason.is_empty() {
                write!(f, ": {}", item.reason)?;
            }
            if let Some(waiver) = &item.waived {
                write!(f, " (waived by {} until {}: {})", waiver.by, waiver.until, waiver.reason)?;
            }
            let evidence: Vec<String> = item.evidence.iter().map(ToString::to_string).collect();
            if !evidence.is_empty() {
                write!(f, " — {}", evidence.join(", "))?;
            }
            if !item.fix.is_empty() {
                write!(f, "; {}", item.fix)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
