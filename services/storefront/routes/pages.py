"""Templates to HTML: one Jinja environment, everything escaped, money and dates as Indonesians write them."""

import re
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.storefront.domain import terms, words
from services.storefront.routes import pictures
from services.storefront.routes.files import Assets
from shared import regions
from shared.calendar import WIB
from shared.ids import new_id
from shared.money import rupiah


class Pages:
    """The templates of one folder."""

    def __init__(self, assets: Assets, folder: Path) -> None:
        """Amounts are remembered: Babel takes 20 microseconds for each, a page shows dozens, mostly the same ones."""
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= {
            "rupiah": lru_cache(maxsize=4096)(rupiah),
            "waktu": moment,
            "tanggal": day,
            "persen": percent,
            "koma": comma,
            "kata": plain,
            "angka": lru_cache(maxsize=4096)(number),
            "wilayah": region,
            "tempat": place,
            "attributes": asdict,
            "judul": title,
        }
        self._environment.globals |= {
            "asset": assets.address,
            "words": words,
            "terms": terms,
            "logo": pictures.LOGO,
            "picture_of": picture_address,
            "drawing_of": pictures.address_of,
            "regions": regions,
            "new_key": lambda: str(new_id()),
        }

    def render(self, template: str, **values: Any) -> str:
        """The page."""
        return self._environment.get_template(template).render(**values)


def moment(value: str | datetime | None) -> str:
    """A moment in words: `24 November 2026 pukul 21.40 WIB`; empty for none."""
    if not value:
        return ""
    when = datetime.fromisoformat(value) if isinstance(value, str) else value
    return format_datetime(when.astimezone(WIB), "d MMMM y 'pukul' HH.mm 'WIB'", locale="id")


def day(value: str | date | None) -> str:
    """A day in words: `24 November 2026`; empty for none."""
    if not value:
        return ""
    return format_date(date.fromisoformat(value) if isinstance(value, str) else value, "d MMMM y", locale="id")


def percent(basis_points: int) -> str:
    """Basis points as people say them: `12,5%`."""
    return f"{format_decimal(Decimal(basis_points) / 100, locale='id')}%"


def comma(number_text: str) -> str:
    """A decimal number that came as text, with the comma of Indonesians: `12.68` is `12,68`."""
    return number_text.replace(".", ",")


def plain(word: str) -> str:
    """A slug as words: `keamanan-pangan` is `Keamanan pangan`."""
    return word.replace("-", " ").replace("_", " ").capitalize()


def number(value: int) -> str:
    """A whole number: `1.234`."""
    return format_decimal(value, locale="id")


def region(code: str | None) -> str:
    """A region's name with its province; the code itself when it is unknown."""
    return (regions.full_name_of(code) or code) if code else ""


def title(text: str) -> str:
    """A title whose measures are not torn apart at the end of a line: `250 g`."""
    return re.sub(r"(?<=\d) (?=(g|kg|gr|gram|ml|l|liter|cm|m|pcs|buah|lembar)\b)", "\N{NO-BREAK SPACE}", text)


def place(code: str | None) -> str:
    """A region's name alone, short: `Kab. Lampung Barat`."""
    return (regions.name_of(code) or "").replace("Kabupaten ", "Kab. ") if code else ""


def picture_address(product: dict[str, Any]) -> str:
    """The picture of a product: its photo, or a drawing of its category."""
    photo = product.get("photo_url")
    if photo:
        return "/foto/" + str(photo).rsplit("/", 1)[-1]
    return pictures.address_of(str(product.get("category") or ""), pictures.tint_of(str(product.get("product_id"))))
