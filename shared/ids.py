"""Identifiers: UUIDs of version 7 (RFC 9562), so that new rows land at the end of their index.

They are unique without coordination; their order is only roughly the order of creation and no rule relies on it.
"""

import os
import time
from uuid import UUID


def new_id() -> UUID:
    """A fresh UUIDv7: 48 bits of milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (random >> 68) << 64  # version, 12 random bits
    value |= 0b10 << 62 | (random & 0x3FFF_FFFF_FFFF_FFFF)  # variant, 62 random bits
    return UUID(int=value)
