"""Reads a seed spreadsheet into typed rows, with an error for each row that cannot be used.

What must stay true: columns are found by their names and in any order; nothing is guessed, a row is either right or
reported with its number as the spreadsheet shows it. Limits here are those of the file; services check again.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from python_calamine import CalamineError, CalamineWorkbook

from shared import regions

COLUMNS: Final = (
    "shop_name",
    "region_code",
    "seller_name",
    "seller_phone",
    "cooperative_name",
    "title",
    "description",
    "category",
    "unit_price_minor",
    "stock",
    "weight_grams",
)
ROWS_MAX: Final = 20_000
_PHONE: Final = re.compile(r"\+62[0-9]{8,12}", re.ASCII)
_CATEGORY: Final = re.compile(r"[a-z]+(-[a-z]+)*", re.ASCII)


class SeedError(ValueError):
    """The file as a whole cannot be used; the text says why."""


class _RowError(ValueError):
    """One row cannot be used."""


@dataclass(frozen=True, slots=True)
class SeedRow:
    """One product and whose it is. Price in rupiah, weight in grams; an empty cooperative means none."""

    number: int
    shop_name: str
    region_code: str
    seller_name: str
    seller_phone: str
    cooperative_name: str
    title: str
    description: str
    category: str
    unit_price_minor: int
    stock: int
    weight_grams: int


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row was left out; `number` is the spreadsheet's own."""

    number: int
    reason: str

    def __str__(self) -> str:
        return f"row {self.number}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Seed:
    """All usable rows in the file's order, and what was wrong with the others."""

    rows: tuple[SeedRow, ...]
    problems: tuple[RowProblem, ...]


def read_seed(file: Path) -> Seed:
    """Read the first sheet of a spreadsheet; raises SeedError when it is none or lacks columns."""
    try:
        with CalamineWorkbook.from_path(file) as workbook:
            cells = workbook.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, OSError, IndexError) as error:
        raise SeedError(f"{file} cannot be read as a spreadsheet: {error}") from error
    header = [str(cell).strip() for cell in cells[0]] if cells else []
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise SeedError(f"{file} lacks {', '.join(missing)}; its first row must name the columns {', '.join(COLUMNS)}")
    if len(cells) - 1 > ROWS_MAX:
        raise SeedError(f"{file} has {len(cells) - 1} rows, more than {ROWS_MAX}")
    return _read_rows([{column: row[header.index(column)] for column in COLUMNS} for row in cells[1:]])


def _read_rows(cells: list[dict[str, object]]) -> Seed:
    rows: list[SeedRow] = []
    problems: list[RowProblem] = []
    owners: dict[str, tuple[str, ...]] = {}
    phones: dict[str, str] = {}
    titles: set[tuple[str, str]] = set()
    for number, row_cells in enumerate(cells, start=2):
        if all(str(cell).strip() == "" for cell in row_cells.values()):
            continue
        try:
            row = _read_row(number, row_cells)
            whose = (row.region_code, row.seller_name, row.seller_phone, row.cooperative_name)
            if owners.setdefault(row.shop_name, whose) != whose:
                raise _RowError(f"shop {row.shop_name} has another region, seller, phone or cooperative above")
            if phones.setdefault(row.seller_phone, row.shop_name) != row.shop_name:
                raise _RowError(f"phone {row.seller_phone} belongs to shop {phones[row.seller_phone]} above")
            if (row.shop_name, row.title) in titles:
                raise _RowError(f"{row.title} stands twice in shop {row.shop_name}")
        except _RowError as error:
            problems.append(RowProblem(number, str(error)))
            continue
        titles.add((row.shop_name, row.title))
        rows.append(row)
    return Seed(tuple(rows), tuple(problems))


def _read_row(number: int, cells: dict[str, object]) -> SeedRow:
    row = SeedRow(
        number=number,
        shop_name=_text(cells, "shop_name", 80),
        region_code=_text(cells, "region_code", 5),
        seller_name=_text(cells, "seller_name", 80),
        seller_phone=_text(cells, "seller_phone", 16),
        cooperative_name=_text(cells, "cooperative_name", 80, may_be_empty=True),
        title=_text(cells, "title", 120),
        description=_text(cells, "description", 2000, may_be_empty=True),
        category=_text(cells, "category", 40),
        unit_price_minor=_whole(cells, "unit_price_minor", 1, 1_000_000_000),
        stock=_whole(cells, "stock", 0, 1_000_000),
        weight_grams=_whole(cells, "weight_grams", 1, 100_000),
    )
    region = regions.find(row.region_code)
    if region is None or region.level is not regions.Level.REGENCY:
        raise _RowError(f"region_code {row.region_code} is no regency or city; write it as text, like 18.01")
    if not _PHONE.fullmatch(row.seller_phone):
        raise _RowError(f"seller_phone {row.seller_phone} must look like +6281234567890")
    if not _CATEGORY.fullmatch(row.category):
        raise _RowError(f"category {row.category} must be lower-case words joined by hyphens")
    return row


def _text(cells: dict[str, object], column: str, characters_max: int, *, may_be_empty: bool = False) -> str:
    cell = cells[column]
    if not isinstance(cell, str):
        kind = "number" if isinstance(cell, int | float) else type(cell).__name__
        raise _RowError(f"{column} must be text, not the {kind} {cell}")
    text = " ".join(cell.split())
    if not text and not may_be_empty:
        raise _RowError(f"{column} is empty")
    if len(text) > characters_max:
        raise _RowError(f"{column} has {len(text)} characters, more than {characters_max}")
    return text


def _whole(cells: dict[str, object], column: str, least: int, most: int) -> int:
    cell = cells[column]
    # Spreadsheets keep every number as a float; a boolean is one for Python but not for a shopkeeper.
    is_whole = isinstance(cell, int | float) and not isinstance(cell, bool) and cell == cell // 1
    number = int(cell) if is_whole and isinstance(cell, int | float) else None
    if number is None and isinstance(cell, str) and re.fullmatch(r"[0-9]{1,12}", cell.strip(), re.ASCII):
        number = int(cell)
    if number is None or not least <= number <= most:
        shown = f"{cell:g}" if isinstance(cell, float) else repr(cell)
        raise _RowError(f"{column} must be a whole number from {least} to {most}, not {shown}")
    return number
