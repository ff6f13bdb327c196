"""What a buyer looks for: the words of a query, the filters, the order, the place in a list, and the counts beside it.

A place in a list is the last product's sort key and id, so that a page costs the same however deep it lies.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

WORDS_MAX = 8
WORD_LENGTH_MAX = 40
PREFIX_LENGTH_MIN = 3  # shorter words match whole: too many begin with them
PRICE_BOUNDS_MINOR = (10_000, 25_000, 50_000, 100_000, 250_000)
COUNT_MAX = 500  # facets count no further
PRICE_MAX = 2**62
SCORE_MAX = 2**63 - 1

LAST_ID = UUID(int=2**128 - 1)
FIRST_ID = UUID(int=0)
END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


class Sort(StrEnum):
    """The orders of a list."""

    RELEVANCE = "relevance"
    NEWEST = "newest"
    PRICE_ASC = "price_asc"
    PRICE_DESC = "price_desc"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which products; None leaves a filter out. `region` is a province ("18") or a regency ("18.01").

    `badge` is what the shop shows.
    """

    words: str | None = None
    category: str | None = None
    region: str | None = None
    shop_id: UUID | None = None
    min_price: int | None = None
    max_price: int | None = None
    badge: str | None = None

    def as_parameters(self) -> dict[str, Any]:
        """The values of the queries' filter parameters."""
        is_province = self.region is not None and len(self.region) == 2
        return {
            "prefixes": None if self.words is None else prefixes_of(self.words),
            "words": self.words,
            "category": self.category,
            "province": self.region if is_province else None,
            "region": None if is_province else self.region,
            "shop_id": self.shop_id,
            "min_price": self.min_price,
            "max_price": self.max_price,
            "badge": self.badge,
        }


def words_of(text: str | None) -> str | None:
    """The words of a query as they are compared: plain lower-case letters and digits; None when it has none."""
    if not text:
        return None
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    words = [word[:WORD_LENGTH_MAX] for word in re.findall(r"[a-z0-9]+", plain)]
    return " ".join(words[:WORDS_MAX]) or None


def prefixes_of(words: str) -> str:
    """The text search query in which every word must be there, longer ones as the beginning of a word."""
    return " & ".join(f"'{word}':*" if len(word) >= PREFIX_LENGTH_MIN else f"'{word}'" for word in words.split())


def start_of(sort: Sort) -> tuple[Any, UUID]:
    """The place before the first product."""
    match sort:
        case Sort.RELEVANCE:
            return SCORE_MAX, LAST_ID
        case Sort.NEWEST:
            return END_OF_TIME, LAST_ID
        case Sort.PRICE_ASC:
            return -1, FIRST_ID
        case Sort.PRICE_DESC:
            return PRICE_MAX, LAST_ID


def score_of(sort: Sort, key: Any) -> int:
    """The place of a sort key among matches, which stand in falling order of a score."""
    match sort:
        case Sort.NEWEST:
            return SCORE_MAX if key == END_OF_TIME else round(key.timestamp() * 1_000_000)
        case Sort.PRICE_ASC:
            return -int(key)
        case _:
            return int(key)


def price_band(place: int) -> tuple[int | None, int | None]:
    """The lowest and highest price of band number `place`, counted from 0; None where it is open."""
    low = PRICE_BOUNDS_MINOR[place - 1] if place > 0 else None
    high = PRICE_BOUNDS_MINOR[place] - 1 if place < len(PRICE_BOUNDS_MINOR) else None
    return low, high
