//! The definition of an audience: what it is called and for, who is kept out of it, who is held out, who owns it.
//!
//! - [`Audience`]: key, name, role, exclusions, holdout, owner: what the engine needs.
//! - [`Definition`]: what it means, with a [`Fingerprint`]; [`Drift`] says what changed between two [`Version`]s, and
//!   whether the name says so.
//! - [`Charter`] and [`Portfolio`]: everything that governs audiences, and what was counted of them. [`lint`] finds the
//!   mistakes that burn budget.
//! - [`MemberSet`] and [`Moments`]: sets of members, and "entered the journey, no open in 12 hours, no purchase".

mod charter;
mod definition;
mod drift;
mod evidence;
pub mod lint;
mod platform;
mod sets;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::measure::Holdout;
use crate::naming::{AudienceName, NameRules, Role, Template, fit};

pub use charter::{
    Charter, Decision, EventFlow, ExitRule, FrequencyCap, Journey, MeasurementPlan, Method, Observed, Overlap,
    Placement, Portfolio, Refresh, Retired,
};
pub use definition::{Definition, EventRef, Fingerprint};
pub use drift::{Change, Drift, DriftClass, Version};
pub use evidence::{Evidence, Observation, Waiver};
pub use platform::PlatformFacts;
pub use sets::{MemberSet, Moments};

/// The longest key, in bytes: what every destination's text columns take.
const MAX_KEY: usize = 200;

/// An audience: a key that never changes, a name that people read, a role, and what governs it.
///
/// ```
/// use audience_sync::audience::Audience;
/// let audience = Audience::named("CI | Cart Abandon | 0-24h | Excl Purch 7d")?;
/// assert_eq!(audience.key(), "ci_cart-abandon_0-24h_excl-purch-7d");
/// # Ok::<(), audience_sync::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Audience {
    key: Arc<str>,
    name: String,
    parts: Option<AudienceName>,
    role: Role,
    #[serde(default)]
    exclusions: Vec<Arc<str>>,
    #[serde(default)]
    holdout: Option<Holdout>,
    #[serde(default)]
    owner: Option<String>,
}

impl Audience {
    /// An audience named by the house convention. The key is the name's slug, the role the name's role.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the name does not follow the convention; the text says where and what was expected.
    pub fn named(name: &str) -> Result<Self> {
        let parts = AudienceName::parse(name)?;
        let role = parts.role();
        let mut audience = Self::new(Template::pipe_default().slug(&parts)?, name)?;
        audience.role = role;
        audience.parts = Some(parts);
        Ok(audience)
    }

    /// An audience with a key and a name of any form, for targeting.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the key is empty, longer than 200 bytes, or holds anything but `a-z 0-9 . _ -`.
    pub fn new(key: impl Into<Arc<str>>, name: impl Into<String>) -> Result<Self> {
        let key = key.into();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(plain) {
            return Err(Error::new(
                ErrorKind::Config,
                format!("define an audience: expected a key of 1 to {MAX_KEY} characters a-z 0-9 . _ -, found `{key}`"),
            ));
        }
        let (parts, role, exclusions, holdout, owner) = (None, Role::Targeting, Vec::new(), None, None);
        Ok(Self { key, name: name.into(), parts, role, exclusions, holdout, owner })
    }

    /// Sets a key of its own, so that a later rename does not make another audience.
    ///
    /// # Errors
    /// As [`Audience::new`].
    pub fn with_key(self, key: impl Into<Arc<str>>) -> Result<Self> {
        let checked = Self::new(key, String::new())?;
        Ok(Self { key: checked.key, ..self })
    }

    /// Sets what the audience is for.
    #[must_use]
    pub fn with_role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Says that `other` is attached as an exclusion where this one is used. When both are synced together, additions
    /// here wait until `other` is in order at the same destination.
    #[must_use]
    pub fn excluding(mut self, other: &Audience) -> Self {
        self.exclusions.push(other.key.clone());
        self
    }

    /// Holds back a share of the audience.
    #[must_use]
    pub fn with_holdout(mut self, holdout: Holdout) -> Self {
        self.holdout = Some(holdout);
        self
    }

    /// Names the person or team who answers for the audience.
    #[must_use]
    pub fn with_owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// The stable key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The name that people read.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name as a destination takes it: shortened by the convention's rules where it must be.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it does not fit, and cannot be shortened.
    pub fn name_for(&self, rules: &NameRules) -> Result<String> {
        if rules.fits(&self.name) {
            return Ok(self.name.clone());
        }
        if let Some(parts) = &self.parts {
            let [a, b, c, ..] = <[u8; 32]>::from(Sha256::digest(self.key.as_bytes()));
            return Ok(fit(parts, &Template::pipe_default(), rules, Some([a, b, c]))?.text);
        }
        Err(Error::new(
            ErrorKind::Config,
            format!(
                "name audience {}: expected a name within the destination's limits; choose a shorter one",
                self.key
            ),
        ))
    }

    /// The name's parts, where it follows the convention.
    pub fn parts(&self) -> Option<&AudienceName> {
        self.parts.as_ref()
    }

    /// What the audience is for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The keys of the audiences attached as exclusions.
    pub fn exclusions(&self) -> impl Iterator<Item = &str> {
        self.exclusions.iter().map(|key| &**key)
    }

    /// The holdout.
    pub fn holdout(&self) -> Option<&Holdout> {
        self.holdout.as_ref()
    }

    /// Who answers for the audience.
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_by_the_convention_gives_key_and_role() {
        let suppression = Audience::named("CI | Supp Purch | 0-7d").unwrap();
        assert_eq!(suppression.role(), Role::Suppression);
        let lapsed = Audience::named("CI | Lapsed | 90d+ | Excl Purch 7d").unwrap().excluding(&suppression);
        assert_eq!(lapsed.exclusions().collect::<Vec<_>>(), [suppression.key()]);
    }

    #[test]
    fn a_key_of_its_own_outlives_the_name() {
        let audience = Audience::named("CI | Supp Purch | 0-7d").unwrap().with_key("supp-purch").unwrap();
        assert_eq!((audience.key(), audience.name()), ("supp-purch", "CI | Supp Purch | 0-7d"));
        for bad in ["", "Upper", "a b", "ä", &"x".repeat(201)] {
            assert_eq!(Audience::new(bad, "n").unwrap_err().kind(), ErrorKind::Config, "{bad}");
        }
    }
}
