"""Checking out: an address, then everything to look at once more with shipping, then the order.

The address travels in the forms and is stored by orders alone.
"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from starlette.datastructures import FormData

from services.storefront.domain import words
from services.storefront.domain.basket import Basket
from services.storefront.domain.forms import Faults, address_faults, contact_of
from services.storefront.domain.sentence import Sentence
from services.storefront.routes.web import KEY, CurrentVisit, OwnForm, Visit, text_of
from services.storefront.upstream import Refused, Unreachable
from services.storefront.use_cases.check_out import check_out
from services.storefront.use_cases.view_basket import cart_basket
from shared.ids import new_id

router = APIRouter(include_in_schema=False)

FIELDS = {"name": 80, "phone": 30, "address": 400, "region_code": 8, "postal_code": 5, "note": 200}
METHODS = ("qris", "cod")
SAVINGS = "savings:"  # followed by the cooperative's id
BACK_TO_BASKET = {"offer-changed", "unknown-products", "empty-cart", "cart-full", "order-too-large", "mixed-currencies"}


@router.get("/bayar")
async def show_address(visit: CurrentVisit) -> Response:
    """Where should it go?"""
    token = await visit.token()
    basket = await cart_basket(visit.db, visit.network, visit.session, token)
    if not basket.groups:
        return visit.redirect("/keranjang")
    values = dict.fromkeys(FIELDS, "") | await _last_address(visit, token)
    return visit.page("address.html", basket=basket, values=values, faults={})


@router.post("/bayar")
async def show_summary(visit: CurrentVisit, form: OwnForm) -> Response:
    """Everything once more, with shipping; or the address again with what is wrong."""
    token, values = await visit.token(), _values_of(form)
    faults = address_faults(values)
    destination = values["region_code"] if not faults else None
    basket = await cart_basket(visit.db, visit.network, visit.session, token, region_code=destination)
    if not basket.groups:
        return visit.redirect("/keranjang")
    if faults or text_of(form, "langkah") == "alamat":
        status = 422 if faults else 200
        return visit.page("address.html", basket=basket, values=values, faults=faults.by_field, status=status)
    return await _summary(visit, token, basket, values, method="qris")


@router.post("/bayar/pesan")
async def place_order(visit: CurrentVisit, form: OwnForm) -> Response:
    """Order."""
    token, values, key = await visit.token(), _values_of(form), text_of(form, "kunci")
    method = text_of(form, "cara")
    faults = address_faults(values)
    payment = _payment_of(method)
    if faults or not KEY.fullmatch(key) or payment is None:
        return await _again(visit, token, values, faults)
    ship_to: dict[str, str | None] = {name: value or None for name, value in values.items()}
    ship_to["phone"] = (contact_of(values["phone"]) or {}).get("phone")
    try:
        order_id = await check_out(
            visit.db, visit.network, visit.session, token, key=key, ship_to=ship_to, payment=payment
        )
    except Refused as refusal:
        if refusal.upstream_status == 401:
            raise
        if refusal.reason in BACK_TO_BASKET:
            return visit.redirect("/keranjang", info="berubah")
        basket = await cart_basket(visit.db, visit.network, visit.session, token, region_code=values["region_code"])
        sentence = words.problem_sentence(refusal.reason, refusal.upstream_status)
        return await _summary(visit, token, basket, values, method=method, fault=sentence)
    except Unreachable:
        return visit.page("again.html", values=values, method=method, key=key, status=503)
    return visit.redirect(f"/pesanan/{order_id}")


async def _summary(
    visit: Visit,
    token: str,
    basket: Basket,
    values: dict[str, str],
    *,
    method: str,
    fault: Sentence | None = None,
) -> Response:
    return visit.page(
        "summary.html",
        status=409 if fault else 200,
        basket=basket,
        values=values,
        method=method,
        savings=await _savings(visit, token),
        key=str(new_id()),
        fault=fault,
    )


async def _savings(visit: Visit, token: str) -> list[dict[str, Any]]:
    """The person's voluntary savings that could pay; none while cooperatives does not answer: others ways remain."""
    try:
        found = await visit.network.cooperatives.get("/v1/me/memberships", token=token)
    except Unreachable:
        return []
    return [
        each
        for each in found["items"]
        if each["state"] == "active" and each["may_pay_at_market"] and each["voluntary_minor"] > 0
    ]


def _payment_of(method: str) -> dict[str, str] | None:
    """What orders takes for a way to pay; None when it is none of ours."""
    if method in METHODS:
        return {"method": method}
    if method.startswith(SAVINGS):
        try:
            return {"method": "savings", "cooperative_id": str(UUID(method.removeprefix(SAVINGS)))}
        except ValueError:
            return None
    return None


async def _last_address(visit: Visit, token: str) -> dict[str, str]:
    """Where the person's last order went, while orders keeps that; else their own name and phone."""
    last = await visit.network.orders.get("/v1/orders", token=token, params={"limit": 1, "role": "buyer"})
    for item in last["items"]:
        order = await visit.network.orders.get(f"/v1/orders/{item['order_id']}", token=token)
        if order["ship_to"] is not None:
            return {name: str(order["ship_to"][name] or "") for name in FIELDS if name != "note"}
    person = await visit.network.identity.get("/v1/accounts/me", token=token)
    phones = [contact["value"] for contact in person["contacts"] if contact["kind"] == "phone"]
    return {"name": str(person["name"]), "phone": str(phones[0]) if phones else ""}


async def _again(visit: Visit, token: str, values: dict[str, str], faults: Faults) -> Response:
    basket = await cart_basket(visit.db, visit.network, visit.session, token)
    return visit.page("address.html", basket=basket, values=values, faults=faults.by_field, status=422)


def _values_of(form: FormData) -> dict[str, str]:
    return {name: text_of(form, name, most=most) for name, most in FIELDS.items()}
