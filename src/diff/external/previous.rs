//! The previous side, read in key order from any place.

use super::DiffOptions;
use super::record::{Pair, Record as _};
use super::rows::Rows;
use super::segments::{KeyRange, Work};
use crate::diff::snapshot::{KeyRecord, Keys, ReadAt, SnapshotReader};
use crate::diff::{Fingerprint, MemberKey};
use crate::error::{Error, ErrorKind, Result};

/// The state of a record that takes a member out of the layers below it.
pub const GONE: u8 = 1;

/// What the destination had.
#[derive(Debug)]
#[non_exhaustive]
pub enum Previous<'a, R> {
    /// Nothing yet.
    Nothing,
    /// Snapshots, the oldest first: what a newer one says of a member hides what an older one says. A record of state
    /// [`GONE`] takes the member out; one of state 0 is a member; others do not occur here.
    Layers(&'a [SnapshotReader<R>]),
    /// Rows parted like the current ones. A member given with several values counts with the smallest fingerprint.
    Rows(&'a Rows),
}

impl<'a, R: ReadAt> Previous<'a, R> {
    /// A cursor that stands before `range`.
    pub(super) fn cursor(&self, range: KeyRange, options: &'a DiffOptions) -> Cursor<'a, R> {
        match self {
            Self::Nothing => Cursor::Nothing,
            Self::Layers(layers) => Cursor::Layers(
                layers
                    .iter()
                    .map(|layer| Layer { keys: layer.scan(range.first..), next: None, begun: false })
                    .collect(),
            ),
            Self::Rows(rows) => {
                Cursor::Rows { rows, work: Box::default(), options, partition: None, sorted: Vec::new(), taken: 0 }
            }
        }
    }
}

/// Walks the previous side in key order.
pub(super) enum Cursor<'a, R> {
    Nothing,
    Layers(Vec<Layer<R>>),
    Rows {
        rows: &'a Rows,
        work: Box<Work<Pair>>,
        options: &'a DiffOptions,
        partition: Option<usize>,
        sorted: Vec<Pair>,
        taken: usize,
    },
}

/// One layer and its next record.
pub(super) struct Layer<R> {
    keys: Keys<R>,
    next: Option<KeyRecord>,
    begun: bool,
}

impl<R: ReadAt> Layer<R> {
    fn head(&mut self) -> Result<Option<&KeyRecord>> {
        if !self.begun {
            self.begun = true;
            self.advance()?;
        }
        Ok(self.next.as_ref())
    }

    fn advance(&mut self) -> Result<()> {
        self.next = self.keys.next().transpose()?;
        Ok(())
    }

    /// Gives the records up to the end of `range`.
    fn take(&mut self, range: KeyRange, mut each: impl FnMut(&KeyRecord)) -> Result<()> {
        while let Some(record) = self.head()?.filter(|record| record.key <= range.last).copied() {
            each(&record);
            self.advance()?;
        }
        Ok(())
    }
}

impl<R: ReadAt> Cursor<'_, R> {
    /// Puts the members of `range` into `out`, in key order. Ranges are asked for in ascending order.
    pub(super) fn take(&mut self, range: KeyRange, out: &mut Vec<Pair>) -> Result<()> {
        out.clear();
        match self {
            Self::Nothing => Ok(()),
            Self::Layers(layers) => take_layers(layers, range, out),
            Self::Rows { rows, work, options, partition, sorted, taken } => {
                let bits = rows.partitions.len().ilog2();
                let wanted = (range.first.as_u128() >> (128 - bits)) as usize;
                if *partition != Some(wanted) {
                    *partition = Some(wanted);
                    sorted.clear();
                    *taken = 0;
                    // Duplicates of the previous side concern nobody any more.
                    rows.partitions.sorted(wanted, options, work, &mut |_, piece| {
                        sorted.extend_from_slice(piece);
                        Ok(())
                    })?;
                    sorted.dedup_by(|next, kept| next.same_key(kept));
                }
                let rest = sorted.get(*taken..).unwrap_or_default();
                let count = rest.partition_point(|pair| pair.key() <= range.last);
                out.extend_from_slice(&rest[..count]);
                *taken += count;
                Ok(())
            }
        }
    }
}

fn take_layers<R: ReadAt>(layers: &mut [Layer<R>], range: KeyRange, out: &mut Vec<Pair>) -> Result<()> {
    let mut odd = None;
    let mut over: Vec<KeyRecord> = Vec::new();
    let mut below: Vec<KeyRecord> = Vec::new();
    let Some((base, newer)) = layers.split_first_mut() else { return Ok(()) };
    for layer in newer {
        // Newer layers are small: a list of what they say, the newest last.
        layer.take(range, |record| below.push(*record))?;
        if over.is_empty() {
            std::mem::swap(&mut over, &mut below);
        } else if !below.is_empty() {
            over.append(&mut below);
            // Stable: of one member the newest stays last.
            over.sort_by_key(|record| record.key);
            over.dedup_by(|newer, kept| {
                let same = newer.key == kept.key;
                if same {
                    *kept = *newer;
                }
                same
            });
        }
    }
    let mut over = over.iter().peekable();
    let mut say = |record: &KeyRecord, out: &mut Vec<Pair>| match record.state {
        0 => out.push(Pair::new(record.key, record.fingerprint)),
        GONE => {}
        state => odd = Some(state),
    };
    base.take(range, |record| {
        while let Some(newer) = over.next_if(|newer| newer.key < record.key) {
            say(newer, out);
        }
        match over.next_if(|newer| newer.key == record.key) {
            Some(newer) => say(newer, out),
            None => say(record, out),
        }
    })?;
    over.for_each(|newer| say(newer, out));
    match odd {
        None => Ok(()),
        Some(state) => Err(Error::new(
            ErrorKind::State,
            format!("expected members of state 0 or {GONE} in a snapshot to compare with, found state {state}"),
        )),
    }
}

/// Hands over the members that `layers` come to, in key order, a part of the keys at a time.
pub(crate) fn for_each_member<R: ReadAt>(
    layers: &[SnapshotReader<R>],
    mut each: impl FnMut(MemberKey, Fingerprint) -> Result<()>,
) -> Result<()> {
    let members = layers.iter().map(|layer| layer.totals().members).sum::<u64>();
    let bits = (members / STEP).max(1).ilog2().min(32);
    let options = DiffOptions::default();
    let mut cursor = Previous::Layers(layers).cursor(KeyRange::of(0, 0), &options);
    let mut pairs = Vec::new();
    for part in 0..1_u64 << bits {
        cursor.take(KeyRange::of(part.checked_shl(64 - bits).unwrap_or(0), bits), &mut pairs)?;
        pairs.iter().try_for_each(|pair| each(pair.key(), pair.fingerprint()))?;
    }
    Ok(())
}

/// About so many members are held while layers are walked.
const STEP: u64 = 1 << 16;
