//! Contact data, made up: the purchase log has none.
//!
//! Each customer gets a clean truth from the id, always the same, and an export writes it down the way exports do: shouted,
//! padded, in national formats, with words for "no value", twice. The truth is what the check expects to arrive. The
//! domains are reserved (RFC 2606), and the numbers kept free for fiction (NANP 555-01xx; Ofcom's 07700 900000 to 900999),
//! so nobody can be reached by them.

use audience_sync::identity::Member;

const FIRST: [&str; 16] = [
    "ada", "ben", "chloe", "dmitri", "elif", "femi", "grace", "hiro", "ines", "jonas", "kofi", "lena", "maya", "nils",
    "oona", "priya",
];
const LAST: [&str; 16] = [
    "abbott", "byrne", "castro", "dubois", "eriksen", "farouk", "garcia", "haas", "ibsen", "jansen", "kowalski",
    "lopez", "moreau", "novak", "okafor", "petrov",
];
const DOMAINS: [&str; 4] = ["mail.example.com", "post.example.net", "inbox.example.org", "web.example.com"];

/// What is true of a customer, in the form that digests are made of.
pub(crate) struct Contact {
    /// Lower case.
    pub(crate) emails: Vec<String>,
    /// Country code and number, digits only.
    pub(crate) phone: Option<String>,
    /// The export contradicts itself, or the customer has moved: which values stand at a platform is then not as simple as
    /// "these".
    pub(crate) is_plain: bool,
    name: (&'static str, &'static str),
    pub(crate) is_british: bool,
    contradicts: bool,
}

/// The truth about customer `id` after so many orders.
pub(crate) fn contact(id: u32, orders: u32) -> Contact {
    let mut dice = Dice::new(id, 1);
    let name = name(id);
    let mut emails = match dice.below(100) {
        0..8 => vec![],
        // A couple shares the mailbox of the neighbour in the list.
        8..11 => vec![email(id.saturating_sub(1))],
        11..14 => vec![email(id), format!("{}{id}@work.example.org", name.0)],
        _ => vec![email(id)],
    };
    let moves = dice.one_in(25);
    if moves && orders > 3 && !emails.is_empty() {
        emails = vec![format!("{}.{}.{id}@new.example.net", name.0, name.1)];
    }
    let is_british = dice.one_in(8);
    let phone = (dice.below(100) < 45).then(|| if is_british { british(id) } else { american(id) });
    let contradicts = phone.is_some() && dice.one_in(400);
    Contact { emails, phone, is_plain: !moves && !contradicts, name, is_british, contradicts }
}

fn name(id: u32) -> (&'static str, &'static str) {
    let mut dice = Dice::new(id, 2);
    (dice.pick(&FIRST), dice.pick(&LAST))
}

fn email(id: u32) -> String {
    let (first, last) = name(id);
    format!("{first}.{last}{id}@{}", Dice::new(id, 3).pick(&DOMAINS))
}

/// An area code without N11 and N9X, and 555-0100 to 555-0199.
fn american(id: u32) -> String {
    let area = id / 100;
    format!("1{}{}{}55501{:02}", 2 + area % 8, area / 8 % 9, 2 + area / 72 % 8, id % 100)
}

/// There are only a thousand: some customers share one.
fn british(id: u32) -> String {
    format!("447700900{:03}", id % 1000)
}

impl Contact {
    /// The rows an export has for this customer. `member` is the row without contact data.
    pub(crate) fn rows(&self, id: u32, member: &Member) -> Vec<Member> {
        let mut dice = Dice::new(id, 4);
        let mut rows = vec![self.row(member, &mut dice)];
        if dice.one_in(50) {
            rows.push(self.row(member, &mut dice));
        }
        if self.contradicts {
            let other = Self { phone: Some(american(id + 50_000)), is_british: false, ..self.copy() };
            rows.push(other.row(member, &mut dice));
        }
        rows
    }

    fn copy(&self) -> Self {
        Self { emails: self.emails.clone(), phone: self.phone.clone(), ..*self }
    }

    fn row(&self, member: &Member, dice: &mut Dice) -> Member {
        let country = if self.is_british { ["GB", "gb", " GB "] } else { ["US", "us", "US "] };
        let row = member.clone().country(dice.pick(&country)).email(self.written_email(dice));
        row.phone(match &self.phone {
            Some(phone) => written_phone(phone, self.is_british, dice),
            None => dice.pick(&["", "n/a", "0000000000", "1234567890", "none", "4.15555E+09"]).to_owned(),
        })
    }

    fn written_email(&self, dice: &mut Dice) -> String {
        let (first, last) = self.name;
        let email = match &self.emails[..] {
            [] => {
                let broken = format!("{first}.{last}.example.com");
                return dice.pick(&["", "n/a", "NULL", "unknown", "-", &broken, "no mail"]).to_owned();
            }
            [one] => one.clone(),
            several => return several.join(dice.pick(&["; ", ", ", " | "])),
        };
        match dice.below(20) {
            0..10 => email,
            10 => email.to_uppercase(),
            11 | 12 => capitalized(&email),
            13 => format!("  {email} "),
            14 => format!("{email}\r\n"),
            15 => format!("\u{feff}{email}"),
            16 => format!("{} {} <{email}>", capitalized(first), capitalized(last)),
            17 => format!("mailto:{email}"),
            18 => format!("\"{email}\""),
            _ => format!("\u{a0}{};", capitalized(&email)),
        }
    }
}

fn capitalized(text: &str) -> String {
    let mut next_is_first = true;
    let capital = |character: char| {
        let out = if next_is_first { character.to_ascii_uppercase() } else { character };
        next_is_first = !character.is_ascii_alphanumeric();
        out
    };
    text.chars().map(capital).collect()
}

fn written_phone(phone: &str, is_british: bool, dice: &mut Dice) -> String {
    if is_british {
        let (mobile, rest) = (&phone[2..6], &phone[6..]);
        return match dice.below(6) {
            0 => format!("+44 {mobile} {rest}"),
            1 => format!("0044{mobile}{rest}"),
            2 => format!("+44 (0){mobile} {rest}"),
            3 => format!("0{mobile}-{rest}"),
            _ => format!("0{mobile} {rest}"),
        };
    }
    let (area, exchange, line) = (&phone[1..4], &phone[4..7], &phone[7..]);
    match dice.below(9) {
        0 => format!("+1 {area} {exchange} {line}"),
        1 => format!("+{phone}"),
        2 => format!("1-{area}-{exchange}-{line}"),
        3 => format!("{area}.{exchange}.{line}"),
        4 => format!("tel:+1-{area}-{exchange}-{line}"),
        5 => format!("{phone}.0"),
        6 => format!(" ({area}) {exchange}-{line} "),
        _ => format!("({area}) {exchange}-{line}"),
    }
}

/// Numbers that look random and are the same every time (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(id: u32, purpose: u64) -> Self {
        Self(u64::from(id) << 8 | purpose)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        let place = self.below(of.len() as u64);
        usize::try_from(place).ok().and_then(|place| of.get(place)).copied().unwrap_or_default()
    }
}
