//! What a team writes down about an audience, and what is observed of it: the input of lint and checklist.

use serde::{Deserialize, Serialize};

use super::Audience;
use super::definition::{Definition, EventRef};
use super::drift::Version;
use crate::naming::Dur;
use crate::time::Timestamp;

/// An audience with everything that governs it.
///
/// Only the audience itself is required. What is left out is not assumed to be in order: rules that need it say that they
/// could not judge, or that it is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Charter {
    /// Key, name, role, exclusions, holdout, owner.
    pub audience: Audience,
    /// A sentence for people. It goes to destinations that show one, so the rules read it too.
    #[serde(default)]
    pub description: Option<String>,
    /// What the audience means now.
    #[serde(default)]
    pub definition: Option<Definition>,
    /// What it meant before, the oldest first.
    #[serde(default)]
    pub history: Vec<Version>,
    /// Which decision it carries out.
    #[serde(default)]
    pub decision: Option<Decision>,
    /// How fresh it is expected to be.
    #[serde(default)]
    pub refresh: Option<Refresh>,
    /// How members leave.
    #[serde(default)]
    pub exit: Option<ExitRule>,
    /// How its effect will be told from chance.
    #[serde(default)]
    pub measurement: Option<MeasurementPlan>,
    /// How often one person may see the ads.
    #[serde(default)]
    pub frequency_cap: Option<FrequencyCap>,
    /// The journey in owned channels that it stands beside; `None`: nobody said.
    #[serde(default)]
    pub journey: Option<Journey>,
    /// Its place in the priority list: of two overlapping audiences the lower number keeps the member.
    #[serde(default)]
    pub priority: Option<u32>,
    /// The tier's label, which maps to creative: `hot`, `T1`.
    #[serde(default)]
    pub tier: Option<String>,
    /// The bid's label: `high`.
    #[serde(default)]
    pub bid: Option<String>,
    /// Why its members may be addressed: `consent`, `contract`, `legitimate interest`.
    #[serde(default)]
    pub consent_basis: Option<String>,
    /// Where it is used.
    #[serde(default)]
    pub placements: Vec<Placement>,
    /// What was counted of it.
    #[serde(default)]
    pub observed: Observed,
}

impl Charter {
    /// An audience of which nothing else is written down.
    pub fn new(audience: Audience) -> Self {
        Self {
            audience,
            description: None,
            definition: None,
            history: Vec::new(),
            decision: None,
            refresh: None,
            exit: None,
            measurement: None,
            frequency_cap: None,
            journey: None,
            priority: None,
            tier: None,
            bid: None,
            consent_basis: None,
            placements: Vec::new(),
            observed: Observed::default(),
        }
    }

    /// Changes any of it: `Charter::new(audience).with(|c| c.priority = Some(1))`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// Which decision an audience carries out: "viewed a product in the last 6 hours and bought nothing" can be acted on,
/// "browsers" cannot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Decision {
    /// What is done: `show the cart's products again`.
    pub action: String,
    /// The message or offer.
    pub message: Option<String>,
    /// Who answers for the spend.
    pub budget_owner: Option<String>,
    /// The figure it is to move.
    pub kpi: Option<String>,
}

impl Decision {
    /// A decision by what is done.
    pub fn new(action: impl Into<String>) -> Self {
        Self { action: action.into(), ..Self::default() }
    }
}

/// How fresh an audience is expected to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "a period and its limit")]
pub struct Refresh {
    /// The time from one refresh to the next.
    pub every: Dur,
    /// The age from which it is stale.
    pub max_staleness: Dur,
}

/// How members leave an audience. One of the three is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ExitRule {
    /// They leave when the window is over.
    pub by_window: bool,
    /// They leave at one of these events: a purchase, a subscription, a refund.
    pub events: Vec<String>,
    /// They leave after so many days.
    pub max_days: Option<u32>,
}

impl ExitRule {
    /// Leaves when the window is over.
    pub fn by_window() -> Self {
        Self { by_window: true, ..Self::default() }
    }

    /// Leaves at an event.
    pub fn at(event: impl Into<String>) -> Self {
        Self { events: vec![event.into()], ..Self::default() }
    }

    /// Leaves after so many days.
    pub fn after_days(days: u32) -> Self {
        Self { max_days: Some(days), ..Self::default() }
    }
}

/// How the effect of an audience is told from chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MeasurementPlan {
    /// By what comparison.
    pub method: Method,
    /// The figure compared: `purchase`.
    #[serde(default)]
    pub metric: Option<String>,
    /// How long after entry it counts.
    #[serde(default)]
    pub window: Option<Dur>,
    /// When it starts.
    #[serde(default)]
    pub start: Option<Timestamp>,
    /// Who reads it.
    #[serde(default)]
    pub owner: Option<String>,
    /// The relative effect that is hoped for: 0.1 is 10 % more.
    #[serde(default)]
    pub planned_effect: Option<f64>,
    /// The smallest relative effect that the audience is large enough to show, by [`measure`](crate::measure).
    #[serde(default)]
    pub detectable_effect: Option<f64>,
    /// The members each arm needs for the planned effect.
    #[serde(default)]
    pub needed_per_arm: Option<u64>,
}

impl MeasurementPlan {
    /// A plan by its method.
    pub fn new(method: Method) -> Self {
        Self {
            method,
            metric: None,
            window: None,
            start: None,
            owner: None,
            planned_effect: None,
            detectable_effect: None,
            needed_per_arm: None,
        }
    }

    /// Changes any of it.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// By what comparison an effect is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// Members held out at random.
    Holdout,
    /// Regions with and without.
    GeoSplit,
    /// Before and after: weak evidence.
    PrePost,
}

/// How often one person may see the ads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "a count over a time")]
pub struct FrequencyCap {
    /// So many times …
    pub impressions: u32,
    /// … in this time.
    pub per: Dur,
}

impl FrequencyCap {
    /// The cap as times a week; infinite for a time of zero.
    pub fn per_week(&self) -> f64 {
        let week = f64::from(self.impressions) * 604_800.0;
        // At most 9,999 years in seconds: exact in a float.
        week / self.per.seconds() as f64
    }
}

/// What owned channels (e-mail, SMS) do with the same people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Journey {
    /// Nothing: the audience stands alone.
    Alone,
    /// They are in a journey.
    Beside {
        /// Its name or id.
        id: String,
        /// How long after the qualifying event the first message leaves.
        first_message: Dur,
    },
}

/// Where an audience is used, and how it does there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Placement {
    /// The destination's id; what stands before the colon is the platform: `meta:act_100`.
    pub destination: String,
    /// Whether it is being used there: ads run, or the exclusion is attached.
    #[serde(default)]
    pub active: Option<bool>,
    /// The last run that ended well.
    #[serde(default)]
    pub last_success: Option<Timestamp>,
    /// The first moment at which the whole audience had been sent.
    #[serde(default)]
    pub first_full_sync: Option<Timestamp>,
    /// When ads, exports or people last made use of it.
    #[serde(default)]
    pub last_used: Option<Timestamp>,
    /// The people the platform recognised, or is expected to.
    #[serde(default)]
    pub matched: Option<u64>,
}

impl Placement {
    /// A use at the destination with this id.
    pub fn new(destination: impl Into<String>) -> Self {
        Self {
            destination: destination.into(),
            active: None,
            last_success: None,
            first_full_sync: None,
            last_used: None,
            matched: None,
        }
    }

    /// Changes any of it.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The platform: what stands before the colon of the destination's id.
    pub fn platform(&self) -> &str {
        self.destination.split(':').next().unwrap_or_default()
    }
}

/// What was counted of an audience.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Observed {
    /// Its members now.
    pub size: Option<u64>,
    /// Everybody it could hold.
    pub population: Option<u64>,
    /// Its members at earlier refreshes, the oldest first; the last 14 count.
    pub sizes: Vec<u64>,
    /// When its members were last worked out.
    pub last_refresh: Option<Timestamp>,
    /// How the events of the source came in.
    pub events: Vec<EventFlow>,
}

/// How one event of the source came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "an event, its first and last, and its rhythm")]
pub struct EventFlow {
    /// The event.
    pub event: EventRef,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// The usual time from one to the next.
    pub usual_gap: Dur,
}

/// All the audiences of an account, with what is known of them together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Portfolio {
    /// The audiences.
    pub charters: Vec<Charter>,
    /// Audiences that were deleted; `None` when nobody kept a list.
    pub retired: Option<Vec<Retired>>,
    /// How far two audiences hold the same people; `None` when nobody counted. See [`MemberSet::overlap`](super::MemberSet::overlap).
    pub overlaps: Option<Vec<Overlap>>,
}

impl Portfolio {
    /// These audiences.
    pub fn new(charters: Vec<Charter>) -> Self {
        Self { charters, ..Self::default() }
    }

    /// The audience with this key.
    pub fn get(&self, key: &str) -> Option<&Charter> {
        self.charters.iter().find(|charter| charter.audience.key() == key)
    }
}

/// An audience that was deleted at a destination. Platforms may still count its old members under its name or key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "what identified it")]
pub struct Retired {
    /// Its key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// The destination's id.
    pub destination: String,
}

/// How far two audiences hold the same people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "a pair and its share")]
pub struct Overlap {
    /// The keys of the two.
    pub keys: [String; 2],
    /// The members of both, as a share of the smaller one: 0 to 1.
    pub share: f64,
}
