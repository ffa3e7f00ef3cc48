//! Rust source as tokens: enough to tell paths from comments, texts and lifetimes.

/// One token. Comments, doc comments, numbers, characters and lifetimes leave none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Word(String),
    /// One sign, or `::`.
    Sign(&'static str),
    Other(char),
    /// What stands in a text: attributes hold paths in texts.
    Text(String),
}

/// A token and its line, from 1.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) token: Token,
    pub(crate) line: usize,
}

impl Placed {
    pub(crate) fn is(&self, sign: &str) -> bool {
        matches!(&self.token, Token::Sign(found) if *found == sign)
    }

    pub(crate) fn word(&self) -> Option<&str> {
        match &self.token {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }
}

const SIGNS: [&str; 15] = ["::", "{", "}", "[", "]", "(", ")", ",", ";", "#", "!", "*", "$", ".", ">"];

pub(crate) fn lex(source: &str) -> Vec<Placed> {
    let mut lexer = Lexer { rest: source, line: 1, tokens: Vec::new() };
    while !lexer.rest.is_empty() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    tokens: Vec<Placed>,
}

impl<'a> Lexer<'a> {
    /// Takes so many bytes.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn push(&mut self, token: Token, line: usize) {
        self.tokens.push(Placed { token, line });
    }

    fn step(&mut self) {
        let (rest, line) = (self.rest, self.line);
        if rest.starts_with("//") {
            self.take(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.take(comment(rest));
        } else if let Some((open, bytes)) = text(rest) {
            let taken = self.take(bytes);
            self.push(Token::Text(taken.get(open..).unwrap_or_default().trim_end_matches(['"', '#']).to_owned()), line);
        } else if rest.starts_with('\'') || rest.starts_with("b'") {
            self.take(character(rest));
        } else if let Some(word) = word(rest) {
            self.take(word.len());
            let plain = word.strip_prefix("r#").unwrap_or(word);
            if !plain.starts_with(|c: char| c.is_ascii_digit()) {
                self.push(Token::Word(plain.to_owned()), line);
            }
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            self.take(sign.len());
            self.push(Token::Sign(sign), line);
        } else {
            let first = rest.chars().next().unwrap_or(' ');
            self.take(first.len_utf8());
            if !first.is_whitespace() {
                self.push(Token::Other(first), line);
            }
        }
    }
}

/// The length of the block comment that `rest` begins with; they nest.
fn comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(found) = rest[at..].find(['/', '*']).map(|offset| at + offset) {
        if rest[found..].starts_with("/*") {
            depth += 1;
            at = found + 2;
        } else if rest[found..].starts_with("*/") {
            depth -= 1;
            at = found + 2;
            if depth == 0 {
                return at;
            }
        } else {
            at = found + 1;
        }
    }
    rest.len()
}

/// Where the content of the text that `rest` begins with starts, and the text's length with its marks.
fn text(rest: &str) -> Option<(usize, usize)> {
    let prefix = ["", "b", "c", "r", "br", "cr"].into_iter().filter(|prefix| rest.starts_with(prefix));
    prefix.rev().find_map(|prefix| {
        let after = &rest[prefix.len()..];
        let hashes = if prefix.ends_with('r') { after.len() - after.trim_start_matches('#').len() } else { 0 };
        if !after[hashes..].starts_with('"') {
            return None;
        }
        let open = prefix.len() + hashes + 1;
        let content = &rest[open..];
        let length = if prefix.ends_with('r') {
            let end = format!("\"{}", "#".repeat(hashes));
            content.find(&end).map(|found| found + end.len())
        } else {
            closing(content, '"')
        };
        Some((open, open + length.unwrap_or(content.len())))
    })
}

/// The length up to and with the first `mark` that no backslash stands before.
fn closing(content: &str, mark: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in content.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == mark => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

/// The length of the character, or of the lifetime, that `rest` begins with.
fn character(rest: &str) -> usize {
    let open = rest.find('\'').map_or(0, |at| at + 1);
    let content = &rest[open..];
    let mut chars = content.chars();
    match (chars.next(), chars.next()) {
        (Some('\\'), _) => open + closing(content, '\'').unwrap_or(content.len()),
        (Some(only), Some('\'')) => open + only.len_utf8() + 1,
        _ => open + word(content).map_or(0, str::len),
    }
}

/// The name, keyword or number that `rest` begins with.
fn word(rest: &str) -> Option<&str> {
    let raw = if rest.starts_with("r#") { 2 } else { 0 };
    let end = rest[raw..].find(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(rest.len(), |at| raw + at);
    (end > raw).then(|| &rest[..end])
}
