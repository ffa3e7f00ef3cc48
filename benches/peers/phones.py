"""Writes phone numbers as people write them, and compares what came out with Google's own rules.

    phones.py write COUNT IN.ndjson
    phones.py compare IN.ndjson OUT.ndjson

Run by phones.sh. Line by line, IN holds `{"text", "region", "class"}` and OUT `{"e164", "notes"}` or `{"reject"}`.
"""

import collections
import json
import random
import sys

import phonenumbers as lib
from phonenumbers.phonemetadata import PhoneMetadata

TYPES = [value for value in lib.PhoneNumberType.values() if value != lib.PhoneNumberType.UNKNOWN]
REGIONS = sorted(lib.SUPPORTED_REGIONS - {"AC", "TA"})
DIGITS = {"full_width": "０１２３４５６７８９", "arabic": "٠١٢٣٤٥٦٧٨٩", "devanagari": "०१२३४५६७८९"}


def some_number(dice, region):
    """A number of the region, mostly a valid one."""
    for _ in range(20):
        example = lib.example_number_for_type(region, dice.choice(TYPES)) or lib.example_number(region)
        if example is None:
            continue
        nsn = list(lib.national_significant_number(example))
        for at in range(len(nsn) - dice.choice([2, 4, 4, 5, 6]), len(nsn)):
            nsn[max(at, 0)] = dice.choice("0123456789")
        number = lib.PhoneNumber(country_code=example.country_code, national_number=int("".join(nsn)))
        zeros = len(nsn) - len(str(number.national_number))
        if zeros:
            number.italian_leading_zero = True
            number.number_of_leading_zeros = zeros
        if lib.is_valid_number(number) or dice.random() < 0.02:
            return number
    return lib.example_number(region) or lib.example_number("US")


def separated(dice, digits):
    return "".join(digit + (dice.choice([" ", "-", ".", "/", "  ", " - "]) if dice.random() < 0.3 else "") for digit in digits)[:40]


def written(dice, number, region):
    """The number in one of the formats people write, with the name of the format."""
    e164 = lib.format_number(number, lib.PhoneNumberFormat.E164)
    international = lib.format_number(number, lib.PhoneNumberFormat.INTERNATIONAL)
    national = lib.format_number(number, lib.PhoneNumberFormat.NATIONAL)
    bare = "".join(c for c in national if c.isdigit())
    code, nsn = str(number.country_code), lib.national_significant_number(number)
    idd = PhoneMetadata.metadata_for_region(region).international_prefix or "00"
    match dice.choices(range(22), [30, 16, 13, 8, 5, 4, 3, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2])[0]:
        case 0:
            return "e164", e164
        case 1:
            return "national", national
        case 2:
            return "international", international
        case 3:
            return "bare national", bare
        case 4:
            return "bare international", e164[1:]
        case 5:
            return "idd", (idd if idd.isdigit() else "00") + " " + international[1:]
        case 6:
            return "double zero", "00" + e164[1:]
        case 7:
            return "odd separators", "+" + separated(dice, e164[1:])
        case 8:
            return "odd separators, national", separated(dice, bare)
        case 9:
            return "rfc 3966", lib.format_number(number, lib.PhoneNumberFormat.RFC3966)
        case 10:
            return "extension", dice.choice([national, international]) + dice.choice([" x", " ext. ", " #", ";ext=", " доб. "]) + str(dice.randint(1, 9999))
        case 11:
            return "invisible", dice.choice(["\u202a", "\ufeff", ""]) + international.replace(" ", dice.choice(["\u00a0", "\u200b", "\u2009"])) + "\u202c"
        case 12:
            return "bracketed zero", f"+{code} (0){nsn}"
        case 13:
            return "rfc 3966 context", f"tel:{nsn};phone-context=+{code}"
        case 14:
            form = dice.choice(sorted(DIGITS))
            return form, international.translate({ord("0") + digit: DIGITS[form][digit] for digit in range(10)})
        case 15:
            return "quoted", dice.choice(["'", '"']) + international + dice.choice(["'", '"'])
        case 16:
            return "float", e164[1:] + ".0"
        case 17:
            return "a digit too many", e164 + str(dice.randint(0, 9))
        case 18:
            return "a digit lost", e164[: dice.randint(3, len(e164) - 1)]
        case 19:
            return "vanity", dice.choice(["1-800-FLOWERS", "+1 800 GO FEDEX", "1-866-4-MYCALL", "0800 REPAIR", "call me"])
        case 20:
            return "junk", dice.choice(["n/a", "none", "-", "12345", "0000000000", "1234567890", "4.15555E+09", "hello", "(555) 555-0123", "112", "+999 123 456 789"])
        case _:
            other = lib.format_number(some_number(dice, dice.choice(REGIONS)), lib.PhoneNumberFormat.INTERNATIONAL)
            return "two numbers", international + dice.choice([" / ", "; ", ", "]) + other


def write(count, path):
    dice = random.Random(20261123)
    with open(path, "w") as out:
        for index in range(count):
            region = REGIONS[index % len(REGIONS)]
            kind, text = written(dice, some_number(dice, region), region)
            # One in sixteen comes with a wrong region or none.
            given = dice.choice([None, dice.choice(REGIONS)]) if dice.random() < 0.06 else region
            out.write(json.dumps({"text": text, "region": given, "class": kind}) + "\n")


def theirs(text, region):
    try:
        number = lib.parse(text, region)
    except lib.NumberParseException:
        return "refused", None
    e164 = lib.format_number(number, lib.PhoneNumberFormat.E164)
    if lib.is_valid_number(number):
        return "valid", e164
    reason = lib.is_possible_number_with_reason(number)
    return ("possible" if reason == lib.ValidationResult.IS_POSSIBLE else "refused"), e164


def ours(row):
    if "reject" in row:
        return "refused", None
    return ("possible" if "possible_only" in row["notes"] else "valid"), row["e164"]


# Rules of our own, by the reason or the note that names them.
OWN_REJECTS = ["placeholder", "missing", "test_value", "phone.multi_value", "phone.spreadsheet_damage"]
OWN_NOTES = ["idd_rescued", "plus_rescued", "legacy_prefix", "float_tail"]


def own_rule(row, text, their_kind, their_e164):
    if row.get("reject") in OWN_REJECTS:
        return row["reject"]
    for note in OWN_NOTES:
        if note in row.get("notes", ()):
            return note
    if their_kind == "refused" and "invisible_removed" in row.get("notes", ()):
        return "invisible characters removed"
    if "reject" in row and text.rstrip().endswith(".0"):
        return "float_tail"
    if row.get("reject") == "phone.not_valid" and their_kind != "valid":
        if sum(c.isascii() and c.isalpha() for c in text) >= 3:
            return "letters that make no valid number"
        again = lib.format_number(lib.parse(their_e164), lib.PhoneNumberFormat.E164)
        if again != their_e164:
            return "changes at each reading"
    return None


def compare(path_in, path_out):
    total = equal = valid = valid_equal = 0
    named, rest, examples = collections.Counter(), collections.Counter(), {}
    with open(path_in) as given, open(path_out) as made:
        for line, result in zip(given, made, strict=True):
            row, result = json.loads(line), json.loads(result)
            text, region = row["text"], row["region"]
            (their_kind, their_e164), (our_kind, our_e164) = theirs(text, region), ours(result)
            same = their_kind == our_kind and (our_kind == "refused" or their_e164 == our_e164)
            rule = None if same else own_rule(result, text, their_kind, their_e164)
            if rule:
                named[rule, their_kind] += 1
                continue
            total += 1
            equal += same
            valid += their_kind == "valid"
            valid_equal += same and their_kind == "valid"
            if not same:
                key = row["class"], f"theirs {their_kind}", f"ours {our_kind} {result.get('reject', '')}"
                rest[key] += 1
                examples.setdefault(key, (text, region, their_e164, our_e164))
    print(f"compared {total}: equal {equal} ({100 * equal / total:.3f} %)")
    print(f"valid by theirs {valid}: equal {valid_equal} ({100 * valid_equal / valid:.3f} %)")
    print("set apart, rules of our own (and what the library says):")
    for key, count in named.most_common():
        print(f"  {count:7} {key}")
    print("differences:")
    for key, count in rest.most_common():
        print(f"  {count:7} {key} such as {examples[key]}")
    sys.exit(valid_equal < valid or equal < 0.9995 * total)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", count, path]:
            write(int(count), path)
        case ["compare", path_in, path_out]:
            compare(path_in, path_out)
        case _:
            sys.exit(__doc__)
