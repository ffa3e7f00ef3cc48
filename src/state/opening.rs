//! Opening a binding: lock, look, verify, seal what the last holder left, sweep.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::PathPart;

use super::model::{Entry, FORMAT, Manifest};
use super::objects::{Created, Objects};
use super::seal::{Sealer, damaged};
use super::store::{Position, Store, new_id};
use super::vault::{Vault, entry_name, journal_prefix, layer_name, manifest_name, plan_prefix, taken_over};
use super::{BindingId, State, local};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::Keyring;

/// Looks at a binding that others keep changing before giving up.
const LOOKS: u32 = 8;
/// Tries to put our seal behind the last entry of a journal that is still being written.
const SEALS: u32 = 64;
/// Entries read at a time.
const READS: usize = 16;

pub(super) async fn open(
    state: &State,
    binding: &BindingId,
    keyring: &Keyring,
    clock: Arc<dyn Clock>,
) -> Result<Store> {
    let (lock, holder) = state.lock(binding, &*clock).await?;
    let base = state.prefix.parts().chain([PathPart::from(binding.hex())]).collect();
    let objects = Objects::new(Arc::clone(&state.store), base, clock, state.folder.is_some());
    if let Some(folder) = &state.folder {
        let folder = folder.join(binding.hex());
        local::blocking(move || local::tidy(&folder)).await?;
    }
    state.probed.get_or_try_init(|| probe(&objects)).await?;
    let vault = Vault::new(objects, Sealer::new(keyring.clone(), binding.id()));
    for _ in 0..LOOKS {
        if let Some(found) = look(&vault, &holder).await? {
            let mut store = Store::new(vault, lock, holder, state.folder.is_none(), found);
            if state.folder.is_some() {
                // At once: the lock is ours, and nobody else can be writing.
                store.sweep().await;
            }
            return Ok(store);
        }
    }
    Err(taken_over(None))
}

/// Tries put-if-absent, list and delete once, so that a store that lacks one is found out before anything depends on it.
async fn probe(objects: &Objects) -> Result<()> {
    let name = format!("probe/{}", new_id()?);
    let listed = async |objects: &Objects| Ok::<_, Error>(objects.list("probe").await?.iter().any(|(n, _)| *n == name));
    let lacking = |what: &str, found: &str| {
        Error::new(ErrorKind::Config, format!("expected {what}, found {found}; take a store that offers it"))
    };
    let tried = async {
        objects.create(&name, Bytes::from_static(b"1")).await?;
        if matches!(objects.create(&name, Bytes::from_static(b"2")).await?, Created::Ours) {
            return Err(lacking("put-if-absent", "that the second put replaced the first"));
        }
        if !listed(objects).await? {
            return Err(lacking("a list that shows what was just written", "that it does not"));
        }
        objects.delete(std::slice::from_ref(&name)).await?;
        if listed(objects).await? {
            return Err(lacking("delete", "that the object is still listed"));
        }
        Ok(())
    };
    tried.await.map_err(|error: Error| {
        let error = match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::Unsupported => lacking("put, list and delete", error.message()),
            _ => error,
        };
        error.doing("try the object store")
    })
}

/// Everything that [`Store`] starts from.
pub(super) struct Found {
    pub(super) current: Manifest,
    pub(super) previous: Option<Manifest>,
    pub(super) inventory: Inventory,
    /// The journal without our own seal.
    pub(super) entries: Vec<Entry>,
    pub(super) position: Position,
}

/// One look at the binding; `None` when it changed meanwhile, and a new look is needed.
async fn look(vault: &Vault, holder: &str) -> Result<Option<Found>> {
    let inventory = Inventory::take(&vault.objects).await?;
    let newest = inventory.manifests.last().copied();
    let found = match newest {
        Some(generation) => read(vault, holder, inventory, generation).await.map(Some),
        None => begin(vault, holder, &inventory).await.map(|()| None),
    };
    match (found, vault.newest().await) {
        (found, Ok(now)) if now == newest => found,
        (Ok(_), Ok(_)) => Ok(None),
        // What was wrong may only have been swept by whoever wrote the newer manifest.
        (Err(_), Ok(now)) if now > newest => Ok(None),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// Writes the first manifest of a binding that has nothing yet.
async fn begin(vault: &Vault, holder: &str, inventory: &Inventory) -> Result<()> {
    if let Some(name) = inventory.any() {
        return Err(Error::new(
            ErrorKind::State,
            format!(
                "expected a manifest beside {name}, found none; restore it from a backup, or remove all and resync"
            ),
        )
        .doing("read manifest"));
    }
    let first = Manifest { format: FORMAT, generation: 1, epoch: 1, ..Manifest::default() };
    // Whose it is does not matter: the next look reads what is there.
    vault.create_manifest(&first, holder).await.map(drop)
}

async fn read(vault: &Vault, holder: &str, inventory: Inventory, generation: u64) -> Result<Found> {
    let current = vault.read_manifest(generation).await?;
    let previous = match inventory.manifests.range(..generation).next_back() {
        Some(&before) => Some(vault.read_manifest(before).await?),
        None => None,
    };
    inventory.verify(&current)?;
    let mut entries: Vec<_> = stream::iter(0..inventory.journal_length(current.epoch)?)
        .map(|number| read_entry(vault, current.epoch, number))
        .buffered(READS)
        .try_collect()
        .await?;
    inventory.verify_plans(&entries)?;
    let mut position = Position::Free;
    if !entries.is_empty() {
        take_over(vault, holder, current.epoch, &mut entries).await?;
        position = Position::Sealed;
    }
    Ok(Found { current, previous, inventory, entries, position })
}

async fn read_entry(vault: &Vault, epoch: u64, number: u64) -> Result<Entry> {
    let name = entry_name(epoch, number);
    vault.read_json(&name).await?.ok_or_else(|| damaged(&name, "nothing"))
}

/// Puts our seal behind the last entry, so that whoever wrote the journal finds its next number taken.
async fn take_over(vault: &Vault, holder: &str, epoch: u64, entries: &mut Vec<Entry>) -> Result<()> {
    let seal = Entry::Sealed { by: holder.to_owned(), at: vault.objects.clock().now() };
    for _ in 0..SEALS {
        let number = entries.len() as u64;
        let name = entry_name(epoch, number);
        match vault.create_json(&name, &seal).await? {
            Created::Ours => return Ok(()),
            Created::Taken(Some(sealed)) => entries.push(vault.entry(&name, &sealed)?),
            Created::Taken(None) => return Err(damaged(&name, "an object that is gone when it is read")),
        }
    }
    Err(local::held(entries.iter().rev().find_map(Entry::holder).unwrap_or("another holder")))
}

/// One thing that can be swept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    Manifest(u64),
    Journal(u64),
    Layer(String),
    Plan(String),
    Probe(String),
}

impl Item {
    /// The objects it consists of.
    pub(super) async fn names(&self, objects: &Objects) -> Result<Vec<String>> {
        let prefix = match self {
            Self::Manifest(generation) => return Ok(vec![manifest_name(*generation)]),
            Self::Layer(id) => return Ok(vec![layer_name(id)]),
            Self::Probe(id) => return Ok(vec![format!("probe/{id}")]),
            Self::Journal(epoch) => journal_prefix(*epoch),
            Self::Plan(id) => plan_prefix(id),
        };
        Ok(objects.list(&prefix).await?.into_iter().map(|(name, _)| name).collect())
    }
}

/// What lies in a binding's prefix, as far as it is ours.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    pub(super) manifests: BTreeSet<u64>,
    pub(super) journals: BTreeMap<u64, BTreeSet<u64>>,
    /// Sizes by id.
    pub(super) layers: BTreeMap<String, u64>,
    /// By id, whether the plan is complete.
    pub(super) plans: BTreeMap<String, bool>,
    probes: BTreeSet<String>,
}

impl Inventory {
    async fn take(objects: &Objects) -> Result<Self> {
        let mut found = Self::default();
        for (name, size) in objects.list("").await? {
            let mut parts = name.split('/');
            match (parts.next(), parts.next(), parts.next(), parts.next()) {
                (Some("manifest"), Some(generation), None, _) => {
                    found.manifests.extend(generation.parse::<u64>());
                }
                (Some("journal"), Some(epoch), Some(number), None) => {
                    if let (Ok(epoch), Ok(number)) = (epoch.parse::<u64>(), number.parse()) {
                        found.journals.entry(epoch).or_default().insert(number);
                    }
                }
                (Some("snapshot"), Some(id), None, _) => {
                    found.layers.insert(id.to_owned(), size);
                }
                (Some("plan"), Some(id), Some(part), None) => {
                    *found.plans.entry(id.to_owned()).or_default() |= part == "end";
                }
                (Some("probe"), Some(id), None, _) => {
                    found.probes.insert(id.to_owned());
                }
                // The lock file, and what is not ours.
                _ => {}
            }
        }
        Ok(found)
    }

    /// The name of something that cannot be without a manifest.
    fn any(&self) -> Option<String> {
        let journal = self.journals.keys().next().map(|epoch| journal_prefix(*epoch));
        let layer = self.layers.keys().next().map(|id| layer_name(id));
        journal.or(layer).or_else(|| self.plans.keys().next().map(|id| plan_prefix(id)))
    }

    /// Checks that everything the manifest names is there.
    fn verify(&self, manifest: &Manifest) -> Result<()> {
        if let Some((epoch, _)) = self.journals.range(manifest.epoch.saturating_add(1)..).next() {
            return Err(Error::new(
                ErrorKind::State,
                format!(
                    "expected no journal above epoch {}, found epoch {epoch}: the newest manifest is missing; restore it \
                     from a backup, or resync",
                    manifest.epoch
                ),
            )
            .doing(format!("read {}", manifest_name(manifest.generation))));
        }
        for layer in &manifest.layers {
            match self.layers.get(&layer.id) {
                Some(size) if *size == layer.bytes => {}
                Some(size) => {
                    let found = format!("{size} bytes where {} were written", layer.bytes);
                    return Err(damaged(&layer_name(&layer.id), &found));
                }
                None => return Err(damaged(&layer_name(&layer.id), "nothing")),
            }
        }
        manifest.plans.iter().try_for_each(|id| self.complete(id))
    }

    /// Checks that the plans that the journal speaks of are there.
    fn verify_plans(&self, entries: &[Entry]) -> Result<()> {
        entries.iter().filter_map(Entry::plan).try_for_each(|id| self.complete(id))
    }

    fn complete(&self, plan: &str) -> Result<()> {
        match self.plans.get(plan) {
            Some(true) => Ok(()),
            Some(false) => Err(damaged(&format!("{}/end", plan_prefix(plan)), "nothing")),
            None => Err(damaged(&plan_prefix(plan), "nothing")),
        }
    }

    /// How many entries the journal has; a gap is damage.
    fn journal_length(&self, epoch: u64) -> Result<u64> {
        let Some(numbers) = self.journals.get(&epoch) else { return Ok(0) };
        match (0..).zip(numbers).find(|(expected, found)| expected != *found) {
            None => Ok(numbers.len() as u64),
            Some((expected, _)) => Err(damaged(&entry_name(epoch, expected), "nothing, and later entries")),
        }
    }

    /// What neither the two manifests nor the entries name.
    pub(super) fn unnamed(&self, older: Option<&Manifest>, newer: &Manifest, entries: &[Entry]) -> Vec<Item> {
        let both = || older.into_iter().chain([newer]);
        let oldest = older.map_or(newer.generation, |older| older.generation);
        let epochs: BTreeSet<_> = both().map(|manifest| manifest.epoch).collect();
        let layers: BTreeSet<_> = both().flat_map(|m| &m.layers).map(|layer| layer.id.as_str()).collect();
        let plans: BTreeSet<_> =
            both().flat_map(|m| &m.plans).map(String::as_str).chain(entries.iter().filter_map(Entry::plan)).collect();
        let mut unnamed: Vec<_> = self.manifests.range(..oldest).copied().map(Item::Manifest).collect();
        unnamed.extend(self.journals.keys().filter(|epoch| !epochs.contains(epoch)).copied().map(Item::Journal));
        unnamed.extend(self.layers.keys().filter(|id| !layers.contains(id.as_str())).cloned().map(Item::Layer));
        unnamed.extend(self.plans.keys().filter(|id| !plans.contains(id.as_str())).cloned().map(Item::Plan));
        unnamed.extend(self.probes.iter().cloned().map(Item::Probe));
        unnamed
    }

    pub(super) fn forget(&mut self, item: &Item) {
        match item {
            Item::Manifest(generation) => drop(self.manifests.remove(generation)),
            Item::Journal(epoch) => drop(self.journals.remove(epoch)),
            Item::Layer(id) => drop(self.layers.remove(id)),
            Item::Plan(id) => drop(self.plans.remove(id)),
            Item::Probe(id) => drop(self.probes.remove(id)),
        }
    }
}
