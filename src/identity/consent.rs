//! What a member has consented to.

use serde::{Deserialize, Serialize};

/// One consent signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    /// Nothing is known.
    #[default]
    Unspecified,
    /// The member agreed.
    Granted,
    /// The member declined, or took the consent back.
    Denied,
}

/// The consent signals of a member, named as Google's platforms name them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Consent {
    /// May the member's data be sent to advertising platforms?
    pub ad_user_data: ConsentState,
    /// May the data be used for personalized advertising?
    pub ad_personalization: ConsentState,
}

impl Consent {
    /// Nothing is known.
    pub const UNSPECIFIED: Self = Self::all(ConsentState::Unspecified);
    /// The member agreed to everything.
    pub const GRANTED: Self = Self::all(ConsentState::Granted);
    /// The member declined everything.
    pub const DENIED: Self = Self::all(ConsentState::Denied);

    const fn all(state: ConsentState) -> Self {
        Self { ad_user_data: state, ad_personalization: state }
    }

    /// Sets whether data may be sent to advertising platforms.
    #[must_use]
    pub const fn with_ad_user_data(mut self, state: ConsentState) -> Self {
        self.ad_user_data = state;
        self
    }

    /// Sets whether data may be used for personalized advertising.
    #[must_use]
    pub const fn with_ad_personalization(mut self, state: ConsentState) -> Self {
        self.ad_personalization = state;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_nothing_unless_told() {
        assert_eq!(Consent::default(), Consent::UNSPECIFIED);
        let consent: Consent = serde_json::from_str(r#"{"ad_user_data":"granted"}"#).unwrap();
        assert_eq!(consent, Consent::UNSPECIFIED.with_ad_user_data(ConsentState::Granted));
        assert!(serde_json::from_str::<Consent>(r#"{"ad_user":"granted"}"#).is_err());
    }
}
