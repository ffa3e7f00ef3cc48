use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::identity::{Canonicalizer, ConsentState, Member};

fn canonical(member: &Member) -> CanonicalMember {
    Canonicalizer::new().canonicalize_member(member)
}

fn deduped(rules: DedupRules, members: &[Member]) -> Deduped {
    let mut dedup = Dedup::new(rules);
    for member in members {
        dedup.add(member.id(), &canonical(member), RowFacts::default());
    }
    dedup.finish()
}

/// Clusters by the members' ids, sorted.
fn by_id(deduped: &Deduped, members: &[Member]) -> BTreeSet<Vec<String>> {
    let id = |row: &RowId| members[row.index()].id().to_owned();
    let ids = |cluster: &Cluster| {
        let mut ids: Vec<String> = cluster.rows.iter().map(id).collect();
        ids.sort();
        ids
    };
    deduped.clusters.iter().map(ids).collect()
}

fn clusters(members: &[Member]) -> Vec<Vec<String>> {
    by_id(&deduped(DedupRules::default(), members), members).into_iter().collect()
}

fn member(id: &str) -> Member {
    Member::new(id)
}

#[test]
fn rows_that_share_an_identifier_are_one_person() {
    let members = [
        member("1").email("nora.quist@gmail.com"),
        member("2").email("NoraQuist+shop@googlemail.com").external_id("C-2"),
        member("3").external_id("C-2"),
        member("4").email("ola@fjord.no"),
        member("5"),
        member("5").email("ola.other@fjord.no"),
    ];
    let people = deduped(DedupRules::default(), &members);
    let found: Vec<_> = by_id(&people, &members).into_iter().collect();
    assert_eq!(found, [vec!["1", "2", "3"], vec!["5", "5"]]);
    assert_eq!((people.counts.rows, people.counts.people), (6, 3));
    assert_eq!(people.counts.cluster_sizes, BTreeMap::from([(2, 1), (3, 1)]));
    let links = BTreeMap::from([(Link::MemberId, 1), (Link::ExternalId, 1), (Link::Email, 1)]);
    assert_eq!(people.counts.links, links);
}

#[test]
#[cfg(feature = "phone")]
fn a_phone_on_fifty_rows_merges_nobody() {
    let members: Vec<_> = (0..50).map(|it| member(&it.to_string()).phone("+4930901820")).collect();
    let people = deduped(DedupRules::default(), &members);
    assert_eq!((people.clusters.len(), people.counts.people), (0, 50));
    assert_eq!((&people.counts.shared, people.counts.shared_rows), (&BTreeMap::from([(Link::Phone, 1)]), 50));
    assert_eq!(clusters(&members[..10]).len(), 1);
}

#[test]
fn different_external_ids_keep_rows_apart() {
    let direct = [member("1").email("a@quist.se").external_id("X"), member("2").email("a@quist.se").external_id("Y")];
    let people = deduped(DedupRules::default(), &direct);
    assert_eq!((people.clusters.len(), &people.counts.conflicting), (0, &BTreeMap::from([(Link::Email, 1)])));

    // Through a third row that has none: the e-mails are cut, and nobody is merged.
    let chain = [
        member("1").email("a@quist.se").external_id("X"),
        member("2").email("a@quist.se").email("b@quist.se"),
        member("3").email("b@quist.se").external_id("Y"),
    ];
    let people = deduped(DedupRules::default(), &chain);
    assert_eq!(people.clusters, []);
    let [suspicious] = &people.suspicious[..] else { panic!("one") };
    assert_eq!((suspicious.suspicion, suspicious.cut), (Suspicion::ConflictingExternalIds, Link::Email));
    assert_eq!(suspicious.rows.len(), 3);

    let rules = DedupRules::default().with_merge_across_external_ids(true);
    let people = deduped(rules, &chain);
    assert_eq!(people.clusters[0].rows.len(), 3);
    assert_eq!(people.clusters[0].conflicts, BTreeSet::from([IdentifierKind::ExternalId]));
}

#[test]
#[cfg(feature = "phone")]
fn the_weakest_links_are_cut_first() {
    // Two people of two rows each, held together by a phone.
    let members = [
        member("1").email("a@quist.se").external_id("X").phone("+4930901820"),
        member("2").email("a@quist.se").external_id("X"),
        member("3").email("b@quist.se").phone("+4930901820"),
        member("4").email("b@quist.se").external_id("Y"),
    ];
    let people = deduped(DedupRules::default(), &members);
    assert_eq!(by_id(&people, &members).into_iter().collect::<Vec<_>>(), [["1", "2"], ["3", "4"]]);
    assert_eq!(people.suspicious[0].cut, Link::Phone);
}

#[test]
fn a_cluster_of_too_many_rows_is_taken_apart() {
    // A chain: each row shares one address with the next.
    let chain = |rows: usize| -> Vec<Member> {
        let address = |it: usize| format!("p{it}@quist.se");
        (0..rows).map(|it| member(&it.to_string()).email(address(it)).email(address(it + 1))).collect()
    };
    assert_eq!(deduped(DedupRules::default(), &chain(50)).clusters[0].rows.len(), 50);
    let people = deduped(DedupRules::default(), &chain(51));
    assert_eq!((people.clusters.len(), people.counts.people), (0, 51));
    assert_eq!(people.counts.suspicious, BTreeMap::from([(Suspicion::TooManyRows, 1)]));

    let ids: Vec<_> =
        (0..6).map(|it| member(&it.to_string()).external_id(format!("X{it}")).email("a@quist.se")).collect();
    let rules = DedupRules::default().with_merge_across_external_ids(true).with_shared(10, 10);
    let people = deduped(rules, &ids);
    assert_eq!(people.counts.suspicious, BTreeMap::from([(Suspicion::TooManyExternalIds, 1)]));
    assert_eq!(deduped(rules, &ids[..5]).clusters[0].rows.len(), 5);
}

#[test]
#[cfg(feature = "phone")]
fn a_family_phone_makes_a_household() {
    let members = [
        member("1").first_name("Nora").phone("+4930901820"),
        member("2").first_name("NORA").phone("+4930901820"),
        member("3").first_name("Ola").phone("+4930901820"),
        member("4").phone("+4930901820"),
    ];
    let people = deduped(DedupRules::default(), &members);
    assert_eq!(by_id(&people, &members).into_iter().collect::<Vec<_>>(), [["1", "2"]]);
    assert_eq!((people.households.len(), people.households[0].len()), (1, 4));
    // Nobody else's name is known: one person.
    assert_eq!(clusters(&[members[0].clone(), members[3].clone()]), [["1", "4"]]);
}

#[test]
fn what_is_nobodys_own_links_nobody() {
    let relay = |id: &str| member(id).email("q7@privaterelay.appleid.com");
    let people = deduped(DedupRules::default(), &[relay("1"), relay("2")]);
    assert_eq!((people.clusters.len(), people.counts.not_own["relay"]), (0, 2));
}

#[test]
fn the_survivor_is_the_best_known_row() {
    let rows: [(Member, RowFacts); 5] = [
        (member("1").email("a@quist.se"), RowFacts::default().with_updated_at(Timestamp::from_secs(9))),
        (member("2").email("a@quist.se").last_name("Q"), RowFacts::default().with_updated_at(Timestamp::from_secs(9))),
        (member("3").email("a@quist.se"), RowFacts::default().with_updated_at(Timestamp::from_secs(10))),
        (member("4").email("a@quist.se"), RowFacts::default().with_verified(true)),
        (member("5").email("a@quist.se").external_id("X"), RowFacts::default()),
    ];
    let mut dedup = Dedup::new(DedupRules::default());
    for (row, facts) in &rows {
        dedup.add(row.id(), &canonical(row), *facts);
    }
    let people = dedup.finish();
    let order: Vec<_> = people.clusters[0].rows.iter().map(|row| rows[row.index()].0.id()).collect();
    assert_eq!(order, ["5", "4", "3", "2", "1"]);
    assert_eq!(people.clusters[0].survivor, people.clusters[0].rows[0]);
}

#[test]
fn consent_is_the_most_restrictive() {
    let consents = |all: &[Consent]| {
        let mut dedup = Dedup::new(DedupRules::default());
        for (row, consent) in all.iter().enumerate() {
            let facts = RowFacts::default().with_consent(*consent);
            dedup.add(&row.to_string(), &canonical(&member("x").email("a@quist.se")), facts);
        }
        dedup.finish().clusters[0].consent
    };
    assert_eq!(consents(&[Consent::GRANTED, Consent::GRANTED]), Consent::GRANTED);
    assert_eq!(consents(&[Consent::GRANTED, Consent::DENIED, Consent::UNSPECIFIED]), Consent::DENIED);
    let half = Consent::GRANTED.with_ad_personalization(ConsentState::Unspecified);
    assert_eq!(consents(&[Consent::GRANTED, half]), half);
}

#[test]
fn values_of_all_rows_survive_and_the_name_of_one() {
    let rows = [
        member("1").email("a@quist.se").email("old@quist.se").first_name("Nora").external_id("X"),
        member("2").email("a@quist.se").email("new@quist.se").first_name("Eleonora").last_name("Quist"),
        member("3").email("a@quist.se").email("sure@quist.se"),
    ]
    .map(|row| (canonical(&row), row));
    let at = |secs| RowFacts::default().with_updated_at(Timestamp::from_secs(secs));
    let facts = [at(1), at(2), RowFacts::default().with_verified(true)];
    let mut dedup = Dedup::new(DedupRules::default());
    for ((values, row), facts) in rows.iter().zip(facts) {
        dedup.add(row.id(), values, facts);
    }
    let people = dedup.finish();
    let merged = people.merged(&people.clusters[0], |row| rows.get(row.index()).map(|(values, _)| values));
    let told: Vec<_> = merged.values().iter().filter_map(Canonical::as_str).collect();
    // `a` is verified and of the latest row; the family name of row 2 does not join the first name of row 1.
    assert_eq!(told, ["a@quist.se", "sure@quist.se", "new@quist.se", "old@quist.se", "X", "nora"]);
    assert_eq!(people.clusters[0].conflicts, BTreeSet::from([IdentifierKind::FirstName]));
}

#[test]
fn no_value_is_in_any_output() {
    let row = |id: &str| member(id).email("zyxcanary77@quist.se").external_id("CANARY-31").first_name("Quetzalcanary");
    let people = deduped(DedupRules::default(), &[row("canary-1"), row("canary-2")]);
    let json = serde_json::to_string(&people.report()).unwrap();
    for out in [json, people.report().to_string(), format!("{people:?}"), format!("{:?}", people.clusters)] {
        assert!(!out.to_ascii_lowercase().contains("canary"), "{out}");
    }
}

/// Rows that collide a lot: few addresses, phones, ids and names.
fn rows() -> impl Strategy<Value = Vec<Member>> {
    let row = (0..7_u8, 0..6_u8, 0..5_u8, 0..5_u8);
    proptest::collection::vec(row, 2..40).prop_map(|rows| {
        let made = |(index, (email, phone, external, name)): (usize, (u8, u8, u8, u8))| {
            let mut row = member(&format!("m{index}"));
            if email < 5 {
                row = row.email(format!("p{email}@quist.se")).email(format!("p{}@quist.se", (index % 9) + 10));
            }
            if phone < 4 {
                row = row.phone(format!("+493090182{phone}"));
            }
            if external < 2 {
                row = row.external_id(format!("X{external}"));
            }
            if name < 2 {
                row = row.first_name(["Nora", "Ola"][usize::from(name)]);
            }
            row
        };
        rows.into_iter().enumerate().map(made).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn order_changes_nothing(members in rows(), seed in any::<u64>(), across in any::<bool>()) {
        let rules = DedupRules::default().with_most(12, 1).with_shared(6, 6).with_merge_across_external_ids(across);
        let mut shuffled = members.clone();
        let mut state = seed | 1;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(at, (state >> 33) as usize % (at + 1));
        }
        let told = |members: &[Member]| {
            let people = deduped(rules, members);
            let id = |row: &RowId| members[row.index()].id().to_owned();
            let clusters: Vec<_> = people.clusters.iter()
                .map(|it| (it.rows.iter().map(id).collect::<Vec<_>>(), it.reasons.clone(), it.conflicts.clone())).collect();
            let suspicious: Vec<_> = people.suspicious.iter()
                .map(|it| (it.rows.iter().map(id).collect::<Vec<_>>(), it.suspicion, it.cut)).collect();
            let households: Vec<Vec<String>> = people.households.iter().map(|it| it.iter().map(id).collect()).collect();
            let report = people.report();
            (clusters, suspicious, households, report.to_string(), serde_json::to_string(&report).unwrap())
        };
        prop_assert_eq!(told(&members), told(&shuffled));
    }

    #[test]
    fn no_cluster_breaks_a_rule(members in rows()) {
        let people = deduped(DedupRules::default().with_most(12, 5), &members);
        let mut seen = BTreeSet::new();
        for cluster in &people.clusters {
            prop_assert!((2..=12).contains(&cluster.rows.len()));
            prop_assert!(cluster.rows.iter().all(|row| seen.insert(*row)));
            let ids: BTreeSet<_> = cluster.rows.iter()
                .flat_map(|row| canonical(&members[row.index()]).values().iter()
                    .filter(|value| value.kind() == IdentifierKind::ExternalId)
                    .map(Canonical::sha256).collect::<Vec<_>>())
                .collect();
            prop_assert!(ids.len() <= 1);
        }
    }
}
