//! Columns in, digests out.

use std::fmt;
use std::str;

use super::canonical::{Canonicalizer, is_derived_again};
use super::country;
use super::fast;
use super::hashed::base64;
use super::kind::IdentifierKind;
use super::profile::{Encoding, KeyedBy, Profile, Rule};
use super::region::RegionHint;
use super::reject::Reject;
use super::sha256::sha256;
use crate::error::{Error, ErrorKind, Result};

/// The values of one kind, one a member. `Debug` shows the length alone.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Column<'a> {
    /// A value for every member; an empty one is refused as [`Reject::Missing`].
    Values(&'a [&'a str]),
    /// A value for some members.
    Optional(&'a [Option<&'a str>]),
}

impl<'a> Column<'a> {
    fn len(self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Optional(values) => values.len(),
        }
    }

    fn get(self, row: usize) -> Option<&'a str> {
        match self {
            Self::Values(values) => values.get(row).copied(),
            Self::Optional(values) => values.get(row).copied().flatten(),
        }
    }
}

impl<'a> From<&'a [&'a str]> for Column<'a> {
    fn from(values: &'a [&'a str]) -> Self {
        Self::Values(values)
    }
}

impl<'a> From<&'a [Option<&'a str>]> for Column<'a> {
    fn from(values: &'a [Option<&'a str>]) -> Self {
        Self::Optional(values)
    }
}

impl fmt::Debug for Column<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Column({} values)", self.len())
    }
}

/// The columns of a number of members, for [`Canonicalizer::hash_columns`]: the same place in each is the same member.
///
/// The values are plain: a cell that looks like a digest is refused as [`Reject::HashedInPlain`].
#[derive(Clone, Debug)]
pub struct Columns<'a> {
    rows: usize,
    columns: Vec<(IdentifierKind, Column<'a>)>,
    countries: Option<Column<'a>>,
}

impl<'a> Columns<'a> {
    /// Columns of `rows` members each.
    pub const fn new(rows: usize) -> Self {
        Self { rows, columns: Vec::new(), countries: None }
    }

    /// Adds the values of a kind.
    #[must_use]
    pub fn column(mut self, kind: IdentifierKind, values: impl Into<Column<'a>>) -> Self {
        self.columns.push((kind, values.into()));
        self
    }

    /// Adds the members' countries, by which national phone numbers, postcodes and states are read and which are sent
    /// where a destination takes one, as by [`Member::country`](super::Member::country).
    #[must_use]
    pub fn countries(mut self, codes: impl Into<Column<'a>>) -> Self {
        self.countries = Some(codes.into());
        self
    }

    fn of(&self, kind: IdentifierKind) -> Option<Column<'a>> {
        self.columns.iter().find(|(other, _)| *other == kind).map(|(_, column)| *column)
    }

    /// What is known of a member's country. `last` is what was read before: neighbours are often of one country.
    fn region(&self, row: usize, last: &mut (&'a str, RegionHint)) -> RegionHint {
        let (column, read): (_, fn(&str) -> RegionHint) = match self.countries {
            Some(column) => (Some(column), RegionHint::read),
            None => (self.of(IdentifierKind::Country), |cell| country::read(cell).into()),
        };
        let cell = column.and_then(|column| column.get(row)).unwrap_or_default();
        if cell != last.0 {
            *last = (cell, read(cell));
        }
        last.1
    }

    fn check(&self) -> Result<()> {
        let countries = self.countries.iter().map(|column| ("country", *column));
        for (name, column) in self.columns.iter().map(|(kind, column)| (kind.as_str(), *column)).chain(countries) {
            if column.len() != self.rows {
                let (expected, found) = (self.rows, column.len());
                return Err(Error::new(
                    ErrorKind::Config,
                    format!("expected {expected} values in the column {name}, found {found}"),
                ));
            }
        }
        for (index, (kind, _)) in self.columns.iter().enumerate() {
            if kind.source() != *kind {
                let source = kind.source();
                return Err(Error::new(
                    ErrorKind::Config,
                    format!("expected a column of {source}, found one of {kind}"),
                ));
            }
            if *kind == IdentifierKind::Country && self.countries.is_some() {
                let told = "expected the members' countries once, found them as countries and as a column of country";
                return Err(Error::new(ErrorKind::Config, told));
            }
            if self.columns.iter().skip(index + 1).any(|(other, _)| other == kind) {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!(
                        "expected one column of each kind, found two of {kind}: give members of several values one by one"
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// What a profile sends of a number of members, by columns: for each of its rules and each member a digest of fixed
/// width, a clear value, or the reason why there is none.
///
/// Reuse one between calls: its memory is kept. `Debug` never shows a value or a digest.
#[derive(Clone, Default)]
pub struct Digests {
    rows: usize,
    by_member_id: bool,
    rules: &'static [Rule],
    together: &'static [IdentifierKind],
    columns: Vec<Sent>,
}

/// What one rule sends.
#[derive(Clone, Default)]
struct Sent {
    cells: Vec<Cell>,
    /// Where the rule hashes: one a row, of no meaning where nothing is sent.
    digests: Vec<[u8; 32]>,
    /// Where the rule does not hash: the values one after the other, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cell {
    Absent,
    Present,
    Refused(Reject),
}

impl Digests {
    /// None yet.
    pub const fn new() -> Self {
        Self { rows: 0, by_member_id: false, rules: &[], together: &[], columns: Vec::new() }
    }

    /// How many members there are.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The rules of the profile. The place of a rule is its number in the other methods.
    pub const fn rules(&self) -> &'static [Rule] {
        self.rules
    }

    /// The number of the rule for a kind.
    pub fn rule_of(&self, kind: IdentifierKind) -> Option<usize> {
        self.rules.iter().position(|rule| rule.kind == kind)
    }

    /// The digest of a member; nothing where the member has none, or the rule does not hash.
    pub fn digest(&self, row: usize, rule: usize) -> Option<&[u8; 32]> {
        self.present(row, rule)?.digests.get(row)
    }

    /// The clear value of a member; nothing where the member has none, or the rule hashes.
    pub fn clear(&self, row: usize, rule: usize) -> Option<&str> {
        let sent = self.present(row, rule)?;
        let begin = row.checked_sub(1).map_or(Some(0), |before| sent.ends.get(before).copied())?;
        str::from_utf8(sent.text.get(begin..*sent.ends.get(row)?)?).ok()
    }

    /// Why a member's value is not sent; nothing where it is, or where there was none.
    pub fn reject(&self, row: usize, rule: usize) -> Option<Reject> {
        match self.columns.get(rule)?.cells.get(row)? {
            Cell::Refused(reject) => Some(*reject),
            Cell::Absent | Cell::Present => None,
        }
    }

    /// Whether the destination can find the member by what is sent, as in [`Projected`](super::Projected).
    pub fn matchable(&self, row: usize) -> bool {
        let by_a_value = |(rule, sent): (&Rule, &Sent)| rule.matches_alone && sent.is_present(row);
        let together = || !self.together.is_empty() && self.has_all(row, self.together);
        row < self.rows && (self.by_member_id || self.rules.iter().zip(&self.columns).any(by_a_value) || together())
    }

    /// Appends what is sent of a member: the digest as its destination takes it (64 lower-case hex digits, or base64),
    /// which needs no escaping in JSON, or the clear value as it is. Appends nothing and says `false` where nothing is
    /// sent.
    pub fn write_to(&self, row: usize, rule: usize, out: &mut Vec<u8>) -> bool {
        let Some(digest) = self.digest(row, rule) else {
            return self.clear(row, rule).map(|value| out.extend_from_slice(value.as_bytes())).is_some();
        };
        match self.rules.get(rule).map(|rule| rule.encoding) {
            Some(Encoding::Sha256Base64) => out.extend(base64(digest)),
            _ => out.extend_from_slice(const_hex::Buffer::<32>::new().format(digest).as_bytes()),
        }
        true
    }

    fn present(&self, row: usize, rule: usize) -> Option<&Sent> {
        self.columns.get(rule).filter(|sent| sent.is_present(row))
    }

    fn has_all(&self, row: usize, kinds: &[IdentifierKind]) -> bool {
        let has = |kind: &IdentifierKind| {
            let of_kind = |(rule, sent): (&Rule, &Sent)| rule.kind == *kind && sent.is_present(row);
            self.rules.iter().zip(&self.columns).any(of_kind)
        };
        kinds.iter().all(has)
    }

    /// Takes the kinds back that are sent all or none, where one is missing.
    fn keep_together(&mut self, together: &'static [IdentifierKind]) {
        self.together = together;
        if together.is_empty() {
            return;
        }
        for row in (0..self.rows).filter(|row| !self.has_all(*row, together)).collect::<Vec<_>>() {
            for (_, sent) in self.rules.iter().zip(&mut self.columns).filter(|(rule, _)| together.contains(&rule.kind))
            {
                sent.take_back(row);
            }
        }
    }

    fn begin(&mut self, profile: &Profile, rows: usize) {
        self.rows = rows;
        self.by_member_id = profile.keyed_by == KeyedBy::MemberId;
        self.rules = profile.rules;
        self.columns.resize_with(profile.rules.len(), Sent::default);
        // A rule without a column has no cells.
        self.columns.iter_mut().for_each(Sent::clear);
    }
}

impl fmt::Debug for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.rules.iter().map(|rule| rule.kind).collect::<Vec<_>>();
        f.debug_struct("Digests").field("rows", &self.rows).field("kinds", &kinds).finish_non_exhaustive()
    }
}

impl Sent {
    /// Nothing yet, with room for what `rule` sends of `rows` members.
    fn begin(&mut self, rule: &Rule, rows: usize) {
        self.clear();
        self.cells.reserve(rows);
        if rule.encoding.hashes() {
            self.digests.reserve(rows);
        } else {
            self.ends.reserve(rows);
        }
    }

    fn clear(&mut self) {
        self.cells.clear();
        self.text.clear();
        self.digests.clear();
        self.ends.clear();
    }

    fn is_present(&self, row: usize) -> bool {
        self.cells.get(row) == Some(&Cell::Present)
    }

    fn take_back(&mut self, row: usize) {
        if let Some(cell) = self.cells.get_mut(row).filter(|cell| **cell == Cell::Present) {
            *cell = Cell::Refused(Reject::IncompleteAddress);
        }
    }

    /// Appends what is sent of the next member.
    fn push(&mut self, rule: &Rule, value: std::result::Result<&[u8], Reject>) {
        let value = match value {
            Err(reject) => return self.push_none(rule, Cell::Refused(reject)),
            Ok([]) => return self.push_none(rule, Cell::Refused(Reject::Missing)),
            Ok(_) if rule.limit == 0 => return self.push_none(rule, Cell::Refused(Reject::OverLimit)),
            Ok(value) => value,
        };
        self.cells.push(Cell::Present);
        if rule.encoding.hashes() {
            self.digests.push(sha256(value));
        } else {
            self.text.extend_from_slice(value);
            self.ends.push(self.text.len());
        }
    }

    fn push_none(&mut self, rule: &Rule, cell: Cell) {
        self.cells.push(cell);
        if rule.encoding.hashes() {
            self.digests.push([0; 32]);
        } else {
            self.ends.push(self.text.len());
        }
    }
}

impl Canonicalizer {
    /// What a profile sends of whole columns of plain values, into memory that is kept between calls.
    ///
    /// Every value comes out as by [`Self::canonicalize`] and
    /// [`CanonicalMember::project`](super::CanonicalMember::project), and no memory is allocated for a clean one. One
    /// core does the work: share the members out between threads, each with `Digests` of its own; some thousands at a
    /// time stay in the caches.
    ///
    /// A cell is one value. One that holds several is refused (`email.multi_value`, `phone.multi_value`) instead of
    /// split: such members, members of several values of one kind, and digests belong into [`Self::canonicalize_member`].
    ///
    /// ```
    /// use audience_sync::identity::{Canonicalizer, Column, Columns, Digests, IdentifierKind, profiles};
    ///
    /// # fn main() -> audience_sync::error::Result<()> {
    /// let emails = [" Nora.Quist+VIP@Gmail.com ", "nobody"];
    /// let phones = [None, Some("+46 8 123 456 78")];
    /// let columns = Columns::new(2)
    ///     .column(IdentifierKind::Email, Column::Values(&emails))
    ///     .column(IdentifierKind::Phone, Column::Optional(&phones));
    /// let mut digests = Digests::new();
    /// Canonicalizer::new().hash_columns(&profiles::META_CUSTOM_AUDIENCE, &columns, &mut digests)?;
    ///
    /// let email = digests.rule_of(IdentifierKind::Email).unwrap_or_default();
    /// let mut row = Vec::new();
    /// assert!(digests.write_to(0, email, &mut row));
    /// assert!(row.starts_with(b"0dd2f298678f139f"));
    /// assert_eq!(digests.reject(1, email).map(|reject| reject.code()), Some("email.no_at"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when a column has not as many values as there are members, and for two columns of one
    /// kind.
    pub fn hash_columns(&self, profile: &Profile, columns: &Columns<'_>, digests: &mut Digests) -> Result<()> {
        columns.check().map_err(|error| error.doing("hashing columns"))?;
        digests.begin(profile, columns.rows);
        let mut scratch = Scratch { ascii: [0; fast::ROOM], folded: [0; fast::ROOM], text: String::new() };
        for at in 0..profile.rules.len() {
            let (earlier, rest) = digests.columns.split_at_mut(at);
            let Some(sent) = rest.first_mut() else { continue };
            self.hash_column(profile, at, columns, earlier, sent, &mut scratch);
        }
        digests.keep_together(profile.together);
        Ok(())
    }

    /// What the rule at `at` sends. `earlier` is what the rules before it send.
    fn hash_column(
        &self,
        profile: &Profile,
        at: usize,
        columns: &Columns<'_>,
        earlier: &[Sent],
        sent: &mut Sent,
        scratch: &mut Scratch,
    ) {
        let (before, Some(rule)) = (profile.rules.get(..at).unwrap_or_default(), profile.rules.get(at)) else { return };
        let source = Source::of(rule, columns);
        if matches!(source, Source::None) {
            return;
        }
        sent.begin(rule, columns.rows);
        let again = is_derived_again(rule, before);
        let clicks: Vec<&Sent> = before
            .iter()
            .zip(earlier)
            .filter(|(other, _)| rule.kind.is_google_click() && other.kind.is_google_click())
            .map(|(_, sent)| sent)
            .collect();
        let mut last = ("", RegionHint::Unset);
        for row in 0..columns.rows {
            let known;
            let cell = match source {
                Source::Cells(column) => column.get(row),
                Source::Countries => {
                    known = columns.region(row, &mut last);
                    match &known {
                        RegionHint::Known(region) => Some(region.as_str()),
                        RegionHint::Unset | RegionHint::Unreadable => None,
                    }
                }
                Source::None => None,
            };
            let Some(cell) = cell else {
                sent.push_none(rule, Cell::Absent);
                continue;
            };
            match self.pre_image(rule, cell, || columns.region(row, &mut last), scratch) {
                // What a value is refused for is told at the rule that stands for it.
                Err(_) if again => sent.push_none(rule, Cell::Absent),
                Ok(_) if clicks.iter().any(|earlier| earlier.is_present(row)) => {
                    sent.push(rule, Err(Reject::OverLimit))
                }
                value => sent.push(rule, value),
            }
        }
    }

    /// The pre-image of one value. The region is asked for where it counts alone: reading its name takes longer than
    /// a clean value does.
    #[inline]
    fn pre_image<'s>(
        &self,
        rule: &Rule,
        value: &str,
        mut region: impl FnMut() -> RegionHint,
        scratch: &'s mut Scratch,
    ) -> std::result::Result<&'s [u8], Reject> {
        let Scratch { ascii, folded, text } = scratch;
        let kind = rule.kind.source();
        let national = kind == IdentifierKind::Phone && !value.starts_with('+');
        let reading = self.reading(if national { region() } else { RegionHint::Unset });
        text.clear();
        if let Some(clean) = fast::canonical(kind, value, reading, ascii) {
            if fast::cuts(rule.pre_image) {
                return Ok(fast::pre_image(rule.pre_image, &clean, ascii, folded));
            }
            let canonical = ascii.get(..clean.len).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default();
            rule.pre_image.write(canonical, text)?;
        } else {
            let canonical = self.canonicalize(kind, value, region())?;
            rule.pre_image.write(canonical.as_str().unwrap_or_default(), text)?;
        }
        Ok(text.as_bytes())
    }
}

/// Where the values of a rule stand.
#[derive(Clone, Copy)]
enum Source<'a> {
    Cells(Column<'a>),
    /// The members' countries.
    Countries,
    None,
}

impl<'a> Source<'a> {
    fn of(rule: &Rule, columns: &Columns<'a>) -> Self {
        match columns.of(rule.kind.source()) {
            Some(column) => Self::Cells(column),
            None if rule.kind == IdentifierKind::Country && columns.countries.is_some() => Self::Countries,
            None => Self::None,
        }
    }
}

/// Memory of one value, reused by the next.
struct Scratch {
    ascii: [u8; fast::ROOM],
    folded: [u8; fast::ROOM],
    text: String,
}

#[cfg(test)]
mod tests;
