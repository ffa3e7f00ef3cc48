//! Why a value cannot be used, and what was done to those that can.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::{Error, ErrorKind};

/// Why a value was not used. Never holds the value.
///
/// Serialized as its [code](Self::code).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reject {
    /// Empty, or nothing is left once it is brought into the form the destination wants.
    Missing,
    /// A word that stands for "no value" (`n/a`, `none@none.com`, `1234567890`).
    Placeholder,
    /// Reserved for tests and fiction (`example.com`, NANP 555-01xx).
    TestValue,
    /// Longer than such a value can be.
    TooLong,
    /// Not an e-mail address.
    Email(EmailReason),
    /// Not a usable phone number.
    Phone(PhoneReason),
    /// A digest in a place for plain values: give it as [`Hashed`](super::Hashed), or it would be hashed twice.
    HashedInPlain,
    /// A digest of another pre-image or algorithm than the destination matches on, or a digest where it wants the clear
    /// value.
    HashedUnusable,
    /// Not a digest: neither hex of a length some algorithm makes, nor 32 bytes of base64.
    MalformedDigest,
    /// The crate was built without the feature this value needs (`phone`: numbers that are no clean E.164).
    FeatureDisabled,
    /// More values of one kind than the destination takes of one member.
    OverLimit,
    /// Not an exact decimal number.
    BadNumber,
    /// Not a usable date of birth.
    BirthDate(BirthDateReason),
    /// Not a country by its ISO 3166-1 codes, its name, or one of its common forms.
    UnknownCountry,
    /// Not a postcode, or not one of the member's country.
    BadPostal,
    /// Not an advertising id: 32 hex digits in the groups of a UUID.
    BadDeviceId,
    /// The id of a device whose owner has switched ad tracking off: all zeros.
    LimitedAdTracking,
    /// Not an IP address.
    BadIp,
    /// An address that is not a person's on the internet: private, loopback, link-local, shared (RFC 6598).
    PrivateIp,
    /// Not a click id: white space in it, or not of its platform's form.
    BadClickId,
    /// Not a raw UID2 or EUID of 44 characters. Advertising tokens are longer and expire.
    NotRawUid,
    /// Not a RampID.
    BadRampId,
    /// Not the name of an account.
    BadHandle,
    /// A control character, or white space in an id that has none.
    BadCharacter,
    /// A plain value of a derived kind: give the kind it is [made from](super::IdentifierKind::source).
    DerivedKind,
    /// Well formed, but the destination does not take this value (an id with other characters, another country).
    NotTaken,
    /// A phone number of less than 10 digits: UID2 and EUID operators refuse it.
    Uid2TooShort,
    /// Not sent, because another part of the address is missing and the destination takes all or none.
    IncompleteAddress,
}

/// Why a text is not an e-mail address.
///
/// What is accepted: dot-atom local parts (RFC 5321 section 4.1.2, RFC 5322 section 3.2.3) and domain names
/// (RFC 1035, RFC 5890) with at least two labels, and text outside ASCII (RFC 6531).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EmailReason {
    /// No `@`.
    NoAt,
    /// More than one `@`.
    MultipleAt,
    /// Nothing before the `@`.
    EmptyLocal,
    /// Nothing after the `@`.
    EmptyDomain,
    /// More than 64 octets before the `@`.
    LocalTooLong,
    /// More than 254 octets in all (RFC 3696, erratum 1690).
    TooLong,
    /// White space between two words.
    InnerSpace,
    /// A character that may not stand there.
    BadChar,
    /// A dot at the beginning or end of a part.
    DotEdge,
    /// Two dots in a row.
    DoubleDot,
    /// A domain of one label.
    NoTld,
    /// A top-level domain of digits.
    NumericTld,
    /// A label longer than 63 octets, with a hyphen at its edge, or not a name in its script.
    BadLabel,
    /// A quoted local part: no destination has such a key.
    Quoted,
    /// A comment in brackets.
    Comment,
    /// An address literal such as `[192.0.2.1]`.
    Literal,
    /// Several addresses in one value. [`Member`](super::Member) values are split; single values are refused.
    MultiValue,
}

/// Why a text is not a usable phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PhoneReason {
    /// Not a number at all.
    NotANumber,
    /// A national number without a known region: set a country or a default region. Regions are never guessed.
    NoRegion,
    /// No region has this country code.
    CountryCode,
    /// Too few digits for its region.
    TooShort,
    /// Too many digits for its region.
    TooLong,
    /// A length between the shortest and the longest that no number of the region has.
    InvalidLength,
    /// Possible by its length, but not a number that is given out.
    NotValid,
    /// Digits lost in a spreadsheet (`4.15555E+09`).
    SpreadsheetDamage,
    /// Several numbers in one value. [`Member`](super::Member) values are split; single values are refused.
    MultiValue,
}

/// Why a text is not a usable date of birth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BirthDateReason {
    /// Not a date in a form that is read here.
    Format,
    /// `04/05/1984`: day and month could be either, and no [order](super::DateOrder) is declared.
    Ambiguous,
    /// A year of two digits: the century is not guessed.
    TwoDigitYear,
    /// No such day in the calendar.
    NotADay,
    /// Before 1900, or too young.
    OutOfRange,
}

impl Reject {
    /// Every reason, in the order of declaration.
    pub const ALL: &'static [Self] = &[
        Self::Missing,
        Self::Placeholder,
        Self::TestValue,
        Self::TooLong,
        Self::Email(EmailReason::NoAt),
        Self::Email(EmailReason::MultipleAt),
        Self::Email(EmailReason::EmptyLocal),
        Self::Email(EmailReason::EmptyDomain),
        Self::Email(EmailReason::LocalTooLong),
        Self::Email(EmailReason::TooLong),
        Self::Email(EmailReason::InnerSpace),
        Self::Email(EmailReason::BadChar),
        Self::Email(EmailReason::DotEdge),
        Self::Email(EmailReason::DoubleDot),
        Self::Email(EmailReason::NoTld),
        Self::Email(EmailReason::NumericTld),
        Self::Email(EmailReason::BadLabel),
        Self::Email(EmailReason::Quoted),
        Self::Email(EmailReason::Comment),
        Self::Email(EmailReason::Literal),
        Self::Email(EmailReason::MultiValue),
        Self::Phone(PhoneReason::NotANumber),
        Self::Phone(PhoneReason::NoRegion),
        Self::Phone(PhoneReason::CountryCode),
        Self::Phone(PhoneReason::TooShort),
        Self::Phone(PhoneReason::TooLong),
        Self::Phone(PhoneReason::InvalidLength),
        Self::Phone(PhoneReason::NotValid),
        Self::Phone(PhoneReason::SpreadsheetDamage),
        Self::Phone(PhoneReason::MultiValue),
        Self::HashedInPlain,
        Self::HashedUnusable,
        Self::MalformedDigest,
        Self::FeatureDisabled,
        Self::OverLimit,
        Self::BadNumber,
        Self::BirthDate(BirthDateReason::Format),
        Self::BirthDate(BirthDateReason::Ambiguous),
        Self::BirthDate(BirthDateReason::TwoDigitYear),
        Self::BirthDate(BirthDateReason::NotADay),
        Self::BirthDate(BirthDateReason::OutOfRange),
        Self::UnknownCountry,
        Self::BadPostal,
        Self::BadDeviceId,
        Self::LimitedAdTracking,
        Self::BadIp,
        Self::PrivateIp,
        Self::BadClickId,
        Self::NotRawUid,
        Self::BadRampId,
        Self::BadHandle,
        Self::BadCharacter,
        Self::DerivedKind,
        Self::NotTaken,
        Self::Uid2TooShort,
        Self::IncompleteAddress,
    ];

    /// The reason as a stable word, as it stands in reports: `email.no_at`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Placeholder => "placeholder",
            Self::TestValue => "test_value",
            Self::TooLong => "too_long",
            Self::Email(reason) => reason.code(),
            Self::Phone(reason) => reason.code(),
            Self::HashedInPlain => "hashed_in_plain",
            Self::HashedUnusable => "hashed_unusable",
            Self::MalformedDigest => "malformed_digest",
            Self::FeatureDisabled => "feature_disabled",
            Self::OverLimit => "over_limit",
            Self::BadNumber => "bad_number",
            Self::BirthDate(reason) => reason.code(),
            Self::UnknownCountry => "unknown_country",
            Self::BadPostal => "bad_postal",
            Self::BadDeviceId => "bad_device_id",
            Self::LimitedAdTracking => "limited_ad_tracking",
            Self::BadIp => "bad_ip",
            Self::PrivateIp => "private_ip",
            Self::BadClickId => "bad_click_id",
            Self::NotRawUid => "not_raw_uid",
            Self::BadRampId => "bad_ramp_id",
            Self::BadHandle => "bad_handle",
            Self::BadCharacter => "bad_character",
            Self::DerivedKind => "derived_kind",
            Self::NotTaken => "not_taken",
            Self::Uid2TooShort => "uid2_too_short",
            Self::IncompleteAddress => "incomplete_address",
        }
    }

    /// The reason of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reject| reject.code() == code)
    }
}

impl EmailReason {
    const fn code(self) -> &'static str {
        match self {
            Self::NoAt => "email.no_at",
            Self::MultipleAt => "email.multiple_at",
            Self::EmptyLocal => "email.empty_local",
            Self::EmptyDomain => "email.empty_domain",
            Self::LocalTooLong => "email.local_too_long",
            Self::TooLong => "email.too_long",
            Self::InnerSpace => "email.inner_space",
            Self::BadChar => "email.bad_char",
            Self::DotEdge => "email.dot_edge",
            Self::DoubleDot => "email.double_dot",
            Self::NoTld => "email.no_tld",
            Self::NumericTld => "email.numeric_tld",
            Self::BadLabel => "email.bad_label",
            Self::Quoted => "email.quoted",
            Self::Comment => "email.comment",
            Self::Literal => "email.literal",
            Self::MultiValue => "email.multi_value",
        }
    }
}

impl PhoneReason {
    const fn code(self) -> &'static str {
        match self {
            Self::NotANumber => "phone.not_a_number",
            Self::NoRegion => "phone.no_region",
            Self::CountryCode => "phone.country_code",
            Self::TooShort => "phone.too_short",
            Self::TooLong => "phone.too_long",
            Self::InvalidLength => "phone.invalid_length",
            Self::NotValid => "phone.not_valid",
            Self::SpreadsheetDamage => "phone.spreadsheet_damage",
            Self::MultiValue => "phone.multi_value",
        }
    }
}

impl BirthDateReason {
    const fn code(self) -> &'static str {
        match self {
            Self::Format => "birth_date.format",
            Self::Ambiguous => "birth_date.ambiguous",
            Self::TwoDigitYear => "birth_date.two_digit_year",
            Self::NotADay => "birth_date.not_a_day",
            Self::OutOfRange => "birth_date.out_of_range",
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for Reject {}

/// A refused value as an error of kind [`ErrorKind::Config`], for code that reads configurations.
impl From<Reject> for Error {
    fn from(reject: Reject) -> Self {
        Self::new(ErrorKind::Config, format!("expected a usable value, found one refused as {reject}"))
    }
}

impl Serialize for Reject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Reject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_code(&code).ok_or_else(|| de::Error::custom("expected the code of a reject reason"))
    }
}

/// What was done to a value on its way to the canonical form, and what is odd about it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Notes(u64);

macro_rules! notes {
    ($($(#[$doc:meta])* $name:ident = $bit:literal, $word:literal;)*) => {
        impl Notes {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*

            pub(in crate::identity) const WORDS: &'static [(Self, &'static str)] = &[$((Self::$name, $word),)*];
        }
    };
}

notes! {
    /// White space at the edges was removed.
    TRIMMED = 0, "trimmed";
    /// Upper case became lower case.
    LOWERCASED = 1, "lowercased";
    /// Invisible or control characters were removed.
    INVISIBLE_REMOVED = 2, "invisible_removed";
    /// Full-width or other compatibility characters became their plain form.
    WIDTH_FOLDED = 3, "width_folded";
    /// Composed to Unicode NFC.
    NFC_APPLIED = 4, "nfc_applied";
    /// One pair of wrapping quotes or angle brackets was removed.
    UNWRAPPED = 5, "unwrapped";
    /// `mailto:`, `tel:` and the like were removed.
    SCHEME_STRIPPED = 6, "scheme_stripped";
    /// A display name before `<address>` was removed.
    DISPLAY_NAME_STRIPPED = 7, "display_name_stripped";
    /// White space inside was removed or collapsed.
    SPACE_REMOVED = 8, "space_removed";
    /// The domain was converted to its ASCII form.
    IDN_CONVERTED = 9, "idn_converted";
    /// The local part holds text outside ASCII.
    SMTPUTF8 = 10, "smtputf8";
    /// A relay address of a marketplace or platform: it cannot match.
    RELAY = 11, "relay";
    /// The value was one of several in one cell.
    SPLIT = 12, "split";
    /// A national number was read with the member's or the default region.
    REGION_APPLIED = 13, "region_applied";
    /// An extension was dropped: the number may be a shared switchboard.
    EXTENSION_DROPPED = 14, "extension_dropped";
    /// A leading `00` was read as `+`.
    IDD_RESCUED = 15, "idd_rescued";
    /// Bare digits were read as a number with its country code.
    PLUS_RESCUED = 16, "plus_rescued";
    /// Bare digits are valid both with and without a country code.
    AMBIGUOUS_COUNTRY_CODE = 17, "ambiguous_country_code";
    /// A mobile prefix that is no longer dialled was removed (Mexico `+52 1`).
    LEGACY_PREFIX = 18, "legacy_prefix";
    /// The `.0` of a number column was removed.
    FLOAT_TAIL = 19, "float_tail";
    /// Possible by its length, but not valid by the numbering plan known here.
    POSSIBLE_ONLY = 20, "possible_only";
    /// Letters were converted by keypad.
    VANITY = 21, "vanity";
    /// A value reserved for tests, let through by option.
    TEST_VALUE = 22, "test_value";
    /// A name that may stand for "no value" (`none`, `na`, `test`) and is a real name too.
    NULL_LIKE_NAME = 23, "null_like_name";
    /// Looks like UTF-8 that was read as Latin-1.
    MOJIBAKE_SUSPECTED = 24, "mojibake_suspected";
    /// A digest whose pre-image convention was not declared: it is sent as it is.
    HASH_UNDECLARED = 25, "hash_undeclared";
    /// The address of a department or a machine, not of a person (`info@`, RFC 2142).
    ROLE = 26, "role";
    /// An address of a domain that hands out addresses for minutes.
    DISPOSABLE = 27, "disposable";
    /// A number that firms rent: toll-free, premium rate, shared cost, universal access or voicemail.
    NOT_PERSONAL = 28, "not_personal";
    /// Leading zeros that a spreadsheet had dropped were put back.
    ZERO_RESTORED = 29, "zero_restored";
    /// A date of birth that forms fill in by themselves (1 January of 1900, 1970, 1980, 2000).
    DEFAULT_BIRTH_DATE = 30, "default_birth_date";
}

impl Notes {
    /// No note.
    pub const NONE: Self = Self(0);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without the notes of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` is in here.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is no note.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The notes as stable words, as they stand in reports.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::WORDS.iter().filter(move |(note, _)| self.contains(*note)).map(|(_, word)| *word)
    }

    /// Adds `note` when `condition` holds.
    pub(super) fn add_if(&mut self, condition: bool, note: Self) {
        if condition {
            *self = self.with(note);
        }
    }
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.words()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_read_back() {
        let codes: BTreeSet<_> = Reject::ALL.iter().map(|reject| reject.code()).collect();
        assert_eq!(codes.len(), Reject::ALL.len());
        for reject in Reject::ALL {
            let json = serde_json::to_string(reject).unwrap();
            assert_eq!(serde_json::from_str::<Reject>(&json).unwrap(), *reject);
        }
        assert!(serde_json::from_str::<Reject>("\"email.other\"").is_err());
    }

    #[test]
    fn notes_are_distinct_bits_with_distinct_words() {
        let mut all = Notes::NONE;
        for (note, _) in Notes::WORDS {
            assert!(!all.contains(*note));
            all = all.with(*note);
        }
        assert_eq!(all.words().collect::<BTreeSet<_>>().len(), Notes::WORDS.len());
        assert_eq!(format!("{:?}", Notes::TRIMMED.with(Notes::VANITY)), r#"{"trimmed", "vanity"}"#);
    }
}
