//! A snapshot file of any bytes, and a whole one with bytes changed, is read or refused, never trusted and never a panic.
#![no_main]

use std::sync::LazyLock;

use audience_sync::clock::Timestamp;
use audience_sync::diff::snapshot::{SnapshotHeader, SnapshotReader, SnapshotRecord, SnapshotWriter};
use audience_sync::diff::{Fingerprint, KeyHasher, MemberKey};
use audience_sync::secret::Keyring;
use libfuzzer_sys::fuzz_target;

const STORE: [u8; 16] = [7; 16];

static KEYRING: LazyLock<Keyring> = LazyLock::new(|| Keyring::from_bytes([7; 32]));

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let header = SnapshotHeader::new(STORE, 1, Timestamp::from_secs(1));
    let mut writer = SnapshotWriter::new(Vec::new(), header, KEYRING.current()).expect("a writer");
    let hasher = KeyHasher::new(&[1; 16], "fuzz");
    let mut keys: Vec<MemberKey> = (0..200).map(|number| hasher.key(&format!("m{number}"))).collect();
    keys.sort();
    for key in keys {
        let record = SnapshotRecord::new(key, Fingerprint::from_hash(5)).with_handle(b"handle");
        writer.push(&record).expect("in order");
    }
    writer.finish().expect("a whole file").0
});

fn read(bytes: Vec<u8>) -> Option<u64> {
    let reader = SnapshotReader::open(bytes, &KEYRING, STORE).ok()?;
    let mut members = 0;
    for record in reader.iter() {
        record.ok()?;
        members += 1;
    }
    for block in 0..reader.blocks().len() as u32 {
        reader.handles(block).ok()?;
    }
    Some(members)
}

fuzz_target!(|data: &[u8]| {
    let _ = read(data.to_vec());
    let mut changed = WHOLE.clone();
    for change in data.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % changed.len();
        changed[at] ^= change[2];
    }
    if changed != *WHOLE {
        assert_eq!(read(changed), None, "a changed file was read to its end");
    }
});
