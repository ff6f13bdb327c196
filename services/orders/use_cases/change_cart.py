"""Change a cart, and look at it: what lies in it now, at today's prices, and what changed since it was put there."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeAlias
from uuid import UUID

from services.orders import store
from services.orders.domain.placing import Offer, WantedLine, shipping_minor_of
from services.orders.domain.problems import CartFull, UnknownProducts
from services.orders.domain.shipping import ShippingFees
from shared.db import Connection
from shared.problems import Problem

ITEMS_MAX = 100
FeeOf: TypeAlias = Callable[[Sequence[tuple[Offer, int]]], int]  # of what one shop sends, in rupiah


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a cart beside its offer; None when there is no such product any more."""

    line: WantedLine
    offer: Offer | None

    @property
    def is_buyable(self) -> bool:
        """Whether it counts."""
        return self.offer is not None and self.offer.is_listed


@dataclass(frozen=True, slots=True)
class ShopShare:
    """What one shop would send; without a destination its fee is not known."""

    shop_id: UUID
    goods_minor: int
    shipping_minor: int | None


@dataclass(frozen=True, slots=True)
class Cart:
    """A cart as it is now."""

    items: tuple[Item, ...]
    shops: tuple[ShopShare, ...]


@dataclass(frozen=True, slots=True)
class PutItem:
    """So many of a product shall lie in a buyer's cart; version and price as the buyer saw them, today's when None."""

    buyer_id: UUID
    product_id: UUID
    quantity: int
    version: int | None
    unit_price_minor: int | None


async def put_into_carts(conn: Connection, wishes: Sequence[PutItem], *, now: datetime) -> list[Cart | Problem]:
    """The whole cart after each wish, in order, or UnknownProducts, CartFull.

    What the client says it saw is kept as seen, so that a change in between is shown before it is bought. Two
    transactions at once could each add the last product that a cart may hold: the bound is for size, not a promise.
    """
    carts = await store.carts(conn, {wish.buyer_id for wish in wishes})
    seen = {line.product_id for lines in carts.values() for line in lines}
    offers = await store.offers(conn, seen | {wish.product_id for wish in wishes})
    put: dict[tuple[UUID, UUID], WantedLine] = {}
    answers: list[Cart | Problem] = []
    for wish in wishes:
        offer = offers.get(wish.product_id)
        others = [line for line in carts.get(wish.buyer_id, ()) if line.product_id != wish.product_id]
        if offer is None or not offer.is_listed:
            answers.append(UnknownProducts(product_ids=[str(wish.product_id)]))
        elif len(others) >= ITEMS_MAX:
            answers.append(CartFull())
        else:
            line = _seen(wish, offer)
            put[wish.buyer_id, wish.product_id] = line
            carts[wish.buyer_id] = [*others, line]
            answers.append(_cart(carts[wish.buyer_id], offers))
    if put:
        await store.put_cart_items(conn, put, now=now)
    return answers


def _seen(wish: PutItem, offer: Offer) -> WantedLine:
    return WantedLine(
        wish.product_id,
        wish.quantity,
        offer.version if wish.version is None else wish.version,
        offer.unit_price_minor if wish.unit_price_minor is None else wish.unit_price_minor,
    )


async def view_cart(conn: Connection, buyer_id: UUID, fees: ShippingFees, region_code: str | None) -> Cart:
    """The cart, with shipping fees when the destination is given."""
    lines = await store.cart(conn, buyer_id)
    offers = await store.offers(conn, [line.product_id for line in lines])
    return _cart(
        lines, offers, None if region_code is None else partial(shipping_minor_of, region_code=region_code, fees=fees)
    )


def _cart(lines: Sequence[WantedLine], offers: Mapping[UUID, Offer], fee_of: FeeOf | None = None) -> Cart:
    items = tuple(Item(line, offers.get(line.product_id)) for line in lines)
    return Cart(items, _shares(items, fee_of))


def _shares(items: Sequence[Item], fee_of: FeeOf | None) -> tuple[ShopShare, ...]:
    by_shop: Mapping[UUID, list[tuple[Offer, int]]] = defaultdict(list)
    for item in items:
        if item.offer is not None and item.offer.is_listed:
            by_shop[item.offer.shop_id].append((item.offer, item.line.quantity))
    return tuple(
        ShopShare(
            shop_id,
            sum(offer.unit_price_minor * quantity for offer, quantity in lines),
            None if fee_of is None else fee_of(lines),
        )
        for shop_id, lines in by_shop.items()
    )
