"""Figures that anybody may see, per region and month; and whether a certificate counts."""

import re
from typing import Any

from fastapi import APIRouter, Response

from services.storefront.routes.web import CurrentVisit
from services.storefront.upstream import Refused
from shared import regions
from shared.calendar import day_of
from shared.clock import utc_now
from shared.regions import Level

router = APIRouter(include_in_schema=False)

MONTHS_SHOWN = 24
MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
NUMBER = re.compile(r"[A-Za-z0-9/.-]{4,60}")


@router.get("/indikator")
async def indicators(visit: CurrentVisit, wilayah: str = "", bulan: str = "", ukuran: str = "") -> Response:
    """One region's figures with those of the regions in it; what could tell of somebody is hidden."""
    region, month = _region(wilayah), _month(bulan)
    params = {"region": region, "period": month}
    found = await visit.network.programmes.get("/v1/indicators", params=params)
    rows = found["items"]
    chosen = ukuran if any(row["indikator"] == ukuran for row in rows) else "nilai-penjualan"
    code = region or found["region"]
    return visit.page(
        "public/indicators.html",
        region=region,
        month=month,
        months=_months(),
        chosen=chosen,
        own=[row for row in rows if row["kode_wilayah"] == code],
        parts_of=_bars([row for row in rows if row["indikator"] == chosen and row["kode_wilayah"] != code]),
        measures={row["indikator"]: row["judul"] for row in rows},
        units_min=found["units_min"],
        place=regions.full_name_of(region) if region else "Indonesia",
    )


@router.get("/indikator.csv")
async def table(visit: CurrentVisit, wilayah: str = "", bulan: str = "") -> Response:
    """The same as a file."""
    params = {"region": _region(wilayah), "period": _month(bulan)}
    answer = await visit.network.programmes.send("GET", "/v1/indicators.csv", params=params, accept="text/csv")
    headers = {"Content-Disposition": answer.headers.get("content-disposition", "attachment")}
    return Response(answer.content, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/sertifikat")
async def verify(visit: CurrentVisit, nomor: str = "") -> Response:
    """Whether the certificate with this number counts."""
    number, certificate = nomor.strip()[:60], None
    if NUMBER.fullmatch(number) and ".." not in number:
        try:
            certificate = await visit.network.programmes.get(f"/v1/certificates/{number.replace('/', '%2F')}/verify")
        except Refused as refusal:
            if refusal.upstream_status != 404:
                raise
    status = 404 if number and certificate is None else 200
    return visit.page("public/certificate.html", status=status, number=number, certificate=certificate)


def _region(text: str) -> str:
    """A province's or regency's code; empty for the country."""
    found = regions.find(text)
    return text if found is not None and found.level in (Level.PROVINCE, Level.REGENCY) else ""


def _month(text: str) -> str:
    return text if MONTH.fullmatch(text) else _months()[0]


def _months() -> list[str]:
    """This month and those before it, in western Indonesian time."""
    today = day_of(utc_now())
    last = today.year * 12 + today.month - 1
    return [f"{each // 12}-{each % 12 + 1:02d}" for each in range(last, last - MONTHS_SHOWN, -1)]


def _bars(rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], int]]:
    """Each row with the length of its bar, 0 to 100; the longest is 100."""
    most = max((row["nilai"] or 0 for row in rows), default=0)
    return [(row, 0 if not most or not row["nilai"] else max(1, row["nilai"] * 100 // most)) for row in rows]
