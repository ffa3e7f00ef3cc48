//! Which hosts a configuration may name: the first form of the guard against requests into private networks.
//!
//! It judges the URL's text. A public name that resolves to a private address is not seen here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::error::{Error, ErrorKind, Result};

/// What a URL from a configuration must be like before anything is sent to it.
///
/// The rule: https, a public host, no credentials, no query, no fragment. Public is a name with a dot that is not of a
/// private zone, or an address outside the special-purpose ranges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UrlGuard {
    loopback_http: bool,
}

impl UrlGuard {
    /// The rule without exception.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets loopback hosts (`localhost`, `127.0.0.0/8`, `::1`) pass, over http or https: for tests and for a relay on
    /// the same machine. Nothing else is loosened.
    #[must_use]
    pub fn allow_loopback_http(mut self) -> Self {
        self.loopback_http = true;
        self
    }

    /// Whether `url` may be sent to.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with the rule that is broken, without the URL.
    pub fn check(self, url: &Url) -> Result<()> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("no credentials", "some; put them into the configuration's own fields"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refused("neither query nor fragment", "one"));
        }
        if self.loopback_http && is_loopback(url) && matches!(url.scheme(), "http" | "https") {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err(refused("https", "another scheme"));
        }
        let fault = match url.host() {
            None => Some("none"),
            Some(Host::Domain(name)) => name_fault(name),
            Some(Host::Ipv4(address)) => v4_fault(address),
            Some(Host::Ipv6(address)) => v6_fault(address),
        };
        fault.map_or(Ok(()), |found| Err(refused("a public host", found)))
    }
}

pub(super) fn refused(expected: &str, found: &str) -> Error {
    Error::new(ErrorKind::Config, format!("expected a URL with {expected}, found {found}"))
}

/// Whether the host is this machine by its literal or by the name RFC 6761 section 6.3 reserves for it.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

/// Zones of private networks: RFC 6761 (`localhost`), RFC 6762 (`local` and its appendix G), RFC 8375 (`home.arpa`),
/// `localdomain` by habit, and `internal`, which IANA chose for private use (ICANN announcement of 2024-01-24); cloud
/// metadata names stand under it.
const PRIVATE_ZONES: &[&str] =
    &["localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan", "home.arpa"];

fn name_fault(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let private = PRIVATE_ZONES
        .iter()
        .any(|zone| name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
    if private {
        Some("a name of a private zone")
    } else if !name.contains('.') || name.split('.').any(str::is_empty) {
        Some("a name without a domain")
    } else {
        None
    }
}

/// IPv4 addresses that are not public: the IANA special-purpose registry
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>), multicast, and Azure's metadata host, which
/// stands in public space. The metadata hosts of other clouds fall into the ranges.
const PRIVATE_V4: &[(Ipv4Addr, u32, &str)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, "an address of this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "a private address"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "an address of carrier-grade NAT"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "a loopback address"),
    (Ipv4Addr::new(168, 63, 129, 16), 32, "a metadata address"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "a link-local address"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "a private address"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "an address of protocol assignments"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "a documentation address"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "an address of a relay"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "a private address"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "an address of benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "a documentation address"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "a documentation address"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "a multicast address"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "a reserved address"),
];

fn v4_fault(address: Ipv4Addr) -> Option<&'static str> {
    PRIVATE_V4
        .iter()
        .find(|(network, bits, _)| (address.to_bits() ^ network.to_bits()).leading_zeros() >= *bits)
        .map(|(_, _, found)| *found)
}

/// The ranges inside global unicast (`2000::/3`) that are not public; outside it nothing is
/// (<https://www.iana.org/assignments/iana-ipv6-special-registry>). 6to4 and Teredo carry an IPv4 address inside.
const PRIVATE_V6: &[(Ipv6Addr, u32, &str)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "an address of protocol assignments"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "a documentation address"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "an address of a relay"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "a documentation address"),
];

fn v6_fault(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_loopback() {
        return Some("a loopback address");
    }
    if address.to_bits() >> 125 != 1 {
        return Some("an address outside global unicast");
    }
    PRIVATE_V6
        .iter()
        .find(|(network, bits, _)| (address.to_bits() ^ network.to_bits()).leading_zeros() >= *bits)
        .map(|(_, _, found)| *found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_where_the_registry_ends_them() {
        for (address, public) in [
            ("9.255.255.255", true),
            ("10.0.0.0", false),
            ("10.255.255.255", false),
            ("11.0.0.0", true),
            ("100.63.255.255", true),
            ("100.64.0.0", false),
            ("100.127.255.255", false),
            ("100.128.0.0", true),
            ("126.255.255.255", true),
            ("128.0.0.0", true),
            ("168.63.129.15", true),
            ("168.63.129.16", false),
            ("172.15.255.255", true),
            ("172.31.255.255", false),
            ("172.32.0.0", true),
            ("192.0.1.0", true),
            ("192.167.255.255", true),
            ("192.169.0.0", true),
            ("198.17.255.255", true),
            ("198.19.255.255", false),
            ("198.20.0.0", true),
            ("223.255.255.255", true),
            ("224.0.0.0", false),
            ("255.255.255.255", false),
            ("1fff:ffff::1", false),
            ("2000::1", true),
            ("2001:1ff::1", false),
            ("2001:200::1", true),
            ("2001:db7::1", true),
            ("2001:db8:ffff::1", false),
            ("2001:db9::1", true),
            ("2001:4860:4860::8888", true),
            ("2003::1", true),
            ("3ffe::1", true),
            ("3fff:fff::1", false),
            ("3fff:1000::1", true),
            ("4000::1", false),
        ] {
            let fault = match address.parse().unwrap() {
                IpAddr::V4(address) => v4_fault(address),
                IpAddr::V6(address) => v6_fault(address),
            };
            assert_eq!(fault.is_none(), public, "{address}: {fault:?}");
        }
    }
}
