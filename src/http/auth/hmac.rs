//! Signatures with a shared key.

use std::fmt;

use ::hmac::digest::array::Array;
use ::hmac::digest::consts::U64;
use ::hmac::{Hmac, KeyInit, Mac};
use ::http::HeaderName;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{Request, Result, Secret, sensitive};

/// HMAC-SHA256 (RFC 2104, FIPS 180-4) of the parts, one after the other.
///
/// ```
/// use audience_sync::http::hmac_sha256;
/// // RFC 4231, test case 2.
/// let tag = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
/// assert_eq!(tag[..4], [0x5b, 0xdc, 0xc1, 0x46]);
/// ```
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new(&block(key, |long| Sha256::digest(long).to_vec()));
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// HMAC-SHA1 of a text, for protocols that know nothing newer.
#[cfg(feature = "oauth1")]
pub(super) fn hmac_sha1(key: &[u8], text: &[u8]) -> [u8; 20] {
    let mut mac = Hmac::<sha1::Sha1>::new(&block(key, |long| sha1::Sha1::digest(long).to_vec()));
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// The key as one block of the hash: padded, or hashed and padded when it is longer (RFC 2104 section 2).
fn block(key: &[u8], digest: fn(&[u8]) -> Vec<u8>) -> Array<u8, U64> {
    let short = if key.len() > 64 { digest(key) } else { key.to_vec() };
    let mut block = Array::default();
    block.iter_mut().zip(&short).for_each(|(to, from)| *to = *from);
    block
}

/// HMAC-SHA256 of the very bytes of the body, in a header.
///
/// ```
/// use audience_sync::http::{Auth, BodySignature};
/// let name = http::HeaderName::from_static("x-signature-256");
/// let auth = Auth::Signature(BodySignature::new(name, "the shared secret").with_prefix("sha256="));
/// ```
///
/// `Debug` does not show the key.
#[derive(Clone)]
pub struct BodySignature {
    header: HeaderName,
    key: Secret<Vec<u8>>,
    prefix: String,
    base64: bool,
}

impl BodySignature {
    /// Lower-case hex in `header`, under the bytes of `key`.
    pub fn new(header: HeaderName, key: impl AsRef<[u8]>) -> Self {
        Self { header, key: Secret::new(key.as_ref().to_vec()), prefix: String::new(), base64: false }
    }

    /// Base64 with padding (RFC 4648 section 4) in the place of hex.
    #[must_use]
    pub fn with_base64(mut self) -> Self {
        self.base64 = true;
        self
    }

    /// A text in front of the signature: `sha256=`.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    pub(super) fn sign(&self, request: &mut Request) -> Result<()> {
        let tag = hmac_sha256(self.key.expose(), &[&request.body]);
        let text = if self.base64 { STANDARD.encode(tag) } else { const_hex::encode(tag) };
        let value = Secret::new(format!("{}{text}", self.prefix));
        request.headers.insert(self.header.clone(), sensitive(value.expose())?);
        request.mark_secret(value);
        Ok(())
    }
}

impl fmt::Debug for BodySignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodySignature").field("header", &self.header).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use ::http::Method;
    use bytes::Bytes;
    use url::Url;

    use super::*;

    #[test]
    fn tags_are_those_of_the_rfcs() {
        // RFC 4231 sections 4.2, 4.3, 4.4, 4.7 and 4.8: a short key, a text in parts, a long key, a long key and text.
        for (key, parts, tag) in [
            (
                &[0x0b; 20][..],
                &[&b"Hi There"[..]][..],
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                &[b"what do ya", b" want for nothing?"],
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[&[0xdd; 50]], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (
                &[0xaa; 131],
                &[b"Test Using Larger Than Block-Size Key - Hash Key First"],
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                &[0xaa; 131],
                &[
                    b"This is a test using a larger than block-size key and a larger than block-size data. ",
                    b"The key needs to be hashed before being used by the HMAC algorithm.",
                ],
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ] {
            assert_eq!(const_hex::encode(hmac_sha256(key, parts)), tag);
        }
    }

    #[cfg(feature = "oauth1")]
    #[test]
    fn sha1_tags_are_those_of_the_rfc() {
        // RFC 2202 section 3, test cases 2 and 6.
        for (key, text, tag) in [
            (&b"Jefe"[..], &b"what do ya want for nothing?"[..], "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (
                &[0xaa; 80],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "aa4ae5e15272d00e95705637ce8a3b55ed402112",
            ),
        ] {
            assert_eq!(const_hex::encode(hmac_sha1(key, text)), tag);
        }
    }

    #[test]
    fn a_body_is_signed_as_it_goes_out() {
        let name = || HeaderName::from_static("x-signature");
        let signed = |signature: BodySignature| {
            let mut request = Request::new(Method::POST, Url::parse("https://example.com/").unwrap());
            request.body = Bytes::from_static(b"what do ya want for nothing?");
            signature.sign(&mut request).unwrap();
            assert!(request.headers["x-signature"].is_sensitive());
            request.headers["x-signature"].to_str().unwrap().to_owned()
        };
        // RFC 4231 section 4.3.
        let hex = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signed(BodySignature::new(name(), "Jefe")), hex);
        assert_eq!(signed(BodySignature::new(name(), "Jefe").with_prefix("sha256=")), format!("sha256={hex}"));
        assert_eq!(
            signed(BodySignature::new(name(), "Jefe").with_base64()),
            "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="
        );
        assert!(!format!("{:?}", BodySignature::new(name(), "planted")).contains("planted"));
    }
}
