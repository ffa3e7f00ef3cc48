//! The address of a host that a configuration names.

use std::fmt;

use url::Url;

use super::guard::{UrlGuard, refused};
use super::safe_url;
use crate::error::{Doing, Error, ErrorKind, Result};

/// The longest base URL that is taken, in bytes.
const LONGEST: usize = 2_048;

/// A URL that has passed the [`UrlGuard`], and the only way to build request URLs for a host the user names.
///
/// ```
/// use audience_sync::http::BaseUrl;
/// let base = BaseUrl::parse("https://api.example.com/v1")?;
/// let url = base.join(&["people", "a/b"], &[("limit", "5")])?;
/// assert_eq!(url.as_str(), "https://api.example.com/v1/people/a%2Fb?limit=5");
/// assert!(BaseUrl::parse("https://169.254.169.254/latest").is_err());
/// # Ok::<(), audience_sync::error::Error>(())
/// ```
///
/// `Debug` shows what [`safe_url`] shows.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Reads a base URL under the [`UrlGuard`]'s rule without exception.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for anything but `https://` with a public host and perhaps a port and a path. The text is
    /// not repeated.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_with(text, UrlGuard::new())
    }

    /// Reads a base URL under `guard`.
    ///
    /// # Errors
    /// As [`BaseUrl::parse`].
    pub fn parse_with(text: &str, guard: UrlGuard) -> Result<Self> {
        parse(text, guard).map(Self).doing(|| "read a base URL")
    }

    /// This URL with more path segments and a query. Both are encoded: a segment never becomes two, and a value never
    /// becomes a pair.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a segment that a URL cannot carry: empty, `.`, `..`, or with control characters.
    pub fn join(&self, path_segments: &[&str], query: &[(&str, &str)]) -> Result<Url> {
        // A parser would drop these silently, and the request would go somewhere else.
        if path_segments.iter().any(|&text| matches!(text, "" | "." | "..") || text.chars().any(char::is_control)) {
            return Err(Error::new(
                ErrorKind::Config,
                "expected path segments with text, found one that is empty, only dots, or has control characters",
            )
            .doing("build a request URL"));
        }
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(path_segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// The URL itself.
    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({})", safe_url(&self.0))
    }
}

/// A URL parser forgives much (line breaks, missing and surplus slashes, backslashes); what it would forgive is refused
/// before, so that what a person reads is what is called.
fn parse(text: &str, guard: UrlGuard) -> Result<Url> {
    if text.len() > LONGEST {
        return Err(refused("at most 2048 bytes", "a longer one"));
    }
    if text.chars().any(|char| char.is_control() || char.is_whitespace() || char == '\\') {
        return Err(refused("no spaces, control characters or backslashes", "one"));
    }
    let Some((_, after)) = text.split_once("://") else {
        return Err(refused("https:// in front", "none"));
    };
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err(refused("a host", "none"));
    }
    // The parser drops an empty user name.
    if authority.contains('@') {
        return Err(refused("no credentials", "some; put them into the configuration's own fields"));
    }
    // The parser's own words say which rule, never the text.
    let url = Url::parse(text).map_err(|error| refused("a well-formed host and port", &error.to_string()))?;
    guard.check(&url)?;
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_urls_are_refused_without_being_repeated() {
        for text in [
            // Schemes and forms.
            "",
            "planted",
            "api.planted.com",
            "//api.planted.com",
            "http://api.planted.com",
            "ftp://api.planted.com",
            "file:///etc/planted",
            "javascript:planted",
            "data:text/plain,planted",
            "gopher://api.planted.com",
            "https:api.planted.com",
            "https:/api.planted.com",
            "https://",
            "https:///api.planted.com",
            "https:\\\\api.planted.com",
            "https://api.planted.com\\@10.0.0.1",
            " https://api.planted.com",
            "https://api.planted.com\n",
            "https://api.pla\tnted.com",
            "https://api.planted.com:99999",
            "https://api.planted.com:x",
            "https://[::1",
            "https://a b.planted.com",
            "https://%00.planted.com",
            // Credentials, query, fragment.
            "https://planted@api.example.com",
            "https://user:planted@api.example.com",
            "https://@api.planted.com",
            "https://:@api.planted.com",
            "https://api.planted.com@10.0.0.1",
            "https://api.example.com?key=planted",
            "https://api.planted.com/?",
            "https://api.planted.com/#",
            "https://api.example.com/#planted",
            // Names of this machine and of private networks.
            "https://localhost",
            "https://LOCALHOST",
            "https://localhost.",
            "https://planted.localhost",
            "https://planted.local",
            "https://planted.internal",
            "https://metadata.google.internal/computeMetadata/v1",
            "https://metadata.google.internal./",
            "https://router.home.arpa",
            "https://planted.lan",
            "https://planted",
            "https://planted.",
            "https://ip6-localhost",
            "https://localhost.localdomain",
            "https://planted..",
            // IPv4 in all its spellings.
            "https://127.0.0.1",
            "https://127.1",
            "https://127.0.0.1.",
            "https://2130706433",
            "https://0x7f000001",
            "https://0x7f.1",
            "https://0177.0.0.1",
            "https://%31%32%37.0.0.1",
            "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1",
            "https://127\u{3002}0\u{3002}0\u{3002}1",
            "https://\u{2460}27.0.0.1",
            "https://0.0.0.0",
            "https://0",
            "https://10.1.2.3",
            "https://100.64.0.1",
            "https://100.100.100.200",
            "https://168.63.129.16",
            "https://169.254.169.254/latest/meta-data",
            "https://172.16.0.1",
            "https://172.31.255.254",
            "https://192.0.0.192",
            "https://192.0.2.1",
            "https://192.168.0.1:8443",
            "https://198.18.0.1",
            "https://198.51.100.7",
            "https://203.0.113.7",
            "https://224.0.0.251",
            "https://240.0.0.1",
            "https://255.255.255.255",
            // IPv6, and IPv4 inside it.
            "https://[::]",
            "https://[::1]",
            "https://[0:0:0:0:0:0:0:1]",
            "https://[::ffff:127.0.0.1]",
            "https://[::ffff:7f00:1]",
            "https://[::ffff:8.8.8.8]",
            "https://[::127.0.0.1]",
            "https://[64:ff9b::7f00:1]",
            "https://[64:ff9b:1::1]",
            "https://[100::1]",
            "https://[2001::1]",
            "https://[2001:db8::1]",
            "https://[2002:7f00:1::]",
            "https://[3fff::1]",
            "https://[5f00::1]",
            "https://[fc00::1]",
            "https://[fd00:ec2::254]",
            "https://[fe80::1]",
            "https://[fe80::1%25eth0]",
            "https://[fec0::1]",
            "https://[ff02::1]",
        ] {
            let error = BaseUrl::parse(text).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Config, "{text}");
            assert!(!format!("{error:?}").contains("planted"), "{text}: {error:?}");
            assert!(error.to_string().starts_with("read a base URL: expected a URL with "), "{error}");
        }
        assert!(BaseUrl::parse(&format!("https://api.example.com/{}", "a".repeat(2_048))).is_err());
    }

    #[test]
    fn public_hosts_pass() {
        for (text, url) in [
            ("https://api.example.com", "https://api.example.com/"),
            ("HTTPS://API.Example.com:443/v1/", "https://api.example.com/v1/"),
            ("https://api.example.com:8443/a", "https://api.example.com:8443/a"),
            ("https://api.example.com./", "https://api.example.com./"),
            ("https://b\u{fc}cher.example", "https://xn--bcher-kva.example/"),
            ("https://localhost.example.com", "https://localhost.example.com/"),
            ("https://mylocal.example.com/@me", "https://mylocal.example.com/@me"),
            ("https://notlocal.thelocal", "https://notlocal.thelocal/"),
            ("https://8.8.8.8", "https://8.8.8.8/"),
            ("https://[2606:4700:4700::1111]", "https://[2606:4700:4700::1111]/"),
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap().as_url().as_str(), url, "{text}");
        }
    }

    #[test]
    fn loopback_passes_when_allowed_and_nothing_else_does() {
        let guard = UrlGuard::new().allow_loopback_http();
        for text in
            ["http://127.0.0.1:8080", "http://127.9.9.9", "http://[::1]:1/x", "http://localhost", "https://localhost"]
        {
            BaseUrl::parse_with(text, guard).expect(text);
        }
        for text in [
            "http://api.example.com",
            "http://10.0.0.1",
            "http://localhost.example.com",
            "http://127.0.0.1.nip.io",
            "http://[::ffff:127.0.0.1]",
            "http://0.0.0.0",
            "http://user@127.0.0.1",
            "http://127.0.0.1/?q",
            "ftp://127.0.0.1",
            "https://10.0.0.1",
            "https://169.254.169.254",
        ] {
            assert_eq!(BaseUrl::parse_with(text, guard).expect_err(text).kind(), ErrorKind::Config);
        }
    }

    #[test]
    fn joining_never_changes_how_many_segments_and_pairs_there_are() {
        let base = BaseUrl::parse("https://api.example.com/v1/").unwrap();
        for (segments, query, url) in [
            (&[][..], &[][..], "https://api.example.com/v1"),
            (&["people"], &[], "https://api.example.com/v1/people"),
            (&["a/b", "c?d", "e#f"], &[], "https://api.example.com/v1/a%2Fb/c%3Fd/e%23f"),
            (&["100%", "a\\b", "a b"], &[], "https://api.example.com/v1/100%25/a%5Cb/a%20b"),
            (&["%2e%2e", "..."], &[], "https://api.example.com/v1/%252e%252e/..."),
            (&["job:add"], &[("a", "1&b=2"), ("c d", "#")], "https://api.example.com/v1/job:add?a=1%26b%3D2&c+d=%23"),
        ] {
            assert_eq!(base.join(segments, query).unwrap().as_str(), url);
        }
        for segment in ["", ".", "..", "a\nb", "\t", "a\0"] {
            let error = base.join(&["planted", segment], &[]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(!format!("{error:?}").contains("planted"));
        }
        let bare = BaseUrl::parse("https://api.example.com").unwrap();
        assert_eq!(bare.join(&["x"], &[]).unwrap().as_str(), "https://api.example.com/x");
    }

    #[test]
    fn debug_shows_no_key_in_the_path() {
        let base = BaseUrl::parse("https://hooks.example.com/services/T024/pl4nted").unwrap();
        assert_eq!(format!("{base:?}"), "BaseUrl(https://hooks.example.com/services/*/*)");
    }
}
