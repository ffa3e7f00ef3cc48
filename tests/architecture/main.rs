//! The house's arrows: which module may name which, and what may be used in one room only.
//!
//! The checker is a function over a file's path and text ([`rules::check`]), so the tests below feed it files that break
//! each rule, and see it bite, before it reads the crate.

mod lexer;
mod manifest;
mod paths;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rules::{Facts, Rule, check};

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every file of `src`: its path from the crate's root, and its text.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    files(&Path::new(CRATE).join("src"), &mut found);
    found.sort();
    let from_root = |path: &Path| path.strip_prefix(CRATE).expect("a path of the crate").display().to_string();
    found.iter().map(|path| (from_root(path), fs::read_to_string(path).expect("UTF-8"))).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(CRATE).join(path)).expect("a file of the crate")
}

#[test]
fn the_crate_keeps_to_its_arrows() {
    let facts = Facts::read(&read("src/lib.rs"), &read("Cargo.toml"));
    let found: Vec<String> =
        sources().iter().flat_map(|(path, text)| check(path, text, &facts)).map(|found| found.to_string()).collect();
    assert!(found.is_empty(), "{} broken:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_dependency_is_lean_and_has_its_reason() {
    let found = manifest::check(&read("Cargo.toml"));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A lexer that saw nothing would find nothing: these arrows are known to be there.
#[test]
fn the_checker_sees_the_arrows_there_are() {
    let facts = Facts::read(&read("src/lib.rs"), &read("Cargo.toml"));
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources() {
        for (from, to) in rules::arrows(&path, &text, &facts) {
            arrows.entry(from).or_default().insert(to);
        }
    }
    let seen = |from: &str, to: &str| arrows.get(from).is_some_and(|all| all.contains(to));
    for (from, to) in [("sync", "state"), ("audience", "naming"), ("destination", "identity"), ("report", "sync")] {
        assert!(seen(from, to), "{from} to {to} in {arrows:?}");
    }
}

#[test]
fn every_row_of_the_table_has_its_module() {
    let lib = read("src/lib.rs");
    for module in rules::modules() {
        let declared = format!("mod {module};");
        assert!(lib.lines().any(|line| line.trim_start_matches("pub ") == declared), "no module `{module}`");
    }
}

fn facts() -> Facts {
    let lib = "pub mod error;\npub use error::{Error, Result as Outcome};\npub use async_trait::async_trait;";
    let cargo = "[features]\nmeta = [\"http\"]\ntiktok = []\nmixpanel = []\n\n[dependencies]\n";
    Facts::read(lib, cargo)
}

/// The rules that a file breaks, each once.
fn found(path: &str, text: &str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = check(path, text, &facts()).into_iter().map(|found| found.rule).collect();
    rules.dedup();
    rules
}

const META: &str = "src/connectors/ads/meta/api.rs";

#[test]
fn arrows_against_the_table_are_found_however_they_are_written() {
    for (path, text) in [
        ("src/error.rs", "use crate::time::Timestamp;"),
        ("src/identity/email.rs", "fn f() { crate::naming::fit() }"),
        ("src/identity/email.rs", "fn f(x: &crate::secret::Key) {}"),
        ("src/identity/email.rs", "use crate::{error::Error, naming::{self, Role}};"),
        ("src/identity/email.rs", "use crate::{\n    error::{Error, Result},\n    sync::{guard::{Guard}, Plan},\n};"),
        ("src/identity/email.rs", "use super::super::sync::Plan;"),
        ("src/identity/mod.rs", "use super::sync::Plan;"),
        ("src/identity/mod.rs", "mod inner { use super::super::sync::Plan; }"),
        ("src/identity/mod.rs", "use self::super::sync::Plan;"),
        ("src/identity/mod.rs", "macro_rules! m { () => { $crate::state::open() } }"),
        ("src/identity/mod.rs", "#[serde(with = \"crate::state::model\")] struct S;"),
        ("src/identity/mod.rs", "const A: char = '\"'; use crate::sync::Plan; const B: char = '\"';"),
        ("src/identity/mod.rs", "fn f<'a>(x: &'a str) { crate::sync::go(x) }"),
        ("src/identity/mod.rs", "/* a /* b */ c */ use crate::sync::Plan; // crate::state::x"),
        ("src/identity/mod.rs", "const A: &str = r#\"\"#; use crate::sync::Plan; const B: &str = \"\\\"\";"),
        ("src/identity/mod.rs", "use crate::r#sync::Plan;"),
        ("src/identity/mod.rs", "pub(in crate::sync) fn f() {}"),
        ("src/identity/mod.rs", "#[cfg(test)] mod tests { use crate::sync::Plan; }"),
        ("src/identity/tests.rs", "use crate::sync::Plan;"),
        ("src/identity/mod.rs", "mod tools { } use crate::testkit::ManualClock;"),
        ("src/sync/many.rs", "use crate::naming::Template;"),
        ("src/report/markdown.rs", "use crate::sync::Engine;"),
        ("src/report/markdown.rs", "use crate::sync;"),
        ("src/report/markdown.rs", "use crate::sync::*;"),
        ("src/testkit/mod.rs", "use crate::connectors::CATALOGUE;"),
        ("src/brand_new.rs", "use crate::error::Error;"),
        (META, "use crate::sync::Engine;"),
        (META, "use crate::state::State;"),
    ] {
        assert_eq!(found(path, text), [Rule::Arrow], "{path}: {text}");
    }
}

#[test]
fn names_that_hide_where_they_lead_are_found() {
    for text in
        ["use crate::*;", "use crate as root;", "use super as root;", "use super::*;", "use crate::{self as c};"]
    {
        assert_eq!(found("src/identity/mod.rs", text), [Rule::Hidden], "{text}");
    }
    for text in ["use crate::Unheard;", "extern crate self as me;", "#[path = \"../sync/plan.rs\"] mod plan;"] {
        assert_eq!(found("src/identity/mod.rs", text), [Rule::Hidden], "{text}");
    }
    let kit = "#[path = \"../../../tests/kit/store.rs\"] mod fault;";
    assert_eq!(found("src/state/mod.rs", kit), [Rule::Hidden]);
    assert_eq!(found("src/state/tests/mod.rs", kit), []);
    assert_eq!(found("src/time.rs", "use crate::Error;"), [Rule::Arrow]);
    assert_eq!(found("src/identity/mod.rs", "mod tests;"), [Rule::Hidden]);
}

#[test]
fn what_is_allowed_or_only_spoken_of_is_not_found() {
    for (path, text) in [
        ("src/identity/mod.rs", "use crate::{Error, Outcome, async_trait};\nuse crate::error::{self, ErrorKind};"),
        ("src/identity/email.rs", "use super::canonical::X; use crate::identity::Y; pub(in crate::identity) fn f() {}"),
        (
            "src/identity/mod.rs",
            "/// ```\n/// use crate::sync::Plan;\n/// ```\npub(crate) fn f() { \"crate::sync::Plan\"; }",
        ),
        ("src/identity/mod.rs", "//! [`Engine`](crate::sync::Engine)\n/* crate::sync /* nested */ crate::state */"),
        (
            "src/identity/mod.rs",
            "#[doc = \"crate::sync::Plan\"] fn f() { r##\"crate::sync \"# \"##; b\"crate::sync::x\"; }",
        ),
        ("src/identity/mod.rs", "#[cfg(test)] mod tests { use super::*; use crate::testkit::ManualClock; }"),
        ("src/identity/tests.rs", "use crate::testkit::ManualClock;"),
        ("src/identity/mod.rs", "#[cfg(test)]\nmod tests;\n#[cfg(all(test, feature = \"phone\"))]\nmod tests {}"),
        ("src/report/markdown.rs", "use crate::sync::{Plan, RunReport}; use crate::destination::ActionCounts;"),
        ("src/connectors/ads/meta/mod.rs", "use super::shared::X; use crate::connectors::ads::meta::api; mod api;"),
        ("src/connectors/mod.rs", "pub mod ads; fn f() { crate::connectors::ads::meta::X; self::ads::meta::Y; }"),
        ("src/testkit/mod.rs", "use crate::{sync::Engine, state::State, report::markdown};"),
        ("src/clock.rs", "fn f() { std::time::SystemTime::now(); tokio::time::sleep(d); }"),
        ("src/http/reqwest.rs", "use reqwest::Client; use std::time::Instant; fn f() { tokio::time::timeout(d, f) }"),
        ("src/identity/clean.rs", "fn f(x: &str) { x.to_lowercase() }"),
        ("src/identity/email.rs", "fn f(x: &str) { x.to_ascii_lowercase() /* to_lowercase */ }"),
        ("src/naming/text.rs", "fn f(x: &str) { x.to_lowercase() }"),
        (
            "src/lib.rs",
            "//! Guide.\n#![cfg_attr(docsrs, feature(doc_cfg))]\n#[cfg(feature = \"http\")]\npub mod http;\nmod a;\n",
        ),
        (
            "src/lib.rs",
            "pub use error::{Error, Result};\n#[cfg(doctest)]\n#[doc = include_str!(\"../README.md\")]\nstruct Readme;",
        ),
    ] {
        assert_eq!(found(path, text), [], "{path}: {text}");
    }
}

#[test]
fn connectors_know_neither_each_other_nor_other_families() {
    for text in [
        "use crate::connectors::ads::tiktok::X;",
        "use super::super::tiktok::X;",
        "use crate::connectors::analytics::mixpanel::X;",
        "use crate::connectors::analytics::labels::X;",
        "use crate::connectors::CATALOGUE;",
        "use crate::connectors::ads::*;",
    ] {
        assert_eq!(found(META, text), [Rule::Connector], "{text}");
    }
    assert_eq!(found("src/connectors/ads/shared.rs", "use super::meta::X;"), [Rule::Connector]);
}

#[test]
fn clocks_are_read_in_one_room() {
    for text in [
        "fn f() { std::time::SystemTime::now() }",
        "use std::time::{Duration, Instant};",
        "use std::time as t; fn f() { t::Instant::now() }",
        "use std::time::*;",
        "use tokio::{sync::mpsc, time::sleep};",
        "fn f() { ::tokio::time::sleep(d) }",
        "fn f() { std::thread::sleep(d) }",
        "fn f() { jiff::Timestamp::now() }",
        "fn f() { jiff::Zoned::now() }",
    ] {
        assert_eq!(found("src/sync/run.rs", text), [Rule::Clock], "{text}");
    }
}

#[test]
fn other_one_room_rules_bite() {
    assert_eq!(found("src/sync/run.rs", "use reqwest::Client;"), [Rule::Reqwest]);
    assert_eq!(found(META, "fn f() -> reqwest::Result<()> {}"), [Rule::Reqwest]);
    assert_eq!(found(META, "use ::reqwest as web;"), [Rule::Reqwest]);
    assert_eq!(found("src/identity/email.rs", "fn f(x: &str) { x.to_lowercase() }"), [Rule::Lowercase]);
    assert_eq!(found("src/identity/email.rs", "fn f() { map(str::to_lowercase) }"), [Rule::Lowercase]);
    let tests = format!("#[cfg(test)]\nmod tests {{{}}}", "\n".repeat(500));
    let long = |lines: usize| format!("{}{tests}\n", "\n".repeat(lines - 1));
    assert_eq!(found("src/identity/email.rs", &long(601)), [Rule::Size]);
    assert_eq!(found("src/identity/email.rs", &long(600)), []);
    assert_eq!(found("src/identity/tests.rs", &"\n".repeat(801)), [Rule::Size]);
    assert_eq!(found("src/identity/tests.rs", &"\n".repeat(800)), []);
    for text in ["pub fn f() {}", "struct Readme;", "mod a { }", "const A: u8 = 1;", "#[cfg(doctest)] fn f() {}"] {
        assert_eq!(found("src/lib.rs", text), [Rule::Root], "{text}");
    }
}

#[test]
fn a_violation_says_where_it_is() {
    let text = "//! Docs.\n\nuse crate::{\n    error::Error,\n    sync::Plan,\n};\n";
    let found = check("src/identity/mod.rs", text, &facts());
    let told = "src/identity/mod.rs:5: `identity` may not import `sync` (crate::sync::Plan)";
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [told]);
}

#[test]
fn fat_or_unexplained_dependencies_are_found() {
    let fine = "[dependencies]\n# Why.\na = { version = \"1\", default-features = false }\n\
                b = { version = \"1\", default-features = false }\n\n[dev-dependencies]\n\
                me = { path = \".\" }\nc = { version = \"1\", default-features = false }\n\n[profile.dev]\ndebug = 1\n";
    assert_eq!(manifest::check(fine), Vec::<String>::new());
    for (text, told) in [
        ("[dependencies]\n# Why.\na = \"1\"\n", "`a`: no `default-features = false`"),
        ("[dependencies]\n# Why.\na = { version = \"1\" }\n", "`a`: no `default-features = false`"),
        ("[dev-dependencies]\na = { version = \"1\" }\n", "`a`: no `default-features = false`"),
        ("[dependencies]\na = { version = \"1\", default-features = false }\n", "`a`: no reason above it"),
        (
            "[dependencies]\n# Why.\na = { version = \"1\", default-features = false }\n\n\
             b = { version = \"1\", default-features = false }\n",
            "`b`: no reason above it",
        ),
        ("[target.'cfg(unix)'.dependencies]\n# Why.\na = \"1\"\n", "`a`: no `default-features = false`"),
        ("[dependencies.a]\nversion = \"1\"\n", "[dependencies.a]: expected one line in a table of dependencies"),
        ("[dependencies]\n# Why.\na = { version = \"*\", default-features = false }\n", "`a`: any version"),
    ] {
        let found = manifest::check(text);
        assert!(found.len() == 1 && found[0].ends_with(told), "{found:?} for {text}");
    }
}
