"""Parcels: locked and moved on, with their orders locked before."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.orders.domain.parcel import ParcelStatus
from services.orders.store.named import queries
from shared.db import Connection
from shared.sql import Row


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel of an order whose row is locked."""

    parcel_id: UUID
    order_id: UUID
    shop_id: UUID
    cooperative_id: UUID | None
    region_code: str
    goods_minor: int
    shipping_minor: int
    status: ParcelStatus
    collected_minor: int


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A parcel that waits for a carrier; nothing is locked yet."""

    shop_id: UUID
    parcel_id: UUID
    order_id: UUID


async def order_of_parcel(conn: Connection, parcel_id: UUID) -> UUID | None:
    """The order that a parcel belongs to."""
    order_id: UUID | None = await queries.order_of_parcel.value(conn, parcel_id=parcel_id)
    return order_id


async def lock_parcels(conn: Connection, order_ids: Iterable[UUID]) -> dict[UUID, Parcel]:
    """All parcels of these (locked) orders, locked."""
    rows = await queries.lock_parcels.rows(conn, order_ids=list(order_ids))
    return {row["parcel_id"]: _parcel(row) for row in rows}


async def parcels_among(conn: Connection, parcel_ids: Sequence[UUID]) -> dict[UUID, Parcel]:
    """These parcels, of locked orders."""
    return {row["parcel_id"]: _parcel(row) for row in await queries.parcels_among.rows(conn, parcel_ids=parcel_ids)}


async def lines_of_parcels(conn: Connection, order_ids: Iterable[UUID]) -> Mapping[UUID, list[Row]]:
    """What each parcel of these orders holds."""
    lines: dict[UUID, list[Row]] = defaultdict(list)
    for row in await queries.lines_of_parcels.rows(conn, order_ids=list(order_ids)):
        lines[row["parcel_id"]].append(row)
    return lines


async def end_parcels(conn: Connection, order_ids: Sequence[UUID], *, now: datetime) -> None:
    """The parcels of cancelled orders are not sent."""
    await queries.end_parcels_of_orders.run(conn, order_ids=order_ids, now=now)


async def revive_parcels(conn: Connection, order_ids: Sequence[UUID]) -> None:
    """They are sent after all."""
    await queries.revive_parcels_of_orders.run(conn, order_ids=order_ids)


async def end_parcel(conn: Connection, parcel_id: UUID, status: ParcelStatus, *, now: datetime) -> None:
    """The parcel has ended: cancelled, or back in the shop."""
    await queries.end_parcel.run(conn, parcel_id=parcel_id, status=status.value, now=now)


async def ship_parcels(
    conn: Connection, parcel_ids: Sequence[UUID], *, carrier: str, tracking: str | None, now: datetime
) -> None:
    """They left their shops."""
    await queries.ship_parcels.run(conn, parcel_ids=parcel_ids, carrier=carrier, tracking=tracking, now=now)


async def deliver_parcels(
    conn: Connection, delivered: Sequence[tuple[UUID, int]], *, carrier: str | None, now: datetime
) -> None:
    """They reached their buyers; cash that was taken for each is beside it. `carrier`: who fetched them just now."""
    await queries.deliver_parcels.run(
        conn,
        parcel_ids=[parcel_id for parcel_id, _ in delivered],
        collected_minor=[collected_minor for _, collected_minor in delivered],
        completion_seconds=float(conn.settings.completion_seconds),
        carrier=carrier,
        now=now,
    )


async def complete_parcels(conn: Connection, parcel_ids: Iterable[UUID], *, by: str, now: datetime) -> None:
    """Their sales count."""
    await queries.complete_parcels.run(conn, parcel_ids=list(parcel_ids), completed_by=by, now=now)


async def undelivered_parcels(conn: Connection, *, shops: int, each: int) -> list[Undelivered]:
    """The oldest undelivered parcels of each of the first so many shops that have one; shop by shop, oldest first."""
    rows = await queries.undelivered_parcels.rows(conn, shops=shops, each=each)
    return [Undelivered(row["shop_id"], row["parcel_id"], row["order_id"]) for row in rows]


async def due_parcels(conn: Connection, *, most: int) -> list[UUID]:
    """Orders with a delivered parcel to which nobody objected in time."""
    return [row["order_id"] for row in await queries.due_parcels.rows(conn, most=most)]


async def overdue_among(conn: Connection, order_ids: Iterable[UUID]) -> list[UUID]:
    """Such parcels of these (locked) orders, locked."""
    return [row["parcel_id"] for row in await queries.overdue_among.rows(conn, order_ids=list(order_ids))]


async def returned_quantities(conn: Connection, parcel_id: UUID) -> dict[UUID, int]:
    """What came back of the parcel so far."""
    rows = await queries.returned_quantities.rows(conn, parcel_id=parcel_id)
    return {row["product_id"]: row["quantity"] for row in rows}


async def insert_returned_lines(
    conn: Connection, return_id: UUID, parcel_id: UUID, quantities: Mapping[UUID, int], *, now: datetime
) -> None:
    """The shop has these again."""
    await queries.insert_returned_lines.run(
        conn,
        return_id=return_id,
        parcel_id=parcel_id,
        product_ids=list(quantities),
        quantities=list(quantities.values()),
        now=now,
    )


def _parcel(row: Row) -> Parcel:
    values: dict[str, Any] = dict(row)
    return Parcel(**(values | {"status": ParcelStatus(row["status"])}))
