"""Reading spreadsheets: every way people write numbers, and hostile files refused in words within bounds."""

import pytest

from services.catalog.domain.import_row import Fault, ImportRow, parse_row
from services.catalog.domain.spreadsheet import Cell, Unreadable, read
from services.catalog.use_cases.read_spreadsheet import ReadingLimits, reading
from tests.catalog import sheets

LIMITS = ReadingLimits(rows=1000, memory_bytes=512 * 1024 * 1024, cpu_seconds=10, seconds=20)
CATEGORIES = {"kopi-teh": "kopi-teh", "kopi & teh": "kopi-teh"}
GOOD: dict[str, Cell] = {"title": "Kopi", "category": "kopi-teh", "unit_price_minor": 12_500, "stock": 3}


@pytest.mark.parametrize(
    ("cell", "price"),
    [
        (12_500, 12_500),
        (12_500.0, 12_500),
        ("12500", 12_500),
        ("12.500", 12_500),
        ("Rp12.500", 12_500),
        ("rp 1.250.000", 1_250_000),
        ("Rp. 12.500", 12_500),
        ("Rp12.500,00", 12_500),
        ("12.500,-", 12_500),
        ("12 500", 12_500),
    ],
)
def test_prices_as_people_write_them(cell: Cell, price: int) -> None:
    row = parse_row(2, GOOD | {"unit_price_minor": cell}, CATEGORIES)

    assert isinstance(row, ImportRow)
    assert row.details.unit_price_minor == price


@pytest.mark.parametrize(
    "cell",
    [12_500.5, "12.500,50", "12,500", "12.50", "1.2345", "", None, "gratis", -5, 0, 10**12, float("nan"), True, "1e5"],
)
def test_prices_that_are_not_clear_are_refused(cell: Cell) -> None:
    faults = parse_row(2, GOOD | {"unit_price_minor": cell}, CATEGORIES)

    assert isinstance(faults, list)
    assert [fault.column for fault in faults] == ["unit_price_minor"]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("title", None),
        ("title", "x" * 201),
        ("title", "=HYPERLINK(1)"),
        ("title", "@SUM(A1)"),
        ("title", "+cmd|' /C calc'!A0"),
        ("title", "a\x07b"),
        ("description", "x" * 10_001),
        ("category", "mobil"),
        ("stock", -1),
        ("stock", 1.5),
        ("stock", 1_000_001),
        ("weight_grams", 0),
    ],
)
def test_a_wrong_cell_is_named_by_its_column(column: str, cell: Cell) -> None:
    faults = parse_row(7, GOOD | {column: cell}, CATEGORIES)

    assert isinstance(faults, list)
    assert [fault.column for fault in faults] == [column]


def test_all_faults_of_a_row_are_told_at_once() -> None:
    faults = parse_row(7, {"title": "", "category": "mobil", "unit_price_minor": "x"}, CATEGORIES)

    assert isinstance(faults, list)
    assert faults[0] == Fault("title", "wajib diisi")
    assert len(faults) == 3


def test_a_category_may_be_named_as_people_see_it() -> None:
    row = parse_row(2, GOOD | {"category": "Kopi & Teh"}, CATEGORIES)

    assert isinstance(row, ImportRow)
    assert (row.details.category, row.details.weight_grams, row.stock) == ("kopi-teh", 500, 3)


ROW = ("Kopi Áren", "Enak", "kopi-teh", "12.500", 3, 250)


@pytest.mark.parametrize(
    "content",
    [
        sheets.csv_of([ROW]),
        b"\xef\xbb\xbf" + sheets.csv_of([ROW]),
        sheets.csv_of([ROW], delimiter=";"),
        sheets.csv_of([ROW]).decode().encode("cp1252"),
        sheets.csv_of([ROW]).replace(b"\n", b"\r\n"),
        b"\n\n" + sheets.csv_of([ROW]),
        sheets.xlsx_of([ROW]),
    ],
    ids=["utf-8", "utf-8 with mark", "semicolons", "cp1252", "windows lines", "empty lines first", "xlsx"],
)
def test_files_of_every_kind_say_the_same(content: bytes) -> None:
    ((_, cells),) = read(content, rows_max=10).rows

    row = parse_row(2, cells, CATEGORIES)
    assert isinstance(row, ImportRow)
    assert (row.details.title, row.details.unit_price_minor, row.stock, row.details.weight_grams) == (
        "Kopi Áren",
        12_500,
        3,
        250,
    )


def test_columns_are_found_by_their_indonesian_names_and_others_ignored() -> None:
    content = sheets.csv_of(
        [("18.01", "3", "Kopi", "12.500", "kopi-teh")],
        header=("region_code", "Stok", "Nama Produk", "Harga", "Kategori"),
    )

    ((number, cells),) = read(content, rows_max=10).rows

    assert number == 2
    assert cells == {"title": "Kopi", "stock": "3", "unit_price_minor": "12.500", "category": "kopi-teh"}


def test_columns_that_nothing_is_read_from_are_told() -> None:
    content = b"Judul,Kategori,Harga,Hrga grosir,,Warna\nKopi,minuman,100,90,,x\n"

    assert read(content, rows_max=10).unknown == ("Hrga grosir", "Warna")


HOSTILE = {
    "empty": b"",
    "blank": b" \n \n",
    "header only": sheets.csv_of([]),
    "no header": b"a,b,c\n1,2,3\n",
    "missing column": b"title,stock\nKopi,1\n",
    "column twice": b"title,title,category,unit_price_minor\na,b,kopi-teh,1\n",
    "pdf": b"%PDF-1.7 ...",
    "picture": b"\x89PNG\r\n\x1a\n....",
    "old excel": b"\xd0\xcf\x11\xe0" + bytes(600),
    "binary": bytes(range(256)) * 10,
    "utf-16": "title,category".encode("utf-16"),
    "zip that is none": b"PK\x03\x04" + b"x" * 100,
    "other zip": sheets.repacked(sheets.xlsx_of([]), replace={}).replace(b"xl/workbook.xml", b"xl/workbooc.xml"),
    "truncated": sheets.xlsx_of([ROW])[:-200],
    "macros": sheets.repacked(sheets.xlsx_of([ROW]), add={"xl/vbaProject.bin": b"evil"}),
    "formulas": sheets.xlsx_of([("=1+1", "", "kopi-teh", 1, 1, 1)], formulas=True),
    "bomb": sheets.bomb(),
    "liar": sheets.liar(),
    "too wide": (",".join(["x"] * 1000) + "\n").encode() * 3,
    "a million columns": b"title" + b"," * 1_000_000,
    "too long": sheets.csv_of([ROW] * 1001),
    "huge cell": b'title,category,unit_price_minor\n"' + b"x" * 2_000_000 + b'",kopi-teh,1\n',
    "open quote": b'title,category,unit_price_minor\n"abc,kopi-teh,1\n',
    "opposite corners": sheets.wide_sheet(),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_files_are_refused_in_words(name: str) -> None:
    async def read_all() -> list[int]:
        async with reading(HOSTILE[name], LIMITS) as rows:
            return [number async for number, _ in rows.rows]

    with pytest.raises(Unreadable) as refusal:
        await read_all()

    assert str(refusal.value).endswith(".")


async def test_a_long_honest_file_is_read_row_by_row() -> None:
    content = sheets.xlsx_of([(f"Kopi {i}", "", "kopi-teh", 1000 + i, i, 100) for i in range(1000)])

    async with reading(content, LIMITS) as rows:
        numbers = [number async for number, _ in rows.rows]

    assert rows.total == 1000
    assert numbers == list(range(2, 1002))
