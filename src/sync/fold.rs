//! What outcomes mean: from one operation and what came of its rows to what is known of the member from now on.

use std::collections::BTreeMap;
use std::time::Duration;

use super::codec::{Attempt, Entry, Handle, Local, Op};
use super::previous::Standing;
use crate::destination::Action;
use crate::diff::Fingerprint;
use crate::identity::Identifier;
use crate::state::RowSettled;
use crate::time::Timestamp;

/// How long a rejected row waits for its next try: after the first, second, third rejection, and after any later one.
const BACK_OFF: [Duration; 4] = [
    Duration::from_secs(3_600),
    Duration::from_secs(6 * 3_600),
    Duration::from_secs(24 * 3_600),
    Duration::from_secs(7 * 24 * 3_600),
];

/// What came of one part of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fate {
    /// Never sent, or certainly not applied.
    Untouched = 0,
    /// Sent, and nothing is known.
    InDoubt = 1,
    Accepted = 2,
    Rejected = 3,
    Pending = 4,
    /// A job has ended without it.
    NotApplied = 5,
}

impl Fate {
    pub(crate) fn of(code: u8) -> Option<Self> {
        [Self::Untouched, Self::InDoubt, Self::Accepted, Self::Rejected, Self::Pending, Self::NotApplied]
            .into_iter()
            .find(|fate| *fate as u8 == code)
    }
}

/// What came of all rows of a plan: two bytes an operation, and the few references that platforms gave.
#[derive(Debug, Default)]
pub(crate) struct Fates {
    removals: Vec<Fate>,
    entries: Vec<Fate>,
    vendor_refs: BTreeMap<u32, String>,
}

impl Fates {
    pub(crate) fn new(operations: usize) -> Self {
        let untouched = || vec![Fate::Untouched; operations];
        Self { removals: untouched(), entries: untouched(), vendor_refs: BTreeMap::new() }
    }

    fn parts(&mut self, action: Action) -> &mut Vec<Fate> {
        if action == Action::Remove { &mut self.removals } else { &mut self.entries }
    }

    /// Rows are about to be sent.
    pub(crate) fn intended(&mut self, action: Action, rows: &[(u32, u32)]) {
        for ordinal in ordinals(rows) {
            self.set(action, ordinal, Fate::InDoubt);
        }
    }

    /// A row is settled.
    pub(crate) fn settled(&mut self, action: Action, ordinal: u32, settled: &RowSettled) {
        let fate = match settled {
            RowSettled::Accepted { vendor_ref } => {
                if let Some(vendor_ref) = vendor_ref {
                    self.vendor_refs.insert(ordinal, vendor_ref.clone());
                }
                Fate::Accepted
            }
            // Sent at most once: what may have been applied counts as applied.
            RowSettled::Skipped { .. } => Fate::Accepted,
            RowSettled::Rejected { .. } => Fate::Rejected,
            RowSettled::NotApplied => Fate::NotApplied,
            RowSettled::Pending => Fate::Pending,
            RowSettled::InDoubt | RowSettled::Staged => Fate::InDoubt,
        };
        self.set(action, ordinal, fate);
    }

    fn set(&mut self, action: Action, ordinal: u32, fate: Fate) {
        if let Some(place) = self.parts(action).get_mut(ordinal as usize) {
            *place = fate;
        }
    }

    pub(crate) fn removal(&self, ordinal: u32) -> Fate {
        self.removals.get(ordinal as usize).copied().unwrap_or(Fate::Untouched)
    }

    pub(crate) fn entry(&self, ordinal: u32) -> Fate {
        self.entries.get(ordinal as usize).copied().unwrap_or(Fate::Untouched)
    }

    pub(crate) fn vendor_ref(&self, ordinal: u32) -> Option<&String> {
        self.vendor_refs.get(&ordinal)
    }
}

/// The numbers of a list of runs.
pub(crate) fn ordinals(runs: &[(u32, u32)]) -> impl Iterator<Item = u32> + '_ {
    runs.iter().flat_map(|(start, len)| *start..start.saturating_add(*len))
}

/// Ascending numbers as runs.
pub(crate) fn runs(ordinals: impl IntoIterator<Item = u32>) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for ordinal in ordinals {
        match runs.last_mut() {
            Some((start, len)) if start.checked_add(*len) == Some(ordinal) => *len += 1,
            _ => runs.push((ordinal, 1)),
        }
    }
    runs
}

/// What is known of a member from now on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Known {
    pub(crate) standing: Standing,
    pub(crate) acked: Fingerprint,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) handle: Handle,
}

/// What an operation leaves behind. `None`: nothing was done, what was known stands.
pub(crate) fn fold(op: &Op, ordinal: u32, fates: &Fates, terms: FoldTerms) -> Option<Known> {
    let known = |fate| if fate == Fate::NotApplied { Fate::Untouched } else { fate };
    let (removal, entry) = (known(fates.removal(ordinal)), known(fates.entry(ordinal)));
    Folding { op, vendor_ref: fates.vendor_ref(ordinal), terms, extra: Vec::new() }.fold(removal, entry)
}

/// What an operation leaves behind when a job of its run has ended in a later one. `held` is what was kept of the
/// member meanwhile; where that is of another operation, the job's end tells nothing new.
pub(crate) fn fold_job(mut op: Op, ordinal: u32, fates: &Fates, terms: FoldTerms, held: Handle) -> Option<Known> {
    let (removal, entry) = (fates.removal(ordinal), fates.entry(ordinal));
    if removal == Fate::Untouched && entry == Fate::Untouched {
        return None;
    }
    let attempt = held.attempt.as_ref().filter(|attempt| is_of(attempt, &op))?;
    let part = |now, before| if now == Fate::Untouched { before } else { now };
    let (removal, entry) = (part(removal, attempt.removal), part(entry, attempt.entry));
    let payload = op.entry.as_ref().map(|entry| entry.payload.identifiers.as_slice()).unwrap_or_default();
    let sent = |identifier: &&Identifier| op.before.identifiers.contains(identifier) || payload.contains(identifier);
    let extra = held.identifiers.iter().filter(|held| !sent(held)).cloned().collect();
    op.before = Handle { attempt: op.before.attempt.take(), ..held };
    Folding { op: &op, vendor_ref: fates.vendor_ref(ordinal), terms, extra }.fold(removal, entry)
}

fn is_of(attempt: &Attempt, op: &Op) -> bool {
    match (&op.entry, &op.removal) {
        (Some(entry), _) => {
            (attempt.action, attempt.effective_at, attempt.fingerprint)
                == (entry.action, entry.effective_at, entry.fingerprint)
        }
        (None, Some(removal)) => {
            (attempt.action, attempt.effective_at) == (Action::Remove, removal.effective_at)
                && attempt.fingerprint.is_none()
        }
        (None, None) => false,
    }
}

/// How to fold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoldTerms {
    /// The destination removes by the identifiers that were sent, so they are kept.
    pub(crate) by_identifiers: bool,
    /// Nothing may be sent twice: what may have been applied counts as applied.
    pub(crate) at_most_once: bool,
    pub(crate) now: Timestamp,
}

struct Folding<'a> {
    op: &'a Op,
    vendor_ref: Option<&'a String>,
    terms: FoldTerms,
    /// Identifiers the member has come to hold since the operation was planned.
    extra: Vec<Identifier>,
}

impl Folding<'_> {
    fn fold(&self, removal: Fate, entry: Fate) -> Option<Known> {
        let sure = |fate| if self.terms.at_most_once && fate == Fate::InDoubt { Fate::Accepted } else { fate };
        let removal = if self.nothing_removed() { Fate::Accepted } else { sure(removal) };
        match (&self.op.entry, &self.op.removal) {
            (Some(planned), _) => self.entry(planned, sure(entry), removal),
            (None, Some(planned)) => self.removal(planned.effective_at, removal),
            (None, None) => self.local(),
        }
    }

    fn nothing_removed(&self) -> bool {
        self.op.removal.as_ref().is_none_or(|removal| removal.shared)
    }

    fn entry(&self, planned: &Entry, entry: Fate, removal: Fate) -> Option<Known> {
        let attempt = |rejections| {
            let attempt = self.attempt(planned.action, planned.effective_at, planned.fingerprint, rejections);
            Attempt { removal, entry, ..attempt }
        };
        Some(match (entry, removal) {
            (Fate::Pending, _) | (_, Fate::Pending) => {
                self.unsettled(Standing::InFlight, self.with_both(planned, Some(attempt(0))))
            }
            (Fate::Untouched, removal) if removal == Fate::Untouched || self.nothing_removed() => {
                if !self.op.inherits {
                    return None;
                }
                self.unsettled(Standing::InDoubt, self.handle(Some(attempt(0))))
            }
            (Fate::Accepted, Fate::Accepted) => {
                let mut identifiers = Vec::new();
                if self.terms.by_identifiers {
                    identifiers.clone_from(&planned.payload.identifiers);
                    identifiers.extend(self.extra.iter().cloned());
                }
                self.is_member(Standing::Acked, planned, Handle { identifiers, ..self.handle(None) })
            }
            // What vanished was refused to vanish: it is kept, and tried again.
            (Fate::Accepted, Fate::Rejected) => {
                let before = self
                    .op
                    .before
                    .attempt
                    .as_ref()
                    .filter(|before| before.action == Action::Remove && before.fingerprint == planned.fingerprint);
                let rejections = before.map_or(0, |before| before.rejections).saturating_add(1);
                let attempt = self.attempt(Action::Remove, planned.effective_at, planned.fingerprint, rejections);
                self.is_member(Standing::Rejected, planned, self.with_both(planned, Some(attempt)))
            }
            (Fate::Accepted, _) => {
                self.is_member(Standing::InDoubt, planned, self.with_both(planned, Some(attempt(0))))
            }
            (Fate::Rejected, _) => {
                let rejections =
                    self.op.before.attempt.as_ref().map_or(0, |before| {
                        if before.fingerprint == planned.fingerprint { before.rejections } else { 0 }
                    });
                self.unsettled(Standing::Rejected, self.handle(Some(attempt(rejections.saturating_add(1)))))
            }
            (Fate::InDoubt | Fate::Untouched | Fate::NotApplied, _) => {
                self.unsettled(Standing::InDoubt, self.with_both(planned, Some(attempt(0))))
            }
        })
    }

    fn removal(&self, effective_at: Timestamp, removal: Fate) -> Option<Known> {
        let attempt = |rejections| {
            let attempt = self.attempt(Action::Remove, effective_at, Fingerprint::NONE, rejections);
            Attempt { removal, ..attempt }
        };
        Some(match removal {
            Fate::Untouched => return None,
            Fate::Accepted => self.gone(),
            Fate::InDoubt | Fate::NotApplied => self.unsettled(Standing::InDoubt, self.handle(Some(attempt(0)))),
            Fate::Pending => self.unsettled(Standing::InFlight, self.handle(Some(attempt(0)))),
            Fate::Rejected => {
                let whole = |before: &&Attempt| before.action == Action::Remove && before.fingerprint.is_none();
                let before = self.op.before.attempt.as_ref().filter(whole);
                let rejections = before.map_or(0, |before| before.rejections);
                self.unsettled(Standing::Rejected, self.handle(Some(attempt(rejections.saturating_add(1)))))
            }
        })
    }

    fn local(&self) -> Option<Known> {
        match self.op.local {
            Local::Nothing => None,
            Local::Drop => Some(self.gone()),
            Local::Hold(standing) => Some(self.unsettled(standing, self.op.before.clone())),
            Local::Keep(expires_at) => {
                Some(Known { standing: Standing::Acked, acked: self.op.acked, expires_at, handle: self.handle(None) })
            }
        }
    }

    fn is_member(&self, standing: Standing, planned: &Entry, handle: Handle) -> Known {
        let (acked, expires_at) = (planned.fingerprint, planned.expires_at);
        Known { standing, acked, expires_at, handle }
    }

    fn gone(&self) -> Known {
        Known { standing: Standing::Absent, acked: Fingerprint::NONE, expires_at: None, handle: Handle::default() }
    }

    fn unsettled(&self, standing: Standing, handle: Handle) -> Known {
        Known { standing, acked: self.op.acked, expires_at: None, handle }
    }

    fn attempt(&self, action: Action, effective_at: Timestamp, fingerprint: Fingerprint, rejections: u32) -> Attempt {
        let step = usize::try_from(rejections).unwrap_or(usize::MAX).saturating_sub(1).min(BACK_OFF.len() - 1);
        let wait = BACK_OFF.get(step).copied().unwrap_or_default();
        let not_before = if rejections == 0 { self.terms.now } else { self.terms.now.plus(wait) };
        // Rows that were rejected were answered; all others that left an attempt were not.
        let unsure = self.op.before.attempt.as_ref().is_some_and(|before| before.unsure || before.rejections == 0);
        let (removal, entry) = (Fate::Untouched, Fate::Untouched);
        Attempt { action, effective_at, fingerprint, rejections, not_before, unsure, removal, entry }
    }

    fn handle(&self, attempt: Option<Attempt>) -> Handle {
        let vendor_ref = self.vendor_ref.cloned().or_else(|| self.op.before.vendor_ref.clone());
        Handle { vendor_ref, attempt, ..self.op.before.clone() }
    }

    /// A handle with the identifiers from before and those just sent: the destination may hold any of them.
    fn with_both(&self, planned: &Entry, attempt: Option<Attempt>) -> Handle {
        let mut handle = self.handle(attempt);
        if !self.terms.by_identifiers {
            return handle;
        }
        for identifier in &planned.payload.identifiers {
            if !handle.identifiers.contains(identifier) {
                handle.identifiers.push(identifier.clone());
            }
        }
        handle
    }
}

#[cfg(test)]
mod tests {
    use super::super::codec::{Payload, Removal};
    use super::*;
    use crate::destination::Reason;
    use crate::diff::MemberKey;
    use crate::identity::{IdentifierKind, WireValue};

    const TERMS: FoldTerms =
        FoldTerms { by_identifiers: true, at_most_once: false, now: Timestamp::from_millis(1_000) };

    fn email(value: &str) -> Identifier {
        Identifier::new(IdentifierKind::Email, WireValue::clear(value))
    }

    /// A member that has `old`, and is to have `new`.
    fn change() -> Op {
        let at = Timestamp::from_millis(10);
        Op {
            key: MemberKey::from_bytes([3; 16]),
            reason: Reason::Changed,
            acked: Fingerprint::from_raw(1),
            before: Handle { member_id: "u".into(), identifiers: vec![email("old")], ..Handle::default() },
            inherits: false,
            removal: Some(Removal { effective_at: at, identifiers: vec![email("old")], shared: false }),
            entry: Some(Entry {
                action: Action::Add,
                effective_at: at,
                fingerprint: Fingerprint::from_raw(2),
                expires_at: None,
                payload: Payload { identifiers: vec![email("new")], ..Payload::default() },
            }),
            local: Local::Nothing,
        }
    }

    fn fates(removal: Option<RowSettled>, entry: Option<RowSettled>) -> Fates {
        let mut fates = Fates::new(1);
        for (action, settled) in [(Action::Remove, removal), (Action::Add, entry)] {
            if let Some(settled) = settled {
                fates.settled(action, 0, &settled);
            }
        }
        fates
    }

    const ACCEPTED: Option<RowSettled> = Some(RowSettled::Accepted { vendor_ref: None });

    #[test]
    fn a_part_that_a_job_works_on_keeps_the_member_in_flight_whatever_came_of_the_other() {
        for other in [ACCEPTED, Some(RowSettled::InDoubt), Some(RowSettled::NotApplied), None] {
            for pending_removal in [true, false] {
                let pending = Some(RowSettled::Pending);
                let fates = if pending_removal { fates(pending, other.clone()) } else { fates(other.clone(), pending) };
                let known = fold(&change(), 0, &fates, TERMS).unwrap();
                assert_eq!((known.standing, known.acked), (Standing::InFlight, Fingerprint::from_raw(1)));
                assert_eq!(known.handle.identifiers, [email("old"), email("new")]);
            }
        }
    }

    #[test]
    fn the_end_of_a_job_is_told_with_what_came_of_the_other_part_before() {
        for (before, standing) in [
            (ACCEPTED, Standing::Acked),
            (Some(RowSettled::InDoubt), Standing::InDoubt),
            (Some(RowSettled::NotApplied), Standing::InDoubt),
            (Some(RowSettled::Rejected { code: "bad".into(), field: None }), Standing::Rejected),
        ] {
            let first = fold(&change(), 0, &fates(Some(RowSettled::Pending), before), TERMS).unwrap();
            let end = fold_job(change(), 0, &fates(ACCEPTED, None), TERMS, first.handle).unwrap();
            assert_eq!(end.standing, standing);
        }
    }

    #[test]
    fn a_job_that_did_not_apply_leaves_a_doubt_and_one_of_another_operation_leaves_nothing() {
        let first = fold(&change(), 0, &fates(ACCEPTED, Some(RowSettled::Pending)), TERMS).unwrap();
        let end = fold_job(change(), 0, &fates(None, Some(RowSettled::NotApplied)), TERMS, first.handle.clone());
        assert_eq!(end.unwrap().standing, Standing::InDoubt);
        let mut later = change();
        later.entry.as_mut().unwrap().effective_at = Timestamp::from_millis(11);
        assert_eq!(fold_job(later, 0, &fates(None, ACCEPTED), TERMS, first.handle.clone()), None);
        assert_eq!(fold_job(change(), 0, &fates(None, None), TERMS, first.handle), None);
    }

    #[test]
    fn what_was_inherited_meanwhile_outlives_the_end_of_a_job() {
        let mut held = fold(&change(), 0, &fates(ACCEPTED, Some(RowSettled::Pending)), TERMS).unwrap().handle;
        held.identifiers.push(email("inherited"));
        let end = fold_job(change(), 0, &fates(None, ACCEPTED), TERMS, held).unwrap();
        assert_eq!((end.standing, end.handle.identifiers), (Standing::Acked, vec![email("new"), email("inherited")]));
    }

    #[test]
    fn an_heir_that_was_not_sent_is_remembered() {
        let mut heir = change();
        (heir.acked, heir.removal, heir.inherits) = (Fingerprint::NONE, None, true);
        let known = fold(&heir, 0, &fates(None, None), TERMS).unwrap();
        assert_eq!((known.standing, known.acked.is_none()), (Standing::InDoubt, true));
        assert_eq!(known.handle.identifiers, [email("old")]);
        heir.inherits = false;
        assert_eq!(fold(&heir, 0, &fates(None, None), TERMS), None);
    }

    #[test]
    fn what_may_be_sent_once_counts_as_applied_when_it_was_sent() {
        let mut fates = Fates::new(1);
        fates.intended(Action::Add, &[(0, 1)]);
        fates.intended(Action::Remove, &[(0, 1)]);
        let once = FoldTerms { at_most_once: true, ..TERMS };
        assert_eq!(fold(&change(), 0, &fates, once).unwrap().standing, Standing::Acked);
        assert_eq!(fold(&change(), 0, &fates, TERMS).unwrap().standing, Standing::InDoubt);
    }
}
