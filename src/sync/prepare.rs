//! From source rows to what one destination should hold: keyed, fingerprinted, in key order.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::codec::Payload;
use super::wire::{Reader, Writer};
use crate::destination::{Arm, Attributes, Capabilities, ConsentPurpose, HoldoutMode};
use crate::diff::external::{InOrder, Payloads, Place, Record, Sorted, Sorter, put, take};
use crate::diff::{DiffOptions, Entry, FieldValue, Fingerprint, FingerprintHasher, KeyHasher, MemberKey};
use crate::error::Result;
use crate::identity::{CanonicalMember, Canonicalizer, Consent, ConsentState, Member, Profile};
use crate::measure::Holdout;
use crate::secret::HostKey;
use crate::time::Timestamp;

/// The longest member id, in bytes.
const MAX_ID: usize = 65_535;

/// How one binding looks at members.
pub(crate) struct Lens {
    pub(crate) audience: String,
    pub(crate) profile: &'static Profile,
    pub(crate) holdout: Option<Holdout>,
    pub(crate) holdout_mode: HoldoutMode,
    pub(crate) consent: Vec<ConsentPurpose>,
    pub(crate) as_of: Timestamp,
    keys: KeyHasher,
    fingerprints: FingerprintHasher,
}

impl Lens {
    pub(crate) fn new(
        audience: &str,
        capabilities: &Capabilities,
        holdout: Option<Holdout>,
        as_of: Timestamp,
        key: &HostKey,
    ) -> Self {
        Self {
            audience: audience.to_owned(),
            profile: capabilities.profile,
            holdout,
            holdout_mode: capabilities.holdout,
            consent: capabilities.consent.clone(),
            as_of,
            keys: KeyHasher::new(key.member_secret().expose(), ""),
            fingerprints: FingerprintHasher::new(key.fingerprint_secret().expose()),
        }
    }

    /// Why the member is not to be at the destination, or in which arm it is.
    fn look(&self, member: &Member, expires_at: Option<Timestamp>) -> Result<Option<Arm>, Class> {
        let consent = member.consent_given();
        if self.consent.iter().any(|purpose| denied(consent, *purpose)) {
            return Err(Class::Denied);
        }
        if expires_at.is_some_and(|at| at <= self.as_of) {
            return Err(Class::Expired);
        }
        let Some(holdout) = &self.holdout else { return Ok(None) };
        match (holdout.holds_out(member.id()), self.holdout_mode) {
            (true, HoldoutMode::Withhold) => Err(Class::HeldOut),
            (true, HoldoutMode::Label) => Ok(Some(Arm::Holdout)),
            (false, _) => Ok(Some(Arm::Treatment)),
        }
    }
}

fn denied(consent: Consent, purpose: ConsentPurpose) -> bool {
    let state = match purpose {
        ConsentPurpose::AdUserData => consent.ad_user_data,
        ConsentPurpose::AdPersonalization => consent.ad_personalization,
    };
    state == ConsentState::Denied
}

/// What a member of the source means for one destination. In this order one of several rows of a member wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Class {
    /// It does not consent.
    Denied,
    /// It should be there.
    Wanted,
    /// Nothing the destination takes can be sent of it.
    Unsendable,
    /// It is held out.
    HeldOut,
    /// Its time is over.
    Expired,
}

impl Class {
    /// The class of a number that was one.
    fn of(number: u8) -> Self {
        [Self::Denied, Self::Wanted, Self::Unsendable, Self::HeldOut]
            .into_iter()
            .find(|class| *class as u8 == number)
            .unwrap_or(Self::Expired)
    }
}

/// One member, as one destination should hold it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) key: MemberKey,
    pub(crate) fingerprint: Fingerprint,
    /// The end of the membership in milliseconds; `i64::MAX` is never.
    expires: i64,
    pub(crate) class: Class,
    place: Place,
}

impl Slot {
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        (self.expires != i64::MAX).then(|| Timestamp::from_millis(self.expires))
    }
}

impl Entry for Slot {
    type Key = MemberKey;
    type Fingerprint = ();

    fn key(&self) -> &MemberKey {
        &self.key
    }

    fn fingerprint(&self) -> &() {
        &()
    }
}

impl Record for Slot {
    const BYTES: usize = 48;
    const BLANK: Self = Self {
        key: MemberKey::MIN,
        fingerprint: Fingerprint::NONE,
        expires: 0,
        class: Class::Denied,
        place: Place { at: 0, len: 0 },
    };

    fn high(&self) -> u64 {
        (self.key.as_u128() >> 64) as u64
    }

    fn low(&self) -> u64 {
        self.key.as_u128() as u64
    }

    /// The row that counts goes first; of rows alike but for their end, the one that lasts.
    fn among(&self, other: &Self) -> Ordering {
        (self.class, self.fingerprint, other.expires).cmp(&(other.class, other.fingerprint, self.expires))
    }

    fn encode(&self, out: &mut [u8]) {
        let length = u64::from(self.place.len) << 8 | self.class as u64;
        put(out, [self.high(), self.low(), self.fingerprint.as_raw(), self.expires as u64, self.place.at, length]);
    }

    fn decode(bytes: &[u8]) -> Self {
        let [high, low, fingerprint, expires, at, length] = take(bytes);
        Self {
            key: MemberKey::from_u128(u128::from(high) << 64 | u128::from(low)),
            fingerprint: Fingerprint::from_raw(fingerprint),
            expires: expires as i64,
            class: Class::of(length as u8),
            place: Place { at, len: (length >> 8) as u32 },
        }
    }
}

/// Why values of the source could not be used, by kind of identifier and reason.
pub(crate) type Unused = BTreeMap<(&'static str, &'static str), u64>;

/// Rows of one chunk, as one binding looks at them.
#[derive(Default)]
pub(crate) struct Prepared {
    slots: Vec<Slot>,
    bytes: Writer,
    elsewhere: u64,
    unusable: u64,
    unused: Unused,
}

/// Makes members canonical once, and looks at them through every lens.
pub(crate) fn prepare(canonicalizer: &Canonicalizer, lenses: &[Lens], members: &[Member]) -> Vec<Prepared> {
    let mut out: Vec<Prepared> = lenses.iter().map(|_| Prepared::default()).collect();
    for member in members {
        if member.id().trim().is_empty() || member.id().len() > MAX_ID {
            out.iter_mut().for_each(|prepared| prepared.unusable += 1);
            continue;
        }
        let canonical = canonicalizer.canonicalize_member(member);
        for (lens, prepared) in lenses.iter().zip(&mut out) {
            match member.membership_of(&lens.audience) {
                Some(own) => prepared.add(lens, member, &canonical, own),
                None => prepared.elsewhere += 1,
            }
        }
    }
    out
}

impl Prepared {
    fn add(&mut self, lens: &Lens, member: &Member, canonical: &CanonicalMember, expires_at: Option<Timestamp>) {
        let projected = canonical.project(lens.profile);
        for (kind, reject) in &projected.rejects {
            *self.unused.entry((kind.as_str(), reject.code())).or_default() += 1;
        }
        let (class, arm) = match lens.look(member, expires_at) {
            Ok(_) if !projected.matchable => (Class::Unsendable, None),
            Ok(arm) => (Class::Wanted, arm),
            Err(class) => (class, None),
        };
        let start = self.bytes.len();
        self.bytes.text(member.id());
        let fields = self.bytes.len();
        if class == Class::Wanted {
            let attributes = member.attributes().iter().map(|(name, value)| (Box::from(name.as_str()), value.clone()));
            let attributes = Attributes::new(attributes);
            let payload =
                Payload { identifiers: projected.identifiers, attributes, consent: member.consent_given(), arm };
            payload.write(&mut self.bytes);
        }
        let end = self.bytes.len();
        let payload = self.bytes.as_bytes().get(fields..end).unwrap_or_default();
        self.slots.push(Slot {
            key: lens.keys.key(member.id()),
            fingerprint: lens.fingerprints.fingerprint([("payload", FieldValue::Bytes(payload))]),
            expires: expires_at.map_or(i64::MAX, Timestamp::as_millis),
            class,
            place: Place { at: start as u64, len: (end - start) as u32 },
        });
    }
}

/// What became of the rows of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceCounts {
    pub(crate) rows: u64,
    pub(crate) elsewhere: u64,
    pub(crate) unusable: u64,
    pub(crate) duplicates: u64,
    pub(crate) conflicts: u64,
}

/// What one destination should hold, while the source is read.
pub(crate) struct Gathering {
    slots: Sorter<Slot>,
    payloads: Payloads,
    counts: SourceCounts,
    unused: Unused,
}

impl Gathering {
    /// Within the options' memory, of which each of `bindings` bindings has its share.
    pub(crate) fn new(options: &DiffOptions, bindings: usize) -> Self {
        let share = options.memory_budget / bindings.max(1) as u64;
        // A slot is 48 bytes, what is sent of a member about three times as many.
        Self {
            slots: Sorter::new(options, share / 4),
            payloads: Payloads::new(options, share / 4 * 3),
            counts: SourceCounts::default(),
            unused: Unused::new(),
        }
    }

    pub(crate) fn absorb(&mut self, prepared: Prepared) -> Result<()> {
        let Prepared { slots, bytes, elsewhere, unusable, unused } = prepared;
        self.counts.rows += slots.len() as u64 + elsewhere + unusable;
        self.counts.elsewhere += elsewhere;
        self.counts.unusable += unusable;
        let places = slots.iter().map(|slot| (slot.place.at as u32, slot.place.len));
        let places = self.payloads.take(bytes.into_bytes(), places)?;
        for (slot, place) in slots.into_iter().zip(places) {
            self.slots.push(&Slot { place, ..slot })?;
        }
        for (why, count) in unused {
            *self.unused.entry(why).or_default() += count;
        }
        Ok(())
    }

    /// Sorts, and counts what a walk will make one slot of.
    pub(crate) fn finish(self) -> Result<Desired> {
        let Self { slots, payloads, mut counts, unused } = self;
        let (slots, dropped) = slots.finish()?;
        let mut walk = Slots::over(&slots);
        walk.by_ref().try_for_each(|slot| slot.map(drop))?;
        counts.duplicates = dropped + walk.duplicates + walk.rows.dropped();
        counts.conflicts = walk.conflicts;
        Ok(Desired { slots, payloads, counts, unused })
    }
}

/// What one destination should hold: one slot a member, in key order.
pub(crate) struct Desired {
    slots: Sorted<Slot>,
    payloads: Payloads,
    pub(crate) counts: SourceCounts,
    pub(crate) unused: Unused,
}

impl Desired {
    pub(crate) fn slots(&self) -> Slots<'_> {
        Slots::over(&self.slots)
    }

    /// The member id and, for a wanted member, what would be sent.
    pub(crate) fn read(&self, slot: &Slot) -> Result<(String, Payload)> {
        self.payloads.read(slot.place, |bytes| {
            let mut from = Reader::new(bytes);
            let id = from.text()?.to_owned();
            let payload = if slot.class == Class::Wanted { Payload::read(&mut from)? } else { Payload::default() };
            Ok((id, payload))
        })
    }
}

impl<'a> Slots<'a> {
    fn over(slots: &'a Sorted<Slot>) -> Self {
        Self { rows: slots.iter(), next: None, begun: false, duplicates: 0, conflicts: 0 }
    }
}

/// One slot a member: which of several rows wins does not depend on their order.
pub(crate) struct Slots<'a> {
    rows: InOrder<'a, Slot>,
    next: Option<Slot>,
    begun: bool,
    duplicates: u64,
    conflicts: u64,
}

impl Slots<'_> {
    fn step(&mut self) -> Result<Option<Slot>> {
        if !self.begun {
            self.begun = true;
            self.next = self.rows.next().transpose()?;
        }
        let Some(mut kept) = self.next.take() else { return Ok(None) };
        while let Some(next) = self.rows.next().transpose()? {
            if next.key != kept.key {
                self.next = Some(next);
                break;
            }
            self.duplicates += 1;
            if next.class == kept.class {
                self.conflicts += u64::from(next.fingerprint != kept.fingerprint);
                kept.expires = kept.expires.max(next.expires);
            }
        }
        Ok(Some(kept))
    }
}

impl Iterator for Slots<'_> {
    type Item = Result<Slot>;

    fn next(&mut self) -> Option<Result<Slot>> {
        self.step().transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use super::*;

    const CLASSES: [Class; 5] = [Class::Denied, Class::Wanted, Class::Unsendable, Class::HeldOut, Class::Expired];

    /// Member, class, fingerprint and end.
    type Row = (u64, Class, u64, i64);
    /// What the rows of a member are told apart by, in the order in which they count.
    type Version = (Class, u64, Reverse<i64>);

    /// Rows of 1,000 members, most of them several times, in chunks of 100.
    fn chunks() -> Vec<(Prepared, Vec<Row>)> {
        let row = |n: u64| {
            let class = CLASSES[(n / 1_000 * 7 % 11 % 5) as usize];
            (n * 37 % 1_000, class, n % 3, if n.is_multiple_of(5) { i64::MAX } else { (n % 4) as i64 })
        };
        let chunk = |number: u64| {
            let rows: Vec<_> = (number * 100..number * 100 + 100).map(row).collect();
            let mut prepared = Prepared::default();
            for (member, class, fingerprint, expires) in &rows {
                let start = prepared.bytes.len();
                prepared.bytes.text(&format!("m{member}"));
                if *class == Class::Wanted {
                    Payload::default().write(&mut prepared.bytes);
                }
                prepared.slots.push(Slot {
                    key: key(*member),
                    fingerprint: Fingerprint::from_raw(*fingerprint),
                    expires: *expires,
                    class: *class,
                    place: Place { at: start as u64, len: (prepared.bytes.len() - start) as u32 },
                });
            }
            (prepared, rows)
        };
        (0..40).map(chunk).collect()
    }

    fn key(member: u64) -> MemberKey {
        KeyHasher::new(&[1; 16], "").key(member.to_le_bytes())
    }

    #[test]
    fn the_row_that_counts_is_the_same_in_memory_and_spilled() {
        let mut members: BTreeMap<MemberKey, (u64, Vec<Version>)> = BTreeMap::new();
        for (member, class, fingerprint, expires) in chunks().into_iter().flat_map(|(_, rows)| rows) {
            members.entry(key(member)).or_insert((member, Vec::new())).1.push((class, fingerprint, Reverse(expires)));
        }
        let mut expected = Vec::new();
        let (mut duplicates, mut conflicts) = (0, 0);
        for (key, (member, rows)) in &members {
            let (class, fingerprint, _) = rows.iter().min().copied().unwrap();
            let alike = rows.iter().filter(|row| row.0 == class);
            let expires = alike.clone().map(|row| row.2.0).max().unwrap();
            duplicates += rows.len() as u64 - 1;
            // Rows told apart by fingerprint or end; those wholly alike are one.
            let distinct: std::collections::BTreeSet<_> = alike.collect();
            conflicts += distinct.iter().filter(|row| row.1 != fingerprint).count() as u64;
            expected.push((*key, class, fingerprint, expires, format!("m{member}")));
        }
        for budget in [0, 100 << 10, 1 << 30] {
            let options = DiffOptions { memory_budget: budget, ..DiffOptions::default() };
            let mut gathering = Gathering::new(&options, 1);
            chunks().into_iter().for_each(|(prepared, _)| gathering.absorb(prepared).unwrap());
            let desired = gathering.finish().unwrap();
            for _ in 0..2 {
                let found = desired.slots().map(|slot| {
                    let slot = slot.unwrap();
                    let id = desired.read(&slot).unwrap().0;
                    (slot.key, slot.class, slot.fingerprint.as_raw(), slot.expires, id)
                });
                assert_eq!(found.collect::<Vec<_>>(), expected, "{budget}");
            }
            let SourceCounts { rows, duplicates: twice, conflicts: odd, .. } = desired.counts;
            assert_eq!((rows, twice, odd), (4_000, duplicates, conflicts), "{budget}");
        }
    }
}
