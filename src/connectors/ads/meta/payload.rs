//! Rows as Meta's multi-key table, written straight into the request body.

use std::io::{self, Write};

use crate::destination::{Cost, Row, RowOutcome};
use crate::error::{Error, ErrorKind, Result};
use crate::identity::{Identifier, IdentifierKind, Profile, WireValue, profiles};
use crate::secret::Secret;

/// The identity rules of the rows: of Meta's, those of the kinds that have a column here.
pub(super) const PROFILE: &Profile = &Profile {
    rules: profiles::META_CUSTOM_AUDIENCE.rules.split_at(COLUMNS.len()).0,
    ..profiles::META_CUSTOM_AUDIENCE
};

/// The columns, the same for every request: an audience is pinned to the kind of its first upload, and the batches of a
/// session must agree (customer file custom audiences guide, read 2026-11-23).
const COLUMNS: [IdentifierKind; 5] = [
    IdentifierKind::ExternalId,
    IdentifierKind::Email,
    IdentifierKind::Phone,
    IdentifierKind::FirstName,
    IdentifierKind::LastName,
];

/// [`COLUMNS`] in Meta's words.
const OPENING: &str = r#"{"payload":{"schema":["EXTERN_ID","EMAIL","PHONE","FN","LN"],"data":["#;

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

/// What becomes of `row` in a request.
///
/// * A value that is not in its column's encoding is refused, so that no clear address can leave here.
/// * A member without an identifier that matches alone is refused: names alone find nobody.
/// * Only a removal of names alone is settled as it is, because the audience holds nobody by them.
pub(super) fn fate(row: &Row, call: Call) -> Fate {
    if let Some(wrong) = row.identifiers.iter().find(|identifier| !is_encoded(identifier)) {
        return Fate::Settled(RowOutcome::rejected_field("wrong_encoding", wrong.kind.as_str()));
    }
    match lines(row) {
        0 if call == Call::Remove && !row.identifiers.is_empty() => Fate::Settled(RowOutcome::ACCEPTED),
        0 => Fate::Settled(RowOutcome::rejected("no_identifier")),
        lines => Fate::Lines(lines),
    }
}

fn is_encoded(identifier: &Identifier) -> bool {
    PROFILE.rule(identifier.kind).is_some_and(|rule| rule.encoding.takes(&identifier.value))
}

/// How many lines a row makes: Meta takes one value of a kind in a line.
///
/// The first e-mail stands with the first phone, the second with the second, and so on; the other columns stand in
/// every line. Every e-mail with every phone would say nothing new, and each line counts against the limit.
fn lines(row: &Row) -> usize {
    let alone = |kind| PROFILE.rule(kind).is_some_and(|rule| rule.matches_alone);
    if !row.identifiers.iter().any(|identifier| alone(identifier.kind)) {
        return 0;
    }
    of(row, IdentifierKind::Email).count().max(of(row, IdentifierKind::Phone).count()).max(1)
}

fn of(row: &Row, kind: IdentifierKind) -> impl Iterator<Item = &WireValue> {
    row.identifiers.iter().filter(move |identifier| identifier.kind == kind).map(|identifier| &identifier.value)
}

/// What a row costs: its lines, and their exact bytes.
pub(super) fn cost(row: &Row) -> Cost {
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
    // Counting does not fail.
    let _ = write_row(&mut bytes, row, lines);
    // A row that is settled without being sent still takes a place in its batch; the extra byte is the comma before it.
    Cost { rows: lines.max(1) as u64, identifiers: row.identifiers.len() as u64, bytes: bytes.0 + 1 }
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

/// The body of a request for rows, each with its number of lines.
///
/// # Errors
/// [`ErrorKind::TooLarge`] above 10,000 lines or `max_bytes`.
pub(super) fn body(
    rows: &[(&Row, usize)],
    place: Place,
    proof: Option<&Secret<String>>,
    max_bytes: u64,
) -> Result<Vec<u8>> {
    let lines: usize = rows.iter().map(|(_, lines)| lines).sum();
    if lines as u64 > MAX_LINES {
        return Err(too_large(&format!("at most {MAX_LINES} lines"), &lines.to_string()));
    }
    let mut out = Vec::with_capacity(usize::try_from(ENVELOPE_BYTES).unwrap_or(0) + lines * 288);
    write(&mut out, rows, place, proof)
        .map_err(|_| Error::new(ErrorKind::Bug, "expected rows that can be written as JSON, found one that cannot"))?;
    if out.len() as u64 > max_bytes {
        return Err(too_large(&format!("a body of at most {max_bytes} bytes"), &out.len().to_string()));
    }
    Ok(out)
}

fn too_large(expected: &str, found: &str) -> Error {
    Error::new(ErrorKind::TooLarge, format!("expected {expected}, found {found}; send fewer rows at once"))
}

fn write(out: &mut Vec<u8>, rows: &[(&Row, usize)], place: Place, proof: Option<&Secret<String>>) -> io::Result<()> {
    out.write_all(OPENING.as_bytes())?;
    for (index, (row, lines)) in rows.iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        write_row(out, row, *lines)?;
    }
    let Place { session, seq, last, total } = place;
    write!(out, r#"]}},"session":{{"session_id":{session},"batch_seq":{seq},"last_batch_flag":{last},"#)?;
    write!(out, r#""estimated_num_total":{total}}}"#)?;
    if let Some(proof) = proof {
        write!(out, r#","appsecret_proof":"{}""#, proof.expose())?;
    }
    out.write_all(b"}")
}

fn write_row(out: &mut impl Write, row: &Row, lines: usize) -> io::Result<()> {
    for line in 0..lines {
        out.write_all(if line == 0 { b"[" } else { b",[" })?;
        for (index, kind) in COLUMNS.into_iter().enumerate() {
            if index > 0 {
                out.write_all(b",")?;
            }
            let at = if matches!(kind, IdentifierKind::Email | IdentifierKind::Phone) { line } else { 0 };
            write_cell(out, of(row, kind).nth(at))?;
        }
        out.write_all(b"]")?;
    }
    Ok(())
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
