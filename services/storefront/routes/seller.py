"""The seller centre: my shops, one shop at a glance, its orders to ship."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from services.storefront.domain import words
from services.storefront.domain.forms import Faults, shop_faults
from services.storefront.routes.web import CurrentVisit, OwnForm, Visit, key_of, text_of
from services.storefront.upstream import Refused
from shared.problems import NotFound

router = APIRouter(include_in_schema=False)

PAGE_SIZE = 20
LATEST_ORDERS = 100
CARRIERS = ("JNE", "J&T Express", "SiCepat", "Pos Indonesia", "AnterAja", "Kurir toko")
SHOP_FIELDS = {"name": 80, "region_code": 8}


@router.get("/penjual")
async def my_shops(visit: CurrentVisit) -> Response:
    """The shops in which I work."""
    mine = await visit.network.catalog.get("/v1/shops/mine", token=await visit.token())
    return visit.page("seller/shops.html", shops=mine["items"])


@router.get("/penjual/buka")
async def show_open_shop(visit: CurrentVisit) -> Response:
    """Open a shop."""
    await visit.token()
    return visit.page("seller/open.html", values=dict.fromkeys(SHOP_FIELDS, ""), faults={})


@router.post("/penjual/buka")
async def open_shop(visit: CurrentVisit, form: OwnForm) -> Response:
    """Open it, and go on to its products."""
    token = await visit.token()
    values = {name: text_of(form, name, most=most) for name, most in SHOP_FIELDS.items()}
    faults = shop_faults(values)
    if not faults:
        try:
            shop = await visit.network.catalog.call("POST", "/v1/shops", token=token, key=key_of(form), json=values)
        except Refused as refusal:
            if refusal.upstream_status == 401:
                raise
            told(faults, "name", refusal)
        else:
            return visit.redirect(f"/penjual/{shop['shop_id']}/produk", info="toko")
    return visit.page("seller/open.html", values=values, faults=faults.by_field, status=422)


@router.get("/penjual/{shop_id}")
async def overview(visit: CurrentVisit, shop_id: UUID) -> Response:
    """A shop at a glance, by its latest orders."""
    shop, latest = await asyncio.gather(my_shop(visit, shop_id), _orders_of(visit, shop_id, limit=LATEST_ORDERS))
    figures = figures_of(latest["items"])
    return visit.page("seller/overview.html", shop=shop, tab="", figures=figures, latest_orders=LATEST_ORDERS)


@router.get("/penjual/{shop_id}/pesanan")
async def shop_orders(visit: CurrentVisit, shop_id: UUID, hal: str = "") -> Response:
    """Orders with a parcel of this shop, newest first, each with what to do next."""
    shop, found = await asyncio.gather(my_shop(visit, shop_id), _orders_of(visit, shop_id, limit=PAGE_SIZE, cursor=hal))
    token = await visit.token()
    full = await asyncio.gather(
        *(visit.network.orders.get(f"/v1/orders/{order['order_id']}", token=token) for order in found["items"])
    )  # lists leave out lines and address
    return visit.page(
        "seller/orders.html",
        shop=shop,
        tab="pesanan",
        orders=[(order, _own_parcels(order, shop_id)) for order in full],
        next_cursor=found.get("next_cursor"),
        is_first_page=not hal,
        carriers=CARRIERS,
    )


@router.post("/penjual/{shop_id}/paket/{parcel_id}/kirim")
async def ship(visit: CurrentVisit, form: OwnForm, shop_id: UUID, parcel_id: UUID) -> Response:
    """The parcel is on its way."""
    body = {"carrier": text_of(form, "kurir", most=60), "tracking": text_of(form, "resi", most=60)}
    if not body["carrier"] or not body["tracking"]:
        return visit.redirect(f"/penjual/{shop_id}/pesanan", info="ditolak")
    return await _move(visit, shop_id, f"/v1/parcels/{parcel_id}/ship", body, info="dikirim")


@router.post("/penjual/{shop_id}/paket/{parcel_id}/sampai")
async def deliver(visit: CurrentVisit, form: OwnForm, shop_id: UUID, parcel_id: UUID) -> Response:
    """The parcel has reached the buyer; of a COD parcel the money was taken."""
    collected = text_of(form, "uang")
    body = {"collected_minor": int(collected)} if collected.isascii() and collected.isdigit() else {}
    return await _move(visit, shop_id, f"/v1/parcels/{parcel_id}/deliver", body, info="sampai")


@router.post("/penjual/{shop_id}/paket/{parcel_id}/batal")
async def cancel_parcel(visit: CurrentVisit, form: OwnForm, shop_id: UUID, parcel_id: UUID) -> Response:
    """The shop cannot send it."""
    return await _move(visit, shop_id, f"/v1/parcels/{parcel_id}/cancel", {}, info="tak-dikirim")


async def _move(visit: Visit, shop_id: UUID, path: str, body: dict[str, Any], *, info: str) -> Response:
    token = await visit.token()
    try:
        await visit.network.orders.call("POST", path, token=token, json=body)
    except Refused as refusal:
        if refusal.upstream_status not in (403, 409, 422):
            raise
        info = "bukan-tugas" if refusal.upstream_status == 403 else "terlambat"
    return visit.redirect(f"/penjual/{shop_id}/pesanan", info=info)


async def my_shop(visit: Visit, shop_id: UUID) -> dict[str, Any]:
    """One of the shops in which the person works, with the role there. Raises NotFound for any other."""
    mine = await visit.network.catalog.get("/v1/shops/mine", token=await visit.token())
    for shop in mine["items"]:
        if shop["shop_id"] == str(shop_id):
            found: dict[str, Any] = shop
            return found
    raise NotFound


def told(faults: Faults, name: str, refusal: Refused) -> None:
    """Say what a service refused beside the field that it most likely belongs to."""
    sentence = words.problem_sentence(refusal.reason, refusal.upstream_status)
    faults.add(name, f"{sentence.title}. {sentence.text}")


async def _orders_of(visit: Visit, shop_id: UUID, *, limit: int, cursor: str = "") -> dict[str, Any]:
    params = {"shop_id": str(shop_id), "role": "seller", "limit": limit, "cursor": cursor}
    found: dict[str, Any] = await visit.network.orders.get("/v1/orders", token=await visit.token(), params=params)
    return found


def _own_parcels(order: dict[str, Any], shop_id: UUID) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The parcels of the shop, each with its lines."""
    return [
        (parcel, [line for line in order["lines"] if line["parcel_id"] == parcel["parcel_id"]])
        for parcel in order["parcels"]
        if parcel["shop_id"] == str(shop_id)
    ]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a seller wants to know first. `sold_minor`: goods of parcels on their way or with the buyer, in rupiah."""

    to_ship: int
    on_the_way: int
    completed: int
    sold_minor: int


def figures_of(orders: list[dict[str, Any]]) -> Figures:
    """The figures of a shop's orders; each holds the shop's own parcels only."""
    parcels = [(order["status"], parcel) for order in orders for parcel in order["parcels"]]
    states = Counter(parcel["status"] for _, parcel in parcels)
    return Figures(
        to_ship=sum(status == "confirmed" and parcel["status"] == "pending" for status, parcel in parcels),
        on_the_way=states["shipped"],
        completed=states["delivered"] + states["completed"],
        sold_minor=sum(
            parcel["goods_minor"] for _, parcel in parcels if parcel["status"] in {"shipped", "delivered", "completed"}
        ),
    )
