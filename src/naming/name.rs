//! The name of an audience as a value: what it says, whatever its spelling.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::term::{Key, Market, Slug, Term, Value};
use super::window::Window;
use crate::error::{Error, ErrorKind, Result};

/// What an audience is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Its members are addressed. Has no word of its own in a name.
    #[default]
    #[serde(alias = "Targeting")]
    Targeting,
    /// Its members are kept out of other audiences. Written `Supp`.
    #[serde(alias = "Suppression")]
    Suppression,
    /// Its members are the model for a lookalike. Written `Seed`.
    #[serde(alias = "Seed")]
    Seed,
    /// Its members are left alone to measure by. Written `Hold`.
    #[serde(alias = "Holdout")]
    Holdout,
}

impl Role {
    /// The role as a stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Targeting => "targeting",
            Self::Suppression => "suppression",
            Self::Seed => "seed",
            Self::Holdout => "holdout",
        }
    }

    /// The word that opens the intent in a name; none for targeting.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::Targeting => None,
            Self::Suppression => Some("Supp"),
            Self::Seed => Some("Seed"),
            Self::Holdout => Some("Hold"),
        }
    }

    /// The role a folded word stands for.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        match word {
            "supp" | "suppress" | "suppression" => Some(Self::Suppression),
            "seed" | "lal" | "lookalike" => Some(Self::Seed),
            "hold" => Some(Self::Holdout),
            _ => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One exclusion: whom to leave out, and for how long after.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Exclusion {
    /// Whom to leave out.
    pub subject: Term,
    /// How long after; without one, at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

impl Exclusion {
    /// Leaves out `subject`, within `window` where there is one.
    pub const fn new(subject: Term, window: Option<Window>) -> Self {
        Self { subject, window }
    }
}

/// What a name says about exclusions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums)]
pub enum Exclusions {
    /// Nothing.
    #[default]
    Absent,
    /// That there are none: `Excl None`.
    ExplicitNone,
    /// These, in the order written.
    Items(Vec<Exclusion>),
}

impl Exclusions {
    /// The exclusions; empty for `Absent` and `ExplicitNone`.
    pub fn items(&self) -> &[Exclusion] {
        match self {
            Self::Items(items) => items,
            Self::Absent | Self::ExplicitNone => &[],
        }
    }

    /// Drops repeated items; no items at all are `Absent`.
    fn tidy(self) -> Self {
        let Self::Items(items) = self else { return self };
        let mut kept: Vec<Exclusion> = Vec::with_capacity(items.len());
        for item in items {
            if !kept.contains(&item) {
                kept.push(item);
            }
        }
        if kept.is_empty() { Self::Absent } else { Self::Items(kept) }
    }
}

/// The name of an audience, independent of its spelling.
///
/// Built from parts here, read with [`AudienceName::parse`] or [`super::Template::parse`], written with
/// [`super::Template::render`]. As data it has a version: `{"v":1,"intent":{"known":"lapsed"},"window":"90d+",…}`.
///
/// # Examples
/// ```
/// use audience_sync::naming::{AudienceName, Role};
///
/// let name = AudienceName::parse("CI | Cart Abandon | 0-24h | Excl Purch 7d")?;
/// assert_eq!(name.role(), Role::Targeting);
/// assert_eq!(name.window().map(|window| window.to_string()).as_deref(), Some("0-24h"));
/// assert_eq!(name.exclusions().items().len(), 1);
/// assert_eq!(name.render()?, "CI | Cart Abandon | 0-24h | Excl Purch 7d");
/// # Ok::<(), audience_sync::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct AudienceName {
    pub(super) prefix: Option<Term>,
    pub(super) market: Vec<Market>,
    pub(super) role: Role,
    pub(super) intent: Term,
    pub(super) window: Option<Window>,
    pub(super) exclusions: Exclusions,
    pub(super) owner: Option<Slug>,
    pub(super) version: Option<u16>,
    pub(super) ext: BTreeMap<Key, Value>,
}

impl AudienceName {
    /// The largest version a name can have.
    pub const MAX_VERSION: u16 = 9_999;

    /// A targeting audience with this intent and nothing else.
    pub const fn new(intent: Term) -> Self {
        Self {
            prefix: None,
            market: Vec::new(),
            role: Role::Targeting,
            intent,
            window: None,
            exclusions: Exclusions::Absent,
            owner: None,
            version: None,
            ext: BTreeMap::new(),
        }
    }

    /// Sets the prefix, such as the brand.
    #[must_use]
    pub fn with_prefix(mut self, prefix: Term) -> Self {
        self.prefix = Some(prefix);
        self
    }

    /// Sets the markets; repeated ones are dropped.
    #[must_use]
    pub fn with_market(mut self, market: impl IntoIterator<Item = Market>) -> Self {
        let mut seen = HashSet::new();
        self.market = market.into_iter().filter(|code| seen.insert(code.clone())).collect();
        self
    }

    /// Sets the role.
    #[must_use]
    pub const fn with_role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Sets the window.
    #[must_use]
    pub const fn with_window(mut self, window: Window) -> Self {
        self.window = Some(window);
        self
    }

    /// Sets the exclusions; repeated ones are dropped.
    #[must_use]
    pub fn with_exclusions(mut self, exclusions: Exclusions) -> Self {
        self.exclusions = exclusions.tidy();
        self
    }

    /// Sets the owner.
    #[must_use]
    pub fn with_owner(mut self, owner: Slug) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Sets the version.
    ///
    /// # Errors
    /// `Config` when it is not between 1 and 9,999.
    pub fn with_version(mut self, version: u16) -> Result<Self> {
        if !(1..=Self::MAX_VERSION).contains(&version) {
            let message = format!("audience name: expected a version from 1 to {}, found {version}", Self::MAX_VERSION);
            return Err(Error::new(ErrorKind::Config, message));
        }
        self.version = Some(version);
        Ok(self)
    }

    /// Sets a keyed field.
    #[must_use]
    pub fn with_ext(mut self, key: Key, value: Value) -> Self {
        self.ext.insert(key, value);
        self
    }

    /// The prefix, such as the brand.
    pub const fn prefix(&self) -> Option<&Term> {
        self.prefix.as_ref()
    }

    /// The markets, in the order written.
    pub fn market(&self) -> &[Market] {
        &self.market
    }

    /// What the audience is for.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// What the members did, or are.
    pub const fn intent(&self) -> &Term {
        &self.intent
    }

    /// When they did it.
    pub const fn window(&self) -> Option<Window> {
        self.window
    }

    /// Who is left out.
    pub const fn exclusions(&self) -> &Exclusions {
        &self.exclusions
    }

    /// Who answers for the audience.
    pub const fn owner(&self) -> Option<&Slug> {
        self.owner.as_ref()
    }

    /// The version, 1 to 9,999.
    pub const fn version(&self) -> Option<u16> {
        self.version
    }

    /// The keyed fields, by key.
    pub const fn ext(&self) -> &BTreeMap<Key, Value> {
        &self.ext
    }

    /// Whether both say the same: like `==`, but the order of markets and exclusions, the case of free terms and the
    /// units of windows (`24h`, `1d`) do not count.
    pub fn semantic_eq(&self, other: &Self) -> bool {
        let windows = |a: Option<Window>, b: Option<Window>| match (a, b) {
            (Some(a), Some(b)) => a.same_length(b),
            (a, b) => a == b,
        };
        let terms = |a: Option<&Term>, b: Option<&Term>| match (a, b) {
            (Some(a), Some(b)) => a.means(b),
            (a, b) => a == b,
        };
        let same = |a: &Exclusion, b: &Exclusion| a.subject.means(&b.subject) && windows(a.window, b.window);
        let covers = |a: &[Exclusion], b: &[Exclusion]| a.iter().all(|x| b.iter().any(|y| same(x, y)));
        let (ours, theirs) = (self.exclusions.items(), other.exclusions.items());
        terms(self.prefix(), other.prefix())
            && self.market.len() == other.market.len()
            && self.market.iter().all(|code| other.market.contains(code))
            && self.role == other.role
            && self.intent.means(&other.intent)
            && windows(self.window, other.window)
            && std::mem::discriminant(&self.exclusions) == std::mem::discriminant(&other.exclusions)
            && covers(ours, theirs)
            && covers(theirs, ours)
            && (&self.owner, self.version, &self.ext) == (&other.owner, other.version, &other.ext)
    }
}

/// The data form, version 1.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<Term>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    market: Vec<Market>,
    #[serde(default)]
    role: Role,
    intent: Term,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<Window>,
    #[serde(default, skip_serializing_if = "is_absent")]
    exclusions: Exclusions,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<Slug>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<u16>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    ext: BTreeMap<Key, Value>,
}

fn is_absent(exclusions: &Exclusions) -> bool {
    *exclusions == Exclusions::Absent
}

impl From<AudienceName> for Wire {
    fn from(name: AudienceName) -> Self {
        let AudienceName { prefix, market, role, intent, window, exclusions, owner, version, ext } = name;
        Self { v: 1, prefix, market, role, intent, window, exclusions, owner, version, ext }
    }
}

impl TryFrom<Wire> for AudienceName {
    type Error = Error;

    fn try_from(wire: Wire) -> Result<Self> {
        if wire.v != 1 {
            let message = format!("read audience name: expected version 1 of the data form, found {}", wire.v);
            return Err(Error::new(ErrorKind::Config, message));
        }
        let name = Self {
            prefix: wire.prefix,
            window: wire.window,
            owner: wire.owner,
            ext: wire.ext,
            ..Self::new(wire.intent)
        }
        .with_market(wire.market)
        .with_role(wire.role)
        .with_exclusions(wire.exclusions);
        match wire.version {
            Some(version) => name.with_version(version),
            None => Ok(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excl(id: &str, window: Option<&str>) -> Exclusion {
        Exclusion::new(Term::known(id).unwrap(), window.map(|text| text.parse().unwrap()))
    }

    fn full() -> AudienceName {
        AudienceName::new(Term::known("cart_abandon").unwrap())
            .with_prefix(Term::free("CI").unwrap())
            .with_market([Market::new("DE").unwrap(), Market::new("AT").unwrap(), Market::new("DE").unwrap()])
            .with_window("0-24h".parse().unwrap())
            .with_exclusions(Exclusions::Items(vec![excl("purchase", Some("7d")), excl("unsub", None)]))
            .with_owner(Slug::new("crm").unwrap())
            .with_version(2)
            .unwrap()
            .with_ext(Key::new("tier").unwrap(), Value::new("T1").unwrap())
    }

    #[test]
    fn data_form_is_versioned_and_stable() {
        let json = concat!(
            r#"{"v":1,"prefix":{"free":"CI"},"market":["DE","AT"],"role":"targeting","intent":{"known":"cart_abandon"},"#,
            r#""window":"0-24h","exclusions":{"items":[{"subject":{"known":"purchase"},"window":"0-7d"},"#,
            r#"{"subject":{"known":"unsub"}}]},"owner":"crm","version":2,"ext":{"tier":"T1"}}"#
        );
        assert_eq!(serde_json::to_string(&full()).unwrap(), json);
        assert_eq!(serde_json::from_str::<AudienceName>(json).unwrap(), full());
        let small = AudienceName::new(Term::known("lapsed").unwrap());
        let json = r#"{"v":1,"role":"targeting","intent":{"known":"lapsed"}}"#;
        assert_eq!(serde_json::to_string(&small).unwrap(), json);
    }

    #[test]
    fn data_of_another_version_or_outside_the_rules_is_refused() {
        for json in [
            r#"{"v":2,"intent":{"known":"lapsed"}}"#,
            r#"{"intent":{"known":"lapsed"}}"#,
            r#"{"v":1,"intent":{"known":"lapsed"},"version":0}"#,
            r#"{"v":1,"intent":{"known":"lapsed"},"window":"24-0h"}"#,
            r#"{"v":1,"intent":{"free":"Excl Purch"}}"#,
            r#"{"v":1,"intent":{"known":"lapsed"},"colour":"red"}"#,
        ] {
            assert!(serde_json::from_str::<AudienceName>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn meaning_ignores_order_and_units() {
        let other = full()
            .with_market([Market::new("AT").unwrap(), Market::new("DE").unwrap()])
            .with_window("0-1d".parse().unwrap())
            .with_exclusions(Exclusions::Items(vec![excl("unsub", None), excl("purchase", Some("1w"))]));
        assert!(full() != other && full().semantic_eq(&other));
        assert!(!full().semantic_eq(&other.with_exclusions(Exclusions::Items(vec![excl("unsub", None)]))));
        assert!(!full().semantic_eq(&full().with_role(Role::Seed)));
    }

    #[test]
    fn repeated_exclusions_are_dropped() {
        let twice = Exclusions::Items(vec![excl("unsub", None), excl("unsub", None), excl("unsub", Some("7d"))]);
        assert_eq!(full().with_exclusions(twice).exclusions().items().len(), 2);
        assert_eq!(full().with_exclusions(Exclusions::Items(vec![])).exclusions(), &Exclusions::Absent);
        assert!(full().with_version(0).is_err() && full().with_version(10_000).is_err());
    }
}
