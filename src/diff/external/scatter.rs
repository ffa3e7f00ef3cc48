//! Scattering records into partitions within a share of the memory.

use std::path::{Path, PathBuf};

use super::arena::{Arena, Scatterer};
use super::record::Record;
use super::segments::Segments;
use super::spill::SpillFile;
use crate::error::{Error, ErrorKind, Result};

/// Memory for the first records when nobody knows how many will come.
const FIRST: u64 = 1 << 20;

/// One thread's records on their way into partitions.
pub(super) struct Scatter<R> {
    scatterer: Scatterer<R>,
    segments: Segments<R>,
    bits: u32,
    budget: u64,
    /// Bytes of the arenas in `segments`.
    held: u64,
    folder: PathBuf,
}

impl<R: Record> Scatter<R> {
    /// By the `bits` bits behind the first `skip`, within `budget` bytes; what does not fit goes to `folder`.
    pub(super) fn new(skip: u32, bits: u32, expected: Option<u64>, budget: u64, folder: &Path) -> Self {
        let partitions = 1 << bits;
        let fitting = Arena::<R>::room_within(budget, partitions);
        let wanted = match expected {
            Some(records) => Arena::<R>::room_for(records, partitions),
            None => Arena::<R>::room_within(FIRST, partitions),
        };
        let arena = Arena::new(partitions, wanted.min(fitting).max(least()));
        Self {
            scatterer: Scatterer::new(arena, skip, bits),
            segments: Segments { arenas: Vec::new(), runs: Vec::new(), spill: None },
            bits,
            budget,
            held: 0,
            folder: folder.to_owned(),
        }
    }

    pub(super) fn push(&mut self, record: &R) -> Result<()> {
        if self.scatterer.push(record) {
            return Ok(());
        }
        self.make_room()?;
        if self.scatterer.push(record) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Bug, "expected room in an empty partition, found none"))
    }

    /// Another arena while the budget lasts, as large as all before; then all of them go to the file.
    fn make_room(&mut self) -> Result<()> {
        let partitions = 1 << self.bits;
        let current = self.scatterer.arena();
        let held = self.held + current.bytes();
        let left = self.budget.saturating_sub(held);
        let room = Arena::<R>::room_within(left.min(held), partitions);
        if room >= current.room() / 4 && room >= least() {
            let full = self.scatterer.replace(Arena::new(partitions, room));
            self.held = held;
            self.segments.arenas.push(full);
            return Ok(());
        }
        self.spill()
    }

    fn spill(&mut self) -> Result<()> {
        let partitions = 1 << self.bits;
        let Segments { arenas, runs, spill } = &mut self.segments;
        let file = match spill {
            Some(file) => file,
            None => spill.insert(SpillFile::create(&self.folder)?),
        };
        for arena in arenas.drain(..) {
            runs.push(file.append(&arena, partitions)?);
        }
        runs.push(file.append(self.scatterer.arena(), partitions)?);
        self.held = 0;
        let whole = Arena::<R>::room_within(self.budget, partitions).max(least());
        if whole / 2 > self.scatterer.arena().room() {
            // The small one goes before the large one comes.
            drop(self.scatterer.replace(Arena::new(partitions, 0)));
            drop(self.scatterer.replace(Arena::new(partitions, whole)));
        } else {
            self.scatterer.arena().clear();
        }
        Ok(())
    }

    /// The records, and how many were dropped because they were there already.
    pub(super) fn finish(mut self) -> Result<(Segments<R>, u64)> {
        for record in self.scatterer.drain() {
            // Past the stage, or the record would wait there again.
            if !self.scatterer.store_one(&record) {
                self.make_room()?;
                self.scatterer.store_one(&record);
            }
        }
        let arena = self.scatterer.replace(Arena::new(1 << self.bits, 0));
        if !arena.is_empty() {
            self.segments.arenas.push(arena);
        }
        Ok((self.segments, self.scatterer.duplicates()))
    }
}

/// Room for what is staged of a partition, twice.
const fn least() -> u32 {
    16
}
