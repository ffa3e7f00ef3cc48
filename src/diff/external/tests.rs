//! Properties against a model in memory.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::diff::snapshot::{SnapshotHeader, SnapshotReader, SnapshotRecord, SnapshotWriter};
use crate::diff::{Fingerprint, MemberKey, SetSum};
use crate::error::Result;
use crate::secret::Keyring;
use crate::time::Timestamp;

type Member = (u128, u64);
type Memory = Previous<'static, Vec<u8>>;

/// Less than the public minimum, so that little data spills.
fn options(threads: usize, budget: u64) -> DiffOptions {
    DiffOptions { threads, memory_budget: budget, ..DiffOptions::default() }
}

fn parting(threads: usize, budget: u64, expected: Option<u64>) -> Partitioning {
    let mut parting = Partitioning::new(options(threads, 1 << 24), expected).unwrap();
    parting.set_budget(budget);
    parting
}

fn collect(parting: &Partitioning, rows: &[Member], sides: usize) -> Rows {
    let mut writers = parting.writers(sides);
    let count = writers.len();
    for (index, (key, fingerprint)) in rows.iter().enumerate() {
        writers[index % count].push(MemberKey::from_u128(*key), Fingerprint::from_raw(*fingerprint)).unwrap();
    }
    writers.iter_mut().for_each(|writer| writer.end(SourceEnd::default()).unwrap());
    parting.collect(writers).unwrap()
}

fn run<R: crate::diff::snapshot::ReadAt + Send + Sync>(
    parting: &Partitioning,
    previous: Previous<'_, R>,
    current: &Rows,
) -> Result<(Vec<Operation>, DiffSummary)> {
    let mut operations = Vec::new();
    let summary = PartitionedDiff::new(parting, previous, current).run(|some| {
        operations.extend_from_slice(some);
        Ok(())
    })?;
    Ok((operations, summary))
}

/// The smallest fingerprint of each key, how many rows repeat one, and how many of those say something new.
fn model(rows: &[Member]) -> (BTreeMap<u128, u64>, u64, u64) {
    let distinct: BTreeSet<Member> = rows.iter().copied().collect();
    let mut members = BTreeMap::new();
    for (key, fingerprint) in distinct.iter().rev() {
        members.insert(*key, *fingerprint);
    }
    let (all, kinds) = (rows.len() as u64, members.len() as u64);
    let conflicts = distinct.len() as u64 - kinds;
    (members, all - kinds, conflicts)
}

fn sum(members: &BTreeMap<u128, u64>) -> SetSum {
    members.iter().map(|(key, fp)| (MemberKey::from_u128(*key), Fingerprint::from_raw(*fp))).collect()
}

fn expected(previous: &BTreeMap<u128, u64>, current: &BTreeMap<u128, u64>) -> Vec<Operation> {
    let keys: BTreeSet<_> = previous.keys().chain(current.keys()).collect();
    let raw = |fp: &u64| Fingerprint::from_raw(*fp);
    keys.into_iter()
        .filter_map(|number| {
            let key = MemberKey::from_u128(*number);
            match (previous.get(number), current.get(number)) {
                (None, Some(new)) => Some(Operation::Add { key, new: raw(new) }),
                (Some(old), None) => Some(Operation::Remove { key, old: raw(old) }),
                (Some(old), Some(new)) if old != new => Some(Operation::Change { key, old: raw(old), new: raw(new) }),
                _ => None,
            }
        })
        .collect()
}

fn check(found: &(Vec<Operation>, DiffSummary), previous: &BTreeMap<u128, u64>, rows: &[Member]) {
    let (current, duplicates, conflicts) = model(rows);
    let (operations, summary) = found;
    assert_eq!(operations, &expected(previous, &current));
    assert_eq!(summary.rows.rows, rows.len() as u64);
    assert_eq!((summary.rows.duplicate_rows, summary.rows.conflicting_duplicates), (duplicates, conflicts));
    assert_eq!(summary.counts.desired(), current.len() as u64);
    assert_eq!(summary.counts.previous(), previous.len() as u64);
    assert_eq!((summary.previous, summary.desired), (sum(previous), sum(&current)));
}

/// A number that looks like a keyed hash.
fn key(n: u64) -> u128 {
    xxhash_rust::xxh3::xxh3_128(&n.to_le_bytes())
}

fn keyring() -> Keyring {
    Keyring::from_bytes([1; 32])
}

fn snapshot(members: impl IntoIterator<Item = (u128, u64, u8)>) -> SnapshotReader<Vec<u8>> {
    let header = SnapshotHeader::new([3; 16], 1, Timestamp::from_millis(0)).with_block_members(100);
    let mut writer = SnapshotWriter::new(Vec::new(), header, keyring().current()).unwrap();
    for (key, fp, state) in members {
        let record = SnapshotRecord::new(MemberKey::from_u128(key), Fingerprint::from_raw(fp)).with_state(state);
        writer.push(&record).unwrap();
    }
    SnapshotReader::open(writer.finish().unwrap().0, &keyring(), [3; 16]).unwrap()
}

#[test]
fn threads_budgets_and_expectations_change_nothing() {
    // 60,000 rows of 40,000 members: every third is there twice, every sixth with another value.
    let current: Vec<Member> = (0..60_000).map(|n| (key(n % 40_000), u64::from(n % 6 == 0))).collect();
    let before: Vec<Member> = (20_000..50_000).map(|n| (key(n), 0)).collect();
    let previous = model(&before).0;
    for threads in [1, 2, 3, 8] {
        for budget in [64 << 10, 1 << 20, 1 << 24] {
            for expected in [None, Some(0), Some(60_000), Some(10_000_000)] {
                let parting = parting(threads, budget, expected);
                let (was, is) = (collect(&parting, &before, 2), collect(&parting, &current, 2));
                check(&run(&parting, Previous::<Vec<u8>>::Rows(&was), &is).unwrap(), &previous, &current);
            }
        }
    }
}

#[test]
fn one_member_repeated_stays_small() {
    let parting = parting(2, 64 << 10, Some(300_000));
    let rows: Vec<Member> = (0..300_000).map(|n| (if n % 3 == 0 { key(n) } else { key(1) }, 5)).collect();
    let current = collect(&parting, &rows, 1);
    check(&run(&parting, Memory::Nothing, &current).unwrap(), &BTreeMap::new(), &rows);
}

#[test]
fn a_partition_that_is_too_large_is_parted_once_more() {
    // All keys share their first 13 bits, as if the number expected had been wrong by thousands.
    let narrow = |n: u64| key(n) >> 13 | 5 << 115;
    let rows: Vec<Member> = (0..500_000).map(|n| (narrow(n % 450_000), n % 2)).collect();
    let parting = parting(2, 1 << 20, Some(1000));
    let current = collect(&parting, &rows, 1);
    let layer =
        snapshot((0..1000).map(|n| (narrow(n), 0)).collect::<BTreeMap<_, _>>().into_iter().map(|(k, f)| (k, f, 0)));
    let previous = (0..1000).map(|n| (narrow(n), 0)).collect();
    check(&run(&parting, Previous::Layers(&[layer]), &current).unwrap(), &previous, &rows);
}

#[test]
fn ever_new_versions_of_one_member_are_an_error() {
    let parting = parting(1, 1 << 20, None);
    let rows: Vec<Member> = (0..400_000).map(|n| (key(1), n)).collect();
    let error = run(&parting, Memory::Nothing, &collect(&parting, &rows, 1)).unwrap_err();
    assert_eq!(error.code(), Some("too_many_versions"));
}

#[test]
fn newer_layers_hide_older_ones() {
    let base: BTreeMap<u128, u64> = (0..5000).map(|n| (key(n), 1)).collect();
    let mut truth = base.clone();
    let mut one = BTreeMap::new();
    let mut two = BTreeMap::new();
    for n in 0..5200 {
        match n % 50 {
            0 => drop(one.insert(key(n), (2, 0))),
            1 => drop(one.insert(key(n), (0, GONE))),
            2 => drop((one.insert(key(n), (0, GONE)), two.insert(key(n), (3, 0)))),
            3 => drop((one.insert(key(n), (4, 0)), two.insert(key(n), (0, GONE)))),
            _ => {}
        }
    }
    for (key, (fp, state)) in one.iter().chain(&two) {
        if *state == GONE {
            truth.remove(key)
        } else {
            truth.insert(*key, *fp)
        };
    }
    let layer = |of: BTreeMap<u128, (u64, u8)>| snapshot(of.into_iter().map(|(key, (fp, state))| (key, fp, state)));
    let layers = [snapshot(base.into_iter().map(|(key, fp)| (key, fp, 0))), layer(one), layer(two)];
    let rows: Vec<Member> = (0..60_000).map(|n| (key(n), 1)).collect();
    for threads in [1, 3] {
        let parting = parting(threads, 1 << 24, Some(60_000));
        check(&run(&parting, Previous::Layers(&layers), &collect(&parting, &rows, 1)).unwrap(), &truth, &rows);
    }
}

#[test]
fn a_source_must_end_and_count_right() {
    let parting = parting(2, 1 << 24, None);
    let writers = parting.writers(1);
    assert_eq!(parting.collect(writers).unwrap_err().code(), Some("source_incomplete"));
    let mut writers = parting.writers(1);
    writers[0].push(MemberKey::MIN, Fingerprint::NONE).unwrap();
    let error = writers[0].end(SourceEnd { rows: Some(2) }).unwrap_err();
    assert_eq!(error.code(), Some("source_incomplete"));
    assert!(error.to_string().contains("the 2 rows that the source says it gave, found 1"), "{error}");
}

#[test]
fn rows_without_an_id_are_borne_up_to_a_bound() {
    let keys = crate::diff::KeyHasher::new(&[1; 16], "");
    let counted = |nulls: u64, rows: u64| {
        let parting = parting(1, 1 << 24, None);
        let mut writers = parting.writers(1);
        (0..nulls).for_each(|_| writers[0].push_id(&keys, b"", Fingerprint::NONE).unwrap());
        (0..rows - nulls).for_each(|n| writers[0].push_id(&keys, &n.to_le_bytes(), Fingerprint::NONE).unwrap());
        writers[0].end(SourceEnd { rows: Some(rows) }).unwrap();
        let current = parting.collect(writers)?;
        run(&parting, Memory::Nothing, &current).map(|(_, summary)| summary)
    };
    let summary = counted(10, 500).unwrap();
    assert_eq!((summary.rows.null_keys, summary.counts.added, summary.rows.rows), (10, 490, 500));
    assert_eq!(counted(11, 500).unwrap_err().code(), Some("null_keys"));
    assert_eq!(counted(20, 20_000).unwrap().rows.null_keys, 20);
    assert_eq!(counted(21, 20_000).unwrap_err().code(), Some("null_keys"));
    let mut writers = parting(1, 1 << 24, None).writers(1);
    let error = writers[0].push_id(&keys, &[b'x'; 65_536], Fingerprint::NONE).unwrap_err();
    assert_eq!(error.code(), Some("key_too_long"));
}

#[test]
fn conflicts_can_be_errors() {
    let mut parting = parting(1, 1 << 24, None);
    parting.set_on_conflict(OnConflict::Error);
    let same = collect(&parting, &[(1, 1), (1, 1)], 1);
    assert_eq!(run(&parting, Memory::Nothing, &same).unwrap().1.rows.duplicate_rows, 1);
    let other = collect(&parting, &[(1, 1), (1, 2)], 1);
    assert_eq!(run(&parting, Memory::Nothing, &other).unwrap_err().code(), Some("conflict"));
}

#[test]
fn a_folder_that_is_not_there_is_a_clear_error_and_a_taker_can_stop() {
    let mut parting = parting(1, 32 << 10, Some(10));
    parting.set_spill_dir("/nowhere/at/all".into());
    let mut writers = parting.writers(1);
    let error = (0..100_000).find_map(|n| writers[0].push(MemberKey::from_u128(key(n)), Fingerprint::NONE).err());
    let error = error.unwrap();
    assert_eq!(error.code(), Some("spill_failed"));
    assert!(error.to_string().contains("/nowhere/at/all"), "{error}");

    let parting = self::parting(3, 1 << 24, Some(200_000));
    let rows: Vec<Member> = (0..200_000).map(|n| (key(n), 1)).collect();
    let current = collect(&parting, &rows, 1);
    let mut taken = 0;
    let stopped = PartitionedDiff::new(&parting, Memory::Nothing, &current).run(|some| {
        taken += some.len();
        Err(crate::error::Error::new(crate::error::ErrorKind::Unavailable, "no more room"))
    });
    assert_eq!(stopped.unwrap_err().message(), "no more room");
    assert!(taken < 200_000);
}

#[test]
fn options_out_of_range_are_refused() {
    for odd in [options(0, 1 << 28), options(65, 1 << 28), options(1, (16 << 20) - 1)] {
        assert_eq!(Partitioning::new(odd, None).unwrap_err().kind(), crate::error::ErrorKind::Config);
    }
    assert!(serde_json::from_str::<DiffOptions>(r#"{"memory_budget":33554432,"threads":2}"#).is_ok());
    assert!(serde_json::from_str::<DiffOptions>(r#"{"memory":1}"#).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn applying_the_operations_gives_the_current_side(
        before in prop::collection::vec((0u64..300, 0u64..3), 0..300),
        now in prop::collection::vec((0u64..300, 0u64..3), 0..400),
        threads in 1usize..9,
        budget in prop::sample::select(vec![16_u64 << 10, 128 << 10, 1 << 24]),
        spread in any::<bool>(),
    ) {
        // Spread like hashes, or crowded at the low end as a host's own keys may be.
        let side = |side: &[(u64, u64)]| -> Vec<Member> {
            side.iter().map(|(n, fp)| (if spread { key(*n) } else { u128::from(*n) }, *fp)).collect()
        };
        let (before, now) = (side(&before), side(&now));
        let parting = parting(threads, budget, Some(now.len() as u64));
        let (was, is) = (collect(&parting, &before, 2), collect(&parting, &now, 2));
        let found = run(&parting, Previous::<Vec<u8>>::Rows(&was), &is).unwrap();
        check(&found, &model(&before).0, &now);
        // The other way round, what was added is removed.
        let back = run(&parting, Previous::<Vec<u8>>::Rows(&is), &was).unwrap().1.counts;
        prop_assert_eq!((back.added, back.removed, back.changed), (found.1.counts.removed, found.1.counts.added, found.1.counts.changed));
    }
}
