//! The table of addresses and what becomes of them.

use super::*;
use crate::identity::PreImage;

/// The columns of pre-images, with the rule the crate has for each.
const PRE_IMAGES: &[(&str, PreImage)] = &[("canonical", PreImage::EmailPlain), ("google", PreImage::EmailGmailFolded)];

const TABLE: &str = include_str!("table.tsv");

fn unescape(cell: &str) -> String {
    let (mut out, mut rest) = (String::new(), cell);
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let (c, length) = match escape.as_bytes()[0] {
            b's' => (' ', 1),
            b't' => ('\t', 1),
            b'n' => ('\n', 1),
            b'r' => ('\r', 1),
            b'\\' => ('\\', 1),
            b'u' => {
                let end = escape.find('}').expect("a closing bracket");
                (u32::from_str_radix(&escape[2..end], 16).ok().and_then(char::from_u32).expect("a character"), end + 1)
            }
            _ => panic!("unknown escape in {cell}"),
        };
        out.push(c);
        rest = &escape[length..];
    }
    out + rest
}

/// The notes of a cell, by their words.
fn missing_notes(wanted: &str, found: Notes) -> Vec<&str> {
    wanted.split_whitespace().filter(|word| !found.words().any(|note| note == *word)).collect()
}

#[test]
fn every_address_of_the_table_becomes_what_stands_there() {
    let columns: Vec<_> = TABLE.lines().find_map(|line| line.strip_prefix("#input\t")).unwrap().split('\t').collect();
    let (mut rows, mut wrong) = (0, Vec::new());
    for line in TABLE.lines().filter(|line| !line.starts_with("# ") && !line.starts_with("#input")) {
        let mut cells = line.split('\t');
        let input = unescape(cells.next().unwrap());
        let cells: Vec<_> = cells.collect();
        let cell = |name: &str| cells.get(columns.iter().position(|column| *column == name).unwrap()).copied();
        let expected = cell("canonical").expect("a canonical form or a reject");
        rows += 1;
        let code = expected.strip_prefix('!').filter(|code| !code.contains('@'));
        let (address, notes) = match (canonical_email(&input, false), code) {
            (Ok((address, notes)), None) if *address == *expected => (address, notes),
            (Err(reject), Some(code)) if reject.code() == code => continue,
            (found, _) => {
                wrong.push(format!("{line}: {found:?}"));
                continue;
            }
        };
        for (name, pre_image) in PRE_IMAGES {
            let mut found = String::new();
            pre_image.write(&address, &mut found).unwrap();
            let expected = match cell(name).unwrap_or_default() {
                "*" => continue,
                "-" => "",
                "" => expected,
                stated => stated,
            };
            if found != expected {
                wrong.push(format!("{line}: {name} {found}"));
            }
        }
        let missing = missing_notes(cell("notes").unwrap_or_default(), notes);
        if !missing.is_empty() {
            wrong.push(format!("{line}: without {missing:?}"));
        }
    }
    assert!(rows >= 300, "{rows} rows");
    assert!(wrong.is_empty(), "{} of {rows}:\n{}", wrong.len(), wrong.join("\n"));
}
