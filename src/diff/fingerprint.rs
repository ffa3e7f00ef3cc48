//! Fingerprints: keyed 64-bit hashes of what a destination would receive.

use std::fmt;
use std::hash::Hasher as _;

use siphasher::sip::SipHasher24;

use super::key::length;

/// What a destination would receive for a member, as an 8-byte keyed hash.
///
/// Two fingerprints of one member that differ mean that there is something to send. 0 stands for "no fingerprint"
/// and is never computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// No fingerprint: membership alone counts.
    pub const NONE: Self = Self(0);

    /// A fingerprint read back from where it was stored; 0 is [`Fingerprint::NONE`].
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The fingerprint of a computed hash; a hash of 0 becomes 1.
    pub const fn from_hash(hash: u64) -> Self {
        Self(if hash == 0 { 1 } else { hash })
    }

    /// The number to store.
    pub const fn as_raw(self) -> u64 {
        self.0
    }

    /// Whether this is [`Fingerprint::NONE`].
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// The value of one field, as it goes into a fingerprint.
///
/// Null, empty and absent are three things: `Null` is written with its own tag, an empty text with a length of 0, an
/// absent field is not given at all.
#[derive(Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum FieldValue<'a> {
    /// No value (tag 0, length 0).
    Null,
    /// Text, byte for byte (tag 1).
    Text(&'a str),
    /// Bytes, for example a digest (tag 2).
    Bytes(&'a [u8]),
    /// A whole number (tag 3, 8 bytes little-endian).
    Integer(i64),
    /// A truth value (tag 4, one byte 0 or 1).
    Bool(bool),
    /// A floating-point number, by its bits (tag 5, 8 bytes little-endian): 0.0 and -0.0 differ.
    Float(f64),
}

impl FieldValue<'_> {
    /// Hands over the value as it is hashed, piece by piece.
    #[inline]
    pub(crate) fn write(self, mut to: impl FnMut(&[u8])) {
        match self {
            Self::Null => tagged(to, 0, &[]),
            Self::Text(text) => tagged(to, 1, text.as_bytes()),
            Self::Bytes(bytes) => tagged(to, 2, bytes),
            Self::Integer(number) => {
                // The most frequent, in one piece.
                let mut bytes = [3, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
                bytes[5..].copy_from_slice(&number.to_le_bytes());
                to(&bytes);
            }
            Self::Bool(truth) => tagged(to, 4, &[u8::from(truth)]),
            Self::Float(number) => tagged(to, 5, &number.to_bits().to_le_bytes()),
        }
    }
}

/// Prints the kind of the value, never the value: it may belong to a person.
impl fmt::Debug for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Text(_) => "Text(..)",
            Self::Bytes(_) => "Bytes(..)",
            Self::Integer(_) => "Integer(..)",
            Self::Bool(_) => "Bool(..)",
            Self::Float(_) => "Float(..)",
        })
    }
}

/// Makes fingerprints: SipHash-2-4-64 under a secret, over a canonical encoding of named fields.
///
/// Fields are hashed in the order of their names (bytes), whatever order they are given in; values of one name keep
/// the order given. Per field: length of the name (u32, little-endian), name, type tag (one byte), length of the
/// value (u32, little-endian), value. Lengths go in front, so no value can pass for a separator.
///
/// ```
/// use audience_sync::diff::{FieldValue, FingerprintHasher};
///
/// let hasher = FingerprintHasher::new(&[7; 16]);
/// let one = hasher.fingerprint([("email", FieldValue::Text("a@b.example")), ("country", FieldValue::Null)]);
/// let two = hasher.fingerprint([("country", FieldValue::Null), ("email", FieldValue::Text("a@b.example"))]);
/// assert_eq!(one, two);
/// assert_ne!(one, hasher.fingerprint([("email", FieldValue::Text("a@b.example"))]));
/// ```
#[derive(Clone)]
pub struct FingerprintHasher(SipHasher24);

impl FingerprintHasher {
    /// Under the host key's fingerprint secret.
    pub fn new(secret: &[u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(secret))
    }

    /// The fingerprint of these fields. Never [`Fingerprint::NONE`], not even of no fields at all.
    pub fn fingerprint<'a>(&self, fields: impl IntoIterator<Item = (&'a str, FieldValue<'a>)>) -> Fingerprint {
        let mut fields: Vec<_> = fields.into_iter().collect();
        fields.sort_by_key(|(name, _)| *name);
        let mut hasher = self.0;
        for (name, value) in fields {
            hasher.write(&length(name.as_bytes()));
            hasher.write(name.as_bytes());
            value.write(|bytes| hasher.write(bytes));
        }
        Fingerprint::from_hash(hasher.finish())
    }

    /// The fingerprint of fields that are encoded already, in the order of their names.
    #[cfg(feature = "source")]
    pub(crate) fn of_encoded(&self, fields: &[u8]) -> Fingerprint {
        Fingerprint::from_hash(self.0.hash(fields))
    }
}

/// A field's name as it is hashed, in front of its value.
#[cfg(feature = "source")]
pub(crate) fn field_name(name: &str) -> Vec<u8> {
    [&length(name.as_bytes()), name.as_bytes()].concat()
}

impl fmt::Debug for FingerprintHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FingerprintHasher").finish_non_exhaustive()
    }
}

fn tagged(mut to: impl FnMut(&[u8]), tag: u8, value: &[u8]) {
    to(&[tag]);
    to(&length(value));
    to(value);
}

#[cfg(test)]
mod tests {
    use super::FieldValue::{Bool, Bytes, Float, Integer, Null, Text};
    use super::*;

    const SECRET: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    fn of<const N: usize>(fields: [(&str, FieldValue<'_>); N]) -> Fingerprint {
        FingerprintHasher::new(&SECRET).fingerprint(fields)
    }

    #[test]
    fn the_primitive_is_the_reference_one() {
        // The worked example of the SipHash paper (Aumasson, Bernstein, 2012, appendix A): bytes 00..0e.
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(SipHasher24::new_with_key(&SECRET).hash(&message), 0xa129_ca61_49be_45e5);
        // And of the empty string: a fingerprint of no fields.
        assert_eq!(of([]), Fingerprint::from_raw(0x726f_db47_dd0e_0e31));
    }

    #[test]
    fn fields_are_encoded_with_lengths_and_tags_in_name_order() {
        let encoded =
            b"\x01\0\0\0a\x03\x08\0\0\0\x02\x01\0\0\0\0\0\0\x02\0\0\0bb\0\0\0\0\0\x01\0\0\0c\x01\x03\0\0\0xyz\
            \x01\0\0\0d\x04\x01\0\0\0\x01\x01\0\0\0e\x02\x01\0\0\0\xff";
        let expected = SipHasher24::new_with_key(&SECRET).hash(encoded);
        let fields = [("c", Text("xyz")), ("e", Bytes(&[255])), ("bb", Null), ("d", Bool(true)), ("a", Integer(258))];
        assert_eq!(of(fields), Fingerprint::from_raw(expected));
    }

    #[test]
    fn null_empty_absent_and_types_differ() {
        let all = [
            of([]),
            of([("a", Null)]),
            of([("a", Text(""))]),
            of([("a", Bytes(b""))]),
            of([("a", Text("0"))]),
            of([("a", Integer(0))]),
            of([("a", Float(0.0))]),
            of([("a", Float(-0.0))]),
            of([("a", Bool(false))]),
            of([("a", Text("b")), ("c", Text("d"))]),
            of([("a", Text("bc")), ("", Text("d"))]),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn values_of_one_name_keep_their_order() {
        assert_ne!(of([("a", Text("1")), ("a", Text("2"))]), of([("a", Text("2")), ("a", Text("1"))]));
    }

    #[test]
    fn a_computed_zero_is_not_none() {
        assert_eq!(Fingerprint::from_hash(0).as_raw(), 1);
        assert_eq!(Fingerprint::from_hash(2).as_raw(), 2);
        assert!(Fingerprint::from_raw(0).is_none() && Fingerprint::NONE == Fingerprint::default());
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(format!("{:?}", [Text("ann@x.example"), Integer(7)]), "[Text(..), Integer(..)]");
    }
}
