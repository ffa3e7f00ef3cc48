//! What a request tells of the network: IP addresses and user agents.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::clean::{self, clean};
use super::reject::{Notes, Reject};

const IP_LIMIT: usize = 64;
/// Platforms cut longer ones or refuse them.
const USER_AGENT_LIMIT: usize = 1024;

/// A public address; of version 6 in the form of RFC 5952.
pub(super) fn canonical_ip(text: &str, allow_test_values: bool) -> Result<(Box<str>, Notes), Reject> {
    if text.len() > IP_LIMIT {
        return Err(Reject::TooLong);
    }
    let (text, mut notes) = clean(text);
    if text.is_empty() {
        return Err(Reject::Missing);
    }
    if clean::is_null_like(&text) {
        return Err(Reject::Placeholder);
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&text);
    notes.add_if(bare.len() < text.len(), Notes::UNWRAPPED);
    let address = bare.parse::<IpAddr>().map_err(|_| Reject::BadIp)?.to_canonical();
    if is_documentation(address) {
        if !allow_test_values {
            return Err(Reject::TestValue);
        }
        notes = notes.with(Notes::TEST_VALUE);
    } else if !is_public(address) {
        return Err(Reject::PrivateIp);
    }
    Ok((address.to_string().into(), notes))
}

/// RFC 5737, RFC 3849, RFC 9637.
fn is_documentation(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_documentation(),
        IpAddr::V6(v6) => matches!(v6.segments(), [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..]),
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [first, second, ..] = v4.octets();
    let shared = first == 100 && second & 0xC0 == 64;
    let benchmark = first == 198 && second & 0xFE == 18;
    !(v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || shared
        || benchmark
        || first == 0
        || first >= 240)
}

/// Global unicast is 2000::/3 (RFC 4291, IANA registry of November 2026).
fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [first, ..] = v6.segments();
    first & 0xE000 == 0x2000
}

/// A user agent, as it is.
pub(super) fn canonical_user_agent(text: &str) -> Result<(Box<str>, Notes), Reject> {
    let trimmed = text.trim();
    let mut notes = Notes::NONE;
    notes.add_if(trimmed.len() < text.len(), Notes::TRIMMED);
    if trimmed.is_empty() {
        return Err(Reject::Missing);
    }
    if clean::is_null_like(trimmed) {
        return Err(Reject::Placeholder);
    }
    if trimmed.len() > USER_AGENT_LIMIT {
        return Err(Reject::TooLong);
    }
    if trimmed.chars().any(char::is_control) {
        return Err(Reject::BadCharacter);
    }
    Ok((trimmed.into(), notes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Result<String, Reject> {
        canonical_ip(text, false).map(|(text, _)| text.into())
    }

    #[test]
    fn public_addresses_have_one_form() {
        for (text, canonical) in [
            (" 8.8.8.8 ", "8.8.8.8"),
            ("2A00:1450:4001:0830:0000:0000:0000:200E", "2a00:1450:4001:830::200e"),
            ("[2a00:1450:4001:830::200e]", "2a00:1450:4001:830::200e"),
            ("::ffff:8.8.8.8", "8.8.8.8"),
        ] {
            assert_eq!(ip(text).as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn what_is_nobodys_on_the_internet_is_refused() {
        for text in [
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "127.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(ip(text), Err(Reject::PrivateIp), "{text}");
        }
        for text in ["192.0.2.1", "198.51.100.7", "203.0.113.9", "2001:db8::1", "3fff::1"] {
            assert_eq!(ip(text), Err(Reject::TestValue), "{text}");
            assert!(canonical_ip(text, true).unwrap().1.contains(Notes::TEST_VALUE));
        }
        for text in ["8.8.8", "8.8.8.8:80", "8.8.8.08", "fe80::1%eth0", "host", "1e3"] {
            assert_eq!(ip(text), Err(Reject::BadIp), "{text}");
        }
        assert_eq!(ip("100.128.0.1").as_deref(), Ok("100.128.0.1"));
    }

    #[test]
    fn user_agents_stay_as_they_are() {
        let agent = "Mozilla/5.0 (X11; Linux x86_64)  Gecko";
        assert_eq!(&*canonical_user_agent(&format!(" {agent}\n")).unwrap().0, agent);
        assert_eq!(canonical_user_agent("a\u{0}b"), Err(Reject::BadCharacter));
        assert_eq!(canonical_user_agent(&"a".repeat(1025)), Err(Reject::TooLong));
        assert_eq!(canonical_user_agent("-"), Err(Reject::Placeholder));
    }
}
