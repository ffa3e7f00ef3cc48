//! Values that travel with a member to destinations that store traits.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::reject::Reject;

/// The value of an attribute.
///
/// `Debug` shows the type and the length, never the value.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AttributeValue {
    /// Known to be empty: destinations that can, clear the trait.
    #[default]
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// An exact decimal number: prices and scores that must not pass through a binary float.
    Decimal(Decimal),
    /// A text.
    Text(String),
}

impl AttributeValue {
    /// About how many bytes the value takes as JSON.
    pub fn wire_len(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) => 5,
            Self::Int(_) => 20,
            Self::Decimal(number) => number.as_str().len() + 2,
            Self::Text(text) => text.len() + 2,
        }
    }
}

impl fmt::Debug for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Bool(_) => f.write_str("Bool"),
            Self::Int(_) => f.write_str("Int"),
            Self::Decimal(number) => write!(f, "{number:?}"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
        }
    }
}

impl From<bool> for AttributeValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for AttributeValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for AttributeValue {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for AttributeValue {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<Decimal> for AttributeValue {
    fn from(value: Decimal) -> Self {
        Self::Decimal(value)
    }
}

impl From<&str> for AttributeValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for AttributeValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// Nothing becomes [`AttributeValue::Null`].
impl<T: Into<AttributeValue>> From<Option<T>> for AttributeValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// An exact decimal number as text: `-12.30`.
///
/// At most 38 digits, an optional leading `-`, at most one point with digits on both sides, no exponent. The text is
/// kept as it is: `1.0` and `1.00` are different values.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Decimal(Box<str>);

impl Decimal {
    /// Takes a number as text.
    ///
    /// # Errors
    /// [`Reject::BadNumber`] for any other form.
    pub fn parse(text: &str) -> Result<Self, Reject> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if digits(whole) && digits(fraction) && unsigned.len() <= 39 {
            Ok(Self(text.into()))
        } else {
            Err(Reject::BadNumber)
        }
    }

    /// The number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal({} bytes)", self.0.len())
    }
}

impl TryFrom<String> for Decimal {
    type Error = Reject;

    fn try_from(text: String) -> Result<Self, Reject> {
        Self::parse(&text)
    }
}

impl From<Decimal> for String {
    fn from(number: Decimal) -> Self {
        number.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        for good in ["0", "-12.30", "19.99", "99999999999999999999999999999999999999"] {
            assert_eq!(Decimal::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-", ".5", "5.", "1e3", "+1", "1.2.3", "1,5", "NaN", " 1"] {
            assert_eq!(Decimal::parse(bad), Err(Reject::BadNumber), "{bad}");
        }
        assert!(Decimal::parse(&"9".repeat(40)).is_err());
    }

    #[test]
    fn values_travel_through_serde_and_never_print() {
        let values = [
            AttributeValue::Null,
            true.into(),
            7_i64.into(),
            Decimal::parse("1.50").unwrap().into(),
            "gold-canary".into(),
            Some("x").into(),
        ];
        let json = serde_json::to_string(&values).unwrap();
        assert_eq!(serde_json::from_str::<Vec<AttributeValue>>(&json).unwrap(), values);
        assert!(serde_json::from_str::<AttributeValue>(r#"{"decimal":"1e3"}"#).is_err());
        assert!(!format!("{values:?}").contains("canary"));
        assert_eq!(AttributeValue::from(None::<i64>), AttributeValue::Null);
    }
}
