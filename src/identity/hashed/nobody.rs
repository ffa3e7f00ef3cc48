//! Digests that stand for nobody.

use std::collections::HashSet;
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256, Sha512};

use super::digest::Digest;
use crate::identity::{clean, email};

/// MD5 and SHA-1 of the empty text (RFC 1321 appendix A.5; `sha1sum < /dev/null`).
const MD5_OF_NOTHING: [u8; 16] =
    [0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e];
const SHA1_OF_NOTHING: [u8; 20] = [
    0xda, 0x39, 0xa3, 0xee, 0x5e, 0x6b, 0x4b, 0x0d, 0x32, 0x55, 0xbf, 0xef, 0x95, 0x60, 0x18, 0x90, 0xaf, 0xd8, 0x07,
    0x09,
];

/// Whether the digest is one of a value that is refused as a placeholder where it is plain, or all zeros or ones.
///
/// The whole filler lists of e-mail and phone as SHA-256 and SHA-512, some two thousand digests made once, at first
/// use. Reserved domains and NANP 555-01xx are patterns, not lists: their digests cannot be told.
pub(super) fn is_nobody(digest: &Digest) -> bool {
    let bytes = digest.as_bytes();
    // Nobody's digest, but what fills a column of them.
    let is_filler = bytes.iter().all(|byte| *byte == 0) || bytes.iter().all(|byte| *byte == u8::MAX);
    is_filler || NOBODY.contains(digest)
}

static NOBODY: LazyLock<HashSet<Digest>> = LazyLock::new(|| {
    let mut digests = HashSet::from([Digest::Md5(MD5_OF_NOTHING), Digest::Sha1(SHA1_OF_NOTHING)]);
    for value in null_like().chain(email::fillers()).chain(phones()) {
        digests.insert(Digest::Sha256(Sha256::digest(&value).into()));
        digests.insert(Digest::Sha512(Sha512::digest(&value).into()));
    }
    digests
});

/// Null-like words as files have them (`null`, `NULL`, `Null`), and what is left of an empty cell.
fn null_like() -> impl Iterator<Item = String> {
    let words = clean::NULL_LIKE.iter().flat_map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        [(*word).to_owned(), word.to_ascii_uppercase(), first.to_ascii_uppercase() + rest]
    });
    words.chain(["", " ", "\n", "\r\n", "0", "+", "@", "NaN", "[object Object]"].map(str::to_owned))
}

/// The fillers of the phone parser, with and without `+`.
fn phones() -> impl Iterator<Item = String> {
    let equal = ('0'..='9').flat_map(|digit| (5..=15).map(move |len| digit.to_string().repeat(len)));
    let typed = ["12345678", "123456789", "1234567890", "0123456789", "9876543210", "10000000000", "15555555555"];
    equal.chain(typed.map(str::to_owned)).flat_map(|digits| [format!("+{digits}"), digits])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha256(hex: &str) -> Digest {
        Digest::Sha256(const_hex::decode_to_array(hex).unwrap())
    }

    #[test]
    fn digests_of_the_filler_lists_are_known() {
        // each by `printf '%s' … | sha256sum`
        for (value, hex) in [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (" ", "36a9e7f1c95b82ffb99743e0c5c4ce95d83c9a430aac59f84ef3cbfab6145068"),
            ("null", "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b"),
            ("NULL", "fb329000228cc5a24c264c57139de8bf854fc86fc18bf1c04ab61a2b5cb4b921"),
            ("None", "dc937b59892604f5a86ac96936cd7ff09e25f18ae6b758e8014a24c7fa039e91"),
            ("none", "140bedbf9c3f6d56a9846d2ba7088798683f4da0c248231336e6a05679e4fdfe"),
            ("undefined", "eb045d78d273107348b0300c01d29b7552d622abbc6faf81b3ec55359aa9950c"),
            ("nan", "9b2d5b4678781e53038e91ea5324530a03f27dc1d0e5f6c9bc9d493a23be9de0"),
            ("NaN", "d5b592c05dc25b5032553f1b27f4139be95e881f73db33b02b05ab20c3f9981e"),
            ("n/a", "a683c5c5349f6f7fb903ba8a9e7e55d0ba1b8f03579f95be83f4954c33e81098"),
            ("N/A", "e2f79e5b60330bba4c289962231b6ba2957d0b14e7deb3110417003c79dea635"),
            ("unknown", "b23a6a8439c0dde5515893e7c90c1e3233b8616e634470f20dc4928bcf3609bc"),
            ("#N/A", "7526c6e7e976745abb3aa27c5eb0a1002637e55eaeda2da59f8cbb80ea916f88"),
            ("[object Object]", "b28c94b2195c8ed259f0b415aaee3f39b0b2920a4537611499fa044956917a21"),
            ("\\N", "b582d3167c70c098fdfefc2c847a1aae83150febc4602a51ef83a84a175d417c"),
            ("test@test.com", "f660ab912ec121d1b1e928a0bb4bc61b15f5ad44d5efdc4e1c92a25e99b8e44a"),
            ("none@none.com", "ca871b3caae791a6a4b969195738f187bc7e993d13e98d522153a21885557fb6"),
            ("noreply@noreply.com", "16db85142f268b88be1bde48dc17ab86914c1294f36bd6c80674eb1a815544b4"),
            ("test@example.com", "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"),
            ("user@domain.com", "f7ee5ec7312165148b69fcca1d29075b14b8aef0b5048a332b18b88d09069fb7"),
            ("1234567890", "c775e7b757ede630cd0aa1113bd102661ab38829ca52a6422ab782862f268646"),
            ("+1234567890", "422ce82c6fc1724ac878042f7d055653ab5e983d186e616826a72d4384b68af8"),
            ("5555555555", "a5ad7e6d5225ad00c5f05ddb6bb3b1597a843cc92f6cf188490ffcb88a1ef4ef"),
            ("+10000000000", "ec29282cb39258fd1bb155db71dc219b4c9213ec9b7d13f0a9bc9fe34e1c87d0"),
            ("0000000000", "84d9c4b849506b6d8f8075a9000e7e0a254be71060ea889fad3c88395988f4fc"),
        ] {
            assert!(is_nobody(&sha256(hex)), "{value:?}");
        }
        // md5sum, sha1sum and sha512sum of nothing
        for nothing in [
            Digest::Md5(const_hex::decode_to_array("d41d8cd98f00b204e9800998ecf8427e").unwrap()),
            Digest::Sha1(const_hex::decode_to_array("da39a3ee5e6b4b0d3255bfef95601890afd80709").unwrap()),
            Digest::Sha512(
                const_hex::decode_to_array(concat!(
                    "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce",
                    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
                ))
                .unwrap(),
            ),
        ] {
            assert!(is_nobody(&nothing));
        }
    }

    #[test]
    fn a_person_is_somebody() {
        // ads-core.md 1.4: ada.lovelace@example.org
        assert!(!is_nobody(&sha256("7799473ff091b38137e0698047364e040446fe7cb3209e8321d5a865127853d0")));
        for filler in ['0', 'F'] {
            assert!(is_nobody(&sha256(&filler.to_string().repeat(64))));
        }
        assert!(!is_nobody(&sha256(&"0F".repeat(32))));
    }
}
