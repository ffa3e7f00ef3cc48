//! The fast way says what the slow way says: mutated addresses over an alphabet that reaches every branch of both.
//!
//! By hand, in a release build: `cargo test --release --lib identity::email -- --ignored --nocapture`.

use super::lists::{DISPOSABLE, FILLER_DOMAINS, FILLER_LOCALS, RELAYS, RESERVED_DOMAINS, RESERVED_TLDS, ROLES};
use super::tests::agree;
use super::*;

/// SplitMix64: enough to choose with, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % sides as u64) as usize
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.roll(words.len())]
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.roll(chances) == 0
    }
}

const NAMES: &[&str] = &[
    "nora",
    "quist",
    "o'brien",
    "a",
    "0815",
    "j_d",
    "anne-marie",
    "Ola",
    "BERG",
    "x",
    "über",
    "ZOE\u{308}",
    "info",
    "test",
];
const DOMAINS: &[&str] = &[
    "gmail.com",
    "googlemail.com",
    "Gmail.com",
    "quist.se",
    "a-b.co.uk",
    "gmailfoo.com",
    "bücher.ch",
    "xn--bcher-kva.ch",
    "marketplace.amazon.de",
    "mail.example.org",
    "3com.com",
    "x.y.z.quist.museum",
    "quist.123",
    "quist.4u",
    "quist",
    "eu.mailinator.com",
    "not-mailinator.com",
];
const PIECES: &[&str] = &[
    ".", "..", "@", "+", "-", "_", "%", "%40", "'", "\"", "<", ">", "(", ")", ",", ";", "|", ":", "[", "]", "\\", " ",
    "\t", "\r\n", "\0", "\u{7F}", "\u{A0}", "\u{200B}", "ä", "É", "＠", "．", "。", "A", "Z", "a", "z", "0", "9", "/",
    "=", "?", "^", "`", "{", "}", "~", "!", "#", "$", "&", "*", "mailto:", ".com", "\u{80}", "@[", "-.", ".-", "+.",
    ".+", "{@", "@-",
];

fn local(dice: &mut Dice) -> String {
    match dice.roll(12) {
        0 => return dice.of(&ROLES).to_owned(),
        1 => return dice.of(&FILLER_LOCALS).to_owned(),
        _ => {}
    }
    let mut local = dice.of(NAMES).to_owned();
    for _ in 0..dice.roll(4) {
        local.push_str(dice.of(&[".", "_", "-", "+", "", ".", "+"]));
        local.push_str(dice.of(NAMES));
    }
    local
}

fn domain(dice: &mut Dice) -> String {
    let below = if dice.one_in(8) { "mail." } else { "" };
    let domain = match dice.roll(12) {
        0 => dice.of(&FILLER_DOMAINS).to_owned(),
        1 => dice.of(&RESERVED_DOMAINS).to_owned(),
        2 => dice.of(&DISPOSABLE).to_owned(),
        3 => dice.of(&RELAYS).to_owned(),
        4 => format!("{}.{}", dice.of(NAMES), dice.of(&RESERVED_TLDS)),
        _ => dice.of(DOMAINS).to_owned(),
    };
    format!("{below}{domain}")
}

/// An address as people have them, now and then broken in a few places.
fn address(dice: &mut Dice) -> String {
    let mut text = format!("{}@{}", local(dice), domain(dice));
    if dice.one_in(8) {
        text = text.to_uppercase();
    }
    if dice.one_in(16) {
        // To both sides of every limit.
        let at = text.find('@').unwrap_or_default();
        text.insert_str(if dice.one_in(2) { at } else { at + 1 }, &"long-".repeat(dice.roll(60)));
    }
    let breaks = [0, 0, 1, 1, 2, 3][dice.roll(6)];
    for _ in 0..breaks {
        let places: Vec<_> = text.char_indices().map(|(index, c)| index..index + c.len_utf8()).collect();
        let place = places.get(dice.roll(places.len() + 1)).cloned().unwrap_or(text.len()..text.len());
        match dice.roll(4) {
            0 => text.replace_range(place, ""),
            1 => text.replace_range(place, dice.of(PIECES)),
            _ => text.insert_str(place.start, dice.of(PIECES)),
        }
    }
    if dice.one_in(8) {
        text = format!(
            "{}{text}{}",
            dice.of(&["", " ", "  ", "\t", "'", "<"]),
            dice.of(&["", " ", "\r\n", "'", ">", "."])
        );
    }
    text
}

/// How many of `cases` addresses the fast way read.
fn compare(cases: usize, seed: u64) -> usize {
    let (mut dice, mut out) = (Dice(seed), [0; 256]);
    let mut read = 0;
    for _ in 0..cases {
        let text = address(&mut dice);
        assert_eq!(agree(&text), None);
        read += usize::from(fast(text.as_bytes(), true, &mut out).is_some());
    }
    read
}

#[test]
fn the_fast_way_is_the_slow_way_for_broken_addresses() {
    let read = compare(6_000, 1);
    assert!(read > 1_500, "only {read} went the fast way");
}

#[test]
#[ignore = "minutes; run it in a release build"]
fn the_fast_way_is_the_slow_way_for_ten_million_addresses() {
    // More than ten million of them are read by the fast way.
    let cases = 40_000_000;
    let read = compare(cases, 2);
    println!("{cases} addresses, {read} of them read by the fast way, no difference");
}
