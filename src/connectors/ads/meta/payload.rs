//! Rows as Meta's multi-key table, written straight into the request body.

use std::io::{self, Write};

use super::config::{LimitedDataUse, MetaConfig};
use crate::destination::{Cost, Row, RowOutcome};
use crate::error::{Error, ErrorKind, Result};
use crate::identity::{AttributeValue, Identifier, IdentifierKind as Kind, Profile, Rule, WireValue, profiles};
use crate::secret::Secret;

/// The identity rules of the rows: of Meta's, those of the kinds that have a column here. A first initial has none,
/// because it stands in the first name.
pub(super) const PROFILE: &Profile = &Profile { rules: &RULES, ..profiles::META_CUSTOM_AUDIENCE };

const RULES: [Rule; 15] = {
    let all = profiles::META_CUSTOM_AUDIENCE.rules;
    let mut rules = [all[0]; 15];
    let (mut from, mut to) = (0, 0);
    while from < all.len() {
        if !matches!(all[from].kind, Kind::FirstInitial) {
            rules[to] = all[from];
            to += 1;
        }
        from += 1;
    }
    rules
};

/// The columns, the same for every request: an audience is pinned to the kind of its first upload, and the batches of a
/// session must agree (customer file custom audiences guide, read 2026-11-23).
const COLUMNS: [&str; 14] =
    ["EXTERN_ID", "EMAIL", "PHONE", "FN", "LN", "GEN", "DOBY", "DOBM", "DOBD", "CT", "ST", "ZIP", "COUNTRY", "MADID"];

/// The column of a kind.
const fn column(kind: Kind) -> Option<usize> {
    Some(match kind {
        Kind::ExternalId => 0,
        Kind::Email => EMAIL,
        Kind::Phone => PHONE,
        Kind::FirstName => 3,
        Kind::LastName => 4,
        Kind::Gender => 5,
        Kind::BirthYear => 6,
        Kind::BirthMonth => 7,
        Kind::BirthDay => 8,
        Kind::City => 9,
        Kind::Region => 10,
        Kind::Postal => 11,
        Kind::Country => 12,
        Kind::Idfa | Kind::Gaid => DEVICE,
        _ => return None,
    })
}

/// Columns of which a member may have several values.
const EMAIL: usize = 1;
const PHONE: usize = 2;
const DEVICE: usize = 13;

/// More than a body takes beside its lines: the opening, the session, the proof.
pub(super) const ENVELOPE_BYTES: u64 = 512;

/// The most lines of one request (custom audience users reference, read 2026-11-23).
pub(super) const MAX_LINES: u64 = 10_000;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Add,
    Remove,
    /// From every audience of the account.
    Forget,
}

/// What becomes of a row.
#[derive(Debug, PartialEq)]
pub(super) enum Fate {
    /// It is so many lines of the table.
    Lines(usize),
    /// It is settled without being sent.
    Settled(RowOutcome),
}

/// The table of one destination: the columns of everybody, and those that its configuration adds.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The attribute with a member's value.
    value: Option<String>,
    limited: Option<LimitedDataUse>,
}

impl Table {
    pub(super) fn new(config: &MetaConfig) -> Self {
        Self { value: config.value_attribute.clone(), limited: config.limited_data_use.clone() }
    }

    /// Whether everybody has a value.
    pub(super) fn is_value_based(&self) -> bool {
        self.value.is_some()
    }

    /// What becomes of `row` in a request.
    ///
    /// * A value that is not in its column's encoding is refused, so that no clear address can leave here.
    /// * A member without an identifier that matches alone is refused: names alone find nobody.
    /// * A removal of names alone is settled as it is, because the audience holds nobody by them.
    /// * Where everybody has a value, a member without one is refused.
    pub(super) fn fate(&self, row: &Row, call: Call) -> Fate {
        if let Some(wrong) = row.identifiers.iter().find(|identifier| !is_encoded(identifier)) {
            return Fate::Settled(RowOutcome::rejected_field("wrong_encoding", wrong.kind.as_str()));
        }
        match lines(row) {
            0 if call == Call::Remove && !row.identifiers.is_empty() => Fate::Settled(RowOutcome::ACCEPTED),
            0 => Fate::Settled(RowOutcome::rejected("no_identifier")),
            lines => match &self.value {
                Some(name) if call == Call::Add && value(row, name).is_none() => {
                    Fate::Settled(RowOutcome::rejected_field("no_value", name.clone()))
                }
                _ => Fate::Lines(lines),
            },
        }
    }

    /// What a row costs: its lines, and their exact bytes.
    pub(super) fn cost(&self, row: &Row) -> Cost {
        /// Counts what would be written.
        struct Count(u64);

        impl Write for Count {
            fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
                self.0 += piece.len() as u64;
                Ok(piece.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let (lines, mut bytes) = (lines(row), Count(0));
        // Counting does not fail. An addition is never shorter than a removal.
        let _ = self.write_row(&mut bytes, row, lines, Call::Add);
        // A row that is settled without being sent still takes a place in its batch; the extra byte is the comma before it.
        Cost { rows: lines.max(1) as u64, identifiers: row.identifiers.len() as u64, bytes: bytes.0 + 1 }
    }

    /// The body of a request for rows, each with its number of lines.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] above 10,000 lines or `max_bytes`.
    pub(super) fn body(
        &self,
        rows: &[(usize, &Row, usize)],
        call: Call,
        place: Place,
        proof: Option<&Secret<String>>,
        max_bytes: u64,
    ) -> Result<Vec<u8>> {
        let lines: usize = rows.iter().map(|(_, _, lines)| lines).sum();
        if lines as u64 > MAX_LINES {
            return Err(too_large(&format!("at most {MAX_LINES} lines"), &lines.to_string()));
        }
        let mut out = Vec::with_capacity(usize::try_from(ENVELOPE_BYTES).unwrap_or(0) + lines * 320);
        self.write(&mut out, rows, call, place, proof).map_err(|_| {
            Error::new(ErrorKind::Bug, "expected rows that can be written as JSON, found one that cannot")
        })?;
        if out.len() as u64 > max_bytes {
            return Err(too_large(&format!("a body of at most {max_bytes} bytes"), &out.len().to_string()));
        }
        Ok(out)
    }

    fn write(
        &self,
        out: &mut Vec<u8>,
        rows: &[(usize, &Row, usize)],
        call: Call,
        place: Place,
        proof: Option<&Secret<String>>,
    ) -> io::Result<()> {
        out.write_all(br#"{"payload":{"schema":"#)?;
        serde_json::to_writer(&mut *out, &self.schema(call))?;
        out.write_all(br#","data":["#)?;
        for (index, (_, row, lines)) in rows.iter().enumerate() {
            if index > 0 {
                out.write_all(b",")?;
            }
            self.write_row(out, row, *lines, call)?;
        }
        let Place { session, seq, last, total } = place;
        write!(out, r#"]}},"session":{{"session_id":{session},"batch_seq":{seq},"last_batch_flag":{last},"#)?;
        write!(out, r#""estimated_num_total":{total}}}"#)?;
        if self.limited.as_ref().is_some_and(|limited| limited.customer_consent) {
            out.write_all(br#","customer_consent":true"#)?;
        }
        if let Some(proof) = proof {
            write!(out, r#","appsecret_proof":"{}""#, proof.expose())?;
        }
        out.write_all(b"}")
    }

    fn schema(&self, call: Call) -> Vec<&'static str> {
        let mut schema = COLUMNS.to_vec();
        if self.value.is_some() && call == Call::Add {
            schema.push("LOOKALIKE_VALUE");
        }
        if let Some(limited) = &self.limited {
            schema.push("DATA_PROCESSING_OPTIONS");
            if limited.place().is_some() {
                schema.extend(["DATA_PROCESSING_OPTIONS_COUNTRY", "DATA_PROCESSING_OPTIONS_STATE"]);
            }
        }
        schema
    }

    fn write_row(&self, out: &mut impl Write, row: &Row, lines: usize, call: Call) -> io::Result<()> {
        for line in 0..lines {
            out.write_all(if line == 0 { b"[" } else { b",[" })?;
            for (index, cell) in cells(row, line).into_iter().enumerate() {
                if index > 0 {
                    out.write_all(b",")?;
                }
                write_cell(out, cell)?;
            }
            if let Some(value) = self.value.as_ref().filter(|_| call == Call::Add) {
                write!(out, ",{}", self::value(row, value).as_deref().unwrap_or("0"))?;
            }
            if let Some(limited) = &self.limited {
                self.write_limits(out, limited, row, call)?;
            }
            out.write_all(b"]")?;
        }
        Ok(())
    }

    fn write_limits(&self, out: &mut impl Write, limited: &LimitedDataUse, row: &Row, call: Call) -> io::Result<()> {
        let named = |name: &String| row.attributes.iter().any(|(own, value)| own == name && is_yes(value));
        // A removal knows no attributes: the narrower use is the safe one.
        let applies = call != Call::Add || limited.attribute.as_ref().is_none_or(named);
        out.write_all(if applies { br#",["LDU"]"# } else { b",[]" })?;
        match limited.place() {
            Some((country, state)) if applies => write!(out, ",{country},{state}"),
            Some(_) => out.write_all(b",0,0"),
            None => Ok(()),
        }
    }
}

fn is_yes(value: &AttributeValue) -> bool {
    matches!(value, AttributeValue::Bool(true) | AttributeValue::Int(1))
}

/// A member's value as a number of JSON; `None` where it has none, or a negative one.
fn value(row: &Row, name: &str) -> Option<String> {
    match row.attributes.iter().find(|(own, _)| *own == name)?.1 {
        AttributeValue::Int(number) => (*number >= 0).then(|| number.to_string()),
        AttributeValue::Decimal(number) => {
            let digits = number.as_str().trim_start_matches('0');
            let negative = digits.starts_with('-');
            let number =
                if digits.is_empty() || digits.starts_with('.') { format!("0{digits}") } else { digits.to_owned() };
            (!negative).then_some(number)
        }
        _ => None,
    }
}

fn is_encoded(identifier: &Identifier) -> bool {
    PROFILE.rule(identifier.kind).is_some_and(|rule| rule.encoding.takes(&identifier.value))
}

/// How many lines a row makes: Meta takes one value of a kind in a line.
///
/// The first e-mail stands with the first phone and the first device, the second with the second, and so on; the other
/// columns stand in every line. Every e-mail with every phone would say nothing new, and each line counts against the
/// limit.
fn lines(row: &Row) -> usize {
    let (mut several, mut alone) = ([0; 3], false);
    for identifier in &row.identifiers {
        alone |= PROFILE.rule(identifier.kind).is_some_and(|rule| rule.matches_alone);
        match column(identifier.kind) {
            Some(EMAIL) => several[0] += 1,
            Some(PHONE) => several[1] += 1,
            Some(DEVICE) => several[2] += 1,
            _ => {}
        }
    }
    if alone { several.into_iter().max().unwrap_or(0).max(1) } else { 0 }
}

/// The cells of one of a row's lines.
fn cells(row: &Row, line: usize) -> [Option<&WireValue>; COLUMNS.len()] {
    let (mut cells, mut passed) = ([None; COLUMNS.len()], [0; COLUMNS.len()]);
    for identifier in &row.identifiers {
        let Some(column) = column(identifier.kind) else { continue };
        let at = if matches!(column, EMAIL | PHONE | DEVICE) { line } else { 0 };
        if let (Some(passed), Some(cell)) = (passed.get_mut(column), cells.get_mut(column)) {
            if *passed == at {
                *cell = Some(&identifier.value);
            }
            *passed += 1;
        }
    }
    cells
}

/// The upload session of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Below 2^63, so that it is a JSON number for everybody.
    pub(super) session: u64,
    /// From 1.
    pub(super) seq: u64,
    pub(super) last: bool,
    /// An estimate of the session's rows.
    pub(super) total: u64,
}

fn too_large(expected: &str, found: &str) -> Error {
    Error::new(ErrorKind::TooLarge, format!("expected {expected}, found {found}; send fewer rows at once"))
}

/// An unknown value is the empty text; never null, never the digest of nothing.
fn write_cell(out: &mut impl Write, value: Option<&WireValue>) -> io::Result<()> {
    match value {
        None => out.write_all(b"\"\""),
        Some(WireValue::Clear(text)) => Ok(serde_json::to_writer(out, text)?),
        Some(WireValue::Sha256(digest)) => {
            out.write_all(b"\"")?;
            out.write_all(const_hex::Buffer::<32>::new().format(digest).as_bytes())?;
            out.write_all(b"\"")
        }
        // The profile sends no other form; should it ever, the text is what is sent.
        Some(other) => Ok(serde_json::to_writer(out, &other.to_wire_string())?),
    }
}
