//! Upload sessions: numbers of ours that group the requests of one run and action.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::Meta;
use super::api::{Audience, Number};
use crate::destination::{Context, SessionRef, SessionSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::time::Timestamp;

/// How long a session takes batches after its first (customer file custom audiences guide, read 2026-11-23).
const LIFE: Duration = Duration::from_secs(90 * 60);

/// An audience of so many people or more cannot be replaced (same page).
const MOST_REPLACED: u64 = 100_000_000;

/// Rows that surely go out in an hour: a request of 10,000 in 10 s, one behind the other. What takes longer might meet
/// the end of the session, and leave the audience with a part of its members.
const ROWS_AN_HOUR: u64 = 360 * 10_000;

/// The `operation_status` of an audience that nothing is being done to, and of one that was never filled.
const NORMAL: [i64; 2] = [200, 410];

/// A session: its number, and how many rows were announced.
///
/// There is no call to begin one: the first request that names it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// Positive and below 2^63.
    pub(super) id: u64,
    pub(super) total: u64,
    /// Since when it replaces the whole audience, where it does.
    pub(super) replaces: Option<Timestamp>,
}

impl Session {
    /// The session that `parts` name: the same parts, the same session, whenever and wherever it is asked for. It must
    /// be unique in its ad account.
    pub(super) fn of(parts: &[&str], total: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"audience-sync meta session v1");
        for part in parts {
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        Self { id: (u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1).max(1), total, replaces: None }
    }

    pub(super) fn to_ref(self) -> SessionRef {
        SessionRef::new(match self.replaces {
            None => format!("{}/{}", self.id, self.total),
            Some(begun) => format!("{}/{}/{}", self.id, self.total, begun.as_millis()),
        })
    }

    /// # Errors
    /// [`ErrorKind::State`] for a reference that [`Session::to_ref`] did not write.
    pub(super) fn from_ref(reference: &SessionRef) -> Result<Self> {
        let parsed = || {
            let (id, rest) = reference.as_str().split_once('/')?;
            let (total, begun) = match rest.split_once('/') {
                Some((total, begun)) => (total, Some(Timestamp::from_millis(begun.parse().ok()?))),
                None => (rest, None),
            };
            let id = id.parse().ok().filter(|id| (1..1 << 63).contains(id))?;
            Some(Self { id, total: total.parse().ok()?, replaces: begun })
        };
        parsed().ok_or_else(|| {
            Error::new(ErrorKind::State, "expected a session that this destination began, found another reference")
        })
    }

    /// Whether a batch may still go out. Meta would take a late one for nothing, and the audience is by then what had
    /// arrived.
    pub(super) fn check(&self, now: Timestamp) -> Result<()> {
        match self.replaces {
            Some(begun) if now.since(begun) >= LIFE => Err(Error::new(
                ErrorKind::Conflict,
                "expected a replacement within 90 minutes, found it over; the audience holds what arrived: add the rest",
            )),
            _ => Ok(()),
        }
    }
}

impl Meta {
    /// A session that replaces the whole membership.
    pub(super) async fn begin_replacing(&self, cx: &Context, spec: &SessionSpec) -> Result<Session> {
        if spec.size_after.max(spec.rows_planned) >= MOST_REPLACED {
            return Err(refused("fewer than 100 million members to replace an audience by", "more; send changes"));
        }
        if spec.rows_planned > ROWS_AN_HOUR {
            return Err(refused("at most 3.6 million rows, which arrive in time", "more; send changes"));
        }
        if spec.rows_planned == 0 {
            return Err(refused("members to replace an audience by", "none; remove them instead"));
        }
        let fields = [("fields", "id,operation_status,is_value_based")];
        let audience: Audience = self.graph.get(cx, &[&spec.audience.id], &fields).await?;
        self.same_kind(&audience)?;
        match audience.operation_status.and_then(|status| status.code) {
            Some(Number(code)) if !NORMAL.contains(&code) => {
                let message = "expected an audience in order, found one that is being updated or has a fault; look at it \
                               in Audience Manager";
                Err(Error::new(ErrorKind::Conflict, message).with_code(code.to_string()))
            }
            _ => {
                let begun = cx.now().as_millis().to_string();
                let parts = ["replace", &self.account, &spec.run, &spec.audience.id, &begun];
                Ok(Session { replaces: Some(cx.now()), ..Session::of(&parts, spec.rows_planned) })
            }
        }
    }
}

fn refused(expected: &str, found: &str) -> Error {
    Error::new(ErrorKind::Config, format!("expected {expected}, found {found}"))
}
