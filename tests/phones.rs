//! Our side of the comparison with the Python package `phonenumbers`; `benches/peers/phones.sh` runs it.
#![cfg(feature = "phone")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};

use audience_sync::identity::{Canonicalizer, IdentifierKind, Region};
use serde_json::{Value, json};

/// Reads `{"text", "region"}` a line from the file `PHONES_IN`, writes what became of it to `PHONES_OUT`.
#[test]
#[ignore = "needs the files of benches/peers/phones.sh"]
fn numbers_of_a_file() {
    let input = BufReader::new(File::open(std::env::var("PHONES_IN").unwrap()).unwrap());
    let mut output = BufWriter::new(File::create(std::env::var("PHONES_OUT").unwrap()).unwrap());
    for line in input.lines() {
        let row: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let canonicalizer = match row["region"].as_str() {
            Some(region) => Canonicalizer::new().with_default_region(Region::parse(region).unwrap()),
            None => Canonicalizer::new(),
        };
        let made = match canonicalizer.canonicalize(IdentifierKind::Phone, row["text"].as_str().unwrap(), None) {
            Ok(phone) => json!({ "e164": phone.as_str(), "notes": phone.notes().words().collect::<Vec<_>>() }),
            Err(reject) => json!({ "reject": reject.code() }),
        };
        writeln!(output, "{made}").unwrap();
    }
    output.flush().unwrap();
}
