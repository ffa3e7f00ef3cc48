//! Files of each format, right and wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

fn hasher() -> FingerprintHasher {
    FingerprintHasher::new(&[7; 16])
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// All rows by their ids, and the rows without one.
fn read(path: &Path, threads: usize) -> Result<(BTreeMap<String, Fingerprint>, u64)> {
    let source = open(path, "id", &hasher())?;
    let (mut rows, mut nulls, mut counted) = (BTreeMap::new(), 0, 0);
    for mut reader in source.readers(threads)? {
        let mut chunk = RawChunk::default();
        let end = loop {
            if let Some(end) = reader.next(&mut chunk)? {
                break end;
            }
            nulls += chunk.null_keys;
            rows.extend(chunk.rows().map(|(id, said)| (String::from_utf8(id.to_vec()).unwrap(), said)));
        };
        counted += end.rows.unwrap();
    }
    assert_eq!(counted, rows.len() as u64 + nulls);
    Ok((rows, nulls))
}

fn rows(path: &Path) -> BTreeMap<String, Fingerprint> {
    read(path, 2).unwrap().0
}

#[test]
fn the_same_rows_read_alike_from_every_format() {
    let place = Place::new();
    let csv =
        place.file("a.csv", "id,city,age,member,zip\nu1,Oslo,30,true,0150\nu2,,-4,false,\n7,\"a \"\"b\"\", c\",,,x\n");
    let ndjson = place.file(
        "a.ndjson",
        "{\"id\":\"u1\",\"zip\":\"0150\",\"city\":\"Oslo\",\"age\":30,\"member\":true}\n\n\
         {\"age\":-4,\"id\":\"u2\",\"member\":false,\"city\":null}\n{\"id\":7,\"city\":\"a \\\"b\\\", c\",\"zip\":\"x\"}\n",
    );
    assert_eq!(rows(&csv), rows(&ndjson));
    assert_eq!(rows(&csv).keys().collect::<Vec<_>>(), ["7", "u1", "u2"]);
    // A byte order mark, other line ends, other columns first: the same.
    let other = place.file(
        "b.csv",
        "\u{feff}zip,member,age,city,id\r\n0150,true,30,Oslo,u1\r\n,false,-4,,u2\r\nx,,,\"a \"\"b\"\", c\",7",
    );
    assert_eq!(rows(&csv), rows(&other));
}

#[cfg(feature = "parquet")]
mod parquet_files {
    use std::sync::Arc;

    use ::parquet::arrow::ArrowWriter;
    use ::parquet::file::properties::WriterProperties;
    use arrow_array::{ArrayRef, BooleanArray, Int64Array, ListArray, RecordBatch, StringArray, UInt64Array};

    use super::*;

    fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
        let batch = batch.unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(100)).build();
        let mut writer =
            ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    #[test]
    fn parquet_says_what_csv_says_on_any_threads() {
        let place = Place::new();
        let count = 950_u64;
        let mut text = String::from("id,n,big,vip\n");
        for n in 0..count {
            let city = if n % 7 == 0 { String::new() } else { n.to_string() };
            text += &format!("u{n},{city},{},{}\n", u64::MAX - n, n % 2 == 0);
        }
        let csv = place.file("a.csv", &text);
        let path = place.0.path().join("a.parquet");
        let ids: StringArray = (0..count).map(|n| Some(format!("u{n}"))).collect();
        let n: Int64Array = (0..count).map(|n| (n % 7 != 0).then_some(n as i64)).collect();
        let big: UInt64Array = (0..count).map(|n| Some(u64::MAX - n)).collect();
        let vip: BooleanArray = (0..count).map(|n| Some(n % 2 == 0)).collect();
        write(&path, vec![("vip", Arc::new(vip)), ("id", Arc::new(ids)), ("n", Arc::new(n)), ("big", Arc::new(big))]);
        let expected = rows(&csv);
        assert_eq!(expected.len(), 950);
        for threads in [1, 2, 64] {
            assert_eq!(read(&path, threads).unwrap().0, expected);
        }
        assert_eq!(open(&path, "id", &hasher()).unwrap().expected_rows(), Some(count));
    }

    #[test]
    fn numbers_can_be_ids_and_missing_ones_are_counted() {
        let place = Place::new();
        let path = place.0.path().join("a.parquet");
        let ids: Int64Array = [Some(5), None, Some(-3)].into_iter().collect();
        write(&path, vec![("id", Arc::new(ids))]);
        let (rows, nulls) = read(&path, 1).unwrap();
        assert_eq!((rows.keys().map(String::as_str).collect::<Vec<_>>(), nulls), (vec!["-3", "5"], 1));
    }

    #[test]
    fn every_cut_of_a_file_is_an_error_and_so_are_lists() {
        let place = Place::new();
        let path = place.0.path().join("a.parquet");
        let ids: StringArray = (0..300).map(|n| Some(format!("u{n}"))).collect();
        write(&path, vec![("id", Arc::new(ids))]);
        let bytes = fs::read(&path).unwrap();
        for len in 0..bytes.len() {
            let cut = place.file("cut.parquet", &bytes[..len]);
            assert_eq!(read(&cut, 1).unwrap_err().kind(), ErrorKind::Source, "{len}");
        }
        let lists = ListArray::from_iter_primitive::<arrow_array::types::Int32Type, _, _>([Some([Some(1)])]);
        let ids: StringArray = [Some("u")].into_iter().collect();
        write(&path, vec![("id", Arc::new(ids)), ("tags", Arc::new(lists))]);
        let error = read(&path, 1).unwrap_err().to_string();
        assert!(error.contains("found List") && error.contains("tags"), "{error}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_without_its_values() {
    let place = Place::new();
    let cases = [
        ("fields.csv", "id,a\nu1,1\nsecret@x.no\n", "expected 2 fields, found 1 in the row that begins in line 3"),
        ("twice.csv", "id,a,a\n", "two called \"a\""),
        ("column.csv", "key,a\nu1,secret@x.no\n", "expected a column \"id\", found a, key"),
        ("empty.csv", "", "found an empty file"),
        ("cut.csv", "id,a\nu1,\"secret@x.no", "its end within quotes"),
        ("cut.ndjson", "{\"id\":\"u1\"}\n{\"id\":\"secret@x.no", "a line that breaks off in line 2"),
        ("other.ndjson", "{\"id\":\"u1\"}\n[\"secret@x.no\"]\n", "something else in line 2"),
        ("list.ndjson", "{\"id\":[\"secret@x.no\"]}\n", "an id that is a text or a number, in line 1"),
        ("column.ndjson", "{\"key\":\"secret@x.no\"}\n", "expected a field \"id\", found none in any row"),
        ("text.parquet", "secret@x.no", "cut off or damaged"),
        ("text.txt", "secret@x.no", "ends in .csv, .ndjson, .jsonl or .parquet"),
    ];
    for (name, bytes, said) in cases {
        let error = read(&place.file(name, bytes), 1).unwrap_err().to_string();
        assert!(error.contains(said), "{name}: {error}");
        assert!(error.contains(name) && !error.contains("secret"), "{error}");
    }
    assert_eq!(open(Path::new("/no/such.csv"), "id", &hasher()).err().unwrap().kind(), ErrorKind::Unavailable);
}

#[test]
fn rows_without_an_id_are_counted_and_values_that_are_nothing_change_nothing() {
    let place = Place::new();
    let (found, nulls) = read(&place.file("a.csv", "id,a\nu1,1\n,2\n"), 1).unwrap();
    assert_eq!((found.len(), nulls), (1, 1));
    let (found, nulls) =
        read(&place.file("a.ndjson", "{\"id\":\"\"}\n{\"a\":1}\n{\"id\":null}\n{\"id\":\"u\"}\n"), 1).unwrap();
    assert_eq!((found.len(), nulls), (1, 3));
    let one = rows(&place.file("b.csv", "id,a\nu1,1\n"));
    let more = rows(&place.file("c.csv", "id,a,b\nu1,1,\n"));
    let other = rows(&place.file("d.csv", "id,b\nu1,1\n"));
    assert_eq!(one, more);
    assert_ne!(one, other);
}
