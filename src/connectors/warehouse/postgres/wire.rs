//! Values in PostgreSQL's binary format, for parameters and for `COPY … (FORMAT binary)`
//! (<https://www.postgresql.org/docs/15/sql-copy.html>, "Binary Format"; `numeric_send` and `timestamptz_send` in the
//! server's sources, read 2026-11-23).

use bytes::{BufMut, Bytes, BytesMut};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::connectors::warehouse::sql::{StageRows, Value};
use crate::connectors::warehouse::tables::Logical;
use crate::time::Timestamp;

/// The signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What stands where a row would begin, when there is none left.
const TRAILER: i16 = -1;

/// What is handed to the connection at once.
const CHUNK: usize = 256 * 1024;

/// 2000-01-01T00:00:00Z, where PostgreSQL's time begins.
const EPOCH_MILLIS: i64 = 946_684_800_000;

/// The type as which a value is handed over.
pub(super) fn type_of(value: &Value<'_>) -> Type {
    match value.logical() {
        Logical::Text | Logical::Key => Type::TEXT,
        Logical::Int64 => Type::INT8,
        Logical::Decimal => Type::NUMERIC,
        Logical::Bool => Type::BOOL,
        Logical::Timestamp => Type::TIMESTAMPTZ,
        Logical::Json => Type::JSONB,
    }
}

/// Appends a value; `false` for null, of which nothing is appended.
fn put(value: &Value<'_>, out: &mut BytesMut) -> bool {
    match value {
        Value::Null(_) => return false,
        Value::Int(value) => out.put_i64(*value),
        Value::Text(text) => out.put_slice(text.as_bytes()),
        Value::Decimal(micros) => put_decimal(*micros, out),
        Value::Moment(at) => out.put_i64(micros_since_2000(*at)),
        Value::Json(text) => {
            // The version of the format.
            out.put_u8(1);
            out.put_slice(text.as_bytes());
        }
    }
    true
}

/// Within the years 1 to 9999 nothing overflows.
fn micros_since_2000(at: Timestamp) -> i64 {
    at.as_millis().saturating_sub(EPOCH_MILLIS).saturating_mul(1_000)
}

/// Digits of base 10,000, the first weighing `weight` powers of it; six decimal digits after the point.
fn put_decimal(micros: i64, out: &mut BytesMut) {
    // Two groups after the point hold eight decimal digits.
    let mut rest = u128::from(micros.unsigned_abs()) * 100;
    let mut groups = Vec::new();
    while rest > 0 {
        groups.push((rest % 10_000) as i16);
        rest /= 10_000;
    }
    let weight = groups.len() as i16 - 3;
    let zeros = groups.iter().take_while(|group| **group == 0).count();
    let digits = groups.get(zeros..).unwrap_or_default();
    out.put_i16(digits.len() as i16);
    out.put_i16(if digits.is_empty() { 0 } else { weight });
    out.put_u16(if micros < 0 { 0x4000 } else { 0 });
    out.put_i16(6);
    digits.iter().rev().for_each(|digit| out.put_i16(*digit));
}

/// A value as a statement's parameter.
#[derive(Debug)]
pub(super) struct Parameter<'a>(pub(super) Value<'a>);

impl ToSql for Parameter<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        Ok(if put(&self.0, out) { IsNull::No } else { IsNull::Yes })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Staged rows as the chunks of a `COPY`, each made when it is asked for.
pub(super) struct Chunks<'a> {
    rows: &'a dyn StageRows,
    next: usize,
    ended: bool,
    values: Vec<Value<'a>>,
    out: BytesMut,
}

impl<'a> Chunks<'a> {
    pub(super) fn new(rows: &'a dyn StageRows) -> Self {
        let mut out = BytesMut::with_capacity(CHUNK + CHUNK / 8);
        out.put_slice(HEADER);
        Self { rows, next: 0, ended: false, values: Vec::new(), out }
    }
}

impl Iterator for Chunks<'_> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        while self.out.len() < CHUNK && self.next < self.rows.len() {
            self.values.clear();
            self.rows.row(self.next, &mut self.values);
            self.next += 1;
            self.out.put_i16(self.values.len() as i16);
            for value in &self.values {
                put_field(value, &mut self.out);
            }
        }
        if self.next >= self.rows.len() {
            self.ended = true;
            self.out.put_i16(TRAILER);
        }
        let chunk = self.out.split().freeze();
        self.out.reserve(CHUNK);
        Some(chunk)
    }
}

/// A field: its length, −1 for null, then its bytes.
fn put_field(value: &Value<'_>, out: &mut BytesMut) {
    let at = out.len();
    out.put_i32(-1);
    if put(value, out) {
        let len = (out.len() - at - 4) as i32;
        if let Some(place) = out.get_mut(at..at + 4) {
            place.copy_from_slice(&len.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(value: Value<'_>) -> Vec<u8> {
        let mut out = BytesMut::new();
        assert!(put(&value, &mut out));
        out.to_vec()
    }

    fn decimal(digits: &[i16], weight: i16, sign: u16) -> Vec<u8> {
        let mut expected = Vec::new();
        expected.extend((digits.len() as i16).to_be_bytes());
        expected.extend(weight.to_be_bytes());
        expected.extend(sign.to_be_bytes());
        expected.extend(6_i16.to_be_bytes());
        digits.iter().for_each(|digit| expected.extend(digit.to_be_bytes()));
        expected
    }

    #[test]
    fn decimals_are_groups_of_four_digits() {
        for (micros, digits, weight, sign) in [
            (0, &[][..], 0, 0),
            (19_990_000, &[19, 9900], 0, 0),
            (-1, &[100], -2, 0x4000),
            (10_000_000_000, &[1], 1, 0),
            (12_345_678_901_234_567, &[123, 4567, 8901, 2345, 6700], 2, 0),
            (999_999_999_999_999_999, &[9999, 9999, 9999, 9999, 9900], 2, 0),
        ] {
            assert_eq!(bytes(Value::Decimal(micros)), decimal(digits, weight, sign), "{micros}");
        }
    }

    #[test]
    fn moments_count_microseconds_from_2000() {
        let at = |millis| bytes(Value::Moment(Timestamp::from_millis(millis)));
        assert_eq!(at(946_684_800_000), 0_i64.to_be_bytes());
        assert_eq!(at(946_684_799_999), (-1_000_i64).to_be_bytes());
        // 0001-01-01, 730,119 days before 2000-01-01.
        assert_eq!(at(-62_135_596_800_000), (-730_119 * 86_400 * 1_000_000_i64).to_be_bytes());
    }

    struct Rows(usize);

    impl StageRows for Rows {
        fn len(&self) -> usize {
            self.0
        }

        fn row<'a>(&'a self, index: usize, out: &mut Vec<Value<'a>>) {
            out.extend([Value::count(index as u64), Value::Text("é"), Value::Null(Logical::Json), Value::Json("{}")]);
        }
    }

    #[test]
    fn a_copy_is_a_header_rows_and_a_trailer() {
        let copy = |rows| Chunks::new(&Rows(rows)).flatten().collect::<Vec<u8>>();
        let mut expected = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
        let empty = [&expected[..], &[0xff, 0xff]].concat();
        assert_eq!(copy(0), empty);
        expected.extend(b"\0\x04\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\x02\xc3\xa9\xff\xff\xff\xff\0\0\0\x03\x01{}\xff\xff");
        assert_eq!(copy(1), expected);
        // More than one chunk: 19 bytes, 31 a row, 2 at the end.
        assert_eq!(copy(20_000).len(), 19 + 31 * 20_000 + 2);
        assert_eq!(Chunks::new(&Rows(20_000)).count(), 3);
    }
}
