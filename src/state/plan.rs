//! Plans: the operations of one run as sealed parts, written and read with one part in memory.

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::objects::Created;
use super::seal::damaged;
use super::store::{Store, new_id};
use super::vault::{Vault, plan_prefix};
use crate::error::{Error, ErrorKind, Result};

/// Content of a part, unless one record alone is larger.
const PART: usize = 4 << 20;
/// Longest record in bytes.
const RECORD: usize = 16 << 20;
/// Bytes before the records of a part: first ordinal and count.
const HEAD: usize = 8;

/// A stored plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanInfo {
    /// Names the plan: 16 hex digits.
    pub id: String,
    /// SHA-256 over all records in order, each as its length (4 bytes, little-endian) and its bytes.
    pub digest: [u8; 32],
    /// How many records.
    pub records: u32,
    /// Their bytes in all, without lengths and encryption.
    pub bytes: u64,
}

/// Some records of a plan, in order.
///
/// `Debug` shows the lengths alone: records hold what is sent about a person.
#[derive(Clone)]
#[non_exhaustive]
pub struct PlanPart {
    /// The ordinal of the first record within the plan.
    pub first: u32,
    /// The records, slices of one buffer.
    pub records: Vec<Bytes>,
}

impl std::fmt::Debug for PlanPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanPart").field("first", &self.first).field("records", &self.records.len()).finish()
    }
}

/// The last object of a plan; without it the plan is not complete.
#[derive(Serialize, Deserialize)]
pub(super) struct End {
    pub(super) parts: u32,
    pub(super) records: u32,
    pub(super) bytes: u64,
    pub(super) digest: String,
}

pub(super) fn part_name(plan: &str, part: u32) -> String {
    format!("{}/{part:08}", plan_prefix(plan))
}

pub(super) fn end_name(plan: &str) -> String {
    format!("{}/end", plan_prefix(plan))
}

impl Store {
    /// Stores a plan: records of up to 16 MiB each, opaque here, in the order they come.
    ///
    /// Parts are written as they fill, so that memory stays at one part. The plan is kept as long as a manifest or an
    /// unfolded entry of the journal names it: append [`Entry::Planned`](super::Entry::Planned), or name it in the next
    /// manifest, before it is needed after a restart.
    ///
    /// # Errors
    /// What `records` answers; [`ErrorKind::TooLarge`] for a longer record or more than `u32::MAX` records; otherwise
    /// the store's own failure. What was written by then is swept later.
    pub async fn write_plan<R>(&mut self, records: impl Stream<Item = Result<R>> + Send) -> Result<PlanInfo>
    where
        R: AsRef<[u8]> + Send,
    {
        let id = new_id()?;
        self.inventory.plans.insert(id.clone(), false);
        let mut records = std::pin::pin!(records);
        let mut writer = Writer::new(&self.vault, &id, PART);
        while let Some(record) = records.next().await {
            writer.push(record?.as_ref()).await?;
        }
        let info = writer.finish().await?;
        self.inventory.plans.insert(id, true);
        Ok(info)
    }

    /// Opens a stored plan for reading from its beginning. The reader stands on its own: the store can be written to
    /// meanwhile.
    ///
    /// # Errors
    /// [`ErrorKind::State`] when the plan is missing, incomplete or damaged; [`ErrorKind::Conflict`] when another
    /// holder has swept it. Otherwise the store's own failure.
    pub async fn read_plan(&self, id: &str) -> Result<PlanReader> {
        let name = end_name(id);
        let Some(end) = self.vault.read_json::<End>(&name).await? else {
            return Err(self.vault.missing(&name, self.current.generation).await);
        };
        let mut digest = [0; 32];
        const_hex::decode_to_slice(&end.digest, &mut digest).map_err(|_| damaged(&name, "a digest of another form"))?;
        Ok(PlanReader {
            vault: self.vault.clone(),
            generation: self.current.generation,
            info: PlanInfo { id: id.to_owned(), digest, records: end.records, bytes: end.bytes },
            parts: end.parts,
            read: Tally::default(),
        })
    }
}

/// What has gone by so far.
#[derive(Clone, Default)]
struct Tally {
    parts: u32,
    records: u32,
    bytes: u64,
    hash: Sha256,
}

impl Tally {
    /// Takes `framed` (length and bytes of each) of `count` records in.
    fn add(&mut self, count: u32, framed: &[u8]) {
        self.records = self.records.saturating_add(count);
        self.bytes += (framed.len() as u64).saturating_sub(u64::from(count) * 4);
        self.hash.update(framed);
        self.parts = self.parts.saturating_add(1);
    }
}

pub(super) struct Writer<'a> {
    vault: &'a Vault,
    id: &'a str,
    limit: usize,
    written: Tally,
    count: u32,
    part: Vec<u8>,
}

impl<'a> Writer<'a> {
    /// `limit`: bytes of a part, unless one record alone is larger.
    pub(super) fn new(vault: &'a Vault, id: &'a str, limit: usize) -> Self {
        Self { vault, id, limit, written: Tally::default(), count: 0, part: vec![0; HEAD] }
    }

    pub(super) async fn push(&mut self, record: &[u8]) -> Result<()> {
        let length = u32::try_from(record.len()).ok().filter(|_| record.len() <= RECORD).ok_or_else(|| {
            Error::new(
                ErrorKind::TooLarge,
                format!("expected a record of up to {RECORD} bytes, found {}; send less per member", record.len()),
            )
        })?;
        if self.count > 0 && self.part.len() - HEAD + 4 + record.len() > self.limit {
            self.flush().await?;
        }
        if self.written.records.checked_add(self.count).is_none_or(|records| records == u32::MAX) {
            return Err(Error::new(ErrorKind::TooLarge, "expected up to 4294967295 records in a plan, found more"));
        }
        self.part.extend_from_slice(&length.to_le_bytes());
        self.part.extend_from_slice(record);
        self.count += 1;
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        let (first, number) = (self.written.records, self.written.parts);
        let (head, framed) = self.part.split_at_mut(HEAD);
        let numbers = first.to_le_bytes().into_iter().chain(self.count.to_le_bytes());
        head.iter_mut().zip(numbers).for_each(|(to, from)| *to = from);
        self.written.add(self.count, framed);
        ours(self.vault.create(&part_name(self.id, number), &self.part).await?)?;
        self.count = 0;
        self.part.truncate(HEAD);
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<PlanInfo> {
        if self.count > 0 {
            self.flush().await?;
        }
        let Tally { parts, records, bytes, hash } = self.written;
        let digest: [u8; 32] = hash.finalize().into();
        let end = End { parts, records, bytes, digest: const_hex::encode(digest) };
        ours(self.vault.create_json(&end_name(self.id), &end).await?)?;
        Ok(PlanInfo { id: self.id.to_owned(), digest, records, bytes })
    }
}

fn ours(created: Created) -> Result<()> {
    match created {
        Created::Ours => Ok(()),
        Created::Taken(_) => Err(Error::new(ErrorKind::Bug, "expected a new name for a plan, found it taken")),
    }
}

/// Reads a plan part by part, and verifies it on the way.
pub struct PlanReader {
    vault: Vault,
    generation: u64,
    info: PlanInfo,
    parts: u32,
    read: Tally,
}

impl PlanReader {
    /// What the plan says of itself; [`PlanReader::next_part`] verifies it.
    pub fn info(&self) -> &PlanInfo {
        &self.info
    }

    /// The next part; `None` after the last. The last one is given out only when the whole plan has been found to be
    /// what was written.
    ///
    /// # Errors
    /// [`ErrorKind::State`] when a part is missing or damaged; [`ErrorKind::Conflict`] when another holder has swept
    /// the plan. Otherwise the store's own failure; the call may then be repeated.
    pub async fn next_part(&mut self) -> Result<Option<PlanPart>> {
        if self.read.parts == self.parts {
            return Ok(None);
        }
        let name = part_name(&self.info.id, self.read.parts);
        let Some(plain) = self.vault.read(&name).await? else {
            return Err(self.vault.missing(&name, self.generation).await);
        };
        let plain = Bytes::from(plain);
        let part = parse_part(&plain).ok_or_else(|| damaged(&name, "records of another form"))?;
        let mut read = self.read.clone();
        if part.first != read.records {
            return Err(damaged(&name, &format!("records from {} on where {} comes next", part.first, read.records)));
        }
        let count = u32::try_from(part.records.len()).unwrap_or(u32::MAX);
        read.add(count, plain.get(HEAD..).unwrap_or_default());
        if read.parts == self.parts {
            self.verify(&read)?;
        }
        self.read = read;
        Ok(Some(part))
    }

    fn verify(&self, read: &Tally) -> Result<()> {
        let digest: [u8; 32] = read.hash.clone().finalize().into();
        if (read.records, read.bytes, digest) == (self.info.records, self.info.bytes, self.info.digest) {
            return Ok(());
        }
        Err(damaged(&plan_prefix(&self.info.id), &format!("{} records that do not add up to it", read.records)))
    }
}

impl std::fmt::Debug for PlanReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanReader").field("info", &self.info).field("parts", &self.parts).finish_non_exhaustive()
    }
}

/// `None` when the bytes are not a part.
pub(super) fn parse_part(plain: &Bytes) -> Option<PlanPart> {
    let number = |at: usize| Some(u32::from_le_bytes(plain.get(at..at.checked_add(4)?)?.try_into().ok()?));
    let (first, count) = (number(0)?, usize::try_from(number(4)?).ok()?);
    if count > plain.len() / 4 {
        return None;
    }
    let mut records = Vec::with_capacity(count);
    let mut at = HEAD;
    for _ in 0..count {
        let from = at.checked_add(4)?;
        let to = from.checked_add(usize::try_from(number(at)?).ok()?)?;
        if to > plain.len() {
            return None;
        }
        records.push(plain.slice(from..to));
        at = to;
    }
    (at == plain.len()).then_some(PlanPart { first, records })
}
