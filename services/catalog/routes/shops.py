"""Shops and who works in them."""

import time
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from services.catalog.domain.badges import living
from services.catalog.domain.problems import (
    NotAMember,
    NotYourTask,
    OwnerStays,
    ShopClosed,
    ShopNotFound,
    UnknownRegion,
)
from services.catalog.domain.shop import Role
from services.catalog.routes.answers import OPTIONAL_KEY_DOCUMENTED, OptionalKey, json_answer, once
from services.catalog.store import search as store
from services.catalog.use_cases.appoint_staff import appoint_staff
from services.catalog.use_cases.dismiss_staff import dismiss_staff
from services.catalog.use_cases.open_shop import OpenShop, open_shop
from shared import regions
from shared.auth import CurrentPerson, MaybePerson
from shared.clock import utc_now
from shared.contracts.base import RegionCode
from shared.http import Db
from shared.ids import new_id
from shared.problems import documented

router = APIRouter(tags=["shops"])

SHOPS_MAX = 100


class NewShop(BaseModel):
    """A shop to open; whoever opens it owns it."""

    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=2, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")
    ]
    region_code: RegionCode
    cooperative_id: UUID | None = None


class ShopOpenedView(BaseModel):
    """The new shop."""

    shop_id: UUID


class ShopView(BaseModel):
    """What anybody may know of a shop."""

    shop_id: UUID
    name: str
    region_code: str
    region_name: str
    cooperative_id: UUID | None
    is_open: bool
    opened_at: AwareDatetime
    badges: list[str] = Field(description="koperasi, bersertifikat:<scheme>.")


class StaffView(BaseModel):
    """Somebody who works in a shop."""

    account_id: UUID
    role: Role


class ShopDetailView(ShopView):
    """A shop; its staff is shown only to those who work there."""

    staff: list[StaffView] | None


class OwnShopView(ShopView):
    """A shop in which the caller works."""

    role: Role
    products: int = Field(description="How many are listed; no more than 1,001 are counted.")


class Shops(BaseModel):
    """Shops; those that do not exist are left out."""

    items: list[ShopView]


class OwnShops(BaseModel):
    """The caller's shops."""

    items: list[OwnShopView]


class Appointment(BaseModel):
    """A role in a shop."""

    role: Literal["manager", "packer"]


def _view(row: Any) -> dict[str, Any]:
    return {
        "shop_id": row["shop_id"],
        "name": row["name"],
        "region_code": row["region_code"],
        "region_name": regions.full_name_of(row["region_code"]) or row["region_code"],
        "cooperative_id": row["cooperative_id"],
        "is_open": row["state"] == "open",
        "opened_at": row["opened_at"],
        "badges": living(row["badges"], time.time()),
    }


@router.post(
    "/shops",
    status_code=201,
    response_model=ShopOpenedView,
    responses=documented(UnknownRegion, NotAMember),
    openapi_extra=OPTIONAL_KEY_DOCUMENTED,
)
async def create_shop(body: NewShop, key: OptionalKey, person: CurrentPerson, request: Request, db: Db) -> Response:
    """Open a shop."""
    command = OpenShop(new_id(), person.id, body.name, body.region_code, body.cooperative_id)
    async with db.transaction() as conn:

        async def work() -> ShopOpenedView:
            await open_shop(conn, command, now=utc_now())
            return ShopOpenedView(shop_id=command.shop_id)

        return await once(conn, request, person, key, body, work, status=201)


@router.get("/shops", response_model=Shops)
async def list_shops(ids: Annotated[str, Query(max_length=4000)], db: Db) -> Response:
    """Shops by their ids, comma separated, at most 100: for pages that show names. What is no id is left out."""
    shop_ids = []
    for text in ids.split(",")[:SHOPS_MAX]:
        try:
            shop_ids.append(UUID(text.strip()))
        except ValueError:
            continue
    async with db.reading() as conn:
        rows = await store.shops(conn, shop_ids)
    return json_answer({"items": [_view(row) for row in rows]}, headers={"Cache-Control": "public, max-age=30"})


@router.get("/shops/mine", response_model=OwnShops)
async def list_own_shops(person: CurrentPerson, db: Db) -> Response:
    """The shops in which the caller works, newest first."""
    async with db.reading() as conn:
        rows = await store.shops_of(conn, person.id)
    return json_answer({"items": [{**_view(row), "role": row["role"], "products": row["products"]} for row in rows]})


@router.get("/shops/{shop_id}", response_model=ShopDetailView, responses=documented(ShopNotFound))
async def get_shop(shop_id: UUID, person: MaybePerson, db: Db) -> Response:
    """A shop."""
    async with db.reading() as conn:
        rows = await store.shops(conn, [shop_id])
        staff = [] if person is None else await store.staff_for(conn, shop_id, person.id)
    if not rows:
        raise ShopNotFound
    people = [{"account_id": row["account_id"], "role": row["role"]} for row in staff] or None
    return json_answer({**_view(rows[0]), "staff": people})


@router.put(
    "/shops/{shop_id}/staff/{account_id}",
    status_code=204,
    responses=documented(ShopNotFound, NotYourTask, ShopClosed, OwnerStays),
)
async def put_staff(shop_id: UUID, account_id: UUID, body: Appointment, person: CurrentPerson, db: Db) -> None:
    """Make somebody manager or packer of the shop."""
    async with db.transaction() as conn:
        await appoint_staff(
            conn, shop_id=shop_id, account_id=account_id, role=Role(body.role), by=person.id, now=utc_now()
        )


@router.delete(
    "/shops/{shop_id}/staff/{account_id}",
    status_code=204,
    responses=documented(ShopNotFound, NotYourTask, ShopClosed, OwnerStays),
)
async def delete_staff(shop_id: UUID, account_id: UUID, person: CurrentPerson, db: Db) -> None:
    """Take somebody off the staff."""
    async with db.transaction() as conn:
        await dismiss_staff(conn, shop_id=shop_id, account_id=account_id, by=person.id, now=utc_now())
