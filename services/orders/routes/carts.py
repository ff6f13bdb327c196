"""Carts: put in, take out, look, check out."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.orders import store
from services.orders.domain.problems import (
    CartFull,
    EmptyCart,
    MixedCurrencies,
    OfferChanged,
    UnknownProducts,
)
from services.orders.routes.desk import fees_on, placing
from services.orders.use_cases.change_cart import Cart, Item, put_into_cart, view_cart
from services.orders.use_cases.place_orders import PlaceOrder
from services.orders.views.asked import CartItem, Checkout, RegionCode
from services.orders.views.shown import CartLine, CartParcel, CartView, PlacedOrder
from shared.auth import CurrentPerson, Principal
from shared.clock import utc_now
from shared.db import Database
from shared.http import Db
from shared.idempotency import Claim, IdempotencyKey, KeyInUse, KeyMissing, KeyReused, answer
from shared.money import CURRENCY
from shared.problems import Forbidden, OutcomeUnknown, Overloaded, Unauthenticated, documented
from shared.telemetry import current_traceparent

router = APIRouter(prefix="/v1/cart", tags=["cart"])


@router.get("", responses=documented(Unauthenticated))
async def show_cart(
    person: CurrentPerson, db: Db, request: Request, region_code: Annotated[RegionCode | None, Query()] = None
) -> CartView:
    """The cart at today's prices, and what changed; shipping once the destination's region is given."""
    return await _view(db, request, person, region_code)


@router.put("/items/{product_id}", responses=documented(UnknownProducts, CartFull, Unauthenticated))
async def put_item(product_id: UUID, body: CartItem, person: CurrentPerson, db: Db, request: Request) -> CartView:
    """Set how many of a product lie in the cart; the whole cart is answered."""
    async with db.transaction() as conn:
        await put_into_cart(
            conn,
            person.id,
            product_id,
            quantity=body.quantity,
            version=body.version,
            unit_price_minor=body.unit_price_minor,
            now=utc_now(),
        )
    return await _view(db, request, person, None)


@router.delete("/items/{product_id}", responses=documented(Unauthenticated))
async def remove_item(product_id: UUID, person: CurrentPerson, db: Db, request: Request) -> CartView:
    """Take a product out of the cart; the whole cart is answered."""
    async with db.transaction() as conn:
        await store.remove_cart_item(conn, person.id, product_id)
    return await _view(db, request, person, None)


@router.post(
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
)
async def check_out(body: Checkout, key: IdempotencyKey, person: CurrentPerson, request: Request) -> Response:
    """Order what lies in the cart, as it was seen there; the cart is empty then."""
    if person.kind != "person":
        raise Forbidden("only people buy")
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
    fees = fees_on(request.app.state.tariff, utc_now().date())
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
