"""The shapes of the invented catalogue, and the categories it uses.

What must stay true: shops, sellers and phones are fictional; prices are whole rupiah, weights grams with packing.
"""

from dataclasses import dataclass
from zlib import crc32

CATEGORIES = (
    "makanan-ringan",
    "kopi-teh",
    "bumbu-dapur",
    "gula-madu",
    "ikan-olahan",
    "kue-oleh-oleh",
    "minuman",
    "batik-kain",
    "kerajinan",
    "fesyen",
    "tas-aksesori",
    "kosmetik-herbal",
    "pertanian",
    "rumah-tangga",
)


@dataclass(frozen=True, slots=True)
class Family:
    """One product in its sizes or kinds: each variant is (label, price in rupiah, grams with packing)."""

    name: str
    category: str
    description: str
    variants: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Shop:
    """One shop; an empty cooperative name means that its seller belongs to none."""

    name: str
    region_code: str
    seller_name: str
    seller_phone: str
    cooperative_name: str
    families: tuple[Family, ...]


def stock_of(title: str, price_minor: int) -> int:
    """A stock that looks counted and never changes: many of what is cheap, few of what is dear."""
    ceiling = 220 if price_minor < 30_000 else 120 if price_minor < 100_000 else 40 if price_minor < 400_000 else 15
    return 5 + crc32(title.encode()) % ceiling
