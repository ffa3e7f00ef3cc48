"""Four fields to SHA-256 hex by Meta's own Python SDK: name, nanoseconds a member, checksum; tabs between."""

import sys
import time

from facebook_business.adobjects.serverside.normalize import Normalize

FIELDS = ("em", "ph", "fn", "ln")
ROUNDS = 5
BLOCK = 1024


def checksum(rows):
    """FNV-1a, 32 bits, of a line a member with blanks between the digests."""
    value = 0x811C9DC5
    for row in rows:
        for byte in (" ".join(row) + "\n").encode():
            value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return f"{value:08x}"


def main(path):
    with open(path, encoding="utf-8") as file:
        members = [line.rstrip("\n").split("\t") for line in file]
    rows, seconds = [], 0.0
    for begin in range(0, len(members), BLOCK):
        block = members[begin : begin + BLOCK]
        best = float("inf")
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            sent = [[Normalize.normalize(field, value, True) for field, value in zip(FIELDS, member)] for member in block]
            best = min(best, time.perf_counter() - begun)
        rows += sent
        seconds += best
    print(f"facebook-business (Python)\t{seconds * 1e9 / len(members):.1f}\t{checksum(rows)}")


main(sys.argv[1])
