//! Plans: parts, digests, bounds, damage that encryption alone would not show.

use proptest::prelude::*;

use super::super::plan::{End, Writer, end_name, parse_part};
use super::super::vault::plan_prefix;
use super::*;

/// SHA-256 over each record's length (4 bytes, little-endian) and bytes.
fn digest_of(records: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for record in records {
        hash.update((record.len() as u32).to_le_bytes());
        hash.update(record);
    }
    hash.finalize().into()
}

#[tokio::test]
async fn a_plan_is_read_part_by_part_whatever_its_parts() {
    let state = State::in_memory();
    let store = open(&state).await.unwrap();
    let records: [&[u8]; 5] = [b"aaa", b"bb", b"a record longer than a part", b"", b"c"];
    // Each record takes 4 bytes more for its length.
    for (limit, expected) in
        [(14, vec![(0, 2), (2, 1), (3, 2)]), (0, (0..5).map(|n| (n, 1)).collect()), (1000, vec![(0, 5)])]
    {
        let id = format!("limit{limit}");
        let mut writer = Writer::new(&store.vault, &id, limit);
        for record in records {
            writer.push(record).await.unwrap();
        }
        let info = writer.finish().await.unwrap();
        assert_eq!((info.records, info.bytes, info.digest), (5, 33, digest_of(&records)), "limit {limit}");

        let mut reader = store.read_plan(&id).await.unwrap();
        assert_eq!(reader.info(), &info);
        let (mut parts, mut read) = (Vec::new(), Vec::new());
        while let Some(part) = reader.next_part().await.unwrap() {
            parts.push((part.first, part.records.len()));
            read.extend(part.records);
        }
        assert_eq!((parts, read), (expected, records.map(Bytes::from_static).to_vec()), "limit {limit}");
        assert!(reader.next_part().await.unwrap().is_none());
    }
}

#[tokio::test]
async fn plans_may_be_empty_and_are_bounded() {
    let state = State::in_memory();
    let mut store = open(&state).await.unwrap();
    let info = plan_of(&mut store, &[]).await;
    // sha256 of nothing.
    assert_eq!(const_hex::encode(info.digest), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert!(store.read_plan(&info.id).await.unwrap().next_part().await.unwrap().is_none());
    let long = vec![0; (16 << 20) + 1];
    let error = store.write_plan(stream::iter([Ok(long)])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    let broken: [Result<&str>; 2] = [Ok("a"), Err(Error::new(ErrorKind::Source, "broke off"))];
    assert_eq!(store.write_plan(stream::iter(broken)).await.unwrap_err().kind(), ErrorKind::Source);
    store.append(&note("the store is still usable")).await.unwrap();
}

#[tokio::test]
async fn a_plan_that_does_not_add_up_does_not_give_its_last_part_out() {
    let state = State::in_memory();
    let mut store = open(&state).await.unwrap();
    let good = store.write_plan(stream::iter([Ok("a"), Ok("bc")])).await.unwrap();
    assert_eq!(good.digest, digest_of(&[b"a", b"bc"]));
    let end = |records, bytes, digest: [u8; 32]| End { parts: 1, records, bytes, digest: const_hex::encode(digest) };
    for wrong in [end(3, 3, good.digest), end(2, 4, good.digest), end(2, 3, [0; 32])] {
        let name = end_name(&good.id);
        store.vault.objects.delete(std::slice::from_ref(&name)).await.unwrap();
        store.vault.create_json(&name, &wrong).await.unwrap();
        let error = store.read_plan(&good.id).await.unwrap().next_part().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::State);
        assert!(error.to_string().contains(&plan_prefix(&good.id)), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_part_holds_reading_it_does_not_panic(
        first in any::<u32>(), count in 0_u32..5, body in prop::collection::vec(0_u8..3, 0..40)
    ) {
        let plain = [&first.to_le_bytes()[..], &count.to_le_bytes()[..], &body[..]].concat();
        if let Some(part) = parse_part(&Bytes::from(plain)) {
            let bytes: usize = part.records.iter().map(|record| record.len() + 4).sum();
            prop_assert_eq!((part.first, part.records.len() as u32, bytes), (first, count, body.len()));
        }
    }
}
