//! The paths a file names, wherever they stand: in `use` lines with their groups, in code, in attributes' texts.

use crate::lexer::{Placed, Token, lex};

/// Words that no path begins with; `use ::tokio` begins with `tokio`.
const KEYWORDS: [&str; 22] = [
    "as", "async", "await", "const", "dyn", "else", "enum", "fn", "for", "if", "impl", "in", "let", "match", "mod",
    "mut", "pub", "ref", "return", "unsafe", "use", "where",
];

/// A path as it is written, and where.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) line: usize,
    pub(crate) segments: Vec<String>,
    /// Whether it is given another name.
    pub(crate) renamed: bool,
    /// The inline modules around it.
    pub(crate) within: Vec<String>,
    /// Whether one of those is compiled for tests only.
    pub(crate) test: bool,
}

impl Named {
    /// The path from the crate's root, for a file that is `module`; `None` if it leads elsewhere.
    pub(crate) fn absolute(&self, module: &[String]) -> Option<Vec<String>> {
        let mut base: Vec<String> = module.iter().chain(&self.within).cloned().collect();
        let mut rest = self.segments.as_slice();
        match rest.first()?.as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => drop(base.pop()),
            _ => return None,
        }
        rest = &rest[1..];
        while let Some(("super", after)) = rest.split_first().map(|(first, after)| (first.as_str(), after)) {
            base.pop();
            rest = after;
        }
        Some(base.into_iter().chain(rest.iter().cloned()).collect())
    }
}

pub(crate) fn named(tokens: &[Placed]) -> Vec<Named> {
    let mut walk = Walk { tokens, at: 0, depth: 0, modules: Vec::new(), found: Vec::new() };
    while walk.at < tokens.len() {
        walk.step();
    }
    walk.found
}

/// An inline module: its name, the depth of its braces, whether it is for tests only.
struct Module {
    name: String,
    depth: usize,
    test: bool,
}

struct Walk<'a> {
    tokens: &'a [Placed],
    at: usize,
    depth: usize,
    modules: Vec<Module>,
    found: Vec<Named>,
}

impl Walk<'_> {
    fn is(&self, at: usize, sign: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is(sign))
    }

    fn word(&self, at: usize) -> Option<&str> {
        self.tokens.get(at)?.word()
    }

    fn step(&mut self) {
        if self.is(self.at, "{") {
            self.depth += 1;
        } else if self.is(self.at, "}") {
            self.depth = self.depth.saturating_sub(1);
            self.modules.pop_if(|module| module.depth > self.depth);
        } else if self.is(self.at, "#") {
            self.attribute();
        } else if self.word(self.at) == Some("mod") && self.is(self.at + 2, "{") {
            let name = self.word(self.at + 1).unwrap_or_default().to_owned();
            self.depth += 1;
            self.modules.push(Module { name, depth: self.depth, test: for_tests(self.tokens, self.at) });
            self.at += 2;
        } else if self.begins_a_path() {
            self.path();
            return;
        }
        self.at += 1;
    }

    fn begins_a_path(&self) -> bool {
        let Some(word) = self.word(self.at).filter(|word| !KEYWORDS.contains(word)) else { return false };
        let Some(before) = self.at.checked_sub(1) else { return true };
        if self.is(before, "$") {
            return word == "crate";
        }
        let goes_on = self.is(before, "::")
            && before
                .checked_sub(1)
                .is_some_and(|at| self.is(at, ">") || self.word(at).is_some_and(|word| !KEYWORDS.contains(&word)));
        !goes_on && !self.is(before, ".")
    }

    fn path(&mut self) {
        let (mut at, mut tree) = (self.at, Vec::new());
        grow(self.tokens, &mut at, &[], &mut tree);
        let within: Vec<String> = self.modules.iter().map(|module| module.name.clone()).collect();
        let test = self.modules.iter().any(|module| module.test);
        for (line, segments, renamed) in tree {
            self.found.push(Named { line, segments, renamed, within: within.clone(), test });
        }
        self.at = at.max(self.at + 1);
    }

    /// Paths stand in the texts of attributes too: `#[serde(with = "crate::…")]`. Documentation is not code.
    fn attribute(&mut self) {
        let open = if self.is(self.at + 1, "!") { self.at + 2 } else { self.at + 1 };
        if !self.is(open, "[") || self.word(open + 1) == Some("doc") {
            return;
        }
        let Some(close) = closing(self.tokens, open, "[", "]") else { return };
        for placed in &self.tokens[open..close] {
            if let Token::Text(text) = &placed.token
                && (text.contains("crate::") || text.contains("super::"))
            {
                let within: Vec<String> = self.modules.iter().map(|module| module.name.clone()).collect();
                let test = self.modules.iter().any(|module| module.test);
                let inner = named(&lex(text)).into_iter();
                self.found.extend(inner.map(|inner| Named {
                    line: placed.line,
                    within: within.clone(),
                    test,
                    ..inner
                }));
            }
        }
    }
}

type Grown = (usize, Vec<String>, bool);

/// Reads one path, or one branch of a `use` tree, and adds every path it stands for.
fn grow(tokens: &[Placed], at: &mut usize, prefix: &[String], found: &mut Vec<Grown>) {
    let mut segments = prefix.to_vec();
    let line = tokens.get(*at).map_or(0, |token| token.line);
    let mut line_of_last = line;
    loop {
        match tokens.get(*at) {
            Some(token) if token.word().is_some() => {
                segments.push(token.word().unwrap_or_default().to_owned());
                line_of_last = token.line;
            }
            Some(token) if token.is("*") && !segments.is_empty() => segments.push("*".to_owned()),
            Some(token) if token.is("{") && !segments.is_empty() => {
                group(tokens, at, &segments, found);
                return;
            }
            _ => break,
        }
        *at += 1;
        if !tokens.get(*at).is_some_and(|token| token.is("::")) {
            break;
        }
        *at += 1;
    }
    let renamed = tokens.get(*at).and_then(Placed::word) == Some("as");
    found.push((line_of_last, segments, renamed));
}

/// Reads `{a, b::{c, d as e}}`.
fn group(tokens: &[Placed], at: &mut usize, prefix: &[String], found: &mut Vec<Grown>) {
    *at += 1;
    while let Some(token) = tokens.get(*at) {
        if token.is("}") {
            *at += 1;
            return;
        }
        if token.is(",") {
            *at += 1;
            continue;
        }
        let before = *at;
        grow(tokens, at, prefix, found);
        // Past `as name`, and past anything that is no `use` tree after all.
        while tokens.get(*at).is_some_and(|token| !token.is(",") && !token.is("}")) {
            *at += 1;
        }
        if *at == before {
            *at += 1;
        }
    }
}

/// Where the bracket at `open` closes.
pub(crate) fn closing(tokens: &[Placed], open: usize, opens: &str, closes: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.is(opens) {
            depth += 1;
        } else if token.is(closes) {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// Whether the item whose keyword stands at `at` is under a `#[cfg(test)]` or `#[cfg(all(test, …))]`.
pub(crate) fn for_tests(tokens: &[Placed], at: usize) -> bool {
    let mut end = at;
    while end > 0 && !tokens[end - 1].is(";") && !tokens[end - 1].is("{") && !tokens[end - 1].is("}") {
        end -= 1;
    }
    let words: Vec<&str> = tokens[end..at].iter().filter_map(Placed::word).collect();
    words.windows(2).any(|pair| pair == ["cfg", "test"])
        || words.windows(3).any(|three| three == ["cfg", "all", "test"])
}
