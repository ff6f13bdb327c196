"""The seller's money: figures, statement, payouts, bank account, tax; one order, and giving back money for its lines.

What must stay true: who may see a shop's money is orders' to decide, so every page asks it with the person's own token.
"""

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from starlette.datastructures import FormData

from services.storefront.domain import terms
from services.storefront.domain.forms import bank_account_faults, whole_number
from services.storefront.routes.seller import my_shop, told
from services.storefront.routes.web import CurrentVisit, OwnForm, Visit, key_of, text_of
from services.storefront.upstream import Refused
from shared.problems import NotFound

router = APIRouter(include_in_schema=False)

PAGE_SIZE = 25
ACCOUNT_FIELDS = {"bank_code": 3, "account_number": 24, "holder_name": 70}
QUANTITY_MAX = 1000


@router.get("/penjual/{shop_id}/uang")
async def money(visit: CurrentVisit, shop_id: UUID, dari: str = "", sampai: str = "", hal: str = "") -> Response:
    """What the shop has to get, and each rupiah of it with the order it came from."""
    token, path = await visit.token(), f"/v1/shops/{shop_id}"
    since, until = _day(dari), _day(sampai)
    params = {"from_date": since, "to_date": until, "limit": PAGE_SIZE, "cursor": hal}
    shop, figures, statement = await asyncio.gather(
        my_shop(visit, shop_id),
        visit.network.orders.get(f"{path}/dashboard", token=token),
        visit.network.orders.get(f"{path}/statement", token=token, params=params),
    )
    return visit.page(
        "seller/money.html", shop=shop, tab="uang", figures=figures, statement=statement, is_first_page=not hal
    )


@router.get("/penjual/{shop_id}/pencairan")
async def payouts(visit: CurrentVisit, shop_id: UUID, hal: str = "") -> Response:
    """What was paid out, newest first, with what was kept for loans."""
    shop, found = await asyncio.gather(
        my_shop(visit, shop_id),
        visit.network.orders.get(
            f"/v1/shops/{shop_id}/payouts", token=await visit.token(), params={"limit": PAGE_SIZE, "cursor": hal}
        ),
    )
    return visit.page(
        "seller/payouts.html",
        shop=shop,
        tab="uang",
        payouts=found["items"],
        next_cursor=found["next_cursor"],
        is_first_page=not hal,
    )


@router.get("/penjual/{shop_id}/rekening")
async def show_account(visit: CurrentVisit, shop_id: UUID) -> Response:
    """Where the shop is paid, and what it is for the tax."""
    return await _account_page(visit, shop_id, values=dict.fromkeys(ACCOUNT_FIELDS, ""), faults={})


@router.post("/penjual/{shop_id}/rekening")
async def set_account(visit: CurrentVisit, form: OwnForm, shop_id: UUID) -> Response:
    """A new account; payouts are held for some days."""
    values = {name: text_of(form, name, most=most) for name, most in ACCOUNT_FIELDS.items()}
    faults = bank_account_faults(values)
    if not faults:
        number = "".join(character for character in values["account_number"] if character.isdigit())
        try:
            await visit.network.orders.call(
                "PUT",
                f"/v1/shops/{shop_id}/bank-account",
                token=await visit.token(),
                json={**values, "account_number": number, "holder_name": values["holder_name"].upper()},
            )
        except Refused as refusal:
            if refusal.upstream_status in (401, 404):
                raise
            told(faults, "account_number", refusal)
        else:
            return visit.redirect(f"/penjual/{shop_id}/rekening", info="rekening")
    return await _account_page(visit, shop_id, values=values, faults=faults.by_field, status=422)


@router.post("/penjual/{shop_id}/pajak")
async def declare(visit: CurrentVisit, form: OwnForm, shop_id: UUID) -> Response:
    """What the shop is for the tax on its sales."""
    kind = text_of(form, "jenis")
    body = {
        "kind": kind,
        "has_declared_small_turnover": kind == "individual" and text_of(form, "omzet_kecil") == "ya",
        "has_exemption_letter": text_of(form, "skb") == "ya",
    }
    call = visit.network.orders.call("PUT", f"/v1/shops/{shop_id}/taxpayer", token=await visit.token(), json=body)
    return await visit.act(call, back=f"/penjual/{shop_id}/rekening", info="pajak")


@router.get("/penjual/{shop_id}/pesanan/{order_id}")
async def one_order(visit: CurrentVisit, shop_id: UUID, order_id: UUID) -> Response:
    """An order as far as it is this shop's, with money to give back line by line."""
    shop, order = await asyncio.gather(my_shop(visit, shop_id), _order(visit, shop_id, order_id))
    return visit.page("seller/order.html", shop=shop, tab="pesanan", order=order, parcels=_own(order, shop_id))


@router.post("/penjual/{shop_id}/pesanan/{order_id}/dana-kembali")
async def refund(visit: CurrentVisit, form: OwnForm, shop_id: UUID, order_id: UUID) -> Response:
    """Give back the price of these lines."""
    back = f"/penjual/{shop_id}/pesanan/{order_id}"
    order = await _order(visit, shop_id, order_id)
    lines = _refunded(form, order, shop_id)
    reason = text_of(form, "alasan")
    if not lines or reason not in terms.REFUND_REASONS:
        return visit.redirect(back, info="jumlah")
    call = visit.network.orders.call(
        "POST",
        f"/v1/orders/{order_id}/refunds",
        token=await visit.token(),
        key=key_of(form),
        json={"lines": lines, "reason": reason},
    )
    return await visit.act(call, back=back, info="dana-kembali")


def _refunded(form: FormData, order: dict[str, Any], shop_id: UUID) -> list[dict[str, Any]]:
    """The lines of the shop's own parcels with a number beside them."""
    own = {parcel["parcel_id"] for parcel in order["parcels"] if parcel["shop_id"] == str(shop_id)}
    products = [line["product_id"] for line in order["lines"] if line["parcel_id"] in own]
    numbers = {each: whole_number(text_of(form, f"jumlah-{each}"), least=1, most=QUANTITY_MAX) for each in products}
    return [{"product_id": each, "quantity": number} for each, number in numbers.items() if number]


async def _order(visit: Visit, shop_id: UUID, order_id: UUID) -> dict[str, Any]:
    """An order with a parcel of this shop. Raises NotFound for any other, also for an own order at another shop."""
    order: dict[str, Any] = await visit.network.orders.get(f"/v1/orders/{order_id}", token=await visit.token())
    if not any(parcel["shop_id"] == str(shop_id) for parcel in order["parcels"]):
        raise NotFound
    return order


def _own(order: dict[str, Any], shop_id: UUID) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    return [
        (parcel, [line for line in order["lines"] if line["parcel_id"] == parcel["parcel_id"]])
        for parcel in order["parcels"]
        if parcel["shop_id"] == str(shop_id)
    ]


async def _account_page(
    visit: Visit, shop_id: UUID, *, values: Mapping[str, str], faults: Mapping[str, str], status: int = 200
) -> Response:
    shop, account = await asyncio.gather(my_shop(visit, shop_id), _account(visit, shop_id))
    return visit.page(
        "seller/account.html", status=status, shop=shop, tab="uang", account=account, values=values, faults=faults
    )


async def _account(visit: Visit, shop_id: UUID) -> dict[str, Any] | None:
    """The account as its owner sees it; None while there is none. Raises Refused for a shop of others."""
    try:
        found: dict[str, Any] = await visit.network.orders.get(
            f"/v1/shops/{shop_id}/bank-account", token=await visit.token()
        )
    except Refused as refusal:
        if refusal.upstream_status != 404:
            raise
        return None  # my_shop, asked beside this, has found out whether the shop is one of theirs
    return found


def _day(text: str) -> str:
    """A day as orders takes it; empty for what is none."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""
