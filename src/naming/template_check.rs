//! What a template must keep so that every name it writes reads back as the same name.

use std::collections::{HashMap, HashSet};

use super::name::Role;
use super::template::{FieldKind, Naming, TemplateCode, TemplateFault, TemplateSpec};
use super::term::{EXCLUSION_WORDS, NormalizedText, Value, is_version_like};
use super::text::{fold, is_forbidden, is_pipe_look_alike, match_key};
use super::window_scan::{Scan, scan_text};

pub(super) fn faults(spec: &TemplateSpec) -> Vec<TemplateFault> {
    let mut found = Vec::new();
    separator(&spec.naming, &mut found);
    fields(&spec.naming, &mut found);
    prefixes(spec, &mut found);
    values(&spec.naming, &mut found);
    terms(spec, &mut found);
    found
}

fn fault(code: TemplateCode, message: String) -> TemplateFault {
    TemplateFault { code, message }
}

fn separator(naming: &Naming, found: &mut Vec<TemplateFault>) {
    let c = naming.separator;
    let used_elsewhere = matches!(c, '+' | ',' | '&' | ':' | '.' | '\'' | '-' | '@' | '[' | ']' | '~');
    let look_alike = is_pipe_look_alike(c);
    if c.is_alphanumeric() || c.is_whitespace() || is_forbidden(c) || used_elsewhere || look_alike {
        let message = format!(
            "expected a separator that stands nowhere else in a name, found {:?}",
            c.escape_default().to_string()
        );
        found.push(fault(TemplateCode::T001, message));
    }
    if c == naming.joiner.as_char() {
        found.push(fault(
            TemplateCode::T001,
            format!("expected a joiner other than the separator, found {c:?} for both"),
        ));
    }
}

fn fields(naming: &Naming, found: &mut Vec<TemplateFault>) {
    let mut seen = HashSet::new();
    for field in &naming.fields {
        if !seen.insert((field.kind, field.key.as_ref())) {
            found.push(fault(TemplateCode::T003, format!("expected the {} once, found it twice", field.kind)));
        }
        if (field.kind == FieldKind::Ext) != field.key.is_some() {
            found.push(fault(
                TemplateCode::T005,
                format!("expected a key for a keyed field and for no other, found {}", field.kind),
            ));
        }
    }
    if !naming
        .fields
        .iter()
        .any(|field| field.kind == FieldKind::Intent && field.required && field.unless_role.is_empty())
    {
        found.push(fault(TemplateCode::T004, "expected an intent that every name has".to_owned()));
    }
    let free_prefix = |kind| naming.fields.iter().any(|f| f.kind == kind && !f.required && f.allow.is_empty());
    if free_prefix(FieldKind::Prefix) {
        found.push(fault(
            TemplateCode::T004,
            "expected an optional prefix to have an allow-list, found none".to_owned(),
        ));
    }
}

fn prefixes(spec: &TemplateSpec, found: &mut Vec<TemplateFault>) {
    let key = |text: &str| match_key(text, spec.naming.joiner);
    let terms: HashSet<String> = spec.vocabulary.terms.iter().flat_map(|term| term.spellings().map(key)).collect();
    for field in spec.naming.fields.iter().filter(|field| field.kind == FieldKind::Prefix) {
        for prefix in &field.allow {
            if terms.contains(&key(prefix)) {
                found.push(fault(TemplateCode::T009, format!("expected prefixes that are no terms, found {prefix:?}")));
            }
            well_formed(spec, prefix, found);
            reads_otherwise(prefix, found);
        }
    }
}

/// The values that keyed fields allow.
fn values(naming: &Naming, found: &mut Vec<TemplateFault>) {
    for value in naming.fields.iter().filter(|field| field.kind == FieldKind::Ext).flat_map(|field| &field.allow) {
        if value.contains(naming.separator) {
            found.push(fault(TemplateCode::T002, format!("expected no separator inside a value, found {value:?}")));
        }
        if let Err(error) = Value::new(value) {
            found.push(fault(TemplateCode::T010, error.message().to_owned()));
        }
    }
}

fn terms(spec: &TemplateSpec, found: &mut Vec<TemplateFault>) {
    let mut owners: HashMap<String, &str> = HashMap::new();
    let mut ids = HashSet::new();
    for term in &spec.vocabulary.terms {
        if !ids.insert(&term.id) {
            found.push(fault(TemplateCode::T007, format!("expected ids once, found {:?} twice", term.id.as_str())));
        }
        for spelling in term.spellings() {
            let owner = owners.entry(match_key(spelling, spec.naming.joiner)).or_insert(term.id.as_str());
            if *owner != term.id.as_str() {
                let message =
                    format!("expected spellings once, found {spelling:?} for {owner:?} and {:?}", term.id.as_str());
                found.push(fault(TemplateCode::T007, message));
            }
            if spelling.chars().count() > 48 {
                found.push(fault(
                    TemplateCode::T008,
                    format!("expected terms of at most 48 characters, found {spelling:?}"),
                ));
            }
            well_formed(spec, spelling, found);
            reads_otherwise(spelling, found);
        }
    }
}

fn well_formed(spec: &TemplateSpec, text: &str, found: &mut Vec<TemplateFault>) {
    if text.contains(spec.naming.separator) {
        found.push(fault(TemplateCode::T002, format!("expected no separator inside a term, found {text:?}")));
    }
    match NormalizedText::new(text) {
        Ok(normal) if normal.as_str() == text => {}
        Ok(_) => found
            .push(fault(TemplateCode::T010, format!("expected single spaces and composed letters, found {text:?}"))),
        Err(error) => found.push(fault(TemplateCode::T010, error.message().to_owned())),
    }
    let words: Vec<&str> = text.split(' ').collect();
    let ends_in_window = (1..words.len()).any(|at| {
        let tail = words.get(at..).unwrap_or_default().join(" ");
        matches!(scan_text(&tail), Scan::Window(_))
    });
    if ends_in_window {
        found.push(fault(TemplateCode::T010, format!("expected a term that does not end in a window, found {text:?}")));
    }
}

fn reads_otherwise(text: &str, found: &mut Vec<TemplateFault>) {
    let folded = fold(text);
    let first = folded.split([' ', '-', '_']).next().unwrap_or_default();
    let keyword = EXCLUSION_WORDS.contains(&first) || Role::from_word(first).is_some() || folded == "none";
    if keyword || is_version_like(text) || !matches!(scan_text(text), Scan::No) {
        let message = format!("expected a term that reads as nothing else, found {text:?}");
        found.push(fault(TemplateCode::T006, message));
    }
}

#[cfg(test)]
mod tests {
    use super::super::template::{Field, Joiner};
    use super::super::term::VocabId;
    use super::super::vocabulary::{TermUse, VocabTerm};
    use super::*;

    fn codes(change: impl FnOnce(&mut TemplateSpec)) -> Vec<TemplateCode> {
        let mut spec = TemplateSpec::default();
        change(&mut spec);
        let mut codes: Vec<TemplateCode> = spec.faults().into_iter().map(|fault| fault.code).collect();
        codes.dedup();
        codes
    }

    fn with_term(canonical: &str) -> Vec<TemplateCode> {
        codes(|spec| {
            let id = VocabId::new("added").unwrap();
            spec.vocabulary.terms.push(VocabTerm::new(id, canonical, [TermUse::Intent]));
        })
    }

    #[test]
    fn separators_and_joiners() {
        for separator in ['+', 'a', ' ', '-', ':', '｜', '"'] {
            assert!(codes(|spec| spec.naming.separator = separator).contains(&TemplateCode::T001), "{separator:?}");
        }
        let same = codes(|spec| (spec.naming.separator, spec.naming.joiner) = ('_', Joiner::Underscore));
        assert_eq!(same, [TemplateCode::T001]);
        assert_eq!(codes(|spec| (spec.naming.separator, spec.naming.joiner) = ('_', Joiner::Hyphen)), []);
    }

    #[test]
    fn fields_must_be_told_apart() {
        assert_eq!(codes(|spec| spec.naming.fields.push(Field::optional(FieldKind::Window))), [TemplateCode::T003]);
        assert_eq!(codes(|spec| spec.naming.fields[0] = Field::optional(FieldKind::Prefix)), [TemplateCode::T004]);
        assert_eq!(codes(|spec| spec.naming.fields.push(Field::optional(FieldKind::Ext))), [TemplateCode::T005]);
        assert_eq!(codes(|spec| spec.naming.fields[0].allow.push("Lapsed".to_owned())), [TemplateCode::T009]);
    }

    #[test]
    fn values_must_be_writable() {
        let with_value = |value: &str| {
            codes(|spec| {
                spec.naming.separator = '/';
                spec.naming.fields.last_mut().unwrap().allow.push(value.to_owned());
            })
        };
        assert_eq!(with_value("T1/T2"), [TemplateCode::T002]);
        assert_eq!(with_value("T 4"), [TemplateCode::T010]);
        assert_eq!(with_value("T4"), []);
    }

    #[test]
    fn terms_must_read_as_nothing_else() {
        for (term, code) in [
            ("Seed Round", TemplateCode::T006),
            ("None", TemplateCode::T006),
            ("winback", TemplateCode::T007),
            ("Cross Sell", TemplateCode::T007),
            ("An extremely long term that nobody will ever want to read", TemplateCode::T008),
            ("Active 30d", TemplateCode::T010),
            ("Two  Spaces", TemplateCode::T010),
            ("A|B", TemplateCode::T002),
        ] {
            assert!(with_term(term).contains(&code), "{term}");
        }
        assert!(with_term("30d").contains(&TemplateCode::T006));
        assert_eq!(with_term("Gift Card"), []);
    }
}
