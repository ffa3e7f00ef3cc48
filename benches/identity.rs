//! What it costs to make a member's values canonical and to hash them, on one core: `cargo bench --bench identity`.
//!
//! `--quick` takes few values and one round, as a smoke test. `--write DIR` writes the members that are measured as
//! `clean.tsv` and `typed.tsv` (e-mail, phone, first name, last name), and `--file PATH` measures such a file alone and
//! prints a line a measurement: `benches/peers/identity.sh` compares with other libraries by these.

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use audience_sync::identity::{
    Canonicalizer, Column, Columns, Digests, Encoding, IdentifierKind, KeyedBy, Member, PreImage, Profile, Region,
    Rule, profiles,
};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Four fields as Meta takes them.
const META: Profile = profile(
    "bench.meta",
    &[
        meta(IdentifierKind::Email),
        meta(IdentifierKind::Phone),
        meta(IdentifierKind::FirstName),
        meta(IdentifierKind::LastName),
    ],
);
/// Canonical forms without a hash.
const CLEAR_EMAIL: Profile = profile("bench.email", &[clear_rule(IdentifierKind::Email, PreImage::EmailGmailFolded)]);
const CLEAR_PHONE: Profile = profile("bench.phone", &[clear_rule(IdentifierKind::Phone, PreImage::E164Plus)]);
/// Members of one call of the batch interface: what stays in the caches.
const BLOCK: usize = 1024;

const fn profile(id: &'static str, rules: &'static [Rule]) -> Profile {
    Profile { id, version: 1, keyed_by: KeyedBy::Identifiers, rules, together: &[] }
}

const fn clear_rule(kind: IdentifierKind, pre_image: PreImage) -> Rule {
    Rule { kind, pre_image, encoding: Encoding::Clear, limit: 1, matches_alone: true }
}

const fn meta(kind: IdentifierKind) -> Rule {
    let rules = profiles::META_CUSTOM_AUDIENCE.rules;
    let mut at = 0;
    while rules[at].kind as u32 != kind as u32 {
        at += 1;
    }
    rules[at]
}

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).cloned();
    let quick = args.iter().any(|arg| arg == "--quick");
    let rounds = if quick { 1 } else { 9 };
    let members = value("--members").map_or(Ok(if quick { 2_000 } else { 200_000 }), |text| text.parse())?;
    if let Some(path) = value("--file") {
        return measure_file(&Members::read(Path::new(&path))?, rounds);
    }
    if let Some(dir) = value("--write") {
        let dir = Path::new(&dir);
        fs::create_dir_all(dir)?;
        Members::clean(members).write(&dir.join("clean.tsv"))?;
        Members::typed(members).write(&dir.join("typed.tsv"))?;
        return Ok(());
    }
    report(members, rounds)
}

fn report(count: usize, rounds: usize) -> Result<(), Failure> {
    let (clean, typed) = (Members::clean(count), Members::typed(count));
    let ([emails, phones, ..], [typed_emails, ..]) = (clean.columns(), typed.columns());
    let national = National::new(count);
    println!("{count} members, one core, best of {rounds} rounds\n{:<62}{:>10}{:>12}", "", "ns/value", "ratio");

    let line = |name: &str, ns: f64, peer: Option<f64>| {
        let ratio = peer.map(|peer| format!("{:.1}x", peer / ns)).unwrap_or_default();
        println!("{name:<62}{ns:>10.1}{ratio:>12}");
    };
    let peer = time(count, rounds, |block| {
        phones[block].iter().for_each(|it| drop(black_box(peer_phone(it, None))));
    });
    line("clean E.164 with validity, rlibphonenumber", peer, None);
    line("clean E.164 with validity, columns", time_column(IdentifierKind::Phone, &phones, rounds)?, Some(peer));
    line("clean E.164 with validity, one by one", time_single(IdentifierKind::Phone, &phones, rounds), Some(peer));
    let peer = national.time(rounds, |number, region| drop(black_box(peer_phone(number, peer_region(region)))));
    line("national and messy phone with validity, rlibphonenumber", peer, None);
    let canonicalizer = Canonicalizer::new();
    let ours = national.time(rounds, |number, region| {
        black_box(canonicalizer.canonicalize(IdentifierKind::Phone, number, region)).ok();
    });
    line("national and messy phone with validity, one by one", ours, Some(peer));
    line("clean e-mail, Gmail rule, columns", time_column(IdentifierKind::Email, &emails, rounds)?, None);
    line("clean e-mail, one by one", time_single(IdentifierKind::Email, &emails, rounds), None);
    line("e-mail as typed, Gmail rule, columns", time_column(IdentifierKind::Email, &typed_emails, rounds)?, None);

    println!("\n{:<46}{:>10}{:>16}{:>22}", "e-mail, phone, both names to hex", "ns", "members/s", "allocations/member");
    for (name, members) in [("clean", &clean), ("as typed", &typed)] {
        for (way, ns, allocations) in [
            ("columns", time_columns(members, rounds), allocations_of_columns(members)?),
            ("one by one", time_members(members, rounds), allocations_of_members(members)),
        ] {
            println!("{:<46}{ns:>10.0}{:>16.0}{allocations:>22.3}", format!("{name}, {way}"), 1e9 / ns);
        }
    }
    Ok(())
}

/// One line a measurement: name, nanoseconds a member, and a checksum of all digests.
fn measure_file(members: &Members, rounds: usize) -> Result<(), Failure> {
    println!("columns\t{:.1}\t{}", time_columns(members, rounds), checksum(members)?);
    println!("one by one\t{:.1}\t-", time_members(members, rounds));
    println!("phone\t{:.1}\t-", time_column(IdentifierKind::Phone, &members.columns()[1], rounds)?);
    Ok(())
}

/// Nanoseconds a value: the work is done in blocks, and of each the best round counts. A machine that does other things
/// too then shows what the work costs.
fn time(values: usize, rounds: usize, mut work: impl FnMut(Range<usize>)) -> f64 {
    let blocks = (0..values).step_by(BLOCK).map(|begin| begin..values.min(begin + BLOCK));
    let mut best = vec![f64::INFINITY; blocks.len()];
    // One round to warm up.
    for round in 0..=rounds {
        for (best, block) in best.iter_mut().zip(blocks.clone()) {
            let begun = now();
            work(block);
            let seconds = begun.elapsed().as_secs_f64();
            *best = if round == 0 { f64::INFINITY } else { best.min(seconds) };
        }
    }
    best.iter().sum::<f64>() * 1e9 / values as f64
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}

fn peer_phone(number: &str, region: Option<rlibphonenumber::Region>) -> Option<(String, bool)> {
    let number = PHONE_NUMBER_UTIL.parse(number, region).ok()?;
    Some((number.format_as(PhoneNumberFormat::E164).into_owned(), number.is_valid()))
}

fn peer_region(region: Region) -> Option<rlibphonenumber::Region> {
    rlibphonenumber::Region::from_code(region.as_str()).ok()
}

fn time_single(kind: IdentifierKind, values: &[&str], rounds: usize) -> f64 {
    let canonicalizer = Canonicalizer::new();
    time(values.len(), rounds, |block| {
        for value in &values[block] {
            black_box(canonicalizer.canonicalize(kind, value, None)).ok();
        }
    })
}

/// The canonical form of a column, not hashed.
fn time_column(kind: IdentifierKind, values: &[&str], rounds: usize) -> Result<f64, Failure> {
    let canonicalizer = Canonicalizer::new();
    let profile = if kind == IdentifierKind::Email { CLEAR_EMAIL } else { CLEAR_PHONE };
    let blocks: Vec<_> =
        values.chunks(BLOCK).map(|block| Columns::new(block.len()).column(kind, Column::Values(block))).collect();
    let mut digests = Digests::new();
    for block in &blocks {
        canonicalizer.hash_columns(&profile, block, &mut digests)?;
        if let Some(row) = (0..digests.rows()).find(|row| digests.clear(*row, 0).is_none()) {
            return Err(format!("a {kind} is refused as {:?}", digests.reject(row, 0)).into());
        }
    }
    Ok(time(values.len(), rounds, |block| {
        canonicalizer.hash_columns(&profile, &blocks[block.start / BLOCK], &mut digests).ok();
        black_box(&digests);
    }))
}

/// The columns of the members, and what is reused between blocks.
struct Hashing<'a> {
    blocks: Vec<Columns<'a>>,
    digests: Digests,
    body: Vec<u8>,
}

impl<'a> Hashing<'a> {
    fn new(columns: &'a [Vec<&'a str>; 4]) -> Self {
        let [emails, phones, first, last] = columns;
        let blocks = (0..emails.len()).step_by(BLOCK).map(|begin| {
            let rows = begin..emails.len().min(begin + BLOCK);
            Columns::new(rows.len())
                .column(IdentifierKind::Email, Column::Values(&emails[rows.clone()]))
                .column(IdentifierKind::Phone, Column::Values(&phones[rows.clone()]))
                .column(IdentifierKind::FirstName, Column::Values(&first[rows.clone()]))
                .column(IdentifierKind::LastName, Column::Values(&last[rows]))
        });
        Self { blocks: blocks.collect(), digests: Digests::new(), body: Vec::new() }
    }

    /// The members of a block to hex, a row of JSON each.
    fn run(&mut self, canonicalizer: &Canonicalizer, block: usize) -> Result<&[u8], Failure> {
        canonicalizer.hash_columns(&META, &self.blocks[block], &mut self.digests)?;
        self.body.clear();
        for row in 0..self.digests.rows() {
            self.body.push(b'[');
            for rule in 0..META.rules.len() {
                self.body.push(b'"');
                self.digests.write_to(row, rule, &mut self.body);
                self.body.extend_from_slice(b"\",");
            }
            self.body.pop();
            self.body.extend_from_slice(b"],\n");
        }
        Ok(&self.body)
    }
}

fn time_columns(members: &Members, rounds: usize) -> f64 {
    let (canonicalizer, columns) = (Canonicalizer::new(), members.columns());
    let mut hashing = Hashing::new(&columns);
    time(columns[0].len(), rounds, |block| {
        black_box(hashing.run(&canonicalizer, block.start / BLOCK)).ok();
    })
}

fn allocations_of_columns(members: &Members) -> Result<f64, Failure> {
    let (canonicalizer, columns) = (Canonicalizer::new(), members.columns());
    let mut hashing = Hashing::new(&columns);
    hashing.run(&canonicalizer, 0)?;
    let counted = allocation_counter::measure(|| {
        for block in 0..hashing.blocks.len() {
            hashing.run(&canonicalizer, block).ok();
        }
    });
    Ok(counted.count_total as f64 / columns[0].len() as f64)
}

/// FNV-1a of what is sent, a line a member with blanks between: the peers print the same of theirs.
fn checksum(members: &Members) -> Result<String, Failure> {
    let columns = members.columns();
    let (mut hashing, mut sent) = (Hashing::new(&columns), Vec::new());
    for block in 0..hashing.blocks.len() {
        sent.extend_from_slice(hashing.run(&Canonicalizer::new(), block)?);
    }
    let lines = String::from_utf8(sent)?.replace("[\"", "").replace("\"],", "").replace("\",\"", " ");
    let hash = lines.bytes().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    Ok(format!("{hash:08x}"))
}

fn one_by_one(canonicalizer: &Canonicalizer, columns: &[Vec<&str>; 4], rows: Range<usize>, out: &mut String) {
    let [emails, phones, first, last] = columns;
    for row in rows {
        let member = Member::new("1").email(emails[row]).phone(phones[row]).first_name(first[row]).last_name(last[row]);
        out.clear();
        for identifier in canonicalizer.canonicalize_member(&member).project(&META).identifiers {
            identifier.value.write_to(out);
        }
        black_box(&out);
    }
}

fn time_members(members: &Members, rounds: usize) -> f64 {
    let (canonicalizer, columns, mut out) = (Canonicalizer::new(), members.columns(), String::new());
    time(columns[0].len(), rounds, |block| one_by_one(&canonicalizer, &columns, block, &mut out))
}

fn allocations_of_members(members: &Members) -> f64 {
    let (canonicalizer, columns, mut out) = (Canonicalizer::new(), members.columns(), String::with_capacity(512));
    let rows = columns[0].len();
    let counted = allocation_counter::measure(|| one_by_one(&canonicalizer, &columns, 0..rows, &mut out));
    counted.count_total as f64 / rows as f64
}

/// SplitMix64: the same members in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) as usize % sides
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.roll(choices.len())]
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.roll(10) as u8)).collect()
    }
}

const FIRST: &[&str] =
    &["nora", "ada", "mateo", "luca", "emma", "noah", "mia", "ben", "sofia", "elias", "marie", "jonas", "alexandra"];
const LAST: &[&str] =
    &["quist", "berg", "lovelace", "garcia", "smith", "mueller", "rossi", "dubois", "novak", "johansson", "lee"];
const DOMAINS: &[&str] = &[
    "gmail.com",
    "gmail.com",
    "gmail.com",
    "hotmail.com",
    "yahoo.com",
    "outlook.com",
    "icloud.com",
    "web.de",
    "gmx.de",
    "orange.fr",
    "libero.it",
    "btinternet.com",
    "quist-handel.se",
];
/// Prefixes of mobile and fixed numbers, and how many digits follow.
const PHONES: &[(&str, usize)] = &[
    ("+1212", 7),
    ("+1415", 7),
    ("+1512", 7),
    ("+49151", 8),
    ("+49171", 7),
    ("+4930", 8),
    ("+447911", 6),
    ("+4420", 8),
    ("+336", 8),
    ("+331", 8),
    ("+346", 8),
    ("+39347", 7),
    ("+3906", 8),
    ("+4670", 7),
    ("+5511", 9),
    ("+9198", 8),
];

/// Texts one after the other, as a data frame or a file has them.
#[derive(Default)]
struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, value: &str) {
        self.text.push_str(value);
        self.ends.push(self.text.len());
    }

    fn all(&self) -> Vec<&str> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(begin, end)| &self.text[begin..*end]).collect()
    }
}

/// E-mail, phone, first name, last name.
#[derive(Default)]
struct Members([Texts; 4]);

impl Members {
    fn push(&mut self, values: [&str; 4]) {
        self.0.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    }

    fn columns(&self) -> [Vec<&str>; 4] {
        self.0.each_ref().map(Texts::all)
    }

    /// Members whose values are as clean as a shop's database has them.
    fn clean(count: usize) -> Self {
        let (mut dice, mut all) = (Dice(1), Self::default());
        for _ in 0..count {
            let (first, last) = (dice.of(FIRST), dice.of(LAST));
            let separator = dice.of(&[".", "_", "", "-"]);
            let number = dice.roll(10_000);
            let tag = if dice.roll(20) == 0 { "+news" } else { "" };
            let email = format!("{first}{separator}{last}{number}{tag}@{}", dice.of(DOMAINS));
            all.push([&email, &valid_phone(&mut dice), first, last]);
        }
        all
    }

    /// The same members as people type them: capitals, spaces, punctuation, accents.
    fn typed(count: usize) -> Self {
        let (mut dice, mut all, clean) = (Dice(2), Self::default(), Self::clean(count));
        let [emails, phones, first, last] = clean.columns();
        for row in 0..count {
            let email = match dice.roll(10) {
                0..3 => capitalized(emails[row]),
                3 => format!(" {} ", emails[row].to_uppercase()),
                _ => emails[row].to_owned(),
            };
            let (code, rest) = phones[row].split_at(3);
            let (area, rest) = rest.split_at(3);
            let phone = match dice.roll(4) {
                0 => format!("{code} {area}{}{rest}", dice.of(&[" ", "-", " - "])),
                _ => phones[row].to_owned(),
            };
            let first = match dice.roll(10) {
                0 => "Zoë".to_owned(),
                1 => "Anne-Marie".to_owned(),
                2 => format!("{} ", first[row].to_uppercase()),
                _ => capitalized(first[row]),
            };
            all.push([&email, &phone, &first, &capitalized(last[row])]);
        }
        all
    }

    fn write(&self, path: &Path) -> Result<(), Failure> {
        let [emails, phones, first, last] = self.columns();
        let mut lines = String::new();
        for (row, email) in emails.iter().enumerate() {
            writeln!(lines, "{email}\t{}\t{}\t{}", phones[row], first[row], last[row])?;
        }
        Ok(fs::write(path, lines)?)
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        let mut all = Self::default();
        for line in fs::read_to_string(path)?.lines() {
            let fields = line.split('\t').collect::<Vec<_>>();
            all.push(fields.try_into().map_err(|_| "expected lines of four fields")?);
        }
        Ok(all)
    }
}

fn capitalized(text: &str) -> String {
    let (head, rest) = text.split_at(1);
    format!("{}{rest}", head.to_uppercase())
}

fn valid_phone(dice: &mut Dice) -> String {
    loop {
        let (prefix, digits) = PHONES[dice.roll(PHONES.len())];
        let number = format!("{prefix}{}", dice.digits(digits));
        if peer_phone(&number, None) == Some((number.clone(), true))
            && Canonicalizer::new().canonicalize(IdentifierKind::Phone, &number, None).is_ok()
        {
            return number;
        }
    }
}

/// Numbers as people write them at home, each with its country.
struct National(Vec<(String, Region)>);

impl National {
    fn new(count: usize) -> Self {
        let mut dice = Dice(3);
        let regions = ["DE", "US", "GB", "FR", "IT"].map(|code| Region::parse(code).ok());
        let numbers = (0..count).filter_map(|_| {
            let at = dice.roll(regions.len());
            let (a, b, c) = (dice.digits(3), dice.digits(2), dice.digits(2));
            let number = match (at, dice.roll(3)) {
                (0, 0) => format!("0151 2{a} {b}{c}"),
                (0, 1) => format!("030/4{a}{b}{c}"),
                (0, _) => format!("+49 (0) 30 4{a}{b}{c}"),
                (1, 0) => format!("(415) 2{b}-{c}{b}"),
                (1, 1) => format!("512-3{b}-{c}{b}"),
                (1, _) => format!("1 (212) 4{b} {c}{b}"),
                (2, 0) => format!("020 7{a} {b}{c}"),
                (2, 1) => format!("07911 {a}{a}"),
                (2, _) => format!("+44 (0)20 7{a} {b}{c}"),
                (3, _) => format!("06 1{} {b} {c} {b}", &a[..1]),
                (_, 0) => format!("347 {a}{b}{c}"),
                (_, _) => format!("+39 06 {a} {b}{c}{}", &a[..1]),
            };
            Some((number, regions[at]?))
        });
        Self(numbers.collect())
    }

    fn time(&self, rounds: usize, work: impl Fn(&str, Region)) -> f64 {
        time(self.0.len(), rounds, |block| self.0[block].iter().for_each(|(number, region)| work(number, *region)))
    }
}
