"""The surplus (SHU) of a year: tried in percent, member by member, and divided as the meeting decided."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.storefront.domain import terms
from services.storefront.domain.forms import basis_points_typed, whole_number
from services.storefront.routes.cooperative_office import ask, office_of
from services.storefront.routes.web import CurrentVisit, OwnForm, Visit, key_of, text_of
from services.storefront.upstream import Refused
from shared.calendar import day_of
from shared.clock import utc_now

router = APIRouter(include_in_schema=False, prefix="/koperasi/{cooperative_id}/kantor/shu")

PAGE_SIZE = 25
WHOLE = 10_000  # basis points
USUAL = {
    "reserve": "25",
    "member_capital": "20",
    "member_service": "40",
    "management": "5",
    "education": "5",
    "social": "5",
}


@router.get("")
async def surplus(visit: CurrentVisit, cooperative_id: UUID, request: Request) -> Response:
    """How a year was divided, or, as long as it was not, the form to try it and what that would give."""
    asked = request.query_params
    year = whole_number(asked.get("tahun", ""), least=2000, most=9998) or day_of(utc_now()).year
    office, divided = await asyncio.gather(
        office_of(visit, cooperative_id), _divided(visit, cooperative_id, year, asked)
    )
    is_asked = any(f"p-{pool}" in asked for pool in terms.POOLS)
    typed = {pool: asked.get(f"p-{pool}", "" if is_asked else USUAL.get(pool, "0")) for pool in terms.POOLS}
    allocation, fault = allocation_of(typed)
    tried: dict[str, Any] | None = None
    if divided is None and is_asked and fault is None:
        try:
            tried = await _try(visit, cooperative_id, year, allocation, cursor=asked.get("hal", ""))
        except Refused as refusal:
            if refusal.upstream_status not in (409, 422):
                raise
            return visit.redirect(f"/koperasi/{cooperative_id}/kantor/shu?tahun={year}", fault=refusal.reason)
    shown = divided or tried
    return visit.page(
        "cooperative/surplus.html",
        status=422 if is_asked and fault and divided is None else 200,
        office=office,
        tab="shu",
        year=year,
        typed=typed,
        total=sum(allocation.values()),
        fault=fault if is_asked and divided is None else None,
        shown=shown,
        names={} if shown is None else await _names(visit, cooperative_id, shown["items"]),
        is_first_page=not asked.get("hal"),
        query="".join(f"&p-{pool}={text}" for pool, text in typed.items() if basis_points_typed(text)),
    )


@router.post("/bagikan")
async def divide(visit: CurrentVisit, form: OwnForm, cooperative_id: UUID) -> Response:
    """Divide it as the meeting decided, once."""
    year = whole_number(text_of(form, "tahun"), least=2000, most=9998) or 0
    allocation, fault = allocation_of({pool: text_of(form, f"p-{pool}", most=8) for pool in terms.POOLS})
    back = f"/koperasi/{cooperative_id}/kantor/shu?tahun={year}"
    if fault is not None:
        return visit.redirect(back, fault="allocation-not-whole")
    call = visit.network.cooperatives.call(
        "POST",
        f"/v1/cooperatives/{cooperative_id}/years/{year}/surplus",
        token=await visit.token(),
        key=key_of(form),
        json={"allocation": allocation},
    )
    return await visit.act(call, back=back, info="shu")


def allocation_of(typed: Mapping[str, str]) -> tuple[dict[str, int], str | None]:
    """Percent as basis points by part, and what is wrong with it."""
    found = {pool: basis_points_typed(text) for pool, text in typed.items()}
    allocation = {pool: points or 0 for pool, points in found.items()}
    if any(points is None for points in found.values()):
        return allocation, "Tulis persen dengan angka, misalnya 25 atau 12,5."
    if sum(allocation.values()) != WHOLE:
        return allocation, "Jumlah semua bagian harus tepat 100 persen."
    return allocation, None


async def _divided(visit: Visit, cooperative_id: UUID, year: int, asked: Mapping[str, str]) -> dict[str, Any] | None:
    """How the year was divided; None while it was not."""
    try:
        found: dict[str, Any] = await ask(
            visit, cooperative_id, f"/years/{year}/surplus", limit=PAGE_SIZE, cursor=asked.get("hal", "")
        )
    except Refused as refusal:
        if refusal.upstream_status != 404 and refusal.reason != "malformed":  # a page of a trial is not one of its
            raise
        return None
    return found


async def _try(
    visit: Visit, cooperative_id: UUID, year: int, allocation: Mapping[str, int], *, cursor: str
) -> dict[str, Any]:
    found: dict[str, Any] = await visit.network.cooperatives.call(
        "POST",
        f"/v1/cooperatives/{cooperative_id}/years/{year}/surplus",
        token=await visit.token(),
        params={"dry_run": "true", "limit": PAGE_SIZE, "cursor": cursor},
        json={"allocation": allocation},
    )
    return found


async def _names(visit: Visit, cooperative_id: UUID, shares: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The members of one page by name; who asked to be forgotten has none."""
    ids = [str(share["member_id"]) for share in shares]
    found = await asyncio.gather(*(ask(visit, cooperative_id, f"/members/{each}") for each in ids))
    return {
        member_id: str(member["name"] or f"No. {member['register_number']}")
        for member_id, member in zip(ids, found, strict=True)
    }
