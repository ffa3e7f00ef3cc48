//! The file that partitions go to when memory is used up.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::arena::Arena;
use super::record::Record;
use crate::diff::snapshot::{FileAt, ReadAt};
use crate::error::{Error, ErrorKind, Result};

/// Bytes encoded before they are written, and read before they are decoded.
const BUFFER: usize = 1 << 16;

/// A file without a name: where the system allows it is unlinked as soon as it is there, else when it is dropped.
pub(super) struct SpillFile {
    file: FileAt,
    out: File,
    len: u64,
    path: PathBuf,
    linked: bool,
}

/// Where the records of each partition lie: all of one arena, one partition after the other.
pub(super) struct Run {
    start: u64,
    /// Records before each partition, and all of them at the end.
    before: Vec<u32>,
}

impl Run {
    pub(super) fn count(&self, partition: usize) -> u32 {
        match self.before.get(partition..partition + 2) {
            Some([start, end]) => end - start,
            _ => 0,
        }
    }
}

impl SpillFile {
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let mut name = [0; 16];
        getrandom::fill(&mut name).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "the operating system gave no randomness").with_source(error)
        })?;
        let path = folder.join(format!("audience-sync-{}.spill", const_hex::encode(name)));
        let open = || -> std::io::Result<(File, File)> {
            let out = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
            Ok((out.try_clone()?, out))
        };
        let (read, out) = open().map_err(|error| failed(error, "create a spill file in", folder))?;
        let linked = cfg!(not(unix)) || std::fs::remove_file(&path).is_err();
        Ok(Self { file: FileAt::new(read), out, len: 0, path, linked })
    }

    /// Writes all records of `arena`.
    pub(super) fn append<R: Record>(&mut self, arena: &Arena<R>, partitions: usize) -> Result<Run> {
        let start = self.len;
        let mut before = Vec::with_capacity(partitions + 1);
        let mut written = 0_u32;
        let mut bytes = Vec::with_capacity(BUFFER + R::BYTES);
        for partition in 0..partitions {
            before.push(written);
            for record in arena.get(partition) {
                let end = bytes.len();
                bytes.resize(end + R::BYTES, 0);
                record.encode(&mut bytes[end..]);
                if bytes.len() >= BUFFER {
                    self.write(&bytes)?;
                    bytes.clear();
                }
            }
            written = written.saturating_add(arena.count(partition));
        }
        self.write(&bytes)?;
        before.push(written);
        Ok(Run { start, before })
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(|error| failed(error, "write the spill file", &self.path))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn read_bytes(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        self.file.read_at(offset, bytes).map_err(|error| failed(error, "read the spill file", &self.path))
    }

    /// Hands the records of one partition to `each`, in pieces.
    pub(super) fn read<R: Record>(&self, run: &Run, partition: usize, mut each: impl FnMut(R)) -> Result<()> {
        let count = run.count(partition) as usize;
        let first = run.before.get(partition).copied().unwrap_or(0);
        let mut offset = run.start + u64::from(first) * R::BYTES as u64;
        let mut bytes = vec![0; (count * R::BYTES).min(BUFFER / R::BYTES * R::BYTES)];
        let mut left = count * R::BYTES;
        while left > 0 {
            let piece = bytes.len().min(left);
            let piece = &mut bytes[..piece];
            self.read_bytes(offset, piece)?;
            piece.chunks_exact(R::BYTES).for_each(|bytes| each(R::decode(bytes)));
            offset += piece.len() as u64;
            left -= piece.len();
        }
        Ok(())
    }
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        if self.linked {
            // Nobody is left to tell: at worst a file stays in the folder for spills.
            std::fs::remove_file(&self.path).ok();
        }
    }
}

fn failed(error: std::io::Error, doing: &str, path: &Path) -> Error {
    let full = matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
    let (what, code) = if full {
        (
            "expected room for what does not fit into memory, found a full disk; make room, or choose another folder",
            "spill_full",
        )
    } else {
        ("expected a folder to spill to, found that it fails", "spill_failed")
    };
    Error::new(ErrorKind::Unavailable, what)
        .with_code(code)
        .with_source(error)
        .doing(format!("{doing} {}", path.display()))
}
