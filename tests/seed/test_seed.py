"""The committed seed file equals its code, is plausible, and a wrong file is refused row by row."""

from pathlib import Path

import pytest
import xlsxwriter

from deploy.seed.catalogue import CATEGORIES
from deploy.seed.make_products import SEED_FILE, rows, workbook
from deploy.seed.read import COLUMNS, SeedError, SeedRow, read_seed
from shared import regions

GOOD: dict[str, object] = {
    "shop_name": "Toko Uji",
    "region_code": "18.01",
    "seller_name": "Ibu Uji",
    "seller_phone": "+6281299990001",
    "cooperative_name": "",
    "title": "Kopi Uji",
    "description": "Kopi untuk uji.",
    "category": "kopi-teh",
    "unit_price_minor": 10_000,
    "stock": 5,
    "weight_grams": 100,
}


def _write(file: Path, rows: list[dict[str, object]], columns: tuple[str, ...] = COLUMNS) -> Path:
    book = xlsxwriter.Workbook(str(file))
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, columns)
    for number, row in enumerate(rows, start=1):
        sheet.write_row(number, 0, [row[column] for column in columns])
    book.close()
    return file


def test_the_committed_file_is_what_the_code_writes() -> None:
    assert workbook() == SEED_FILE.read_bytes(), "run python -m deploy.seed.make_products"


def test_the_seed_reads_without_a_problem_and_is_what_was_promised() -> None:
    seed = read_seed(SEED_FILE)

    assert seed.problems == ()
    assert len(seed.rows) == len(list(rows())) >= 220
    assert len({row.shop_name for row in seed.rows}) >= 14
    assert len({row.seller_phone for row in seed.rows}) == len({row.shop_name for row in seed.rows})
    assert {row.category for row in seed.rows} == set(CATEGORIES)
    assert {regions.parent_of(row.region_code) for row in seed.rows} == {"18", "36"}
    assert all(row.seller_phone.startswith("+62812") for row in seed.rows)
    assert len({row.title for row in seed.rows}) == len(seed.rows)


def test_columns_may_come_in_any_order(tmp_path: Path) -> None:
    file = _write(tmp_path / "any.xlsx", [GOOD], tuple(reversed(COLUMNS)))

    assert read_seed(file).rows == (SeedRow(number=2, **GOOD),)  # type: ignore[arg-type]  # GOOD is loosely typed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"region_code": 18.01}, "region_code must be text"),
        ({"region_code": "1801"}, "no regency or city"),
        ({"region_code": "18"}, "no regency or city"),
        ({"seller_phone": "0812"}, "must look like"),
        ({"seller_phone": 6281299990001}, "seller_phone must be text"),
        ({"title": "  "}, "title is empty"),
        ({"title": "x" * 121}, "more than 120"),
        ({"category": "Kopi & Teh"}, "hyphens"),
        ({"unit_price_minor": 0}, "from 1 to"),
        ({"unit_price_minor": 10.5}, "whole number"),
        ({"unit_price_minor": "mahal"}, "whole number"),
        ({"unit_price_minor": True}, "whole number"),
        ({"stock": -1}, "from 0 to"),
        ({"weight_grams": ""}, "whole number"),
        ({"title": "Lain", "region_code": "18.02"}, "another region"),
        ({"title": "Lain", "shop_name": "Toko Lain"}, "belongs to shop Toko Uji"),
        ({}, "stands twice"),
    ],
)
def test_a_wrong_row_is_reported_by_its_number_and_its_neighbours_are_kept(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    last = GOOD | {"title": "Teh Uji"}

    seed = read_seed(_write(tmp_path / "rows.xlsx", [GOOD, GOOD | change, last]))

    assert [row.title for row in seed.rows] == ["Kopi Uji", "Teh Uji"]
    assert [problem.number for problem in seed.problems] == [3]
    assert reason in str(seed.problems[0])


def test_a_file_without_the_columns_or_without_a_sheet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match="lacks stock"):
        read_seed(_write(tmp_path / "columns.xlsx", [GOOD], tuple(name for name in COLUMNS if name != "stock")))
    (tmp_path / "text.xlsx").write_text("bukan lembar kerja")
    with pytest.raises(SeedError, match="cannot be read"):
        read_seed(tmp_path / "text.xlsx")
    with pytest.raises(SeedError, match="cannot be read"):
        read_seed(tmp_path / "absent.xlsx")
