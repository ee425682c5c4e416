"""Ids of file versions: UUIDs that sort by the time they were made, so that a bulk insert appends to its index.

The layout is version 7 of RFC 9562 (48 bits of Unix milliseconds, then a counter, then random bits).
"""

import os
import time
import uuid

_COUNTER_BITS = 12
_RANDOM_BYTES = 8


def new_version_ids(count: int, *, unix_ms: int | None = None) -> list[uuid.UUID]:
    """Return `count` ids, each greater than the one before it.

    A counter in the 12 bits after the time orders the ids of one millisecond; it starts at random and runs
    over into the milliseconds, as RFC 9562 §6.2 allows. Of each id 62 bits are random.
    """
    now = time.time_ns() // 1_000_000 if unix_ms is None else unix_ms
    entropy = os.urandom(_RANDOM_BYTES * count + 2)
    # The first counter lies in the lower half, so that a short call stays within its millisecond.
    first = (now << _COUNTER_BITS) | (int.from_bytes(entropy[:2], "big") & 0x7FF)
    ids = []
    for index in range(count):
        moment, counter = divmod(first + index, 1 << _COUNTER_BITS)
        start = 2 + index * _RANDOM_BYTES
        noise = int.from_bytes(entropy[start : start + _RANDOM_BYTES], "big") & ((1 << 62) - 1)
        ids.append(uuid.UUID(int=(moment << 80) | (0x7 << 76) | (counter << 64) | (0b10 << 62) | noise))
    return ids


def new_id_prefix() -> str:
    """The first 20 hex digits of ids whose last 12 a database fills with numbers of its own rows (48 bits).

    Such ids sort by the time of the prefix, then by the numbers; of the prefix 26 bits are random.
    """
    return new_version_ids(1)[0].hex[:20]
