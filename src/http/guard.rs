//! Which hosts a configuration may name, and which addresses their names may lead to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::error::{Error, ErrorKind, Result};

/// What a URL from a configuration must be like before anything is sent to it.
///
/// The rule: https, a public host, a port that web servers have, no credentials, no query, no fragment. Public is a name
/// with a dot that is not of a private zone, or an address outside the special-purpose ranges.
///
/// A public name may still lead to a private address, at once or later (DNS rebinding). So the built-in transport asks
/// [`UrlGuard::check_address`] about each address it is going to connect to, and connects to no other; a host's own
/// [`Transport`](super::Transport) should do the same. Redirects are followed by none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UrlGuard {
    loopback_http: bool,
    query: bool,
    /// Hosts in lower case, some with a port.
    allowed: Vec<String>,
}

impl UrlGuard {
    /// The rule without exception.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets loopback hosts (`localhost`, `127.0.0.0/8`, `::1`) pass, over http or https, with any port: for tests and for
    /// a relay on the same machine. Nothing else is loosened.
    #[must_use]
    pub fn allow_loopback_http(mut self) -> Self {
        self.loopback_http = true;
        self
    }

    /// Lets one host pass, whatever address it is or leads to, over https: a relay in the host's own network, a private
    /// endpoint. `warehouse.internal`, or `warehouse.internal:8443` for that port alone; IPv6 in brackets.
    #[must_use]
    pub fn allow_host(mut self, host: &str) -> Self {
        self.allowed.push(host.to_ascii_lowercase());
        self
    }

    /// Lets a query pass: for URLs that a platform gave for an upload or a result.
    #[must_use]
    pub fn allow_query(mut self) -> Self {
        self.query = true;
        self
    }

    /// Whether `url` may be sent to.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with the rule that is broken, without the URL.
    pub fn check(&self, url: &Url) -> Result<()> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("no credentials", "some; put them into the configuration's own fields"));
        }
        if url.fragment().is_some() || url.query().is_some() && !self.query {
            return Err(refused("neither query nor fragment", "one"));
        }
        if self.loopback_http && is_loopback(url) && matches!(url.scheme(), "http" | "https") {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err(refused("https", "another scheme"));
        }
        if self.allows(url.host_str().unwrap_or_default(), url.port_or_known_default()) {
            return Ok(());
        }
        let fault = match url.host() {
            None => Some("none"),
            Some(Host::Domain(name)) => name_fault(name),
            Some(Host::Ipv4(address)) => v4_fault(address),
            Some(Host::Ipv6(address)) => v6_fault(address),
        };
        if let Some(found) = fault {
            return Err(refused("a public host", found));
        }
        match url.port() {
            Some(port) if !is_web(port) => Err(refused("a port of a web server", "one of another service")),
            _ => Ok(()),
        }
    }

    /// Whether a connection for `host` may go to `address`.
    ///
    /// An IPv4 address within an IPv6 one is judged by itself where a resolver makes such addresses (mapped, NAT64).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with what the address is, without the address.
    pub fn check_address(&self, host: &str, address: IpAddr) -> Result<()> {
        let inner = match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(address) => address.to_ipv4_mapped().or_else(|| nat64(address)),
        };
        let fault = match (inner, address) {
            (Some(address), _) | (None, IpAddr::V4(address)) => v4_fault(address),
            (None, IpAddr::V6(address)) => v6_fault(address),
        };
        let own = host.eq_ignore_ascii_case("localhost") && address.is_loopback();
        match fault.filter(|_| !own && !self.allows(host, None)) {
            Some(found) => Err(Error::new(
                ErrorKind::Config,
                format!(
                    "expected a host name that leads to a public address, found {found}; allow the host if it is meant"
                ),
            )),
            None => Ok(()),
        }
    }

    /// Whether a host is on the list; without a port with any.
    fn allows(&self, host: &str, port: Option<u16>) -> bool {
        self.allowed.iter().any(|allowed| {
            let Some(rest) = allowed.strip_prefix(&host.to_ascii_lowercase()).filter(|_| !host.is_empty()) else {
                return false;
            };
            match rest.strip_prefix(':') {
                Some(only) => port.is_none_or(|port| only.parse() == Ok(port)),
                None => rest.is_empty(),
            }
        })
    }
}

/// Ports below 1024 are those of other services; above, those that browsers block
/// (<https://fetch.spec.whatwg.org/#port-blocking>, read 2026-11-23), and those on which databases, caches and the
/// machinery of containers listen without a password more often than they should.
fn is_web(port: u16) -> bool {
    const OTHERS: &[u16] = &[
        1719, 1720, 1723, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190, 4194, 5060, 5061, 5432, 5984,
        6000, 6379, 6443, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 8500, 9092, 9200, 9300, 10080, 10250, 10255,
        11211, 27017, 50070,
    ];
    port == 443 || port >= 1024 && !OTHERS.contains(&port)
}

/// The IPv4 address in one of the well-known prefix of NAT64, RFC 6052 section 2.1.
fn nat64(address: Ipv6Addr) -> Option<Ipv4Addr> {
    const PREFIX: u128 = 0x0064_ff9b << 96;
    let low = address.to_bits() ^ PREFIX;
    u32::try_from(low).ok().map(Ipv4Addr::from_bits)
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
            let judged = UrlGuard::new().check_address("example.com", address.parse().unwrap());
            assert_eq!(judged.is_ok(), public, "{address}: {judged:?}");
        }
    }

    #[test]
    fn a_name_may_lead_to_public_addresses_alone() {
        let guard = UrlGuard::new();
        for (host, address, fine) in [
            ("example.com", "93.184.215.14", true),
            ("example.com", "2606:4700:4700::1111", true),
            // What a resolver makes for networks without IPv4.
            ("example.com", "64:ff9b::5db8:d70e", true),
            ("example.com", "64:ff9b::7f00:1", false),
            ("example.com", "64:ff9b::a9fe:a9fe", false),
            ("example.com", "64:ff9b:1::5db8:d70e", false),
            ("example.com", "::ffff:93.184.215.14", true),
            ("example.com", "::ffff:10.0.0.1", false),
            ("example.com", "127.0.0.1", false),
            ("example.com", "169.254.169.254", false),
            ("example.com", "fd00:ec2::254", false),
            ("example.com", "0.0.0.0", false),
            ("example.com", "::", false),
            ("localhost", "127.0.0.1", true),
            ("LOCALHOST", "::1", true),
            ("localhost", "10.0.0.1", false),
            ("localhost.example.com", "127.0.0.1", false),
        ] {
            let judged = guard.check_address(host, address.parse().unwrap());
            assert_eq!(judged.is_ok(), fine, "{host} {address}: {judged:?}");
        }
        let error = guard.check_address("planted.example.com", "10.0.0.1".parse().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a host name that leads to a public address, found a private address; allow the host if it is meant"
        );
        let guard = guard.allow_host("Warehouse.example.com:8443");
        assert!(guard.check_address("warehouse.EXAMPLE.com", "10.0.0.1".parse().unwrap()).is_ok());
        assert!(guard.check_address("example.com", "10.0.0.1".parse().unwrap()).is_err());
        assert!(guard.check_address("", "10.0.0.1".parse().unwrap()).is_err());
    }

    #[test]
    fn an_allowed_host_passes_and_nothing_else_does() {
        let guard = UrlGuard::new()
            .allow_host("warehouse.internal")
            .allow_host("10.1.2.3:8443")
            .allow_host("[fd00::7]")
            .allow_host("relay.example.com:6379");
        for (url, fine) in [
            ("https://warehouse.internal/", true),
            ("https://WAREHOUSE.internal:9999/", true),
            ("https://10.1.2.3:8443/", true),
            ("https://[fd00::7]/", true),
            ("https://relay.example.com:6379/", true),
            ("https://relay.example.com/", true),
            ("https://relay.example.com:9200/", false),
            ("http://warehouse.internal/", false),
            ("https://a.warehouse.internal/", false),
            ("https://warehouse.internal.internal/", false),
            ("https://10.1.2.3/", false),
            ("https://10.1.2.3:443/", false),
            ("https://10.1.2.4:8443/", false),
            ("https://[fd00::8]/", false),
            ("https://user@warehouse.internal/", false),
            ("https://warehouse.internal/?q", false),
        ] {
            assert_eq!(guard.check(&Url::parse(url).unwrap()).is_ok(), fine, "{url}");
        }
        let given = Url::parse("https://upload.example.com/a?signature=b").unwrap();
        assert!(UrlGuard::new().check(&given).is_err());
        assert!(UrlGuard::new().allow_query().check(&given).is_ok());
    }
}
