//! The README says what is so: its tables are generated here, its code is that of the examples.
//!
//! `UPDATE_README=1 cargo test --all-features --test readme` writes what is generated.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use audience_sync::connectors::CATALOGUE;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Replaces what stands between the marker that begins so and the next end marker.
fn with_section(readme: &str, begin: &str, content: &str) -> String {
    let start = readme.find(begin).and_then(|at| readme[at..].find('\n').map(|line| at + line + 1)).expect(begin);
    let end = start + readme[start..].find("<!-- end -->").expect("an end marker");
    format!("{}{content}{}", &readme[..start], &readme[end..])
}

fn check(begin: &str, content: &str) {
    let path = root().join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let expected = with_section(&readme, begin, content);
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, expected).unwrap();
    } else {
        assert!(readme == expected, "the README is behind; run with UPDATE_README=1. Expected:\n{content}");
    }
}

/// One test, because it may write the file.
#[test]
fn the_tables_are_those_of_the_crate() {
    let mut destinations = String::from("| Connector | Family | Does |\n|---|---|---|\n");
    for connector in CATALOGUE {
        let family = format!("{:?}", connector.family).to_lowercase();
        destinations += &format!("| `{}` {} | {family} | {} |\n", connector.id, connector.title, connector.does);
    }
    check("<!-- generated from the catalogue", &destinations);

    let mut crates = String::from("| Features | Crates |\n|---|---|\n");
    for features in ["", "phone", "phone,engine", "http", "http,reqwest", "phone,engine,reqwest,meta", "sqlite"] {
        let name = match features {
            "" => "none: `identity`, `diff`, `naming`, `measure`, the trait".to_owned(),
            "phone,engine" => "default".to_owned(),
            _ => format!("`{}`", features.replace(',', "`, `")),
        };
        crates += &format!("| {name} | {} |\n", count(features));
    }
    check("<!-- generated from cargo tree", &crates);
}

fn count(features: &str) -> usize {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--offline", "--locked", "-e", "normal", "--prefix", "none", "--no-default-features"])
        .args(["--features", features, "--target", "x86_64-unknown-linux-gnu"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.trim_end_matches(" (*)")).collect::<BTreeSet<_>>().len()
}

#[test]
fn the_custom_destination_is_that_of_the_example() {
    let example = fs::read_to_string(root().join("examples/custom_destination.rs")).unwrap();
    let shown = example.split("#[cfg(test)]").next().unwrap().trim();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains(shown), "examples/custom_destination.rs and the README differ");
}
