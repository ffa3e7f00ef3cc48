//! From what should be and what is known to the operations between.
//!
//! Three passes over both sides in key order: the first counts and gathers the identifiers that are about to vanish, the
//! second finds those that a staying member holds, the third writes the operations. The first and the third make the
//! same decisions.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::codec::{Attempt, Entry, Handle, Local, Op, Removal};
use super::fold::Fate;
use super::plan::PlanCounts;
use super::prepare::{Class, Desired, Slot};
use super::previous::{Handles, Previous, Prior, Standing};
use super::wire::Writer;
use crate::destination::{Action, Capabilities, Reason, RemovalMatch, RemovalNeeds};
use crate::diff::{Change, Fingerprint, SortedDiff};
use crate::error::{Error, ErrorKind, Result};
use crate::identity::Identifier;
use crate::time::Timestamp;

/// What the drafting needs to know of the destination and the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// The binding; it is part of the digest, so that an approval is for one binding alone.
    pub(crate) store_id: [u8; 16],
    pub(crate) as_of: Timestamp,
    /// The wall time: rejected rows wait in it.
    pub(crate) now: Timestamp,
    pub(crate) update: bool,
    pub(crate) remove: bool,
    /// The destination removes by the identifiers that were sent.
    pub(crate) by_identifiers: bool,
    /// A removal may hit whoever shares an identifier.
    pub(crate) guard_shared: bool,
    pub(crate) mapping_changed: bool,
}

impl Terms {
    pub(crate) fn new(
        capabilities: &Capabilities,
        store_id: [u8; 16],
        as_of: Timestamp,
        now: Timestamp,
        mapping_changed: bool,
    ) -> Self {
        let by_identifiers = capabilities.removal == RemovalNeeds::Identifiers;
        Self {
            store_id,
            as_of,
            now,
            update: capabilities.update,
            remove: capabilities.remove,
            by_identifiers,
            guard_shared: by_identifiers && capabilities.removal_match != RemovalMatch::WholeMember,
            mapping_changed,
        }
    }
}

/// A 128-bit hash of an identifier: enough never to take two for one.
type Mark = u128;

fn mark(identifier: &Identifier) -> Mark {
    let mut hash = xxhash_rust::xxh3::Xxh3::with_seed(u64::from(identifier.kind.code()));
    hash.update(identifier.value.as_bytes());
    hash.digest128()
}

/// What is decided for one member, before identifiers are looked at.
struct Decision {
    reason: Reason,
    entry: Option<(Action, Timestamp)>,
    /// Take away the member, or of a member that stays what vanished.
    removal: Option<Timestamp>,
    local: Local,
}

impl Decision {
    fn local(local: Local) -> Self {
        Self { reason: Reason::Changed, entry: None, removal: None, local }
    }
}

/// Makes the drafts of one binding.
pub(crate) struct Drafter<'a> {
    pub(crate) terms: Terms,
    desired: &'a Desired,
    previous: &'a Previous,
    /// Identifiers that a job of the platform may be taking away: who brings one of them waits, because the platform
    /// may take it away after it was brought.
    leaving: HashSet<Mark>,
}

/// The whole of a draft but its operations.
pub(crate) struct Drafted {
    pub(crate) counts: PlanCounts,
    pub(crate) digest: [u8; 32],
}

impl<'a> Drafter<'a> {
    pub(crate) fn new(terms: Terms, desired: &'a Desired, previous: &'a Previous) -> Result<Self> {
        let mut leaving = HashSet::new();
        if terms.guard_shared {
            let mut handles = previous.handles();
            for prior in previous.iter() {
                let prior = prior?;
                if prior.standing == Standing::InFlight {
                    let handle = Handle::read(handles.get(&prior)?)?;
                    if handle.attempt.is_some_and(|attempt| attempt.removal == Fate::Pending) {
                        leaving.extend(handle.identifiers.iter().map(mark));
                    }
                }
            }
        }
        Ok(Self { terms, desired, previous, leaving })
    }

    /// Decides everything, and hands over each operation as bytes, in key order.
    pub(crate) fn draft(&self, mut hand_over: impl FnMut(&[u8]) -> Result<()>) -> Result<Drafted> {
        let shared = self.shared()?;
        let mut counts = self.source_counts();
        let mut digest = Sha256::new();
        digest.update(self.terms.store_id);
        let mut out = Writer::default();
        self.walk(|slot, prior, handles| {
            let decision = self.decide(slot, prior, handles, Some(&mut counts))?;
            let inherited = self.inherited(slot, prior, handles, &shared)?;
            let decision = match (decision, prior) {
                (Some(decision), _) => decision,
                (None, _) if inherited.is_empty() => return Ok(()),
                (None, Some(prior)) => Decision::local(Local::Hold(prior.standing)),
                (None, None) => Decision::local(Local::Hold(Standing::InDoubt)),
            };
            let op = self.operation(slot, prior, handles, &decision, &shared, inherited)?;
            count(&op, &mut counts);
            digest.update(op.key.to_bytes());
            digest.update([
                u8::from(op.removal.is_some()),
                op.entry.as_ref().map_or(0, |entry| 1 + u8::from(entry.action == Action::Update)),
            ]);
            digest.update(op.entry.as_ref().map_or(0, |entry| entry.fingerprint.as_raw()).to_le_bytes());
            out.clear();
            op.write(&mut out);
            hand_over(out.as_bytes())
        })?;
        Ok(Drafted { counts, digest: digest.finalize().into() })
    }

    fn walk(&self, mut each: impl FnMut(Option<&Slot>, Option<&Prior>, &mut Handles) -> Result<()>) -> Result<()> {
        let mut handles = self.previous.handles();
        for change in SortedDiff::new(self.previous.iter(), self.desired.slots()) {
            match change? {
                Change::Added(slot) => each(Some(&slot), None, &mut handles)?,
                Change::Removed(prior) => each(None, Some(&prior), &mut handles)?,
                Change::Changed { old, new } | Change::Unchanged { old, new } => {
                    each(Some(&new), Some(&old), &mut handles)?;
                }
            }
        }
        Ok(())
    }

    /// The identifiers that are about to vanish and that a wanted member holds.
    fn shared(&self) -> Result<HashSet<Mark>> {
        let mut vanishing = HashSet::new();
        if !self.terms.guard_shared {
            return Ok(vanishing);
        }
        self.walk(|slot, prior, handles| {
            let decision = self.decide(slot, prior, handles, None)?;
            if let (Some(prior), Some(Decision { removal: Some(_), entry, .. })) = (prior, decision) {
                let handle = Handle::read(handles.get(prior)?)?;
                let stay = match slot.filter(|_| entry.is_some()) {
                    Some(slot) => self.desired.read(slot)?.1.identifiers,
                    None => Vec::new(),
                };
                vanishing.extend(handle.identifiers.iter().filter(|held| !stay.contains(held)).map(mark));
            }
            Ok(())
        })?;
        let mut shared = HashSet::new();
        if vanishing.is_empty() {
            return Ok(shared);
        }
        for slot in self.desired.slots() {
            let slot = slot?;
            if slot.class != Class::Wanted {
                continue;
            }
            let (_, payload) = self.desired.read(&slot)?;
            shared.extend(payload.identifiers.iter().map(mark).filter(|mark| vanishing.contains(mark)));
        }
        Ok(shared)
    }

    /// The identifiers that a wanted member has yet to bring itself, and that stay at the destination for its sake when
    /// another leaves: from now on they are its own to take away.
    fn inherited(
        &self,
        slot: Option<&Slot>,
        prior: Option<&Prior>,
        handles: &mut Handles,
        shared: &HashSet<Mark>,
    ) -> Result<Vec<Identifier>> {
        let Some(slot) = slot.filter(|slot| slot.class == Class::Wanted && !shared.is_empty()) else {
            return Ok(Vec::new());
        };
        let (_, payload) = self.desired.read(slot)?;
        let mut inherited = payload.identifiers;
        inherited.retain(|identifier| shared.contains(&mark(identifier)));
        if let (Some(prior), false) = (prior, inherited.is_empty()) {
            let held = Handle::read(handles.get(prior)?)?.identifiers;
            inherited.retain(|identifier| !held.contains(identifier));
        }
        Ok(inherited)
    }

    /// The table of `specs`: what is wanted, against what is known.
    fn decide(
        &self,
        slot: Option<&Slot>,
        prior: Option<&Prior>,
        handles: &mut Handles,
        counts: Option<&mut PlanCounts>,
    ) -> Result<Option<Decision>> {
        let mut unused = PlanCounts::default();
        let counts = counts.unwrap_or(&mut unused);
        if let Some(prior) = prior {
            counts.previous += u64::from(!prior.acked.is_none());
        }
        match slot.filter(|slot| slot.class == Class::Wanted) {
            Some(wanted) => {
                counts.desired += 1;
                let before = *counts;
                let decision = self.decide_wanted(wanted, prior, handles, counts)?;
                if decision.as_ref().is_some_and(|decision| decision.entry.is_some()) && self.waits(wanted)? {
                    *counts = before;
                    counts.in_flight += 1;
                    return Ok(None);
                }
                Ok(decision)
            }
            None => {
                match slot.map(|slot| slot.class) {
                    Some(Class::Denied) => counts.no_consent += 1,
                    Some(Class::Unsendable) => counts.unsendable += 1,
                    Some(Class::HeldOut) => counts.held_out += 1,
                    Some(Class::Expired) => counts.expired_rows += 1,
                    Some(Class::Wanted) | None => {}
                }
                let Some(prior) = prior else { return Ok(None) };
                self.decide_unwanted(slot.map(|slot| slot.class), prior, handles, counts)
            }
        }
    }

    fn waits(&self, slot: &Slot) -> Result<bool> {
        if self.leaving.is_empty() {
            return Ok(false);
        }
        let (_, payload) = self.desired.read(slot)?;
        Ok(payload.identifiers.iter().any(|identifier| self.leaving.contains(&mark(identifier))))
    }

    fn decide_wanted(
        &self,
        slot: &Slot,
        prior: Option<&Prior>,
        handles: &mut Handles,
        counts: &mut PlanCounts,
    ) -> Result<Option<Decision>> {
        let as_of = self.terms.as_of;
        let enter = |reason, action, at| {
            Some(Decision { reason, entry: Some((action, at)), removal: Some(at), local: Local::Nothing })
        };
        let Some(prior) = prior else {
            counts.added += 1;
            return Ok(enter(Reason::Entered, Action::Add, as_of));
        };
        let changed = if self.terms.update && !prior.acked.is_none() { Action::Update } else { Action::Add };
        if prior.standing == Standing::Acked {
            return Ok(self.decide_acked(slot, prior, changed, counts));
        }
        if prior.standing == Standing::InFlight {
            counts.in_flight += 1;
            return Ok(None);
        }
        let (attempt, _) = attempt(handles.get(prior)?)?;
        // Where the last thing sent was not an update, the member may not be there to be updated.
        let action = if attempt.action == Action::Update { changed } else { Action::Add };
        let at = if attempt.action == action { attempt.effective_at } else { as_of };
        let refused = attempt.action == Action::Remove;
        if prior.standing == Standing::InDoubt || (refused && attempt.unsure) {
            counts.in_doubt += 1;
            return Ok(enter(Reason::InDoubt, action, at));
        }
        if refused && attempt.is_whole() {
            // The member is still there, as it was.
            return Ok(self.decide_acked(slot, prior, changed, counts));
        }
        if attempt.fingerprint != slot.fingerprint {
            counts.changed += 1;
            let action = if refused { changed } else { action };
            return Ok(enter(Reason::Changed, action, as_of));
        }
        if self.terms.now < attempt.not_before {
            counts.backing_off += 1;
            return Ok(None);
        }
        if refused {
            // The member is there; what it has no more refused to vanish.
            counts.changed += 1;
            return Ok(enter(Reason::Retry, changed, attempt.effective_at));
        }
        counts.added += 1;
        Ok(enter(Reason::Retry, action, at))
    }

    fn decide_acked(&self, slot: &Slot, prior: &Prior, changed: Action, counts: &mut PlanCounts) -> Option<Decision> {
        if prior.acked == slot.fingerprint {
            counts.unchanged += 1;
            let stale = prior.expires_at != slot.expires_at() || prior.standing != Standing::Acked;
            return stale.then(|| Decision::local(Local::Keep(slot.expires_at())));
        }
        counts.changed += 1;
        let reason = if self.terms.mapping_changed { Reason::MappingChanged } else { Reason::Changed };
        let as_of = self.terms.as_of;
        Some(Decision { reason, entry: Some((changed, as_of)), removal: Some(as_of), local: Local::Nothing })
    }

    fn decide_unwanted(
        &self,
        class: Option<Class>,
        prior: &Prior,
        handles: &mut Handles,
        counts: &mut PlanCounts,
    ) -> Result<Option<Decision>> {
        let as_of = self.terms.as_of;
        if !self.terms.remove {
            return Ok(None);
        }
        let mut judged = false;
        let (reason, at) = match prior.standing {
            Standing::Acked => (self.why_gone(class, prior), as_of),
            Standing::InFlight | Standing::Absent => return Ok(None),
            Standing::InDoubt | Standing::Rejected => {
                let (attempt, holds) = attempt(handles.get(prior)?)?;
                let rejected = prior.standing == Standing::Rejected;
                let nothing_there = prior.acked.is_none() && !attempt.unsure && !holds;
                match attempt.action {
                    Action::Remove if attempt.is_whole() => {
                        if rejected && self.terms.now < attempt.not_before {
                            return Ok(None);
                        }
                        judged = true;
                        (if rejected { Reason::Retry } else { Reason::InDoubt }, attempt.effective_at)
                    }
                    _ if rejected && nothing_there => return Ok(Some(Decision::local(Local::Drop))),
                    _ if rejected && !prior.acked.is_none() => (self.why_gone(class, prior), as_of),
                    _ => (Reason::InDoubt, as_of),
                }
            }
        };
        if !prior.acked.is_none() {
            counts.removed += 1;
            // A removal that is sent again has passed the guards before.
            let by_rule = judged || matches!(reason, Reason::Expired | Reason::Consent);
            counts.removed_guarded += u64::from(!by_rule);
            counts.expired += u64::from(reason == Reason::Expired);
        }
        Ok(Some(Decision { reason, entry: None, removal: Some(at), local: Local::Nothing }))
    }

    fn why_gone(&self, class: Option<Class>, prior: &Prior) -> Reason {
        match class {
            Some(Class::Denied) => Reason::Consent,
            Some(Class::HeldOut) => Reason::HeldOut,
            Some(Class::Expired) => Reason::Expired,
            Some(Class::Unsendable | Class::Wanted) => Reason::Left,
            None if prior.expires_at.is_some_and(|at| at <= self.terms.as_of) => Reason::Expired,
            None => Reason::Left,
        }
    }

    fn operation(
        &self,
        slot: Option<&Slot>,
        prior: Option<&Prior>,
        handles: &mut Handles,
        decision: &Decision,
        shared: &HashSet<Mark>,
        inherited: Vec<Identifier>,
    ) -> Result<Op> {
        let mut before = match prior {
            Some(prior) => Handle::read(handles.get(prior)?)?,
            None => Handle::default(),
        };
        let inherits = !inherited.is_empty();
        before.identifiers.extend(inherited);
        let mut entry = None;
        if let (Some(slot), Some((action, effective_at))) = (slot, decision.entry) {
            let (id, payload) = self.desired.read(slot)?;
            before.member_id = id;
            let (fingerprint, expires_at) = (slot.fingerprint, slot.expires_at());
            entry = Some(Entry { action, effective_at, fingerprint, expires_at, payload });
        } else if let (Some(slot), None) = (slot, prior) {
            // Nothing was sent of it, and it has something to take away already.
            before.member_id = self.desired.read(slot)?.0;
            before.attempt = Some(Attempt::new(Action::Add, self.terms.as_of, slot.fingerprint));
        }
        let removal = match (decision.removal, &entry) {
            (Some(at), None) => Some(self.removal(at, &before.identifiers, shared)),
            (Some(at), Some(entry)) => self.vanished(at, &before.identifiers, entry, shared),
            (None, _) => None,
        };
        let key = slot.map(|slot| slot.key).or(prior.map(|prior| prior.key));
        let key = key.ok_or_else(|| Error::new(ErrorKind::Bug, "decided about a member that is on neither side"))?;
        let acked = prior.map_or(Fingerprint::NONE, |prior| prior.acked);
        Ok(Op { key, reason: decision.reason, acked, before, inherits, removal, entry, local: decision.local })
    }

    /// Takes a whole member away.
    fn removal(&self, effective_at: Timestamp, held: &[Identifier], shared: &HashSet<Mark>) -> Removal {
        if !self.terms.by_identifiers {
            return Removal { effective_at, identifiers: Vec::new(), shared: false };
        }
        let identifiers: Vec<_> = held.iter().filter(|held| !shared.contains(&mark(held))).cloned().collect();
        let shared = identifiers.is_empty();
        Removal { effective_at, identifiers, shared }
    }

    /// Takes away what a staying member has no more; nothing when nothing vanished, or an update says it all.
    fn vanished(
        &self,
        effective_at: Timestamp,
        held: &[Identifier],
        entry: &Entry,
        shared: &HashSet<Mark>,
    ) -> Option<Removal> {
        if !self.terms.by_identifiers || !self.terms.remove || entry.action == Action::Update {
            return None;
        }
        let stays = |held: &&Identifier| entry.payload.identifiers.contains(held);
        let gone: Vec<_> = held.iter().filter(|held| !stays(held)).cloned().collect();
        (!gone.is_empty()).then(|| self.removal(effective_at, &gone, shared))
    }

    fn source_counts(&self) -> PlanCounts {
        let source = self.desired.counts;
        PlanCounts {
            source_rows: source.rows,
            elsewhere: source.elsewhere,
            duplicates: source.duplicates,
            conflicts: source.conflicts,
            unusable: source.unusable,
            ..PlanCounts::default()
        }
    }
}

/// What was attempted, and whether the destination may hold identifiers of the member.
fn attempt(handle: &[u8]) -> Result<(Attempt, bool)> {
    let handle = Handle::read(handle)?;
    let holds = !handle.identifiers.is_empty();
    let attempt = handle.attempt.ok_or_else(|| {
        Error::new(ErrorKind::State, "expected what was attempted with an unsettled member, found nothing")
    })?;
    Ok((attempt, holds))
}

fn count(op: &Op, counts: &mut PlanCounts) {
    counts.local += u64::from(op.local != Local::Nothing);
    if let Some(removal) = &op.removal {
        counts.remove_rows += 1;
        counts.shared_rows += u64::from(removal.shared);
    }
    match &op.entry {
        Some(Entry { action: Action::Update, .. }) => counts.update_rows += 1,
        Some(_) => counts.add_rows += 1,
        None => {}
    }
}
