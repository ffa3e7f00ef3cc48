//! NDJSON: one object a line.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::encode::{Fields, Name};
use super::{CHUNK, RawChunk, RawReader, RawSource, not_as_expected, reading, unreadable};
use crate::diff::{FingerprintHasher, SourceEnd};
use crate::error::Result;

/// Rows are rarely shorter: an estimate that is rather too high.
const BYTES_A_ROW: u64 = 48;
/// The longest line, in bytes: beyond it the file is not what it seems.
const LONGEST_LINE: u64 = 16 << 20;

pub(super) struct NdjsonSource {
    path: PathBuf,
    key: String,
    fingerprints: FingerprintHasher,
    bytes: u64,
}

impl NdjsonSource {
    pub(super) fn open(path: &Path, key: &str, fingerprints: &FingerprintHasher) -> Result<Self> {
        let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
        File::open(path).map_err(unreadable)?;
        Ok(Self { path: path.to_owned(), key: key.to_owned(), fingerprints: fingerprints.clone(), bytes })
    }
}

impl RawSource for NdjsonSource {
    fn readers(&self, _: usize) -> Result<Vec<Box<dyn RawReader + '_>>> {
        let file = File::open(&self.path).map_err(|error| unreadable(error).doing(reading(&self.path)))?;
        let lines = BufReader::with_capacity(1 << 18, file);
        let fields = Fields::new(&self.fingerprints);
        Ok(vec![Box::new(NdjsonReader {
            source: self,
            lines,
            fields,
            line: Vec::new(),
            number: 0,
            given: 0,
            seen: false,
        })])
    }

    fn expected_rows(&self) -> Option<u64> {
        Some(self.bytes / BYTES_A_ROW + 1)
    }
}

struct NdjsonReader<'a> {
    source: &'a NdjsonSource,
    lines: BufReader<File>,
    fields: Fields,
    line: Vec<u8>,
    number: u64,
    given: u64,
    /// Whether any row had the id's field: a name that no row has is a mistake, not a file without ids.
    seen: bool,
}

impl NdjsonReader<'_> {
    fn fill(&mut self, chunk: &mut RawChunk) -> Result<Option<SourceEnd>> {
        while chunk.len() < CHUNK {
            let Some(row) = self.row()? else {
                if self.given > 0 && !self.seen {
                    let message = format!("expected a field {:?}, found none in any row", self.source.key);
                    return Err(not_as_expected(message).with_code("no_such_column"));
                }
                let end = chunk.is_empty() && chunk.null_keys == 0;
                return Ok(end.then_some(SourceEnd { rows: Some(self.given) }));
            };
            self.given += 1;
            self.take(&row, chunk)?;
        }
        Ok(None)
    }

    /// The next object; empty lines are none.
    fn row(&mut self) -> Result<Option<Map<String, Value>>> {
        loop {
            self.line.clear();
            let mut line = std::io::Read::take(&mut self.lines, LONGEST_LINE);
            if line.read_until(b'\n', &mut self.line).map_err(unreadable)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            let number = self.number;
            let text = self.line.strip_prefix(b"\xef\xbb\xbf").filter(|_| number == 1).unwrap_or(&self.line);
            if text.trim_ascii().is_empty() {
                continue;
            }
            // The parser's own words would quote what it found.
            return match serde_json::from_slice(text) {
                Ok(row) => Ok(Some(row)),
                Err(error) => Err(not_as_expected(format!(
                    "expected one JSON object a line, found {} in line {number}, byte {}",
                    if error.is_eof() { "a line that breaks off" } else { "something else" },
                    error.column()
                ))),
            };
        }
    }

    fn take(&mut self, row: &Map<String, Value>, chunk: &mut RawChunk) -> Result<()> {
        // Names come in order.
        for (name, value) in row {
            if *name != self.source.key {
                self.field(&Name::new(name), value);
            }
        }
        let fingerprint = self.fields.finish();
        let key = row.get(&self.source.key);
        self.seen |= key.is_some();
        match key {
            None | Some(Value::Null) => chunk.push(&[], fingerprint),
            Some(Value::String(id)) => chunk.push(id.as_bytes(), fingerprint),
            Some(Value::Number(id)) => chunk.push(id.to_string().as_bytes(), fingerprint),
            Some(_) => {
                let number = self.number;
                return Err(not_as_expected(format!("expected an id that is a text or a number, in line {number}")));
            }
        }
        Ok(())
    }

    fn field(&mut self, name: &Name, value: &Value) {
        let fields = &mut self.fields;
        match value {
            Value::Null => {}
            Value::Bool(truth) => fields.truth(name, *truth),
            Value::String(text) => fields.text(name, text.as_bytes()),
            Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(number), ..) => fields.number(name, i128::from(number)),
                (None, Some(number), _) => fields.number(name, i128::from(number)),
                (None, None, Some(number)) => fields.float(name, number),
                (None, None, None) => {}
            },
            // Objects in the order of their names: how a producer happens to write them is no change.
            Value::Array(_) | Value::Object(_) => fields.text(name, value.to_string().as_bytes()),
        }
    }
}

impl RawReader for NdjsonReader<'_> {
    fn next(&mut self, chunk: &mut RawChunk) -> Result<Option<SourceEnd>> {
        chunk.clear();
        self.fill(chunk).map_err(|error| error.doing(reading(&self.source.path)))
    }
}
