"""Carts: put in, take out, look, check out."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from services.orders import store
from services.orders.domain.problems import (
    CartFull,
    EmptyCart,
    MixedCurrencies,
    OfferChanged,
    UnknownProducts,
)
from services.orders.routes import desk
from services.orders.routes.desk import fees_on, placing
from services.orders.use_cases.change_cart import Cart, Item, PutItem, view_cart
from services.orders.use_cases.place_orders import PlaceOrder
from services.orders.views.asked import CartItem, Checkout, RegionCode
from services.orders.views.shown import CartLine, CartParcel, CartView, PlacedOrder
from shared.auth import CurrentPerson, Principal, person_of
from shared.calendar import day_of
from shared.clock import utc_now
from shared.db import Database
from shared.direct import DirectRoute, body_in_openapi, body_of, path_of
from shared.http import Db
from shared.idempotency import Claim, IdempotencyKey, KeyInUse, KeyMissing, KeyReused, answer, key_of
from shared.money import CURRENCY
from shared.problems import Forbidden, OutcomeUnknown, Overloaded, Unauthenticated, documented
from shared.telemetry import current_traceparent


class Place(BaseModel):
    """Where an item of a cart is."""

    product_id: UUID


class PutRoute(DirectRoute):
    """Called with its parameters found by hand: buyers put more into carts than they do anything else but look."""

    async def answer(self, request: Request) -> Response:
        """The cart."""
        person = await person_of(request)
        return await put_item(path_of(request, Place).product_id, person, request)


class CheckoutRoute(DirectRoute):
    """The same for the way from cart to order."""

    async def answer(self, request: Request) -> Response:
        """The order."""
        person = await person_of(request)
        return await check_out(key_of(request), person, request)


router = APIRouter(prefix="/v1/cart", tags=["cart"])
put_router = APIRouter(prefix="/v1/cart", tags=["cart"], route_class=PutRoute)
checkout_router = APIRouter(prefix="/v1/cart", tags=["cart"], route_class=CheckoutRoute)


@put_router.put(
    "/items/{product_id}",
    response_model=CartView,
    responses=documented(UnknownProducts, CartFull, Unauthenticated, Overloaded, OutcomeUnknown),
    openapi_extra=body_in_openapi(CartItem),
)
async def put_item(product_id: UUID, person: CurrentPerson, request: Request) -> Response:
    """Set how many of a product lie in the cart; the whole cart is answered. Many requests share one transaction."""
    _, body = await body_of(request, CartItem)
    wish = PutItem(person.id, product_id, body.quantity, body.version, body.unit_price_minor)
    cart = await desk.putting(request).submit(wish)
    return Response(_as_view(cart).model_dump_json().encode(), media_type="application/json")


@router.get("", responses=documented(Unauthenticated))
async def show_cart(
    person: CurrentPerson, db: Db, request: Request, region_code: Annotated[RegionCode | None, Query()] = None
) -> CartView:
    """The cart at today's prices, and what changed; shipping once the destination's region is given."""
    return await _view(db, request, person, region_code)


@router.delete("/items/{product_id}", responses=documented(Unauthenticated))
async def remove_item(product_id: UUID, person: CurrentPerson, db: Db, request: Request) -> CartView:
    """Take a product out of the cart; the whole cart is answered."""
    async with db.transaction() as conn:
        await store.remove_cart_item(conn, person.id, product_id)
    return await _view(db, request, person, None)


@checkout_router.post(
    "/checkout",
    status_code=201,
    response_model=PlacedOrder,
    responses=documented(
        KeyMissing,
        KeyReused,
        KeyInUse,
        EmptyCart,
        OfferChanged,
        UnknownProducts,
        MixedCurrencies,
        Forbidden,
        Unauthenticated,
        Overloaded,
        OutcomeUnknown,
    ),
    openapi_extra=body_in_openapi(Checkout),
)
async def check_out(key: IdempotencyKey, person: CurrentPerson, request: Request) -> Response:
    """Order what lies in the cart, as it was seen there; the cart is empty then."""
    if person.kind != "person":
        raise Forbidden("only people buy")
    _, body = await body_of(request, Checkout)
    command = PlaceOrder(
        buyer_id=person.id,
        claim=Claim.of(person.id, request, key, body),
        lines=None,
        ship_to=body.ship_to.as_ship_to(),
        method=body.payment.method,
        cooperative_id=body.payment.cooperative_id,
        traceparent=current_traceparent(),
    )
    return answer(await placing(request).submit(command))


async def _view(db: Database, request: Request, person: Principal, region_code: str | None) -> CartView:
    fees = fees_on(request.app.state.tariff, day_of(utc_now()))
    async with db.reading() as conn:
        return _as_view(await view_cart(conn, person.id, fees, region_code))


def _as_view(cart: Cart) -> CartView:
    fees = [shop.shipping_minor for shop in cart.shops]
    shipping_minor = None if None in fees else sum(fee for fee in fees if fee is not None)
    goods_minor = sum(shop.goods_minor for shop in cart.shops)
    return CartView(
        items=[_line(item) for item in cart.items],
        parcels=[
            CartParcel(shop_id=s.shop_id, goods_minor=s.goods_minor, shipping_minor=s.shipping_minor)
            for s in cart.shops
        ],
        goods_minor=goods_minor,
        shipping_minor=shipping_minor,
        total_minor=goods_minor + (shipping_minor or 0),
        currency=CURRENCY,
    )


def _line(item: Item) -> CartLine:
    line, offer = item.line, item.offer
    assert line.version is not None and line.unit_price_minor is not None, "a cart always knows what was seen"
    changed: list[str] = []
    if offer is None or not offer.is_listed:
        changed.append("withdrawn")
    else:
        changed += ["version"] if offer.version != line.version else []
        changed += ["price"] if offer.unit_price_minor != line.unit_price_minor else []
    return CartLine.model_validate(
        {
            "product_id": line.product_id,
            "shop_id": offer.shop_id if offer else None,
            "title": offer.title if offer else None,
            "category": offer.category if offer else None,
            "quantity": line.quantity,
            "version": offer.version if offer else None,
            "unit_price_minor": offer.unit_price_minor if offer else None,
            "seen_version": line.version,
            "seen_unit_price_minor": line.unit_price_minor,
            "is_listed": item.is_buyable,
            "changed": changed,
        }
    )
