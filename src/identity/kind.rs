//! The kinds of identifiers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an identifier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IdentifierKind {
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
    /// The host's own id of the person, as the destination knows it. Case counts.
    ExternalId,
    /// A given name.
    FirstName,
    /// A family name.
    LastName,
}

impl IdentifierKind {
    /// Every kind, in the order of declaration.
    pub const ALL: &'static [Self] = &[Self::Email, Self::Phone, Self::ExternalId, Self::FirstName, Self::LastName];

    /// The kind as a stable word, as it stands in configurations and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::ExternalId => "external_id",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
        }
    }

    /// The kind as a number, as it stands in stored state. Never given to another kind.
    #[cfg(feature = "engine")]
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Email => 1,
            Self::Phone => 2,
            Self::ExternalId => 3,
            Self::FirstName => 4,
            Self::LastName => 5,
        }
    }

    /// The kind of that number.
    #[cfg(feature = "engine")]
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }
}

impl fmt::Display for IdentifierKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_the_one_serde_writes() {
        for kind in IdentifierKind::ALL {
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{}\"", kind.as_str()));
        }
    }
}
