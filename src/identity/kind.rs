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
