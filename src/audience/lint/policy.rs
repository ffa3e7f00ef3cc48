//! The figures and lists the rules judge by.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::rule::Rule;
use crate::audience::evidence::Waiver;
use crate::audience::platform::PlatformFacts;
use crate::naming::{Dur, Severity};

/// The figures and lists the rules judge by. The defaults are the house's; a project changes any of them.
///
/// ```
/// use audience_sync::audience::lint::LintPolicy;
/// let policy: LintPolicy = serde_json::from_str(r#"{ "broad_warning": 0.3, "severities": { "AL-033": "error" } }"#)?;
/// assert_eq!(policy.broad_error, 0.8);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LintPolicy {
    /// The share of the population from which an audience is broad (AL-002). Default 0.4.
    pub broad_warning: f64,
    /// … and from which that is an error. Default 0.8.
    pub broad_error: f64,
    /// By intent, the terms that stand for having converted (AL-005), all by vocabulary id.
    pub converters: BTreeMap<String, BTreeSet<String>>,
    /// Those of intents that the list does not name. Default `purchase`.
    pub default_converters: BTreeSet<String>,
    /// The owners there are (AL-009); `None`: nobody checks whether an owner is still there.
    pub owners: Option<BTreeSet<String>>,
    /// A gap between tiers that is let pass (AL-013). Default none.
    pub tier_gap: Option<Dur>,
    /// How long after a journey's first message ads still count as front-running (AL-016). Default none.
    pub grace: Option<Dur>,
    /// The suppressions every account needs (AL-018, AL-019), by vocabulary id. Default `purchase`, `unsub`,
    /// `no_consent`, `staff`.
    pub required_suppressions: BTreeSet<String>,
    /// Terms that hint at what must not be told of a person (AL-022), by kind, lower case. They match whole words and the
    /// beginnings of words that end in `*`.
    pub sensitive: BTreeMap<String, BTreeSet<String>>,
    /// Platforms that block audiences with such terms: there they are errors. Default `meta`.
    pub strict_platforms: BTreeSet<String>,
    /// The days without use after which an audience is unused (AL-030). Default 60.
    pub unused_days: u32,
    /// How far a size may be from the median of the last 14 (AL-031). Default 0.25.
    pub jump_warning: f64,
    /// … and from where on that is an error. Default 0.6.
    pub jump_error: f64,
    /// The share of the smaller audience that two may have in common (AL-032). Default 0.3.
    pub sibling_overlap: f64,
    /// Platforms that ask for proof of consent (AL-034).
    pub consent_platforms: BTreeSet<String>,
    /// Markets, and regions with such markets in them, where they ask for it: EEA, UK, Switzerland.
    pub consent_markets: BTreeSet<String>,
    /// The markets of audiences that name none. Empty: not known.
    pub home_markets: BTreeSet<String>,
    /// Facts about platforms that are better than, or missing in, [`PlatformFacts::of`].
    pub platforms: BTreeMap<String, PlatformFacts>,
    /// Other severities for rules.
    pub severities: BTreeMap<Rule, Severity>,
    /// Findings that are set aside.
    pub waivers: Vec<Waiver>,
}

fn set(words: &str) -> BTreeSet<String> {
    words.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Countries of the European Economic Area, the United Kingdom and Switzerland, and regions that hold any of them.
const CONSENT_MARKETS: &str = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK \
    GB UK CH EU EEA EMEA DACH GLOBAL";

/// Kinds of what the General Data Protection Regulation (article 9) and Meta's policy on health and finance protect.
const SENSITIVE: [(&str, &str); 5] = [
    (
        "health",
        "health* medical* patient* diabet* cancer* pregnan* fertil* obes* diagnos* illness disease* disabilit* depress* \
         anxiety adhd hiv aids std therap* rehab addict* insulin migraine* asthma symptom*",
    ),
    ("financial", "debt* bankrupt* loan* mortgage* overdraft insolven* income payday unemployed foreclos*"),
    ("political", "political* politic* democrat* republican* conservative* labour voter* election* activist*"),
    (
        "religious",
        "religio* christian* catholic* protestant* muslim* islam* jew* hindu* buddhis* atheis* church* mosque* synagogue*",
    ),
    ("sexual life", "gay lesbian* lgbt* bisexual* transgender* queer sexual* erotic* fetish* escort*"),
];

impl Default for LintPolicy {
    fn default() -> Self {
        let converts =
            [("lead", "purchase subscriber"), ("renewal_due", "purchase subscriber"), ("trial", "purchase subscriber")];
        Self {
            broad_warning: 0.4,
            broad_error: 0.8,
            converters: converts.into_iter().map(|(intent, terms)| (intent.to_owned(), set(terms))).collect(),
            default_converters: set("purchase"),
            owners: None,
            tier_gap: None,
            grace: None,
            required_suppressions: set("purchase unsub no_consent staff"),
            sensitive: SENSITIVE.into_iter().map(|(kind, words)| (kind.to_owned(), set(words))).collect(),
            strict_platforms: set("meta"),
            unused_days: 60,
            jump_warning: 0.25,
            jump_error: 0.6,
            sibling_overlap: 0.3,
            consent_platforms: set("meta google google_ads data_manager dv360"),
            consent_markets: set(CONSENT_MARKETS),
            home_markets: BTreeSet::new(),
            platforms: BTreeMap::new(),
            severities: BTreeMap::new(),
            waivers: Vec::new(),
        }
    }
}

impl LintPolicy {
    /// Changes any of it: `LintPolicy::default().with(|p| p.unused_days = 30)`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// What is known of a platform.
    pub fn platform(&self, platform: &str) -> Option<PlatformFacts> {
        self.platforms.get(platform).copied().or_else(|| PlatformFacts::of(platform))
    }

    /// Whether people are addressed there; where nobody knows, they may be.
    pub(super) fn addresses(&self, platform: &str) -> bool {
        self.platform(platform).is_none_or(|facts| facts.addresses)
    }
}
