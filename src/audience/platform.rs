//! What is known of platforms by name: how long a change takes to show, and how many people an audience needs.

use serde::{Deserialize, Serialize};

/// Facts about one platform, by which lint and checklist judge. A host puts better ones into its policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "plain figures that hosts write down")]
pub struct PlatformFacts {
    /// The hours to wait before an audience's size can be judged.
    pub ramp_hours: u32,
    /// The matched people an audience needs to be used; `None`: there is no minimum.
    pub minimum: Option<u64>,
    /// Whether people are addressed through it. Where not, suppression, caps and minimums are no matter.
    pub addresses: bool,
    /// Whether the figures stand in the platform's own documentation.
    pub verified: bool,
}

/// Platform, ramp in hours, minimum, verified. Read 2026-11:
/// Meta: facebook.com/business/help (up to 24 h; 100 matched). Google: support.google.com/google-ads (100 on every network
/// since 2024-12; the 48 h are practice). TikTok: 24 to 28 h by Segment's documentation, minimum by practice. Snapchat:
/// 1,000 matched by its ads API, ramp by practice. LinkedIn: 300, ramp by practice. Microsoft: 48 h by its API, minimum by
/// practice. Pinterest: 24 to 48 h, 100. X: batches of 6 to 8 h, 100 active in 90 days, by its API. Criteo: 24 h, 500.
const ADS: [(&str, u32, u64, bool); 12] = [
    ("criteo", 24, 500, false),
    ("data_manager", 48, 100, false),
    ("dv360", 48, 100, false),
    ("google", 48, 100, false),
    ("google_ads", 48, 100, false),
    ("linkedin", 48, 300, false),
    ("meta", 24, 100, true),
    ("microsoft", 48, 300, false),
    ("pinterest", 48, 100, false),
    ("snapchat", 48, 1_000, false),
    ("tiktok", 28, 1_000, false),
    ("x", 8, 100, true),
];

/// Platforms that keep members and address nobody.
const QUIET: [&str; 9] =
    ["amplitude", "bigquery", "clickhouse", "memory", "mixpanel", "postgres", "redshift", "snowflake", "sqlite"];

impl PlatformFacts {
    /// What the crate knows of a platform: the part of a destination's id before its colon.
    ///
    /// ```
    /// use audience_sync::audience::PlatformFacts;
    /// assert_eq!(PlatformFacts::of("meta").and_then(|facts| facts.minimum), Some(100));
    /// assert_eq!(PlatformFacts::of("somebody's own"), None);
    /// ```
    pub fn of(platform: &str) -> Option<Self> {
        if QUIET.contains(&platform) {
            return Some(Self { ramp_hours: 0, minimum: None, addresses: false, verified: true });
        }
        let (_, ramp_hours, minimum, verified) = ADS.into_iter().find(|(id, ..)| *id == platform)?;
        Some(Self { ramp_hours, minimum: Some(minimum), addresses: true, verified })
    }
}
