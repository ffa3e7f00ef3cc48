//! Writes a name: the one canonical form, which reads back as the same name; and a form safe in addresses.

use unicode_normalization::UnicodeNormalization;

use super::name::{AudienceName, Exclusion, Exclusions};
use super::parse::MAX_BYTES;
use super::template::{Field, FieldKind, SlugStyle, Template};
use super::term::Term;
use super::vocabulary::VocabTerm;
use super::window::Window;
use crate::error::{Doing, Error, ErrorKind, Result};

/// How a name is written.
pub(super) struct Style<'s> {
    /// Spaces around the separator.
    pub(super) pad: bool,
    /// Between exclusions.
    pub(super) list_separator: &'static str,
    /// Short spellings where the vocabulary has them.
    pub(super) short: bool,
    /// Kinds of fields left out.
    pub(super) omit: &'s [FieldKind],
    /// The intent in place of its term, joined.
    pub(super) intent: Option<&'s str>,
}

impl Style<'_> {
    pub(super) fn canonical(template: &Template) -> Self {
        let pad = template.naming().pad;
        Self { pad, list_separator: template.list_separator(), short: false, omit: &[], intent: None }
    }
}

impl Template {
    /// Writes a name in its canonical form. Reading it back gives the same name.
    ///
    /// # Errors
    /// `Config` when the name has a part the template has no field for, a term the vocabulary does not have, lacks a
    /// required field, would not read back as itself, or is longer than 1,024 bytes.
    pub fn render(&self, name: &AudienceName) -> Result<String> {
        let text = self.compose(name, &Style::canonical(self)).doing(|| "write audience name")?;
        self.read_back(name, &text).doing(|| "write audience name")?;
        Ok(text)
    }

    fn read_back(&self, name: &AudienceName, text: &str) -> Result<()> {
        match self.parse(text).into_name() {
            Ok(read) if read == *name => Ok(()),
            Ok(_) => Err(config(format!(
                "expected a text that reads back as the same name, found \"{text}\", which reads as another; choose other words"
            ))),
            Err(error) => Err(error),
        }
    }

    /// The form for tracking parameters, file names and tables: `ci_cart-abandon_0-24h_excl-purch-7d`, or as the
    /// template's [`SlugStyle`] has it.
    ///
    /// Lower case, `[a-z0-9._-]` only; letters outside ASCII lose their marks or become a break. Not reversible, and
    /// two names may share a slug: keep a map.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn slug(&self, name: &AudienceName) -> Result<String> {
        self.render(name)?;
        let style = Style { pad: false, list_separator: " + ", ..Style::canonical(self) };
        let fields = self.texts(name, &style)?;
        let (between, word_break) = match self.naming().slug {
            SlugStyle::Kebab => ("_", '-'),
            SlugStyle::Snake => ("__", '_'),
        };
        let slugs: Vec<String> = fields.iter().map(|field| slugged(field, word_break)).collect();
        let slugs: Vec<&str> = slugs.iter().map(String::as_str).filter(|slug| !slug.is_empty()).collect();
        let slug = slugs.join(between);
        // No unquoted name of a table is empty or starts with a digit.
        let bare = self.naming().slug == SlugStyle::Snake && !slug.starts_with(|c: char| c.is_ascii_lowercase());
        Ok(if bare { format!("_{slug}") } else { slug })
    }

    pub(super) fn compose(&self, name: &AudienceName, style: &Style<'_>) -> Result<String> {
        let separator = match style.pad {
            true => format!(" {} ", self.naming().separator),
            false => self.naming().separator.to_string(),
        };
        let text = self.texts(name, style)?.join(&separator);
        if text.len() > MAX_BYTES {
            return Err(config(format!("expected at most {MAX_BYTES} bytes, found {}", text.len())));
        }
        Ok(text)
    }

    /// The texts of the fields in the template's order.
    fn texts(&self, name: &AudienceName, style: &Style<'_>) -> Result<Vec<String>> {
        if let Some(kind) = self.homeless(name) {
            return Err(config(format!("expected a field of the template, found a {kind}, which it has not")));
        }
        let fields = self.naming().fields.iter().filter(|field| !style.omit.contains(&field.kind));
        fields.filter_map(|field| self.field_text(field, name, style).transpose()).collect()
    }

    /// A part of the name the template has no field for.
    fn homeless(&self, name: &AudienceName) -> Option<FieldKind> {
        let parts = [
            (FieldKind::Prefix, name.prefix.is_some()),
            (FieldKind::Market, !name.market.is_empty()),
            (FieldKind::Window, name.window.is_some()),
            (FieldKind::Exclusions, name.exclusions != Exclusions::Absent),
            (FieldKind::Owner, name.owner.is_some()),
            (FieldKind::Version, name.version.is_some()),
        ];
        let ext = name.ext.keys().any(|key| self.ext_field(key.as_str()).is_none());
        let part = parts.into_iter().find(|(kind, present)| *present && self.field(*kind).is_none());
        part.map(|(kind, _)| kind).or(ext.then_some(FieldKind::Ext))
    }

    fn field_text(&self, field: &Field, name: &AudienceName, style: &Style<'_>) -> Result<Option<String>> {
        Ok(match field.kind {
            FieldKind::Prefix => name.prefix.as_ref().map(|prefix| self.term_text(prefix, false)).transpose()?,
            FieldKind::Market => (!name.market.is_empty()).then(|| {
                let codes: Vec<&str> = name.market.iter().map(|code| code.as_str()).collect();
                format!("mkt:{}", codes.join(","))
            }),
            FieldKind::Intent => Some(self.intent_text(name, style)?),
            FieldKind::Window => name.window.map(|window| self.join(&window.to_string())),
            FieldKind::Exclusions => self.exclusions_text(&name.exclusions, style)?,
            FieldKind::Owner => name.owner.as_ref().map(|owner| format!("own:{owner}")),
            FieldKind::Version => name.version.map(|version| format!("v{version}")),
            FieldKind::Ext => {
                let key = field.key.as_ref();
                key.and_then(|key| name.ext.get(key).map(|value| format!("{key}:{value}")))
            }
        })
    }

    fn intent_text(&self, name: &AudienceName, style: &Style<'_>) -> Result<String> {
        let intent = match style.intent {
            Some(text) => text.to_owned(),
            None => self.term_text(&name.intent, style.short)?,
        };
        Ok(name.role.word().map_or_else(|| intent.clone(), |word| self.join(&format!("{word} {intent}"))))
    }

    fn exclusions_text(&self, exclusions: &Exclusions, style: &Style<'_>) -> Result<Option<String>> {
        let items = match exclusions {
            Exclusions::Absent => return Ok(None),
            Exclusions::ExplicitNone => return Ok(Some(self.join("Excl None"))),
            Exclusions::Items(items) => items,
        };
        let texts: Result<Vec<String>> = items.iter().map(|item| self.item_text(item, style)).collect();
        Ok(Some(self.join("Excl ") + &texts?.join(style.list_separator)))
    }

    fn item_text(&self, item: &Exclusion, style: &Style<'_>) -> Result<String> {
        let subject = self.term_text(&item.subject, style.short)?;
        let window = item.window.map(Window::in_exclusion);
        Ok(window.map_or_else(|| subject.clone(), |window| self.join(&format!("{subject} {window}"))))
    }

    pub(super) fn term_text(&self, term: &Term, short: bool) -> Result<String> {
        let known = match term {
            Term::Free(text) => return Ok(self.join(text.as_str())),
            Term::Known(id) => self.term(id).ok_or_else(|| {
                config(format!("expected a term of the vocabulary, found id \"{id}\", which it has not"))
            })?,
        };
        Ok(self.join(spelling(known, short)))
    }

    fn join(&self, spaced: &str) -> String {
        spaced.replace(' ', &self.naming().joiner.as_char().to_string())
    }
}

fn spelling(term: &VocabTerm, short: bool) -> &str {
    term.short.as_deref().filter(|_| short).unwrap_or(&term.canonical)
}

/// One field of a slug.
fn slugged(field: &str, word_break: char) -> String {
    let mut out = String::with_capacity(field.len());
    for c in field.replace('+', "\u{0}").nfkd().filter(|c| !unicode_normalization::char::is_combining_mark(*c)) {
        match c {
            '\u{0}' => out.push_str("plus"),
            c if c.is_ascii_alphanumeric() || (c == '.' && word_break == '-') => out.push(c.to_ascii_lowercase()),
            _ if out.ends_with(word_break) || out.is_empty() => {}
            _ => out.push(word_break),
        }
    }
    out.trim_end_matches(word_break).to_owned()
}

impl AudienceName {
    /// Writes the name under [`Template::pipe_default`].
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn render(&self) -> Result<String> {
        Template::shared_default().render(self)
    }
}

fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}
