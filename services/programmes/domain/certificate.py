"""A certificate: its number, what is told of it to whoever holds the paper, and when it counts.

What must stay true: a number ends in 60 random bits, so it can be neither guessed nor counted; of the name no more is
told than lets somebody who knows it recognise it.
"""

import re
from datetime import datetime
from enum import StrEnum

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
RANDOM_BITS = 60

_LOOKALIKES = str.maketrans({"I": "1", "L": "1", "O": "0"})


class Standing(StrEnum):
    """Whether a certificate counts."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


def number_of(region_code: str, year: int, random: int) -> str:
    """The number of a certificate of a province and year; `random` holds 60 bits."""
    letters = "".join(ALPHABET[random >> shift & 31] for shift in range(RANDOM_BITS - 5, -1, -5))
    return f"LMB-{region_code[:2]}-{year}-{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def as_written(text: str) -> str | None:
    """A number as people type it, in our form; None when it cannot be one."""
    plain = re.sub(r"[^0-9A-Z]", "", text.upper())
    if not re.fullmatch(r"LMB[0-9]{6}[0-9A-Z]{12}", plain):
        return None
    tail = plain[9:].translate(_LOOKALIKES)
    if any(letter not in ALPHABET for letter in tail):
        return None
    return f"LMB-{plain[3:5]}-{plain[5:9]}-{tail[:4]}-{tail[4:8]}-{tail[8:]}"


def standing(*, expires_at: datetime, revoked_at: datetime | None, now: datetime) -> Standing:
    """Revoked stays revoked, whether it has expired since or not."""
    if revoked_at is not None:
        return Standing.REVOKED
    return Standing.VALID if now < expires_at else Standing.EXPIRED


def masked(name: str) -> str:
    """The first letter of each word: "Siti Aminah" is "S*** A*****"."""
    return " ".join(word[0] + "*" * (len(word) - 1) for word in name.split())
