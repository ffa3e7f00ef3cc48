#[cfg(feature = "phone")]
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};

use super::*;

/// SplitMix64: the same numbers at every run.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    /// The digits of a way through the automaton to a state that accepts. Every way out of a state is as likely.
    fn accepted(&mut self) -> Vec<u8> {
        let mut digits = Vec::new();
        let mut state = ROOT;
        loop {
            let at = STATES_AT + usize::from(state);
            let open: Vec<u8> = (0_u8..10).filter(|digit| WORDS[at + usize::from(*digit)] != 0).collect();
            let ends = state >= BOUNDS[0];
            if open.is_empty() || (ends && self.throw(3) == 0) {
                return digits;
            }
            let digit = open[self.throw(open.len())];
            digits.push(b'0' + digit);
            state = WORDS[at + usize::from(digit)];
        }
    }

    /// A number that is wrong in a digit or two, or in its length.
    fn mutated(&mut self) -> Vec<u8> {
        let mut digits = self.accepted();
        for _ in 0..=self.throw(2) {
            let at = self.throw(digits.len());
            match self.throw(3) {
                0 => digits[at] = b'0' + u8::try_from(self.throw(10)).unwrap(),
                1 => digits.insert(at, b'0' + u8::try_from(self.throw(10)).unwrap()),
                _ if digits.len() > 3 => drop(digits.remove(at)),
                _ => digits.push(b'0'),
            }
        }
        digits
    }

    /// The digits with separators between them, where people put them and where nobody does.
    fn separated(&mut self, digits: &str) -> String {
        let mut out = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && self.throw(4) == 0 {
                out.push_str([" ", "-", "(", ")", ".", "/", ") ", " - ", "  "][self.throw(9)]);
            }
            out.push(digit);
        }
        out
    }
}

#[test]
fn the_table_is_of_the_named_metadata_and_whole() {
    assert_eq!(format!("{}.{}.{}", word(0), word(1), word(2)), super::super::PHONE_METADATA);
    assert_eq!(WORDS.len(), STATES_AT + 10 * (WORDS.len() - STATES_AT) / 10);
    assert!(BOUNDS.is_sorted());
    // The dead state leads nowhere.
    assert_eq!(WORDS[STATES_AT..STATES_AT + 10], [0; 10]);
    let states = WORDS.len() - STATES_AT;
    assert!(WORDS[STATES_AT..].iter().all(|next| next % 10 == 0 && usize::from(*next) < states));
}

#[test]
fn country_codes_are_told_by_their_first_digits() {
    for (digits, length) in [("16502530000", 1), ("4930901820", 2), ("35312345678", 3), ("80012345678", 3)] {
        assert_eq!(code_length(digits.as_bytes()), Some(length), "{digits}");
    }
    for digits in ["", "0", "0049", "999123456", "21"] {
        assert_eq!(code_length(digits.as_bytes()), None, "{digits}");
    }
}

#[test]
fn clean_numbers_are_read_and_the_rest_is_left_alone() {
    let read = |text: &str| fast(text.as_bytes()).map(|it| (it.as_str().to_owned(), it.notes()));
    assert_eq!(read("+4915123456801"), Some(("+4915123456801".to_owned(), Notes::NONE)));
    assert_eq!(read("+44 (20) 7946-0958"), Some(("+442079460958".to_owned(), Notes::NONE)));
    assert_eq!(read("+18003569377"), Some(("+18003569377".to_owned(), Notes::NOT_PERSONAL)));
    for text in [
        // Nothing, no plus, a trunk zero, a test number, fillers, a number that parsing changes, not valid.
        "",
        "+",
        "4915123456801",
        "+44 (0)20 7946 0958",
        "+15125550100",
        "+11234567890",
        "+12222222222",
        "+375810123456",
        "+16501530000",
        // Spaces at the edges and float tails have notes; extensions and letters have a parser.
        " +4915123456801",
        "+4915123456801 ",
        "+4915123456801.0",
        "+4915123456801 x1",
        "+4915123456801;ext=1",
        "++4915123456801",
        "+49+15123456801",
        "+４915123456801",
        "+4915123456801123456",
    ] {
        assert!(read(text).is_none(), "{text}");
    }
}

#[test]
fn national_numbers_are_read_where_they_leave_no_doubt() {
    let read = |text: &str, region: &str| {
        fast_national(text.as_bytes(), Region::parse(region).unwrap()).map(|it| it.as_str().to_owned())
    };
    assert_eq!(read("(650) 253-0000", "US").as_deref(), Some("+16502530000"));
    assert_eq!(read("030/901820", "DE").as_deref(), Some("+4930901820"));
    assert_eq!(read("01 23 08 27 23", "FR").as_deref(), Some("+33123082723"));
    for (text, region) in [
        ("00442079460958", "DE"), // calls abroad
        ("16502530000", "US"),    // a trunk one, or the country code
        ("4915123456801", "DE"),  // with or without its country code
        ("06 1234 5678", "IT"),   // keeps its zero
        ("030 901820", "AQ"),     // no plan
        ("5125550100", "US"),     // a test number
    ] {
        assert_eq!(read(text, region), None, "{text} {region}");
    }
}

/// What the automaton accepts is valid, canonical and of that type by the parser too; what it does not, is not.
#[cfg(feature = "phone")]
fn prove_judgement(dice: &mut Dice) {
    let digits = if dice.throw(2) == 0 { dice.accepted() } else { dice.mutated() };
    let text = format!("+{}", str::from_utf8(&digits).unwrap());
    let verdict = judge(&digits);
    let parsed = PHONE_NUMBER_UTIL.parse(&text, None);
    if let Verdict::Valid { rented } = verdict {
        let number = parsed.as_ref().unwrap();
        assert_eq!(number.format_as(PhoneNumberFormat::E164), text);
        let types = [
            PhoneNumberType::PremiumRate,
            PhoneNumberType::TollFree,
            PhoneNumberType::SharedCost,
            PhoneNumberType::UAN,
            PhoneNumberType::VoiceMail,
        ];
        assert!(number.is_valid(), "{text}");
        assert_eq!(types.contains(&number.get_type()), rented, "{text}");
    }
    if let Ok(number) = parsed {
        let e164 = number.format_as(PhoneNumberFormat::E164);
        assert_eq!(judge(&e164.as_bytes()[1..]).fits(), number.is_valid(), "{text} {e164}");
        assert!(may_be_valid(&digits) || !number.is_valid(), "{text}");
    } else {
        assert!(!verdict.fits(), "{text}");
    }
}

/// What is read without the parser is what the parser reads.
#[cfg(feature = "phone")]
fn prove_reading(dice: &mut Dice) -> bool {
    let digits = if dice.throw(4) == 0 { dice.mutated() } else { dice.accepted() };
    let digits = str::from_utf8(&digits).unwrap();
    let regions = WORDS[REGIONS_AT..STATES_AT].as_chunks::<3>().0;
    let code = code_length(digits.as_bytes()).map_or("", |length| &digits[..length]);
    // Mostly a region of the number's own code.
    let own: Vec<_> = regions.iter().filter(|[_, its, _]| its.to_string() == code).collect();
    let region = if own.is_empty() || dice.throw(8) == 0 {
        &regions[dice.throw(regions.len())]
    } else {
        own[dice.throw(own.len())]
    };
    let letters = region[0].to_be_bytes();
    // Ascension and Tristan da Cunha have plans and no ISO code.
    let Ok(region) = Region::parse(str::from_utf8(&letters).unwrap()) else { return false };
    let text = match dice.throw(4) {
        0 => format!("+{digits}"),
        1 => digits[code.len()..].to_owned(),
        2 => format!("0{}", &digits[code.len()..]),
        _ => digits.to_owned(),
    };
    let text = if dice.throw(2) == 0 { dice.separated(&text) } else { text };
    let reading = Reading {
        region: Some(region),
        region_is_own: dice.throw(2) == 0,
        require_valid: false,
        allow_test_values: false,
    };
    let Some(number) = fast_reading(&text, reading) else { return false };
    let slow = super::super::parse::canonical_phone(&text, reading);
    assert_eq!(slow, Ok((number.as_str().into(), number.notes())), "{text} {region}");
    true
}

#[cfg(feature = "phone")]
#[test]
fn the_automaton_judges_as_the_parser_does() {
    let mut dice = Dice(1);
    (0..4_000).for_each(|_| prove_judgement(&mut dice));
}

#[cfg(feature = "phone")]
#[test]
fn what_is_read_fast_is_what_the_parser_reads() {
    let mut dice = Dice(2);
    assert!((0..4_000).filter(|_| prove_reading(&mut dice)).count() > 1_000);
}

/// For new metadata: `cargo test --release --lib e164 -- --ignored`.
#[cfg(feature = "phone")]
#[test]
#[ignore = "minutes; to be run when the table is made anew"]
fn millions_of_numbers_are_judged_and_read_as_the_parser_does() {
    let mut dice = Dice(3);
    (0..24_000_000).for_each(|_| prove_judgement(&mut dice));
    let read: u32 = (0..24_000_000).map(|_| u32::from(prove_reading(&mut dice))).sum();
    println!("24000000 numbers judged and 24000000 texts read, {read} of them the fast way, no difference");
}

/// A number that is valid with a country code of its own once its old prefix is gone is not read fast.
#[cfg(feature = "phone")]
#[test]
fn what_could_be_an_old_mexican_number_is_left_to_the_parser() {
    let region = Region::parse("DE").unwrap();
    assert!(fast_national(b"5213000450697", region).is_none());
    let reading = Reading { region: Some(region), region_is_own: true, ..Reading::default() };
    let (number, notes) = super::super::canonical_phone("5213000450697", reading).unwrap();
    assert_eq!(&*number, "+495213000450697");
    assert!(notes.contains(Notes::AMBIGUOUS_COUNTRY_CODE));
}
