"""Writes `products.xlsx` from the invented catalogue: `python -m deploy.seed.make_products [FILE]`.

What must stay true: the same catalogue gives the same bytes, on every machine and every day, so that a test can hold
the committed file against this code.
"""

import io
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import xlsxwriter

from deploy.seed import banten, lampung
from deploy.seed.catalogue import Shop, stock_of
from deploy.seed.read import COLUMNS

SEED_FILE = Path(__file__).parent / "products.xlsx"
# The day that the file says it was made; a clock would change its bytes.
MADE_ON = datetime(2026, 1, 1)  # noqa: DTZ001 - the format has no time zones


def rows(shops: tuple[Shop, ...] = lampung.SHOPS + banten.SHOPS) -> Iterator[tuple[str | int, ...]]:
    """The catalogue as rows in the order of `COLUMNS`."""
    for shop in shops:
        whose = (shop.name, shop.region_code, shop.seller_name, shop.seller_phone, shop.cooperative_name)
        for family in shop.families:
            for label, price_minor, grams in family.variants:
                title = f"{family.name} {label}"
                stock = stock_of(title, price_minor)
                yield (*whose, title, family.description, family.category, price_minor, stock, grams)


def workbook() -> bytes:
    """The whole file."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.set_properties({"title": "Produk contoh Lumbung", "author": "Lumbung", "created": MADE_ON})
    bold = book.add_format({"bold": True})
    sheet = book.add_worksheet("products")
    sheet.write_row(0, 0, COLUMNS, bold)
    for number, row in enumerate(rows(), start=1):
        for column, value in enumerate(row):
            # Codes such as 18.10 and phones are text: as numbers they would lose their zeros.
            write = sheet.write_number if isinstance(value, int) else sheet.write_string
            write(number, column, value)
    sheet.freeze_panes(1, 0)
    for column, width in enumerate((28, 10, 20, 16, 34, 44, 60, 16, 14, 8, 12)):
        sheet.set_column(column, column, width)
    book.close()
    return buffer.getvalue()


def main() -> None:
    """Write the file and say how much is in it."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else SEED_FILE
    file.write_bytes(workbook())
    written = list(rows())
    print(f"{file}: {len(written)} products of {len({row[0] for row in written})} shops")


if __name__ == "__main__":
    main()
