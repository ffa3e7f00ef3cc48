//! What an audience's name says, as labels that events carry: the family's one set of property names.

use crate::destination::{AudienceRef, AudienceSpec};
use crate::naming::{AudienceName, Exclusion, Exclusions, Term};

/// Labels of an [`AudienceRef`], each with the event property that carries it.
pub(super) const PROPERTIES: [(&str, &str); 4] = [
    ("prefix", "audience_prefix"),
    ("intent", "audience_intent"),
    ("window", "audience_window"),
    ("exclusions", "audience_exclusions"),
];

/// The audience as events name it: the id it is known by, or else its key; display name and labels as they are now.
pub(super) fn audience(spec: &AudienceSpec) -> AudienceRef {
    let id = spec.known.as_ref().map_or(&spec.key, |known| &known.id);
    let audience = AudienceRef::new(id, &spec.key).with_name(&spec.name);
    match &spec.parts {
        Some(parts) => label(audience, parts),
        None => audience,
    }
}

fn label(audience: AudienceRef, parts: &AudienceName) -> AudienceRef {
    let labels = [
        ("prefix", parts.prefix().map(|term| text(term).to_owned())),
        ("intent", Some(text(parts.intent()).to_owned())),
        ("window", parts.window().map(|window| window.to_string())),
        ("exclusions", exclusions(parts.exclusions())),
    ];
    labels.into_iter().fold(audience, |audience, (name, value)| match value {
        Some(value) => audience.with_label(name, value),
        None => audience,
    })
}

/// A term of the vocabulary by its id, which stays when its spelling changes.
fn text(term: &Term) -> &str {
    match term {
        Term::Known(id) => id.as_str(),
        Term::Free(text) => text.as_str(),
    }
}

fn exclusions(exclusions: &Exclusions) -> Option<String> {
    match exclusions {
        Exclusions::Absent => None,
        Exclusions::ExplicitNone => Some("none".to_owned()),
        Exclusions::Items(items) => Some(items.iter().map(exclusion).collect::<Vec<_>>().join(", ")),
    }
}

fn exclusion(exclusion: &Exclusion) -> String {
    match exclusion.window {
        Some(window) => format!("{} {}", text(&exclusion.subject), window.in_exclusion()),
        None => text(&exclusion.subject).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> AudienceName {
        let purchase = Term::known("purchase").unwrap();
        let week = "7d".parse().unwrap();
        let staff = Exclusion::new(Term::free("Staff").unwrap(), None);
        AudienceName::new(Term::known("cart_abandon").unwrap())
            .with_prefix(Term::free("CI").unwrap())
            .with_window("0-24h".parse().unwrap())
            .with_exclusions(Exclusions::Items(vec![Exclusion::new(purchase, Some(week)), staff]))
    }

    #[test]
    fn a_name_becomes_labels() {
        let spec = AudienceSpec::new("ci_cart", "CI | Cart Abandon | 0-24h").with_parts(parts());
        let audience = audience(&spec);
        assert_eq!((&*audience.id, &*audience.key), ("ci_cart", "ci_cart"));
        assert_eq!(audience.name.as_deref(), Some("CI | Cart Abandon | 0-24h"));
        let labels: Vec<_> = audience.labels.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(
            labels,
            [("exclusions", "purchase 7d, Staff"), ("intent", "cart_abandon"), ("prefix", "CI"), ("window", "0-24h")]
        );
        assert!(labels.iter().all(|(name, _)| PROPERTIES.iter().any(|(label, _)| label == name)));
    }

    #[test]
    fn what_a_name_does_not_say_is_no_label() {
        let bare = AudienceName::new(Term::free("Lapsed").unwrap()).with_exclusions(Exclusions::ExplicitNone);
        let known = AudienceRef::new("old-id", "lapsed").with_name("Old").with_label("window", "90d");
        let spec = AudienceSpec::new("lapsed", "Lapsed").with_parts(bare).with_known(known.clone());
        let audience = audience(&spec);
        assert_eq!((&*audience.id, audience.name.as_deref()), ("old-id", Some("Lapsed")));
        assert_eq!(audience.labels.len(), 2);
        assert_eq!(audience.labels["exclusions"], "none");
        assert!(super::audience(&AudienceSpec::new("lapsed", "Lapsed").with_known(known)).labels.is_empty());
    }
}
