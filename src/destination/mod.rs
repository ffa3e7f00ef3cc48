//! The [`Destination`] trait: what a platform must answer for its audiences to be kept true.
//!
//! A destination is a connector with its credentials. It is driven by the [engine](crate::sync::Engine), or by a host's
//! own loop; a built-in one has no powers that a host's own one lacks.
//!
//! # The contract
//!
//! A destination
//! - **never sleeps, retries or batches by itself.** It sends one batch and says what came of it. The engine waits,
//!   tries again, splits and orders.
//! - **answers for every row** of a batch, by explicit index, or for all of them at once ([`Outcome`]).
//! - returns `Err` when the batch as a whole is unsettled; [`Error::retry`](crate::Error::retry) says what is known:
//!   refused unprocessed, maybe applied, or never going to work.
//! - **is safe to cancel**: a dropped future may have been applied, and the engine treats its rows as in doubt.
//! - declares what it does in [`Capabilities`], which planner, guards, readiness and the conformance suite all read.
//! - logs no row values, and returns reject texts of its own (a code and a field), never the platform's words.
//! - takes HTTP, time and the observer from the [`Context`], and keeps no global state.
//!
//! # Examples
//!
//! The least a destination needs: who it is, what it can do, and [`Destination::send`].
//!
//! ```
//! use std::collections::BTreeSet;
//! use std::sync::Mutex;
//! use audience_sync::destination::*;
//! use audience_sync::identity::profiles;
//! use audience_sync::{async_trait, Result};
//!
//! #[derive(Debug, Default)]
//! struct Members(Mutex<BTreeSet<String>>);
//!
//! #[async_trait]
//! impl Destination for Members {
//!     fn info(&self) -> Info {
//!         Info::new("members", "Members in a set", Family::Warehouse)
//!     }
//!     fn capabilities(&self) -> Capabilities {
//!         Capabilities::new(&profiles::WAREHOUSE)
//!     }
//!     async fn send(&self, _cx: &Context, batch: &Batch) -> Result<Outcome> {
//!         let mut members = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
//!         for row in batch.rows() {
//!             match batch.action() {
//!                 Action::Remove => members.remove(row.member_id.as_str()),
//!                 _ => members.insert(row.member_id.as_str().to_owned()),
//!             };
//!         }
//!         Ok(Outcome::accepted())
//!     }
//! }
//! ```

mod batch;
mod capabilities;
mod context;
mod events;
mod memory;
mod outcome;
mod row;
mod run_log;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use batch::{AudienceRef, AudienceSpec, Batch, BatchId, SessionRef, SessionSpec};
pub use capabilities::{
    Capabilities, ConsentPurpose, HoldoutMode, Limits, RateLimit, RemovalMatch, RemovalNeeds, Resend, SessionKind,
    SizeReadBack,
};
pub use context::Context;
pub use events::{EventBatch, KeyEvent};
pub use memory::Memory;
pub use outcome::{JobRef, Outcome, RejectCode, RowOutcome};
pub use row::{Action, Arm, Attributes, Cost, MemberId, OpId, Reason, Row, VendorRef};
pub use run_log::{ActionCounts, RejectRecord, RunLog, RunRecord, RunStatus};

use crate::error::{Error, ErrorKind, Result};

/// Who a destination is. The id is stable: state, reports and run logs name the destination by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Info {
    /// A stable id, `[a-z0-9_.:-]`, with the account in it where there is one: `meta:act_100200300`.
    pub id: String,
    /// The title for people.
    pub title: String,
    /// The family.
    pub family: Family,
}

impl Info {
    /// An id, a title and a family.
    pub fn new(id: impl Into<String>, title: impl Into<String>, family: Family) -> Self {
        Self { id: id.into(), title: title.into(), family }
    }
}

/// What kind of platform a destination is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Family {
    /// Uses audiences for targeting and exclusion.
    Ads,
    /// Attribution, cohorts, experiments, lifecycle messages.
    Analytics,
    /// Current membership and its history, for analysts.
    Warehouse,
}

/// What [`Destination::check`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Check {
    /// The account as the platform names it.
    pub account: Option<String>,
    /// What is missing for a sync to work, one finding each, with the next step. Empty: ready.
    pub missing: Vec<String>,
    /// What was found in order.
    pub found: Vec<String>,
}

impl Check {
    /// Nothing missing.
    pub fn ready() -> Self {
        Self::default()
    }

    /// Names the account.
    #[must_use]
    pub fn with_account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Adds something found in order.
    #[must_use]
    pub fn with_found(mut self, what: impl Into<String>) -> Self {
        self.found.push(what.into());
        self
    }

    /// Adds something missing.
    #[must_use]
    pub fn with_missing(mut self, what: impl Into<String>) -> Self {
        self.missing.push(what.into());
        self
    }

    /// Whether a sync can work.
    pub fn is_ready(&self) -> bool {
        self.missing.is_empty()
    }
}

/// How many members a destination says an audience has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Size {
    /// Exactly so many.
    Exact(u64),
    /// About so many.
    Rounded(u64),
    /// Between the two, both included.
    Range {
        /// The lower bound.
        from: u64,
        /// The upper bound.
        to: u64,
    },
    /// The platform does not say, or not yet.
    Hidden,
}

/// One page of [`Destination::members`].
#[derive(Clone, Debug, Default)]
pub struct MemberPage {
    /// Member ids as the destination holds them.
    pub members: Vec<MemberId>,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<Cursor>,
}

/// Where a listing goes on. Opaque to everybody but the destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// A platform that holds audiences. The [module's page](self) is the contract.
///
/// Only three methods are required. Each default answers [`ErrorKind::Unsupported`]; [`Destination::capabilities`] must
/// agree with what is implemented, and the conformance suite checks that it does.
#[async_trait]
pub trait Destination: fmt::Debug + Send + Sync + 'static {
    /// Who this is. Cheap, no I/O.
    fn info(&self) -> Info;

    /// What this can do. Data: cheap, no I/O, the same at every call.
    fn capabilities(&self) -> Capabilities;

    /// Sends one batch: rows of one action for one audience.
    ///
    /// # Errors
    /// When the batch as a whole is unsettled. The error's retry class decides what the engine does next.
    async fn send(&self, cx: &Context, batch: &Batch) -> Result<Outcome>;

    /// What one row costs against the [`Limits`], as the platform counts it. Cheap, no I/O.
    fn cost(&self, row: &Row) -> Cost {
        Cost::of(row)
    }

    /// Credentials, permissions, terms: everything a sync will need, found out by reading.
    ///
    /// # Errors
    /// When the question itself fails. What the platform answers "no" to is in [`Check::missing`].
    async fn check(&self, cx: &Context) -> Result<Check> {
        let _ = cx;
        Err(unsupported("check"))
    }

    /// Finds the audience, or creates it. Idempotent: asked twice, it answers with the same audience.
    ///
    /// `spec.known` is what it answered last time: used without a look-up by name. The default is for platforms where
    /// an audience needs no creating: it answers with the audience's key.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when a known audience is gone, [`ErrorKind::Conflict`] when several fit the name.
    async fn open(&self, cx: &Context, spec: &AudienceSpec) -> Result<AudienceRef> {
        let _ = cx;
        Ok(spec.known.clone().unwrap_or_else(|| AudienceRef::new(&spec.key, &spec.key)))
    }

    /// Begins an upload session, offline job, staging area or replace.
    ///
    /// The engine keeps the answer in the journal, so that it survives a restart.
    ///
    /// # Errors
    /// When no session could be begun; nothing was staged.
    async fn begin(&self, cx: &Context, spec: &SessionSpec) -> Result<SessionRef> {
        let _ = (cx, spec);
        Err(unsupported("begin"))
    }

    /// Finishes a session: rows it answered as [`RowOutcome::Staged`] count from now on.
    ///
    /// The outcome's row indexes count the session's staged rows in the order they were sent. It may be pending.
    ///
    /// # Errors
    /// When the session is unsettled; its rows are then in doubt.
    async fn finish(&self, cx: &Context, session: &SessionRef) -> Result<Outcome> {
        let _ = (cx, session);
        Err(unsupported("finish"))
    }

    /// Asks what became of a job. While it goes on, the outcome says [`RowOutcome::Pending`] for all rows.
    ///
    /// # Errors
    /// When the question itself fails; the job stays open.
    async fn poll(&self, cx: &Context, job: &JobRef) -> Result<Outcome> {
        let _ = (cx, job);
        Err(unsupported("poll"))
    }

    /// How many members the platform says the audience has.
    ///
    /// # Errors
    /// When the question fails.
    async fn size(&self, cx: &Context, audience: &AudienceRef) -> Result<Size> {
        let _ = (cx, audience);
        Err(unsupported("size"))
    }

    /// One page of the audience's members, where they can be read.
    ///
    /// # Errors
    /// When the page cannot be read.
    async fn members(&self, cx: &Context, audience: &AudienceRef, after: Option<Cursor>) -> Result<MemberPage> {
        let _ = (cx, audience, after);
        Err(unsupported("members"))
    }

    /// Records key events (orders, conversions). One outcome per event, by index.
    ///
    /// # Errors
    /// When the batch as a whole is unsettled.
    async fn record(&self, cx: &Context, events: &EventBatch) -> Result<Outcome> {
        let _ = (cx, events);
        Err(unsupported("record"))
    }

    /// Forgets people at the platform's account: an erasure request.
    ///
    /// # Errors
    /// When the request as a whole is unsettled.
    async fn forget(&self, cx: &Context, people: &Batch) -> Result<Outcome> {
        let _ = (cx, people);
        Err(unsupported("forget"))
    }
}

fn unsupported(operation: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("the destination does not offer `{operation}`; its capabilities say what it offers"),
    )
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<D: Destination + ?Sized> Destination for $pointer {
            fn info(&self) -> Info {
                (**self).info()
            }
            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }
            async fn send(&self, cx: &Context, batch: &Batch) -> Result<Outcome> {
                (**self).send(cx, batch).await
            }
            fn cost(&self, row: &Row) -> Cost {
                (**self).cost(row)
            }
            async fn check(&self, cx: &Context) -> Result<Check> {
                (**self).check(cx).await
            }
            async fn open(&self, cx: &Context, spec: &AudienceSpec) -> Result<AudienceRef> {
                (**self).open(cx, spec).await
            }
            async fn begin(&self, cx: &Context, spec: &SessionSpec) -> Result<SessionRef> {
                (**self).begin(cx, spec).await
            }
            async fn finish(&self, cx: &Context, session: &SessionRef) -> Result<Outcome> {
                (**self).finish(cx, session).await
            }
            async fn poll(&self, cx: &Context, job: &JobRef) -> Result<Outcome> {
                (**self).poll(cx, job).await
            }
            async fn size(&self, cx: &Context, audience: &AudienceRef) -> Result<Size> {
                (**self).size(cx, audience).await
            }
            async fn members(&self, cx: &Context, audience: &AudienceRef, after: Option<Cursor>) -> Result<MemberPage> {
                (**self).members(cx, audience, after).await
            }
            async fn record(&self, cx: &Context, events: &EventBatch) -> Result<Outcome> {
                (**self).record(cx, events).await
            }
            async fn forget(&self, cx: &Context, people: &Batch) -> Result<Outcome> {
                (**self).forget(cx, people).await
            }
        }
    )*};
}

forward!(Arc<D>, Box<D>);
