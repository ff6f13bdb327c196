"""Put things in the basket and take them out: in the session for guests, in the cart of orders for who is signed in."""

import asyncio
from datetime import timedelta
from uuid import UUID

from services.storefront import store
from services.storefront.domain.basket import LINES_MAX
from services.storefront.domain.session import Session, Wanted
from services.storefront.upstream import Network, Refused
from shared.clock import utc_now
from shared.db import Database
from shared.problems import Problem

MERGES_AT_ONCE = 8


class BasketFull(Problem):
    """A basket holds no more different products than this."""

    status = 409
    slug = "cart-full"


async def set_guest_quantity(
    db: Database, session: Session, product_id: UUID, wanted: Wanted | None, *, days: int
) -> None:
    """Set how many of a product a guest wants; None takes it out. Raises BasketFull."""
    basket = {key: value for key, value in session.wanted.items() if key != product_id}
    if wanted is not None:
        if len(basket) >= LINES_MAX:
            raise BasketFull
        basket = {**session.wanted, product_id: wanted}
    now = utc_now()
    async with db.transaction() as conn:
        await store.put_basket(conn, session.session_id, basket, now=now, expires_at=now + timedelta(days=days))


async def set_cart_quantity(
    db: Database, network: Network, session: Session, token: str, product_id: UUID, wanted: Wanted | None
) -> None:
    """Set how many of a product are in a person's cart; None takes it out. Raises Refused or Unreachable."""
    path = f"/v1/cart/items/{product_id}"
    if wanted is None:
        cart = await network.orders.call("DELETE", path, token=token)
    else:
        cart = await network.orders.call("PUT", path, token=token, json=_as_json(wanted))
    await keep_count(db, session, cart)


async def agree_to_changes(network: Network, token: str) -> None:
    """Take what changed in the cart as it is now. Raises Refused or Unreachable."""
    cart = await network.orders.get("/v1/cart", token=token)
    for item in cart["items"]:
        if item["is_listed"] and item["changed"]:
            now = Wanted(item["quantity"], item["version"], item["unit_price_minor"])
            path = f"/v1/cart/items/{item['product_id']}"
            await network.orders.call("PUT", path, token=token, json=_as_json(now))


async def keep_count(db: Database, session: Session, cart: object) -> None:
    """Remember the number of products in a cart that orders answered with."""
    items = cart.get("items") if isinstance(cart, dict) else None
    if isinstance(items, list) and len(items) != session.basket_count:
        async with db.transaction() as conn:
            await store.count_basket(conn, session.session_id, len(items))


async def merge_into_cart(network: Network, token: str, basket: dict[UUID, Wanted]) -> tuple[bool, int]:
    """Put a guest's basket into the cart: whether something was refused, and how many products the cart holds now.

    The larger quantity wins where both have a product, so that merging twice changes nothing. Raises Unreachable.
    """
    cart = await network.orders.get("/v1/cart", token=token)
    there = {str(item.get("product_id")): int(item.get("quantity") or 0) for item in cart.get("items") or []}
    turns = asyncio.Semaphore(MERGES_AT_ONCE)

    async def put(product_id: UUID, wanted: Wanted) -> bool:
        if there.get(str(product_id), 0) >= wanted.quantity:
            return True
        async with turns:
            try:
                path = f"/v1/cart/items/{product_id}"
                await network.orders.call("PUT", path, token=token, json=_as_json(wanted))
            except Refused:
                return False
        return True

    taken = await asyncio.gather(*(put(product_id, wanted) for product_id, wanted in basket.items()))
    merged = there.keys() | {str(product_id) for product_id, ok in zip(basket, taken, strict=True) if ok}
    return not all(taken), len(merged)


def _as_json(wanted: Wanted) -> dict[str, int]:
    seen = {"version": wanted.version, "unit_price_minor": wanted.unit_price_minor}
    return {"quantity": wanted.quantity} | {name: value for name, value in seen.items() if value is not None}
