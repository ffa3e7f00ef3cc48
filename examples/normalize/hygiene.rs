//! What a CSV file of members is like: as text, and as one HTML page. And a messy file to try it on.

use std::error::Error;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use audience_sync::identity::{
    Canonicalizer, Consent, ConsentState, Dedup, DedupRules, Hygiene, HygieneRules, IdentifierKind, Member, Region,
    RowFacts, profiles,
};
use audience_sync::report;

/// What to do beyond printing the report.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Where to write the page.
    pub(crate) html: Option<PathBuf>,
    /// The region of phones of members without a country: `DE`.
    pub(crate) default_region: Option<String>,
    /// Whether to find out how many people the rows are.
    pub(crate) people: bool,
}

/// Reads a CSV file with a header and prints what its values are like.
///
/// Columns are known by their names, in any case: `id`, `email`, `phone`, `first_name`, `last_name`, `country`,
/// `external_id`, `consent` (`yes`, `no`). Others are left alone; a name given twice is read twice.
///
/// # Errors
/// When the file cannot be read, or the page cannot be written.
pub(crate) fn run(path: &Path, options: &Options) -> Result<(), Box<dyn Error>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path)?;
    let columns: Vec<Column> = reader.byte_headers()?.iter().map(Column::named).collect();
    let mut canonicalizer = Canonicalizer::new();
    if let Some(region) = &options.default_region {
        canonicalizer = canonicalizer.with_default_region(Region::parse(region)?);
    }
    let mut hygiene = Hygiene::new(HygieneRules::new().with_profile(profiles::META_CUSTOM_AUDIENCE));
    let mut dedup = Dedup::new(DedupRules::default());
    let mut row = csv::ByteRecord::new();
    let mut number = 0_u64;
    while reader.read_byte_record(&mut row)? {
        number += 1;
        let member = member(&columns, &row, number);
        let canonical = hygiene.count_member(&canonicalizer, &member);
        if options.people {
            let facts = RowFacts::default().with_consent(member.consent_given());
            dedup.add(member.id(), &canonical, facts);
        }
    }
    let found = hygiene.report();
    let mut out = std::io::stdout().lock();
    write!(out, "{found}")?;
    if options.people {
        write!(out, "\nPeople\n{}", dedup.finish().report())?;
    }
    if let Some(html) = &options.html {
        fs::write(html, report::html::hygiene(&found))?;
    }
    Ok(())
}

/// What a column holds.
#[derive(Clone, Copy)]
enum Column {
    Id,
    Country,
    Consent,
    Value(IdentifierKind),
    Other,
}

impl Column {
    fn named(name: &[u8]) -> Self {
        let name = String::from_utf8_lossy(name).trim_start_matches('\u{feff}').trim().to_ascii_lowercase();
        match &*name.replace([' ', '-'], "_") {
            "id" | "member_id" | "customer_id" => Self::Id,
            "country" | "country_code" => Self::Country,
            "consent" | "opt_in" => Self::Consent,
            "email" | "e_mail" | "mail" => Self::Value(IdentifierKind::Email),
            "phone" | "mobile" | "telephone" | "phone_number" => Self::Value(IdentifierKind::Phone),
            "first_name" | "firstname" | "given_name" => Self::Value(IdentifierKind::FirstName),
            "last_name" | "lastname" | "family_name" => Self::Value(IdentifierKind::LastName),
            "external_id" | "crm_id" => Self::Value(IdentifierKind::ExternalId),
            _ => Self::Other,
        }
    }
}

fn member(columns: &[Column], row: &csv::ByteRecord, number: u64) -> Member {
    let text = |wanted: fn(&Column) -> bool| {
        let at = columns.iter().position(wanted)?;
        Some(String::from_utf8_lossy(row.get(at)?)).filter(|text| !text.trim().is_empty())
    };
    let mut member = match text(|column| matches!(column, Column::Id)) {
        Some(id) => Member::new(id),
        None => Member::new(format!("row {number}")),
    };
    for (column, value) in columns.iter().zip(row) {
        let value = String::from_utf8_lossy(value);
        member = match column {
            Column::Country => member.country(&*value),
            Column::Consent => member.consent(consent(&value)),
            Column::Value(kind) if !value.trim().is_empty() => member.identifier(*kind, &*value),
            Column::Id | Column::Value(_) | Column::Other => member,
        };
    }
    member
}

fn consent(text: &str) -> Consent {
    match text.trim() {
        "yes" | "true" | "1" => Consent::GRANTED,
        "no" | "false" | "0" => Consent::DENIED,
        _ => Consent::default().with_ad_user_data(ConsentState::Unspecified),
    }
}

/// Writes a messy file of so many rows: the same ones every time. Nobody in it is real.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn make_messy(rows: u64, out: impl Write) -> Result<(), Box<dyn Error>> {
    let mut out = csv::Writer::from_writer(BufWriter::new(out));
    out.write_record(["id", "email", "phone", "first_name", "last_name", "country", "external_id", "consent"])?;
    let mut dice = Dice(0x5EED);
    for row in 0..rows {
        // One in twelve is somebody who is in the file already.
        let person = if row > 20 && dice.one_in(12) { dice.below(row) } else { row };
        out.write_record(messy_row(row, person, &mut dice))?;
    }
    out.flush()?;
    Ok(())
}

/// splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end.max(1)
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let at = self.below(from.len() as u64) as usize;
        from.get(at).copied().unwrap_or_default()
    }
}

const FIRST: &[&str] =
    &["Nora", "Ola", "Ida", "Jonas", "Zoë", "Łukasz", "María José", "Anne-Marie", "Søren", "Emre", "Chloé", "Ben"];
const LAST: &[&str] =
    &["Quist", "Berg", "O'Brien", "Müller", "van der Velde", "García", "Kowalski", "Smith Jr.", "D’Angelo", "Yılmaz"];
/// Weights by repetition.
const DOMAINS: &[&str] = &[
    "gmail.com",
    "gmail.com",
    "gmail.com",
    "gmail.com",
    "gmail.com",
    "gmail.com",
    "yahoo.com",
    "yahoo.com",
    "hotmail.com",
    "hotmail.com",
    "outlook.com",
    "icloud.com",
    "gmx.de",
    "web.de",
    "t-online.de",
    "orange.fr",
    "libero.it",
    "quist-werke.de",
    "fjord-handel.no",
    "bücher-berg.de",
    "googlemail.com",
];
const SLIPS: &[&str] = &["gmial.com", "gmai.com", "gmail.con", "hotmial.com", "yahooo.com", "outlok.com", "gmaik.com"];

fn messy_row(row: u64, person: u64, dice: &mut Dice) -> [String; 8] {
    let mut own = Dice(person.wrapping_mul(0x2545_F491_4F6C_DD1D));
    let (first, last) = (own.pick(FIRST), own.pick(LAST));
    let country = own.pick(&["DE", "DE", "DE", "US", "US", "FR", "GB", "IT", "SE"]);
    let email = email(person, first, &mut own, dice);
    let phone = phone(country, &mut own, dice);
    let given = match dice.below(40) {
        0 => country.to_lowercase(),
        1 => "Germany".to_owned(),
        2 => "FR".to_owned(),
        3..=9 => String::new(),
        _ => country.to_owned(),
    };
    let first = match dice.below(30) {
        0 => first.to_uppercase(),
        1 => format!("  {first} "),
        2 => "null".to_owned(),
        3 => String::new(),
        _ => first.to_owned(),
    };
    let external = if own.one_in(3) { format!("CRM-{person:07}") } else { String::new() };
    let consent = dice.pick(&["yes", "yes", "yes", "no", ""]).to_owned();
    [format!("r{row}"), email, phone, first, last.to_owned(), given, external, consent]
}

fn email(person: u64, first: &str, own: &mut Dice, dice: &mut Dice) -> String {
    let name: String = first.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let domain = own.pick(DOMAINS);
    let clean = format!("{name}.k{person}@{domain}");
    match dice.below(60) {
        0..=4 => String::new(),
        5 => dice.pick(&["n/a", "none", "-", "NULL", "unknown", "test@test.com", "none@none.com"]).to_owned(),
        6 => dice.pick(&["info", "sales", "office"]).to_owned() + "@quist-werke.de",
        7 => format!("{name}.k{person}@{}", dice.pick(SLIPS)),
        8 => clean.replace('@', " at "),
        9 => clean.replace('.', ".."),
        10 => format!("{name}{person}"),
        11 => format!("{name}{person}@mailinator.com"),
        12 => format!("q{person}@privaterelay.appleid.com"),
        13 => format!("\u{a0}{clean}\u{200b}"),
        14 => format!("{first} <{clean}>"),
        15 => format!("mailto:{clean}"),
        16 => format!("{clean};{name}.k{person}@gmx.de"),
        17..=22 => clean.to_uppercase(),
        23 | 24 => format!(" {clean} "),
        25 => format!("{name}.k{person}@firma{}.de", own.below(40_000)),
        _ => clean,
    }
}

fn phone(country: &str, own: &mut Dice, dice: &mut Dice) -> String {
    let digits = own.below(10_000_000);
    let (code, trunk, national) = match country {
        "US" => ("1", "", format!("{}{digits:07}", ["212", "415", "312"][own.below(3) as usize])),
        "FR" => ("33", "0", format!("6{:08}", digits * 10 + 1)),
        "GB" => ("44", "0", format!("77{:08}", digits * 10 + 1)),
        "IT" => ("39", "", format!("347{digits:07}")),
        "SE" => ("46", "0", format!("70{digits:07}")),
        _ => ("49", "0", format!("151{:08}", digits * 10 + 1)),
    };
    match dice.below(40) {
        0..=7 => String::new(),
        8 => dice.pick(&["n/a", "0000000000", "1234567890", "-", "unknown"]).to_owned(),
        9 => format!("{:.4E}", national.parse::<f64>().unwrap_or_default()).replace('E', "E+"),
        10 => "+4930901820".to_owned(),
        11 => format!("00{code}{national}"),
        12 => format!("+{code} ({trunk}){national}"),
        13 => format!("{code}{national}.0"),
        14 => format!("+{code}{national} ext. 12"),
        15 => national.chars().take(5).collect(),
        16..=23 => format!("{trunk}{national}"),
        24 => format!("tel:+{code}-{national}"),
        _ => format!("+{code}{national}"),
    }
}
