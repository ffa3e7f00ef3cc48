//! Plain and hashed values as different types.

mod column;
mod digest;
mod nobody;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::reject::Reject;

pub(super) use column::looks_hashed;
pub use column::{ColumnPolicy, DigestShare, read_cell};
pub use digest::Algorithm;
pub(super) use digest::{Digest, base64};

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
    /// The same; of `gmail.com` alone without dots and without `+tag` (UID2, EUID).
    EmailUid2,
    /// In lower case, cut at the first `+`, and of the local part letters and digits alone (Reddit).
    EmailReddit,
    /// In lower case, and of all characters ASCII letters, digits, `.`, `@` and `-` alone (Amazon).
    EmailAmazon,
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
    /// An advertising id in lower case, with hyphens.
    DeviceIdLower,
    /// An advertising id in upper case, with hyphens.
    DeviceIdUpper,
}

/// A value that is hashed already: a digest, and what was hashed, where that is known.
///
/// A digest is never hashed again, and goes out in the form the destination wants whatever form it came in. One whose
/// declared convention is not the destination's is refused (`hashed_unusable`) instead of sent where it can match
/// nobody, and so is one of an algorithm the destination does not take. One without a declaration is sent as it is:
/// declare it wherever members go to more than one platform.
///
/// Digests of nothing (of the empty text, `null`, `test@test.com`, `1234567890` and the like; of MD5 and SHA-1 the one
/// of the empty text alone) are refused as [`Reject::Placeholder`] by every constructor, whatever is said of test
/// values, and so is one of zeros or ones alone.
///
/// `Debug` shows the algorithm, never the digest.
///
/// ```
/// use audience_sync::identity::{Algorithm, HashConvention, Hashed};
///
/// # fn main() -> Result<(), audience_sync::identity::Reject> {
/// let hex = "7799473FF091B38137E0698047364E040446FE7CB3209E8321D5A865127853D0";
/// let hashed = Hashed::parse(hex)?.with_convention(HashConvention::EmailPlain);
/// assert_eq!(hashed.algorithm(), Algorithm::Sha256);
/// assert_eq!(hashed, Hashed::sha256_hex(&format!("sha256:{hex}"))?.with_convention(HashConvention::EmailPlain));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hashed {
    digest: Digest,
    convention: Option<HashConvention>,
}

impl Hashed {
    /// From hex of either case (64 digits SHA-256, 128 SHA-512, 40 SHA-1, 32 MD5), or from 43 or 44 characters of
    /// base64, which are SHA-256.
    ///
    /// White space around, one prefix (the algorithm's word and `:`, or `0x`) and, of SHA-256 in hex, one `.token`
    /// behind (as Meta's parameter builder appends: up to 16 letters, digits, `-` and `_`) are dropped.
    ///
    /// # Errors
    /// [`Reject::MalformedDigest`] and [`Reject::Placeholder`].
    pub fn parse(text: &str) -> Result<Self, Reject> {
        let (named, bare) = strip_prefix(text);
        let (hex, has_token) = strip_token(strip_0x(bare, named));
        let algorithm = Algorithm::of_hex_len(hex.len()).filter(|_| hex.bytes().all(|it| it.is_ascii_hexdigit()));
        match (algorithm, named) {
            (Some(found), Some(named)) if found != named => Err(Reject::MalformedDigest),
            (Some(found), _) if has_token && found != Algorithm::Sha256 => Err(Reject::MalformedDigest),
            (Some(found), _) => Self::new(Digest::from_bare_hex(found, hex)?),
            (None, named) => Self::new(Digest::from_bare_base64(named.unwrap_or(Algorithm::Sha256), bare)?),
        }
    }

    /// From hex, as in [`Self::parse`], of that algorithm alone.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_hex(algorithm: Algorithm, text: &str) -> Result<Self, Reject> {
        let (named, bare) = strip_prefix(text);
        if named.is_some_and(|named| named != algorithm) {
            return Err(Reject::MalformedDigest);
        }
        let bare = strip_0x(bare, named);
        let hex = if algorithm == Algorithm::Sha256 { strip_token(bare).0 } else { bare };
        Self::new(Digest::from_bare_hex(algorithm, hex)?)
    }

    /// From base64 of that algorithm, standard or URL-safe, with padding or without; a prefix as in [`Self::parse`].
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_base64(algorithm: Algorithm, text: &str) -> Result<Self, Reject> {
        let (named, bare) = strip_prefix(text);
        if named.is_some_and(|named| named != algorithm) {
            return Err(Reject::MalformedDigest);
        }
        Self::new(Digest::from_bare_base64(algorithm, bare)?)
    }

    /// From the bytes of the digest itself.
    ///
    /// # Errors
    /// [`Reject::MalformedDigest`] for another number of bytes than the algorithm's, and [`Reject::Placeholder`].
    pub fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, Reject> {
        Self::new(Digest::from_bytes(algorithm, bytes)?)
    }

    /// [`Self::from_hex`] of SHA-256.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn sha256_hex(text: &str) -> Result<Self, Reject> {
        Self::from_hex(Algorithm::Sha256, text)
    }

    /// [`Self::from_base64`] of SHA-256: 44 characters with padding or 43 without.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn sha256_base64(text: &str) -> Result<Self, Reject> {
        Self::from_base64(Algorithm::Sha256, text)
    }

    /// [`Self::from_bytes`] of SHA-256.
    ///
    /// # Errors
    /// [`Reject::Placeholder`].
    pub fn sha256_bytes(digest: [u8; 32]) -> Result<Self, Reject> {
        Self::new(Digest::Sha256(digest))
    }

    fn new(digest: Digest) -> Result<Self, Reject> {
        if nobody::is_nobody(&digest) { Err(Reject::Placeholder) } else { Ok(Self { digest, convention: None }) }
    }

    /// Declares what was hashed.
    #[must_use]
    pub const fn with_convention(mut self, convention: HashConvention) -> Self {
        self.convention = Some(convention);
        self
    }

    /// The digest's bytes, as many as [its algorithm](Self::algorithm) makes.
    pub const fn digest(&self) -> &[u8] {
        self.digest.as_bytes()
    }

    /// What made the digest.
    pub const fn algorithm(&self) -> Algorithm {
        self.digest.algorithm()
    }

    /// What was hashed, where that is declared.
    pub const fn convention(&self) -> Option<HashConvention> {
        self.convention
    }

    pub(super) const fn value(&self) -> &Digest {
        &self.digest
    }
}

impl fmt::Debug for Hashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hashed")
            .field("algorithm", &self.algorithm())
            .field("convention", &self.convention)
            .finish_non_exhaustive()
    }
}

/// What is left without the edges (white space, the byte order mark of a file) and an algorithm's word and `:`.
fn strip_prefix(text: &str) -> (Option<Algorithm>, &str) {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}');
    let named = text.split_once(':').and_then(|(word, rest)| {
        let algorithm = Algorithm::ALL.iter().find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(word))?;
        Some((Some(*algorithm), rest))
    });
    named.unwrap_or((None, text))
}

/// Takes off `0x`, unless another prefix was there.
fn strip_0x(text: &str, named: Option<Algorithm>) -> &str {
    let stripped = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    stripped.filter(|_| named.is_none()).unwrap_or(text)
}

/// Takes off `.token`, and says whether there was one.
fn strip_token(text: &str) -> (&str, bool) {
    let is_token = |token: &str| {
        (1..=16).contains(&token.len())
            && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    match text.split_once('.') {
        Some((hex, token)) if is_token(token) => (hex, true),
        _ => (text, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // ads-core.md 1.4: ada.lovelace@example.org
    const HEX: &str = "7799473ff091b38137e0698047364e040446fe7cb3209e8321d5a865127853d0";
    const SHA512: &str = concat!(
        "8de00f9e3d415482904a6a56c11cad922833e163053bc38d1237b498ee4d2abe",
        "b070b70c3644d2c3c376202abb5a2fc1ebbfa4a0b4bd1711eda4eff7e39573ec"
    );
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
            Hashed::sha256_base64(&format!("sha256:{BASE64}")),
            Hashed::from_bytes(Algorithm::Sha256, hashed.digest()),
            Hashed::parse(&format!("\u{FEFF}SHA256:{}", HEX.to_uppercase())),
            Hashed::parse(&format!("0X{HEX}.AQ")),
            Hashed::parse(BASE64),
            Hashed::parse(url_safe.trim_end_matches('=')),
        ] {
            assert_eq!(same.unwrap(), hashed);
        }
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let around = [
            format!("{HEX}0"),
            format!("0x0x{HEX}"),
            format!("sha256:0x{HEX}"),
            format!("sha1:{HEX}"),
            format!("{HEX}."),
            format!("{HEX}.AQ.AQ"),
            format!("{HEX}.a b"),
            format!("{HEX}.12345678901234567"),
        ];
        for bad in around.iter().map(String::as_str).chain(["", "abc", &HEX[1..], &HEX.replace('7', "g")]) {
            assert_eq!(Hashed::sha256_hex(bad), Err(Reject::MalformedDigest), "{bad}");
            assert_eq!(Hashed::parse(bad), Err(Reject::MalformedDigest), "{bad}");
        }
        assert_eq!(Hashed::sha256_hex(BASE64), Err(Reject::MalformedDigest));
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
        // `printf test@test.com | openssl sha256 -binary | base64`
        let test = "9mCrkS7BIdGx6Sigu0vGGxX1rUTV79xOHJKiXpm45Eo=";
        assert_eq!(Hashed::sha256_base64(test), Err(Reject::Placeholder));
        assert_eq!(Hashed::parse(test), Err(Reject::Placeholder));
        // RFC 1321 appendix A.5, and `sha1sum < /dev/null`.
        assert_eq!(Hashed::parse("d41d8cd98f00b204e9800998ecf8427e"), Err(Reject::Placeholder));
        assert_eq!(Hashed::parse("da39a3ee5e6b4b0d3255bfef95601890afd80709"), Err(Reject::Placeholder));
    }

    #[test]
    fn every_algorithm_is_read_by_its_length() {
        // `printf ada.lovelace@example.org | md5sum`, `sha1sum`, `sha512sum` (ads-core.md 1.4), `openssl md5 -binary | base64`
        for (algorithm, hex) in [
            (Algorithm::Md5, "a0897f0967cd4affeb515028a3447d04"),
            (Algorithm::Sha1, "0b6126cba6e959e56e056bdcdf9d0665458e4cc1"),
            (Algorithm::Sha512, SHA512),
        ] {
            let hashed = Hashed::parse(&hex.to_uppercase()).unwrap();
            assert_eq!(hashed.algorithm(), algorithm);
            assert_eq!(const_hex::encode(hashed.digest()), hex);
            assert_eq!(Hashed::from_hex(algorithm, hex), Ok(hashed));
            assert_eq!(Hashed::parse(&format!("{algorithm}:{hex}")), Ok(hashed));
            assert_eq!(Hashed::from_bytes(algorithm, hashed.digest()), Ok(hashed));
            assert_eq!(Hashed::from_bytes(algorithm, &hashed.digest()[1..]), Err(Reject::MalformedDigest));
            // Meta's parameter builder makes SHA-256 alone.
            assert_eq!(Hashed::parse(&format!("{hex}.AQ")), Err(Reject::MalformedDigest));
            assert_eq!(Hashed::sha256_hex(hex), Err(Reject::MalformedDigest));
        }
        let md5 = Hashed::parse("a0897f0967cd4affeb515028a3447d04").unwrap();
        for same in ["oIl/CWfNSv/rUVAoo0R9BA==", "md5:oIl/CWfNSv/rUVAoo0R9BA"] {
            assert_eq!(Hashed::from_base64(Algorithm::Md5, same), Ok(md5));
        }
        assert_eq!(Hashed::from_base64(Algorithm::Md5, "sha1:oIl/CWfNSv/rUVAoo0R9BA=="), Err(Reject::MalformedDigest));
    }

    #[test]
    fn debug_shows_no_digest() {
        let hashed = Hashed::sha256_hex(HEX).unwrap().with_convention(HashConvention::EmailPlain);
        assert_eq!(format!("{hashed:?}"), "Hashed { algorithm: Sha256, convention: Some(EmailPlain), .. }");
    }
}
