//! From a member's values to canonical ones, and from those to what a profile sends.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::email;
use super::hashed::{HashConvention, Hashed};
use super::identifier::{Identifier, WireValue};
use super::kind::IdentifierKind;
use super::member::{Input, Member};
use super::name::{canonical_external_id, canonical_name};
use super::phone;
use super::profile::{Encoding, KeyedBy, Profile, Rule};
use super::region::{Region, RegionHint};
use super::reject::{EmailReason, Notes, PhoneReason, Reject};

/// Makes values canonical: independent of destinations, once per value.
///
/// Canonical twice is canonical once. The options belong into the host's configuration: they change who matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Canonicalizer {
    default_region: Option<Region>,
    require_valid_phone: bool,
    allow_test_values: bool,
}

impl Canonicalizer {
    /// No default region, possible phone numbers kept, test values refused.
    pub const fn new() -> Self {
        Self { default_region: None, require_valid_phone: false, allow_test_values: false }
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
        let (text, notes) = match kind {
            IdentifierKind::Email => email::canonical_email(value, self.allow_test_values),
            IdentifierKind::Phone => phone::canonical_phone(value, self.reading(region.into())),
            IdentifierKind::ExternalId => canonical_external_id(value),
            IdentifierKind::FirstName | IdentifierKind::LastName => canonical_name(value),
        }?;
        Ok(Canonical { kind, form: Form::Text(text), notes })
    }

    /// Makes all values of a member canonical. Equal ones become one; a cell of several addresses or numbers is split.
    pub fn canonicalize_member(&self, member: &Member) -> CanonicalMember {
        let mut out = CanonicalMember { values: Vec::with_capacity(member.inputs().len()), rejects: Vec::new() };
        for (kind, input) in member.inputs() {
            match input {
                Input::Hashed(hashed) => out.push(Canonical::from_hashed(*kind, *hashed)),
                Input::Plain(plain) => self.add_plain(*kind, plain.as_str(), member.region_hint(), &mut out),
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

    fn reading(&self, hint: RegionHint) -> phone::Reading {
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
    Digest([u8; 32], Option<HashConvention>),
}

impl Canonical {
    fn from_hashed(kind: IdentifierKind, hashed: Hashed) -> Self {
        let mut notes = Notes::NONE;
        notes.add_if(hashed.convention().is_none(), Notes::HASH_UNDECLARED);
        Self { kind, form: Form::Digest(*hashed.digest(), hashed.convention()), notes }
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

    /// What was done to the value, and what is odd about it.
    pub const fn notes(&self) -> Notes {
        self.notes
    }

    /// The SHA-256 of the canonical text, or the digest that stands for it.
    pub(super) fn sha256(&self) -> [u8; 32] {
        match &self.form {
            Form::Text(text) => Sha256::digest(text.as_bytes()).into(),
            Form::Digest(digest, _) => *digest,
        }
    }

    /// The value as `rule` sends it. `scratch` is reused between values.
    fn encode(&self, rule: &Rule, scratch: &mut String) -> Result<WireValue, Reject> {
        match &self.form {
            Form::Digest(digest, convention) => {
                let known = convention.is_none_or(|declared| declared == rule.pre_image.convention());
                match rule.encoding {
                    Encoding::Sha256Hex if known => Ok(WireValue::Sha256(*digest)),
                    Encoding::Sha256Hex | Encoding::Clear => Err(Reject::HashedUnusable),
                }
            }
            Form::Text(text) => {
                scratch.clear();
                rule.pre_image.write(text, scratch);
                match rule.encoding {
                    _ if scratch.is_empty() => Err(Reject::Missing),
                    Encoding::Sha256Hex => Ok(WireValue::Sha256(Sha256::digest(&*scratch).into())),
                    Encoding::Clear => Ok(WireValue::clear(&**scratch)),
                }
            }
        }
    }
}

impl fmt::Debug for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.form {
            Form::Text(text) => write!(f, "{}({} bytes, {:?})", self.kind, text.len(), self.notes),
            Form::Digest(_, convention) => write!(f, "{}(digest of {convention:?}, {:?})", self.kind, self.notes),
        }
    }
}

/// All canonical values of a member, and what was refused. Made once, projected to many profiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CanonicalMember {
    values: Vec<Canonical>,
    rejects: Vec<(IdentifierKind, Reject)>,
}

impl CanonicalMember {
    /// A member of values that are canonical already, equal ones once: of several rows of one person, for instance.
    pub fn from_values(values: impl IntoIterator<Item = Canonical>) -> Self {
        let mut member = Self::default();
        values.into_iter().for_each(|value| member.push(value));
        member
    }

    /// The values, in the member's order, equal ones once.
    pub fn values(&self) -> &[Canonical] {
        &self.values
    }

    /// What was refused, in the member's order.
    pub fn rejects(&self) -> &[(IdentifierKind, Reject)] {
        &self.rejects
    }

    /// What the profile's destination receives: rules in their order, within a rule the values in theirs, equal ones
    /// once. The same member gives the same result, always.
    pub fn project(&self, profile: &Profile) -> Projected {
        let mut out = Projected {
            identifiers: Vec::with_capacity(self.values.len()),
            rejects: Vec::new(),
            matchable: profile.keyed_by == KeyedBy::MemberId,
        };
        let mut scratch = String::new();
        for rule in profile.rules {
            out.rejects.extend(self.rejects.iter().filter(|(kind, _)| *kind == rule.kind));
            let mut taken = 0;
            for value in self.values.iter().filter(|value| value.kind == rule.kind) {
                match value.encode(rule, &mut scratch).map(|wire| Identifier::new(rule.kind, wire)) {
                    Ok(identifier) if out.identifiers.contains(&identifier) => {}
                    Ok(_) if taken == rule.limit => out.rejects.push((rule.kind, Reject::OverLimit)),
                    Ok(identifier) => {
                        taken += 1;
                        out.matchable |= rule.matches_alone;
                        out.identifiers.push(identifier);
                    }
                    Err(reject) => out.rejects.push((rule.kind, reject)),
                }
            }
        }
        out
    }

    fn push(&mut self, value: Canonical) {
        if !self.values.iter().any(|other| other.kind == value.kind && other.form == value.form) {
            self.values.push(value);
        }
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

#[cfg(test)]
mod tests;
