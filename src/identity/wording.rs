//! Kinds, reasons and notes as people read them.

use super::kind::IdentifierKind;

/// What several values of a kind are called.
pub(super) fn plural(kind: IdentifierKind) -> String {
    let told = match kind {
        IdentifierKind::Email => "e-mail addresses",
        IdentifierKind::Phone => "phones",
        IdentifierKind::ExternalId => "external ids",
        IdentifierKind::FirstName => "first names",
        IdentifierKind::LastName => "last names",
        IdentifierKind::FirstInitial => "first initials",
        IdentifierKind::Gender => "genders",
        IdentifierKind::BirthDate => "dates of birth",
        IdentifierKind::BirthYear => "years of birth",
        IdentifierKind::BirthMonth => "months of birth",
        IdentifierKind::BirthDay => "days of birth",
        IdentifierKind::Street => "streets",
        IdentifierKind::City => "cities",
        IdentifierKind::Region => "states and provinces",
        IdentifierKind::Postal => "postcodes",
        IdentifierKind::Country => "countries",
        IdentifierKind::Idfa => "Apple advertising ids",
        IdentifierKind::Gaid => "Google advertising ids",
        IdentifierKind::Ip => "IP addresses",
        IdentifierKind::UserAgent => "user agents",
        IdentifierKind::Handle => "handles",
        other => return format!("values of {}", other.as_str().replace('_', " ")),
    };
    told.to_owned()
}

/// The code of a [`Reject`](crate::identity::Reject) in words; the code itself where there are none.
pub(super) fn reason(code: &str) -> &str {
    match code {
        "missing" => "empty",
        "placeholder" => "a filler",
        "test_value" => "a test value",
        "too_long" => "too long",
        "hashed_in_plain" => "a digest in a column of plain values",
        "hashed_unusable" => "a digest of another form than the destination wants",
        "malformed_digest" => "no digest, in a column of digests",
        "over_limit" => "more than the destination takes of one member",
        "feature_disabled" => "not built in",
        "bad_number" => "a number that cannot be written exactly",
        "unknown_country" => "a country that is not known",
        "bad_postal" => "no postcode",
        "bad_device_id" => "no advertising id",
        "limited_ad_tracking" => "a phone whose owner does not want to be tracked",
        "bad_ip" => "no IP address",
        "private_ip" => "an IP address of an internal network",
        "bad_click_id" => "no click id",
        "not_raw_uid" => "an id in a form that is not sent",
        "bad_ramp_id" => "no RampID",
        "bad_handle" => "no handle",
        "bad_character" => "a character that may not be there",
        "derived_kind" => "made from another column, not given",
        "not_taken" => "not taken by the destination",
        "uid2_too_short" => "a phone too short for UID2",
        "incomplete_address" => "a part of an address is missing",
        "email.no_at" => "no @",
        "email.multiple_at" => "more than one @",
        "email.empty_local" => "nothing before the @",
        "email.empty_domain" => "nothing after the @",
        "email.local_too_long" => "too long before the @",
        "email.too_long" => "too long",
        "email.inner_space" => "a space inside",
        "email.bad_char" => "a character that may not be there",
        "email.dot_edge" => "a dot at the edge",
        "email.double_dot" => "two dots in a row",
        "email.no_tld" => "a domain without an ending",
        "email.numeric_tld" => "a domain that ends in a number",
        "email.bad_label" => "a domain that cannot exist",
        "email.quoted" => "quotes inside",
        "email.comment" => "a comment in brackets",
        "email.literal" => "a number of a machine in place of a domain",
        "email.multi_value" => "several addresses in one cell",
        "phone.not_a_number" => "not a number",
        "phone.no_region" => "no country code, and no region is known",
        "phone.country_code" => "a country code that does not exist",
        "phone.too_short" => "too short",
        "phone.too_long" => "too long",
        "phone.invalid_length" => "of a length that no number has",
        "phone.not_valid" => "not a number that is given out",
        "phone.spreadsheet_damage" => "digits lost in a spreadsheet",
        "phone.multi_value" => "several numbers in one cell",
        "birth_date.format" => "not a date",
        "birth_date.ambiguous" => "day and month cannot be told apart",
        "birth_date.two_digit_year" => "a year of two digits",
        "birth_date.not_a_day" => "a day that does not exist",
        "birth_date.out_of_range" => "nobody's date of birth",
        other => other,
    }
}

/// A word of [`Notes`](crate::identity::Notes) in words; the word itself where there are none.
pub(super) fn note(word: &str) -> &str {
    match word {
        "trimmed" => "spaces around it removed",
        "lowercased" => "capitals made small",
        "invisible_removed" => "invisible characters removed",
        "width_folded" => "wide characters made plain",
        "nfc_applied" => "accents written in the one usual way",
        "unwrapped" => "quotes or brackets around it removed",
        "scheme_stripped" => "\u{201c}mailto:\u{201d} or \u{201c}tel:\u{201d} removed",
        "display_name_stripped" => "the name before the address removed",
        "space_removed" => "spaces inside removed",
        "idn_converted" => "the domain brought into its technical form",
        "smtputf8" => "letters before the @ that not every mail system takes",
        "relay" => "handed out by a marketplace or platform: cannot match",
        "split" => "one of several in a cell",
        "region_applied" => "read as a number of the member's or the default country",
        "extension_dropped" => "an extension dropped: perhaps a switchboard",
        "idd_rescued" => "00 read as +",
        "plus_rescued" => "a missing + added",
        "ambiguous_country_code" => "could be read with and without a country code",
        "legacy_prefix" => "a prefix that is no longer dialled removed",
        "float_tail" => "the .0 of a spreadsheet removed",
        "possible_only" => "of the right length, but perhaps not given out",
        "vanity" => "letters turned into digits",
        "test_value" => "a test value, let through by choice",
        "null_like_name" => "a name that may stand for none",
        "mojibake_suspected" => "letters that look damaged",
        "hash_undeclared" => "hashed elsewhere, it is not known how",
        "role" => "of an office, not of a person",
        "disposable" => "of a throw-away service",
        "not_personal" => "a number that firms rent",
        "zero_restored" => "zeros put back that a spreadsheet had dropped",
        "default_birth_date" => "a date that forms fill in by themselves",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Notes, Reject};

    #[test]
    fn every_note_and_reason_has_its_words() {
        for (_, word) in Notes::WORDS {
            assert_ne!(note(word), *word);
        }
        for reject in Reject::ALL {
            assert_ne!(reason(reject.code()), reject.code());
        }
    }
}
