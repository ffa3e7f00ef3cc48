//! Values on their way into a database, and those that come back.

use crate::connectors::warehouse::tables::Logical;
use crate::time::Timestamp;

/// A value as the contract has it; each session writes it in its database's own way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null(Logical),
    Int(i64),
    Text(&'a str),
    /// Millionths, of which 18 digits hold.
    Decimal(i64),
    /// Within the years 1 to 9999.
    Moment(Timestamp),
    Json(&'a str),
}

impl<'a> Value<'a> {
    /// A text, or nothing.
    pub(crate) fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null(Logical::Text), Self::Text)
    }

    /// A JSON document, or nothing.
    pub(crate) fn json(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null(Logical::Json), Self::Json)
    }

    /// A count, cut where the database's own numbers end.
    pub(crate) fn count(count: u64) -> Self {
        Self::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// How it is held.
    #[cfg(feature = "postgres")]
    pub(crate) fn logical(&self) -> Logical {
        match self {
            Self::Null(logical) => *logical,
            Self::Int(_) => Logical::Int64,
            Self::Text(_) => Logical::Text,
            Self::Decimal(_) => Logical::Decimal,
            Self::Moment(_) => Logical::Timestamp,
            Self::Json(_) => Logical::Json,
        }
    }
}

/// The values of a statement's parameters, by name.
pub(crate) type Values<'a> = [(&'static str, Value<'a>)];

/// What the statements of this crate ask for: numbers (a boolean is 0 or 1) and texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
}

impl Cell {
    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Null | Self::Text(_) => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Int(_) => None,
        }
    }
}

/// Rows to be staged: as many as there are, one at a time, so that none is copied before it is written.
pub(crate) trait StageRows: Sync {
    /// How many.
    fn len(&self) -> usize;

    /// Appends the values of a row, in the order of the stage's columns.
    fn row<'a>(&'a self, index: usize, out: &mut Vec<Value<'a>>);
}
