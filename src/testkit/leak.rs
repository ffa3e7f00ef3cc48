//! Looks for planted values where none may be.

use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::path::Path;

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::identity::Member;

/// A planted value was found. Says which and in what form, never the value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leak {
    /// The canary's name: `email`.
    pub canary: String,
    /// The form it was found in: `base64`.
    pub form: &'static str,
    /// Where: the offset in bytes.
    pub at: usize,
    /// In which file, where files were searched.
    pub place: Option<String>,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{} ({}) at byte {}", self.canary, self.form, self.at)
    }
}

/// Plants canaries, and finds them in whatever a run leaves behind.
///
/// A value is found as it is and in any case, percent-encoded, escaped as in JSON, in base64 at any place within what
/// was encoded, and in hex; a phone number also by its digits alone. Its SHA-256 digest, which is what ad platforms
/// receive, counts as a leak only after [`with_digests`](Self::with_digests): right for logs and errors, wrong for the
/// wire.
///
/// ```
/// use audience_sync::testkit::LeakScanner;
///
/// let scanner = LeakScanner::new().canary("email", "nora@quist.se");
/// assert!(scanner.scan(b"3 rows sent").is_empty());
/// let leaks = scanner.scan(b"https://x.test/?q=NORA%40quist.se");
/// assert_eq!(leaks[0].to_string(), "email (percent-encoded) at byte 18");
/// ```
#[derive(Clone, Default)]
pub struct LeakScanner {
    canaries: Vec<(String, String)>,
    needles: Vec<Needle>,
    digests: bool,
}

#[derive(Clone)]
struct Needle {
    canary: usize,
    form: &'static str,
    any_case: bool,
    bytes: Vec<u8>,
}

/// The shortest canary: anything shorter turns up by chance.
const SHORTEST: usize = 6;

impl LeakScanner {
    /// Looks for nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With canaries for a member ([`LeakScanner::planted_member`]) and a token ([`LeakScanner::TOKEN`]).
    pub fn planted() -> Self {
        Self::new()
            .canary("member id", "kanarie-4711")
            .canary("email", "kanarie.gul@zwitscher-kasten.example")
            .canary("phone", "+12025550143")
            .canary("first name", "Kanarienv\u{f6}gelchen")
            .canary("last name", "Zwitscherkasten")
            .canary("token", Self::TOKEN)
    }

    /// A credential to be planted.
    pub const TOKEN: &'static str = "kanarie-t0ken-9f3a5c71e2b84d60";

    /// A member made of the canaries of [`LeakScanner::planted`]. Canonicalize it with test values allowed.
    pub fn planted_member() -> Member {
        Member::new("kanarie-4711")
            .email("Kanarie.Gul@zwitscher-kasten.example")
            .phone("+1 202-555-0143")
            .external_id("kanarie-4711")
            .first_name("Kanarienv\u{f6}gelchen")
            .last_name("Zwitscherkasten")
    }

    /// Adds a canary by a name to report it by.
    ///
    /// # Panics
    /// When the value has less than 6 bytes: it would turn up by chance.
    #[must_use]
    pub fn canary(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        assert!(value.len() >= SHORTEST, "plant canary {name}: expected at least {SHORTEST} bytes, found fewer");
        self.canaries.push((name, value));
        self.rebuild();
        self
    }

    /// Finds SHA-256 digests of canaries too: of the value as it is, in lower case, and of a phone's digits.
    #[must_use]
    pub fn with_digests(mut self) -> Self {
        self.digests = true;
        self.rebuild();
        self
    }

    /// Every canary in every form that stands in `bytes`, the first place of each.
    pub fn scan(&self, bytes: &[u8]) -> Vec<Leak> {
        let mut by_first: [Vec<usize>; 256] = std::array::from_fn(|_| Vec::new());
        for (index, needle) in self.needles.iter().enumerate() {
            let first = needle.bytes.first().copied().unwrap_or_default();
            by_first[usize::from(first)].push(index);
            if needle.any_case && first != first.to_ascii_uppercase() {
                by_first[usize::from(first.to_ascii_uppercase())].push(index);
            }
        }
        let mut found: Vec<Option<usize>> = vec![None; self.needles.len()];
        for (at, first) in bytes.iter().enumerate() {
            for &index in &by_first[usize::from(*first)] {
                if found[index].is_none() && self.needles[index].begins(&bytes[at..]) {
                    found[index] = Some(at);
                }
            }
        }
        let hits = found.into_iter().zip(&self.needles).filter_map(|(at, needle)| Some((at?, needle)));
        let mut leaks: Vec<Leak> = hits.map(|(at, needle)| self.leak(at, needle)).collect();
        leaks.sort_by(|one, other| (one.at, &one.canary).cmp(&(other.at, &other.canary)));
        leaks.dedup_by(|one, other| (&one.canary, one.form) == (&other.canary, other.form));
        leaks
    }

    /// Everything an error shows: `Display`, `Debug` in both forms, and its causes.
    pub fn scan_error(&self, error: &(dyn std::error::Error + 'static)) -> Vec<Leak> {
        let mut text = String::new();
        let mut next = Some(error);
        while let Some(cause) = next {
            // Writing to a string fails only when the value's own formatting does; what it wrote until then counts.
            let _ = writeln!(text, "{cause}\n{cause:?}\n{cause:#?}");
            next = cause.source();
        }
        self.scan(text.as_bytes())
    }

    /// `Debug` in both forms.
    pub fn scan_debug(&self, value: &(impl fmt::Debug + ?Sized)) -> Vec<Leak> {
        self.scan(format!("{value:?}\n{value:#?}").as_bytes())
    }

    /// Names and contents of all files below a directory.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn scan_dir(&self, directory: impl AsRef<Path>) -> io::Result<Vec<Leak>> {
        let mut leaks = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let in_name = self.scan(name.as_bytes()).into_iter();
            leaks.extend(in_name.map(|leak| Leak { place: Some("a file's name".to_owned()), ..leak }));
            if entry.file_type()?.is_dir() {
                leaks.extend(self.scan_dir(path)?);
            } else {
                let inside = self.scan(&fs::read(&path)?).into_iter();
                leaks.extend(inside.map(|leak| Leak { place: Some(path.display().to_string()), ..leak }));
            }
        }
        Ok(leaks)
    }

    /// Fails a test that left a canary behind.
    ///
    /// # Panics
    /// When `bytes` hold one; the message names it and its form.
    #[track_caller]
    pub fn assert_clean(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let leaks = self.scan(bytes.as_ref());
        assert!(leaks.is_empty(), "expected {name} without planted values, found {}", listed(&leaks));
    }

    fn leak(&self, at: usize, needle: &Needle) -> Leak {
        let canary = self.canaries.get(needle.canary).map(|(name, _)| name.clone()).unwrap_or_default();
        Leak { canary, form: needle.form, at, place: None }
    }

    fn rebuild(&mut self) {
        let mut needles = Vec::new();
        for (canary, (_, value)) in self.canaries.iter().enumerate() {
            let mut add = |form, any_case, mut bytes: Vec<u8>| {
                if any_case {
                    bytes.make_ascii_lowercase();
                }
                if bytes.len() >= SHORTEST && !needles.iter().any(|known: &Needle| known.bytes == bytes) {
                    needles.push(Needle { canary, form, any_case, bytes });
                }
            };
            for (form, text) in texts(value) {
                add(form, true, text.into_bytes());
            }
            for text in [value.clone(), value.to_lowercase(), value.to_uppercase()] {
                for offset in 0..3 {
                    add("base64", false, base64_core(&STANDARD_NO_PAD, text.as_bytes(), offset));
                    add("base64", false, base64_core(&URL_SAFE_NO_PAD, text.as_bytes(), offset));
                }
            }
            if self.digests {
                for digest in digests(value) {
                    add("digest", false, digest.to_vec());
                    add("digest in hex", true, const_hex::encode(digest).into_bytes());
                    add("digest in base64", false, base64_core(&STANDARD_NO_PAD, &digest, 0));
                    add("digest in base64", false, base64_core(&URL_SAFE_NO_PAD, &digest, 0));
                }
            }
        }
        self.needles = needles;
    }
}

impl fmt::Debug for LeakScanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.canaries.iter().map(|(name, _)| name)).finish()
    }
}

impl Needle {
    fn begins(&self, bytes: &[u8]) -> bool {
        let Some(start) = bytes.get(..self.bytes.len()) else { return false };
        if self.any_case { start.eq_ignore_ascii_case(&self.bytes) } else { start == self.bytes }
    }
}

/// The forms that are text; all are compared in any ASCII case, others are listed.
fn texts(value: &str) -> Vec<(&'static str, String)> {
    let mut texts = Vec::new();
    for text in [value.to_lowercase(), value.to_uppercase(), value.to_owned()] {
        texts.push(("as it is", text.clone()));
        texts.push(("percent-encoded", url::form_urlencoded::byte_serialize(text.as_bytes()).collect()));
        texts.push(("percent-encoded", percent(&text, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))));
        texts.push(("percent-encoded", percent(&text, |byte| byte.is_ascii_graphic() && byte != b'+')));
        texts.push(("escaped", escaped(&text)));
        texts.push(("hex", const_hex::encode(&text)));
    }
    if let Some(digits) = phone_digits(value) {
        texts.push(("digits", digits.clone()));
        texts.push(("hex", const_hex::encode(digits)));
    }
    texts
}

fn percent(text: &str, kept: impl Fn(u8) -> bool) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if kept(byte) {
            out.push(char::from(byte))
        } else {
            out.push_str(&format!("%{byte:02X}"))
        }
        out
    })
}

/// ASCII only, as JSON and Rust's `Debug` may have it.
fn escaped(text: &str) -> String {
    let mut units = [0; 2];
    text.chars().fold(String::new(), |mut out, c| {
        if c.is_ascii() {
            out.push(c);
        } else {
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
        out
    })
}

fn phone_digits(value: &str) -> Option<String> {
    let digits = value.strip_prefix('+')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.to_owned())
}

/// The characters that stand in base64 whatever comes before and after, `offset` bytes into a group of three.
fn base64_core(engine: &impl base64::Engine, bytes: &[u8], offset: usize) -> Vec<u8> {
    let padded: Vec<u8> = std::iter::repeat_n(0, offset).chain(bytes.iter().copied()).collect();
    let text = engine.encode(&padded).into_bytes();
    let (first, last) = ((offset * 8).div_ceil(6), padded.len() * 8 / 6);
    text.get(first..last).map(<[u8]>::to_vec).unwrap_or_default()
}

fn digests(value: &str) -> Vec<[u8; 32]> {
    let mut texts = vec![value.to_owned(), value.to_lowercase()];
    texts.extend(phone_digits(value));
    texts.iter().map(|text| Sha256::digest(text.as_bytes()).into()).collect()
}

fn listed(leaks: &[Leak]) -> String {
    leaks.iter().map(Leak::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(scanner: &LeakScanner, text: &str) -> Vec<&'static str> {
        scanner.scan(text.as_bytes()).iter().map(|leak| leak.form).collect()
    }

    #[test]
    fn a_value_is_found_in_every_form() {
        let scanner = LeakScanner::new().canary("email", "Nora+a@quist.se");
        for (text, form) in [
            ("to Nora+a@quist.se!", "as it is"),
            ("nora+a@quist.se", "as it is"),
            ("NORA+A@QUIST.SE", "as it is"),
            ("q=Nora%2Ba%40quist.se", "percent-encoded"),
            ("q=nora%2ba@quist.se", "percent-encoded"),
            // `printf 'Nora+a@quist.se' | xxd -p`, and of the lower case.
            ("4e6f72612b614071756973742e7365", "hex"),
            ("6E6F72612B614071756973742E7365", "hex"),
            // `printf 'Nora+a@quist.se' | base64`
            ("Tm9yYSthQHF1aXN0LnNl", "base64"),
            // `printf 'x:Nora+a@quist.se:y' | base64` and with one byte less before it.
            ("eDpOb3JhK2FAcXVpc3Quc2U6eQ==", "base64"),
            ("Ok5vcmErYUBxdWlzdC5zZTp5", "base64"),
        ] {
            assert_eq!(forms(&scanner, text), [form], "{text}");
        }
        assert!(forms(&scanner, "nora@quist.se, Nora+b@quist.se, Nora+a@quist.s").is_empty());
    }

    #[test]
    fn names_in_other_scripts_and_phones_are_found() {
        let scanner = LeakScanner::new().canary("name", "Österlund").canary("phone", "+12025550143");
        assert_eq!(forms(&scanner, "österlund"), ["as it is"]);
        assert_eq!(forms(&scanner, r"\u00d6STERLUND"), ["escaped"]);
        assert_eq!(forms(&scanner, "%c3%b6sterlund"), ["percent-encoded"]);
        assert_eq!(forms(&scanner, "tel:12025550143"), ["digits"]);
        assert!(forms(&scanner, "2025550143").is_empty());
    }

    #[test]
    fn digests_count_only_where_asked_for() {
        // `printf 'nora@quist.se' | sha256sum`
        let digest = "8c7c92a143370b76f06a44f7dadfc47a34a104e03b75980ec943ac67ab19dc41";
        let scanner = LeakScanner::new().canary("email", "Nora@quist.se");
        assert!(forms(&scanner, digest).is_empty());
        let strict = scanner.with_digests();
        assert_eq!(forms(&strict, &digest.to_uppercase()), ["digest in hex"]);
        assert_eq!(strict.scan(&const_hex::decode(digest).unwrap())[0].form, "digest");
    }

    #[test]
    fn files_errors_and_debug_are_searched_and_the_report_holds_no_value() {
        let scanner = LeakScanner::planted();
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("deep")).unwrap();
        fs::write(folder.path().join("deep/state"), LeakScanner::TOKEN).unwrap();
        fs::write(folder.path().join("kanarie-4711"), "fine").unwrap();
        let leaks = scanner.scan_dir(folder.path()).unwrap();
        assert_eq!(leaks.len(), 2);
        let report = format!("{leaks:?}{scanner:?}");
        assert!(report.contains("token") && report.contains("member id") && !report.contains("t0ken-9f"), "{report}");

        let cause = io::Error::other(format!("bearer {}", LeakScanner::TOKEN));
        let error = crate::Error::new(crate::ErrorKind::Bug, "fine").with_source(cause);
        assert_eq!(scanner.scan_error(&error).len(), 1);
        assert!(scanner.scan_debug(&LeakScanner::planted_member()).is_empty());
        assert_eq!(scanner.scan_debug("Zwitscherkasten").len(), 1);
        scanner.assert_clean("nothing", b"nothing");
    }

    #[test]
    #[should_panic(expected = "expected a log without planted values, found last name (as it is) at byte 3")]
    fn a_leak_fails_the_test() {
        LeakScanner::planted().assert_clean("a log", "to ZWITSCHERKASTEN");
    }
}
