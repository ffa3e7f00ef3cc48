//! The address of a host that a configuration names.

use std::fmt;

use url::{Host, Url};

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
        Self::parse_with(text, &UrlGuard::new())
    }

    /// Reads a base URL under `guard`.
    ///
    /// # Errors
    /// As [`BaseUrl::parse`].
    pub fn parse_with(text: &str, guard: &UrlGuard) -> Result<Self> {
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
fn parse(text: &str, guard: &UrlGuard) -> Result<Url> {
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
    // The parser reads octal, hexadecimal, short and full-width spellings; people do not.
    if let Some(Host::Ipv4(address)) = url.host()
        && authority.rsplit_once(':').map_or(authority, |(host, _)| host) != address.to_string()
    {
        return Err(refused("an IPv4 address as four decimal numbers", "another spelling"));
    }
    guard.check(&url)?;
    Ok(url)
}

#[cfg(test)]
mod tests;
