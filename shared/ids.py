"""Identifiers: UUIDs of version 7 (RFC 9562), so that new rows land at the end of their index.

They are unique without coordination; their order is only roughly the order of creation and no rule relies on it.
"""

import os
import time
from typing import cast
from uuid import UUID

from asyncpg.pgproto import pgproto


def new_id() -> UUID:
    """A fresh UUIDv7: 48 bits of milliseconds, then 74 random bits.

    Of the class that asyncpg's rows have, too: made, written and stored several times faster than a plain one.
    """
    milliseconds = time.time_ns() // 1_000_000
    fresh = bytearray(milliseconds.to_bytes(6, "big") + _ten_random_bytes())
    fresh[6] = fresh[6] & 0x0F | 0x70  # version
    fresh[8] = fresh[8] & 0x3F | 0x80  # variant
    return cast(UUID, pgproto.UUID(bytes(fresh)))


_random: list[bytes] = []
os.register_at_fork(after_in_child=_random.clear)


def _ten_random_bytes() -> bytes:
    """From the kernel, asked for many at once: a system call for each costs more than all the rest of an id."""
    try:
        return _random.pop()
    except IndexError:
        many = os.urandom(10 * 200)
        _random.extend(many[at : at + 10] for at in range(10, len(many), 10))
        return many[:10]
