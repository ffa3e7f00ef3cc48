//! The vectors of the naming rules, and the laws that reading and writing keep.

use super::*;

fn codes(parsed: &Parsed) -> Vec<&'static str> {
    let mut codes: Vec<&str> = parsed.diagnostics.iter().map(|finding| finding.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes.into_iter().map(|code| code.trim_start_matches("AN-")).map(leak).collect()
}

fn leak(code: &str) -> &'static str {
    Code::ALL.iter().map(|code| &code.as_str()[3..]).find(|known| *known == code).unwrap()
}

fn pipe() -> Template {
    Template::pipe_default()
}

fn lax() -> Template {
    pipe().with_mode(Mode::Lax)
}

fn underscore() -> Template {
    Template::underscore()
}

fn unpadded() -> Template {
    let mut spec = TemplateSpec::default();
    spec.naming.pad = false;
    Template::new(spec).unwrap()
}

/// A name with these exclusions, which are written as in a name.
fn with(exclusions: &str) -> String {
    format!("CI | Cart Abandon | 0-24h | {exclusions}")
}

fn items(name: &AudienceName) -> Vec<(String, Option<String>)> {
    let template = pipe();
    let text = |item: &Exclusion| {
        let subject = template.spelling(&item.subject).unwrap().to_owned();
        (subject, item.window.map(Window::in_exclusion))
    };
    name.exclusions().items().iter().map(text).collect()
}

const EXAMPLE: &str = "CI | Cart Abandon | 0-24h | Excl Purch 7d";

mod names {
    use super::*;

    #[test]
    fn the_example_is_clean_and_unchanged() {
        let parsed = pipe().parse(EXAMPLE);
        assert!(parsed.is_clean(), "{parsed}");
        let name = parsed.name.unwrap();
        assert_eq!(name.prefix(), Some(&Term::free("CI").unwrap()));
        assert_eq!(name.intent(), &Term::known("cart_abandon").unwrap());
        assert_eq!(name.window().unwrap().age_seconds(), Some((0, Some(86_400))));
        assert_eq!(items(&name), [("Purch".to_owned(), Some("7d".to_owned()))]);
        assert_eq!(pipe().render(&name).unwrap(), EXAMPLE);
        assert_eq!(pipe().slug(&name).unwrap(), "ci_cart-abandon_0-24h_excl-purch-7d");
        assert_eq!(
            parsed.spans,
            Spans {
                prefix: Some(0..2),
                intent: Some(5..17),
                window: Some(20..25),
                exclusions: Some(28..41),
                items: std::iter::once(33..41).collect(),
                ..Spans::default()
            }
        );
    }

    #[test]
    fn names_the_engine_writes_are_unchanged() {
        for text in [
            "CI | Supp Purch | 0-7d",
            "CI | Lapsed | 90d+ | Excl Purch 7d",
            "CI | Supp Unsub",
            "CI | Seed High Value | 0-90d",
            "CI | Hold Holdout | Lifetime",
            "CI | Renewal Due | Next 30d | Excl None",
            "CI | mkt:DE,UK | Cross-sell | 20261101..20261130 | Excl Purch 90d+ + Unsub | own:crm | v2 | tier:T1",
        ] {
            let parsed = pipe().parse(text);
            assert!(parsed.is_clean(), "{parsed}");
            assert_eq!(pipe().render(&parsed.name.unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn other_spellings_mean_the_same() {
        let name = AudienceName::parse(EXAMPLE).unwrap();
        let parsed = pipe().parse("ci|abandoned cart|last 24 hours|excluding purchasers 7 days");
        assert_eq!(codes(&parsed), ["W011", "W014"]);
        assert_eq!(parsed.name.unwrap(), name);
        let parsed = pipe().parse("CI | 0-24h | Cart Abandon | Excl Purch 7d");
        assert_eq!(codes(&parsed), ["W012"]);
        assert_eq!(parsed.name.unwrap(), name);
        let parsed = pipe().parse("\tCI |  Cart\u{A0}Abandon | 0-24h | Excl Purch 7d ");
        assert_eq!(codes(&parsed), ["W010"]);
        assert_eq!(parsed.name.unwrap(), name);
        for spelling in ["\tci|0h-24h |ABANDONED  cart|minus buyers L7D ", "Excl Purch 7d | 24h | Cart-Abandon | CI"] {
            assert_eq!(pipe().fix(spelling), EXAMPLE);
        }
    }

    #[test]
    fn slips_are_found_and_mended() {
        let input = "CI | Cart Abadnon | 0-24h | Excl Purhc 7d";
        let parsed = pipe().parse(input);
        assert!(parsed.name.is_none());
        let found: Vec<_> = parsed.diagnostics.iter().map(|f| (f.code, f.span.clone())).collect();
        assert_eq!(found, [(Code::E015, 5..17), (Code::E014, 33..38)]);
        assert_eq!(pipe().fix(input), EXAMPLE);
        assert_eq!(
            parsed.diagnostics[1].explain(input),
            r#"error[AN-E014]: unknown exclusion "Purhc"
  CI | Cart Abadnon | 0-24h | Excl Purhc 7d
                                   ^^^^^ expected one of: Purch, Lead, Signup, …
  help: did you mean "Purch"? (same as Purchased, Purchasers)"#
        );
        assert_eq!(pipe().fix("CI | Cart Abandon | 0-24h | Exlc Purch 7d"), EXAMPLE);
        assert_eq!(codes(&pipe().parse("CI | Cart Abandon | 0-24h | Exlc Purch 7d")), ["E020"]);
    }

    #[test]
    fn one_error_tells_everything() {
        let error = AudienceName::parse("CI | Cart Abadnon | 5m").unwrap_err();
        assert_eq!(
            error.to_string(),
            "audience name \"CI | Cart Abadnon | 5m\": unknown intent \"Cart Abadnon\", did you mean \"Cart Abandon\" \
             (AN-E015); \"m\" may mean minutes or months, did you mean \"min\" (AN-E011); missing exclusions (AN-E005)"
        );
        assert_eq!(error.kind(), crate::error::ErrorKind::Config);
    }

    #[test]
    fn look_alikes_and_other_separators() {
        let parsed = pipe().parse("CI ｜ Cart Abandon ｜ 0-24h");
        let found: Vec<_> = parsed.diagnostics.iter().map(|f| f.code).collect();
        assert_eq!(found, [Code::E004, Code::E004, Code::E005]);
        assert_eq!(pipe().fix("CI ｜ Cart Abandon ｜ 0-24h│Excl Purch 7d"), "CI | Cart Abandon | 0-24h|Excl Purch 7d");
        for text in ["CI / Cart Abandon / 0-24h / Excl Purch 7d", "CI - Cart Abandon - 0-24h - Excl Purch 7d"] {
            let parsed = pipe().parse(text);
            assert_eq!(parsed.diagnostics.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::E004; 3], "{parsed}");
        }
    }

    #[test]
    fn every_fault_has_its_code() {
        for (input, code) in [
            ("", "E002"),
            ("   ", "E002"),
            ("CI || Cart Abandon | 0-24h | Excl Purch 7d", "E002"),
            ("CI | Cart Abandon | 0-24h | Excl Purch 7d |", "E002"),
            ("CI | Cart\u{200B} Abandon | 0-24h | Excl Purch 7d", "E003"),
            ("CI | \"Cart Abandon\" | 0-24h | Excl Purch 7d", "E003"),
            ("CI | Cart Abandon | Excl Purch 7d", "E005"),
            ("Cart Abandon | 0-24h | Excl Purch 7d", "E005"),
            ("CI | 0-24h | Excl Purch 7d", "E005"),
            ("CI | Supp", "E005"),
            ("CI | Cart Abandon | 0-24h | 7d | Excl Purch 7d", "E006"),
            ("CI | Cart Abandon | Lapsed | 0-24h | Excl Purch 7d", "E006"),
            ("CI | Cart Abandon | 1-3 | Excl Purch 7d", "E010"),
            ("CI | Cart Abandon | 5m | Excl Purch 7d", "E011"),
            ("CI | Cart Abandon | 24-0h | Excl Purch 7d", "E012"),
            ("CI | Cart Abandon | 10000d | Excl Purch 7d", "E013"),
            ("CI | Gardening | 0-24h | Excl Purch 7d", "E015"),
            ("CX | Cart Abandon | 0-24h | Excl Purch 7d", "E016"),
            ("CI | Unsub | 0-24h | Excl Purch 7d", "E017"),
            ("CI | Cart Abandon | 0-24h | Excl Trial 7d", "E017"),
            ("CI | Cart Abandon | 0-24h | Excl Purch 7d | tier:T9", "E017"),
            ("CI | mkt:XX | Cart Abandon | 0-24h | Excl Purch 7d", "E018"),
            ("CI | [DE | Cart Abandon | 0-24h | Excl Purch 7d", "E018"),
            ("CI | Cart Abandon | 0-24h | Excl Purch 7d | v0", "E019"),
            ("CI | Cart Abandon | 0-24h | Excl Purch 7d | v1.2", "E019"),
            ("CI | Cart Abandon | 0-24h | Excl Purch 7d | colour:red", "E020"),
            ("CI | Cart Abandon | 20261130..20261101 | Excl Purch 7d", "E024"),
        ] {
            let parsed = pipe().parse(input);
            assert_eq!(codes(&parsed), [code], "{input}\n{parsed}");
            assert!(parsed.name.is_none());
        }
        assert_eq!(codes(&pipe().parse(&"x".repeat(1_025))), ["E001"]);
        assert_eq!(codes(&pipe().parse(&"a|".repeat(20))), ["E001"]);
        assert_eq!(codes(&pipe().parse(&with(&format!("Excl Purch{}", " + Unsub".repeat(20))))), ["E001"]);
    }

    #[test]
    fn optional_fields_have_other_spellings() {
        let name = AudienceName::parse("CI | mkt:DE,AT | Lapsed | 90d+ | Excl None | own:crm | v12 | tier:T2").unwrap();
        let parsed = pipe().parse("CI | [de,at] | Win-back | 90d+ | excl none | @CRM | V12 | Tier: t2");
        assert_eq!(codes(&parsed), ["W011"]);
        assert_eq!(parsed.name.unwrap(), name);
    }

    #[test]
    fn long_names_are_advised_against() {
        let long =
            "CI | mkt:DE,AT,FR,ES,IT | Checkout Abandon | 0-24h | Excl Purch 7d + Unsub + Staff | own:crm.team-abcd";
        let parsed = pipe().parse(long);
        assert_eq!(codes(&parsed), ["W016"]);
        assert_eq!((parsed.diagnostics[0].span.clone(), parsed.name.is_some()), (100..102, true));
        assert!(pipe().parse(&long[..long.len() - 2]).is_clean());
        let mut spec = TemplateSpec::default();
        spec.naming.max_chars = 0;
        assert!(Template::new(spec).unwrap().parse(long).is_clean());
    }

    #[test]
    fn a_megabyte_is_refused_in_few_words() {
        let parsed = pipe().parse(&"CI | Cart Abandon é\u{202E}".repeat(50_000));
        assert_eq!(codes(&parsed), ["E001"]);
        assert!(parsed.to_string().len() < 300 && parsed.diagnostics[0].found.as_ref().unwrap().chars().count() == 64);
        assert!(parsed.into_name().unwrap_err().to_string().len() < 400);
    }

    #[test]
    fn unusual_characters_are_warned_about() {
        let parsed = lax().parse("CI | Women's Shoes 👠 | 0-24h | Excl Purch 7d");
        assert_eq!(codes(&parsed), ["E015", "W015"]);
        assert_eq!(parsed.diagnostics.iter().filter(|f| f.severity == Severity::Warning).count(), 2);
        assert!(parsed.name.is_some());
    }

    #[test]
    fn a_lax_template_keeps_unknown_terms_with_a_note() {
        let parsed = lax().parse("CI | High Rollers | 0-24h | Excl VIP Tier 2 30d");
        assert!(parsed.diagnostics.iter().all(|finding| finding.severity == Severity::Note));
        let name = parsed.name.unwrap();
        assert_eq!(name.intent(), &Term::free("High Rollers").unwrap());
        assert_eq!(items(&name), [("VIP Tier 2".to_owned(), Some("30d".to_owned()))]);
        assert!(pipe().render(&name).unwrap_err().to_string().contains("AN-E015"));
    }
}

mod exclusions {
    use super::*;

    #[test]
    fn lists_are_read_as_the_vectors_say() {
        let purch_unsub = [("Purch", Some("7d")), ("Unsub", None)];
        for (text, expected) in [
            ("Excl Purch 7d + Unsub", purch_unsub.to_vec()),
            ("Excl Purch 7d+Unsub", purch_unsub.to_vec()),
            ("Excl Purch 7d and Unsub", purch_unsub.to_vec()),
            (
                "Excluding Purchasers last 7 days, Unsub & Staff",
                vec![("Purch", Some("7d")), ("Unsub", None), ("Staff", None)],
            ),
            ("Excl Purch 90d+ + Unsub", vec![("Purch", Some("90d+")), ("Unsub", None)]),
            ("Excl Purch 90d++Unsub", vec![("Purch", Some("90d+")), ("Unsub", None)]),
            ("Excl Purch 90d+, Unsub", vec![("Purch", Some("90d+")), ("Unsub", None)]),
            ("Excl Purch 90d+", vec![("Purch", Some("90d+"))]),
            ("Excl Unsub + Purch 1-3mo", vec![("Unsub", None), ("Purch", Some("1-3mo"))]),
        ] {
            let parsed = pipe().parse(&with(text));
            let name = parsed.name.clone().unwrap_or_else(|| panic!("{parsed}"));
            let expected: Vec<_> = expected.into_iter().map(|(s, w)| (s.to_owned(), w.map(str::to_owned))).collect();
            assert_eq!(items(&name), expected, "{text}");
        }
        let none = pipe().parse(&with("Excl None")).name.unwrap();
        assert_eq!(none.exclusions(), &Exclusions::ExplicitNone);
    }

    #[test]
    fn faults_have_the_codes_of_the_vectors() {
        for (text, code) in [
            ("Excl Purch 7d+ Unsub", "E022"),
            ("Excl", "E021"),
            ("Excl ", "E021"),
            ("Excl Purch +", "E023"),
            ("Excl + Purch", "E023"),
            ("Excl Purch 5m", "E011"),
            ("Excl Purch 7", "E010"),
            ("Excl Purch 1-3", "E010"),
            ("Excl Purch 0h", "E012"),
            ("Excl 7d", "E014"),
            ("Excl Gardening", "E014"),
        ] {
            let parsed = pipe().parse(&with(text));
            let errors: Vec<_> = parsed.errors().map(|finding| &finding.code.as_str()[3..]).collect();
            assert_eq!(errors, [code], "{text}\n{parsed}");
        }
    }

    #[test]
    fn an_ambiguous_plus_offers_both_readings() {
        let input = with("Excl Purch 7d+ Unsub");
        let parsed = pipe().parse(&input);
        let read = |at: usize| {
            let suggestion = &parsed.diagnostics[0].suggestions[at];
            let mut text = input.clone();
            text.replace_range(suggestion.span.clone(), &suggestion.replacement);
            items(&AudienceName::parse(&text).unwrap())[0].1.clone().unwrap()
        };
        assert_eq!([read(0), read(1)], ["7d+", "7d"]);
    }

    #[test]
    fn lists_are_mended() {
        for (text, mended) in [
            ("Excl Purch 7d, Unsub, and Staff", "Excl Purch 7d + Unsub + Staff"),
            ("Excl Purch 7d +", "Excl Purch 7d"),
            ("Excl Purch 7d + Unsub + Purch 7d", "Excl Purch 7d + Unsub"),
            ("Excl Purch 7d + Purchased 0-7d + Unsub", "Excl Purch 7d + Unsub"),
        ] {
            assert_eq!(pipe().fix(&with(text)), with(mended));
        }
        assert!(pipe().parse(&with("Excl Purch + Purch")).has(Code::W013));
    }

    #[test]
    fn a_joining_hyphen_keeps_windows_whole() {
        let parsed = underscore().parse("CI_Cart-Abandon_0-24h_Excl-Purch-0-7d");
        assert_eq!(codes(&parsed), ["W014"]);
        let name = parsed.name.unwrap();
        assert_eq!(items(&name), [("Purch".to_owned(), Some("7d".to_owned()))]);
        assert_eq!(underscore().render(&name).unwrap(), "CI_Cart-Abandon_0-24h_Excl-Purch-7d");
    }
}

mod fitting {
    use super::*;

    fn fitted(text: &str, chars: u32, tag: Option<[u8; 3]>) -> crate::error::Result<Fitted> {
        let name = AudienceName::parse(text).unwrap();
        fit(&name, &pipe(), &NameRules::unlimited().with_max_chars(chars), tag)
    }

    #[test]
    fn gives_up_as_little_as_needed() {
        let full = "CI | mkt:DE | Cart Abandon | 0-24h | Excl Purch 7d + Unsub | own:crm | v2 | tier:T1";
        for (chars, text, dropped) in [
            (83, full, vec![]),
            (82, "CI|mkt:DE|Cart Abandon|0-24h|Excl Purch 7d+Unsub|own:crm|v2|tier:T1", vec![]),
            (66, "CI|mkt:DE|AC|0-24h|Excl Pur 7d+Unsub|own:crm|v2|tier:T1", vec![]),
            (54, "CI|mkt:DE|AC|0-24h|Excl Pur 7d+Unsub|v2|tier:T1", vec![FieldKind::Owner]),
            (46, "CI|mkt:DE|AC|0-24h|Excl Pur 7d+Unsub|v2", vec![FieldKind::Owner, FieldKind::Ext]),
            (32, "CI|AC|0-24h|Excl Pur 7d+Unsub|v2", vec![FieldKind::Owner, FieldKind::Ext, FieldKind::Market]),
        ] {
            let fitted = fitted(full, chars, None).unwrap();
            assert_eq!((fitted.text.as_str(), &fitted.dropped), (text, &dropped));
            assert_eq!(fitted.lossy, !dropped.is_empty());
            let read = pipe().parse(&fitted.text).name;
            assert_eq!(read == AudienceName::parse(full).ok(), !fitted.lossy);
        }
        let error = fitted(full, 31, Some([0xF3, 0x5E, 0x41])).unwrap_err().to_string();
        assert!(error.contains("at most 31 characters, found 32") && error.contains("AN-E030"), "{error}");
    }

    #[test]
    fn cuts_the_intent_at_a_word_and_marks_it() {
        let text = "CI | Renewal Due | Next 30d | Excl Purch 7d";
        let cut = fitted(text, 41, None).unwrap();
        assert_eq!(cut.text, "CI|Renewal Due|Next 30d|Excl Purch 7d");
        let lax = lax();
        let name = lax.parse("CI | People Who Walked Away Yesterday | 0-24h | Excl None").name.unwrap();
        let rules = NameRules::unlimited().with_max_chars(38);
        let cut = fit(&name, &lax, &rules, Some([0xF3, 0x5E, 0x41])).unwrap();
        assert_eq!(cut.text, "CI|People Who~f35e41|0-24h|Excl None");
        assert_eq!((cut.lossy, cut.dropped), (true, vec![FieldKind::Intent]));
        assert!(fit(&name, &lax, &rules, None).is_err());
    }
}

mod writing {
    use super::*;

    #[test]
    fn what_would_not_read_back_is_refused() {
        let name = |intent: Term| {
            let base = AudienceName::new(intent).with_prefix(Term::free("CI").unwrap());
            base.with_window("0-24h".parse().unwrap()).with_exclusions(Exclusions::ExplicitNone)
        };
        let free = |text: &str| name(Term::free(text).unwrap());
        for refused in [
            free("Purch"),
            free("Lapsed"),
            free("Seed Round"),
            name(Term::known("no_such_term").unwrap()),
            name(Term::known("purchase").unwrap()),
            free("Gardening").with_version(2).unwrap().with_market([Market::new("XX").unwrap()]),
            free("Gardening").with_ext(Key::new("colour").unwrap(), Value::new("red").unwrap()),
            AudienceName::new(Term::known("lapsed").unwrap()),
        ] {
            assert!(lax().render(&refused).is_err(), "{refused:?}");
        }
        assert_eq!(lax().render(&free("Gardening")).unwrap(), "CI | Gardening | 0-24h | Excl None");
        let window = Window::Range { from: "1d".parse().unwrap(), to: "1h".parse().unwrap() };
        assert!(lax().render(&free("Gardening").with_window(window)).is_err());
        let long = Exclusions::Items(
            (0..16).map(|n| Exclusion::new(Term::free(&format!("{} {n}x", "y".repeat(80))).unwrap(), None)).collect(),
        );
        let error = lax().render(&free("Gardening").with_exclusions(long)).unwrap_err().to_string();
        assert!(error.starts_with("write audience name: expected at most 1024 bytes"), "{error}");
    }

    #[test]
    fn slugs_hold_only_safe_characters() {
        let slug = |text: &str| lax().slug(&lax().parse(text).name.unwrap()).unwrap();
        assert_eq!(
            slug("CI | mkt:DE,AT | Café Zürich 50% | 90d+ | Excl Purch 90d+ + Unsub"),
            "ci_mkt-de-at_cafe-zurich-50_90dplus_excl-purch-90dplus-plus-unsub"
        );
        assert_eq!(
            underscore().slug(&AudienceName::parse(EXAMPLE).unwrap()).unwrap(),
            "ci_cart-abandon_0-24h_excl-purch-7d"
        );
    }

    #[test]
    fn an_open_window_before_another_item_survives_without_padding() {
        let name = AudienceName::parse(&with("Excl Purch 90d+ + Unsub")).unwrap();
        let text = unpadded().render(&name).unwrap();
        assert_eq!(text, "CI|Cart Abandon|0-24h|Excl Purch 90d++Unsub");
        assert_eq!(unpadded().parse(&text).name.unwrap(), name);
    }
}

mod laws {
    use proptest::prelude::*;

    use super::*;

    fn dur() -> impl Strategy<Value = Dur> {
        let unit = proptest::sample::select(vec![Unit::Min, Unit::H, Unit::D, Unit::W, Unit::Mo, Unit::Y]);
        (0..=Dur::MAX, unit).prop_map(|(n, unit)| Dur::new(n, unit).unwrap())
    }

    fn date() -> impl Strategy<Value = Date> {
        (1_u16..=9999, 1_u8..=12, 1_u8..=28).prop_map(|(y, m, d)| Date::new(y, m, d).unwrap())
    }

    fn window() -> impl Strategy<Value = Window> {
        prop_oneof![
            Just(Window::Lifetime),
            (dur(), dur())
                .prop_filter_map("reversed", |(a, b)| Window::range(a, b).or_else(|_| Window::range(b, a)).ok()),
            dur().prop_filter_map("empty", |to| Window::last(to).ok()),
            dur().prop_map(Window::open),
            dur().prop_filter_map("empty", |within| Window::next(within).ok()),
            (date(), date()).prop_filter_map("reversed", |(a, b)| Window::fixed(a.min(b), a.max(b)).ok()),
        ]
    }

    fn known(takes: impl Fn(&VocabTerm) -> bool) -> impl Strategy<Value = Term> {
        let terms = Vocabulary::default().terms.into_iter().filter(takes).map(|term| Term::Known(term.id));
        proptest::sample::select(terms.collect::<Vec<_>>())
    }

    fn free() -> impl Strategy<Value = Term> {
        "[A-Z][a-z]{2,7}( [a-z0-9%.é]{1,6}){0,3}".prop_filter_map("not well formed", |text| Term::free(&text).ok())
    }

    fn exclusions(subject: BoxedStrategy<Term>) -> impl Strategy<Value = Exclusions> {
        let item =
            (subject, proptest::option::of(window())).prop_map(|(subject, window)| Exclusion::new(subject, window));
        prop_oneof![Just(Exclusions::ExplicitNone), proptest::collection::vec(item, 1..5).prop_map(Exclusions::Items)]
    }

    fn role_and_intent() -> impl Strategy<Value = (Role, Term)> {
        prop_oneof![Just(Role::Targeting), Just(Role::Suppression), Just(Role::Seed), Just(Role::Holdout)]
            .prop_flat_map(|role| (Just(role), known(move |term| term.suits(role))))
    }

    fn build(
        ((role, intent), window, exclusions): ((Role, Term), Window, Exclusions),
        (markets, owner, version, tier): (Vec<&'static str>, Option<String>, Option<u16>, Option<&'static str>),
    ) -> AudienceName {
        let mut name = AudienceName::new(intent)
            .with_prefix(Term::free("CI").unwrap())
            .with_role(role)
            .with_window(window)
            .with_exclusions(exclusions)
            .with_market(markets.into_iter().map(|code| Market::new(code).unwrap()));
        if let Some(owner) = owner {
            name = name.with_owner(Slug::new(owner).unwrap());
        }
        if let Some(version) = version {
            name = name.with_version(version).unwrap();
        }
        match tier {
            Some(tier) => name.with_ext(Key::new("tier").unwrap(), Value::new(tier).unwrap()),
            None => name,
        }
    }

    fn extras() -> impl Strategy<Value = (Vec<&'static str>, Option<String>, Option<u16>, Option<&'static str>)> {
        (
            proptest::collection::vec(proptest::sample::select(vec!["DE", "AT", "UK", "EMEA"]), 0..3),
            proptest::option::of("[a-z0-9.-]{1,8}"),
            proptest::option::of(1_u16..=9999),
            proptest::option::of(proptest::sample::select(vec!["T1", "T2", "T3"])),
        )
    }

    fn name() -> impl Strategy<Value = AudienceName> {
        let excluded = known(VocabTerm::is_exclusion).boxed();
        ((role_and_intent(), window(), exclusions(excluded)), extras()).prop_map(|(parts, extras)| build(parts, extras))
    }

    fn free_name() -> impl Strategy<Value = AudienceName> {
        let intent = free().prop_map(|term| (Role::Targeting, term));
        ((intent, window(), exclusions(free().boxed())), extras()).prop_map(|(parts, extras)| build(parts, extras))
    }

    /// Text made of the pieces of names, and of noise.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = proptest::sample::select(vec![
            "CI",
            "cart abandon",
            "Cart Abadnon",
            "Supp",
            "Purch",
            "purhc",
            "Unsub",
            "VIP",
            "Excl",
            "excluding",
            "Exlc",
            "None",
            "and",
            "|",
            " | ",
            "||",
            "｜",
            "/",
            "_",
            "-",
            "+",
            " + ",
            ",",
            "&",
            " ",
            "  ",
            "\t",
            "\u{A0}",
            "7d",
            "90d+",
            "0-24h",
            "last 24 hours",
            "1-3",
            "5m",
            "Next",
            "20261101..20261130",
            "mkt:DE",
            "[de,xx]",
            "@CRM",
            "own:",
            "v2",
            "V0",
            "tier:t1",
            "colour:red",
            "é",
            "e\u{301}",
            "\u{200B}",
            "\"",
            "👠",
            "10000d",
            "2",
            "\n",
        ]);
        proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
    }

    fn check_spans(parsed: &Parsed) {
        let inside =
            |span: &std::ops::Range<usize>| assert!(parsed.input.get(span.clone()).is_some(), "{span:?} {parsed:?}");
        for finding in &parsed.diagnostics {
            inside(&finding.span);
            finding.suggestions.iter().for_each(|suggestion| inside(&suggestion.span));
            finding.related.iter().for_each(|(span, _)| inside(span));
        }
        let spans = &parsed.spans;
        let single =
            [&spans.prefix, &spans.market, &spans.role, &spans.intent, &spans.window, &spans.exclusions, &spans.owner];
        single
            .into_iter()
            .flatten()
            .chain(&spans.version)
            .chain(&spans.items)
            .chain(spans.ext.values())
            .for_each(inside);
    }

    fn templates() -> [Template; 4] {
        [pipe(), lax(), underscore().with_mode(Mode::Lax), unpadded()]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_reads_back(name in name()) {
            for template in templates() {
                let text = template.render(&name).unwrap();
                let parsed = template.parse(&text);
                prop_assert!(parsed.diagnostics.iter().all(|f| f.code == Code::W016), "{text}\n{parsed}");
                prop_assert_eq!(parsed.name.as_ref(), Some(&name));
                let data = serde_json::to_string(&name).unwrap();
                prop_assert_eq!(&serde_json::from_str::<AudienceName>(&data).unwrap(), &name);
            }
        }

        #[test]
        fn free_terms_read_back_or_are_refused(name in free_name()) {
            for template in templates() {
                if let Ok(text) = template.render(&name) {
                    prop_assert_eq!(template.parse(&text).name, Some(name.clone()));
                }
            }
        }

        #[test]
        fn writing_is_idempotent_and_fixing_means_the_same(text in pieces()) {
            for template in templates() {
                let parsed = template.parse(&text);
                check_spans(&parsed);
                let fixed = template.fix(&text);
                let Some(name) = parsed.name else { continue };
                let written = template.render(&name).unwrap();
                prop_assert!(written.len() <= 1_024);
                let again = template.parse(&written).name.unwrap();
                prop_assert_eq!(template.render(&again).unwrap(), written);
                prop_assert_eq!(template.parse(&fixed).name, Some(name));
            }
        }

        #[test]
        fn fixing_removes_what_is_certain(text in pieces()) {
            for template in templates() {
                let fixed = template.parse(&template.fix(&text));
                let left = fixed.diagnostics.iter().find(|finding| {
                    finding.suggestions.first().is_some_and(|best| best.applicability == Applicability::Certain)
                });
                prop_assert!(left.is_none() || fixed.diagnostics.len() >= 64, "{text:?} -> {:?}: {left:?}", fixed.input);
            }
        }

        #[test]
        fn nothing_panics(text in any::<String>(), bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            for text in [text.as_str(), &String::from_utf8_lossy(&bytes)] {
                for template in templates() {
                    let parsed = template.parse(text);
                    check_spans(&parsed);
                    let _ = (parsed.to_string(), template.fix(text), text.parse::<Window>().is_ok());
                    let _ = parsed.diagnostics.iter().map(|f| Position::of(text, f.span.start).line).max();
                }
            }
        }

        #[test]
        fn a_fitted_name_is_within_the_limit(name in name(), chars in 10_u32..120) {
            let rules = NameRules::unlimited().with_max_chars(chars);
            if let Ok(fitted) = fit(&name, &pipe(), &rules, Some([1, 2, 3])) {
                prop_assert!(rules.check(&fitted.text).is_ok());
                prop_assert_eq!(pipe().parse(&fitted.text).name == Some(name), !fitted.lossy);
            }
        }
    }
}
