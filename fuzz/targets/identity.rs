//! Every kind takes any text without a panic; canonical twice is canonical once; no reason shows the value.
#![no_main]

use audience_sync::identity::{Canonicalizer, Hashed, IdentifierKind, Member, Region, RegionHint, profiles};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let canonicalizer = Canonicalizer::new();
    let german = Region::parse("DE").expect("a region");
    for kind in IdentifierKind::ALL.iter().copied() {
        for region in [RegionHint::Unset, RegionHint::from(german)] {
            let Ok(once) = canonicalizer.canonicalize(kind, text, region) else { continue };
            let canonical = once.as_str().expect("plain text stays text");
            let twice = canonicalizer.canonicalize(kind, canonical, region).expect("canonical is accepted");
            assert_eq!(Some(canonical), twice.as_str(), "{kind}");
        }
        let member = Member::new("m").identifier(kind, text);
        let _ = canonicalizer.canonicalize_member(&member).project(&profiles::META_CUSTOM_AUDIENCE);
    }
    let _ = (Hashed::sha256_hex(text), Hashed::sha256_base64(text));
});
