//! What a host sees of a build without features.

#[cfg(test)]
mod tests {
    use audience_sync::ErrorKind;
    use audience_sync::connectors::{CATALOGUE, from_config};
    use audience_sync::identity::{Canonicalizer, IdentifierKind, RegionHint, Reject};
    use serde_json::json;

    #[test]
    fn a_configured_connector_that_is_not_built_in_names_its_feature() {
        assert!(!CATALOGUE.is_empty());
        for connector in CATALOGUE {
            assert!(!connector.built_in);
            let error = from_config(connector.id, json!({ "access_token": "s3cret" })).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::FeatureDisabled);
            let said = error.to_string();
            assert!(said.contains(&format!("turn on the feature `{}`", connector.id)), "{said}");
            assert!(!said.contains("s3cret"));
        }
    }

    #[test]
    fn what_needs_a_parser_is_refused_with_its_own_reason_and_the_rest_is_read() {
        let canonicalizer = Canonicalizer::new();
        let canonical = |kind, value| canonicalizer.canonicalize(kind, value, RegionHint::Unset);
        for unread in ["tel:+49 30 901820", "030 901820", "+49 (0)30 901820 ext. 5"] {
            assert_eq!(canonical(IdentifierKind::Phone, unread).map(drop), Err(Reject::FeatureDisabled), "{unread}");
        }
        let phone = canonical(IdentifierKind::Phone, "+49 30 901820").unwrap();
        assert_eq!(phone.as_str(), Some("+4930901820"));
        let address = canonical(IdentifierKind::Email, " Nora@Quist.se ").unwrap();
        assert_eq!(address.as_str(), Some("nora@quist.se"));
    }
}
