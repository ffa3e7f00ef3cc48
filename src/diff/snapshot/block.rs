//! Key blocks: the columns of some thousand members, encoded and decoded.

use std::iter;

use xxhash_rust::xxh3::xxh3_64;

use super::bits::{pack, packed_len, unpack, width_of};
use super::{Fingerprint, MemberKey, SnapshotFault, SnapshotHeader, Timestamp};

/// Column bits, as in header and block.
pub(super) const FINGERPRINT: u8 = 1;
pub(super) const EXPIRY: u8 = 2;
pub(super) const STATE: u8 = 32;

/// The expiry of those who do not expire.
pub(super) const NEVER: i64 = i64::MAX;

/// An expiry as stored. The latest moment there is, to which sums of moments saturate, is never.
pub(super) fn stored_expiry(expires_at: Option<Timestamp>) -> i64 {
    expires_at.map_or(NEVER, Timestamp::as_millis)
}

/// An expiry as read.
pub(super) fn read_expiry(millis: i64) -> Option<Timestamp> {
    (millis != NEVER).then(|| Timestamp::from_millis(millis))
}

/// The columns of one block. A column that is empty while `keys` is not holds the default for everybody.
#[derive(Default)]
pub(super) struct KeyBlock {
    pub(super) keys: Vec<MemberKey>,
    pub(super) fingerprints: Vec<u64>,
    pub(super) expiries: Vec<i64>,
    pub(super) states: Vec<u8>,
}

impl KeyBlock {
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.fingerprints.clear();
        self.expiries.clear();
        self.states.clear();
    }

    pub(super) fn push(&mut self, key: MemberKey, fingerprint: Fingerprint, expires_at: Option<Timestamp>, state: u8) {
        self.keys.push(key);
        self.fingerprints.push(fingerprint.as_raw());
        self.expiries.push(stored_expiry(expires_at));
        self.states.push(state);
    }

    pub(super) fn fingerprint(&self, index: usize) -> Fingerprint {
        Fingerprint::from_raw(self.fingerprints.get(index).copied().unwrap_or_default())
    }

    pub(super) fn expires_at(&self, index: usize) -> Option<Timestamp> {
        read_expiry(self.expiries.get(index).copied().unwrap_or(NEVER))
    }

    pub(super) fn state(&self, index: usize) -> u8 {
        self.states.get(index).copied().unwrap_or_default()
    }

    /// The earliest expiry, or [`NEVER`].
    pub(super) fn first_expiry(&self) -> i64 {
        self.expiries.iter().copied().min().unwrap_or(NEVER)
    }

    /// The latest expiry of those who expire, or [`NEVER`].
    pub(super) fn last_expiry(&self) -> i64 {
        self.expiries.iter().copied().filter(|millis| *millis != NEVER).max().unwrap_or(NEVER)
    }

    /// Encodes into `out`, which is empty, and gives the checksum at its end. Keys ascend and are at most
    /// [`SnapshotHeader::MAX_BLOCK_MEMBERS`].
    pub(super) fn encode(&self, out: &mut Vec<u8>) -> u64 {
        let width = width_of(self.steps().max().unwrap_or(0));
        let columns = self.columns();
        out.extend_from_slice(&(self.keys.len() as u32).to_le_bytes());
        out.extend_from_slice(&[width, columns]);
        out.extend_from_slice(&self.keys.first().map_or(0, high).to_le_bytes());
        pack(out, width, self.steps());
        out.extend(self.keys.iter().flat_map(|key| (key.as_u128() as u64).to_le_bytes()));
        if columns & FINGERPRINT != 0 {
            out.extend(self.fingerprints.iter().flat_map(|raw| raw.to_le_bytes()));
        }
        if columns & EXPIRY != 0 {
            self.encode_expiries(out);
        }
        if columns & STATE != 0 {
            out.extend_from_slice(&self.states);
        }
        let checksum = xxh3_64(out);
        out.extend_from_slice(&checksum.to_le_bytes());
        checksum
    }

    /// How far the high half of each key but the first is from the one before.
    fn steps(&self) -> impl Iterator<Item = u64> {
        self.keys.iter().zip(self.keys.iter().skip(1)).map(|(one, next)| high(next).wrapping_sub(high(one)))
    }

    fn columns(&self) -> u8 {
        let flag = |present: bool, bit| if present { bit } else { 0 };
        flag(self.fingerprints.iter().any(|raw| *raw != 0), FINGERPRINT)
            | flag(self.first_expiry() != NEVER, EXPIRY)
            | flag(self.states.iter().any(|state| *state != 0), STATE)
    }

    fn encode_expiries(&self, out: &mut Vec<u8>) {
        let base = self.first_expiry();
        let offset = |millis: i64| millis.wrapping_sub(base) as u64;
        // One more than the largest offset must fit, so that all ones stay free. The offset itself cannot be the
        // largest number there is: its moment would be `NEVER`.
        let width = width_of(offset(self.last_expiry()).saturating_add(1));
        out.extend_from_slice(&base.to_le_bytes());
        out.push(width);
        let never = u64::MAX >> (64 - u32::from(width));
        let offsets = self.expiries.iter().map(|millis| if *millis == NEVER { never } else { offset(*millis) });
        pack(out, width, offsets);
    }

    /// Decodes a block of which the index says that it has this checksum.
    pub(super) fn decode(&mut self, bytes: &[u8], checksum: u64) -> Result<(), SnapshotFault> {
        self.clear();
        let (body, stored) = bytes.split_last_chunk::<8>().ok_or(SnapshotFault::BadLayout)?;
        if xxh3_64(body) != checksum || u64::from_le_bytes(*stored) != checksum {
            return Err(SnapshotFault::BlockChecksum);
        }
        // What follows cannot fail for a block that a writer made; it holds against crafted ones.
        self.decode_body(&mut Fields(body)).ok_or(SnapshotFault::BadLayout)?
    }

    fn decode_body(&mut self, fields: &mut Fields<'_>) -> Option<Result<(), SnapshotFault>> {
        let count = u32::from_le_bytes(fields.array()?);
        if count == 0 || count > SnapshotHeader::MAX_BLOCK_MEMBERS {
            return None;
        }
        let count = count as usize;
        let [width, columns] = fields.array()?;
        if columns & !(FINGERPRINT | EXPIRY | STATE) != 0 {
            return None;
        }
        let first = u64::from_le_bytes(fields.array()?);
        let steps = fields.bytes(packed_len(count - 1, width)?)?;
        let (lows, _) = fields.bytes(count * 8)?.as_chunks::<8>();
        if columns & FINGERPRINT != 0 {
            let (raws, _) = fields.bytes(count * 8)?.as_chunks::<8>();
            self.fingerprints.extend(raws.iter().map(|raw| u64::from_le_bytes(*raw)));
        }
        if columns & EXPIRY != 0 {
            self.decode_expiries(fields, count)?;
        }
        if columns & STATE != 0 {
            self.states.extend_from_slice(fields.bytes(count)?);
        }
        if !fields.0.is_empty() {
            return None;
        }
        Some(self.decode_keys(first, unpack(steps, width, count - 1), lows))
    }

    fn decode_keys(
        &mut self,
        first: u64,
        steps: impl Iterator<Item = u64>,
        lows: &[[u8; 8]],
    ) -> Result<(), SnapshotFault> {
        self.keys.reserve(lows.len());
        let (mut high, mut before) = (first, None);
        for (step, low) in iter::once(0).chain(steps).zip(lows) {
            high = high.checked_add(step).ok_or(SnapshotFault::OutOfOrder)?;
            let key = u128::from(high) << 64 | u128::from(u64::from_le_bytes(*low));
            if before.is_some_and(|before| key <= before) {
                return Err(SnapshotFault::OutOfOrder);
            }
            before = Some(key);
            self.keys.push(MemberKey::from_u128(key));
        }
        Ok(())
    }

    fn decode_expiries(&mut self, fields: &mut Fields<'_>, count: usize) -> Option<()> {
        let base = i64::from_le_bytes(fields.array()?);
        let [width] = fields.array()?;
        let packed = fields.bytes(packed_len(count, width)?)?;
        let never = u64::MAX.checked_shr(64 - u32::from(width)).unwrap_or(0);
        let expiry = |offset: u64| if offset == never { NEVER } else { base.wrapping_add(offset as i64) };
        self.expiries.extend(unpack(packed, width, count).map(expiry));
        Some(())
    }
}

/// The high half of a key.
fn high(key: &MemberKey) -> u64 {
    (key.as_u128() >> 64) as u64
}

/// Takes fields off the front of bytes; `None` where the bytes end.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Member = (u128, u64, Option<i64>, u8);

    fn block(members: &[Member]) -> KeyBlock {
        let mut block = KeyBlock::default();
        for (key, fingerprint, expires_at, state) in members {
            let expires_at = expires_at.map(Timestamp::from_millis);
            block.push(MemberKey::from_u128(*key), Fingerprint::from_raw(*fingerprint), expires_at, *state);
        }
        block
    }

    fn members(block: &KeyBlock) -> Vec<Member> {
        let member = |(index, key): (usize, &MemberKey)| {
            let expires_at = block.expires_at(index).map(Timestamp::as_millis);
            (key.as_u128(), block.fingerprint(index).as_raw(), expires_at, block.state(index))
        };
        block.keys.iter().enumerate().map(member).collect()
    }

    /// Through bytes and back; gives the bytes.
    fn round_trip(given: &[Member]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let checksum = block(given).encode(&mut bytes);
        let mut decoded = KeyBlock::default();
        decoded.decode(&bytes, checksum).unwrap();
        assert_eq!(members(&decoded), given);
        bytes
    }

    #[test]
    fn layout_of_a_small_block() {
        let bytes = round_trip(&[(5 << 64 | 7, 0, None, 0), (8 << 64 | 6, 9, None, 0)]);
        let (body, checksum) = bytes.split_at(bytes.len() - 8);
        let expected = [
            &[2, 0, 0, 0, 2, FINGERPRINT, 5, 0, 0, 0, 0, 0, 0, 0][..],
            &[3, 0, 0, 0, 0, 0, 0, 0, 0],
            &[7, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0],
        ];
        assert_eq!(body, expected.concat());
        assert_eq!(checksum, xxh3_64(body).to_le_bytes());
    }

    #[test]
    fn every_width_of_steps() {
        for (step, width) in [(0, 0), (1, 1), ((1 << 57) - 1, 57), (1 << 57, 58), (1 << 63, 64), (u64::MAX, 64)] {
            let far = u128::from(step) << 64;
            let given = [(0, 1, None, 0), (far | 1, 2, None, 0), (far | 2, 3, None, 0), (far | 3, 4, None, 0)];
            assert_eq!(round_trip(&given)[4], width, "{step}");
        }
    }

    #[test]
    fn first_last_and_adjacent_keys() {
        round_trip(&[(0, 1, None, 0)]);
        round_trip(&[(u128::MAX, 1, None, 0)]);
        round_trip(&[(0, 1, None, 0), (u128::MAX, 1, None, 0)]);
        round_trip(&[(u128::MAX - 1, 1, None, 0), (u128::MAX, 1, None, 0)]);
        let across = u128::from(u64::MAX);
        round_trip(&[(across, 1, None, 0), (across + 1, 1, None, 0), (across + 2, 1, None, 0)]);
    }

    #[test]
    fn expiries_are_exact_over_the_whole_range() {
        let cases: [&[Option<i64>]; 7] = [
            &[Some(1_795_428_900_123), None],
            &[None, Some(0)],
            &[Some(0), Some(1), Some(2), Some(3), None],
            &[Some(-5), Some(5)],
            &[Some(i64::MIN), None, Some(i64::MAX - 1)],
            &[Some(i64::MIN)],
            &[Some(i64::MAX - 1)],
        ];
        for expiries in cases {
            let given: Vec<Member> = expiries.iter().enumerate().map(|(key, at)| (key as u128, 0, *at, 0)).collect();
            round_trip(&given);
        }
        assert_eq!(stored_expiry(Some(Timestamp::from_millis(i64::MAX))), stored_expiry(None));
    }

    #[test]
    fn columns_of_defaults_take_no_room() {
        let bare = round_trip(&[(1, 0, None, 0), (2, 0, None, 0)]).len();
        assert_eq!(bare, 14 + 8 + 16 + 8);
        assert_eq!(round_trip(&[(1, 0, None, 0), (2, 5, None, 0)]).len(), bare + 16);
        assert_eq!(round_trip(&[(1, 0, None, 0), (2, 0, None, 5)]).len(), bare + 2);
        assert_eq!(round_trip(&[(1, 0, Some(5), 0), (2, 0, None, 0)]).len(), bare + 9 + 1 + 8);
    }

    /// Crafted bytes under a checksum that fits: refused, and nothing panics.
    #[test]
    fn crafted_blocks_are_refused() {
        type Craft<'a> = &'a dyn Fn(&mut Vec<u8>);
        let decode = |change: Craft<'_>| {
            let mut bytes = Vec::new();
            block(&[(1 << 64, 1, Some(5), 1), (2 << 64, 2, None, 2)]).encode(&mut bytes);
            bytes.truncate(bytes.len() - 8);
            change(&mut bytes);
            let checksum = xxh3_64(&bytes);
            bytes.extend_from_slice(&checksum.to_le_bytes());
            KeyBlock::default().decode(&bytes, checksum)
        };
        assert_eq!(decode(&|_| ()), Ok(()));
        let cases: [(Craft<'_>, SnapshotFault); 9] = [
            (&|bytes| bytes[0] = 0, SnapshotFault::BadLayout),
            (&|bytes| bytes[0] = 3, SnapshotFault::BadLayout),
            (&|bytes| bytes[3] = 0xff, SnapshotFault::BadLayout),
            (&|bytes| bytes[4] = 65, SnapshotFault::BadLayout),
            (&|bytes| bytes[5] |= 64, SnapshotFault::BadLayout),
            (&|bytes| bytes.push(0), SnapshotFault::BadLayout),
            (&|bytes| bytes.clear(), SnapshotFault::BadLayout),
            // The step to the second key: none at all, and beyond the end.
            (&|bytes| bytes[14] = 0, SnapshotFault::OutOfOrder),
            (&|bytes| bytes[6..14].fill(0xff), SnapshotFault::OutOfOrder),
        ];
        for (number, (change, fault)) in cases.into_iter().enumerate() {
            assert_eq!(decode(change), Err(fault), "case {number}");
        }
        assert_eq!(KeyBlock::default().decode(&[1; 7], 0), Err(SnapshotFault::BadLayout));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_members_come_back(
            members in prop::collection::btree_map(any::<u128>(), (any::<u64>(), any::<Option<i64>>(), 0u8..3), 1..60),
        ) {
            let given: Vec<Member> = members
                .into_iter()
                .map(|(key, (fingerprint, at, state))| (key, fingerprint, at.filter(|at| *at != NEVER), state))
                .collect();
            round_trip(&given);
        }
    }
}
