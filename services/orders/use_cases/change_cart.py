"""Change a cart, and look at it: what lies in it now, at today's prices, and what changed since it was put there."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.placing import Offer, WantedLine, shipping_minor_of
from services.orders.domain.problems import CartFull, UnknownProducts
from services.orders.domain.shipping import ShippingFees
from shared.db import Connection

ITEMS_MAX = 100


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


async def put_into_cart(
    conn: Connection,
    buyer_id: UUID,
    product_id: UUID,
    *,
    quantity: int,
    version: int | None,
    unit_price_minor: int | None,
    now: datetime,
) -> None:
    """Set how many of a product lie in the cart. Raises UnknownProducts, CartFull.

    What the client says it saw is kept as seen, so that a change in between is shown before it is bought.
    """
    offer = (await store.offers(conn, [product_id])).get(product_id)
    if offer is None or not offer.is_listed:
        raise UnknownProducts(product_ids=[str(product_id)])
    line = WantedLine(
        product_id,
        quantity,
        offer.version if version is None else version,
        offer.unit_price_minor if unit_price_minor is None else unit_price_minor,
    )
    if not await store.put_cart_item(conn, buyer_id, line, most=ITEMS_MAX, now=now):
        raise CartFull


async def view_cart(conn: Connection, buyer_id: UUID, fees: ShippingFees, region_code: str | None) -> Cart:
    """The cart, with shipping fees when the destination is given."""
    lines = await store.cart(conn, buyer_id)
    offers = await store.offers(conn, [line.product_id for line in lines])
    items = tuple(Item(line, offers.get(line.product_id)) for line in lines)
    return Cart(items, _shares(items, fees, region_code))


def _shares(items: Sequence[Item], fees: ShippingFees, region_code: str | None) -> tuple[ShopShare, ...]:
    by_shop: Mapping[UUID, list[tuple[Offer, int]]] = defaultdict(list)
    for item in items:
        if item.offer is not None and item.offer.is_listed:
            by_shop[item.offer.shop_id].append((item.offer, item.line.quantity))
    return tuple(
        ShopShare(
            shop_id,
            sum(offer.unit_price_minor * quantity for offer, quantity in lines),
            None if region_code is None else shipping_minor_of(lines, region_code, fees),
        )
        for shop_id, lines in by_shop.items()
    )
