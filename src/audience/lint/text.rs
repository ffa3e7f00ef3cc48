//! What must not stand in a name: a person's data, and what must not be told of a person.

use super::scene::{Draft, Scene, Subject, Verdict};
use crate::audience::evidence::Evidence;
use crate::naming::Severity;

/// AL-021: the name or description holds somebody's data. What it is stays out of the report.
pub(super) fn personal_data(subject: &Subject<'_>, _: &Scene<'_>) -> Verdict {
    let described = subject.charter.description.as_deref().unwrap_or_default();
    let found = [("name", subject.charter.audience.name()), ("description", described)];
    Verdict::of(found.into_iter().filter_map(|(place, text)| {
        let kind = personal(text)?;
        Some(Draft::new(format!("the {place} holds personal data"), "remove it").with(Evidence::new("kind", kind)))
    }))
}

/// What kind of personal data a text holds, by its form.
pub(super) fn personal(text: &str) -> Option<&'static str> {
    let words = || text.split(|c: char| c.is_whitespace() || matches!(c, '|' | ',' | ';' | '"' | '<' | '>' | '\''));
    if words().any(is_email) {
        return Some("email");
    }
    let tokens: Vec<&str> =
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|token| !token.is_empty()).collect();
    if tokens.iter().any(|token| token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Some("digest");
    }
    if (0..tokens.len()).any(|at| is_iban(tokens.get(at..).unwrap_or_default())) {
        return Some("iban");
    }
    has_phone(text).then_some("phone")
}

fn is_email(word: &str) -> bool {
    let Some((local, domain)) = word.rsplit_once('@') else { return false };
    let parts: Vec<&str> = domain.split('.').collect();
    !local.trim_start_matches("own:").is_empty() && parts.len() > 1 && parts.iter().all(|part| !part.is_empty())
}

/// Two letters, two digits, and 11 to 30 more, alone or in groups of four; at least eight of them digits.
fn is_iban(tokens: &[&str]) -> bool {
    let Some(first) = tokens.first() else { return false };
    let head = first.as_bytes();
    if !matches!(head, [a, b, c, d, ..] if [a, b].iter().all(|x| x.is_ascii_uppercase()) && [c, d].iter().all(|x| x.is_ascii_digit()))
    {
        return false;
    }
    let groups = tokens.iter().skip(1).take_while(|token| first.len() == 4 && token.len() <= 4);
    let whole: String = std::iter::once(first).chain(groups).copied().collect();
    let digits = whole.bytes().filter(u8::is_ascii_digit).count();
    (15..=34).contains(&whole.len()) && digits >= 8
}

/// A run of 10 to 15 digits, or of 8 to 15 after a plus sign; spaces, hyphens and brackets may stand between.
fn has_phone(text: &str) -> bool {
    let fits = |digits: usize, plus: bool| (if plus { 8 } else { 10 }..=15).contains(&digits);
    let (mut digits, mut plus) = (0_usize, false);
    for c in text.chars().chain(['|']) {
        match c {
            c if c.is_ascii_digit() => digits += 1,
            ' ' | '-' | '(' | ')' => {}
            '+' if digits == 0 => plus = true,
            _ if fits(digits, plus) => return true,
            _ => (digits, plus) = (0, c == '+'),
        }
    }
    false
}

/// AL-022: a term hints at health, finances, politics, religion or sexual life.
pub(super) fn sensitive(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    let described = subject.charter.description.as_deref().unwrap_or_default();
    let text = format!("{} {described}", subject.charter.audience.name()).to_lowercase();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let matches = |term: &str| match term.strip_suffix('*') {
        Some(begin) => words.iter().any(|word| word.starts_with(begin)),
        None => words.contains(&term),
    };
    let strict = subject.charter.placements.iter().any(|at| scene.policy.strict_platforms.contains(at.platform()));
    let found = scene.policy.sensitive.iter().filter_map(|(kind, terms)| {
        let term = terms.iter().find(|term| !term.trim_end_matches('*').is_empty() && matches(term))?;
        let severity = if strict { Severity::Error } else { Severity::Warning };
        let message = format!("name or description hints at {kind}");
        let draft = Draft::new(message, "name the decision without it; Meta answers 471 and blocks the audience");
        Some(draft.graded(severity).with(Evidence::new("term", term.as_str())))
    });
    Verdict::of(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_is_told_by_its_form() {
        for (text, kind) in [
            ("CI | Lapsed | ola@fjord.no", Some("email")),
            ("Lapsed (ola.nordmann@post.fjord.no)", Some("email")),
            ("call +47 22 12 34 56", Some("phone")),
            ("call 020 7946 0958 3", Some("phone")),
            ("DE89370400440532013000", Some("iban")),
            ("to DE89 3704 0044 0532 0130 00", Some("iban")),
            ("b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514", Some("digest")),
            ("CI | Cart Abandon | 0-24h | Excl Purch 7d", None),
            ("CI | Lapsed | 20261101..20261130 | @crm | v2", None),
            ("CI | Lapsed | 90d+ | own:crm | Excl Purch 7d + Unsub", None),
            ("AB12 CD34", None),
            ("orders 1-2 of 300-400", None),
        ] {
            assert_eq!(personal(text), kind, "{text}");
        }
    }
}
