//! From source rows to what one destination should hold: keyed, fingerprinted, in key order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::codec::Payload;
use super::wire::{Reader, Writer};
use crate::destination::{Arm, Attributes, Capabilities, ConsentPurpose, HoldoutMode};
use crate::diff::{Entry, FieldValue, Fingerprint, FingerprintHasher, KeyHasher, MemberKey};
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

/// One member, as one destination should hold it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) key: MemberKey,
    pub(crate) fingerprint: Fingerprint,
    /// The end of the membership in milliseconds; `i64::MAX` is never.
    expires: i64,
    pub(crate) class: Class,
    chunk: u32,
    start: u32,
    len: u32,
}

impl Slot {
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        (self.expires != i64::MAX).then(|| Timestamp::from_millis(self.expires))
    }
}

impl Entry for &Slot {
    type Key = MemberKey;
    type Fingerprint = ();

    fn key(&self) -> &MemberKey {
        &self.key
    }

    fn fingerprint(&self) -> &() {
        &()
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
            chunk: 0,
            start: start as u32,
            len: (end - start) as u32,
        });
    }
}

/// What one destination should hold, in key order, one slot a member.
#[derive(Default)]
pub(crate) struct Desired {
    slots: Vec<Slot>,
    chunks: Vec<Vec<u8>>,
    pub(crate) counts: SourceCounts,
    pub(crate) unused: Unused,
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

impl Desired {
    pub(crate) fn absorb(&mut self, prepared: Prepared) {
        let chunk = self.chunks.len() as u32;
        self.counts.rows += prepared.slots.len() as u64 + prepared.elsewhere + prepared.unusable;
        self.counts.elsewhere += prepared.elsewhere;
        self.counts.unusable += prepared.unusable;
        self.slots.extend(prepared.slots.into_iter().map(|slot| Slot { chunk, ..slot }));
        self.chunks.push(prepared.bytes.into_bytes());
        for (why, count) in prepared.unused {
            *self.unused.entry(why).or_default() += count;
        }
    }

    /// Sorts, and makes one slot of several rows of a member: which one wins does not depend on their order.
    pub(crate) fn finish(&mut self) {
        let mut slots = std::mem::take(&mut self.slots);
        slots.sort_unstable_by(|a, b| {
            (a.key, a.class, a.fingerprint, std::cmp::Reverse(a.expires)).cmp(&(
                b.key,
                b.class,
                b.fingerprint,
                std::cmp::Reverse(b.expires),
            ))
        });
        let counts = &mut self.counts;
        slots.dedup_by(|next, kept| {
            let same = next.key == kept.key;
            if same {
                counts.duplicates += 1;
                counts.conflicts += u64::from(next.class == kept.class && next.fingerprint != kept.fingerprint);
                if next.class == kept.class {
                    kept.expires = kept.expires.max(next.expires);
                }
            }
            same
        });
        self.slots = slots;
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The member id and, for a wanted member, what would be sent.
    pub(crate) fn read(&self, slot: &Slot) -> Result<(&str, Payload)> {
        let mut from = self.reader(slot);
        let id = from.text()?;
        let payload = if slot.class == Class::Wanted { Payload::read(&mut from)? } else { Payload::default() };
        Ok((id, payload))
    }

    fn reader(&self, slot: &Slot) -> Reader<'_> {
        let chunk = self.chunks.get(slot.chunk as usize).map(Vec::as_slice).unwrap_or_default();
        let (start, len) = (slot.start as usize, slot.len as usize);
        Reader::new(chunk.get(start..start + len).unwrap_or_default())
    }
}
