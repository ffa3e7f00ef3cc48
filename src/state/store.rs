//! The open state of one binding: append, commit, read.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::Lock;
use super::model::{Entry, FORMAT, Layer, Manifest};
use super::objects::Created;
use super::opening::{Found, Inventory};
use super::seal::damaged;
use super::vault::{Vault, entry_name, layer_name, taken_over};
use crate::error::{Error, ErrorKind, Result};

/// The state of one binding, open for one holder. Dropping it frees the binding.
///
/// Its futures may be dropped at any await. A write that did not come to its end leaves the store unusable, because
/// what is stored is then not known here: every later call answers so, and [`State::open`](super::State::open) finds
/// out.
pub struct Store {
    pub(super) vault: Vault,
    _lock: Lock,
    holder: String,
    shared: bool,
    pub(super) current: Manifest,
    previous: Option<Manifest>,
    pub(super) inventory: Inventory,
    entries: Vec<Entry>,
    position: Position,
    uncertain: bool,
}

/// Who may write to the journal of the current epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// Nobody has yet.
    Free,
    /// We do; this is the number of our next entry.
    Ours(u64),
    /// Nobody may: it is sealed, and a commit must come first. Were its new holder to write to it, the holder before
    /// could still commit without having seen those entries.
    Sealed,
}

impl Store {
    pub(super) fn new(vault: Vault, lock: Lock, holder: String, shared: bool, found: Found) -> Self {
        let Found { current, previous, inventory, entries, position } = found;
        Self { vault, _lock: lock, holder, shared, current, previous, inventory, entries, position, uncertain: false }
    }

    /// What was committed last.
    pub fn manifest(&self) -> &Manifest {
        &self.current
    }

    /// The entries that the last holder left in the journal and that no commit has folded in yet, in order.
    ///
    /// Entries appended through this store are not among them. After a commit there are none.
    pub fn journal(&self) -> &[Entry] {
        &self.entries
    }

    /// A fresh random name for a layer: 16 hex digits.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when the operating system gives no randomness.
    pub fn new_id(&self) -> Result<String> {
        new_id()
    }

    /// Adds an entry to the journal; it is durable on return.
    ///
    /// Where [`Store::journal`] is not empty, a commit that folds it in must come first.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when another holder has taken the binding over, with its name: nothing may be sent any
    /// more. [`ErrorKind::Bug`] before a journal that was found has been folded in, and for an entry about a plan that
    /// is not stored in full. [`ErrorKind::State`] after a write that did not come to its end. Otherwise the store's
    /// own failure.
    pub async fn append(&mut self, entry: &Entry) -> Result<()> {
        if self.position == Position::Sealed {
            return Err(bug("append", "a commit that folds the journal in before the first entry", "none"));
        }
        if let Some(plan) = entry.plan().filter(|plan| !self.has_plan(plan)) {
            return Err(bug("append", "an entry about a plan that is stored in full", plan));
        }
        self.begin_write()?;
        if self.position == Position::Free {
            let opened = Entry::Opened { holder: self.holder.clone(), at: self.vault.objects.clock().now() };
            self.put_entry(0, &opened).await?;
        }
        if let Position::Ours(number) = self.position {
            self.put_entry(number, entry).await?;
        }
        if self.shared {
            // A sleeper's number may be free again, because the journal it was sealed in has been swept.
            self.vault.still_newest(self.current.generation).await?;
        }
        self.uncertain = false;
        Ok(())
    }

    /// Makes `next` the truth, with `new_layers` (id, content), and starts a new journal.
    ///
    /// The caller sets what has changed; `format`, `generation`, `epoch`, and the length and checksum of layers are set
    /// here. Layers and plans that neither the new manifest nor the one before names are deleted; failing to is no
    /// error, a later commit or open sweeps them.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when another holder has committed or taken over. [`ErrorKind::Bug`] when `next` names a
    /// layer or plan that is not stored. [`ErrorKind::State`] after a write that did not come to its end. Otherwise the
    /// store's own failure. After an error the binding must be opened again: the old or the new manifest stands.
    pub async fn commit(&mut self, next: Manifest, new_layers: Vec<(String, Bytes)>) -> Result<()> {
        let next = self.complete(next, &new_layers)?;
        self.begin_write()?;
        self.close_journal().await?;
        for (id, content) in new_layers {
            let bytes = content.len() as u64;
            if let Created::Taken(_) = self.vault.objects.create(&layer_name(&id), content).await? {
                return Err(bug("commit", "a new name for a layer", &id));
            }
            self.inventory.layers.insert(id, bytes);
        }
        if let Created::Taken(_) = self.vault.create_manifest(&next, &self.holder).await? {
            return Err(self.vault.superseded(next.generation).await);
        }
        self.vault.still_newest(next.generation).await?;
        self.advance(next);
        self.uncertain = false;
        self.sweep().await;
        Ok(())
    }

    /// A layer of the current manifest, verified against it.
    ///
    /// # Errors
    /// [`ErrorKind::State`] when it is missing or damaged, [`ErrorKind::Conflict`] when another holder has swept it,
    /// [`ErrorKind::Bug`] when the manifest does not name it. Otherwise the store's own failure.
    pub async fn read_layer(&self, id: &str) -> Result<Bytes> {
        let Some(layer) = self.current.layers.iter().find(|layer| layer.id == id) else {
            return Err(bug("read a layer", "one that the manifest names", id));
        };
        let name = layer_name(id);
        let Some(content) = self.vault.objects.read(&name).await? else {
            return Err(self.vault.missing(&name, self.current.generation).await);
        };
        if content.len() as u64 != layer.bytes || xxh3_64(&content) != layer.xxh3 {
            return Err(damaged(&name, &format!("{} bytes with another checksum", content.len())));
        }
        Ok(content)
    }

    fn begin_write(&mut self) -> Result<()> {
        if self.uncertain {
            return Err(Error::new(
                ErrorKind::State,
                "expected that every write before had come to its end, found one that failed or was given up; open the \
                 binding again",
            ));
        }
        // Until the write has come to its end; a dropped future leaves it set.
        self.uncertain = true;
        Ok(())
    }

    /// Ends the journal, so that it grows no more while the manifest that folds it in is written: whoever opened before
    /// us finds it begun, whoever opened since has sealed it and wins.
    async fn close_journal(&mut self) -> Result<()> {
        let (holder, at) = (self.holder.clone(), self.vault.objects.clock().now());
        match self.position {
            Position::Free => self.put_entry(0, &Entry::Opened { holder, at }).await,
            Position::Ours(number) => self.put_entry(number, &Entry::Sealed { by: holder, at }).await,
            Position::Sealed => Ok(()),
        }
    }

    async fn put_entry(&mut self, number: u64, entry: &Entry) -> Result<()> {
        let name = entry_name(self.current.epoch, number);
        match self.vault.create_json(&name, entry).await? {
            Created::Ours => {
                self.inventory.journals.entry(self.current.epoch).or_default().insert(number);
                self.position = Position::Ours(number + 1);
                Ok(())
            }
            Created::Taken(sealed) => {
                let there = sealed.and_then(|sealed| self.vault.entry(&name, &sealed).ok());
                Err(taken_over(there.as_ref().and_then(Entry::holder)))
            }
        }
    }

    fn has_plan(&self, id: &str) -> bool {
        self.inventory.plans.get(id) == Some(&true)
    }

    /// Fills in what is ours to fill in, and checks what is named.
    fn complete(&self, mut next: Manifest, new_layers: &[(String, Bytes)]) -> Result<Manifest> {
        next.format = FORMAT;
        next.generation = self.current.generation + 1;
        next.epoch = self.current.epoch + 1;
        let mut ids = BTreeSet::new();
        for layer in &mut next.layers {
            if !ids.insert(layer.id.clone()) {
                return Err(bug("commit", "each layer once", &layer.id));
            }
            if let Some((_, content)) = new_layers.iter().find(|(id, _)| *id == layer.id) {
                layer.bytes = content.len() as u64;
                layer.xxh3 = xxh3_64(content);
            } else if let Some(Layer { bytes, xxh3, .. }) = self.current.layers.iter().find(|old| old.id == layer.id) {
                (layer.bytes, layer.xxh3) = (*bytes, *xxh3);
            } else {
                return Err(bug("commit", "layers that are stored or come along", &layer.id));
            }
        }
        for (id, _) in new_layers {
            let plain = (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            if !plain || !ids.contains(id) {
                return Err(bug("commit", "a new layer that the manifest names, in letters and digits", id));
            }
        }
        match next.plans.iter().find(|id| !self.has_plan(id)) {
            Some(id) => Err(bug("commit", "plans that are stored in full", id)),
            None => Ok(next),
        }
    }

    fn advance(&mut self, next: Manifest) {
        self.inventory.manifests.insert(next.generation);
        self.previous = Some(std::mem::replace(&mut self.current, next));
        self.entries = Vec::new();
        self.position = Position::Free;
    }

    /// Deletes what is known to us and nothing names. In a shared store only after our own commit, which has shut out
    /// whoever wrote the leftovers: it can neither commit nor append any more.
    pub(super) async fn sweep(&mut self) {
        for item in self.inventory.unnamed(self.previous.as_ref(), &self.current, &self.entries) {
            let Ok(names) = item.names(&self.vault.objects).await else { continue };
            if self.vault.objects.delete(&names).await.is_ok() {
                self.inventory.forget(&item);
            }
        }
    }
}

/// The error for a call that the engine should not have made.
fn bug(doing: &str, expected: &str, found: &str) -> Error {
    Error::new(ErrorKind::Bug, format!("expected {expected}, found {found:?}")).doing(doing)
}

pub(super) fn new_id() -> Result<String> {
    let number = getrandom::u64().map_err(|error| {
        Error::new(ErrorKind::Unavailable, "the operating system gave no randomness").with_source(error)
    })?;
    Ok(format!("{number:016x}"))
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("holder", &self.holder)
            .field("generation", &self.current.generation)
            .field("epoch", &self.current.epoch)
            .field("journal", &self.entries.len())
            .field("position", &self.position)
            .field("uncertain", &self.uncertain)
            .finish_non_exhaustive()
    }
}
