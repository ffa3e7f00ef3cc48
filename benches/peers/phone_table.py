"""Writes src/identity/phone/e164.bin: which digits after a `+` are a valid phone number, as a minimal automaton.

    benches/peers/phone_table.sh

The numbering plans are those of the Python package `phonenumbers`, which carries Google's metadata unchanged. Its
version has to be that of the metadata in the `rlibphonenumber` of Cargo.lock; the tests of `identity::phone::e164`
compare the two.

All patterns of the metadata are finite languages over digits. They are kept as hash-consed trees, so that equal
sets of endings are one node, and the automaton is minimal from the first moment.
"""

import struct
import sys
from functools import cache
from re import _parser as regex

import phonenumbers
from phonenumbers.phonemetadata import PhoneMetadata

# What a number ends as. `CHANGED` numbers fit a pattern, and lose a national prefix when they are parsed.
INVALID, PERSONAL, RENTED, PERSONAL_CHANGED, RENTED_CHANGED = range(5)
LONGEST = 17

# In the library's order of precedence; those of the second column are a firm's, not a person's.
TYPES = [
    ("premium_rate", RENTED),
    ("toll_free", RENTED),
    ("shared_cost", RENTED),
    ("voip", PERSONAL),
    ("personal_number", PERSONAL),
    ("pager", PERSONAL),
    ("uan", RENTED),
    ("voicemail", RENTED),
    ("fixed_line", PERSONAL),
    ("mobile", PERSONAL),
]

nodes = []
known = {}


def node(label, children):
    key = (label, children)
    if key not in known:
        known[key] = len(nodes)
        nodes.append(key)
    return known[key]


EMPTY = node(INVALID, None)
nodes[EMPTY] = (INVALID, (EMPTY,) * 10)
known[nodes[EMPTY]] = EMPTY
END = node(PERSONAL, (EMPTY,) * 10)


def combine(rule):
    """The operation on two languages that `rule` is on two labels."""

    @cache
    def apply(a, b):
        (label_a, kids_a), (label_b, kids_b) = nodes[a], nodes[b]
        if a == b == EMPTY:
            return EMPTY
        return node(rule(label_a, label_b), tuple(map(apply, kids_a, kids_b)))

    return apply


union = combine(lambda a, b: a or b)
both = combine(lambda a, b: a if b else INVALID)
without = combine(lambda a, b: INVALID if b else a)
mark_changed = combine(lambda a, b: a + 2 if a and b else a)


@cache
def relabel(it, label):
    own, kids = nodes[it]
    return it if it == EMPTY else node(label if own else INVALID, tuple(relabel(kid, label) for kid in kids))


@cache
def of_lengths(it, lengths):
    label, kids = nodes[it]
    if it == EMPTY or not lengths:
        return EMPTY
    return node(label if lengths & 1 else INVALID, tuple(of_lengths(kid, lengths >> 1) for kid in kids))


@cache
def any_digits(limit):
    return END if limit == 0 else node(PERSONAL, (any_digits(limit - 1),) * 10)


def step(digits, then):
    return node(INVALID, tuple(then if digit in digits else EMPTY for digit in range(10)))


def digits_of(items):
    for kind, value in items:
        match str(kind):
            case "LITERAL":
                yield value - ord("0")
            case "RANGE":
                yield from range(value[0] - ord("0"), value[1] - ord("0") + 1)
            case "CATEGORY" if str(value) == "CATEGORY_DIGIT":
                yield from range(10)
            case other:
                sys.exit(f"a pattern holds {other} {value}, which is not known here")


def compiled(parsed, then):
    """What `parsed` matches, followed by `then`."""
    for kind, value in reversed(list(parsed)):
        match str(kind):
            case "LITERAL":
                then = step({value - ord("0")}, then)
            case "IN":
                then = step(set(digits_of(value)), then)
            case "SUBPATTERN":
                then = compiled(value[3], then)
            case "BRANCH":
                alternatives = [compiled(branch, then) for branch in value[1]]
                then = EMPTY
                for alternative in alternatives:
                    then = union(then, alternative)
            case "MAX_REPEAT":
                low, high, body = value
                after = then
                for _ in range(int(high) - low):
                    then = union(after, compiled(body, then))
                for _ in range(low):
                    then = compiled(body, then)
            case "AT":
                # `$`: nothing follows.
                then = END
            case other:
                sys.exit(f"a pattern holds {other} {value}, which is not known here")
    return then


def language(pattern, then=END):
    return compiled(regex.parse(pattern), then)


def described(desc):
    if desc is None or desc.national_number_pattern is None:
        return EMPTY
    lengths = [length for length in desc.possible_length or () if length > 0]
    matched = language(desc.national_number_pattern)
    return of_lengths(matched, sum(1 << length for length in lengths)) if lengths else matched


def valid_of_region(plan):
    general = described(plan.general_desc)
    out = EMPTY
    for name, label in TYPES:
        out = union(out, relabel(described(getattr(plan, name)), label))
    return both(out, general)


def plan_of(code, region):
    return PhoneMetadata.metadata_for_region_or_calling_code(code, region)


def valid_of_code(code, regions):
    """A number is judged by the first region that claims it."""
    out = taken = EMPTY
    for region in regions:
        plan = plan_of(code, region)
        valid = valid_of_region(plan)
        out = union(out, without(valid, taken))
        claimed = language(plan.leading_digits, any_digits(LONGEST)) if plan.leading_digits and len(regions) > 1 else EMPTY
        taken = union(taken, union(valid, claimed))
    return out


def changed_by_parsing(plan):
    """A superset of the numbers whose beginning parsing may take for a national prefix, and take away."""
    prefix = plan.national_prefix_for_parsing
    if not prefix:
        return EMPTY
    everything = any_digits(LONGEST)
    # A prefix that matches nothing at all changes nothing.
    begins = nonempty(prefix) if nodes[language(prefix)][0] else language(prefix, everything)
    if plan.national_prefix_transform_rule:
        return begins
    general = language(plan.general_desc.national_number_pattern)
    return union(language(prefix, general), without(begins, general))


def nonempty(prefix):
    """The numbers that begin with a match of `prefix` that is not empty."""
    everything = any_digits(LONGEST)

    @cache
    def extend(it):
        label, kids = nodes[it]
        return everything if label else node(INVALID, tuple(EMPTY if kid == EMPTY else extend(kid) for kid in kids))

    matches = language(prefix)
    return node(INVALID, tuple(EMPTY if kid == EMPTY else extend(kid) for kid in nodes[matches][1]))


def first_digits(prefix):
    return [digit for digit, kid in enumerate(nodes[language(prefix)][1]) if kid != EMPTY] if prefix else []


def national_starts(plan, valid):
    """How a national number of the region may begin without any doubt about how it is parsed, as a bit per digit.

    Bit 0: a single zero is the national prefix and nothing else. Bits 1 to 9: neither a national prefix nor a prefix
    of international calls begins with that digit.
    """
    prefix = plan.national_prefix_for_parsing
    abroad = nodes[language(plan.international_prefix)][1] if plan.international_prefix else (EMPTY,) * 10
    out = sum(1 << digit for digit in range(1, 10) if abroad[digit] == EMPTY and digit not in first_digits(prefix))
    never_abroad = all(kid == EMPTY for kid in nodes[abroad[0]][1][1:])
    never_kept = nodes[language(plan.general_desc.national_number_pattern)][1][0] == EMPTY
    always_stripped = of_lengths(valid, sum(1 << length for length in plan.general_desc.possible_length)) == valid
    if prefix == "0" and never_abroad and never_kept and always_stripped:
        out |= 1
    return out


def main(path):
    root, codes, starts = EMPTY, [0] * 1000, []
    for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
        main_plan = plan_of(code, regions[0])
        valid = mark_changed(valid_of_code(code, regions), changed_by_parsing(main_plan))
        root = union(root, language(str(code), valid))
        codes[code] = 1 << 15 | sum(1 << digit for digit in first_digits(main_plan.national_prefix_for_parsing))
        starts += [(region, code, national_starts(plan_of(code, region), valid)) for region in regions if region != "001"]

    states = sorted(reachable(root), key=lambda it: (nodes[it][0], it != EMPTY, it != root))
    number = {it: index * 10 for index, it in enumerate(states)}
    assert number[EMPTY] == 0 and number[root] == 10 and number[states[-1]] < 1 << 16
    # The label of a state is told by where it stands. The dead state is the first, the root the second.
    bounds = [10 * sum(1 for it in states if nodes[it][0] < label) for label in (1, 2, 3, 4)]
    version = [int(part) for part in phonenumbers.__version__.split(".")]
    words = version + bounds + codes + [len(starts)]
    for region, code, begin in sorted(starts):
        words += [ord(region[0]) << 8 | ord(region[1]), code, begin]
    words += [number[kid] for it in states for kid in nodes[it][1]]
    with open(path, "wb") as file:
        file.write(struct.pack(f"<{len(words)}H", *words))
    print(f"{path}: metadata {phonenumbers.__version__}, {len(states)} states, {2 * len(words)} bytes")


def reachable(root):
    reached, waiting = {EMPTY, root}, [root]
    while waiting:
        new = set(nodes[waiting.pop()][1]) - reached
        reached |= new
        waiting += new
    return reached


if __name__ == "__main__":
    main(sys.argv[1])
