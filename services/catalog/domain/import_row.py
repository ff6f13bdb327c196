"""One row of an import: from cells as people write them to a product, or to what is wrong with each column.

Nothing is guessed: "12.500" and "Rp12.500" are twelve thousand five hundred rupiah, "12,5" is refused. Faults are for
sellers, so they are Indonesian.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from services.catalog.domain.product import STOCK_MAX, WEIGHT_GRAMS_DEFAULT, Details
from services.catalog.domain.spreadsheet import Cell

T = TypeVar("T")

TITLE_MAX = 200
DESCRIPTION_MAX = 10_000
SKU_MAX = 64
PRICE_MAX = 1_000_000_000
WEIGHT_MAX = 1_000_000

_GROUPED = re.compile(r"[0-9]{1,3}(?:[. \u00a0][0-9]{3})+")
_FORMULA = re.compile(r"[=@]|[+\-](?=\S)(?!\d)")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in which column."""

    column: str
    message: str


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A row that can be used. `stock` None: the file does not say, so it stays as it is."""

    number: int
    details: Details
    stock: int | None

    @property
    def key(self) -> str:
        """What tells rows of one file apart: the seller's reference, else the title."""
        return f"sku {self.details.sku}" if self.details.sku else f"title {plain(self.details.title)}"


class _Wrong(Exception):
    pass


def plain(text: str) -> str:
    """A title as it is compared: lower case, without accents."""
    return unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()


def parse_row(number: int, cells: Mapping[str, Cell], categories: Mapping[str, str]) -> ImportRow | list[Fault]:
    """The product in a row, or all its faults. `categories` leads from slugs and names, in lower case, to slugs."""
    faults: list[Fault] = []

    def take(column: str, parse: Callable[[Cell], T]) -> T | None:
        try:
            return parse(cells.get(column))
        except _Wrong as wrong:
            faults.append(Fault(column, str(wrong)))
            return None

    title = take("title", lambda cell: _text(cell, longest=TITLE_MAX, required=True))
    description = take("description", lambda cell: _text(cell, longest=DESCRIPTION_MAX, lines=True))
    category = take("category", lambda cell: _category(cell, categories))
    price = take("unit_price_minor", _price)
    stock = take("stock", lambda cell: _whole(cell, least=0, most=STOCK_MAX))
    weight = take("weight_grams", lambda cell: _whole(cell, least=1, most=WEIGHT_MAX))
    sku = take("sku", lambda cell: _text(cell, longest=SKU_MAX))
    if faults or title is None or category is None or price is None:
        return faults
    details = Details(
        title=title,
        description=description or "",
        category=category,
        unit_price_minor=price,
        weight_grams=WEIGHT_GRAMS_DEFAULT if weight is None else weight,
        sku=sku or None,
    )
    return ImportRow(number, details, stock)


def _text(cell: Cell, *, longest: int, required: bool = False, lines: bool = False) -> str:
    if isinstance(cell, bool):
        raise _Wrong("harus berupa teks")
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = "" if cell is None else str(cell).strip()
    if required and not text:
        raise _Wrong("wajib diisi")
    if len(text) > longest:
        raise _Wrong(f"terlalu panjang: paling banyak {longest} huruf")
    if _FORMULA.match(text):
        raise _Wrong("diawali seperti rumus; hapus tanda di depannya")
    if any(unicodedata.category(letter) == "Cc" and not (lines and letter in "\n\r\t") for letter in text):
        raise _Wrong("berisi tanda yang tidak bisa ditampilkan")
    return text


def _category(cell: Cell, categories: Mapping[str, str]) -> str:
    text = _text(cell, longest=80, required=True).lower()
    if text not in categories:
        raise _Wrong(f'tidak ada kategori "{text}"')
    return categories[text]


def _price(cell: Cell) -> int:
    """Whole rupiah, as a number or as people write it."""
    if isinstance(cell, str):
        cell = re.sub(r"^\s*rp\.?\s*", "", cell, flags=re.IGNORECASE).removesuffix(",-")
        cell = re.sub(r"(?<=\d),00$", "", cell.strip())
    price = _whole(cell, least=1, most=PRICE_MAX)
    if price is None:
        raise _Wrong("wajib diisi")
    return price


def _whole(cell: Cell, *, least: int, most: int) -> int | None:
    """A whole number; thousands may be set apart by dots, as here, or by spaces. None for an empty cell."""
    number: int
    match cell:
        case None:
            return None
        case bool():
            raise _Wrong("harus berupa angka")
        case int():
            number = cell
        case float():
            if not math.isfinite(cell) or not cell.is_integer():
                raise _Wrong("harus angka bulat, tanpa koma")
            number = int(cell)
        case str():
            text = cell.strip()
            if not text:
                return None
            if _GROUPED.fullmatch(text):
                text = re.sub(r"\D", "", text)
            if not re.fullmatch(r"-?[0-9]{1,18}", text):
                raise _Wrong("harus angka bulat, tanpa koma; ribuan dipisah titik, misalnya 12.500")
            number = int(text)
    if not least <= number <= most:
        raise _Wrong(f"harus dari {least} sampai {most}")
    return number
