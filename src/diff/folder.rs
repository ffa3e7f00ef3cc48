//! A side kept in a folder: a base and the layers on top of it, so that a small change writes little.

use std::fmt;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::external::{GONE, Operation, for_each_member};
use super::snapshot::{FileAt, SnapshotHeader, SnapshotReader, SnapshotRecord, SnapshotWriter};
use super::{Fingerprint, MemberKey};
use crate::error::{Error, ErrorKind, Result};
use crate::secret::Keyring;
use crate::time::Timestamp;

const MANIFEST: &str = "manifest.json";
const LOCK: &str = "lock";
/// Layers of fewer bytes than this are not worth rewriting the base for.
const SMALL: u64 = 8 << 20;

/// What a destination had, kept in a folder between runs, for hosts that diff without the engine.
///
/// A run writes one layer of what it changed; when the layers come to more than 8 MiB and a tenth of the base, they are
/// folded into a new one. Nothing is replaced in place: a file is written under a name of its own and made durable,
/// then the manifest that names it takes the place of the one before. A crash at any moment leaves the side as it was,
/// or as it was to be.
///
/// The folder is locked while it is open: a second opener gets [`ErrorKind::Conflict`].
pub struct SnapshotFolder {
    path: PathBuf,
    keyring: Keyring,
    store_id: [u8; 16],
    manifest: Manifest,
    /// Held, not used: the lock lives as long as the file is open.
    _lock: File,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    generation: u64,
    /// The oldest first.
    layers: Vec<LayerFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerFile {
    name: String,
    bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checked {
    manifest: Manifest,
    /// XXH3-64 of the manifest as it is written inside.
    checksum: u64,
}

impl SnapshotFolder {
    /// Opens the folder, or makes it. `store_id` says what is kept there, for example a hash of audience and
    /// destination: the files of another are refused.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] while somebody else has it open, [`ErrorKind::State`] for a damaged manifest,
    /// [`ErrorKind::Unavailable`] when the storage fails.
    pub fn open(path: impl Into<PathBuf>, keyring: Keyring, store_id: [u8; 16]) -> Result<Self> {
        let path = path.into();
        fs::create_dir_all(&path).map_err(|error| failed(error, "make", &path))?;
        let lock = File::options().create(true).append(true).open(path.join(LOCK));
        let lock = lock.map_err(|error| failed(error, "open the lock of", &path))?;
        if let Err(fs::TryLockError::WouldBlock) = lock.try_lock() {
            let message = format!("expected nobody else to have {} open, found its lock taken", path.display());
            return Err(Error::new(ErrorKind::Conflict, message).with_code("locked"));
        }
        let manifest = read_manifest(&path.join(MANIFEST))?;
        let folder = Self { path, keyring, store_id, manifest, _lock: lock };
        folder.sweep()?;
        Ok(folder)
    }

    /// Whether nothing was ever kept here.
    pub fn is_empty(&self) -> bool {
        self.manifest.layers.is_empty()
    }

    /// Bytes of all layers.
    pub fn bytes(&self) -> u64 {
        self.manifest.layers.iter().map(|layer| layer.bytes).sum()
    }

    /// The layers, the oldest first, as [`Previous::Layers`](super::Previous::Layers) takes them.
    ///
    /// # Errors
    /// [`ErrorKind::State`] with a [`SnapshotFault`](super::snapshot::SnapshotFault) as its code for a file that is
    /// missing its end, damaged, of another store, or of a key that the keyring does not have.
    pub fn layers(&self) -> Result<Vec<SnapshotReader<FileAt>>> {
        let open = |layer: &LayerFile| {
            let path = self.path.join(&layer.name);
            let file = File::open(&path).map_err(|error| failed(error, "open", &path))?;
            SnapshotReader::open(FileAt::new(file), &self.keyring, self.store_id)
                .map_err(|error| error.doing(format!("read {}", path.display())))
        };
        self.manifest.layers.iter().map(open).collect()
    }

    /// Begins a layer of changes on top of the others.
    ///
    /// # Errors
    /// As [`SnapshotFolder::open`].
    pub fn begin(&self, created: Timestamp) -> Result<LayerWriter> {
        self.writer(created, false)
    }

    /// Begins a side that replaces what is kept.
    ///
    /// # Errors
    /// As [`SnapshotFolder::open`].
    pub fn begin_anew(&self, created: Timestamp) -> Result<LayerWriter> {
        self.writer(created, true)
    }

    fn writer(&self, created: Timestamp, anew: bool) -> Result<LayerWriter> {
        let generation = self.manifest.generation + 1;
        let name = format!("{generation:020}.snap");
        let path = self.path.join(format!("{name}.new"));
        let file = File::create(&path).map_err(|error| failed(error, "create", &path))?;
        let header = SnapshotHeader::new(self.store_id, generation, created);
        let out = SnapshotWriter::new(BufWriter::with_capacity(1 << 20, file), header, self.keyring.current())?;
        Ok(LayerWriter { out, name, anew: anew || self.is_empty() })
    }

    /// Keeps what the writer took down. Once this has returned, it survives a crash.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when the storage fails: what was kept before is still what is kept.
    pub fn commit(&mut self, writer: LayerWriter) -> Result<()> {
        let anew = writer.anew;
        let layer = self.make_durable(writer)?;
        let mut layers = if anew { Vec::new() } else { self.manifest.layers.clone() };
        layers.push(layer);
        self.replace_manifest(layers)?;
        if self.is_heavy() {
            self.fold()?;
        }
        self.sweep()
    }

    fn is_heavy(&self) -> bool {
        let Some((base, newer)) = self.manifest.layers.split_first() else { return false };
        newer.iter().map(|layer| layer.bytes).sum::<u64>() > SMALL.max(base.bytes / 10)
    }

    /// Makes one base of all layers.
    fn fold(&mut self) -> Result<()> {
        let layers = self.layers()?;
        let created = layers.last().map_or(Timestamp::from_millis(0), |layer| layer.header().created);
        let mut writer = self.writer(created, true)?;
        for_each_member(&layers, |key, fingerprint| writer.put(key, fingerprint, 0))?;
        let base = self.make_durable(writer)?;
        self.replace_manifest(vec![base])
    }

    fn make_durable(&self, writer: LayerWriter) -> Result<LayerFile> {
        let LayerWriter { out, name, .. } = writer;
        let written = self.path.join(format!("{name}.new"));
        let storage = |error| failed(error, "write", &written);
        let file = out.finish()?.0.into_inner().map_err(|error| storage(error.into_error()))?;
        file.sync_all().map_err(storage)?;
        let bytes = file.metadata().map_err(storage)?.len();
        fs::rename(&written, self.path.join(&name)).map_err(storage)?;
        self.sync_folder()?;
        Ok(LayerFile { name, bytes })
    }

    fn replace_manifest(&mut self, layers: Vec<LayerFile>) -> Result<()> {
        let manifest = Manifest { generation: self.manifest.generation + 1, layers };
        let path = self.path.join(MANIFEST);
        let new = self.path.join("manifest.json.new");
        let write = || -> std::io::Result<()> {
            let checked = Checked { checksum: checksum(&manifest)?, manifest: manifest.clone() };
            let mut file = File::create(&new)?;
            file.write_all(&serde_json::to_vec(&checked)?)?;
            file.sync_all()?;
            fs::rename(&new, &path)
        };
        write().map_err(|error| failed(error, "write", &path))?;
        self.sync_folder()?;
        self.manifest = manifest;
        Ok(())
    }

    fn sync_folder(&self) -> Result<()> {
        // Elsewhere a folder cannot be opened, and a rename needs no more.
        if cfg!(unix) {
            let sync = || File::open(&self.path)?.sync_all();
            sync().map_err(|error| failed(error, "make durable", &self.path))?;
        }
        Ok(())
    }

    /// Removes what the manifest does not name: left by a crash, or folded.
    fn sweep(&self) -> Result<()> {
        let entries = fs::read_dir(&self.path).map_err(|error| failed(error, "list", &self.path))?;
        for entry in entries {
            let name = entry.map_err(|error| failed(error, "list", &self.path))?.file_name();
            let Some(name) = name.to_str() else { continue };
            let ours = name.ends_with(".snap") || name.ends_with(".new");
            if ours && !self.manifest.layers.iter().any(|layer| layer.name == name) {
                let path = self.path.join(name);
                fs::remove_file(&path).map_err(|error| failed(error, "remove", &path))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SnapshotFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotFolder")
            .field("path", &self.path)
            .field("manifest", &self.manifest)
            .finish_non_exhaustive()
    }
}

/// Takes down what changes, in key order.
#[derive(Debug)]
pub struct LayerWriter {
    out: SnapshotWriter<BufWriter<File>>,
    name: String,
    anew: bool,
}

impl LayerWriter {
    /// The next operation, as [`PartitionedDiff`](super::PartitionedDiff) hands them over.
    ///
    /// # Errors
    /// [`ErrorKind::Bug`] when it is out of order; [`ErrorKind::State`] with code `write_failed` when the storage fails.
    pub fn apply(&mut self, operation: &Operation) -> Result<()> {
        match *operation {
            Operation::Add { key, new } | Operation::Change { key, new, .. } => self.put(key, new, 0),
            // At the bottom there is nothing to hide.
            Operation::Remove { .. } if self.anew => Ok(()),
            Operation::Remove { key, old } => self.put(key, old, GONE),
        }
    }

    fn put(&mut self, key: MemberKey, fingerprint: Fingerprint, state: u8) -> Result<()> {
        self.out.push(&SnapshotRecord::new(key, fingerprint).with_state(state))
    }
}

fn read_manifest(path: &Path) -> Result<Manifest> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Manifest::default()),
        Err(error) => return Err(failed(error, "read", path)),
    };
    let whole = serde_json::from_slice(&bytes)
        .ok()
        .filter(|checked: &Checked| checksum(&checked.manifest).is_ok_and(|sum| sum == checked.checksum));
    whole.map(|checked| checked.manifest).ok_or_else(|| {
        let message = format!(
            "expected a whole manifest in {}, found a damaged one; restore it, or begin anew in another folder",
            path.display()
        );
        Error::new(ErrorKind::State, message).with_code("manifest_damaged")
    })
}

fn checksum(manifest: &Manifest) -> serde_json::Result<u64> {
    Ok(xxh3_64(&serde_json::to_vec(manifest)?))
}

fn failed(error: std::io::Error, doing: &str, path: &Path) -> Error {
    Error::new(ErrorKind::Unavailable, "expected storage that works, found that it fails")
        .with_source(error)
        .doing(format!("{doing} {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::KeyHasher;

    fn keyring() -> Keyring {
        Keyring::from_bytes([1; 32])
    }

    fn open(path: &Path) -> SnapshotFolder {
        SnapshotFolder::open(path, keyring(), [7; 16]).unwrap()
    }

    fn members(folder: &SnapshotFolder) -> Vec<(MemberKey, u64)> {
        let mut out = Vec::new();
        let taken = for_each_member(&folder.layers().unwrap(), |key, fp| {
            out.push((key, fp.as_raw()));
            Ok(())
        });
        taken.unwrap();
        out
    }

    fn key(n: u64) -> MemberKey {
        KeyHasher::new(&[1; 16], "").key(n.to_le_bytes())
    }

    fn commit(folder: &mut SnapshotFolder, mut operations: Vec<Operation>) {
        operations.sort_by_key(Operation::key);
        let mut writer = folder.begin(Timestamp::from_millis(5)).unwrap();
        operations.iter().for_each(|operation| writer.apply(operation).unwrap());
        folder.commit(writer).unwrap();
    }

    fn add(n: u64, fp: u64) -> Operation {
        Operation::Add { key: key(n), new: Fingerprint::from_raw(fp) }
    }

    fn expected(of: impl IntoIterator<Item = (u64, u64)>) -> Vec<(MemberKey, u64)> {
        let mut all: Vec<_> = of.into_iter().map(|(n, fp)| (key(n), fp)).collect();
        all.sort();
        all
    }

    #[test]
    fn layers_add_up_and_survive_reopening() {
        let place = tempfile::tempdir().unwrap();
        let mut folder = open(place.path());
        assert!(folder.is_empty());
        commit(&mut folder, (0..100).map(|n| add(n, 1)).collect());
        let old = Fingerprint::from_raw(1);
        let change = Operation::Change { key: key(5), old, new: Fingerprint::from_raw(2) };
        commit(&mut folder, vec![Operation::Remove { key: key(3), old }, change, add(200, 9)]);
        drop(folder);
        let folder = open(place.path());
        let mut truth: std::collections::BTreeMap<u64, u64> = (0..100).map(|n| (n, 1)).collect();
        truth.remove(&3);
        truth.extend([(5, 2), (200, 9)]);
        assert_eq!(members(&folder), expected(truth));
        assert_eq!(folder.layers().unwrap().len(), 2);
    }

    #[test]
    fn many_changes_become_a_new_base() {
        let place = tempfile::tempdir().unwrap();
        let mut folder = open(place.path());
        commit(&mut folder, vec![add(1, 1)]);
        // At about 22 bytes a member: more than 8 MiB.
        commit(&mut folder, (2..450_000).map(|n| add(n, 1)).collect());
        assert_eq!(folder.layers().unwrap().len(), 1);
        assert_eq!(members(&folder).len(), 449_999);
        let files = fs::read_dir(place.path()).unwrap().count();
        assert_eq!(files, 3, "one base, the manifest, the lock");
    }

    #[test]
    fn what_a_crash_left_is_swept_and_changes_nothing() {
        let place = tempfile::tempdir().unwrap();
        let mut folder = open(place.path());
        commit(&mut folder, vec![add(1, 1)]);
        let mut writer = folder.begin(Timestamp::from_millis(6)).unwrap();
        writer.apply(&add(2, 1)).unwrap();
        drop(writer);
        // As if the layer had been renamed and the manifest not yet.
        fs::write(place.path().join("00000000000000000009.snap"), b"half").unwrap();
        fs::write(place.path().join("manifest.json.new"), b"{").unwrap();
        drop(folder);
        let folder = open(place.path());
        assert_eq!(members(&folder), expected([(1, 1)]));
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 3);
    }

    #[test]
    fn two_openers_damage_and_other_stores_are_told() {
        let place = tempfile::tempdir().unwrap();
        let mut folder = open(place.path());
        commit(&mut folder, vec![add(1, 1)]);
        let second = SnapshotFolder::open(place.path(), keyring(), [7; 16]).unwrap_err();
        assert_eq!((second.kind(), second.code()), (ErrorKind::Conflict, Some("locked")));
        drop(folder);
        let other = SnapshotFolder::open(place.path(), keyring(), [8; 16]).unwrap().layers().unwrap_err();
        assert_eq!(other.code(), Some("wrong_audience"));
        let wrong = SnapshotFolder::open(place.path(), Keyring::from_bytes([2; 32]), [7; 16]).unwrap();
        assert_eq!(wrong.layers().unwrap_err().code(), Some("wrong_key"));
        drop(wrong);
        let manifest = place.path().join(MANIFEST);
        let text = fs::read_to_string(&manifest).unwrap().replace("\"generation\":1", "\"generation\":2");
        fs::write(&manifest, text).unwrap();
        let damaged = SnapshotFolder::open(place.path(), keyring(), [7; 16]).unwrap_err();
        assert_eq!(damaged.code(), Some("manifest_damaged"));
    }
}
