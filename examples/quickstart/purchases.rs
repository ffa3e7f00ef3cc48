//! The purchase log: one line a purchase, after a line of headings, in gzip.

use std::io::Read;
use std::path::Path;

use audience_sync::{Error, ErrorKind, Result};
use flate2::read::GzDecoder;
use jiff::civil::{Date, date};

const BUNDLED: &[u8] = include_bytes!("../data/cdnow_purchases.txt.gz");
/// The first day of the log.
const FIRST_DAY: Date = date(1997, 1, 1);

/// A purchase.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Purchase {
    pub(crate) customer: u32,
    /// Days since the log's first.
    pub(crate) day: u32,
    pub(crate) cents: u64,
}

/// The text of that file, or of the log that comes with the example.
pub(crate) fn text(path: Option<&Path>) -> Result<String> {
    let Some(path) = path else { return unzip(BUNDLED) };
    let bytes = std::fs::read(path).map_err(|error| {
        let message = format!("read the purchase log {}: give a file that can be read", path.display());
        Error::new(ErrorKind::Source, message).with_source(error)
    })?;
    unzip(&bytes)
}

fn unzip(bytes: &[u8]) -> Result<String> {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).map_err(|error| {
        let message = "read the purchase log: expected a whole gzip file of text, found one that is damaged or cut \
                       short; fetch it again";
        Error::new(ErrorKind::Source, message).with_source(error)
    })?;
    Ok(text)
}

/// The purchases of a log: all of them, or why not.
pub(crate) fn read(text: &str) -> Result<Vec<Purchase>> {
    let numbered = text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty());
    let purchases = numbered.map(|(at, line)| purchase(at + 1, line)).collect::<Result<Vec<_>>>()?;
    if purchases.is_empty() {
        let message = "read the purchase log: expected a line of headings and then purchases, found none; nobody \
                       would be left in any audience";
        return Err(Error::new(ErrorKind::Source, message));
    }
    Ok(purchases)
}

fn purchase(number: usize, line: &str) -> Result<Purchase> {
    let wrong = |expected: &str, found: String| {
        let message = format!(
            "read line {number} of the purchase log: expected {expected}, found {found}; mend the line, or export the \
             log again"
        );
        Error::new(ErrorKind::Source, message)
    };
    let columns: Vec<&str> = line.split_whitespace().collect();
    let [customer, day, _cds, dollars] = columns[..] else {
        let found = format!("{} between spaces", columns.len());
        return Err(wrong("four columns (customer, date, number, dollars)", found));
    };
    Ok(Purchase {
        customer: customer.parse().map_err(|_| wrong("a customer number", length(customer)))?,
        day: day_of(day).ok_or_else(|| wrong("a date from 19970101 on", length(day)))?,
        cents: cents(dollars).ok_or_else(|| wrong("dollars and cents as in 11.77", length(dollars)))?,
    })
}

fn day_of(text: &str) -> Option<u32> {
    let date: Date = text.parse().ok()?;
    u32::try_from(FIRST_DAY.until(date).ok()?.get_days()).ok()
}

fn cents(text: &str) -> Option<u64> {
    let (dollars, cents) = text.split_once('.').filter(|(_, cents)| cents.len() == 2)?;
    dollars.parse::<u64>().ok()?.checked_mul(100)?.checked_add(cents.parse().ok()?)
}

/// An error never shows what stands in a customer's row.
fn length(value: &str) -> String {
    format!("{} characters that are none", value.chars().count())
}
