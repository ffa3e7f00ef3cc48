//! Files of rows as ids and fingerprints: CSV, NDJSON and Parquet (feature `parquet`).
//!
//! One column is the member's id; all others, or those chosen, make the fingerprint. Sides are compared across formats:
//! a value counts as what it says, not as how a format stores it.
//!
//! | value | counts as |
//! |---|---|
//! | null, absent, an empty field of a CSV | nothing: adding a column without values changes nobody |
//! | a whole number from -2^63 to 2^64 - 1, or a text that is one, written without leading zeros or a plus | that number |
//! | any other number | its shortest decimal text, `1.0` for one |
//! | a truth value | the text `true` or `false` |
//! | any other text | its bytes |
//! | dates and times of Parquet | the number that is stored |
//!
//! Columns count by name, so their order does not matter. An id that is a number is its decimal text.

mod csv;
mod encode;
mod ndjson;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(test)]
mod tests;

use std::path::Path;

use crate::diff::{Fingerprint, FingerprintHasher, SourceEnd};
use crate::error::{Error, ErrorKind, Result};

/// Some rows: ids one after the other, and as many fingerprints.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct RawChunk {
    /// The bytes of all ids.
    pub keys: Vec<u8>,
    /// Where each id ends.
    pub key_ends: Vec<usize>,
    /// What each row says of its member.
    pub fingerprints: Vec<Fingerprint>,
    /// Rows without an id; they are not among the others.
    pub null_keys: u64,
}

impl RawChunk {
    /// How many rows have an id.
    pub fn len(&self) -> usize {
        self.key_ends.len()
    }

    /// Whether no row has one.
    pub fn is_empty(&self) -> bool {
        self.key_ends.is_empty()
    }

    /// The rows: id and fingerprint.
    pub fn rows(&self) -> impl Iterator<Item = (&[u8], Fingerprint)> {
        let mut start = 0;
        self.key_ends.iter().zip(&self.fingerprints).map(move |(end, fingerprint)| {
            let key = self.keys.get(start..*end).unwrap_or_default();
            start = *end;
            (key, *fingerprint)
        })
    }

    /// Makes it empty.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.key_ends.clear();
        self.fingerprints.clear();
        self.null_keys = 0;
    }

    fn push(&mut self, key: &[u8], fingerprint: Fingerprint) {
        if key.is_empty() {
            self.null_keys += 1;
        } else {
            self.keys.extend_from_slice(key);
            self.key_ends.push(self.keys.len());
            self.fingerprints.push(fingerprint);
        }
    }
}

/// Prints how much it holds, and no id.
impl std::fmt::Debug for RawChunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawChunk")
            .field("rows", &self.len())
            .field("null_keys", &self.null_keys)
            .finish_non_exhaustive()
    }
}

/// Rows of a chunk, about.
const CHUNK: usize = 8192;

/// Reads one part of a source.
pub trait RawReader: Send {
    /// Puts the next rows into `chunk`, which is emptied first, or says that this part is at its end.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] for a file that is not what it should be, [`ErrorKind::Unavailable`] when it cannot be read.
    /// There is nothing more after an error.
    fn next(&mut self, chunk: &mut RawChunk) -> Result<Option<SourceEnd>>;
}

/// A file of rows.
pub trait RawSource: Send + Sync {
    /// At most `threads` readers, at least one, that together give every row once.
    ///
    /// # Errors
    /// As [`RawReader::next`].
    fn readers(&self, threads: usize) -> Result<Vec<Box<dyn RawReader + '_>>>;

    /// How many rows there are, about, if anybody can tell before reading.
    fn expected_rows(&self) -> Option<u64>;
}

/// Opens a file by the ending of its name: `.csv`, `.ndjson` or `.jsonl`, `.parquet`. `key` is the column of ids;
/// `fingerprints` makes the fingerprints, under the secret of the side that is compared with.
///
/// # Errors
/// [`ErrorKind::Config`] for an ending that is not known, or a column that is not there; [`ErrorKind::FeatureDisabled`]
/// for Parquet without its feature; else as [`RawReader::next`].
pub fn open(path: &Path, key: &str, fingerprints: &FingerprintHasher) -> Result<Box<dyn RawSource>> {
    let opened: Result<Box<dyn RawSource>> = match path.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => csv::CsvSource::open(path, key, fingerprints).map(|source| Box::new(source) as _),
        Some("ndjson" | "jsonl") => {
            ndjson::NdjsonSource::open(path, key, fingerprints).map(|source| Box::new(source) as _)
        }
        #[cfg(feature = "parquet")]
        Some("parquet") => parquet::ParquetSource::open(path, key, fingerprints).map(|source| Box::new(source) as _),
        #[cfg(not(feature = "parquet"))]
        Some("parquet") => Err(Error::new(ErrorKind::FeatureDisabled, "expected the feature `parquet`, found it off")),
        _ => Err(Error::new(ErrorKind::Config, "expected a name that ends in .csv, .ndjson, .jsonl or .parquet")),
    };
    opened.map_err(|error| error.doing(reading(path)))
}

fn reading(path: &Path) -> String {
    format!("read {}", path.display())
}

fn unreadable(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "expected a file that can be read").with_source(error)
}

fn not_as_expected(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Source, message).with_code("bad_source")
}

/// The place of the id among `columns`, and those of the others in the order of their names.
fn columns<'a>(columns: impl IntoIterator<Item = &'a str>, key: &str) -> Result<(usize, Vec<(usize, String)>)> {
    let mut named: Vec<(usize, String)> = columns.into_iter().map(str::to_owned).enumerate().collect();
    named.sort_by(|(_, a), (_, b)| a.cmp(b));
    if let Some((_, name)) = named.iter().zip(named.iter().skip(1)).find_map(|(a, b)| (a.1 == b.1).then_some(a)) {
        return Err(not_as_expected(format!("expected columns with names of their own, found two called {name:?}")));
    }
    match named.iter().position(|(_, name)| name == key) {
        Some(place) => {
            let (key, _) = named.remove(place);
            Ok((key, named))
        }
        None => {
            let found: Vec<&str> = named.iter().map(|(_, name)| name.as_str()).collect();
            let message = format!("expected a column {key:?}, found {}", found.join(", "));
            Err(Error::new(ErrorKind::Config, message).with_code("no_such_column"))
        }
    }
}
