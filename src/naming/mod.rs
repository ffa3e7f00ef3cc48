//! Names of audiences: typed, read with a pointer to every mistake, written in one form.
//!
//! A name such as `CI | Cart Abandon | 0-24h | Excl Purch 7d` says whom an audience holds (an intent), when they did
//! it (a window) and who is left out (exclusions). [`Template::parse`] reads it, whatever the order, case or synonyms,
//! and never fails: it answers the name, where each part stands, and what is to be said about the spelling.
//! [`Template::render`] writes the one canonical form, which always reads back as the same name. [`fit()`] makes it
//! short enough for a destination.
//!
//! A name is never an identity: find an audience by its id, not by its name.

#[cfg(feature = "miette")]
mod as_miette;
mod diagnostic;
mod explain;
mod fit;
mod name;
mod parse;
mod preset;
mod render;
mod rules;
mod suggest;
mod template;
mod template_check;
mod term;
mod text;
mod vocabulary;
mod window;
mod window_scan;

#[cfg(feature = "miette")]
pub use as_miette::{Finding, NameReport};
pub use diagnostic::{Applicability, Code, Diagnostic, Expected, Severity, Suggestion};
pub use explain::Position;
pub use fit::{Fitted, fit};
pub use name::{AudienceName, Exclusion, Exclusions, Role};
pub use parse::{Parsed, Spans};
pub use rules::{NameRules, NameUniqueness};
pub use template::{
    DayBounds, Field, FieldKind, Joiner, Mode, Naming, SlugStyle, Template, TemplateCode, TemplateFault, TemplateSpec,
};
pub use term::{Key, Market, NormalizedText, Slug, Term, Value, VocabId};
pub use vocabulary::{TermUse, VocabTerm, Vocabulary};
pub use window::{Date, Dur, Unit, Window};

#[cfg(test)]
mod tests;
