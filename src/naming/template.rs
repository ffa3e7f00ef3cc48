//! How names are written in one place of work: separator, fields, strictness, vocabulary.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::name::Role;
use super::suggest::Letters;
use super::template_check;
use super::term::{Key, Term, VocabId};
use super::text::match_key;
use super::vocabulary::{VocabTerm, Vocabulary};
use crate::error::{Error, ErrorKind, Result};

/// What joins the words of a phrase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
#[non_exhaustive]
pub enum Joiner {
    /// One space.
    #[default]
    #[serde(rename = " ")]
    Space,
    /// `-`.
    #[serde(rename = "-")]
    Hyphen,
    /// `_`.
    #[serde(rename = "_")]
    Underscore,
}

impl Joiner {
    /// The character.
    pub const fn as_char(self) -> char {
        match self {
            Self::Space => ' ',
            Self::Hyphen => '-',
            Self::Underscore => '_',
        }
    }

    /// Whether `c` stands between words.
    pub(super) fn splits(self, c: char) -> bool {
        c.is_whitespace() || c == self.as_char()
    }
}

impl TryFrom<String> for Joiner {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        let all = [Self::Space, Self::Hyphen, Self::Underscore];
        let found = all.into_iter().find(|joiner| joiner.as_char().to_string() == text);
        found.ok_or_else(|| {
            format!("expected \" \", \"-\" or \"_\" as the joiner, found {text:?} ({})", TemplateCode::T001)
        })
    }
}

/// How slugs are written: names for tracking parameters, files and tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SlugStyle {
    /// `_` between fields and `-` between words: `ci_cart-abandon_0-24h`.
    #[default]
    Kebab,
    /// `__` between fields and `_` between words, never a digit first: `ci__cart_abandon__0_24h`, a name of a model or
    /// table that needs no quotes.
    Snake,
}

/// What happens to a term the vocabulary does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mode {
    /// An error, with what may have been meant.
    #[default]
    Strict,
    /// A note; the term is kept as [`Term::Free`].
    Lax,
}

/// How tiers of whole days are compared; the engine evaluates windows by the same option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DayBounds {
    /// `[from, to)`: `1-3d` and `3-7d` touch.
    #[default]
    HalfOpen,
    /// Whole days, both included: `1-3d` and `4-7d` touch.
    InclusiveDays,
}

/// A kind of field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FieldKind {
    /// A prefix such as the brand.
    Prefix,
    /// Countries or regions.
    Market,
    /// The role and what the members did, or are.
    Intent,
    /// When they did it.
    Window,
    /// Who is left out.
    Exclusions,
    /// Who answers for the audience.
    Owner,
    /// The version.
    Version,
    /// A keyed field.
    Ext,
}

impl fmt::Display for FieldKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefix => "prefix",
            Self::Market => "market",
            Self::Intent => "intent",
            Self::Window => "window",
            Self::Exclusions => "exclusions",
            Self::Owner => "owner",
            Self::Version => "version",
            Self::Ext => "keyed field",
        })
    }
}

/// A field of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Field {
    /// What it holds.
    pub kind: FieldKind,
    /// The key, for [`FieldKind::Ext`] only.
    #[serde(default, deserialize_with = "key", skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Whether a name must have it.
    #[serde(default)]
    pub required: bool,
    /// Roles that need not have it although it is required.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unless_role: Vec<Role>,
    /// The values it may have; empty for any. For prefixes and keyed fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
}

impl Field {
    /// A field that a name may have.
    pub const fn optional(kind: FieldKind) -> Self {
        Self { kind, key: None, required: false, unless_role: Vec::new(), allow: Vec::new() }
    }

    /// A field that a name must have.
    pub const fn required(kind: FieldKind) -> Self {
        Self { kind, key: None, required: true, unless_role: Vec::new(), allow: Vec::new() }
    }

    /// A keyed field that a name may have.
    pub const fn keyed(key: Key) -> Self {
        Self { kind: FieldKind::Ext, key: Some(key), required: false, unless_role: Vec::new(), allow: Vec::new() }
    }

    /// Sets the roles that need not have it.
    #[must_use]
    pub fn unless(mut self, roles: impl Into<Vec<Role>>) -> Self {
        self.unless_role = roles.into();
        self
    }

    /// Sets the values it may have.
    #[must_use]
    pub fn allowing<S: Into<String>>(mut self, values: impl IntoIterator<Item = S>) -> Self {
        self.allow = values.into_iter().map(Into::into).collect();
        self
    }

    pub(super) fn needed_by(&self, role: Role) -> bool {
        self.required && !self.unless_role.contains(&role)
    }
}

/// The `naming` table of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Naming {
    /// Between fields: one character.
    #[serde(deserialize_with = "separator")]
    pub separator: char,
    /// Whether a space stands on both sides of the separator.
    pub pad: bool,
    /// Between the words of a phrase.
    pub joiner: Joiner,
    /// What happens to unknown terms.
    pub mode: Mode,
    /// Advice: names should not be longer, in characters, whatever a destination takes. 0 for none.
    pub max_chars: u32,
    /// How tiers of whole days are compared.
    pub day_bounds: DayBounds,
    /// The IANA name of the time zone in which fixed days are meant.
    pub tz: String,
    /// How slugs are written.
    pub slug: SlugStyle,
    /// The fields in their order.
    #[serde(rename = "field")]
    pub fields: Vec<Field>,
}

impl Default for Naming {
    fn default() -> Self {
        let mut fields = vec![
            Field::required(FieldKind::Prefix).allowing(["CI"]),
            Field::optional(FieldKind::Market),
            Field::required(FieldKind::Intent),
            Field::required(FieldKind::Window).unless([Role::Suppression]),
            Field::required(FieldKind::Exclusions).unless([Role::Suppression, Role::Seed, Role::Holdout]),
            Field::optional(FieldKind::Owner),
            Field::optional(FieldKind::Version),
        ];
        fields.extend(Key::new("tier").map(|key| Field::keyed(key).allowing(["T1", "T2", "T3"])));
        Self {
            separator: '|',
            pad: true,
            joiner: Joiner::Space,
            mode: Mode::Strict,
            max_chars: 100,
            day_bounds: DayBounds::HalfOpen,
            tz: "UTC".to_owned(),
            slug: SlugStyle::Kebab,
            fields,
        }
    }
}

/// A template as data: what stands in a configuration file. [`Template::new`] checks it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TemplateSpec {
    /// Separator, fields and strictness.
    pub naming: Naming,
    /// The terms and regions.
    pub vocabulary: Vocabulary,
    /// Terms beside those of the vocabulary, in files `[[vocab]]`; one with the id of a term there stands in its place.
    #[serde(rename = "vocab", skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<VocabTerm>,
}

/// A checked template: reads and writes names.
///
/// # Examples
/// ```
/// use audience_sync::naming::Template;
///
/// let template = Template::pipe_default();
/// let parsed = template.parse("ci|abandoned cart|last 24 hours|excluding purchasers 7 days");
/// let name = parsed.name.ok_or("not a name")?;
/// assert_eq!(template.render(&name)?, "CI | Cart Abandon | 0-24h | Excl Purch 7d");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "TemplateSpec", into = "TemplateSpec")]
pub struct Template {
    spec: TemplateSpec,
    /// By match key of every spelling.
    spellings: BTreeMap<String, Spelling>,
    /// Place in `vocabulary.terms` by id.
    ids: BTreeMap<VocabId, usize>,
}

/// A spelling of a term.
#[derive(Clone, Debug)]
pub(super) struct Spelling {
    /// The term's place in `vocabulary.terms`.
    pub(super) at: usize,
    pub(super) letters: Letters,
}

impl Template {
    /// Checks a template.
    ///
    /// # Errors
    /// `Config` with every fault of [`TemplateSpec::faults`].
    pub fn new(spec: TemplateSpec) -> Result<Self> {
        let spec = spec.merged();
        let faults: Vec<String> = template_check::faults(&spec).iter().map(ToString::to_string).collect();
        match faults.is_empty() {
            true => Ok(Self::index(spec)),
            false => Err(Error::new(ErrorKind::Config, format!("naming template: {}", faults.join("; ")))),
        }
    }

    /// Of a template that is known to be sound.
    pub(super) fn index(spec: TemplateSpec) -> Self {
        let (mut spellings, mut ids) = (BTreeMap::new(), BTreeMap::new());
        for (at, term) in spec.vocabulary.terms.iter().enumerate() {
            ids.insert(term.id.clone(), at);
            for spelling in term.spellings() {
                let key = match_key(spelling, spec.naming.joiner);
                let letters = Letters::of(&key);
                spellings.insert(key, Spelling { at, letters });
            }
        }
        Self { spec, spellings, ids }
    }

    /// The same template with unknown terms kept ([`Mode::Lax`]) or refused.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.spec.naming.mode = mode;
        self
    }

    /// Separator, fields and strictness.
    pub const fn naming(&self) -> &Naming {
        &self.spec.naming
    }

    /// The terms and regions.
    pub const fn vocabulary(&self) -> &Vocabulary {
        &self.spec.vocabulary
    }

    /// The term of the vocabulary with this spelling, whatever its case.
    pub fn look_up(&self, spelling: &str) -> Option<&VocabTerm> {
        let known = self.spellings.get(&match_key(spelling, self.spec.naming.joiner))?;
        self.spec.vocabulary.terms.get(known.at)
    }

    /// The term with this id.
    pub fn term(&self, id: &VocabId) -> Option<&VocabTerm> {
        self.spec.vocabulary.terms.get(*self.ids.get(id)?)
    }

    /// The canonical spelling of a term, words joined by spaces; `None` when the vocabulary does not have it.
    pub fn spelling<'a>(&'a self, term: &'a Term) -> Option<&'a str> {
        match term {
            Term::Known(id) => self.term(id).map(|term| term.canonical.as_str()),
            Term::Free(text) => Some(text.as_str()),
        }
    }

    /// The match key of every spelling, with its term.
    pub(super) fn spellings(&self) -> impl Iterator<Item = (&str, &Spelling, &VocabTerm)> {
        let terms = &self.spec.vocabulary.terms;
        self.spellings.iter().filter_map(|(key, known)| terms.get(known.at).map(|term| (key.as_str(), known, term)))
    }

    pub(super) fn field(&self, kind: FieldKind) -> Option<&Field> {
        self.spec.naming.fields.iter().find(|field| field.kind == kind)
    }

    pub(super) fn ext_field(&self, key: &str) -> Option<&Field> {
        self.ext_fields().find(|field| field.key.as_ref().is_some_and(|known| known.as_str() == key))
    }

    pub(super) fn ext_fields(&self) -> impl Iterator<Item = &Field> {
        self.spec.naming.fields.iter().filter(|field| field.kind == FieldKind::Ext)
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.spec == other.spec
    }
}

impl Eq for Template {}

impl TryFrom<TemplateSpec> for Template {
    type Error = Error;

    fn try_from(spec: TemplateSpec) -> Result<Self> {
        Self::new(spec)
    }
}

impl From<Template> for TemplateSpec {
    fn from(template: Template) -> Self {
        template.spec
    }
}

impl TemplateSpec {
    /// Everything that keeps a template from reading back what it writes; empty when it is sound.
    pub fn faults(&self) -> Vec<TemplateFault> {
        template_check::faults(&self.clone().merged())
    }

    /// With the added terms in the vocabulary. Of two added terms with one id the second stays one too many.
    fn merged(mut self) -> Self {
        let terms = &mut self.vocabulary.terms;
        let mut replaceable: HashSet<usize> = (0..terms.len()).collect();
        for added in std::mem::take(&mut self.added) {
            let at = terms.iter().position(|term| term.id == added.id).filter(|at| replaceable.remove(at));
            match at.and_then(|at| terms.get_mut(at)) {
                Some(term) => *term = added,
                None => terms.push(added),
            }
        }
        self
    }
}

fn separator<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<char, D::Error> {
    let text = String::deserialize(deserializer)?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(separator), None) => Ok(separator),
        _ => {
            let message = format!("expected a separator of one character, found {text:?} ({})", TemplateCode::T001);
            Err(serde::de::Error::custom(message))
        }
    }
}

fn key<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Key>, D::Error> {
    let key = Option::<String>::deserialize(deserializer)?.map(Key::new).transpose();
    key.map_err(|error| serde::de::Error::custom(format_args!("{} ({})", error.message(), TemplateCode::T005)))
}

macro_rules! template_codes {
    ($($code:ident: $title:literal,)+) => {
        /// The stable code of a fault in a template. Prints as `AN-T001`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[non_exhaustive]
        pub enum TemplateCode {
            $(#[doc = $title] $code,)+
        }

        impl fmt::Display for TemplateCode {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$code => concat!("AN-", stringify!($code)),)+
                })
            }
        }
    };
}

template_codes! {
    T001: "bad separator or joiner",
    T002: "the separator is a character of a term",
    T003: "a kind of field, or a key, twice",
    T004: "two free texts side by side, the first of them optional",
    T005: "a keyed field without a key, or a key on another field",
    T006: "a term that reads as a window, version, role or exclusion keyword",
    T007: "two terms with the same spelling or id",
    T008: "a term longer than 48 characters",
    T009: "a prefix equal to a term",
    T010: "a term or prefix that is not well formed",
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct TemplateFault {
    /// What it is.
    pub code: TemplateCode,
    /// One sentence without a full stop.
    pub message: String,
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_sound_and_survives_as_data() {
        assert_eq!(TemplateSpec::default().faults(), []);
        let template = Template::pipe_default();
        let json = serde_json::to_string(&template).unwrap();
        assert_eq!(serde_json::from_str::<Template>(&json).unwrap(), template);
        assert_eq!(serde_json::from_str::<Template>("{}").unwrap(), template);
    }

    #[test]
    fn every_spelling_leads_to_its_term() {
        let template = Template::pipe_default();
        for term in &template.vocabulary().terms {
            for spelling in term.spellings() {
                assert_eq!(template.look_up(&spelling.to_uppercase()).unwrap().id, term.id);
            }
        }
        assert_eq!(template.look_up("win back").unwrap().canonical, "Lapsed");
        assert!(template.look_up("Purhc").is_none());
    }

    #[test]
    fn data_with_faults_is_refused_with_all_of_them() {
        let json = r#"{"naming":{"separator":"+","field":[{"kind":"ext","required":true}]}}"#;
        let message = serde_json::from_str::<Template>(json).unwrap_err().to_string();
        assert!(message.contains("AN-T001") && message.contains("AN-T005"), "{message}");
    }
}
