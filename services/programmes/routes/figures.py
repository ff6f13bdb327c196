"""Regions, and the figures that anybody may see of them."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field

from services.programmes.domain.indicators import NATION, month_of
from services.programmes.domain.problems import RegionNotFound
from services.programmes.routes.desk import json_answer
from services.programmes.use_cases.pool_figures import pool_month
from services.programmes.use_cases.read_figures import read_figures
from services.programmes.use_cases.rules_in_force import RULES
from services.programmes.views import figures as view
from shared import regions
from shared.auth import CurrentPerson, require_role
from shared.calendar import day_of
from shared.clock import utc_now
from shared.contracts.base import RegionCode
from shared.http import Db
from shared.problems import Forbidden, Malformed, documented

router = APIRouter(tags=["figures"])

Month = Annotated[
    str, Field(pattern=r"^[2-9]\d{3}-(0[1-9]|1[0-2])$", description="A month, e.g. 2026-11, as it is in Jakarta.")
]
CSV_TYPE = "text/csv; charset=utf-8"


class RegionView(BaseModel):
    """A province, regency or city."""

    code: str
    name: str
    level: int = Field(description="1 a province, 2 a regency or city.")
    parent_code: str | None


class Regions(BaseModel):
    """Regions by code."""

    items: list[RegionView]


class FigureView(BaseModel):
    """One figure. `nilai` null: it may not be shown, or there is none (`status` di-bawah-ambang)."""

    kode_wilayah: str
    level_wilayah: str
    nama_wilayah: str
    indikator: str
    judul: str
    satuan: str
    tahun: int
    periode: str
    nilai: int | None
    status: str


class Figures(BaseModel):
    """The figures of a region and of those in it, in a month."""

    region: str
    period: str
    units_min: int = Field(description="Nothing that can be told apart comes of fewer enterprises or persons.")
    items: list[FigureView]


class Pooled(BaseModel):
    """How many sums of a province or the country became visible."""

    pools: int


@router.get("/regions", response_model=Regions)
async def list_regions(
    parent: Annotated[str | None, Query(pattern=r"^\d{2}$", description="Only the regencies of this province.")] = None,
) -> Response:
    """All provinces with their regencies and cities (Kemendagri codes)."""
    if parent is None:
        found = sorted((*regions.provinces(), *regions.regencies()), key=lambda region: region.code)
    else:
        found = list(regions.regencies_of(parent))
    items = [
        {"code": each.code, "name": each.name, "level": each.level.value, "parent_code": each.parent_code}
        for each in found
    ]
    return json_answer({"items": items}, headers={"Cache-Control": "public, max-age=3600"})


@router.get(
    "/indicators",
    response_model=Figures,
    responses=documented(RegionNotFound, Malformed)
    | {200: {"content": {"text/csv": {}}, "description": "Figures; as CSV for who accepts that."}},
)
async def get_indicators(
    db: Db,
    region: Annotated[RegionCode | None, Query(description="None: the country and its provinces.")] = None,
    period: Month | None = None,
    accept: Annotated[str, Header()] = "",
) -> Response:
    """What a region may know of itself without knowing of anybody: see the decision 0027."""
    return await _answer(db, region, period, as_csv="text/csv" in accept)


@router.get(
    "/indicators.csv",
    response_class=Response,
    responses=documented(RegionNotFound, Malformed) | {200: {"content": {"text/csv": {}}, "description": "The table."}},
)
async def get_table(
    db: Db, region: Annotated[RegionCode | None, Query()] = None, period: Month | None = None
) -> Response:
    """The same as CSV."""
    return await _answer(db, region, period, as_csv=True)


async def _answer(db: Db, region: str | None, period: str | None, *, as_csv: bool) -> Response:
    this_month = month_of(utc_now())
    month = this_month if period is None else date.fromisoformat(f"{period}-01")
    async with db.reading() as conn:
        found = await read_figures(conn, region=region, month=month)
    rows = view.rows(found, month=month, is_over=month < this_month)
    headers = {"Vary": "Accept", "Cache-Control": "public, max-age=30"}
    if as_csv:
        name = f"indikator-{region or NATION}-{month:%Y-%m}.csv"
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return Response(view.as_csv(rows), media_type=CSV_TYPE, headers=headers)
    rule = RULES.in_force("publication", day_of(utc_now()))
    body: dict[str, Any] = {
        "region": region or NATION,
        "period": f"{month:%Y-%m}",
        "units_min": rule.whole("units_min"),
        "items": rows,
    }
    return json_answer(body, headers=headers)


@router.post("/indicators/{period}/pools", responses=documented(Forbidden))
async def post_pools(period: Month, person: CurrentPerson, db: Db) -> Pooled:
    """Operators: put together now what a month's regencies cannot show apart, without waiting for its end.

    What is pooled counts for the province or the country only, and for no regency any more.
    """
    require_role(person, "operator")
    async with db.transaction() as conn:
        return Pooled(pools=await pool_month(conn, date.fromisoformat(f"{period}-01"), now=utc_now()))
