//! What changed between two versions of an audience, and whether its name says so.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::definition::{Definition, EventRef};

/// An audience as it stood at some time: its name, the version in the name, its definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Version {
    /// The name that people read.
    pub name: String,
    /// The version that the name states, as the `2` in `… | v2`.
    #[serde(default)]
    pub version: Option<u16>,
    /// What it meant.
    pub definition: Definition,
}

impl Version {
    /// A version of an audience.
    pub fn new(name: impl Into<String>, version: Option<u16>, definition: Definition) -> Self {
        Self { name: name.into(), version, definition }
    }
}

/// What kind of change there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DriftClass {
    /// Nothing changed.
    None,
    /// Only the name.
    Cosmetic,
    /// The definition, and the name or its version with it: as it should be.
    Bump,
    /// Nothing but the definition of an audience that this one excludes.
    Upstream,
    /// One event has another name, nothing else changed, and the audience's name is the same: probably the source
    /// renamed it, and the audience silently empties or fills.
    RenameEvent,
    /// The definition, under an unchanged name and version.
    Silent,
}

impl DriftClass {
    /// The class as a stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Cosmetic => "cosmetic",
            Self::Bump => "bump",
            Self::Upstream => "upstream",
            Self::RenameEvent => "rename_event",
            Self::Silent => "silent",
        }
    }
}

impl fmt::Display for DriftClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One part of a definition that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// An event has another name and the same schema.
    EventRenamed {
        /// The name it had.
        from: String,
        /// The name it has.
        to: String,
    },
    /// An event was added.
    EventAdded(EventRef),
    /// An event was dropped.
    EventDropped(EventRef),
    /// The rule reads otherwise.
    Predicate,
    /// The window has other bounds; as the definitions write it, empty without one.
    Window {
        /// The window it had.
        from: String,
        /// The window it has.
        to: String,
    },
    /// An audience is left out that was not, by its key.
    ExclusionAdded(String),
    /// An audience is no longer left out, by its key.
    ExclusionDropped(String),
    /// An audience that is left out means something else, by its key.
    ExclusionChanged(String),
    /// What the audience is for.
    Role,
    /// What is counted.
    Entity,
    /// The kinds of identifier.
    Identity,
    /// The consents asked for.
    Consent,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |window: &str| if window.is_empty() { "none".to_owned() } else { window.to_owned() };
        match self {
            Self::EventRenamed { from, to } => write!(f, "event `{from}` became `{to}`"),
            Self::EventAdded(event) => write!(f, "event `{}` (schema {}) added", event.name, event.schema),
            Self::EventDropped(event) => write!(f, "event `{}` (schema {}) dropped", event.name, event.schema),
            Self::Predicate => f.write_str("rule changed"),
            Self::Window { from, to } => write!(f, "window changed from {} to {}", or_none(from), or_none(to)),
            Self::ExclusionAdded(key) => write!(f, "exclusion `{key}` added"),
            Self::ExclusionDropped(key) => write!(f, "exclusion `{key}` dropped"),
            Self::ExclusionChanged(key) => write!(f, "excluded audience `{key}` means something else"),
            Self::Role => f.write_str("role changed"),
            Self::Entity => f.write_str("what is counted changed"),
            Self::Identity => f.write_str("identifiers changed"),
            Self::Consent => f.write_str("consents changed"),
        }
    }
}

/// What became of an audience between two versions.
///
/// ```
/// use audience_sync::audience::{Definition, Drift, DriftClass, EventRef, Version};
/// use audience_sync::naming::Role;
///
/// let at = |event: &str| {
///     let definition = Definition::new(Role::Targeting, "cart_value > 0").with_event(EventRef::new(event, "3"));
///     Version::new("CI | Cart Abandon | 0-24h | Excl Purch 7d", None, definition)
/// };
/// assert_eq!(Drift::between(&at("cart_updated"), &at("cart_changed")).class, DriftClass::RenameEvent);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Drift {
    /// What kind of change it was.
    pub class: DriftClass,
    /// What changed in the definition; empty for [`DriftClass::None`] and [`DriftClass::Cosmetic`].
    pub changes: Vec<Change>,
}

impl Drift {
    /// Compares two versions of one audience.
    pub fn between(before: &Version, now: &Version) -> Self {
        let renamed = before.name != now.name;
        if before.definition.fingerprint() == now.definition.fingerprint() {
            let class = if renamed { DriftClass::Cosmetic } else { DriftClass::None };
            return Self { class, changes: Vec::new() };
        }
        let changes = changes(&before.definition, &now.definition);
        let class = match changes.as_slice() {
            _ if renamed || before.version != now.version => DriftClass::Bump,
            [Change::EventRenamed { .. }] => DriftClass::RenameEvent,
            all if !all.is_empty() && all.iter().all(|change| matches!(change, Change::ExclusionChanged(_))) => {
                DriftClass::Upstream
            }
            _ => DriftClass::Silent,
        };
        Self { class, changes }
    }

    /// Whether the meaning changed and nothing in the name says so.
    pub fn is_unannounced(&self) -> bool {
        matches!(self.class, DriftClass::Silent | DriftClass::RenameEvent | DriftClass::Upstream)
    }
}

fn changes(before: &Definition, now: &Definition) -> Vec<Change> {
    let mut changes = events(before, now);
    if before.predicate != now.predicate {
        changes.push(Change::Predicate);
    }
    let same_window = match (before.window, now.window) {
        (Some(before), Some(now)) => before.same_length(now),
        (before, now) => before == now,
    };
    if !same_window {
        let text = |of: &Definition| of.window.map(|window| window.to_string()).unwrap_or_default();
        changes.push(Change::Window { from: text(before), to: text(now) });
    }
    changes.extend(exclusions(before, now));
    let parts = [
        (before.role != now.role, Change::Role),
        (before.entity != now.entity, Change::Entity),
        (before.identity != now.identity, Change::Identity),
        (before.consent != now.consent, Change::Consent),
    ];
    changes.extend(parts.into_iter().filter(|(changed, _)| *changed).map(|(_, change)| change));
    changes
}

/// One event gone and one come with the same schema is a rename.
fn events(before: &Definition, now: &Definition) -> Vec<Change> {
    let gone: Vec<&EventRef> = before.events.difference(&now.events).collect();
    let come: Vec<&EventRef> = now.events.difference(&before.events).collect();
    if let ([from], [to]) = (gone.as_slice(), come.as_slice())
        && from.schema == to.schema
    {
        return vec![Change::EventRenamed { from: from.name.clone(), to: to.name.clone() }];
    }
    let dropped = gone.into_iter().cloned().map(Change::EventDropped);
    dropped.chain(come.into_iter().cloned().map(Change::EventAdded)).collect()
}

fn exclusions(before: &Definition, now: &Definition) -> Vec<Change> {
    let gone = before.exclude.iter().filter_map(|(key, print)| match now.exclude.get(key) {
        None => Some(Change::ExclusionDropped(key.clone())),
        Some(other) if other != print => Some(Change::ExclusionChanged(key.clone())),
        Some(_) => None,
    });
    let come = now.exclude.keys().filter(|key| !before.exclude.contains_key(*key));
    gone.chain(come.map(|key| Change::ExclusionAdded(key.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naming::Role;

    fn version(change: impl FnOnce(&mut Version)) -> Version {
        let buyers = Definition::new(Role::Suppression, "bought");
        let definition = Definition::new(Role::Targeting, "cart_value > 0")
            .with_event(EventRef::new("cart_updated", "3"))
            .with_window("0-24h".parse().unwrap())
            .excluding("supp-purch", &buyers);
        let mut version = Version::new("CI | Cart Abandon | 0-24h | Excl Purch 7d", None, definition);
        change(&mut version);
        version
    }

    #[test]
    fn every_class_of_drift() {
        let event = |name: &str| [EventRef::new(name, "3")].into();
        let table: [(DriftClass, &str, Version); 8] = [
            (DriftClass::None, "", version(|_| {})),
            (DriftClass::None, "", version(|v| v.definition.window = Some("1d".parse().unwrap()))),
            (DriftClass::Cosmetic, "", version(|v| v.name = "another".into())),
            (
                DriftClass::Bump,
                "rule changed",
                version(|v| {
                    v.version = Some(2);
                    v.definition.predicate = "cart_value > 10".into();
                }),
            ),
            (
                DriftClass::Upstream,
                "excluded audience `supp-purch` means something else",
                version(|v| *v.definition.exclude.values_mut().next().unwrap() = "f".repeat(64)),
            ),
            (
                DriftClass::RenameEvent,
                "event `cart_updated` became `cart_changed`",
                version(|v| v.definition.events = event("cart_changed")),
            ),
            (DriftClass::Silent, "exclusion `supp-purch` dropped", version(|v| v.definition.exclude.clear())),
            (
                DriftClass::Silent,
                "window changed from 0-24h to 0-7d",
                version(|v| v.definition.window = Some("7d".parse().unwrap())),
            ),
        ];
        for (class, told, now) in table {
            let drift = Drift::between(&version(|_| {}), &now);
            let found: Vec<String> = drift.changes.iter().map(ToString::to_string).collect();
            assert_eq!((drift.class, found.join(", ").as_str()), (class, told));
        }
    }

    #[test]
    fn an_event_with_another_schema_is_not_a_rename() {
        let now = version(|v| v.definition.events = [EventRef::new("cart_changed", "4")].into());
        let drift = Drift::between(&version(|_| {}), &now);
        assert_eq!((drift.class, drift.changes.len()), (DriftClass::Silent, 2));
        assert!(drift.is_unannounced());
    }
}
