//! Texts signed with RSA: what service accounts and key pairs show instead of a password.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Error, ErrorKind, Result, Secret, config};
use crate::time::Timestamp;

/// How long a signed text is good for; Google takes an hour at most (developers.google.com, "Using OAuth 2.0 for Server
/// to Server Applications", read 2026-11-23), and so does Snowflake.
const LIFETIME: Duration = Duration::from_secs(3_600);

/// A private RSA key of 2048 to 8192 bits. A cheap clone.
///
/// `Debug` does not show it.
#[derive(Clone)]
pub struct RsaKey(Arc<KeyPair>);

impl RsaKey {
    /// Reads an unencrypted key: PEM with `PRIVATE KEY` (PKCS#8) or `RSA PRIVATE KEY` (PKCS#1).
    ///
    /// Line breaks may be written as `\n`, as they often are where a key went through an environment variable.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for anything else; the message does not quote it.
    pub fn from_pem(pem: &Secret<String>) -> Result<Self> {
        let text = Secret::new(pem.expose().replace("\\n", "\n"));
        let (label, der) = decode(text.expose())?;
        let key = match label {
            "PRIVATE KEY" => KeyPair::from_pkcs8(der.expose()),
            "RSA PRIVATE KEY" => KeyPair::from_der(der.expose()),
            "ENCRYPTED PRIVATE KEY" => {
                return Err(config(
                    "expected an unencrypted private key, found an encrypted one; decrypt it with `openssl pkey`",
                ));
            }
            _ => return Err(config("expected a private key (PEM), found something else in PEM")),
        };
        key.map(|key| Self(Arc::new(key)))
            .map_err(|_| config("expected a private RSA key of 2048 bits or more, found another or a damaged one"))
    }

    /// `SHA256:` and the base64 of the SHA-256 of the public key (DER, `SubjectPublicKeyInfo`): how a platform that was
    /// given the public key names it.
    ///
    /// # Errors
    /// [`ErrorKind::Bug`] when the public key cannot be written.
    pub fn fingerprint(&self) -> Result<String> {
        let public = self.0.public_key().as_der().map_err(|_| bug("a key whose public part can be written"))?;
        Ok(format!("SHA256:{}", STANDARD.encode(Sha256::digest(public.as_ref()))))
    }

    /// Header, claims and RS256 signature (RFC 7515 section 7.1, RFC 7518 section 3.3).
    fn sign(&self, header: &impl Serialize, claims: &impl Serialize) -> Result<Secret<String>> {
        let json = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        let header = serde_json::to_vec(header).map_err(|_| bug("a header that has a form in JSON"))?;
        let claims = serde_json::to_vec(claims).map_err(|_| bug("claims that have a form in JSON"))?;
        self.sign_text(format!("{}.{}", json(&header), json(&claims)))
    }

    fn sign_text(&self, text: String) -> Result<Secret<String>> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| bug("a key that signs"))?;
        Ok(Secret::new(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaKey([secret])")
    }
}

/// The label and the content of the first block of PEM, RFC 7468.
fn decode(text: &str) -> Result<(&str, Secret<Vec<u8>>)> {
    let block = || {
        let (label, rest) = text.split_once("-----BEGIN ")?.1.split_once("-----")?;
        let (content, _) = rest.split_once("-----END ")?;
        let content: Secret<String> = Secret::new(content.split_whitespace().collect());
        Some((label, Secret::new(STANDARD.decode(content.expose()).ok()?)))
    };
    block().ok_or_else(|| config("expected a private key (PEM, beginning with -----BEGIN), found something else"))
}

fn bug(expected: &str) -> Error {
    Error::new(ErrorKind::Bug, format!("expected {expected}, found one that does not"))
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

impl<'a> Header<'a> {
    fn new(kid: Option<&'a str>) -> Self {
        Self { alg: "RS256", typ: "JWT", kid }
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    iat: i64,
    exp: i64,
}

/// The key file of a Google service account, as the console gives it out: `serde_json::from_str` reads it.
///
/// Fields that are not needed are not looked at. `Debug` shows no secret.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct ServiceAccountKey {
    /// The account's address.
    pub client_email: String,
    /// The key in PEM.
    pub private_key: Secret<String>,
    /// The key's name.
    #[serde(default)]
    pub private_key_id: Option<String>,
    /// Where tokens are given out. Default `https://oauth2.googleapis.com/token`.
    #[serde(default = "google_tokens")]
    pub token_uri: String,
}

fn google_tokens() -> String {
    "https://oauth2.googleapis.com/token".to_owned()
}

/// What a service account shows for an access token (RFC 7523): a text signed with its key.
#[derive(Clone, Debug)]
pub(super) struct Assertion {
    key: RsaKey,
    key_id: Option<String>,
    issuer: String,
    audience: String,
    scope: String,
    subject: Option<String>,
}

impl Assertion {
    pub(super) fn new(account: &ServiceAccountKey, scopes: &[&str], subject: Option<&str>) -> Result<Self> {
        Ok(Self {
            key: RsaKey::from_pem(&account.private_key)?,
            key_id: account.private_key_id.clone(),
            issuer: account.client_email.clone(),
            audience: account.token_uri.clone(),
            scope: scopes.join(" "),
            subject: subject.map(str::to_owned),
        })
    }

    pub(super) fn sign(&self, now: Timestamp) -> Result<Secret<String>> {
        let claims = Claims {
            iss: &self.issuer,
            sub: self.subject.as_deref(),
            scope: Some(&self.scope),
            aud: Some(&self.audience),
            iat: now.as_secs(),
            exp: now.plus(LIFETIME).as_secs(),
        };
        self.key.sign(&Header::new(self.key_id.as_deref()), &claims)
    }
}

/// A text that is signed here and is the access token itself: a key pair's sign-in, as Snowflake has it.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    key: RsaKey,
    issuer: String,
    subject: String,
}

impl SelfSigned {
    /// Texts of `issuer` about `subject`, good for an hour.
    pub fn new(key: RsaKey, issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        Self { key, issuer: issuer.into(), subject: subject.into() }
    }

    /// The text, and how long it is good for.
    pub(super) fn sign(&self, now: Timestamp) -> Result<(Secret<String>, Duration)> {
        let claims = Claims {
            iss: &self.issuer,
            sub: Some(&self.subject),
            scope: None,
            aud: None,
            iat: now.as_secs(),
            exp: now.plus(LIFETIME).as_secs(),
        };
        Ok((self.key.sign(&Header::new(None), &claims)?, LIFETIME))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The key of RFC 7515 appendix A.2.1, as PKCS#8.
    pub(in crate::http) const KEY: &str = include_str!("rfc7515.pem");

    const NOW: Timestamp = Timestamp::from_millis(1_795_428_900_999);

    fn key() -> RsaKey {
        RsaKey::from_pem(&KEY.into()).unwrap()
    }

    fn parts(text: &Secret<String>) -> (serde_json::Value, serde_json::Value) {
        let part = |index| {
            let part = text.expose().split('.').nth(index).unwrap();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        (part(0), part(1))
    }

    #[test]
    fn signatures_are_those_of_the_rfc() {
        // RFC 7515 appendix A.2.1: the signing input with its line breaks, and the signature.
        let input = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9p\
                     c19yb290Ijp0cnVlfQ";
        let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5j\
                         ujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L0\
                         7Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUip\
                         UTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
        assert_eq!(key().sign_text(input.to_owned()).unwrap().expose(), &format!("{input}.{signature}"));
    }

    #[test]
    fn a_fingerprint_is_that_of_the_public_key() {
        // `openssl pkey -pubout -outform DER | openssl dgst -sha256 -binary | base64`.
        assert_eq!(key().fingerprint().unwrap(), "SHA256:b9E8JDWjYefFiM0X9V9a098Bd6ZsFyemogCEX016uIw=");
    }

    #[test]
    fn keys_are_read_however_they_were_passed_on() {
        let one_line = KEY.replace('\n', "\\n");
        let windows = KEY.replace('\n', "\r\n");
        let spoken_of = format!("the key:\n{KEY}and so on");
        for text in [one_line, windows, spoken_of] {
            assert_eq!(RsaKey::from_pem(&text.into()).unwrap().fingerprint().unwrap(), key().fingerprint().unwrap());
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_quoted() {
        for text in [
            String::new(),
            "planted".to_owned(),
            "-----BEGIN PRIVATE KEY-----\nplanted".to_owned(),
            "-----BEGIN PRIVATE KEY-----\nplanted!\n-----END PRIVATE KEY-----".to_owned(),
            "-----BEGIN PRIVATE KEY-----\ncGxhbnRlZA==\n-----END PRIVATE KEY-----".to_owned(),
            KEY.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
            KEY.replace("PRIVATE KEY", "CERTIFICATE"),
            KEY.replace("PRIVATE KEY", "RSA PRIVATE KEY"),
            KEY.replace("MIIE", "MIIF"),
        ] {
            let error = RsaKey::from_pem(&text.into()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let printed = format!("{error:?}");
            assert!(!printed.contains("planted") && !printed.contains("MII"), "{printed}");
        }
        assert_eq!(format!("{:?}", key()), "RsaKey([secret])");
    }

    #[test]
    fn a_service_account_asserts_what_google_wants() {
        let text = serde_json::json!({
            "type": "service_account", "project_id": "p", "private_key_id": "k1", "private_key": KEY,
            "client_email": "sync@p.iam.gserviceaccount.com", "client_id": "1",
        });
        let account: ServiceAccountKey = serde_json::from_value(text).unwrap();
        assert!(!format!("{account:?}").contains("BEGIN"));
        let scopes = ["https://www.googleapis.com/auth/datamanager", "b"];
        let (header, claims) = parts(&Assertion::new(&account, &scopes, None).unwrap().sign(NOW).unwrap());
        assert_eq!(header, serde_json::json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" }));
        let mut expected = serde_json::json!({
            "iss": "sync@p.iam.gserviceaccount.com", "scope": "https://www.googleapis.com/auth/datamanager b",
            "aud": "https://oauth2.googleapis.com/token", "iat": 1_795_428_900, "exp": 1_795_432_500,
        });
        assert_eq!(claims, expected);
        let delegated = Assertion::new(&account, &scopes, Some("ops@example.com")).unwrap().sign(NOW).unwrap();
        expected["sub"] = "ops@example.com".into();
        assert_eq!(parts(&delegated).1, expected);
    }

    #[test]
    fn a_key_pair_signs_itself_in() {
        let signed = SelfSigned::new(key(), "ORG-ACC.SYNC.SHA256:b9E8", "ORG-ACC.SYNC").sign(NOW).unwrap();
        let (header, claims) = parts(&signed.0);
        assert_eq!(header, serde_json::json!({ "alg": "RS256", "typ": "JWT" }));
        let expected = serde_json::json!({
            "iss": "ORG-ACC.SYNC.SHA256:b9E8", "sub": "ORG-ACC.SYNC", "iat": 1_795_428_900, "exp": 1_795_432_500,
        });
        assert_eq!((claims, signed.1.as_secs()), (expected, 3_600));
    }
}
