//! Records in memory, apart by partition: one allocation that never grows.

use super::record::Record;
use super::sort::{Scratch, sort_unique};

/// Records gathered on the side of each partition before they are copied over together, where partitions are many:
/// one write to a far cache line instead of eight.
const STAGE: usize = 8;
/// From this many partitions on it pays.
const STAGED_FROM: usize = 512;

/// The same room for each partition.
pub(super) struct Arena<R> {
    records: Vec<R>,
    filled: Vec<u32>,
    room: u32,
}

impl<R: Record> Arena<R> {
    /// Room for `room` records in each of `partitions`.
    pub(super) fn new(partitions: usize, room: u32) -> Self {
        Self { records: vec![R::BLANK; partitions * room as usize], filled: vec![0; partitions], room }
    }

    /// How much room each partition needs so that `records` evenly spread ones fit: the mean and six deviations.
    pub(super) fn room_for(records: u64, partitions: usize) -> u32 {
        let mean = records / partitions as u64 + 1;
        u32::try_from(mean + 6 * mean.isqrt() + STAGE as u64).unwrap_or(u32::MAX)
    }

    /// The room for which the arena takes at most `bytes`.
    pub(super) fn room_within(bytes: u64, partitions: usize) -> u32 {
        u32::try_from(bytes / (partitions as u64 * size_of::<R>() as u64)).unwrap_or(u32::MAX)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.records.len() as u64 * size_of::<R>() as u64
    }

    pub(super) fn room(&self) -> u32 {
        self.room
    }

    pub(super) fn count(&self, partition: usize) -> u32 {
        self.filled.get(partition).copied().unwrap_or(0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.filled.iter().all(|filled| *filled == 0)
    }

    /// Takes all of `records`, or none of them.
    fn push(&mut self, partition: usize, records: &[R]) -> bool {
        let filled = self.filled[partition] as usize;
        if filled + records.len() > self.room as usize {
            return false;
        }
        let start = partition * self.room as usize + filled;
        self.records[start..start + records.len()].copy_from_slice(records);
        self.filled[partition] += records.len() as u32;
        true
    }

    pub(super) fn get(&self, partition: usize) -> &[R] {
        let start = partition * self.room as usize;
        &self.records[start..start + self.filled[partition] as usize]
    }

    /// Drops records given twice from a partition that is full; says how many.
    fn shrink(&mut self, partition: usize, scratch: &mut Scratch<R>, prefix: u32) -> u64 {
        let mut records = self.get(partition).to_vec();
        let dropped = sort_unique(&mut records, scratch, prefix);
        let start = partition * self.room as usize;
        self.records[start..start + records.len()].copy_from_slice(&records);
        self.filled[partition] = records.len() as u32;
        dropped
    }

    pub(super) fn clear(&mut self) {
        self.filled.fill(0);
    }
}

/// Puts records into an arena, by the bits of their keys that follow the first `skip`.
pub(super) struct Scatterer<R> {
    arena: Arena<R>,
    stage: Vec<[R; STAGE]>,
    staged: Vec<u8>,
    skip: u32,
    bits: u32,
    duplicates: u64,
    scratch: Scratch<R>,
}

impl<R: Record> Scatterer<R> {
    pub(super) fn new(arena: Arena<R>, skip: u32, bits: u32) -> Self {
        let staged = if arena.filled.len() >= STAGED_FROM { arena.filled.len() } else { 0 };
        Self {
            arena,
            stage: vec![[R::BLANK; STAGE]; staged],
            staged: vec![0; staged],
            skip,
            bits,
            duplicates: 0,
            scratch: Scratch::default(),
        }
    }

    /// Takes the record, or says that its partition is full: then [`Scatterer::replace`] and push again.
    pub(super) fn push(&mut self, record: &R) -> bool {
        let partition = self.partition(record);
        let Some(stage) = self.stage.get_mut(partition) else { return self.store(partition, &[*record]) };
        let staged = usize::from(self.staged[partition]);
        if staged < STAGE {
            stage[staged] = *record;
            self.staged[partition] += 1;
            return true;
        }
        let full = *stage;
        let stored = self.store(partition, &full);
        if stored {
            self.stage[partition][0] = *record;
            self.staged[partition] = 1;
        }
        stored
    }

    /// Takes the record without staging it, or says that its partition is full.
    pub(super) fn store_one(&mut self, record: &R) -> bool {
        self.store(self.partition(record), &[*record])
    }

    fn partition(&self, record: &R) -> usize {
        // At most 12 bits of the 64.
        ((record.high() << self.skip) >> (64 - self.bits)) as usize
    }

    fn store(&mut self, partition: usize, records: &[R]) -> bool {
        if self.arena.push(partition, records) {
            return true;
        }
        // Keys are evenly spread, so a partition overflows far ahead of the others only by repeats.
        let prefix = self.skip + self.bits;
        let dropped = self.arena.shrink(partition, &mut self.scratch, prefix);
        self.duplicates += dropped;
        // Unless it gained a good part of its room it would be back at once.
        dropped * 4 > u64::from(self.arena.room) && self.arena.push(partition, records)
    }

    /// Goes on with another arena and hands over the one before. What is staged stays staged.
    pub(super) fn replace(&mut self, arena: Arena<R>) -> Arena<R> {
        std::mem::replace(&mut self.arena, arena)
    }

    pub(super) fn arena(&mut self) -> &mut Arena<R> {
        &mut self.arena
    }

    /// Empties the stage: what does not fit is handed back.
    pub(super) fn drain(&mut self) -> Vec<R> {
        let mut left = Vec::new();
        for partition in 0..self.stage.len() {
            let staged = usize::from(std::mem::take(&mut self.staged[partition]));
            let records = self.stage[partition];
            if !self.store(partition, &records[..staged]) {
                left.extend_from_slice(&records[..staged]);
            }
        }
        left
    }

    /// Records dropped because they were there already.
    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates
    }
}
