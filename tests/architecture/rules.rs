//! The rules, as a function from a file to what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::lexer::{Placed, Token, lex};
use crate::paths::{Named, closing, for_tests, named};

/// What each module may import: a whole module, or only the item named after it. `testkit` is not in the rows; tests
/// may use it everywhere.
const TABLE: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("time", &[]),
    ("figures", &[]),
    ("secret", &["error", "time"]),
    ("clock", &["error", "time"]),
    ("observe", &["error", "time"]),
    ("pace", &["clock", "error", "time"]),
    ("identity", &["error", "figures", "time"]),
    ("naming", &["error", "time"]),
    ("measure", &["error", "figures", "time"]),
    ("diff", &["error", "secret", "time"]),
    ("source", &["diff", "error"]),
    ("audience", &["naming", "measure", "error", "time"]),
    ("http", &["error", "secret", "clock", "observe", "pace", "time"]),
    ("destination", &["identity", "naming", "error", "clock", "secret", "observe", "time", "http"]),
    ("state", &["diff", "secret", "clock", "error", "time"]),
    (
        "sync",
        &[
            "audience",
            "identity",
            "diff",
            "destination",
            "state",
            "measure",
            "secret",
            "clock",
            "observe",
            "pace",
            "error",
            "time",
            "http",
            // Which audiences go first is a matter of their role.
            "naming::Role",
        ],
    ),
    ("readiness", &["audience", "naming", "destination", "state", "measure", "identity", "sync", "error", "time"]),
    // `naming` for the rules of names among the capabilities, and for the parts of a name as labels: values both.
    ("connectors", &["destination", "identity", "naming", "http", "secret", "clock", "pace", "error", "time"]),
    (
        "report",
        &[
            "audience::Evidence",
            "audience::lint",
            "destination::Action",
            "destination::ActionCounts",
            "destination::RunStatus",
            "error",
            "figures",
            "identity::HygieneBar",
            "identity::HygieneReport",
            "identity::HygieneSection",
            "measure::Comparison",
            "measure::Estimate",
            "measure::LiftReport",
            "naming::Diagnostic",
            "naming::Severity",
            "readiness::Item",
            "readiness::ReadinessReport",
            "readiness::Status",
            "sync::Guard",
            "sync::GuardTrip",
            "sync::Plan",
            "sync::PlanCounts",
            "sync::ReasonCount",
            "sync::RunError",
            "sync::RunReport",
            "time",
        ],
    ),
    (
        "testkit",
        &[
            "audience",
            "clock",
            "destination",
            "diff",
            "error",
            "http",
            "identity",
            "measure",
            "naming",
            "observe",
            "report",
            "secret",
            "state",
            "sync",
            "time",
        ],
    ),
];

/// Where a clock may be read and time waited for.
const CLOCK_ROOMS: [&str; 2] = ["src/clock.rs", "src/http/reqwest.rs"];
/// Lines of a file, the tests at its bottom not counted.
const MOST_LINES: usize = 600;
/// Lines of a file of tests.
const MOST_TEST_LINES: usize = 800;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A module imports what its row does not name.
    Arrow,
    /// A connector knows another one, another family, or the catalogue.
    Connector,
    /// A name hides where it leads, so that no rule could be checked.
    Hidden,
    Clock,
    Reqwest,
    Lowercase,
    Size,
    /// `lib.rs` holds more than docs, modules and re-exports.
    Root,
}

#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    path: String,
    line: usize,
    told: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.told)
    }
}

/// What the rules need to know beside the file.
pub(crate) struct Facts {
    /// The crate root's re-exports, and the module each comes from; `None` for another crate's.
    exports: BTreeMap<String, Option<String>>,
    /// A module of a family is a connector if a feature bears its name; else it is a room the family shares.
    connectors: BTreeSet<String>,
}

impl Facts {
    pub(crate) fn read(lib: &str, manifest: &str) -> Self {
        let tokens = lex(lib);
        let uses = named(&tokens);
        let mut exports: BTreeMap<String, Option<String>> = BTreeMap::new();
        for path in &uses {
            if let [first, .., last] = path.segments.as_slice() {
                let ours = TABLE.iter().any(|(module, _)| module == first);
                exports.insert(last.clone(), ours.then(|| first.clone()));
            }
        }
        // `error::Result as Outcome` is known by its new name.
        for renamed in tokens.windows(3).filter(|three| three[1].word() == Some("as")) {
            if let [Some(old), _, Some(new)] = [&renamed[0], &renamed[1], &renamed[2]].map(Placed::word)
                && let Some(from) = exports.remove(old)
            {
                exports.insert(new.to_owned(), from);
            }
        }
        let features = manifest.split("\n[").find_map(|table| table.trim_start_matches('[').strip_prefix("features]"));
        let names = features.unwrap_or_default().lines().filter_map(|line| line.split_once(" = "));
        Self { exports, connectors: names.map(|(name, _)| name.to_owned()).collect() }
    }
}

pub(crate) fn modules() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(module, _)| *module)
}

/// The module that a file is: `src/naming/parse/mod.rs` is `naming`, `parse`.
fn module_of(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    inner.split('/').filter(|name| *name != "lib").map(str::to_owned).collect()
}

/// Everything that is wrong with a file.
pub(crate) fn check(path: &str, source: &str, facts: &Facts) -> Vec<Violation> {
    let tokens = lex(source);
    let mut file = File { path, module: module_of(path), facts, found: Vec::new() };
    let most = if file.is_test() { MOST_TEST_LINES } else { MOST_LINES };
    let lines = source.lines().count() - lines_of_tests(&tokens);
    if lines > most {
        file.tell(Rule::Size, 1, format!("{lines} lines without the tests at its bottom, expected at most {most}"));
    }
    if path == "src/lib.rs" {
        file.root(&tokens);
        return file.found;
    }
    for (at, token) in tokens.iter().enumerate() {
        file.token(&tokens, at, token);
    }
    for path in named(&tokens) {
        file.named(&path);
    }
    file.found
}

/// How many lines the inline modules for tests take.
fn lines_of_tests(tokens: &[Placed]) -> usize {
    let mut lines = 0;
    for (at, token) in tokens.iter().enumerate() {
        if token.word() == Some("mod") && for_tests(tokens, at) && tokens.get(at + 2).is_some_and(|next| next.is("{")) {
            lines += closing(tokens, at + 2, "{", "}").map_or(0, |end| tokens[end].line + 1 - token.line);
        }
    }
    lines
}

/// The modules that a file's module names.
pub(crate) fn arrows(path: &str, source: &str, facts: &Facts) -> Vec<(String, String)> {
    let file = File { path, module: module_of(path), facts, found: Vec::new() };
    let Some(from) = file.module.first().cloned() else { return Vec::new() };
    let paths = named(&lex(source)).into_iter();
    let targets = paths.filter_map(|path| file.target(&path.absolute(&file.module)?));
    targets.filter(|to| *to != from).map(|to| (from.clone(), to)).collect()
}

struct File<'a> {
    path: &'a str,
    module: Vec<String>,
    facts: &'a Facts,
    found: Vec<Violation>,
}

impl File<'_> {
    fn tell(&mut self, rule: Rule, line: usize, told: String) {
        self.found.push(Violation { rule, path: self.path.to_owned(), line, told });
    }

    fn top(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    /// Whether the whole file is compiled for tests only: [`File::token`] holds modules of this name to it.
    fn is_test(&self) -> bool {
        self.module.iter().any(|name| name == "tests")
    }

    /// The module that a path from the root leads to, re-exports of the root followed.
    fn target(&self, absolute: &[String]) -> Option<String> {
        let first = absolute.first()?;
        match self.facts.exports.get(first) {
            Some(from) => from.clone(),
            None => Some(first.clone()),
        }
    }

    /// Rules about single words.
    fn token(&mut self, tokens: &[Placed], at: usize, token: &Placed) {
        let before = |sign: &str| at.checked_sub(1).is_some_and(|before| tokens[before].is(sign));
        let next = |offset: usize| tokens.get(at + offset);
        match token.word() {
            Some("to_lowercase") if self.top() == "identity" && self.path != "src/identity/clean.rs" => {
                let told = "`to_lowercase` in `identity` is for clean.rs alone: elsewhere use its functions";
                self.tell(Rule::Lowercase, token.line, told.to_owned());
            }
            Some("extern") if next(1).and_then(Placed::word) == Some("crate") => {
                self.tell(Rule::Hidden, token.line, "`extern crate` hides where names lead".to_owned());
            }
            Some("path")
                if before("[")
                    && next(1).is_some_and(|next| next.token == Token::Other('='))
                    && !(self.is_test() && next(2).is_some_and(of_the_kit)) =>
            {
                self.tell(Rule::Hidden, token.line, "`#[path]` hides where a module lies".to_owned());
            }
            Some("mod") if next(1).and_then(Placed::word) == Some("tests") && !for_tests(tokens, at) => {
                self.tell(Rule::Hidden, token.line, "a module `tests` is compiled for tests only".to_owned());
            }
            _ => {}
        }
    }

    fn named(&mut self, path: &Named) {
        match path.absolute(&self.module) {
            Some(absolute) => self.ours(path, &absolute),
            None => self.foreign(path),
        }
    }

    /// A path of another crate, or one relative to a name that another path brought in.
    fn foreign(&mut self, path: &Named) {
        let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
        let told = segments.join("::");
        if segments.first() == Some(&"reqwest") && self.top() != "http" && (segments.len() > 1 || path.renamed) {
            self.tell(Rule::Reqwest, path.line, format!("`reqwest` is for `http` alone ({told})"));
        }
        let reads_a_clock = segments.windows(2).any(|pair| {
            matches!(
                pair,
                ["tokio", "time"]
                    | ["SystemTime" | "Instant" | "Timestamp" | "Zoned", "now"]
                    | ["time", "SystemTime" | "Instant"]
                    | ["thread", "sleep"]
            )
        }) || segments == ["std", "time", "*"];
        if reads_a_clock && !CLOCK_ROOMS.contains(&self.path) {
            self.tell(Rule::Clock, path.line, format!("time is for `clock` alone ({told})"));
        }
    }

    fn ours(&mut self, path: &Named, absolute: &[String]) {
        let told = format!("crate::{}", absolute.join("::"));
        let last = absolute.last().map_or("", String::as_str);
        let whole_root = match absolute.len() {
            0 => path.renamed,
            1 => last == "*" || last == "self",
            _ => false,
        };
        if whole_root {
            return self.tell(Rule::Hidden, path.line, "the crate's root as a whole hides where names lead".to_owned());
        }
        // `pub(crate)`, and what the crate passes on from elsewhere.
        let Some(target) = self.target(absolute) else { return };
        if !TABLE.iter().any(|(module, _)| *module == target) {
            return self.tell(Rule::Hidden, path.line, format!("the crate's root has no `{target}` ({told})"));
        }
        if target == self.top() {
            if target == "connectors" {
                self.connector(path, absolute);
            }
            return;
        }
        if target == "testkit" && (path.test || self.is_test()) {
            return;
        }
        let from = self.top().to_owned();
        let row = TABLE.iter().find(|(module, _)| *module == from).map(|(_, row)| *row);
        let item = absolute.get(..2).map(|two| two.join("::")).unwrap_or_default();
        if !row.is_some_and(|row| row.contains(&target.as_str()) || row.contains(&item.as_str())) {
            self.tell(Rule::Arrow, path.line, format!("`{from}` may not import `{target}` ({told})"));
        }
    }

    /// Within `connectors`: the catalogue knows all, a connector itself and the rooms its family shares.
    fn connector(&mut self, path: &Named, absolute: &[String]) {
        let [_, family, own @ ..] = self.module.as_slice() else { return };
        let is_connector = |name: &String| name == "*" || self.facts.connectors.contains(name);
        let allowed = absolute.get(1) == Some(family)
            && absolute.get(2).is_none_or(|room| !is_connector(room) || own.is_empty() || own.first() == Some(room));
        if !allowed {
            let told = absolute.join("::");
            self.tell(
                Rule::Connector,
                path.line,
                format!("a connector knows its own family's shared rooms alone ({told})"),
            );
        }
    }

    /// `lib.rs`: docs, `mod` lines, re-exports; and the hook by which doc tests read the README.
    fn root(&mut self, tokens: &[Placed]) {
        let mut at = 0;
        while at < tokens.len() {
            let line = tokens[at].line;
            let mut doctest = false;
            while tokens.get(at).is_some_and(|token| token.is("#")) {
                let open = if tokens.get(at + 1).is_some_and(|token| token.is("!")) { at + 2 } else { at + 1 };
                let close = closing(tokens, open, "[", "]").unwrap_or(tokens.len() - 1);
                doctest |= tokens[open..close].iter().filter_map(Placed::word).eq(["cfg", "doctest"]);
                at = close + 1;
            }
            let end = tokens[at..].iter().position(|token| token.is(";")).map_or(tokens.len(), |offset| at + offset);
            let item: Vec<Option<&str>> = tokens[at..end].iter().map(Placed::word).collect();
            let item = if item.first() == Some(&Some("pub")) { &item[1..] } else { &item[..] };
            let fine = match item {
                [] => end == tokens.len(),
                [Some("mod"), Some(_)] | [Some("use"), ..] => true,
                [Some("struct"), Some(_)] => doctest,
                _ => false,
            };
            if !fine {
                let told = "expected docs, `mod` lines and re-exports alone";
                return self.tell(Rule::Root, line, told.to_owned());
            }
            at = end + 1;
        }
    }
}

/// A file that unit tests share with those of the crate's surface.
fn of_the_kit(path: &Placed) -> bool {
    matches!(&path.token, Token::Text(path) if path.ends_with("../tests/kit/store.rs"))
}
