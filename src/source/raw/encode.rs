//! Values as they go into a fingerprint, the same from every format.

use crate::diff::{FieldValue, Fingerprint, FingerprintHasher, field_name};

/// The fields of one row, in the order of their names.
#[derive(Clone)]
pub(super) struct Fields {
    hasher: FingerprintHasher,
    bytes: Vec<u8>,
    digits: String,
}

/// A field's name as it is hashed.
pub(super) struct Name(Vec<u8>);

impl Name {
    pub(super) fn new(name: &str) -> Self {
        Self(field_name(name))
    }
}

impl Fields {
    pub(super) fn new(hasher: &FingerprintHasher) -> Self {
        Self { hasher: hasher.clone(), bytes: Vec::new(), digits: String::new() }
    }

    #[inline]
    pub(super) fn put(&mut self, name: &Name, value: FieldValue<'_>) {
        let bytes = &mut self.bytes;
        bytes.extend_from_slice(&name.0);
        value.write(|piece| bytes.extend_from_slice(piece));
    }

    /// A text or what stands for one; a whole number counts as that.
    pub(super) fn text(&mut self, name: &Name, text: &[u8]) {
        if let Some(number) = whole(text) {
            return self.number(name, number);
        }
        self.put(name, std::str::from_utf8(text).map_or(FieldValue::Bytes(text), FieldValue::Text));
    }

    /// A whole number. What an `i64` cannot hold counts as the bytes of a `u64`.
    #[inline]
    pub(super) fn number(&mut self, name: &Name, number: i128) {
        match (i64::try_from(number), u64::try_from(number)) {
            (Ok(number), _) => self.put(name, FieldValue::Integer(number)),
            (Err(_), Ok(number)) => self.put(name, FieldValue::Bytes(&number.to_le_bytes())),
            (Err(_), Err(_)) => self.shown(name, number),
        }
    }

    pub(super) fn truth(&mut self, name: &Name, truth: bool) {
        self.put(name, FieldValue::Text(if truth { "true" } else { "false" }));
    }

    pub(super) fn float(&mut self, name: &Name, number: f64) {
        self.shown(name, format_args!("{number:?}"));
    }

    fn shown(&mut self, name: &Name, value: impl std::fmt::Display) {
        use std::fmt::Write as _;
        let mut digits = std::mem::take(&mut self.digits);
        digits.clear();
        // A `String` takes everything.
        write!(digits, "{value}").ok();
        self.put(name, FieldValue::Text(&digits));
        self.digits = digits;
    }

    /// The row's fingerprint; what follows is another row.
    pub(super) fn finish(&mut self) -> Fingerprint {
        let fingerprint = self.hasher.of_encoded(&self.bytes);
        self.bytes.clear();
        fingerprint
    }
}

/// The number that a text is, if it is written as numbers are: no plus, no leading zeros, no -0.
fn whole(text: &[u8]) -> Option<i128> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let plain = match digits {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', ..] => digits.len() <= 20,
        _ => false,
    };
    if !plain {
        return None;
    }
    let number = std::str::from_utf8(text).ok()?.parse().ok()?;
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_whole_numbers_are_numbers() {
        let numbers = [
            ("0", 0),
            ("7", 7),
            ("-7", -7),
            ("18446744073709551615", i128::from(u64::MAX)),
            ("-9223372036854775808", i128::from(i64::MIN)),
        ];
        for (text, number) in numbers {
            assert_eq!(whole(text.as_bytes()), Some(number), "{text}");
        }
        for text in [
            "",
            "-",
            "-0",
            "007",
            "+7",
            " 7",
            "7 ",
            "1.0",
            "1e3",
            "18446744073709551616",
            "-9223372036854775809",
            "12345678901234567890123",
        ] {
            assert_eq!(whole(text.as_bytes()), None, "{text}");
        }
    }
}
