"""Contacts: a phone number or an e-mail address, in the one spelling under which they are stored and compared."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, TypeAlias

ContactKind: TypeAlias = Literal["phone", "email"]

_SEPARATORS = re.compile(r"[\s().\-]+")
_INDONESIAN = re.compile(r"\+62[2-9][0-9]{7,11}")
_E164 = re.compile(r"\+[1-9][0-9]{7,14}")  # ITU-T E.164: at most 15 digits
# The HTML standard's definition of a valid e-mail address, with at least one dot in the domain.
_EMAIL = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+"
)
EMAIL_LENGTH_MAX = 254  # RFC 5321 section 4.5.3.1.3, without the angle brackets


class NotAContact(ValueError):
    """The text is neither a phone number nor an e-mail address."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A way to reach a person. Personal data: never in an event, a log line or a problem document."""

    kind: ContactKind
    value: str

    def __repr__(self) -> str:
        return f"Contact({self.kind}, ...)"


def phone(text: str) -> Contact:
    """The phone number in E.164. Understands `0812...`, `62812...`, `+62 812...`, `+62 0812...`. Raises NotAContact."""
    digits = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text))
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    elif digits.startswith("0"):
        digits = "+62" + digits[1:]
    elif digits.startswith("62"):
        digits = "+" + digits
    elif digits.startswith("8"):
        digits = "+62" + digits
    if digits.startswith("+620"):
        digits = "+62" + digits[4:]
    pattern = _INDONESIAN if digits.startswith("+62") else _E164
    if pattern.fullmatch(digits) is None:
        raise NotAContact("not a phone number")
    return Contact("phone", digits)


def email(text: str) -> Contact:
    """The address in lower case. Raises NotAContact."""
    address = text.strip().lower()
    if len(address) > EMAIL_LENGTH_MAX or _EMAIL.fullmatch(address) is None:
        raise NotAContact("not an e-mail address")
    return Contact("email", address)


def contact(text: str) -> Contact:
    """Whichever of the two it is. Raises NotAContact."""
    return email(text) if "@" in text else phone(text)
