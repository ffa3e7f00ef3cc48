//! Upload sessions: numbers of ours that group the requests of one run and action.

use sha2::{Digest, Sha256};

use crate::destination::SessionRef;
use crate::error::{Error, ErrorKind, Result};

/// A session: its number, and how many rows were announced.
///
/// There is no call to begin one: the first request that names it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// Positive and below 2^63.
    pub(super) id: u64,
    pub(super) total: u64,
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
        Self { id: (u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1).max(1), total }
    }

    pub(super) fn to_ref(self) -> SessionRef {
        SessionRef::new(format!("{}/{}", self.id, self.total))
    }

    /// # Errors
    /// [`ErrorKind::State`] for a reference that [`Session::to_ref`] did not write.
    pub(super) fn from_ref(reference: &SessionRef) -> Result<Self> {
        let parsed = reference.as_str().split_once('/').and_then(|(id, total)| {
            let id = id.parse().ok().filter(|id| (1..1 << 63).contains(id))?;
            Some(Self { id, total: total.parse().ok()? })
        });
        parsed.ok_or_else(|| {
            Error::new(ErrorKind::State, "expected a session that this destination began, found another reference")
        })
    }
}
