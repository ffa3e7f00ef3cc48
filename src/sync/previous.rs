//! What the destination has acknowledged: the layers of a snapshot, read as one, newest first.

use std::sync::Arc;

use bytes::Bytes;

use crate::diff::snapshot::{HandleCursor, Keys, Position, SnapshotReader};
use crate::diff::{Entry, Fingerprint, MemberKey};
use crate::error::{Error, ErrorKind, Result};
use crate::secret::{HostKey, KeyId, Keyring};
use crate::time::Timestamp;

/// What the state knows of a member. The numbers stand in snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Standing {
    /// The destination has it.
    Acked = 0,
    /// The destination has it no more; stands in newer layers to cover an older one.
    Absent = 1,
    /// A row was sent and never answered.
    InDoubt = 2,
    /// The last row was rejected.
    Rejected = 3,
    /// A job of the platform works on it.
    InFlight = 4,
}

impl Standing {
    pub(crate) fn of(code: u8) -> Result<Self> {
        Ok(match code {
            0 => Self::Acked,
            1 => Self::Absent,
            2 => Self::InDoubt,
            3 => Self::Rejected,
            4 => Self::InFlight,
            _ => return Err(Error::new(ErrorKind::State, format!("expected a standing of 0 to 4, found {code}"))),
        })
    }
}

type Layer = SnapshotReader<Bytes>;

/// The layers of one binding, oldest first.
#[derive(Clone)]
pub(crate) struct Previous {
    layers: Arc<Vec<Layer>>,
    key: HostKey,
}

impl Previous {
    /// Opens the layers. They were all written under one host key, which goes on being the binding's.
    pub(crate) fn open(layers: Vec<Bytes>, keyring: &Keyring, store: [u8; 16]) -> Result<Self> {
        let layers: Vec<Layer> =
            layers.into_iter().map(|bytes| SnapshotReader::open(bytes, keyring, store)).collect::<Result<_>>()?;
        let ids: Vec<KeyId> = layers.iter().map(SnapshotReader::key_id).collect();
        let key = match ids.as_slice() {
            [] => keyring.current(),
            [first, rest @ ..] if rest.iter().all(|id| id == first) => {
                keyring.get(*first).ok_or_else(|| mixed("a key that is not in the keyring"))?
            }
            _ => return Err(mixed("several")),
        };
        Ok(Self { layers: Arc::new(layers), key: key.clone() })
    }

    /// The host key that member keys and fingerprints of this binding are made with.
    pub(crate) fn key(&self) -> &HostKey {
        &self.key
    }

    /// Every member the state knows something of, in key order.
    pub(crate) fn iter(&self) -> Priors {
        let heads = self.layers.iter().map(|layer| Head { keys: layer.iter(), next: None, begun: false }).collect();
        Priors { heads }
    }

    /// A reader of handles, quick for members asked about in key order.
    pub(crate) fn handles(&self) -> Handles {
        Handles(self.layers.iter().map(SnapshotReader::handle_cursor).collect())
    }
}

fn mixed(found: &str) -> Error {
    Error::new(ErrorKind::State, format!("open the snapshot: expected layers under one known key, found {found}"))
}

/// What the state knows of one member.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prior {
    pub(crate) key: MemberKey,
    /// The fingerprint that was acknowledged; none: it never was.
    pub(crate) acked: Fingerprint,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) standing: Standing,
    layer: usize,
    position: Position,
}

impl Entry for Prior {
    type Key = MemberKey;
    type Fingerprint = ();

    fn key(&self) -> &MemberKey {
        &self.key
    }

    fn fingerprint(&self) -> &() {
        &()
    }
}

/// Reads the handles of [`Prior`]s.
pub(crate) struct Handles(Vec<HandleCursor<Bytes>>);

impl Handles {
    pub(crate) fn get(&mut self, prior: &Prior) -> Result<&[u8]> {
        match self.0.get_mut(prior.layer) {
            Some(cursor) => cursor.get(prior.position),
            None => Err(Error::new(ErrorKind::Bug, "asked for a handle of a layer that is not there")),
        }
    }
}

struct Head {
    keys: Keys<Bytes>,
    next: Option<Prior>,
    begun: bool,
}

impl Head {
    fn advance(&mut self, layer: usize) -> Result<()> {
        self.begun = true;
        self.next = match self.keys.next().transpose()? {
            None => None,
            Some(record) => Some(Prior {
                key: record.key,
                acked: record.fingerprint,
                expires_at: record.expires_at,
                standing: Standing::of(record.state)?,
                layer,
                position: record.position,
            }),
        };
        Ok(())
    }
}

/// The members of all layers, newest layer first, in key order.
pub(crate) struct Priors {
    heads: Vec<Head>,
}

impl Priors {
    fn step(&mut self) -> Result<Option<Prior>> {
        loop {
            for (layer, head) in self.heads.iter_mut().enumerate() {
                if !head.begun {
                    head.advance(layer)?;
                }
            }
            // Of equal keys the last counts, and layers lie oldest first.
            let mut newest: Option<Prior> = None;
            for head in &self.heads {
                let Some(next) = head.next else { continue };
                if newest.is_none_or(|best| next.key <= best.key) {
                    newest = Some(next);
                }
            }
            let Some(newest) = newest else { return Ok(None) };
            for (layer, head) in self.heads.iter_mut().enumerate() {
                if head.next.is_some_and(|next| next.key == newest.key) {
                    head.advance(layer)?;
                }
            }
            if newest.standing != Standing::Absent {
                return Ok(Some(newest));
            }
        }
    }
}

impl Iterator for Priors {
    type Item = Result<Prior>;

    fn next(&mut self) -> Option<Result<Prior>> {
        self.step().transpose()
    }
}
