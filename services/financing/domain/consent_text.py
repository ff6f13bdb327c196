"""The words to which a person says yes: which data, for what, until when; and a hash that proves which words.

What must stay true: a text that was shown is never edited, it gets a new version; the hash is over the words as the
person saw them, so that they can be shown again and compared.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.calendar import WIB

LEGAL_BASIS = "UU 27/2022 art. 20 (2) a: explicit consent"

# What each scope lets a lender read: the data items of the record.
ITEMS = {
    "sales": ("turnover", "transaction", "payment"),
    "cooperative": ("cooperative_membership_account",),
    "certificates": ("education",),
    "repayment": ("loan_repayment",),
}


class UnknownWords(ValueError):
    """There is no such text, language, scope or purpose."""


@dataclass(frozen=True, slots=True)
class Words:
    """A text as one person saw it."""

    version: str
    language: str
    text: str

    @property
    def sha256(self) -> str:
        """Of the text in UTF-8, hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class ConsentTexts:
    """All versions of the text; the last one is shown to who is asked now."""

    def __init__(self, versions: Mapping[str, Mapping[str, Any]]) -> None:
        self._versions = versions

    @property
    def current(self) -> str:
        """The version that is shown now."""
        return list(self._versions)[-1]

    def words(self, version: str, language: str, *, scopes: Iterable[str], purpose: str, until: datetime) -> Words:
        """The text with its blanks filled. Raises UnknownWords."""
        try:
            said = self._versions[version][language]
            items = "; ".join(said["scopes"][scope] for scope in sorted(scopes))
            text = said["text"].format(
                items=items,
                purpose=said["purposes"][purpose],
                until=f"{until.astimezone(UTC):%Y-%m-%d %H:%M} UTC",  # in version 2026-1
                until_wib=f"{until.astimezone(WIB):%d-%m-%Y %H.%M} WIB",
            )
        except KeyError as error:
            raise UnknownWords(f"the consent text knows no {error}") from error
        return Words(version, language, text)


def load(path: Path) -> ConsentTexts:
    """The texts of a file."""
    return ConsentTexts(json.loads(path.read_text(encoding="utf-8")))


def items_of(scopes: Iterable[str]) -> list[str]:
    """The data items that these scopes cover."""
    return [item for scope in sorted(scopes) for item in ITEMS[scope]]
