//! The counting itself.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hasher as _;

use siphasher::sip::SipHasher24;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::super::canonical::{Canonical, CanonicalMember, Canonicalizer};
use super::super::hashed::Plain;
use super::super::kind::IdentifierKind;
use super::super::member::{Input, Member};
use super::super::profile::{KeyedBy, Profile};
use super::super::region::{Region, RegionHint};
use super::super::reject::{Notes, PhoneReason, Reject};
use super::geography;
use super::rates::{CLASSES, Findable};
use super::repeats::Repeats;
use super::report::{
    Coverage, DestinationCounts, EmailQuality, ExpectedMatches, Geography, HygieneReport, KindCounts, Lever, Mismatch,
    RepeatCounts, TopRepeat,
};
use super::rules::{HygieneRules, is_identifying};
use super::typos::Typos;

/// Phones without a region that are kept to find the region they belong to.
const NO_REGION_SAMPLE: usize = 1_024;
/// Regions that are tried for them.
const CANDIDATES: usize = 5;

/// Counts over the members of a run.
///
/// One pass; parts counted on several threads are put together by [`Self::merge`], in any order. The memory does not
/// depend on the number of members: for each identifying kind (and once for whole rows) at most
/// [`with_exact_values`](HygieneRules::with_exact_values) and 2,048 counters of 16 bytes, 8,192 domains, 1,024 phone
/// numbers that lack a region, and a few hundred counters. Within the budget every number is exact and the same in any
/// order. Beyond it the numbers of repeated values are estimates (the same in any order too), the list of the most
/// repeated is a lower bound, and which domains are looked at as slips depends on the order once there are thousands.
///
/// `Debug` shows no values.
#[derive(Clone, Default)]
pub struct Hygiene {
    rules: HygieneRules,
    members: u64,
    members_usable: u64,
    kinds: BTreeMap<IdentifierKind, KindCounts>,
    coverage: Coverage,
    typos: Typos,
    repeats: BTreeMap<IdentifierKind, Repeats>,
    rows: Option<Repeats>,
    calling_codes: BTreeMap<u16, u64>,
    countries: BTreeMap<(Region, u16), u64>,
    unreadable: u64,
    destinations: Vec<Destination>,
    no_region: BTreeMap<u64, (u64, Plain)>,
}

#[derive(Clone, Default)]
struct Destination {
    members: u64,
    keys: BTreeMap<IdentifierKind, u64>,
    not_sent: BTreeMap<Reject, u64>,
    classes: [u64; CLASSES],
}

impl Hygiene {
    /// Nothing counted yet.
    pub fn new(rules: HygieneRules) -> Self {
        let destinations = vec![Destination::default(); rules.profiles.len()];
        Self { rules, destinations, ..Self::default() }
    }

    /// Counts one member of whom no more is known than the canonical values. [`Self::count_member`] sees more.
    pub fn count(&mut self, member: &CanonicalMember) {
        self.count_with(member, RegionHint::Unset);
    }

    /// Makes a member canonical, counts it, and hands on what became of it.
    ///
    /// Beyond [`Self::count`] this compares the country of the member with those of the phones, and keeps a sample of
    /// the phones that lack a region, in memory alone, to find the region that would make them readable.
    pub fn count_member(&mut self, canonicalizer: &Canonicalizer, member: &Member) -> CanonicalMember {
        let canonical = canonicalizer.canonicalize_member(member);
        self.count_with(&canonical, member.region_hint());
        let lacking = (IdentifierKind::Phone, Reject::Phone(PhoneReason::NoRegion));
        if canonical.rejects().contains(&lacking) && member.region_hint() == RegionHint::Unset {
            for (kind, input) in member.inputs() {
                if let (IdentifierKind::Phone, Input::Plain(plain)) = (kind, input)
                    && canonicalizer.canonicalize(*kind, plain.as_str(), None) == Err(lacking.1)
                {
                    self.sample(xxh3_64_with_seed(plain.as_str().as_bytes(), 0), 1, plain);
                }
            }
        }
        canonical
    }

    /// Keeps the numbers of the lowest hashes: the same ones in any order.
    fn sample(&mut self, hash: u64, times: u64, plain: &Plain) {
        let full = self.no_region.len() >= NO_REGION_SAMPLE;
        if full && self.no_region.last_key_value().is_some_and(|(last, _)| hash > *last) {
            return;
        }
        self.no_region.entry(hash).or_insert_with(|| (0, plain.clone())).0 += times;
        if self.no_region.len() > NO_REGION_SAMPLE {
            self.no_region.pop_last();
        }
    }

    fn count_with(&mut self, member: &CanonicalMember, hint: RegionHint) {
        self.members += 1;
        self.members_usable += u64::from(!member.values().is_empty());
        self.unreadable += u64::from(hint == RegionHint::Unreadable);
        let (mut usable, mut given, mut identifiers, mut row) = (0_u64, 0_u64, 0_usize, 0_u64);
        let mut identifying_kinds = 0_u64;
        for value in member.values() {
            let bit = 1 << (value.kind() as u32);
            usable |= bit;
            if is_identifying(value.kind()) {
                identifiers += 1;
                identifying_kinds |= bit;
            }
            row = row.wrapping_add(self.count_value(value, hint));
        }
        for (kind, reject) in member.rejects() {
            let counts = self.kinds.entry(*kind).or_default();
            counts.present += 1;
            *counts.rejected.entry(reject.code().into()).or_default() += 1;
            given |= u64::from(*reject != Reject::Missing) << (*kind as u32);
        }
        given |= usable;
        for kind in IdentifierKind::ALL {
            let bit = 1_u64 << (*kind as u32);
            if given & bit != 0 {
                let counts = self.kinds.entry(*kind).or_default();
                counts.members_given += 1;
                counts.members += u64::from(usable & bit != 0);
            }
        }
        bump(&mut self.coverage.identifiers, identifiers);
        bump(&mut self.coverage.kinds, identifying_kinds.count_ones() as usize);
        if !member.values().is_empty() {
            self.rows.get_or_insert_with(|| Repeats::new(self.rules.budget)).add(row);
        }
        for (destination, profile) in self.destinations.iter_mut().zip(&self.rules.profiles) {
            destination.count(profile, member);
        }
    }

    /// Counts one value; what comes back is its part in the row.
    fn count_value(&mut self, value: &Canonical, hint: RegionHint) -> u64 {
        let kind = value.kind();
        let counts = self.kinds.entry(kind).or_default();
        counts.present += 1;
        counts.usable += 1;
        for word in value.notes().words() {
            *counts.notes.entry(word.into()).or_default() += 1;
        }
        let text = value.as_str().unwrap_or_default();
        if !is_identifying(kind) {
            return xxh3_64_with_seed(text.as_bytes(), kind as u64);
        }
        let hash = self.hash(value);
        self.repeats.entry(kind).or_insert_with(|| Repeats::new(self.rules.budget)).add(hash);
        if let (IdentifierKind::Email, Some((_, domain))) = (kind, text.rsplit_once('@')) {
            self.typos.count(domain);
        }
        if let (IdentifierKind::Phone, Some(code)) = (kind, geography::calling_code(text)) {
            *self.calling_codes.entry(code).or_default() += 1;
            if let RegionHint::Known(region) = hint {
                *self.countries.entry((region, code)).or_default() += 1;
            }
        }
        xxh3_64_with_seed(&hash.to_be_bytes(), kind as u64)
    }

    /// The head of the value's SHA-256, which is the digest itself where the value came as one; keyed where there is a
    /// key.
    fn hash(&self, value: &Canonical) -> u64 {
        let digest = value.sha256();
        let Some(key) = &self.rules.key else { return head(&digest) };
        let mut hasher = SipHasher24::new_with_key(key);
        hasher.write(&digest);
        hasher.finish()
    }

    /// Adds what another part has counted. Both need the same rules.
    pub fn merge(&mut self, other: &Self) {
        self.members += other.members;
        self.members_usable += other.members_usable;
        self.unreadable += other.unreadable;
        for (kind, more) in &other.kinds {
            let counts = self.kinds.entry(*kind).or_default();
            counts.present += more.present;
            counts.usable += more.usable;
            counts.members += more.members;
            counts.members_given += more.members_given;
            add(&mut counts.rejected, &more.rejected);
            add(&mut counts.notes, &more.notes);
        }
        for index in 0..4 {
            self.coverage.identifiers[index] += other.coverage.identifiers[index];
            self.coverage.kinds[index] += other.coverage.kinds[index];
        }
        self.typos.merge(&other.typos);
        for (kind, more) in &other.repeats {
            self.repeats.entry(*kind).or_insert_with(|| Repeats::new(self.rules.budget)).merge(more);
        }
        if let Some(more) = &other.rows {
            self.rows.get_or_insert_with(|| Repeats::new(self.rules.budget)).merge(more);
        }
        add(&mut self.calling_codes, &other.calling_codes);
        add(&mut self.countries, &other.countries);
        for (own, more) in self.destinations.iter_mut().zip(&other.destinations) {
            own.merge(more);
        }
        for (hash, (times, plain)) in &other.no_region {
            self.sample(*hash, *times, plain);
        }
    }

    /// What was counted.
    pub fn report(&self) -> HygieneReport {
        let repeats = self.repeats.iter().map(|(kind, it)| (*kind, self.repeated(it, self.rules.shared_above(*kind))));
        let destinations = self.destinations.iter().zip(&self.rules.profiles);
        HygieneReport {
            members: self.members,
            members_usable: self.members_usable,
            kinds: self.kinds.clone(),
            coverage: self.coverage,
            email: self.email_quality(),
            typos: self.typos.report(),
            repeats: repeats.collect(),
            repeated_rows: self.rows.as_ref().map(|rows| self.repeated(rows, 1)).unwrap_or_default(),
            geography: self.geography(),
            destinations: destinations.map(|(counts, profile)| counts.report(profile, &self.rules)).collect(),
            levers: self.levers(),
        }
    }

    fn email_quality(&self) -> EmailQuality {
        let notes = self.kinds.get(&IdentifierKind::Email).map(|counts| &counts.notes);
        let of = |word: &str| notes.and_then(|notes| notes.get(word)).copied().unwrap_or_default();
        EmailQuality { role: of("role"), disposable: of("disposable"), relay: of("relay") }
    }

    fn repeated(&self, repeats: &Repeats, shared_above: u64) -> RepeatCounts {
        let (repeated, repeated_members) = repeats.above(1);
        let (shared, shared_members) = repeats.above(shared_above);
        let digest = |hash: u64| match self.rules.key {
            Some(_) => format!("{hash:016x}"),
            None => format!("{:06x}", hash >> 40),
        };
        let top = repeats.top(self.rules.top).into_iter();
        RepeatCounts {
            seen: repeats.seen(),
            distinct: repeats.distinct(),
            repeated,
            repeated_members,
            shared_above,
            shared,
            shared_members,
            error_permille: repeats.error_permille(),
            top: top.map(|(hash, members)| TopRepeat { digest: digest(hash), members }).collect(),
            top_shortfall: repeats.shortfall(),
        }
    }

    fn geography(&self) -> Geography {
        let compared = self.countries.values().sum();
        let foreign = |(country, code): &(Region, u16)| geography::code_of(*country) != Some(*code);
        let mut mismatches: Vec<Mismatch> = self
            .countries
            .iter()
            .filter(|(pair, _)| foreign(pair))
            .map(|((country, calling_code), phones)| Mismatch {
                country: *country,
                calling_code: *calling_code,
                phones: *phones,
            })
            .collect();
        let mismatched = mismatches.iter().map(|it| it.phones).sum();
        mismatches.sort_by_key(|it| (std::cmp::Reverse(it.phones), it.country, it.calling_code));
        mismatches.truncate(10);
        let calling_codes = self.calling_codes.clone();
        Geography { calling_codes, compared, mismatched, unreadable: self.unreadable, mismatches }
    }

    fn levers(&self) -> Vec<Lever> {
        let damaged = Reject::Phone(PhoneReason::SpreadsheetDamage).code();
        let phones = self.kinds.get(&IdentifierKind::Phone);
        let damaged = phones.and_then(|counts| counts.rejected.get(damaged)).copied().unwrap_or_default();
        let typed = self.typos.report().iter().map(|typo| typo.addresses).sum();
        let mut levers = vec![Lever::CorrectTypos { gain: typed }, Lever::ExportAsText { gain: damaged }];
        levers.extend(self.default_region());
        levers.retain(|lever| lever.gain() > 0);
        levers.sort_by_key(|lever| std::cmp::Reverse(lever.gain()));
        levers
    }

    /// The region, of the most frequent ones of the file, under which most of the phones without one are valid.
    fn default_region(&self) -> Option<Lever> {
        let mut weight: BTreeMap<Region, u64> = BTreeMap::new();
        for ((country, _), phones) in &self.countries {
            *weight.entry(*country).or_default() += phones;
        }
        for (code, phones) in &self.calling_codes {
            if let Some(region) = geography::main_region(*code) {
                *weight.entry(region).or_default() += phones;
            }
        }
        let mut candidates: Vec<(u64, Region)> = weight.into_iter().map(|(region, phones)| (phones, region)).collect();
        candidates.sort_by_key(|(phones, region)| (std::cmp::Reverse(*phones), *region));
        let sampled: u64 = self.no_region.values().map(|(times, _)| times).sum();
        let no_region = Reject::Phone(PhoneReason::NoRegion).code();
        let phones = self.kinds.get(&IdentifierKind::Phone)?.rejected.get(no_region).copied()?;
        let valid = |region: Region| -> u64 {
            let canonicalizer = Canonicalizer::new().with_default_region(region).with_require_valid_phone(true);
            let reads = |plain: &Plain| canonicalizer.canonicalize(IdentifierKind::Phone, plain.as_str(), None).is_ok();
            self.no_region.values().filter(|(_, plain)| reads(plain)).map(|(times, _)| times).sum()
        };
        // The first of equals: the most frequent one.
        let tried = candidates.into_iter().take(CANDIDATES).map(|(_, region)| (valid(region), region));
        let (best, region) = tried.rev().max_by_key(|(valid, _)| *valid)?;
        let gain = u128::from(phones) * u128::from(best) / u128::from(sampled.max(1));
        Some(Lever::DefaultRegion { region, phones, gain: u64::try_from(gain).unwrap_or(phones).min(phones) })
    }
}

impl fmt::Debug for Hygiene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hygiene").field("rules", &self.rules).field("members", &self.members).finish_non_exhaustive()
    }
}

impl Destination {
    fn count(&mut self, profile: &Profile, member: &CanonicalMember) {
        let projected = member.project(profile);
        for (_, reject) in projected.rejects.iter().filter(|(_, reject)| *reject != Reject::Missing) {
            *self.not_sent.entry(*reject).or_default() += 1;
        }
        if !projected.matchable {
            return;
        }
        self.members += 1;
        for identifier in &projected.identifiers {
            *self.keys.entry(identifier.kind).or_default() += 1;
        }
        let sent = |kind| projected.identifiers.iter().any(|identifier| identifier.kind == kind);
        let mut findable = Findable::default();
        for rule in profile.rules.iter().filter(|rule| rule.matches_alone && sent(rule.kind)) {
            if rule.kind == IdentifierKind::ExternalId {
                findable.external_id = true;
                continue;
            }
            let mut worth = member.values().iter().filter(|value| value.kind() == rule.kind).map(worth);
            let best = worth.by_ref().max().unwrap_or(Worth::Nothing);
            findable.good += u8::from(best == Worth::Good);
            findable.doubtful |= best == Worth::Doubtful;
        }
        if let Some(class) = self.classes.get_mut(findable.class()) {
            *class += 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.members += other.members;
        add(&mut self.keys, &other.keys);
        add(&mut self.not_sent, &other.not_sent);
        self.classes.iter_mut().zip(&other.classes).for_each(|(own, more)| *own += more);
    }

    fn report(&self, profile: &Profile, rules: &HygieneRules) -> DestinationCounts {
        let rate = rules.rates.of(profile.id).filter(|_| profile.keyed_by == KeyedBy::Identifiers);
        let expected = rate.map(|rate| {
            let (low, high) =
                self.classes.iter().enumerate().fold((0_u128, 0_u128), |(low, high), (class, members)| {
                    let band = Findable::band(class, rate, rules.rates.doubtful);
                    let part = |end: u64| u128::from(*members) * u128::from(end);
                    (low + part(band.0), high + part(band.1))
                });
            let whole = |sum: u128| u64::try_from(sum / 10_000).unwrap_or(u64::MAX);
            ExpectedMatches { low: whole(low), high: whole(high) }
        });
        let mut keys: BTreeMap<IdentifierKind, u64> = profile.rules.iter().map(|rule| (rule.kind, 0)).collect();
        add(&mut keys, &self.keys);
        DestinationCounts {
            profile: profile.id.to_owned(),
            sendable_members: self.members,
            sendable_keys: self.keys.values().sum(),
            keys,
            not_sent: self.not_sent.iter().map(|(reject, count)| (Cow::Borrowed(reject.code()), *count)).collect(),
            expected,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    Nothing,
    Doubtful,
    Good,
}

fn worth(value: &Canonical) -> Worth {
    let notes = value.notes();
    if notes.is_empty() {
        Worth::Good
    } else if notes.contains(Notes::RELAY) {
        Worth::Nothing
    } else if notes.words().any(|word| matches!(word, "role" | "disposable" | "possible_only")) {
        Worth::Doubtful
    } else {
        Worth::Good
    }
}

fn head(digest: &[u8; 32]) -> u64 {
    digest.iter().take(8).fold(0, |head, byte| head << 8 | u64::from(*byte))
}

fn bump(counts: &mut [u64; 4], index: usize) {
    if let Some(count) = counts.get_mut(index.min(3)) {
        *count += 1;
    }
}

fn add<K: Ord + Clone>(counts: &mut BTreeMap<K, u64>, more: &BTreeMap<K, u64>) {
    for (key, count) in more {
        *counts.entry(key.clone()).or_default() += count;
    }
}
