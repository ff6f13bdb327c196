"""Orders: written down, locked, moved on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias
from uuid import UUID

from services.orders.domain.order import Order, OrderStatus
from services.orders.domain.placing import NewOrder
from services.orders.store.named import queries
from shared.contracts import catalog
from shared.db import Connection
from shared.sql import Row

LinesOfOrders: TypeAlias = Mapping[UUID, Sequence[catalog.StockLine]]


@dataclass(frozen=True, slots=True)
class ShipTo:
    """Where an order goes; kept apart from it, and erased with the person."""

    name: str
    phone: str
    address: str
    region_code: str
    postal_code: str | None
    note: str | None


async def insert_orders(
    conn: Connection,
    orders: Sequence[NewOrder],
    ship_to: Sequence[ShipTo],
    traceparents: Sequence[str | None],
    *,
    answer_seconds: float,
) -> None:
    """Write new orders with their parcels, lines, addresses and traces by one statement."""
    parcels = [(order.order_id, parcel) for order in orders for parcel in order.parcels]
    lines = [(order.order_id, line) for order in orders for line in order.lines]
    await queries.insert_orders.run(
        conn,
        answer_seconds=answer_seconds,
        order_ids=[order.order_id for order in orders],
        buyer_ids=[order.buyer_id for order in orders],
        methods=[order.method for order in orders],
        totals_minor=[order.total_minor for order in orders],
        currencies=[order.currency for order in orders],
        placed_ats=[order.placed_at for order in orders],
        traceparents=traceparents,
        parcel_ids=[parcel.parcel_id for _, parcel in parcels],
        parcel_order_ids=[order_id for order_id, _ in parcels],
        shop_ids=[parcel.shop_id for _, parcel in parcels],
        cooperative_ids=[parcel.cooperative_id for _, parcel in parcels],
        shop_region_codes=[parcel.region_code for _, parcel in parcels],
        goods_minor=[parcel.goods_minor for _, parcel in parcels],
        shipping_minor=[parcel.shipping_minor for _, parcel in parcels],
        line_order_ids=[order_id for order_id, _ in lines],
        product_ids=[line.offer.product_id for _, line in lines],
        line_parcel_ids=[line.parcel_id for _, line in lines],
        versions=[line.offer.version for _, line in lines],
        quantities=[line.quantity for _, line in lines],
        unit_prices_minor=[line.offer.unit_price_minor for _, line in lines],
        titles=[line.offer.title for _, line in lines],
        categories=[line.offer.category for _, line in lines],
        payees=[line.offer.payees for _, line in lines],
        names=[to.name for to in ship_to],
        phones=[to.phone for to in ship_to],
        addresses=[to.address for to in ship_to],
        region_codes=[to.region_code for to in ship_to],
        postal_codes=[to.postal_code for to in ship_to],
        notes=[to.note for to in ship_to],
    )


async def lock_orders(conn: Connection, order_ids: Iterable[UUID]) -> dict[UUID, Order]:
    """These orders, locked in id order until the transaction ends; unknown ones are not there."""
    rows = await queries.lock_orders.rows(conn, order_ids=sorted(set(order_ids)))
    return {order.order_id: order for order in _orders(conn, rows)}


async def take_order_locks(conn: Connection, order_ids: list[UUID]) -> None:
    """For the worker, which locks all orders of a batch before any handler runs."""
    await queries.lock_orders.rows(conn, order_ids=order_ids)


async def lock_order(conn: Connection, order_id: UUID) -> Order | None:
    """One order, locked."""
    return (await lock_orders(conn, [order_id])).get(order_id)


async def lock_free_orders(conn: Connection, order_ids: Iterable[UUID]) -> dict[UUID, Order]:
    """Those of these orders that nobody else works on, locked."""
    rows = await queries.lock_orders_skipping.rows(conn, order_ids=sorted(set(order_ids)))
    return {order.order_id: order for order in _orders(conn, rows)}


async def lock_unpaid_orders(conn: Connection, *, most: int) -> list[Order]:
    """Orders whose time to pay is over and on which nobody else works, locked."""
    return _orders(conn, await queries.lock_unpaid_orders.rows(conn, most=most))


async def lock_unpaid_cash_orders(conn: Connection, order_ids: Iterable[UUID]) -> dict[UUID, Order]:
    """Those of these orders that are paid at the door, partly so far."""
    rows = await queries.lock_unpaid_cash_orders.rows(conn, order_ids=list(order_ids))
    return {order.order_id: order for order in _orders(conn, rows)}


async def lines_of_orders(conn: Connection, order_ids: Iterable[UUID]) -> LinesOfOrders:
    """What of which product each order holds."""
    lines: dict[UUID, list[catalog.StockLine]] = defaultdict(list)
    for row in await queries.lines_of_orders.rows(conn, order_ids=list(order_ids)):
        lines[row["order_id"]].append(catalog.StockLine(product_id=row["product_id"], quantity=row["quantity"]))
    return lines


class Taken(Protocol):
    """A step that an order has taken: what it was and what it is."""

    @property
    def before(self) -> Order: ...

    @property
    def after(self) -> Order: ...

    @property
    def shortages(self) -> str | None: ...


async def write_steps(
    conn: Connection, taken: Sequence[Taken], deadlines_seconds: Sequence[float | None], *, now: datetime
) -> None:
    """What orders have become, and by when (from now, by the database's clock) somebody must look at them again."""
    confirmed = OrderStatus.CONFIRMED
    are_confirmed = [one.after.status is confirmed and one.before.status is not confirmed for one in taken]
    await queries.write_steps.run(
        conn,
        order_ids=[one.after.order_id for one in taken],
        statuses=[one.after.status.value for one in taken],
        attempts=[one.after.attempt for one in taken],
        received_minor=[one.after.received_minor for one in taken],
        cancel_reasons=[one.after.cancel_reason for one in taken],
        shortages=[one.shortages for one in taken],
        deadlines_seconds=list(deadlines_seconds),
        are_confirmed=are_confirmed,
        are_paid=[is_new and one.after.received_minor > 0 for is_new, one in zip(are_confirmed, taken, strict=True)],
        now=now,
    )


async def mark_paid(conn: Connection, order_ids: Sequence[UUID], *, now: datetime) -> None:
    """All their money is here."""
    await queries.mark_paid.run(conn, order_ids=order_ids, now=now)


async def postpone_deadlines(conn: Connection, order_ids: Iterable[UUID], *, seconds: float) -> None:
    """Look at these orders again so much later."""
    await queries.postpone_deadlines.run(conn, order_ids=list(order_ids), seconds=seconds)


def _orders(conn: Connection, rows: Sequence[Row]) -> list[Order]:
    """The orders of locked rows. What this transaction publishes of them continues the trace they were placed in."""
    conn.traceparents.update({str(row["order_id"]): row["traceparent"] for row in rows if row["traceparent"]})
    return [_order(row) for row in rows]


def _order(row: Row) -> Order:
    return Order(
        order_id=row["order_id"],
        buyer_id=row["buyer_id"],
        status=OrderStatus(row["status"]),
        method=row["payment_method"],
        attempt=row["attempt"],
        total_minor=row["total_minor"],
        received_minor=row["received_minor"],
        currency=row["currency"],
        cancel_reason=row["cancel_reason"],
    )
