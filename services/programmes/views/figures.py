"""Figures as open data: the columns that Indonesian portals use, as JSON and CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from services.programmes.use_cases.read_figures import Figure

COLUMNS = (
    "kode_wilayah",
    "level_wilayah",
    "nama_wilayah",
    "indikator",
    "judul",
    "satuan",
    "tahun",
    "periode",
    "nilai",
    "status",
)
HIDDEN = "di-bawah-ambang"  # fewer units than may be shown, or none: it is not told which
PROVISIONAL = "sementara"
FINAL = "tetap"


def rows(figures: Iterable[Figure], *, month: date, is_over: bool) -> list[dict[str, Any]]:
    """One row a figure."""
    return [
        {
            "kode_wilayah": figure.place.code,
            "level_wilayah": figure.place.level,
            "nama_wilayah": figure.place.name,
            "indikator": figure.indicator.code,
            "judul": figure.indicator.title,
            "satuan": figure.indicator.measure,
            "tahun": month.year,
            "periode": f"{month:%Y-%m}",
            "nilai": figure.value,
            "status": HIDDEN if figure.value is None else FINAL if is_over else PROVISIONAL,
        }
        for figure in figures
    ]


def as_csv(found: Sequence[dict[str, Any]]) -> str:
    """RFC 4180; what is hidden is an empty field with its status beside it."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue()
