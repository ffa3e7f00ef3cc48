//! OAuth 1.0a (RFC 5849): requests signed with two pairs of keys and secrets.

use std::fmt;

use ::http::header::{AUTHORIZATION, CONTENT_TYPE};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::{Position, Url, form_urlencoded};

use super::hmac::{hmac_sha1, hmac_sha256};
use super::{Clock, Request, Result, Secret, sensitive, visible};

/// How a signature is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OAuth1Method {
    /// `HMAC-SHA1`, RFC 5849 section 3.4.2.
    #[default]
    HmacSha1,
    /// `HMAC-SHA256`, the same with the newer hash, where a platform takes it.
    HmacSha256,
}

impl OAuth1Method {
    fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha1 => "HMAC-SHA1",
            Self::HmacSha256 => "HMAC-SHA256",
        }
    }
}

/// The keys of an application and of the account that let it in.
///
/// Query parameters are signed; those of a form body too; any other body is not (RFC 5849 section 3.4.1.3.1). Each
/// request gets a nonce and the time of the client's clock.
///
/// `Debug` shows the method only.
#[derive(Clone)]
pub struct OAuth1 {
    consumer_key: String,
    consumer_secret: Secret<String>,
    token: String,
    token_secret: Secret<String>,
    method: OAuth1Method,
    realm: Option<String>,
}

impl OAuth1 {
    /// The application's key and secret, and the account's token and secret. Signs with HMAC-SHA1.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a part that is empty or has anything but visible ASCII
    /// characters.
    pub fn new(
        consumer_key: impl Into<String>,
        consumer_secret: impl Into<Secret<String>>,
        token: impl Into<String>,
        token_secret: impl Into<Secret<String>>,
    ) -> Result<Self> {
        let (consumer_key, token) = (consumer_key.into(), token.into());
        let (consumer_secret, token_secret) = (consumer_secret.into(), token_secret.into());
        for part in [&consumer_key, consumer_secret.expose(), &token, token_secret.expose()] {
            visible(part, false)?;
        }
        let method = OAuth1Method::default();
        Ok(Self { consumer_key, consumer_secret, token, token_secret, method, realm: None })
    }

    /// Sets how signatures are made.
    #[must_use]
    pub fn with_method(mut self, method: OAuth1Method) -> Self {
        self.method = method;
        self
    }

    /// Names a realm in the header. It is not signed.
    #[must_use]
    pub fn with_realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    pub(super) fn sign(&self, request: &mut Request, clock: &dyn Clock) -> Result<()> {
        let nonce = format!("{:016x}{:016x}", clock.jitter(), clock.jitter());
        let header = self.header(request, &clock.now().as_secs().to_string(), &nonce);
        request.headers.insert(AUTHORIZATION, sensitive(header.expose())?);
        for secret in [&self.consumer_secret, &self.token_secret] {
            request.mark_secret(secret.clone());
        }
        request.mark_secret(Secret::from(self.token.as_str()));
        Ok(())
    }

    /// The value of the header, RFC 5849 section 3.5.1.
    fn header(&self, request: &Request, timestamp: &str, nonce: &str) -> Secret<String> {
        let parameters = [
            ("oauth_consumer_key", self.consumer_key.as_str()),
            ("oauth_nonce", nonce),
            ("oauth_signature_method", self.method.as_str()),
            ("oauth_timestamp", timestamp),
            ("oauth_token", &self.token),
            ("oauth_version", "1.0"),
        ];
        let signature = self.signature(&base_string(request, &parameters));
        let mut header = String::from("OAuth ");
        if let Some(realm) = &self.realm {
            header.push_str(&format!("realm=\"{}\", ", encode(realm)));
        }
        for (name, value) in parameters.iter().chain(&[("oauth_signature", signature.as_str())]) {
            header.push_str(&format!("{name}=\"{}\", ", encode(value)));
        }
        header.truncate(header.len() - 2);
        Secret::new(header)
    }

    /// RFC 5849 section 3.4.2.
    fn signature(&self, base: &str) -> String {
        let secrets = (self.consumer_secret.expose(), self.token_secret.expose());
        let key = Secret::new(format!("{}&{}", encode(secrets.0), encode(secrets.1)));
        match self.method {
            OAuth1Method::HmacSha1 => STANDARD.encode(hmac_sha1(key.expose().as_bytes(), base.as_bytes())),
            OAuth1Method::HmacSha256 => STANDARD.encode(hmac_sha256(key.expose().as_bytes(), &[base.as_bytes()])),
        }
    }
}

impl fmt::Debug for OAuth1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth1").field("method", &self.method).finish_non_exhaustive()
    }
}

/// What is signed, RFC 5849 section 3.4.1.
fn base_string(request: &Request, oauth: &[(&str, &str)]) -> String {
    let mut pairs: Vec<(String, String)> = oauth.iter().map(|(name, value)| (encode(name), encode(value))).collect();
    let mut add = |text: &[u8]| {
        pairs.extend(form_urlencoded::parse(text).map(|(name, value)| (encode(&name), encode(&value))));
    };
    add(request.url.query().unwrap_or_default().as_bytes());
    let form = request.headers.get(CONTENT_TYPE).is_some_and(|value| {
        value.as_bytes().split(|byte| *byte == b';').next() == Some(b"application/x-www-form-urlencoded")
    });
    if form {
        add(&request.body);
    }
    pairs.sort();
    let joined: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}&{}&{}", request.method, encode(base_uri(&request.url)), encode(&joined.join("&")))
}

/// Scheme, host, port where it is not the scheme's own, and path, RFC 5849 section 3.4.1.2; a parsed URL is in order.
fn base_uri(url: &Url) -> &str {
    &url[..Position::AfterPath]
}

/// RFC 5849 section 3.6: everything but the unreserved characters of RFC 3986, in upper-case hex.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use ::http::{HeaderValue, Method};
    use bytes::Bytes;

    use super::*;
    use crate::testkit::ManualClock;
    use crate::time::Timestamp;

    fn request(method: Method, url: &str) -> Request {
        Request::new(method, Url::parse(url).unwrap())
    }

    fn credential(keys: [&str; 4]) -> OAuth1 {
        OAuth1::new(keys[0], keys[1], keys[2], keys[3]).unwrap()
    }

    #[test]
    fn the_base_string_is_that_of_the_rfc() {
        // RFC 5849 sections 3.4.1.1 and 3.4.1.3: a query and a form with empty values, equal names and encoded marks.
        let mut request = request(Method::POST, "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b");
        request
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"));
        request.body = Bytes::from_static(b"c2&a3=2+q");
        let oauth = [
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
        ];
        assert_eq!(
            base_string(&request, &oauth),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540\
             %3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3D\
             HMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
        );
    }

    #[test]
    fn the_signature_is_that_of_the_rfc() {
        // RFC 5849 section 1.2, the last request of the example; it sends no version.
        let keys = ["dpf43f3p2l4k3l03", "kd94hf93k423kf44", "nnch734d00sl2jdk", "pfkkdhi9sl3r4s00"];
        let oauth = [
            ("oauth_consumer_key", keys[0]),
            ("oauth_token", keys[2]),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131202"),
            ("oauth_nonce", "chapoH"),
        ];
        let request = request(Method::GET, "http://photos.example.net/photos?file=vacation.jpg&size=original");
        let signature = credential(keys).signature(&base_string(&request, &oauth));
        assert_eq!(signature, "MdpQcU8iPSUjWoN/UDMsK2sui9I=");
    }

    #[test]
    fn headers_are_signed_as_an_ad_platform_wants_them() {
        // Made with an independent library (oauthlib): a JSON body is not signed, a query is.
        let credential = credential(["ck1", "cs1", "at1", "ts1"]);
        let base = "https://ads-api.x.com/12/accounts/18ce54abc/custom_audiences";
        let mut users = request(Method::POST, &format!("{base}/1nmth/users"));
        users.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        users.body = Bytes::from_static(br#"[{"operation_type":"Update"}]"#);
        assert_eq!(
            credential.header(&users, "1795457000", "n0nce1").expose(),
            "OAuth oauth_consumer_key=\"ck1\", oauth_nonce=\"n0nce1\", oauth_signature_method=\"HMAC-SHA1\", \
             oauth_timestamp=\"1795457000\", oauth_token=\"at1\", oauth_version=\"1.0\", \
             oauth_signature=\"qQkkddy%2BR0jH2I1BlVbJq7l5mew%3D\""
        );
        let create = request(Method::POST, &format!("{base}?name=CI%20%7C%20Cart%20Abandon"));
        let header = credential.header(&create, "1795457000", "n0nce1");
        assert!(header.expose().contains("oauth_signature=\"iKSRJ83ZIy52RAHneN61PYCsFMI%3D\""), "{}", header.expose());
    }

    #[test]
    fn each_request_has_its_time_and_a_nonce_of_its_own() {
        let clock = ManualClock::new().at(Timestamp::from_secs(1_795_457_000));
        let credential =
            credential(["ck1", "planted", "tok1", "planted"]).with_method(OAuth1Method::HmacSha256).with_realm("Ads");
        let mut nonces = Vec::new();
        for _ in 0..2 {
            let mut request = request(Method::GET, "https://example.com/a?b=c");
            credential.sign(&mut request, &clock).unwrap();
            let value = &request.headers[AUTHORIZATION];
            assert!(value.is_sensitive());
            let text = value.to_str().unwrap();
            assert!(text.starts_with("OAuth realm=\"Ads\", oauth_consumer_key=\"ck1\", "), "{text}");
            assert!(text.contains("oauth_signature_method=\"HMAC-SHA256\", oauth_timestamp=\"1795457000\""), "{text}");
            assert!(!text.contains("planted"));
            let nonce = text.split("oauth_nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
            assert_eq!(nonce.len(), 32);
            nonces.push(nonce);
        }
        assert_ne!(nonces[0], nonces[1]);
        assert!(!format!("{credential:?}").contains("planted"));
    }

    #[test]
    fn a_part_that_cannot_be_right_is_refused() {
        for keys in [["", "a", "b", "c"], ["a", "planted\n", "b", "c"], ["a", "b", " planted", "c"]] {
            let error = OAuth1::new(keys[0], keys[1], keys[2], keys[3]).unwrap_err();
            assert!(!format!("{error:?}").contains("planted"));
        }
    }
}
