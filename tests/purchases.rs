//! The quickstart's purchase log, whole and broken: what is wrong is said before anything is synced.

#[path = "../examples/quickstart/purchases.rs"]
mod purchases;

use std::io::Write;
use std::path::Path;

use audience_sync::{Error, ErrorKind};
use flate2::{Compression, write::GzEncoder};
use purchases::{Purchase, read, text};

const HEAD: &str = " customer_id  date number_of_cds  dollar_value\r\n";

fn failing(result: Result<impl Sized, Error>) -> String {
    let error = result.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    error.to_string()
}

#[test]
fn the_bundled_log_is_whole() {
    let all = read(&text(None).unwrap()).unwrap();
    // examples/data/README.md: 69,659 purchases of 23,570 customers.
    assert_eq!(all.len(), 69_659);
    assert_eq!(all.iter().map(|purchase| purchase.customer).max(), Some(23_570));
    assert_eq!(all[0], Purchase { customer: 1, day: 0, cents: 1_177 });
    assert_eq!(all.iter().map(|purchase| purchase.day).max(), Some(545));
}

#[test]
fn a_missing_a_truncated_and_a_damaged_file_are_said() {
    assert!(
        failing(text(Some(Path::new("/nowhere/log.gz")))).contains("/nowhere/log.gz: give a file that can be read")
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.gz");
    let mut whole = GzEncoder::new(Vec::new(), Compression::default());
    whole.write_all(format!("{HEAD} 00001 19970101  1   11.77\r\n").as_bytes()).unwrap();
    let whole = whole.finish().unwrap();
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(read(&text(Some(&path)).unwrap()).unwrap().len(), 1);
    for (cut, bytes) in (0..whole.len()).map(|cut| (cut, &whole[..cut])).chain([(0, &b"plain text"[..])]) {
        std::fs::write(&path, bytes).unwrap();
        let said = failing(text(Some(&path)));
        assert!(said.contains("found one that is damaged or cut short; fetch it again"), "{cut}: {said}");
    }
}

#[test]
fn a_wrong_line_is_named_by_its_number_and_never_shown() {
    for (line, expected) in [
        ("00001;19970101;1;11.77", "expected four columns (customer, date, number, dollars), found 1 between spaces"),
        (" 00001 19970101 1", "expected four columns (customer, date, number, dollars), found 3 between spaces"),
        (" 00001 19971301  1   11.77", "expected a date from 19970101 on, found 8 characters"),
        (" 00001 19961231  1   11.77", "expected a date from 19970101 on, found 8 characters"),
        (" 00001 01/01/97  1   11.77", "expected a date from 19970101 on, found 8 characters"),
        (" nora 19970101  1   11.77", "expected a customer number, found 4 characters"),
        (" 00001 19970101  1   11,77", "expected dollars and cents as in 11.77, found 5 characters"),
        (" 00001 19970101  1   -1.00", "expected dollars and cents as in 11.77, found 5 characters"),
    ] {
        let said = failing(read(&format!("{HEAD} 00001 19970101  1   11.77\r\n{line}\r\n")));
        assert!(said.contains("read line 3 of the purchase log: ") && said.contains(expected), "{line}: {said}");
        assert!(said.contains("mend the line") && !said.contains("nora"), "{said}");
    }
}

#[test]
fn an_empty_log_is_not_an_empty_shop() {
    for empty in ["", HEAD, "\n\n\n"] {
        assert!(failing(read(empty)).contains("found none"));
    }
}
