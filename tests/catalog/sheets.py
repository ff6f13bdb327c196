"""Spreadsheets for tests, honest and hostile."""

import io
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

import xlsxwriter

HEADER = ("title", "description", "category", "unit_price_minor", "stock", "weight_grams")


def csv_of(rows: Iterable[Sequence[object]], *, header: Sequence[str] = HEADER, delimiter: str = ",") -> bytes:
    """A CSV file as UTF-8."""
    lines = [delimiter.join(header), *(delimiter.join(map(str, row)) for row in rows)]
    return "\n".join(lines).encode()


def xlsx_of(rows: Iterable[Sequence[Any]], *, header: Sequence[str] = HEADER, formulas: bool = False) -> bytes:
    """An XLSX file; texts that begin with `=` become formulas when `formulas` is set."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": formulas})
    sheet = book.add_worksheet()
    for place, row in enumerate([header, *rows]):
        sheet.write_row(place, 0, row)
    book.close()
    return out.getvalue()


def repacked(content: bytes, *, add: dict[str, bytes] | None = None, replace: dict[str, bytes] | None = None) -> bytes:
    """The package with other or more members."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as package,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as changed,
    ):
        for name in package.namelist():
            changed.writestr(name, (replace or {}).get(name, package.read(name)))
        for name, data in (add or {}).items():
            changed.writestr(name, data)
    return out.getvalue()


def wide_sheet() -> bytes:
    """A sheet of two cells at opposite corners: seventeen billion in between."""
    corners = (
        b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        b'<dimension ref="A1:XFD1048576"/><sheetData><row r="1"><c r="A1"><v>1</v></c></row>'
        b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>'
    )
    return repacked(xlsx_of([]), replace={"xl/worksheets/sheet1.xml": corners})


def bomb() -> bytes:
    """A small file that unpacks to 300 MB."""
    return repacked(xlsx_of([]), add={"xl/media/zeros.bin": bytes(300 * 1024 * 1024)})


def liar() -> bytes:
    """A package that declares less than it holds."""
    content = repacked(xlsx_of([]), replace={"xl/worksheets/sheet1.xml": b"<worksheet>" + b" " * 5_000_000})
    true, false = (5_000_011).to_bytes(4, "little"), (11).to_bytes(4, "little")
    return content.replace(true, false)
