//! Makes a name short enough for a destination.

use serde::{Deserialize, Serialize};

use super::diagnostic::Code;
use super::name::AudienceName;
use super::render::Style;
use super::rules::NameRules;
use super::template::{FieldKind, Template};
use crate::error::{Doing, Error, ErrorKind, Result};

/// A name as a destination takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fitted {
    /// The text.
    pub text: String,
    /// Whether the text no longer reads back as the same name: keep the full name beside the destination's id.
    pub lossy: bool,
    /// The fields left out, in the order they were given up; [`FieldKind::Intent`] when the intent was cut.
    pub dropped: Vec<FieldKind>,
}

/// Fields that may be left out, in the order they are given up. Prefix, intent, window, exclusions and version are not.
const DISPENSABLE: [FieldKind; 3] = [FieldKind::Owner, FieldKind::Ext, FieldKind::Market];

/// Writes `name` within the limits of a destination.
///
/// Tries in order, each on top of the one before: the canonical form; no spaces around separators; short spellings;
/// without owner, then keyed fields, then markets; the intent cut at a word and marked with `~` and `tag` in hex. The
/// tag tells apart names that are cut alike: take the first three bytes of the definition's fingerprint. Without a tag
/// the intent is not cut.
///
/// # Errors
/// `Config` when the name cannot be rendered ([`Template::render`]), or does not fit even so.
///
/// # Examples
/// ```
/// use audience_sync::naming::{AudienceName, NameRules, Template, fit};
///
/// let name = AudienceName::parse("CI | Cart Abandon | 0-24h | Excl Purch 7d")?;
/// let rules = NameRules::unlimited().with_max_chars(36);
/// let fitted = fit(&name, &Template::pipe_default(), &rules, None)?;
/// assert_eq!(fitted.text, "CI|Cart Abandon|0-24h|Excl Purch 7d");
/// assert!(!fitted.lossy);
/// # Ok::<(), audience_sync::error::Error>(())
/// ```
pub fn fit(name: &AudienceName, template: &Template, rules: &NameRules, tag: Option<[u8; 3]>) -> Result<Fitted> {
    let canonical = template.render(name).doing(|| "fit audience name")?;
    let taken = |text: &str| rules.fits(text);
    if taken(&canonical) {
        return Ok(Fitted { text: canonical, lossy: false, dropped: Vec::new() });
    }
    let tight = tight(template);
    for short in [false, true] {
        let text = template.compose(name, &Style { short, omit: &[], ..tight })?;
        if taken(&text) {
            return Ok(Fitted { text, lossy: false, dropped: Vec::new() });
        }
    }
    let mut dropped = Vec::new();
    for kind in DISPENSABLE.into_iter().filter(|kind| has(name, *kind)) {
        dropped.push(kind);
        let text = template.compose(name, &Style { short: true, omit: &dropped, ..tight })?;
        if taken(&text) {
            return Ok(Fitted { text, lossy: true, dropped });
        }
    }
    match tag.map(|tag| cut(name, template, rules, tag, &dropped)).transpose()?.flatten() {
        Some(text) => {
            dropped.push(FieldKind::Intent);
            Ok(Fitted { text, lossy: true, dropped })
        }
        None => Err(too_long(rules, &template.compose(name, &Style { short: true, omit: &dropped, ..tight })?)),
    }
}

/// The name with its intent cut at a word and marked; `None` when it does not fit even with one word left.
fn cut(
    name: &AudienceName,
    template: &Template,
    rules: &NameRules,
    tag: [u8; 3],
    omit: &[FieldKind],
) -> Result<Option<String>> {
    let intent = template.term_text(&name.intent, true)?;
    let joiner = template.naming().joiner.as_char();
    let words: Vec<&str> = intent.split(joiner).collect();
    for keep in (1..words.len()).rev() {
        let head = words.get(..keep).unwrap_or_default().join(&joiner.to_string());
        let marked = format!("{head}~{}", const_hex::encode(tag));
        let style = Style { omit, intent: Some(&marked), ..tight(template) };
        let text = template.compose(name, &Style { short: true, ..style })?;
        if rules.fits(&text) {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// Without spaces around separators.
fn tight(template: &Template) -> Style<'static> {
    Style { pad: false, list_separator: "+", ..Style::canonical(template) }
}

fn has(name: &AudienceName, kind: FieldKind) -> bool {
    match kind {
        FieldKind::Owner => name.owner().is_some(),
        FieldKind::Ext => !name.ext().is_empty(),
        FieldKind::Market => !name.market().is_empty(),
        _ => false,
    }
}

fn too_long(rules: &NameRules, shortest: &str) -> Error {
    let limits = [rules.max_chars.map(|n| format!("{n} characters")), rules.max_bytes.map(|n| format!("{n} bytes"))];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    let message = format!(
        "fit audience name: expected at most {}, found {} characters and {} bytes in \"{shortest}\", the shortest form; \
         choose shorter terms or fewer exclusions ({})",
        limits.join(" and "),
        shortest.chars().count(),
        shortest.len(),
        Code::E030
    );
    Error::new(ErrorKind::Config, message)
}
