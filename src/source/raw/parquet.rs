//! Parquet: row groups shared among threads, only the columns that are needed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Date32Type, Date64Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, FieldRef, Schema, TimeUnit};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};

use super::encode::{Fields, Name};
use super::{CHUNK, RawChunk, RawReader, RawSource, columns, not_as_expected, reading, unreadable};
use crate::diff::{FingerprintHasher, SourceEnd};
use crate::error::{Error, Result};

pub(super) struct ParquetSource {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    key: usize,
    others: Vec<(usize, Name)>,
    fingerprints: FingerprintHasher,
}

impl ParquetSource {
    pub(super) fn open(path: &Path, key: &str, fingerprints: &FingerprintHasher) -> Result<Self> {
        let file = File::open(path).map_err(unreadable)?;
        // What the writer noted of its own types does not count: a column is what Parquet says it is.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(&file, options).map_err(broken)?;
        // Texts as views into the pages they came in: nothing is copied.
        let views: Vec<FieldRef> = metadata.schema().fields().iter().map(as_view).collect();
        let options =
            ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_schema(Arc::new(Schema::new(views)));
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).map_err(broken)?;
        let schema = metadata.schema();
        let (key, others) = columns(schema.fields().iter().map(|field| field.name().as_str()), key)?;
        for (place, name) in others.iter().map(|(place, name)| (*place, name.as_str())).chain([(key, "the id")]) {
            let kind = schema.field(place).data_type();
            if !readable(kind)
                || place == key && matches!(kind, DataType::Boolean | DataType::Float32 | DataType::Float64)
            {
                return Err(not_as_expected(format!("expected plain values, found {kind} in column {name}")));
            }
        }
        let others = others.iter().map(|(place, name)| (*place, Name::new(name))).collect();
        Ok(Self { path: path.to_owned(), metadata, key, others, fingerprints: fingerprints.clone() })
    }
}

impl RawSource for ParquetSource {
    fn readers(&self, threads: usize) -> Result<Vec<Box<dyn RawReader + '_>>> {
        let groups = self.metadata.metadata().num_row_groups();
        let taken = Arc::new(AtomicUsize::new(0));
        let reader = |_| {
            let fields = Fields::new(&self.fingerprints);
            Box::new(ParquetReader { source: self, taken: taken.clone(), rows: None, fields, due: 0, given: 0 }) as _
        };
        Ok((0..threads.clamp(1, groups.max(1))).map(reader).collect())
    }

    fn expected_rows(&self) -> Option<u64> {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).ok()
    }
}

struct ParquetReader<'a> {
    source: &'a ParquetSource,
    /// How many row groups are taken by any reader.
    taken: Arc<AtomicUsize>,
    rows: Option<ParquetRecordBatchReader>,
    fields: Fields,
    /// Rows that the row groups taken should have, and had.
    due: u64,
    given: u64,
}

impl ParquetReader<'_> {
    fn fill(&mut self, chunk: &mut RawChunk) -> Result<Option<SourceEnd>> {
        loop {
            let batch = match &mut self.rows {
                Some(rows) => rows.next(),
                None => None,
            };
            match batch {
                Some(batch) => {
                    let batch = batch.map_err(broken)?;
                    self.given += batch.num_rows() as u64;
                    return self.take(&batch, chunk).map(|()| None);
                }
                None if self.begin()? => {}
                None if self.given == self.due => return Ok(Some(SourceEnd { rows: Some(self.given) })),
                None => {
                    let message = format!("expected {} rows in the row groups, found {}", self.due, self.given);
                    return Err(not_as_expected(message).with_code("source_incomplete"));
                }
            }
        }
    }

    /// Takes the next row group, if there is one.
    fn begin(&mut self) -> Result<bool> {
        let source = self.source;
        let metadata = source.metadata.metadata();
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        let Some(group) = metadata.row_groups().get(number) else {
            self.rows = None;
            return Ok(false);
        };
        self.due += u64::try_from(group.num_rows()).unwrap_or(0);
        let file = File::open(&source.path).map_err(unreadable)?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, source.metadata.clone());
        let rows = builder.with_row_groups(vec![number]).with_batch_size(CHUNK).build().map_err(broken)?;
        self.rows = Some(rows);
        Ok(true)
    }

    fn take(&mut self, batch: &RecordBatch, chunk: &mut RawChunk) -> Result<()> {
        let others: Vec<(&Name, &dyn Array, Put<'_>)> = self
            .source
            .others
            .iter()
            .map(|(place, name)| {
                let column = batch.column(*place).as_ref();
                Ok((name, column, put(column).ok_or_else(|| odd_type(column))?))
            })
            .collect::<Result<_>>()?;
        let fields = &mut self.fields;
        let mut fingerprint = |row: usize| {
            for (name, column, put) in &others {
                if column.is_valid(row) {
                    put(row, name, fields);
                }
            }
            fields.finish()
        };
        let ids = batch.column(self.source.key).as_ref();
        let bytes = texts(ids);
        let number = whole(ids);
        let mut digits = String::new();
        for row in 0..batch.num_rows() {
            let said = fingerprint(row);
            match (&bytes, &number) {
                _ if ids.is_null(row) => chunk.push(&[], said),
                (Some(bytes), _) => chunk.push(bytes(row), said),
                (None, Some(number)) => {
                    use std::fmt::Write as _;
                    digits.clear();
                    // A `String` takes everything.
                    write!(digits, "{}", number(row)).ok();
                    chunk.push(digits.as_bytes(), said);
                }
                (None, None) => return Err(odd_type(ids)),
            }
        }
        Ok(())
    }
}

impl RawReader for ParquetReader<'_> {
    fn next(&mut self, chunk: &mut RawChunk) -> Result<Option<SourceEnd>> {
        chunk.clear();
        self.fill(chunk).map_err(|error| error.doing(reading(&self.source.path)))
    }
}

/// Puts the value of a row among the fields.
type Put<'a> = Box<dyn Fn(usize, &Name, &mut Fields) + 'a>;

fn put(column: &dyn Array) -> Option<Put<'_>> {
    if let Some(texts) = texts(column) {
        return Some(Box::new(move |row, name, fields| fields.text(name, texts(row))));
    }
    if let Some(array) = column.as_boolean_opt() {
        return Some(Box::new(move |row, name, fields| fields.truth(name, array.value(row))));
    }
    if let Some(array) = column.as_primitive_opt::<Float32Type>() {
        return Some(Box::new(move |row, name, fields| fields.float(name, f64::from(array.value(row)))));
    }
    if let Some(array) = column.as_primitive_opt::<Float64Type>() {
        return Some(Box::new(move |row, name, fields| fields.float(name, array.value(row))));
    }
    let number = whole(column)?;
    Some(Box::new(move |row, name, fields| fields.number(name, number(row))))
}

/// The bytes of texts and the like.
fn texts<'a>(column: &'a dyn Array) -> Option<Box<dyn Fn(usize) -> &'a [u8] + 'a>> {
    Some(match column.data_type() {
        DataType::Utf8 => {
            let array = column.as_string::<i32>();
            Box::new(move |row| array.value(row).as_bytes())
        }
        DataType::LargeUtf8 => {
            let array = column.as_string::<i64>();
            Box::new(move |row| array.value(row).as_bytes())
        }
        DataType::Utf8View => {
            let array = column.as_string_view();
            Box::new(move |row| array.value(row).as_bytes())
        }
        DataType::Binary => {
            let array = column.as_binary::<i32>();
            Box::new(move |row| array.value(row))
        }
        DataType::LargeBinary => {
            let array = column.as_binary::<i64>();
            Box::new(move |row| array.value(row))
        }
        DataType::BinaryView => {
            let array = column.as_binary_view();
            Box::new(move |row| array.value(row))
        }
        DataType::FixedSizeBinary(_) => {
            let array = column.as_fixed_size_binary();
            Box::new(move |row| array.value(row))
        }
        _ => return None,
    })
}

/// Whole numbers, and what is stored as one.
fn whole<'a>(column: &'a dyn Array) -> Option<Box<dyn Fn(usize) -> i128 + 'a>> {
    macro_rules! of {
        ($kind:ty) => {{
            let array = column.as_primitive_opt::<$kind>()?;
            Box::new(move |row| i128::from(array.value(row)))
        }};
    }
    Some(match column.data_type() {
        DataType::Int8 => of!(Int8Type),
        DataType::Int16 => of!(Int16Type),
        DataType::Int32 => of!(Int32Type),
        DataType::Int64 => of!(Int64Type),
        DataType::UInt8 => of!(UInt8Type),
        DataType::UInt16 => of!(UInt16Type),
        DataType::UInt32 => of!(UInt32Type),
        DataType::UInt64 => of!(UInt64Type),
        DataType::Date32 => of!(Date32Type),
        DataType::Date64 => of!(Date64Type),
        DataType::Timestamp(TimeUnit::Second, _) => of!(TimestampSecondType),
        DataType::Timestamp(TimeUnit::Millisecond, _) => of!(TimestampMillisecondType),
        DataType::Timestamp(TimeUnit::Microsecond, _) => of!(TimestampMicrosecondType),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => of!(TimestampNanosecondType),
        _ => return None,
    })
}

fn as_view(field: &FieldRef) -> FieldRef {
    match field.data_type() {
        DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
        DataType::Binary => Arc::new(field.as_ref().clone().with_data_type(DataType::BinaryView)),
        _ => Arc::clone(field),
    }
}

fn readable(kind: &DataType) -> bool {
    use DataType::*;
    matches!(
        kind,
        Utf8 | LargeUtf8
            | Utf8View
            | Binary
            | LargeBinary
            | BinaryView
            | FixedSizeBinary(_)
            | Boolean
            | Float32
            | Float64
            | Int8
            | Int16
            | Int32
            | Int64
            | UInt8
            | UInt16
            | UInt32
            | UInt64
            | Date32
            | Date64
            | Timestamp(..)
    )
}

fn odd_type(column: &dyn Array) -> Error {
    not_as_expected(format!("expected plain values, found {}", column.data_type()))
}

/// The library's words name pages and columns, and no values.
fn broken(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    not_as_expected("expected a whole Parquet file, found one that is cut off or damaged").with_source(error)
}
