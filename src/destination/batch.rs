//! What goes out in one call, and the audience and session it belongs to.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::row::{Action, Row};
use crate::naming::{AudienceName, Role};

/// An audience as a destination is asked to find or create it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AudienceSpec {
    /// The stable key, `[a-z0-9._-]`.
    pub key: String,
    /// The display name, already fitted to the destination's name rules.
    pub name: String,
    /// The name's parts, where it follows a naming convention.
    pub parts: Option<AudienceName>,
    /// What the audience is for.
    pub role: Role,
    /// What the destination answered last time.
    pub known: Option<AudienceRef>,
}

impl AudienceSpec {
    /// An audience by key and name, for targeting, not known yet.
    pub fn new(key: impl Into<String>, name: impl Into<String>) -> Self {
        Self { key: key.into(), name: name.into(), parts: None, role: Role::Targeting, known: None }
    }

    /// Sets the role.
    #[must_use]
    pub fn with_role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Sets the name's parts.
    #[must_use]
    pub fn with_parts(mut self, parts: AudienceName) -> Self {
        self.parts = Some(parts);
        self
    }

    /// Sets what the destination answered last time.
    #[must_use]
    pub fn with_known(mut self, known: AudienceRef) -> Self {
        self.known = Some(known);
        self
    }
}

/// An audience at a destination: the platform's id beside our key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AudienceRef {
    /// The platform's id; always text, even where the platform sends a number.
    pub id: String,
    /// Our stable key.
    pub key: String,
    /// The display name at the destination, where it has one.
    pub name: Option<String>,
    /// The arm labels, window and so on, as a destination may want them with each row.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub labels: std::collections::BTreeMap<String, String>,
}

impl AudienceRef {
    /// The platform's id and our key.
    pub fn new(id: impl Into<String>, key: impl Into<String>) -> Self {
        Self { id: id.into(), key: key.into(), name: None, labels: std::collections::BTreeMap::new() }
    }

    /// Sets the display name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn with_label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }
}

/// A session the engine wants begun.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionSpec {
    /// The run it belongs to.
    pub run: String,
    /// The audience.
    pub audience: AudienceRef,
    /// The action of every row; `None` replaces the whole membership.
    pub action: Option<Action>,
    /// How many rows will follow.
    pub rows_planned: u64,
    /// How many members the audience will have after.
    pub size_after: u64,
}

impl SessionSpec {
    /// A session for `action` in `run`.
    pub fn new(run: impl Into<String>, audience: AudienceRef, action: Option<Action>, rows_planned: u64) -> Self {
        Self { run: run.into(), audience, action, rows_planned, size_after: rows_planned }
    }

    /// Sets how many members the audience will have after.
    #[must_use]
    pub fn with_size_after(mut self, members: u64) -> Self {
        self.size_after = members;
        self
    }
}

/// Names a session. Opaque to everybody but the destination; kept in the journal, survives a restart.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionRef(String);

impl SessionRef {
    /// Takes what the destination needs to go on with the session.
    pub fn new(reference: impl Into<String>) -> Self {
        Self(reference.into())
    }

    /// The reference itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionRef({})", self.0)
    }
}

/// Names a batch by the operations in it: the same operations make the same id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BatchId([u8; 16]);

impl BatchId {
    fn of(action: Action, rows: &[Row]) -> Self {
        let mut hash = Sha256::new();
        hash.update(action.as_str());
        for row in rows {
            hash.update(row.op_id.as_bytes());
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }

    /// 32 lower-case hex digits.
    pub fn to_hex(&self) -> String {
        const_hex::encode(self.0)
    }
}

impl fmt::Debug for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BatchId({})", self.to_hex())
    }
}

/// Rows of one action for one audience, to go out in one call. A cheap clone.
#[derive(Clone)]
pub struct Batch(Arc<Inner>);

struct Inner {
    id: BatchId,
    run: String,
    audience: AudienceRef,
    action: Action,
    rows: Arc<Vec<Row>>,
    row_version: u64,
    session: Option<SessionRef>,
    seq: u64,
    last: bool,
}

impl Batch {
    /// Rows of one action for one audience.
    pub fn new(run: impl Into<String>, audience: AudienceRef, action: Action, rows: Vec<Row>) -> Self {
        Self::shared(run, audience, action, Arc::new(rows))
    }

    /// The same of rows that somebody else holds on to.
    pub fn shared(run: impl Into<String>, audience: AudienceRef, action: Action, rows: Arc<Vec<Row>>) -> Self {
        Self(Arc::new(Inner {
            id: BatchId::of(action, &rows),
            run: run.into(),
            audience,
            action,
            rows,
            row_version: 0,
            session: None,
            seq: 1,
            last: true,
        }))
    }

    fn edit(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::try_unwrap(self.0).unwrap_or_else(|shared| Inner {
            id: shared.id,
            run: shared.run.clone(),
            audience: shared.audience.clone(),
            action: shared.action,
            rows: shared.rows.clone(),
            row_version: shared.row_version,
            session: shared.session.clone(),
            seq: shared.seq,
            last: shared.last,
        });
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// Sets the version of the rows: strictly increasing per binding, from run to run.
    #[must_use]
    pub fn with_row_version(self, version: u64) -> Self {
        self.edit(|inner| inner.row_version = version)
    }

    /// Puts the batch into a session: its place there, from 1, and whether it is the last.
    #[must_use]
    pub fn with_session(self, session: SessionRef, seq: u64, last: bool) -> Self {
        self.edit(|inner| (inner.session, inner.seq, inner.last) = (Some(session), seq, last))
    }

    /// Names the batch by the operations in it.
    pub fn id(&self) -> BatchId {
        self.0.id
    }

    /// The run it belongs to.
    pub fn run(&self) -> &str {
        &self.0.run
    }

    /// The audience.
    pub fn audience(&self) -> &AudienceRef {
        &self.0.audience
    }

    /// The action of every row.
    pub fn action(&self) -> Action {
        self.0.action
    }

    /// The rows; an outcome names them by index.
    pub fn rows(&self) -> &[Row] {
        &self.0.rows
    }

    /// A destination that keeps versions ignores a row whose version is lower than what it holds.
    pub fn row_version(&self) -> u64 {
        self.0.row_version
    }

    /// The session, where the destination wants sessions.
    pub fn session(&self) -> Option<&SessionRef> {
        self.0.session.as_ref()
    }

    /// The place in the session, from 1.
    pub fn seq(&self) -> u64 {
        self.0.seq
    }

    /// Whether it is the session's last batch.
    pub fn is_last(&self) -> bool {
        self.0.last
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("id", &self.id())
            .field("audience", &self.audience().key)
            .field("action", &self.action())
            .field("rows", &self.rows().len())
            .field("session", &self.session())
            .field("seq", &self.seq())
            .finish_non_exhaustive()
    }
}
