use proptest::prelude::*;

use super::*;
use crate::identity::Canonicalizer;
use IdentifierKind::{Email, ExternalId, FirstName, LastName, Phone};

// `printf nora@quist.se | sha256sum`, `sha512sum`, `sha1sum`, `md5sum`, and `openssl sha256 -binary | base64`
const SHA256: &str = "8c7c92a143370b76f06a44f7dadfc47a34a104e03b75980ec943ac67ab19dc41";
const SHA512: &str = concat!(
    "9becdf3082b00491b915fd7502362bb1fbe58e8f533ae7bbea7ea6adbcfc1a52",
    "992234a87260c558e0210966205c07f3def9351d8a14f550fab3ad6c04f5673a"
);
const SHA1: &str = "b6e679afa82dfdb6f2283fca330e54f61e013f50";
const MD5: &str = "27486bc2362f04ce84c72f3ee03af32a";
const BASE64: &str = "jHySoUM3C3bwakT32t/EejShBOA7dZgOyUOsZ6sZ3EE=";

const KINDS: [IdentifierKind; 5] = [Email, Phone, ExternalId, FirstName, LastName];

/// What was read: the digest in hex, or the text as it was.
fn read(kind: IdentifierKind, text: &str, policy: ColumnPolicy) -> std::result::Result<String, Reject> {
    read_cell(kind, text, policy, None).map(|input| match input {
        Input::Plain(plain) => plain.as_str().to_owned(),
        Input::Hashed(hashed) => format!("#{}", const_hex::encode(hashed.digest())),
    })
}

fn hashed(hex: &str) -> std::result::Result<String, Reject> {
    Ok(format!("#{hex}"))
}

#[test]
fn a_column_left_to_its_values_finds_digests_of_every_form() {
    for (cell, hex) in [
        (SHA256.to_uppercase(), SHA256),
        (format!(" \"{SHA256}\"\n"), SHA256),
        (format!("\u{FEFF}sha256:{SHA256}.AQYBAQIA"), SHA256),
        (format!("0x{}\u{200B}", SHA256.to_uppercase()), SHA256),
        (BASE64.to_owned(), SHA256),
        (BASE64.trim_end_matches('=').replace('+', "-").replace('/', "_"), SHA256),
        (SHA512.to_uppercase(), SHA512),
        (SHA1.to_owned(), SHA1),
        (format!("md5:{MD5}"), MD5),
    ] {
        for kind in KINDS {
            assert_eq!(read(kind, &cell, ColumnPolicy::Auto), hashed(hex), "{cell}");
            assert_eq!(read(kind, &cell, ColumnPolicy::Hashed), hashed(hex), "{cell}");
            let plain = read(kind, &cell, ColumnPolicy::Plain);
            assert_eq!(plain, if kind == ExternalId { Ok(cell.clone()) } else { Err(Reject::HashedInPlain) });
        }
    }
}

#[test]
fn thirty_two_hex_digits_are_md5_only_where_nothing_else_looks_so() {
    for cell in [MD5.to_owned(), MD5.to_uppercase(), format!("0x{MD5}")] {
        for kind in [Email, Phone] {
            assert_eq!(read(kind, &cell, ColumnPolicy::Auto), hashed(MD5));
            assert_eq!(read(kind, &cell, ColumnPolicy::Plain), Err(Reject::HashedInPlain));
        }
        for kind in [ExternalId, FirstName, LastName] {
            assert_eq!(read(kind, &cell, ColumnPolicy::Auto), Ok(cell.clone()));
            assert_eq!(read(kind, &cell, ColumnPolicy::Plain), Ok(cell.clone()));
            assert_eq!(read(kind, &cell, ColumnPolicy::Hashed), hashed(MD5));
        }
    }
}

#[test]
fn plain_values_are_handed_on_as_they_are() {
    let cells =
        ["", " Nora@Quist.se ", "null", "+46 8 123 456 78", &SHA256[1..], "Wolfeschlegelsteinhausenbergerdorff"];
    for cell in cells {
        for kind in KINDS {
            assert_eq!(read(kind, cell, ColumnPolicy::Auto), Ok(cell.to_owned()));
            assert_eq!(read(kind, cell, ColumnPolicy::Plain), Ok(cell.to_owned()));
            assert!(read(kind, cell, ColumnPolicy::Hashed).is_err());
        }
    }
}

#[test]
fn a_hashed_column_says_why_a_cell_is_no_digest() {
    for (cell, reject) in [
        (" ", Reject::Missing),
        ("\"\"", Reject::Missing),
        ("NULL", Reject::Placeholder),
        ("nora@quist.se", Reject::MalformedDigest),
        (&SHA256[1..], Reject::MalformedDigest),
        // `sha256sum < /dev/null`
        ("E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", Reject::Placeholder),
    ] {
        assert_eq!(read(Email, cell, ColumnPolicy::Hashed), Err(reject), "{cell}");
    }
    // A digest of nothing is no plain value either.
    let nothing = "d41d8cd98f00b204e9800998ecf8427e";
    assert_eq!(read(Email, nothing, ColumnPolicy::Auto), Err(Reject::Placeholder));
    assert_eq!(read(Email, nothing, ColumnPolicy::Plain), Err(Reject::HashedInPlain));
}

#[test]
fn a_digest_has_the_convention_of_its_column() {
    let declared = Some(HashConvention::EmailGmailFolded);
    let Ok(Input::Hashed(digest)) = read_cell(Email, SHA256, ColumnPolicy::Auto, declared) else { panic!() };
    assert_eq!(digest.convention(), declared);
    assert_eq!(read_cell(Email, "a@quist.se", ColumnPolicy::Auto, declared), Ok("a@quist.se".into()));
}

#[test]
fn ids_are_plain_unless_declared_otherwise() {
    assert_eq!(
        KINDS.map(ColumnPolicy::default_for).map(|policy| policy == ColumnPolicy::Plain),
        [false, false, true, false, false]
    );
    assert_eq!(serde_json::to_string(&ColumnPolicy::Auto).unwrap(), "\"auto\"");
}

#[test]
fn the_canonicalizer_takes_no_digest_as_plain() {
    for cell in [SHA256, SHA512, SHA1, BASE64, &format!(" SHA256:{}", SHA256.to_uppercase())] {
        for kind in [Email, Phone, FirstName, LastName] {
            let read = Canonicalizer::new().canonicalize(kind, cell, None);
            assert_eq!(read.err(), Some(Reject::HashedInPlain), "{kind} {cell}");
        }
        let id = Canonicalizer::new().canonicalize(ExternalId, cell, None).unwrap();
        assert_eq!(id.as_str(), Some(cell.trim()));
    }
    let read = |kind| Canonicalizer::new().canonicalize(kind, MD5, None).err();
    assert_eq!(
        [read(Email), read(Phone), read(ExternalId)],
        [Some(Reject::HashedInPlain), Some(Reject::HashedInPlain), None]
    );
}

fn share(kind: IdentifierKind, digests: usize, plain: usize, empty: usize) -> DigestShare {
    let mut share = DigestShare::new(kind);
    let cells = [(SHA256, digests), ("nora@quist.se", plain), ("", empty / 2), ("n/a", empty.div_ceil(2))];
    cells.iter().flat_map(|(cell, times)| std::iter::repeat_n(cell, *times)).for_each(|cell| share.observe(cell));
    share
}

#[test]
fn a_plain_column_that_is_mostly_digests_is_refused() {
    assert!(share(Email, 11, 10, 0).verdict().is_err());
    assert!(share(Email, 11, 9, 500).verdict().is_err());
    // Half is not more than half.
    assert!(share(Email, 10, 10, 0).verdict().is_ok());
    assert!(share(Email, 10, 11, 0).verdict().is_ok());
    // Too few to judge.
    assert!(share(Email, 19, 0, 500).verdict().is_ok());
    assert!(share(Email, 20, 0, 0).verdict().is_err());
    // Ids may be 64 hex digits.
    assert!(share(ExternalId, 100, 0, 0).verdict().is_ok());

    let mut whole = share(Email, 15, 1, 4);
    whole.merge(share(Email, 0, 13, 4));
    assert_eq!((whole.values(), whole.digests()), (29, 15));
    assert_eq!(
        whole.verdict().unwrap_err().to_string(),
        "read a column of kind email declared plain: expected plain values, found 15 of 29 that look like digests: \
         declare the column as hashed, with the convention they were made by"
    );
}

fn cells() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ \"']?(sha256:|SHA1:|md5:|0x|0X)?[0-9a-fA-F]{30,66}(\\.[A-Za-z]{0,3})?[ \"'\u{FEFF}]?",
        "[A-Za-z0-9+/_-]{40,46}={0,3}",
        "[0-9a-fA-F]{126,130}",
        "\\PC{28,48}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_read_or_refused_and_never_shown(text in cells(), kind in 0..5_usize, policy in 0..3_usize) {
        let kind = KINDS[kind];
        let policy = [ColumnPolicy::Auto, ColumnPolicy::Plain, ColumnPolicy::Hashed][policy];
        let planted = format!("{text}\u{2603}{text}");
        for text in [&text, &planted] {
            let result = read_cell(kind, text, policy, None);
            let mut shown = format!("{result:?}");
            match &result {
                Err(reject) => shown += &reject.to_string(),
                Ok(input @ Input::Plain(plain)) => {
                    prop_assert_eq!(plain.as_str(), text);
                    prop_assert!(policy != ColumnPolicy::Hashed);
                    shown += &format!("{input:?}");
                }
                Ok(Input::Hashed(_)) => prop_assert!(policy != ColumnPolicy::Plain),
            }
            // Short texts occur in every message: `a` stands in `Placeholder`.
            prop_assert!(text.len() < 12 || !shown.contains(text.trim()), "{}", shown.len());
            let mut share = DigestShare::new(kind);
            (0..20).for_each(|_| share.observe(text));
            if let Err(error) = share.verdict() {
                let shown = format!("{error} {error:?} {share:?}");
                prop_assert!(!shown.contains(text.trim()));
            }
        }
    }

    #[test]
    fn plain_and_automatic_agree_on_what_is_a_digest(text in cells(), kind in 0..5_usize) {
        let kind = KINDS[kind];
        let auto = read_cell(kind, &text, ColumnPolicy::Auto, None);
        let plain = read_cell(kind, &text, ColumnPolicy::Plain, None);
        if kind != ExternalId {
            prop_assert_eq!(matches!(auto, Ok(Input::Plain(_))), plain.is_ok());
        }
        if let Ok(Input::Hashed(_)) = auto {
            prop_assert_eq!(read_cell(kind, &text, ColumnPolicy::Hashed, None), auto);
        }
    }
}
