//! An identifier as it goes over the wire.

use std::fmt;

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
    /// A SHA-256 digest.
    Sha256([u8; 32]),
    /// A SHA-256 digest that is sent as base64.
    Sha256Base64([u8; 32]),
    /// The value itself, for destinations that key on it.
    Clear(Box<str>),
}

impl WireValue {
    /// A clear value.
    pub fn clear(value: impl Into<Box<str>>) -> Self {
        Self::Clear(value.into())
    }

    /// The bytes: the 32 of the digest, or the UTF-8 of the clear value.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha256(digest) | Self::Sha256Base64(digest) => digest,
            Self::Clear(value) => value.as_bytes(),
        }
    }

    /// How many bytes are sent: 64 for a digest in hex, 44 in base64, or the length of the clear value.
    pub fn wire_len(&self) -> usize {
        match self {
            Self::Sha256(_) => 64,
            Self::Sha256Base64(_) => 44,
            Self::Clear(value) => value.len(),
        }
    }

    /// The digest, where it is one.
    pub const fn digest(&self) -> Option<&[u8; 32]> {
        match self {
            Self::Sha256(digest) | Self::Sha256Base64(digest) => Some(digest),
            Self::Clear(_) => None,
        }
    }

    /// The clear value, where it is one.
    pub const fn as_clear(&self) -> Option<&str> {
        match self {
            Self::Sha256(_) | Self::Sha256Base64(_) => None,
            Self::Clear(value) => Some(value),
        }
    }

    /// Appends what is sent: 64 lower-case hex digits, 44 characters of base64, or the clear value as it is.
    pub fn write_to(&self, out: &mut String) {
        match self {
            Self::Sha256(digest) => out.push_str(const_hex::Buffer::<32>::new().format(digest)),
            Self::Sha256Base64(digest) => write_base64(digest, out),
            Self::Clear(value) => out.push_str(value),
        }
    }

    /// What is sent: 64 lower-case hex digits, 44 characters of base64, or the clear value as it is.
    pub fn to_wire_string(&self) -> String {
        let mut out = String::with_capacity(64);
        self.write_to(&mut out);
        out
    }
}

/// Standard alphabet with padding. By hand, because the base64 crate belongs to the HTTP kit and this room builds
/// without it.
fn write_base64(digest: &[u8; 32], out: &mut String) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in digest.chunks(3) {
        let mut held = [0; 3];
        held[..group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes([0, held[0], held[1], held[2]]);
        for (index, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = LETTERS[(bits >> shift & 63) as usize];
            out.push(if index > group.len() { '=' } else { char::from(letter) });
        }
    }
}

impl fmt::Debug for WireValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(_) => f.write_str("Sha256"),
            Self::Sha256Base64(_) => f.write_str("Sha256Base64"),
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
}
