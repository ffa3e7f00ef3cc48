//! An identifier as it goes over the wire.

use std::fmt;

use super::hashed::{Algorithm, base64};
use super::kind::IdentifierKind;

/// One identifier in exactly the form one destination matches on.
///
/// Not serializable by serde on purpose: what is stored of it is stored encrypted, by the rooms that do that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    /// What it is.
    pub kind: IdentifierKind,
    /// What is sent.
    pub value: WireValue,
}

impl Identifier {
    /// An identifier.
    pub const fn new(kind: IdentifierKind, value: WireValue) -> Self {
        Self { kind, value }
    }
}

/// The value that is sent.
///
/// `Debug` shows the form and the length, never the value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum WireValue {
    /// A SHA-256 digest, sent as hex.
    Sha256([u8; 32]),
    /// The value itself, for destinations that key on it.
    Clear(Box<str>),
    /// A SHA-256 digest, sent as base64.
    Sha256Base64([u8; 32]),
    /// A SHA-512 digest, sent as hex.
    Sha512(Box<[u8; 64]>),
    /// A SHA-1 digest, sent as hex.
    Sha1([u8; 20]),
    /// An MD5 digest, sent as hex.
    Md5([u8; 16]),
}

impl WireValue {
    /// A clear value.
    pub fn clear(value: impl Into<Box<str>>) -> Self {
        Self::Clear(value.into())
    }

    /// The bytes: those of the digest, or the UTF-8 of the clear value.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha256(digest) | Self::Sha256Base64(digest) => digest,
            Self::Clear(value) => value.as_bytes(),
            Self::Sha512(digest) => &**digest,
            Self::Sha1(digest) => digest,
            Self::Md5(digest) => digest,
        }
    }

    /// How many bytes are sent: two for each byte of a digest in hex, 44 for one in base64, or the length of the clear
    /// value.
    pub fn wire_len(&self) -> usize {
        match self {
            Self::Clear(value) => value.len(),
            Self::Sha256Base64(_) => 44,
            hex => hex.as_bytes().len() * 2,
        }
    }

    /// What made the digest, where it is one.
    pub const fn algorithm(&self) -> Option<Algorithm> {
        match self {
            Self::Sha256(_) | Self::Sha256Base64(_) => Some(Algorithm::Sha256),
            Self::Sha512(_) => Some(Algorithm::Sha512),
            Self::Sha1(_) => Some(Algorithm::Sha1),
            Self::Md5(_) => Some(Algorithm::Md5),
            Self::Clear(_) => None,
        }
    }

    /// The SHA-256 digest, where it is one.
    pub const fn digest(&self) -> Option<&[u8; 32]> {
        match self {
            Self::Sha256(digest) | Self::Sha256Base64(digest) => Some(digest),
            _ => None,
        }
    }

    /// The clear value, where it is one.
    pub const fn as_clear(&self) -> Option<&str> {
        match self {
            Self::Clear(value) => Some(value),
            _ => None,
        }
    }

    /// Appends what is sent: lower-case hex or base64 of a digest, or the clear value as it is.
    pub fn write_to(&self, out: &mut String) {
        match self {
            Self::Sha256(digest) => out.push_str(const_hex::Buffer::<32>::new().format(digest)),
            Self::Sha512(digest) => out.push_str(const_hex::Buffer::<64>::new().format(digest)),
            Self::Sha1(digest) => out.push_str(const_hex::Buffer::<20>::new().format(digest)),
            Self::Md5(digest) => out.push_str(const_hex::Buffer::<16>::new().format(digest)),
            Self::Sha256Base64(digest) => out.extend(base64(digest).map(char::from)),
            Self::Clear(value) => out.push_str(value),
        }
    }

    /// What is sent, as [`Self::write_to`] writes it.
    pub fn to_wire_string(&self) -> String {
        let mut out = String::with_capacity(self.wire_len());
        self.write_to(&mut out);
        out
    }
}

impl fmt::Debug for WireValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(_) => f.write_str("Sha256"),
            Self::Sha256Base64(_) => f.write_str("Sha256Base64"),
            Self::Sha512(_) => f.write_str("Sha512"),
            Self::Sha1(_) => f.write_str("Sha1"),
            Self::Md5(_) => f.write_str("Md5"),
            Self::Clear(value) => write!(f, "Clear({} bytes)", value.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_lower_case_hex_and_nothing_prints() {
        let digest = Identifier::new(IdentifierKind::Email, WireValue::Sha256([0xAB; 32]));
        assert_eq!(digest.value.to_wire_string(), "ab".repeat(32));
        let clear = Identifier::new(IdentifierKind::ExternalId, WireValue::clear("C-1001"));
        assert_eq!((clear.value.to_wire_string().as_str(), clear.value.as_bytes()), ("C-1001", &b"C-1001"[..]));
        assert_eq!(format!("{digest:?}"), "Identifier { kind: Email, value: Sha256 }");
        assert_eq!(format!("{clear:?}"), "Identifier { kind: ExternalId, value: Clear(6 bytes) }");
    }
    #[test]
    fn every_digest_has_its_form_on_the_wire() {
        // `head -c N /dev/zero | tr '\\0' '\\253' | base64` for the base64.
        let base64 = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=";
        for (value, wire, shown) in [
            (WireValue::Sha256Base64([0xAB; 32]), base64.to_owned(), "Sha256Base64"),
            (WireValue::Sha512(Box::new([0xAB; 64])), "ab".repeat(64), "Sha512"),
            (WireValue::Sha1([0xAB; 20]), "ab".repeat(20), "Sha1"),
            (WireValue::Md5([0xAB; 16]), "ab".repeat(16), "Md5"),
            (WireValue::clear("C-1"), "C-1".to_owned(), "Clear(3 bytes)"),
        ] {
            assert_eq!(value.to_wire_string(), wire);
            assert_eq!(value.wire_len(), wire.len());
            assert_eq!(format!("{value:?}"), shown);
            assert_eq!(value.algorithm().is_none(), value.as_clear().is_some());
        }
    }
}
