"""The only caller of patronage.sql: what was completed and refunded, and what of it counts for whom."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from services.cooperatives.domain.patronage import Entry, Parcel, Refund, SoldLine
from shared import sql
from shared.contracts.catalog import ShopOpened
from shared.contracts.orders import ParcelCompleted, RefundMade
from shared.db import Connection
from shared.sql import Row

queries = sql.load(str(Path(__file__).parent), "patronage.sql")


async def record_shops(conn: Connection, events: Iterable[ShopOpened]) -> None:
    """Remember who owns these shops."""
    shops = {event.shop_id: event for event in events}
    await queries.record_shops.run(
        conn,
        shop_ids=list(shops),
        owner_ids=[event.owner_id for event in shops.values()],
        opened_ats=[event.opened_at for event in shops.values()],
    )


async def record_parcels(conn: Connection, events: Iterable[ParcelCompleted]) -> list[UUID]:
    """Remember completed parcels of cooperatives' shops; the ids of those that are."""
    parcels: list[dict[str, Any]] = [
        {
            "parcel_id": event.parcel_id,
            "cooperative_id": event.cooperative_id,
            "buyer_id": event.buyer_id,
            "goods_minor": event.goods_minor,
            "lines": [
                {
                    "product_id": line.product_id,
                    "amount_minor": line.amount_minor,
                    "payees": [[payee.party_id, payee.share_basis_points] for payee in line.payees],
                }
                for line in event.lines
            ],
            "completed_at": event.completed_at,
        }
        for event in events
        if event.cooperative_id is not None
    ]
    if parcels:
        await queries.record_parcels.run(conn, parcels=parcels)
    return [parcel["parcel_id"] for parcel in parcels]


async def record_refunds(conn: Connection, events: Iterable[RefundMade]) -> list[UUID]:
    """Remember what of refunds belongs to parcels of cooperatives' shops; the ids of those parcels."""
    refunds: list[dict[str, Any]] = [
        {
            "parcel_id": part.parcel_id,
            "refund_id": event.refund_id,
            "goods_minor": part.goods_minor,
            "lines": [{"product_id": line.product_id, "amount_minor": line.amount_minor} for line in part.lines],
            "refunded_at": event.refunded_at,
        }
        for event in events
        for part in event.parts
        if part.cooperative_id is not None
    ]
    if refunds:
        await queries.record_refunds.run(conn, refunds=refunds)
    return [refund["parcel_id"] for refund in refunds]


async def parcels_with_refunds(conn: Connection, parcel_ids: Iterable[UUID]) -> list[tuple[Parcel, list[Refund]]]:
    """All that is known of those of these parcels that are completed."""
    rows = await queries.parcels_with_refunds.rows(conn, parcel_ids=list(parcel_ids))
    return [
        (
            Parcel(row["parcel_id"], row["buyer_id"], row["goods_minor"], tuple(map(_sold_line, row["lines"]))),
            [_refund(refund) for refund in row["refunds"]],
        )
        for row in rows
    ]


def _sold_line(line: dict[str, Any]) -> SoldLine:
    payees = tuple((UUID(party_id), share) for party_id, share in line["payees"])
    return SoldLine(UUID(line["product_id"]), line["amount_minor"], payees)


def _refund(refund: dict[str, Any]) -> Refund:
    by_product = tuple((UUID(line["product_id"]), line["amount_minor"]) for line in refund["lines"])
    return Refund(refund["goods_minor"], by_product)


async def save_entries(conn: Connection, entries: Sequence[Entry]) -> None:
    """Write what parcels count, by one statement."""
    await queries.save_entries.run(
        conn,
        parcel_ids=[entry.parcel_id for entry in entries],
        roles=[entry.role.value for entry in entries],
        party_ids=[entry.party_id for entry in entries],
        completed=[entry.completed_minor for entry in entries],
        refunded=[entry.refunded_minor for entry in entries],
    )


async def totals(
    conn: Connection, *, cooperative_id: UUID, member_id: UUID, first_day: date, last_day: date
) -> list[Row]:
    """A member's patronage of these days, by role."""
    return await queries.patronage_totals.rows(
        conn, cooperative_id=cooperative_id, member_id=member_id, first_day=first_day, last_day=last_day
    )


async def entries(
    conn: Connection,
    *,
    cooperative_id: UUID,
    member_id: UUID,
    first_day: date,
    last_day: date,
    before: tuple[datetime, UUID, str, UUID] | None,
    limit: int,
) -> list[Row]:
    """A member's patronage of these days parcel by parcel, newest first, those before a position."""
    before_at, before_parcel, before_role, before_party = before or (None, None, None, None)
    return await queries.patronage_entries.rows(
        conn,
        cooperative_id=cooperative_id,
        member_id=member_id,
        first_day=first_day,
        last_day=last_day,
        before_at=before_at,
        before_parcel=before_parcel,
        before_role=before_role,
        before_party=before_party,
        limit=limit,
    )
