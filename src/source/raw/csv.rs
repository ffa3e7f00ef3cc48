//! CSV: a header, then rows of as many fields.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::encode::{Fields, Name};
use super::{CHUNK, RawChunk, RawReader, RawSource, columns, not_as_expected, reading, unreadable};
use crate::diff::{FingerprintHasher, SourceEnd};
use crate::error::{Error, Result};

/// Rows are rarely shorter: an estimate that is rather too high.
const BYTES_A_ROW: u64 = 48;

pub(super) struct CsvSource {
    path: PathBuf,
    key: String,
    fingerprints: FingerprintHasher,
    bytes: u64,
}

impl CsvSource {
    pub(super) fn open(path: &Path, key: &str, fingerprints: &FingerprintHasher) -> Result<Self> {
        let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
        let source = Self { path: path.to_owned(), key: key.to_owned(), fingerprints: fingerprints.clone(), bytes };
        // What is wrong with the header is known at once.
        source.reader()?;
        Ok(source)
    }

    fn reader(&self) -> Result<CsvReader> {
        let file = Watched { file: File::open(&self.path).map_err(unreadable)?, odd_quotes: false };
        let mut rows = ReaderBuilder::new().buffer_capacity(1 << 18).from_reader(file);
        let header = rows.headers().map_err(|error| broken(&error))?;
        if header.is_empty() {
            return Err(not_as_expected("expected a header with the names of the columns, found an empty file"));
        }
        let (key, others) = columns(header, &self.key)?;
        let others = others.iter().map(|(place, name)| (*place, Name::new(name))).collect();
        let fields = Fields::new(&self.fingerprints);
        Ok(CsvReader { path: self.path.clone(), rows, key, others, fields, record: ByteRecord::new(), given: 0 })
    }
}

impl RawSource for CsvSource {
    fn readers(&self, _: usize) -> Result<Vec<Box<dyn RawReader + '_>>> {
        // Where a row begins is known only from the quotes before it.
        Ok(vec![Box::new(self.reader().map_err(|error| error.doing(reading(&self.path)))?)])
    }

    fn expected_rows(&self) -> Option<u64> {
        Some(self.bytes / BYTES_A_ROW + 1)
    }
}

struct CsvReader {
    path: PathBuf,
    rows: Reader<Watched>,
    key: usize,
    others: Vec<(usize, Name)>,
    fields: Fields,
    record: ByteRecord,
    given: u64,
}

impl CsvReader {
    fn fill(&mut self, chunk: &mut RawChunk) -> Result<Option<SourceEnd>> {
        while chunk.len() < CHUNK {
            if !self.rows.read_byte_record(&mut self.record).map_err(|error| broken(&error))? {
                if self.rows.get_ref().odd_quotes {
                    return Err(not_as_expected("expected the file to end behind a row, found its end within quotes"));
                }
                if chunk.is_empty() && chunk.null_keys == 0 {
                    return Ok(Some(SourceEnd { rows: Some(self.given) }));
                }
                return Ok(None);
            }
            self.given += 1;
            for (place, name) in &self.others {
                match self.record.get(*place) {
                    None | Some([]) => {}
                    Some(text) => self.fields.text(name, text),
                }
            }
            let fingerprint = self.fields.finish();
            chunk.push(self.record.get(self.key).unwrap_or_default(), fingerprint);
        }
        Ok(None)
    }
}

impl RawReader for CsvReader {
    fn next(&mut self, chunk: &mut RawChunk) -> Result<Option<SourceEnd>> {
        chunk.clear();
        self.fill(chunk).map_err(|error| error.doing(reading(&self.path)))
    }
}

/// Says where it is broken and how, and no value.
fn broken(error: &csv::Error) -> Error {
    match error.kind() {
        csv::ErrorKind::Io(error) => unreadable(io::Error::new(error.kind(), error.to_string())),
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            not_as_expected(format!(
                "expected {expected_len} fields, found {len} in the row that begins in line {line}"
            ))
        }
        csv::ErrorKind::Utf8 { pos, .. } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            not_as_expected(format!("expected names in UTF-8, found others in line {line}"))
        }
        _ => not_as_expected("expected a CSV file, found another"),
    }
}

/// A file, and whether it has had an odd number of quotes: at its end that is a file cut off within a field.
struct Watched {
    file: File,
    odd_quotes: bool,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let quotes = buffer.iter().take(read).filter(|byte| **byte == b'"').count();
        self.odd_quotes ^= quotes % 2 == 1;
        Ok(read)
    }
}
