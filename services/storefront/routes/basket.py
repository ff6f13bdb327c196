"""The basket: shown by shop, changed by small forms."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.storefront.domain.basket import amount_of, quantity_of
from services.storefront.domain.session import Wanted
from services.storefront.routes.web import CurrentVisit, OwnForm, Visit, text_of
from services.storefront.upstream import Refused
from services.storefront.use_cases.change_basket import (
    BasketFull,
    agree_to_changes,
    set_cart_quantity,
    set_guest_quantity,
)
from services.storefront.use_cases.view_basket import cart_basket, guest_basket, product_of

router = APIRouter(include_in_schema=False)


@router.get("/keranjang")
async def basket(visit: CurrentVisit) -> Response:
    """What is in it, by shop, and what changed."""
    token = await visit.optional_token()
    if token is None:
        found = await guest_basket(visit.network, visit.session)
    else:
        found = await cart_basket(visit.db, visit.network, visit.session, token)
    return visit.page("basket.html", basket=found)


@router.post("/keranjang/setuju")
async def agree(visit: CurrentVisit, form: OwnForm) -> Response:
    """Take the new prices and contents."""
    await agree_to_changes(visit.network, await visit.token())
    return visit.redirect("/keranjang", info="setuju")


@router.post("/keranjang/{product_id}")
async def change(visit: CurrentVisit, form: OwnForm, product_id: UUID) -> Response:
    """Put a product in, or set its quantity; 0 takes it out."""
    is_new = text_of(form, "langkah") == "tambah"
    quantity = quantity_of(form.get("jumlah"))
    if quantity is None:
        return visit.redirect(f"/produk/{product_id}" if is_new else "/keranjang", info="jumlah")
    if quantity == 0:
        return await _set(visit, product_id, None, info="keranjang")
    product = await product_of(visit.network, product_id)
    if product is None:
        return visit.redirect("/keranjang", info="habis")
    if is_new and not visit.session.is_signed_in and product_id in visit.session.wanted:
        quantity = min(quantity + visit.session.wanted[product_id].quantity, 1000)
    wanted = Wanted(quantity, amount_of(product.get("version")), amount_of(product.get("unit_price_minor")))
    return await _set(visit, product_id, wanted, info="ditambah" if is_new else "keranjang")


async def _set(visit: Visit, product_id: UUID, wanted: Wanted | None, *, info: str) -> Response:
    token = await visit.optional_token()
    try:
        if token is None:
            await set_guest_quantity(visit.db, visit.session, product_id, wanted, days=visit.days)
        else:
            await set_cart_quantity(visit.db, visit.network, visit.session, token, product_id, wanted)
    except BasketFull:
        return visit.redirect("/keranjang", info="penuh")
    except Refused as refusal:
        if refusal.upstream_status == 401:
            raise
        return visit.redirect("/keranjang", info=_told(refusal))
    return visit.redirect("/keranjang", info=info)


def _told(refusal: Refused) -> str:
    return {"cart-full": "penuh", "unknown-products": "habis", "malformed": "jumlah"}.get(refusal.reason, "berubah")
