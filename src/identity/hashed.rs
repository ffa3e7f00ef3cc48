//! Plain and hashed values as different types.

use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::clean;
use super::reject::Reject;

/// A value as the host has it. `Debug` shows its length alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Plain(String);

impl Plain {
    /// Takes the value in.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Plain {
    fn from(value: &str) -> Self {
        Self::new(value)
    }
}

impl From<String> for Plain {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plain({} bytes)", self.0.len())
    }
}

/// What was hashed: the form of the value before it became a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HashConvention {
    /// The address trimmed and in lower case.
    EmailPlain,
    /// The same; of `gmail.com` and `googlemail.com` without dots and without `+tag` in the local part.
    EmailGmailFolded,
    /// `+` and digits.
    E164Plus,
    /// Digits with the country code, no `+`.
    E164Digits,
    /// The name trimmed and in lower case.
    NamePlain,
    /// The same without white space and ASCII punctuation.
    NameLetters,
    /// The id trimmed, its case kept.
    ExternalIdPlain,
}

/// A value that is hashed already: a SHA-256 digest, and what was hashed, where that is known.
///
/// A digest is never hashed again, and goes out in the form the destination wants whatever form it came in. One whose
/// declared convention is not the destination's is refused (`hashed_unusable`) instead of sent where it can match
/// nobody. One without a declaration is sent as it is: declare it wherever members go to more than one platform.
///
/// `Debug` never shows the digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hashed {
    digest: [u8; 32],
    convention: Option<HashConvention>,
}

impl Hashed {
    /// From 64 hex digits of either case; `sha256:` or `0x` before and one `.token` behind (as Meta's parameter
    /// builder appends) are dropped.
    ///
    /// # Errors
    /// [`Reject::MalformedDigest`], and [`Reject::Placeholder`] for digests of nothing (the empty text, `null`, `none`
    /// and the like).
    pub fn sha256_hex(text: &str) -> Result<Self, Reject> {
        let text = text.trim();
        let text = ["sha256:", "SHA256:", "0x", "0X"].iter().find_map(|it| text.strip_prefix(it)).unwrap_or(text);
        let text = text.split_once('.').map_or(text, |(hex, _)| hex);
        // `decode_to_slice` would take another `0x`.
        if !clean::is_hex_digest(text) {
            return Err(Reject::MalformedDigest);
        }
        let mut digest = [0; 32];
        const_hex::decode_to_slice(text, &mut digest).map_err(|_| Reject::MalformedDigest)?;
        Self::sha256_bytes(digest)
    }

    /// From base64: 44 characters with padding or 43 without, standard or URL-safe alphabet.
    ///
    /// # Errors
    /// As [`Self::sha256_hex`].
    pub fn sha256_base64(text: &str) -> Result<Self, Reject> {
        Self::sha256_bytes(decode_base64(text.trim()).ok_or(Reject::MalformedDigest)?)
    }

    /// From the digest itself.
    ///
    /// # Errors
    /// [`Reject::Placeholder`] as in [`Self::sha256_hex`].
    pub fn sha256_bytes(digest: [u8; 32]) -> Result<Self, Reject> {
        if NOBODY.contains(&digest) {
            return Err(Reject::Placeholder);
        }
        Ok(Self { digest, convention: None })
    }

    /// Declares what was hashed.
    #[must_use]
    pub const fn with_convention(mut self, convention: HashConvention) -> Self {
        self.convention = Some(convention);
        self
    }

    /// The digest.
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// What was hashed, where that is declared.
    pub const fn convention(&self) -> Option<HashConvention> {
        self.convention
    }
}

impl fmt::Debug for Hashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hashed").field("convention", &self.convention).finish_non_exhaustive()
    }
}

/// Digests that stand for nobody: of every null-like word as it is written in files, and of common fillers.
static NOBODY: LazyLock<HashSet<[u8; 32]>> = LazyLock::new(|| {
    let fillers = ["", " ", "test@test.com", "none@none.com", "test@example.com", "0", "+", "@"];
    let mut digests = HashSet::new();
    for word in clean::NULL_LIKE.iter().chain(&fillers) {
        digests.insert(Sha256::digest(word).into());
        digests.insert(Sha256::digest(word.to_ascii_uppercase()).into());
    }
    for word in ["None", "Null", "NaN", "Unknown", "Undefined", "[object Object]", "\\N"] {
        digests.insert(Sha256::digest(word).into());
    }
    digests
});

/// 32 bytes of base64. By hand, because the base64 crate belongs to the HTTP kit and this room builds without it.
fn decode_base64(text: &str) -> Option<[u8; 32]> {
    let text = if text.len() == 44 { text.strip_suffix('=')? } else { text };
    if text.len() != 43 {
        return None;
    }
    let (mut out, mut at, mut bits, mut held) = ([0; 32], 0, 0_u32, 0_u32);
    for byte in text.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(six);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            *out.get_mut(at)? = u8::try_from((held >> bits) & 0xFF).ok()?;
            at += 1;
            held &= (1 << bits) - 1;
        }
    }
    // 43 characters hold 258 bits: the last two must be zero, or two texts would mean one digest.
    (held == 0).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    // ads-core.md 1.4: ada.lovelace@example.org
    const HEX: &str = "7799473ff091b38137e0698047364e040446fe7cb3209e8321d5a865127853d0";
    const BASE64: &str = "d5lHP/CRs4E34GmARzZOBARG/nyzIJ6DIdWoZRJ4U9A=";

    #[test]
    fn every_form_of_a_digest_is_the_same_digest() {
        let hashed = Hashed::sha256_hex(HEX).unwrap();
        let url_safe = BASE64.replace('/', "_").replace('+', "-");
        for same in [
            Hashed::sha256_hex(&HEX.to_uppercase()),
            Hashed::sha256_hex(&format!(" sha256:{HEX}\n")),
            Hashed::sha256_hex(&format!("0x{HEX}")),
            Hashed::sha256_hex(&format!("{HEX}.AQYBAQIA")),
            Hashed::sha256_base64(BASE64),
            Hashed::sha256_base64(BASE64.trim_end_matches('=')),
            Hashed::sha256_base64(&url_safe),
            Hashed::sha256_bytes(*hashed.digest()),
        ] {
            assert_eq!(same.unwrap(), hashed);
        }
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for bad in ["", "abc", &HEX[1..], &format!("{HEX}0"), &format!("0x0x{HEX}"), &HEX.replace('7', "g"), BASE64] {
            assert_eq!(Hashed::sha256_hex(bad), Err(Reject::MalformedDigest), "{bad}");
        }
        for bad in ["", HEX, &BASE64[1..], &BASE64.replace('P', "*"), &BASE64.replace("9A=", "9B=")] {
            assert_eq!(Hashed::sha256_base64(bad), Err(Reject::MalformedDigest), "{bad}");
        }
    }

    #[test]
    fn digests_of_nothing_are_refused() {
        // FIPS 180-4: SHA-256 of the empty message.
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Hashed::sha256_hex(empty), Err(Reject::Placeholder));
        assert_eq!(Hashed::sha256_hex(&empty.to_uppercase()), Err(Reject::Placeholder));
        // sha256sum of the four letters `null`.
        let null = "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b";
        assert_eq!(Hashed::sha256_hex(null), Err(Reject::Placeholder));
        for word in ["None", "NONE", "undefined", "n/a", " ", "test@test.com"] {
            assert_eq!(Hashed::sha256_bytes(Sha256::digest(word).into()), Err(Reject::Placeholder), "{word}");
        }
    }

    #[test]
    fn debug_shows_no_digest() {
        let hashed = Hashed::sha256_hex(HEX).unwrap().with_convention(HashConvention::EmailPlain);
        assert_eq!(format!("{hashed:?}"), "Hashed { convention: Some(EmailPlain), .. }");
    }
}
