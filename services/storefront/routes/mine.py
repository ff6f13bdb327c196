"""Everything of one person in one place: the way on to shops, cooperatives, trainings."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from fastapi import APIRouter, Response

from services.storefront.routes.web import CurrentVisit
from services.storefront.upstream import Unreachable

router = APIRouter(include_in_schema=False)


@router.get("/saya")
async def mine(visit: CurrentVisit) -> Response:
    """What the person has here; a part that does not answer is said to be missing, and the rest is shown."""
    token, network = await visit.token(), visit.network
    shops, memberships, offices, enrolments = await asyncio.gather(
        _items(network.catalog.get("/v1/shops/mine", token=token)),
        _items(network.cooperatives.get("/v1/me/memberships", token=token)),
        _items(network.cooperatives.get("/v1/me/offices", token=token)),
        _items(network.programmes.get("/v1/enrolments", token=token, params={"limit": 5})),
    )
    return visit.page("mine.html", shops=shops, memberships=memberships, offices=offices, enrolments=enrolments)


async def _items(call: Awaitable[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """What a list holds; None while its service does not answer."""
    try:
        found = await call
    except Unreachable:
        return None
    items: list[dict[str, Any]] = found["items"]
    return items
