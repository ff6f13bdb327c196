"""Carts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.orders.domain.placing import WantedLine
from services.orders.store.named import queries
from shared.db import Connection
from shared.sql import Row


async def lock_carts(conn: Connection, buyer_ids: Iterable[UUID]) -> Mapping[UUID, list[WantedLine]]:
    """What lies in these carts; nobody changes it until the transaction ends."""
    carts: dict[UUID, list[WantedLine]] = defaultdict(list)
    for row in await queries.lock_carts.rows(conn, buyer_ids=list(buyer_ids)):
        carts[row["buyer_id"]].append(_wanted(row))
    return carts


async def empty_carts(conn: Connection, ordered: Sequence[tuple[UUID, UUID]]) -> None:
    """These products of these buyers were ordered."""
    await queries.empty_carts.run(
        conn, buyer_ids=[buyer_id for buyer_id, _ in ordered], product_ids=[product_id for _, product_id in ordered]
    )


async def put_cart_item(conn: Connection, buyer_id: UUID, line: WantedLine, *, most: int, now: datetime) -> bool:
    """Set what lies in the cart; False when it is full."""
    return bool(
        await queries.put_cart_item.run(
            conn,
            buyer_id=buyer_id,
            product_id=line.product_id,
            quantity=line.quantity,
            version=line.version,
            unit_price_minor=line.unit_price_minor,
            most=most,
            now=now,
        )
    )


async def remove_cart_item(conn: Connection, buyer_id: UUID, product_id: UUID) -> None:
    """Take it out; that it was not there is fine."""
    await queries.remove_cart_item.run(conn, buyer_id=buyer_id, product_id=product_id)


async def cart(conn: Connection, buyer_id: UUID) -> list[WantedLine]:
    """A buyer's cart, in the order it was filled."""
    return [_wanted(row) for row in await queries.cart_items.rows(conn, buyer_id=buyer_id)]


def _wanted(row: Row) -> WantedLine:
    return WantedLine(row["product_id"], row["quantity"], row["version"], row["unit_price_minor"])
