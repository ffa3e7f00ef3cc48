//! Templates that are shipped, and templates and vocabularies from files.

use std::sync::LazyLock;

use super::name::Role;
use super::template::{Field, FieldKind, Joiner, SlugStyle, Template, TemplateSpec};
use super::term::Key;
use super::vocabulary::Vocabulary;
use crate::error::{Error, ErrorKind, Result};

static PIPE_DEFAULT: LazyLock<Template> = LazyLock::new(|| Template::index(TemplateSpec::default()));

/// # Templates that are shipped
impl Template {
    /// The names that [`Template::preset`] knows.
    pub const PRESETS: &[&str] = &["pipe_default", "underscore", "keyed", "dbt_snake"];

    /// `CI | Cart Abandon | 0-24h | Excl Purch 7d`: strict, the shipped vocabulary, prefix `CI`.
    pub fn pipe_default() -> Self {
        PIPE_DEFAULT.clone()
    }

    /// `CI_Cart-Abandon_0-24h_Excl-Purch-7d`: as [`Template::pipe_default`], without spaces.
    pub fn underscore() -> Self {
        let mut spec = TemplateSpec::default();
        (spec.naming.separator, spec.naming.joiner, spec.naming.pad) = ('_', Joiner::Hyphen, false);
        Self::index(spec)
    }

    /// `mkt:UK | own:crm | Cart Abandon | 0-24h | Excl Purch 7d`: market and owner by key, both required; no prefix.
    pub fn keyed() -> Self {
        let mut spec = TemplateSpec::default();
        let mut fields = vec![
            Field::required(FieldKind::Market),
            Field::required(FieldKind::Owner),
            Field::required(FieldKind::Intent),
            Field::required(FieldKind::Window).unless([Role::Suppression]),
            Field::required(FieldKind::Exclusions).unless([Role::Suppression, Role::Seed, Role::Holdout]),
            Field::optional(FieldKind::Version),
        ];
        fields.extend(Key::new("tier").map(|key| Field::keyed(key).allowing(["T1", "T2", "T3"])));
        spec.naming.fields = fields;
        Self::index(spec)
    }

    /// As [`Template::pipe_default`], with slugs for names of models and tables:
    /// `ci__cart_abandon__0_24h__excl_purch_7d` ([`SlugStyle::Snake`]).
    pub fn dbt_snake() -> Self {
        let mut spec = TemplateSpec::default();
        spec.naming.slug = SlugStyle::Snake;
        Self::index(spec)
    }

    /// The template with this name, one of [`Template::PRESETS`].
    ///
    /// # Errors
    /// `Config` when there is no such preset.
    pub fn preset(name: &str) -> Result<Self> {
        Ok(match name {
            "pipe_default" => Self::pipe_default(),
            "underscore" => Self::underscore(),
            "keyed" => Self::keyed(),
            "dbt_snake" => Self::dbt_snake(),
            _ => {
                let known = Self::PRESETS.join(", ");
                let message = format!("naming template: expected one of {known}, found {name:?}");
                return Err(Error::new(ErrorKind::Config, message));
            }
        })
    }

    pub(super) fn shared_default() -> &'static Self {
        &PIPE_DEFAULT
    }
}

/// # Templates from files
impl Template {
    /// A template from JSON, as it is serialized; what is not given is as in [`Template::pipe_default`].
    ///
    /// # Errors
    /// `Config` when the text is not such JSON, with line and column, or the template is not sound ([`Template::new`]).
    pub fn from_json(text: &str) -> Result<Self> {
        Self::new(json(text, "naming template")?)
    }

    /// A template from TOML; what is not given is as in [`Template::pipe_default`].
    ///
    /// # Errors
    /// `Config` when the text is not such TOML, with line and column, or the template is not sound ([`Template::new`]).
    ///
    /// # Examples
    /// ```
    /// use audience_sync::naming::Template;
    ///
    /// let template = Template::from_toml(
    ///     r#"
    ///     [naming]
    ///     separator = "/"
    ///
    ///     [[naming.field]]
    ///     kind = "intent"
    ///     required = true
    ///
    ///     [[naming.field]]
    ///     kind = "window"
    ///     required = true
    ///
    ///     [[vocab]]                    # beside the shipped terms; `[vocabulary]` would replace them
    ///     id = "gift_card"
    ///     canonical = "Gift Card"
    ///     synonyms = ["Voucher"]
    ///     use = ["intent"]
    ///     "#,
    /// )?;
    /// assert_eq!(template.fix("last 30 days / voucher"), "Gift Card / 0-30d");
    /// # Ok::<(), audience_sync::error::Error>(())
    /// ```
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self> {
        Self::new(toml(text, "naming template")?)
    }
}

/// # Vocabularies from files
impl Vocabulary {
    /// A vocabulary from JSON, as it is serialized.
    ///
    /// # Errors
    /// `Config` when the text is not such JSON, with line and column. Whether its terms can be told apart shows when a
    /// template takes it ([`Template::new`]).
    pub fn from_json(text: &str) -> Result<Self> {
        json(text, "naming vocabulary")
    }

    /// A vocabulary from TOML: a `version`, `regions` where there are any, and a table `[[vocab]]` for each term.
    ///
    /// # Errors
    /// `Config` when the text is not such TOML, with line and column. Whether its terms can be told apart shows when a
    /// template takes it ([`Template::new`]).
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self> {
        toml(text, "naming vocabulary")
    }
}

fn json<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::new(ErrorKind::Config, format!("read {what}: {error}")))
}

#[cfg(feature = "toml")]
fn toml<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    ::toml::from_str(text).map_err(|error| {
        let at = error.span().map(|span| super::explain::Position::of(text, span.start));
        let at = at.map(|at| format!(" at line {} column {}", at.line, at.column)).unwrap_or_default();
        Error::new(ErrorKind::Config, format!("read {what}: {}{at}", error.message()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_sound_and_write_their_form() {
        for (preset, text, slug) in [
            ("pipe_default", "CI | Cart Abandon | 0-24h | Excl Purch 7d", "ci_cart-abandon_0-24h_excl-purch-7d"),
            ("underscore", "CI_Cart-Abandon_0-24h_Excl-Purch-7d", "ci_cart-abandon_0-24h_excl-purch-7d"),
            (
                "keyed",
                "mkt:UK | own:crm | Cart Abandon | 0-24h | Excl Purch 7d",
                "mkt-uk_own-crm_cart-abandon_0-24h_excl-purch-7d",
            ),
            ("dbt_snake", "CI | Cart Abandon | 0-24h | Excl Purch 7d", "ci__cart_abandon__0_24h__excl_purch_7d"),
        ] {
            let template = Template::preset(preset).unwrap();
            assert_eq!(TemplateSpec::from(template.clone()).faults(), [], "{preset}");
            let parsed = template.parse(text);
            assert!(parsed.is_clean(), "{parsed}");
            let name = parsed.name.unwrap();
            assert_eq!(template.render(&name).unwrap(), text);
            assert_eq!(template.slug(&name).unwrap(), slug);
        }
        let error = Template::preset("dots").unwrap_err().to_string();
        assert!(error.contains("underscore") && error.contains("\"dots\""), "{error}");
    }

    #[test]
    fn names_of_tables_hold_letters_digits_and_underscores() {
        let template = Template::from_json(
            r#"{"naming":{"slug":"snake","mode":"lax","field":[{"kind":"window"},{"kind":"intent","required":true}]}}"#,
        )
        .unwrap();
        let slug = |text: &str| template.slug(&template.parse(text).name.unwrap()).unwrap();
        assert_eq!(slug("90d+ | Café v1.2 50%"), "_90dplus__cafe_v1_2_50");
        assert_eq!(slug("日本"), "_");
    }

    #[test]
    fn json_that_is_none_is_refused_with_its_place() {
        for (text, part) in [
            ("{\"naming\":\n{\"separator\":", "line 2 column"),
            (r#"{"naming":{"separator":"||"}}"#, "AN-T001"),
            (r#"{"naming":{"separator":""}}"#, "AN-T001"),
            (r#"{"naming":{"joiner":"+"}}"#, "AN-T001"),
            (r#"{"naming":{"field":[{"kind":"ext","key":"mkt"}]}}"#, "AN-T005"),
            (r#"{"naming":{"colour":"red"}}"#, "colour"),
            (r#"{"vocab":[{"id":"seed_round","canonical":"Seed Round","use":["intent"]}]}"#, "AN-T006"),
        ] {
            let error = Template::from_json(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.message().contains(part), "{text}: {error}");
        }
        assert!(Vocabulary::from_json("[]").is_err());
    }

    #[cfg(feature = "toml")]
    mod from_toml {
        use super::*;

        /// The table of the naming rules, in ordinary TOML.
        const DOCUMENTED: &str = r#"
            [naming]
            separator = "|"
            pad = true
            joiner = " "
            mode = "strict"
            max_chars = 100
            day_bounds = "half_open"
            tz = "UTC"
            field = [
                { kind = "prefix", required = true, allow = ["CI"] },
                { kind = "market", required = false },
                { kind = "intent", required = true },
                { kind = "window", required = true, unless_role = ["Suppression"] },
                { kind = "exclusions", required = true, unless_role = ["Suppression", "Seed", "Holdout"] },
                { kind = "owner", required = false },
                { kind = "version", required = false },
                { kind = "ext", key = "tier", required = false, allow = ["T1", "T2", "T3"] },
            ]
        "#;

        #[test]
        fn the_documented_table_is_the_default() {
            assert_eq!(Template::from_toml(DOCUMENTED).unwrap(), Template::pipe_default());
            assert_eq!(Template::from_toml("").unwrap(), Template::pipe_default());
        }

        #[test]
        fn terms_are_added_or_stand_in_for_shipped_ones() {
            let template = Template::from_toml(
                r#"
                [[vocab]]
                id = "purchase"
                canonical = "Bought"
                synonyms = ["Purch"]
                use = ["exclusion"]
                events = ["Order Completed"]
                [[vocab]]
                id = "gift_card"
                canonical = "Gift Card"
                use = ["intent"]
                "#,
            )
            .unwrap();
            let fixed = template.fix("CI | gift-card | 0-24h | Excl Purch 7d");
            assert_eq!(fixed, "CI | Gift Card | 0-24h | Excl Bought 7d");
            assert_eq!(template.vocabulary().terms.len(), Vocabulary::default().terms.len() + 1);
            let data = serde_json::to_string(&template).unwrap();
            assert_eq!(Template::from_json(&data).unwrap(), template);
        }

        #[test]
        fn a_vocabulary_replaces_the_shipped_one() {
            let text = r#"
                version = 7
                regions = ["NORDICS"]
                [[vocab]]
                id = "rental"
                canonical = "Rental"
                use = ["intent", "exclusion"]
            "#;
            let spec = TemplateSpec { vocabulary: Vocabulary::from_toml(text).unwrap(), ..TemplateSpec::default() };
            let template = Template::new(spec).unwrap();
            let parsed = template.parse("CI | mkt:NORDICS | Rental | 7d+ | Excl None");
            assert!(parsed.is_clean() && parsed.vocabulary == 7, "{parsed}");
            assert!(template.parse("CI | Lapsed | 7d+ | Excl None").has(super::super::super::Code::E015));
        }

        #[test]
        fn toml_that_is_none_is_refused_with_its_place() {
            let error = Template::from_toml("[naming]\npad = true\nseparator = \"||\"").unwrap_err();
            assert_eq!(
                error.message(),
                "read naming template: expected a separator of one character, found \"||\" (AN-T001) at line 3 column 13"
            );
            let twice = "[[vocab]]\nid = \"a\"\ncanonical = \"Aa\"\nuse = []\n".repeat(2);
            assert!(Template::from_toml(&twice).unwrap_err().message().contains("AN-T007"));
            assert!(Template::from_toml("naming = [").is_err());
        }
    }
}
