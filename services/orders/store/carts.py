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
    return _by_buyer(await queries.lock_carts.rows(conn, buyer_ids=list(buyer_ids)))


async def empty_carts(conn: Connection, ordered: Sequence[tuple[UUID, UUID]]) -> None:
    """These products of these buyers were ordered."""
    await queries.empty_carts.run(
        conn, buyer_ids=[buyer_id for buyer_id, _ in ordered], product_ids=[product_id for _, product_id in ordered]
    )


async def put_cart_items(conn: Connection, put: Mapping[tuple[UUID, UUID], WantedLine], *, now: datetime) -> None:
    """Set what lies in carts, by buyer and product."""
    lines = put.values()
    await queries.put_cart_items.run(
        conn,
        buyer_ids=[buyer_id for buyer_id, _ in put],
        product_ids=[line.product_id for line in lines],
        quantities=[line.quantity for line in lines],
        versions=[line.version for line in lines],
        unit_prices_minor=[line.unit_price_minor for line in lines],
        now=now,
    )


async def remove_cart_item(conn: Connection, buyer_id: UUID, product_id: UUID) -> None:
    """Take it out; that it was not there is fine."""
    await queries.remove_cart_item.run(conn, buyer_id=buyer_id, product_id=product_id)


async def cart(conn: Connection, buyer_id: UUID) -> list[WantedLine]:
    """A buyer's cart, in the order it was filled."""
    return (await carts(conn, [buyer_id])).get(buyer_id, [])


async def carts(conn: Connection, buyer_ids: Iterable[UUID]) -> dict[UUID, list[WantedLine]]:
    """What lies in these carts, each in the order it was filled."""
    return _by_buyer(await queries.carts.rows(conn, buyer_ids=list(buyer_ids)))


def _by_buyer(rows: Iterable[Row]) -> dict[UUID, list[WantedLine]]:
    found: dict[UUID, list[WantedLine]] = defaultdict(list)
    for row in rows:
        found[row["buyer_id"]].append(
            WantedLine(row["product_id"], row["quantity"], row["version"], row["unit_price_minor"])
        )
    return found
