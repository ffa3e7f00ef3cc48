//! Member keys: keyed 128-bit hashes of member ids.

use std::fmt;
use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128, SipHasher24};

/// A member, as a 16-byte keyed hash of its id. The order of the bytes is the sort order.
///
/// At 10^9 members the chance that any two share a key is 1.5e-21; 64 bits would be 0.027.
///
/// `Debug` prints the first four bytes only, in hex: enough to find a member in two logs, too little to be one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberKey([u8; 16]);

impl MemberKey {
    /// The smallest key.
    pub const MIN: Self = Self([0; 16]);
    /// The largest key.
    pub const MAX: Self = Self([0xff; 16]);

    /// A key read back from where it was stored.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The key's bytes, most significant first.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The key as one number, in the same order.
    pub const fn as_u128(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// The key that this number stands for.
    pub const fn from_u128(number: u128) -> Self {
        Self(number.to_be_bytes())
    }
}

impl fmt::Debug for MemberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "MemberKey({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}

/// Makes member keys of one id space: SipHash-2-4-128 under a secret.
///
/// The hashed bytes are the length of the namespace (u32, little-endian), the namespace, and the id, so that two id
/// spaces never meet. The namespace is absorbed once; a key then costs the id alone.
///
/// ```
/// use audience_sync::diff::KeyHasher;
///
/// let secret = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// let key = KeyHasher::new(&secret, "user").key("u_000123");
/// assert_eq!(format!("{key:?}"), "MemberKey(ae376132..)");
/// ```
#[derive(Clone)]
pub struct KeyHasher(SipHasher24);

impl KeyHasher {
    /// For the ids of `namespace`, under the host key's member secret.
    pub fn new(secret: &[u8; 16], namespace: &str) -> Self {
        let mut hasher = SipHasher24::new_with_key(secret);
        hasher.write(&length(namespace.as_bytes()));
        hasher.write(namespace.as_bytes());
        Self(hasher)
    }

    /// The key of one id, taken byte for byte: `"A"` and `"a"` are two members.
    pub fn key(&self, id: impl AsRef<[u8]>) -> MemberKey {
        let mut hasher = self.0;
        // `Hasher::write` takes the raw bytes; `Hash::hash` would add a length of its own.
        hasher.write(id.as_ref());
        let hash = hasher.finish128();
        MemberKey::from_u128(u128::from(hash.h1) << 64 | u128::from(hash.h2))
    }
}

impl fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyHasher").finish_non_exhaustive()
    }
}

/// A length as it goes into a hash. No name or value of 4 GiB exists here.
pub(super) fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    fn hex(namespace: &str, id: &str) -> String {
        const_hex::encode(KeyHasher::new(&SECRET, namespace).key(id).to_bytes())
    }

    #[test]
    fn the_primitive_is_the_reference_one() {
        // First line of `vectors_sip128` in the reference implementation of SipHash-2-4-128.
        let hash = SipHasher24::new_with_key(&SECRET).finish128();
        let bytes = [hash.h1.to_le_bytes(), hash.h2.to_le_bytes()].concat();
        assert_eq!(const_hex::encode(bytes), "a3817f04ba25a8e66df67214c7550293");
    }

    #[test]
    fn keys_match_the_vectors() {
        assert_eq!(hex("", "1"), "0f9f595f0c2a2b607de2097794aaaedb");
        assert_eq!(hex("user", "u_000123"), "ae376132fcc90d0bb1becb9254569cbe");
        assert_eq!(hex("user", "abcdefghijklmnopqrstuvwx"), "621a05ae1147c54b5ecb6755011aa7b0");
    }

    #[test]
    fn namespaces_and_ids_do_not_run_into_each_other() {
        assert_ne!(hex("user", "1"), hex("use", "r1"));
        assert_ne!(hex("", "user1"), hex("user", "1"));
        assert_ne!(KeyHasher::new(&[9; 16], "user").key("1"), KeyHasher::new(&SECRET, "user").key("1"));
    }

    #[test]
    fn debug_shows_four_bytes_and_no_secret() {
        assert_eq!(format!("{:?}", MemberKey::from_u128(0x0102_0304 << 96 | 0xff)), "MemberKey(01020304..)");
        assert_eq!(format!("{:?}", KeyHasher::new(&SECRET, "user")), "KeyHasher { .. }");
    }

    #[test]
    fn numbers_and_bytes_have_one_order() {
        let (low, high) = (MemberKey::from_u128(0xff), MemberKey::from_u128(0x100));
        assert!(low < high && low.to_bytes() < high.to_bytes());
        assert_eq!(MemberKey::from_bytes(high.to_bytes()).as_u128(), 0x100);
        assert!(MemberKey::MIN < low && high < MemberKey::MAX);
    }
}
