//! What users write, and what attackers do.

use super::*;

#[test]
fn hostile_urls_are_refused_without_being_repeated() {
    let hostile = [
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
        "https://[::ffff:0:127.0.0.1]",
        "https://[::ffff:a9fe:a9fe]",
        "https://[64:ff9b::a9fe:a9fe]",
        "https://[64:ff9b::8.8.8.8]",
        "https://[2002:a9fe:a9fe::1]",
        "https://[2002:a00:1::]",
        "https://[2001:0:53aa:64c:0:0:80ff:fffe]",
        "https://[2001:10::1]",
        "https://[2001:20::1]",
        "https://[0000:0000:0000:0000:0000:ffff:7f00:0001]",
        "https://[::1]:8443/",
        "https://[::1].planted.com",
        "https://[fe80::1%eth0]",
        "https://[::127.0.0.1",
        "https://::1",
        // Ports of other services.
        "https://api.planted.com:22",
        "https://api.planted.com:25",
        "https://api.planted.com:80",
        "https://api.planted.com:0",
        "https://api.planted.com:2375",
        "https://api.planted.com:2379",
        "https://api.planted.com:3306",
        "https://api.planted.com:5432",
        "https://api.planted.com:6379",
        "https://api.planted.com:6667",
        "https://api.planted.com:9200",
        "https://api.planted.com:10250",
        "https://api.planted.com:11211",
        "https://api.planted.com:27017",
        "https://api.planted.com:-1",
        "https://api.planted.com:443:443",
        // Hosts that only look like others.
        "https://api.planted.com%2f@169.254.169.254",
        "https://api.planted.com#@169.254.169.254",
        "https://api.planted.com?@169.254.169.254",
        "https://169.254.169.254#.planted.com",
        "https://169.254.169.254?.planted.com",
        "https://169.254.169.254%00.planted.com",
        "https://169.254.169.254\u{0}.planted.com",
        "https://loc\u{ad}alhost",
        "https://\u{24db}\u{24de}\u{24d2}\u{24d0}\u{24db}\u{24d7}\u{24de}\u{24e2}\u{24e3}",
        "https://localhost\u{ff0e}",
        "https://LOCALHOST%2e",
        "https://169\u{ff0e}254\u{ff0e}169\u{ff0e}254",
        "https://metadata.google%2einternal",
        "https://\u{202e}planted.com",
        // IPv4 spelled for machines, public or not.
        "https://134744072",
        "https://0x08080808",
        "https://8.8.2056",
        "https://010.8.8.8",
        "https://8.8.8.8.",
        "https://0xa9fea9fe",
        "https://0251.0376.0251.0376",
        "https://0xa9.0xfe.0xa9.0xfe",
        "https://169.254.43518",
        "https://0xa.1",
        "https://012.1.2.3",
        "https://192.168.257",
        "https://3232235777",
        "https://017700000001",
        "https://00000177.0.0.1",
        "https://127.0.0.1:443",
        "https://256.1.1.1",
        "https://1.2.3.4.5",
        "https://0.0.0.0:8443",
        "https://127.0.0.01",
    ];
    assert!(hostile.len() >= 120, "{}", hostile.len());
    for text in hostile {
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
        BaseUrl::parse_with(text, &guard).expect(text);
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
        assert_eq!(BaseUrl::parse_with(text, &guard).expect_err(text).kind(), ErrorKind::Config);
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
