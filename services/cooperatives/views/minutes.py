"""The minutes of a meeting as Indonesians print them: sealed facts, with names from the register beside them."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

from babel.dates import format_date, format_datetime, format_time
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shared.calendar import WIB
from shared.exact import to_text

KINDS = {"annual": "Rapat Anggota Tahunan", "extraordinary": "Rapat Anggota Luar Biasa"}
FUNDS = {
    "reserve": "Dana cadangan",
    "member_capital": "Jasa modal anggota",
    "member_service": "Jasa usaha anggota",
    "management": "Dana pengurus",
    "staff": "Dana karyawan",
    "education": "Dana pendidikan",
    "social": "Dana sosial",
    "area_development": "Dana pembangunan daerah kerja",
}


def _moment(value: datetime | str) -> str:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return format_datetime(moment.astimezone(WIB), "EEEE, d MMMM yyyy 'pukul' HH.mm 'WIB'", locale="id_ID")


def _day(value: str) -> str:
    return format_date(date.fromisoformat(value), "d MMMM yyyy", locale="id_ID")


def _hour(value: str) -> str:
    return format_time(datetime.fromisoformat(value).astimezone(WIB), "HH.mm", tzinfo=WIB, locale="id_ID")


def _percent(basis_points: int) -> str:
    return to_text(Fraction(basis_points, 100)).replace(".", ",") + " %"


_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_environment.filters |= {
    "waktu": _moment,
    "tanggal": _day,
    "jam": _hour,
    "persen": _percent,
    "dana": lambda name: FUNDS.get(name, name),
}


def printed(
    minutes: str,
    *,
    sha256: str,
    cooperative: str,
    names: Mapping[UUID, str | None],
    signatures: Mapping[str, Mapping[str, Any]],
) -> str:
    """The page. `names` are those of members on the roll that are still known."""
    document = json.loads(minutes)
    for motion in document["motions"]:
        motion["allocation"] = {name: part for name in FUNDS if (part := (motion["allocation"] or {}).get(name))}
    return _environment.get_template("minutes.html").render(
        m=document,
        jenis=KINDS[document["kind"]],
        koperasi=cooperative,
        nama={str(member_id): name for member_id, name in names.items()},
        tanda=signatures,
        sha256=sha256,
    )
