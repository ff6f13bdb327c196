"""Reads a spreadsheet file, CSV or XLSX, into rows of named cells; what is hostile or hopeless is refused in words.

Nothing in a file is believed before it is checked: the sizes that a zip declares, what is in it, how wide and long the
sheet is, how much text comes out. Runs in a process of its own with limits on memory and time. The sentences are for
sellers, so they are Indonesian.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TypeAlias

from python_calamine import CalamineError, CalamineWorkbook

Cell: TypeAlias = str | int | float | bool | None

COLUMNS_MAX = 200
CELL_CHARACTERS_MAX = 10_001  # one more than any column takes, so that what is cut is also too long
TEXT_CHARACTERS_MAX = 64 * 1024 * 1024
UNPACKED_BYTES_MAX = 200 * 1024 * 1024
PACKED_FILES_MAX = 2000
PACKING_RATIO_MAX = 200  # real sheets stay below 30
UNKNOWN_MAX = 20  # so many columns that nobody reads are told
UNKNOWN_CHARACTERS_MAX = 40
HEADER_ROWS_MAX = 20  # so far down we look for the row with the column names

COLUMNS = {
    "title": ("title", "judul", "nama", "nama produk", "nama_produk", "produk"),
    "description": ("description", "deskripsi", "keterangan"),
    "category": ("category", "kategori"),
    "unit_price_minor": ("unit_price_minor", "price", "harga", "harga satuan", "harga_satuan"),
    "stock": ("stock", "stok"),
    "weight_grams": ("weight_grams", "weight", "berat", "berat gram", "berat_gram", "berat (gram)"),
    "sku": ("sku", "kode", "kode produk", "kode_produk"),
}
REQUIRED = ("title", "category", "unit_price_minor")
NAMES = {alias: column for column, aliases in COLUMNS.items() for alias in aliases}


class Unreadable(Exception):
    """The file is refused; the message says why, to the seller."""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows below the column names: the row's number as the spreadsheet shows it, and its cells by column.

    `unknown`: names of columns that are not read, as the file writes them.
    """

    rows: list[tuple[int, dict[str, Cell]]]
    unknown: tuple[str, ...] = ()


def kind_of(content: bytes) -> str:
    """`xlsx` or `csv`, by what the file holds, whatever its name. Raises Unreadable."""
    if not content.strip():
        raise Unreadable("Berkas kosong.")
    if content.startswith(b"PK\x03\x04"):
        return "xlsx"
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("Ini berkas Excel lama (.xls) atau berkas bersandi. Simpan sebagai .xlsx tanpa sandi.")
    if b"\x00" in content[:65536] or content.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"{\\rtf")):
        raise Unreadable("Ini bukan CSV atau XLSX.")
    return "csv"


def read(content: bytes, *, rows_max: int) -> Table:
    """The table in a file. Raises Unreadable."""
    if kind_of(content) == "xlsx":
        check_package(content)
        raw = _xlsx_rows(content, rows_max)
    else:
        raw = _csv_rows(content)
    return _table(raw, rows_max)


def check_package(content: bytes) -> None:
    """What the zip declares of itself: sizes, macros, formulas. Raises Unreadable."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            members = package.infolist()
            _check_members(members)
            for member in members:
                if member.filename.startswith("xl/worksheets/") and _has_formula(package, member):
                    raise Unreadable(
                        "Berkas berisi rumus. Salin lalu tempel sebagai nilai (paste values), kemudian unggah lagi."
                    )
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise Unreadable("Berkas XLSX rusak atau bersandi.") from error


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    if "xl/workbook.xml" not in names:
        raise Unreadable("Ini bukan XLSX.")
    if any(name.lower().endswith(("vbaproject.bin", ".exe", ".dll")) for name in names):
        raise Unreadable("Berkas berisi makro. Simpan sebagai .xlsx biasa.")
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if len(members) > PACKED_FILES_MAX or len(set(names)) != len(names):
        raise Unreadable("Berkas XLSX tidak wajar: terlalu banyak isi.")
    if unpacked > UNPACKED_BYTES_MAX or unpacked > 1_000_000 + PACKING_RATIO_MAX * max(packed, 1):
        raise Unreadable("Berkas XLSX terlalu besar setelah dibuka.")


def _has_formula(package: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Formulas are refused and not computed: the value beside one may be old, or somebody's trick."""
    tail = b""
    with package.open(member) as sheet:
        read_bytes = 0
        while block := sheet.read(1024 * 1024):
            read_bytes += len(block)
            if read_bytes > member.file_size:  # more than it declared
                raise Unreadable("Berkas XLSX terlalu besar setelah dibuka.")
            if re.search(rb"<(?:\w+:)?f[\s>/]", tail + block):
                return True
            tail = block[-64:]
    return False


def _xlsx_rows(content: bytes, rows_max: int) -> Iterator[tuple[int, list[Cell]]]:
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        if not workbook.sheet_names:
            raise Unreadable("Berkas tidak punya lembar.")
        sheet = workbook.get_sheet_by_index(0)
    except CalamineError as error:
        raise Unreadable("Berkas XLSX rusak atau bersandi.") from error
    if sheet.start is None:
        return
    first_row = sheet.start[0] + 1
    if sheet.width > COLUMNS_MAX:
        raise Unreadable(f"Lembar terlalu lebar: paling banyak {COLUMNS_MAX} kolom.")
    if sheet.height > rows_max + HEADER_ROWS_MAX:
        raise Unreadable(f"Terlalu banyak baris: paling banyak {rows_max}.")
    for place, cells in enumerate(sheet.iter_rows()):
        yield first_row + place, [_plain(cell) for cell in cells]


def _plain(cell: object) -> Cell:
    if isinstance(cell, str):
        return cell or None
    if cell is None or isinstance(cell, bool | int | float):
        return cell
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    assert isinstance(cell, timedelta), f"calamine gave a {type(cell)}"
    return str(cell)


def _csv_rows(content: bytes) -> Iterator[tuple[int, list[Cell]]]:
    text = _decoded(content)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    csv.field_size_limit(1024 * 1024)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, row in enumerate(reader, start=1):
            if len(row) > COLUMNS_MAX:
                raise Unreadable(f"Baris {number} terlalu lebar: paling banyak {COLUMNS_MAX} kolom.")
            yield number, [cell or None for cell in row]
    except csv.Error as error:
        raise Unreadable(f"CSV tidak bisa dibaca di sekitar baris {reader.line_num}: {error}.") from error


def _decoded(content: bytes) -> str:
    """UTF-8, with or without a mark, else what Windows writes."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("Simpan CSV sebagai UTF-8.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            return content.decode("cp1252")
        except UnicodeDecodeError as error:
            raise Unreadable("Huruf dalam CSV tidak dikenali. Simpan sebagai UTF-8.") from error


def _table(raw: Iterable[tuple[int, list[Cell]]], rows_max: int) -> Table:
    columns: dict[int, str] | None = None
    unknown: tuple[str, ...] = ()
    rows: list[tuple[int, dict[str, Cell]]] = []
    characters = 0
    for number, cells in raw:
        if all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells):
            continue
        if columns is None:
            columns = _columns(cells)
            if columns is None and number > HEADER_ROWS_MAX:
                break
            if columns is not None:
                unknown = _unknown(cells, columns)
            continue
        row = {name: _cut(cells[place]) for place, name in columns.items() if place < len(cells)}
        characters += sum(len(cell) for cell in row.values() if isinstance(cell, str))
        if characters > TEXT_CHARACTERS_MAX:
            raise Unreadable("Berkas berisi terlalu banyak teks.")
        rows.append((number, row))
        if len(rows) > rows_max:
            raise Unreadable(f"Terlalu banyak baris: paling banyak {rows_max}.")
    if columns is None:
        raise Unreadable(f"Baris judul kolom tidak ditemukan. Yang wajib: {', '.join(REQUIRED)}.")
    if not rows:
        raise Unreadable("Berkas tidak berisi produk.")
    return Table(rows, unknown)


def _unknown(cells: list[Cell], columns: dict[int, str]) -> tuple[str, ...]:
    """Names in the row of names that nothing is read from, shortened to what people recognise."""
    named = (str(cell).strip() for place, cell in enumerate(cells) if place not in columns and cell is not None)
    return tuple(name[:UNKNOWN_CHARACTERS_MAX].replace("\x00", "") for name in named if name)[:UNKNOWN_MAX]


def _columns(cells: list[Cell]) -> dict[int, str] | None:
    """Which column stands where, None when this is not the row of names. Raises Unreadable for a name given twice."""
    found: dict[int, str] = {}
    for place, cell in enumerate(cells):
        name = NAMES.get(str(cell).strip().lower()) if cell is not None else None
        if name is not None:
            if name in found.values():
                raise Unreadable(f"Kolom {name} ada dua kali.")
            found[place] = name
    if not found:
        return None
    missing = [name for name in REQUIRED if name not in found.values()]
    if missing:
        raise Unreadable(f"Kolom wajib tidak ada: {', '.join(missing)}.")
    return found


def _cut(cell: Cell) -> Cell:
    return cell[:CELL_CHARACTERS_MAX] if isinstance(cell, str) else cell
