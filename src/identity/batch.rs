//! Columns in, digests out.

use std::fmt;
use std::str;

use sha2::{Digest as _, Sha256};

use super::canonical::Canonicalizer;
use super::fast;
use super::kind::IdentifierKind;
use super::profile::{Encoding, KeyedBy, Profile, Rule};
use super::region::RegionHint;
use super::reject::Reject;
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

    /// Adds the members' countries, by which national phone numbers are read, as by [`Member::country`](super::Member::country).
    #[must_use]
    pub fn countries(mut self, codes: impl Into<Column<'a>>) -> Self {
        self.countries = Some(codes.into());
        self
    }

    fn of(&self, kind: IdentifierKind) -> Option<Column<'a>> {
        self.columns.iter().find(|(other, _)| *other == kind).map(|(_, column)| *column)
    }

    /// The region of a member. `last` is what was read before: neighbours are often of one country.
    fn region(&self, row: usize, last: &mut (&'a str, RegionHint)) -> RegionHint {
        let country = self.countries.and_then(|codes| codes.get(row)).unwrap_or_default();
        if country != last.0 {
            *last = (country, RegionHint::read(country));
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
    columns: Vec<Sent>,
}

/// What one rule sends.
#[derive(Clone, Default)]
struct Sent {
    cells: Vec<Cell>,
    /// One a row where the rule hashes; zeros where there is none.
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
        Self { rows: 0, by_member_id: false, rules: &[], columns: Vec::new() }
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
        let by_a_value =
            |(rule, sent): (&Rule, &Sent)| rule.matches_alone && sent.cells.get(row) == Some(&Cell::Present);
        row < self.rows && (self.by_member_id || self.rules.iter().zip(&self.columns).any(by_a_value))
    }

    /// Appends what is sent of a member: 64 lower-case hex digits, which need no escaping in JSON, or the clear value
    /// as it is. Appends nothing and says `false` where nothing is sent.
    pub fn write_to(&self, row: usize, rule: usize, out: &mut Vec<u8>) -> bool {
        if let Some(digest) = self.digest(row, rule) {
            out.extend_from_slice(const_hex::Buffer::<32>::new().format(digest).as_bytes());
            return true;
        }
        self.clear(row, rule).is_some_and(|value| {
            out.extend_from_slice(value.as_bytes());
            true
        })
    }

    fn present(&self, row: usize, rule: usize) -> Option<&Sent> {
        self.columns.get(rule).filter(|sent| sent.cells.get(row) == Some(&Cell::Present))
    }

    fn begin(&mut self, profile: &Profile, rows: usize) {
        self.rows = rows;
        self.by_member_id = profile.keyed_by == KeyedBy::MemberId;
        self.rules = profile.rules;
        self.columns.resize_with(profile.rules.len(), Sent::default);
        for (sent, rule) in self.columns.iter_mut().zip(profile.rules) {
            sent.begin(rule, rows);
        }
    }
}

impl fmt::Debug for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.rules.iter().map(|rule| rule.kind).collect::<Vec<_>>();
        f.debug_struct("Digests").field("rows", &self.rows).field("kinds", &kinds).finish_non_exhaustive()
    }
}

impl Sent {
    fn begin(&mut self, rule: &Rule, rows: usize) {
        self.cells.clear();
        self.cells.resize(rows, Cell::Absent);
        self.text.clear();
        self.digests.clear();
        self.ends.clear();
        match rule.encoding {
            Encoding::Sha256Hex => self.digests.resize(rows, [0; 32]),
            Encoding::Clear => self.ends.resize(rows, 0),
        }
    }

    /// Sets what is sent of a member, members in their order.
    fn set(&mut self, row: usize, rule: &Rule, value: Option<std::result::Result<&[u8], Reject>>) {
        let cell = match value {
            None => Cell::Absent,
            Some(Err(reject)) => Cell::Refused(reject),
            Some(Ok([])) => Cell::Refused(Reject::Missing),
            Some(Ok(_)) if rule.limit == 0 => Cell::Refused(Reject::OverLimit),
            Some(Ok(value)) => {
                match self.digests.get_mut(row) {
                    Some(digest) => *digest = Sha256::digest(value).into(),
                    None => self.text.extend_from_slice(value),
                }
                Cell::Present
            }
        };
        if let Some(slot) = self.cells.get_mut(row) {
            *slot = cell;
        }
        if let Some(end) = self.ends.get_mut(row) {
            *end = self.text.len();
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
        let mut scratch = Scratch { ascii: [0; fast::ROOM], text: String::new() };
        for (rule, sent) in profile.rules.iter().zip(&mut digests.columns) {
            let Some(column) = columns.of(rule.kind) else { continue };
            let mut last = ("", RegionHint::Unset);
            for row in 0..columns.rows {
                let value = column.get(row).map(|value| {
                    let region = || columns.region(row, &mut last);
                    self.pre_image(rule, value, region, &mut scratch)
                });
                sent.set(row, rule, value);
            }
        }
        Ok(())
    }

    /// The pre-image of one value. The region is asked for where it counts alone: reading its name takes longer than
    /// a clean value does.
    fn pre_image<'s>(
        &self,
        rule: &Rule,
        value: &str,
        region: impl FnOnce() -> RegionHint,
        scratch: &'s mut Scratch,
    ) -> std::result::Result<&'s [u8], Reject> {
        let Scratch { ascii, text } = scratch;
        text.clear();
        if let Some(len) = fast::canonical(rule.kind, value, self.allows_test_values(), ascii) {
            if let Some(range) = fast::pre_image(rule.pre_image, ascii, len) {
                return Ok(ascii.get(range).unwrap_or_default());
            }
            let canonical = ascii.get(..len).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default();
            rule.pre_image.write(canonical, text);
        } else {
            let canonical = self.canonicalize(rule.kind, value, region())?;
            rule.pre_image.write(canonical.as_str().unwrap_or_default(), text);
        }
        Ok(text.as_bytes())
    }
}

/// Memory of one value, reused by the next.
struct Scratch {
    ascii: [u8; fast::ROOM],
    text: String,
}

#[cfg(test)]
mod tests;
