//! From a member's values to canonical ones, and from those to what a profile sends.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::address::{canonical_city, canonical_postal, canonical_region, canonical_street};
use super::birth_date::{DateOrder, DateReading, NEWEST_YEAR, canonical_birth_date};
use super::country::{self, canonical_country};
use super::device::canonical_device_id;
use super::email::{self, DomainList};
use super::gender::canonical_gender;
use super::hashed::{self, Algorithm, Hashed};
use super::identifier::{Identifier, WireValue};
use super::kind::IdentifierKind;
use super::member::{Input, Member};
use super::name::{canonical_external_id, canonical_name};
use super::network::{canonical_ip, canonical_user_agent};
use super::opaque::{
    canonical_click_id, canonical_handle, canonical_platform_user_id, canonical_ramp_id, canonical_uid,
};
use super::phone;
use super::profile::{Encoding, KeyedBy, Profile, Rule};
use super::region::{Region, RegionHint};
use super::reject::{EmailReason, Notes, PhoneReason, Reject};
use super::sha256::sha256;

/// Makes values canonical: independent of destinations, once per value.
///
/// Canonical twice is canonical once. The options belong into the host's configuration: they change who matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Canonicalizer {
    default_region: Option<Region>,
    require_valid_phone: bool,
    allow_test_values: bool,
    #[serde(skip)]
    disposable_domains: Option<&'static DomainList>,
    date_order: Option<DateOrder>,
    newest_birth_year: Option<i16>,
}

impl Canonicalizer {
    /// No default region, possible phone numbers kept, test values refused, no order of day and month, and nobody who
    /// was under thirteen when this crate was released.
    pub const fn new() -> Self {
        Self {
            default_region: None,
            require_valid_phone: false,
            allow_test_values: false,
            date_order: None,
            newest_birth_year: None,
            disposable_domains: None,
        }
    }

    /// Sets the region of national phone numbers of members without a country. Without it they are refused.
    #[must_use]
    pub const fn with_default_region(mut self, region: Region) -> Self {
        self.default_region = Some(region);
        self
    }

    /// Refuses phone numbers that have a possible length and are not known to be given out. Off by default, because
    /// numbering plans change before the tables here do.
    #[must_use]
    pub const fn with_require_valid_phone(mut self, require: bool) -> Self {
        self.require_valid_phone = require;
        self
    }

    /// Lets values through that are reserved for tests: `example.com`, the `.test` domains, fillers such as
    /// `test@test.com`, NANP 555-01xx. For tests, examples and sandboxes.
    #[must_use]
    pub const fn with_allow_test_values(mut self, allow: bool) -> Self {
        self.allow_test_values = allow;
        self
    }

    /// Sets the domains whose addresses get the note [`Notes::DISPOSABLE`], in place of the built-in list of well-known
    /// ones. The list is not part of the serialized options: the host gives it at every start, from a `LazyLock` or
    /// leaked.
    #[must_use]
    pub const fn with_disposable_domains(mut self, domains: &'static DomainList) -> Self {
        self.disposable_domains = Some(domains);
        self
    }

    /// Declares how dates such as `04/05/1984` are meant. Without it they are refused, where both readings are days.
    #[must_use]
    pub const fn with_date_order(mut self, order: DateOrder) -> Self {
        self.date_order = Some(order);
        self
    }

    /// Sets the last year of birth that is let through, 2013 without it: the current year less the youngest age that may
    /// be targeted. This room reads no clock, so a host that runs for years raises it.
    #[must_use]
    pub const fn with_newest_birth_year(mut self, year: i16) -> Self {
        self.newest_birth_year = Some(year);
        self
    }

    /// Makes one plain value canonical. `region` is what is known about the member's country.
    ///
    /// ```
    /// use audience_sync::identity::{Canonicalizer, IdentifierKind, Region};
    ///
    /// # fn main() -> audience_sync::error::Result<()> {
    /// let canonicalizer = Canonicalizer::new();
    /// let phone = canonicalizer.canonicalize(IdentifierKind::Phone, "030 901820", Region::parse("DE")?)?;
    /// assert_eq!(phone.as_str(), Some("+4930901820"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Why the value cannot be used.
    pub fn canonicalize(
        &self,
        kind: IdentifierKind,
        value: &str,
        region: impl Into<RegionHint>,
    ) -> Result<Canonical, Reject> {
        if hashed::looks_hashed(kind, value) {
            return Err(Reject::HashedInPlain);
        }
        let region = region.into();
        let (text, notes) = match kind {
            IdentifierKind::Email => self.canonical_email(value),
            IdentifierKind::Phone => phone::canonical_phone(value, self.reading(region)),
            IdentifierKind::ExternalId => canonical_external_id(value),
            IdentifierKind::FirstName | IdentifierKind::LastName => canonical_name(value),
            IdentifierKind::Region => canonical_region(value, self.country_of(region).as_ref().map(Region::as_str)),
            IdentifierKind::Postal => canonical_postal(value, self.country_of(region).as_ref().map(Region::as_str)),
            IdentifierKind::BirthDate => canonical_birth_date(value, self.date_reading()),
            IdentifierKind::Ip => canonical_ip(value, self.allow_test_values),
            kind => canonical_other(kind, value),
        }?;
        Ok(Canonical { kind, form: Form::Text(text), notes })
    }

    fn canonical_email(&self, value: &str) -> Result<(Box<str>, Notes), Reject> {
        let (address, notes) = email::canonical_email(value, self.allow_test_values)?;
        let notes = self.disposable_domains.map_or(notes, |list| email::note_disposable(list, &address, notes));
        Ok((address, notes))
    }

    /// Makes all values of a member canonical. Equal ones become one; a cell of several addresses or numbers is split.
    pub fn canonicalize_member(&self, member: &Member) -> CanonicalMember {
        let hint = region_of(member);
        let mut out = CanonicalMember {
            values: Vec::with_capacity(member.inputs().len()),
            rejects: Vec::new(),
            country: Canonical::country(member.region_hint()),
        };
        for (kind, input) in member.inputs() {
            match input {
                Input::Hashed(hashed) => out.push(Canonical::from_hashed(*kind, *hashed)),
                Input::Plain(plain) => self.add_plain(*kind, plain.as_str(), hint, &mut out),
            }
        }
        out
    }

    fn add_plain(&self, kind: IdentifierKind, value: &str, region: RegionHint, out: &mut CanonicalMember) {
        match self.canonicalize(kind, value, region) {
            Ok(canonical) => out.push(canonical),
            Err(Reject::Email(EmailReason::MultiValue)) => self.add_pieces(kind, email::split(value), region, out),
            Err(Reject::Phone(PhoneReason::MultiValue)) => self.add_pieces(kind, phone::split(value), region, out),
            Err(reject) => out.rejects.push((kind, reject)),
        }
    }

    fn add_pieces<'a>(
        &self,
        kind: IdentifierKind,
        pieces: impl Iterator<Item = &'a str>,
        region: RegionHint,
        out: &mut CanonicalMember,
    ) {
        for piece in pieces {
            match self.canonicalize(kind, piece, region) {
                Ok(canonical) => out.push(Canonical { notes: canonical.notes.with(Notes::SPLIT), ..canonical }),
                Err(reject) => out.rejects.push((kind, reject)),
            }
        }
    }

    fn country_of(&self, hint: RegionHint) -> Option<Region> {
        match hint {
            RegionHint::Known(region) => Some(region),
            RegionHint::Unset => self.default_region,
            RegionHint::Unreadable => None,
        }
    }

    fn date_reading(&self) -> DateReading {
        DateReading { order: self.date_order, newest_year: self.newest_birth_year.unwrap_or(NEWEST_YEAR) }
    }

    pub(super) fn reading(&self, hint: RegionHint) -> phone::Reading {
        let (region, region_is_own) = match hint {
            RegionHint::Known(region) => (Some(region), true),
            RegionHint::Unset => (self.default_region, false),
            RegionHint::Unreadable => (None, false),
        };
        phone::Reading {
            region,
            region_is_own,
            require_valid: self.require_valid_phone,
            allow_test_values: self.allow_test_values,
        }
    }
}

/// The kinds whose form depends on nothing but the value.
fn canonical_other(kind: IdentifierKind, value: &str) -> Result<(Box<str>, Notes), Reject> {
    match kind {
        IdentifierKind::Gender => canonical_gender(value),
        IdentifierKind::Street => canonical_street(value),
        IdentifierKind::City => canonical_city(value),
        IdentifierKind::Country => canonical_country(value),
        IdentifierKind::Idfa | IdentifierKind::Gaid => canonical_device_id(value),
        IdentifierKind::UserAgent => canonical_user_agent(value),
        IdentifierKind::Uid2 | IdentifierKind::Euid => canonical_uid(value),
        IdentifierKind::RampId => canonical_ramp_id(value),
        IdentifierKind::Handle => canonical_handle(value),
        IdentifierKind::PlatformUserId => canonical_platform_user_id(value),
        kind if kind.source() != kind => Err(Reject::DerivedKind),
        kind => canonical_click_id(kind, value),
    }
}

/// What is known of the member's country: what the member says, or a country among its values.
fn region_of(member: &Member) -> RegionHint {
    let given = member.inputs().iter().find_map(|input| match input {
        (IdentifierKind::Country, Input::Plain(plain)) => country::read(plain.as_str()),
        _ => None,
    });
    match member.region_hint() {
        RegionHint::Unset => given.into(),
        known => known,
    }
}

/// A value in its canonical form, or a digest that stands for one.
///
/// `Debug` shows the kind and the length, never the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Canonical {
    kind: IdentifierKind,
    form: Form,
    notes: Notes,
}

#[derive(Clone, PartialEq, Eq)]
enum Form {
    Text(Box<str>),
    /// Boxed: a SHA-512 digest would make every value as large.
    Digest(Box<Hashed>),
}

impl Canonical {
    fn from_hashed(kind: IdentifierKind, hashed: Hashed) -> Self {
        let mut notes = Notes::NONE;
        notes.add_if(hashed.convention().is_none(), Notes::HASH_UNDECLARED);
        Self { kind, form: Form::Digest(Box::new(hashed)), notes }
    }

    /// The country that is known of a member.
    fn country(hint: RegionHint) -> Option<Self> {
        let RegionHint::Known(region) = hint else { return None };
        Some(Self { kind: IdentifierKind::Country, form: Form::Text(region.as_str().into()), notes: Notes::NONE })
    }

    /// Whether `rule` is about this value: of the kind itself, or as text of the kind it is made from.
    fn is_for(&self, rule: &Rule) -> bool {
        self.kind == rule.kind || (self.kind == rule.kind.source() && matches!(self.form, Form::Text(_)))
    }

    /// What it is.
    pub const fn kind(&self) -> IdentifierKind {
        self.kind
    }

    /// The canonical text; nothing for a digest.
    pub const fn as_str(&self) -> Option<&str> {
        match &self.form {
            Form::Text(text) => Some(text),
            Form::Digest(..) => None,
        }
    }

    /// What made the digest; nothing for a text.
    ///
    /// A digest cannot be made canonical: it goes out as it came in, where it fits.
    pub fn algorithm(&self) -> Option<Algorithm> {
        match &self.form {
            Form::Text(_) => None,
            Form::Digest(hashed) => Some(hashed.algorithm()),
        }
    }

    /// What was done to the value, and what is odd about it.
    pub const fn notes(&self) -> Notes {
        self.notes
    }

    /// The value exactly as a destination with this rule receives it: one value by itself, without what the profile
    /// says of the member as a whole (limits, kinds that are sent together).
    ///
    /// ```
    /// use audience_sync::identity::{Canonicalizer, IdentifierKind, RegionHint, profiles};
    ///
    /// # fn main() -> audience_sync::error::Result<()> {
    /// let email = Canonicalizer::new().canonicalize(IdentifierKind::Email, "Nora@Quist.se", RegionHint::Unset)?;
    /// let rule = profiles::KLAVIYO.rule(IdentifierKind::Email);
    /// assert_eq!(rule.map(|rule| email.wire(rule)).transpose()?.map(|it| it.to_wire_string()), Some("nora@quist.se".into()));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Why the destination does not receive it; [`Reject::NotTaken`] when the rule is about another kind.
    pub fn wire(&self, rule: &Rule) -> Result<WireValue, Reject> {
        if !self.is_for(rule) {
            return Err(Reject::NotTaken);
        }
        self.encode(rule, &mut String::new(), |text| sha256(text.as_bytes()))
    }

    /// The SHA-256 of the canonical text, or the digest that stands for it; of digests of other algorithms theirs.
    pub(super) fn sha256(&self) -> [u8; 32] {
        match &self.form {
            Form::Text(text) => sha256(text.as_bytes()),
            Form::Digest(hashed) => match hashed.value() {
                hashed::Digest::Sha256(digest) => *digest,
                other => sha256(other.as_bytes()),
            },
        }
    }

    /// The value as `rule` sends it. `scratch` is reused between values.
    fn encode(
        &self,
        rule: &Rule,
        scratch: &mut String,
        sha256: impl FnOnce(&str) -> [u8; 32],
    ) -> Result<WireValue, Reject> {
        match &self.form {
            Form::Digest(hashed) => hashed
                .convention()
                .is_none_or(|declared| rule.pre_image.accepts(declared))
                .then(|| rule.encoding.pass(hashed.value()))
                .flatten()
                .ok_or(Reject::HashedUnusable),
            Form::Text(text) => {
                scratch.clear();
                rule.pre_image.write(text, scratch)?;
                match rule.encoding {
                    _ if scratch.is_empty() => Err(Reject::Missing),
                    Encoding::Sha256Hex | Encoding::Sha256HexOr(_) => Ok(WireValue::Sha256(sha256(scratch))),
                    Encoding::Sha256Base64 => Ok(WireValue::Sha256Base64(sha256(scratch))),
                    Encoding::Clear | Encoding::ClearOr(_) => Ok(WireValue::clear(&**scratch)),
                }
            }
        }
    }
}

impl fmt::Debug for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.form {
            Form::Text(text) => write!(f, "{}({} bytes, {:?})", self.kind, text.len(), self.notes),
            Form::Digest(hashed) => {
                write!(f, "{}({} digest of {:?}, {:?})", self.kind, hashed.algorithm(), hashed.convention(), self.notes)
            }
        }
    }
}

/// All canonical values of a member, and what was refused. Made once, projected to many profiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CanonicalMember {
    values: Vec<Canonical>,
    rejects: Vec<(IdentifierKind, Reject)>,
    /// What [`Member::country`] said: sent where a country is wanted and no value of that kind was given.
    country: Option<Canonical>,
}

impl CanonicalMember {
    /// A member of values that are canonical already, equal ones once: of several rows of one person, for instance.
    pub fn from_values(values: impl IntoIterator<Item = Canonical>) -> Self {
        let mut member = Self::default();
        values.into_iter().for_each(|value| member.push(value));
        member
    }

    /// The values, in the member's order, equal ones once. The country of [`Member::country`] is not among them.
    pub fn values(&self) -> &[Canonical] {
        &self.values
    }

    /// Whether a value is a digest: what was hashed is not known here, and cannot be brought into another form.
    pub fn is_opaque(&self) -> bool {
        self.values.iter().any(|value| value.algorithm().is_some())
    }

    /// What was refused, in the member's order.
    pub fn rejects(&self) -> &[(IdentifierKind, Reject)] {
        &self.rejects
    }

    /// What the profile's destination receives: rules in their order, within a rule the values in theirs, equal ones
    /// once. The same member gives the same result, always.
    pub fn project(&self, profile: &Profile) -> Projected {
        self.project_with(profile, |_, text| sha256(text.as_bytes()))
    }

    /// The same for several profiles, in their order. What several of them hash in the same form is hashed once.
    pub fn project_all(&self, profiles: &[&Profile]) -> Vec<Projected> {
        let mut digests = Digests::default();
        profiles.iter().map(|profile| self.project_with(profile, |value, text| digests.of(value, text))).collect()
    }

    /// `sha256` is told the place of the value that the text was made from.
    fn project_with(&self, profile: &Profile, mut sha256: impl FnMut(usize, &str) -> [u8; 32]) -> Projected {
        let mut out = Projected {
            identifiers: Vec::with_capacity(self.values.len()),
            rejects: Vec::new(),
            matchable: profile.keyed_by == KeyedBy::MemberId,
        };
        let mut scratch = String::new();
        for (at, rule) in profile.rules.iter().enumerate() {
            let earlier = profile.rules.get(..at).unwrap_or_default();
            out.rejects.extend(self.rejects.iter().filter(|(kind, _)| is_told_at(*kind, rule, earlier)));
            let again = is_derived_again(rule, earlier);
            let mut taken = 0;
            for (place, value) in self.values_for(rule) {
                let encoded = value.encode(rule, &mut scratch, |text| sha256(place, text));
                match encoded.map(|wire| Identifier::new(rule.kind, wire)) {
                    Ok(identifier) if out.identifiers.contains(&identifier) => {}
                    // What a value is refused for is told at the rule that stands for it.
                    Ok(_) if again && taken == rule.limit => {}
                    Err(_) if again => {}
                    Ok(_) if taken == rule.limit || out.has_click_of(rule.kind) => {
                        out.rejects.push((rule.kind, Reject::OverLimit));
                    }
                    Ok(identifier) => {
                        taken += 1;
                        out.matchable |= rule.matches_alone;
                        out.identifiers.push(identifier);
                    }
                    Err(reject) => out.rejects.push((rule.kind, reject)),
                }
            }
        }
        out.keep_together(profile.together);
        out
    }

    /// The values a rule is about, each with its place among all.
    fn values_for(&self, rule: &Rule) -> impl Iterator<Item = (usize, &Canonical)> {
        let known = self.country.iter().filter(move |_| {
            rule.kind == IdentifierKind::Country && !self.values.iter().any(|value| value.kind == rule.kind)
        });
        self.values.iter().chain(known).enumerate().filter(move |(_, value)| value.is_for(rule))
    }

    fn push(&mut self, value: Canonical) {
        if !self.values.iter().any(|other| other.kind == value.kind && other.form == value.form) {
            self.values.push(value);
        }
    }
}

/// Whether a refused value of `kind` is told at this rule. One of a kind that only derived rules use is told at the first.
fn is_told_at(kind: IdentifierKind, rule: &Rule, earlier: &[Rule]) -> bool {
    let source = rule.kind.source();
    let first = !earlier.iter().any(|other| other.kind.source() == source);
    (kind == rule.kind && kind != source) || (kind == source && first)
}

/// Whether an earlier rule is about the values of this derived one.
pub(super) fn is_derived_again(rule: &Rule, earlier: &[Rule]) -> bool {
    let source = rule.kind.source();
    rule.kind != source && earlier.iter().any(|other| other.kind.source() == source)
}

/// Digests of the forms that the values of one member were brought into.
#[derive(Default)]
struct Digests {
    /// The place of the value, where its form ends in `texts`, and the digest.
    known: Vec<(usize, usize, [u8; 32])>,
    texts: String,
}

impl Digests {
    fn of(&mut self, value: usize, text: &str) -> [u8; 32] {
        let mut start = 0;
        for (place, end, digest) in &self.known {
            if *place == value && self.texts.get(start..*end) == Some(text) {
                return *digest;
            }
            start = *end;
        }
        let digest = sha256(text.as_bytes());
        self.texts.push_str(text);
        self.known.push((value, self.texts.len(), digest));
        digest
    }
}

/// What one destination receives of one member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Projected {
    /// The identifiers, in the order of the profile's rules.
    pub identifiers: Vec<Identifier>,
    /// Values of the profile's kinds that are not sent, and why.
    pub rejects: Vec<(IdentifierKind, Reject)>,
    /// Whether the destination can find the member by what is sent.
    pub matchable: bool,
}

impl Projected {
    /// Whether there is a click id already that excludes one of `kind`.
    fn has_click_of(&self, kind: IdentifierKind) -> bool {
        kind.is_google_click() && self.identifiers.iter().any(|identifier| identifier.kind.is_google_click())
    }

    /// Takes the kinds back that are sent all or none, where one is missing.
    fn keep_together(&mut self, together: &[IdentifierKind]) {
        if together.is_empty() {
            return;
        }
        if together.iter().all(|kind| self.identifiers.iter().any(|identifier| identifier.kind == *kind)) {
            self.matchable = true;
            return;
        }
        let rejects = &mut self.rejects;
        self.identifiers.retain(|identifier| {
            let kept = !together.contains(&identifier.kind);
            if !kept {
                rejects.push((identifier.kind, Reject::IncompleteAddress));
            }
            kept
        });
    }
}

#[cfg(test)]
mod tests;
