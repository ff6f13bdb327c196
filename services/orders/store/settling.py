"""Settlements, the parts of refunds, taxpayers and payments from savings, with their orders locked before."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.orders.domain.parcel import ParcelStatus
from services.orders.domain.placing import payees_of
from services.orders.domain.refunds import Item, RefundedPart
from services.orders.domain.settlement import Declared, SettledPart, SoldLine, StandingPart
from services.orders.domain.taxes import Taxpayer
from services.orders.store.named import books
from shared.calendar import day_of
from shared.db import Connection
from shared.sql import Row


@dataclass(frozen=True, slots=True)
class ParcelItems:
    """A parcel with its lines and its shipping, and what was refunded of each."""

    order_id: UUID
    parcel_id: UUID
    shop_id: UUID
    cooperative_id: UUID | None
    status: ParcelStatus
    is_cash: bool
    is_paid: bool
    is_settled: bool
    placed_at: datetime
    paid_at: datetime
    items: tuple[Item, ...]
    lines: tuple[SoldLine, ...]  # with what is left of each

    @property
    def shipping_left_minor(self) -> int:
        """What is left of the shipping fee."""
        return sum(item.left_minor for item in self.items if item.product_id is None)

    @property
    def is_due(self) -> bool:
        """Whether it is completed and not settled."""
        return self.status is ParcelStatus.COMPLETED and not self.is_settled


@dataclass(frozen=True, slots=True)
class OrderItems:
    """The parcels of an order, and whether something of it is not in the ledger yet."""

    parcels: tuple[ParcelItems, ...]
    is_behind: bool

    @property
    def refundable(self) -> list[Item]:
        """The items whose money is here."""
        return [item for parcel in self.parcels if parcel.is_paid for item in parcel.items]


async def items_of_orders(conn: Connection, order_ids: Iterable[UUID]) -> dict[UUID, OrderItems]:
    """What these (locked) orders consist of."""
    by_parcel: dict[UUID, list[Row]] = defaultdict(list)
    for row in await books.items_of_orders.rows(conn, order_ids=list(order_ids)):
        by_parcel[row["parcel_id"]].append(row)
    parcels: dict[UUID, list[ParcelItems]] = defaultdict(list)
    behind: set[UUID] = set()
    for rows in by_parcel.values():
        parcels[rows[0]["order_id"]].append(_parcel_items(rows))
        if rows[0]["is_behind"]:
            behind.add(rows[0]["order_id"])
    return {order_id: OrderItems(tuple(found), order_id in behind) for order_id, found in parcels.items()}


def _parcel_items(rows: Sequence[Row]) -> ParcelItems:
    first = rows[0]
    items = tuple(_item(row) for row in rows)
    return ParcelItems(
        order_id=first["order_id"],
        parcel_id=first["parcel_id"],
        shop_id=first["shop_id"],
        cooperative_id=first["cooperative_id"],
        status=ParcelStatus(first["parcel_status"]),
        is_cash=first["payment_method"] == "cod",
        is_paid=first["is_paid"],
        is_settled=first["is_settled"],
        placed_at=first["placed_at"],
        paid_at=first["paid_at"],
        items=items,
        lines=tuple(
            SoldLine(row["product_id"], row["category"], item.left_minor, payees_of(row["payees"]))
            for row, item in zip(rows, items, strict=True)
            if row["product_id"] is not None
        ),
    )


def _item(row: Row) -> Item:
    return Item(
        parcel_id=row["parcel_id"],
        product_id=row["product_id"],
        quantity=row["quantity"],
        unit_price_minor=row["unit_price_minor"],
        amount_minor=row["amount_minor"],
        refunded_quantity=row["refunded_quantity"],
        refunded_minor=row["refunded_minor"],
        is_settled=row["is_settled"],
    )


@dataclass(frozen=True, slots=True)
class Settlement:
    """A parcel's settlement. `event_id` is of its parcel_completed, None for one from before the ledger."""

    parcel: ParcelItems
    event_id: UUID | None
    parts: tuple[SettledPart, ...]

    def sum_minor(self, *kinds: str) -> int:
        """What the parts of these kinds sum to, without the shipping."""
        return sum(part.amount_minor for part in self.parts if part.kind in kinds and part.product_id is not None)


async def insert_settlements(conn: Connection, settlements: Sequence[Settlement], *, now: datetime) -> None:
    """Write them with all their parts, by one statement; a parcel that is settled already is refused."""
    parts = [(one.parcel.parcel_id, number, part) for one in settlements for number, part in enumerate(one.parts)]
    await books.insert_settlements.run(
        conn,
        parcel_ids=[one.parcel.parcel_id for one in settlements],
        order_ids=[one.parcel.order_id for one in settlements],
        shop_ids=[one.parcel.shop_id for one in settlements],
        event_ids=[one.event_id for one in settlements],
        goods_minor=[one.sum_minor("net", "commission", "tax") for one in settlements],
        shipping_minor=[one.parcel.shipping_left_minor for one in settlements],
        commissions_minor=[one.sum_minor("commission") for one in settlements],
        taxes_minor=[one.sum_minor("tax") for one in settlements],
        are_cash=[one.parcel.is_cash for one in settlements],
        part_parcel_ids=[parcel_id for parcel_id, _, _ in parts],
        numbers=[number for _, number, _ in parts],
        product_ids=[part.product_id for _, _, part in parts],
        party_ids=[part.party_id for _, _, part in parts],
        kinds=[part.kind for _, _, part in parts],
        amounts_minor=[part.amount_minor for _, _, part in parts],
        now=now,
    )


async def standing_parts(conn: Connection, parcel_ids: Iterable[UUID]) -> dict[UUID, list[StandingPart]]:
    """What these settled parcels have brought to whom."""
    parts: dict[UUID, list[StandingPart]] = defaultdict(list)
    for row in await books.standing_parts.rows(conn, parcel_ids=list(parcel_ids)):
        found = StandingPart(
            row["number"],
            row["product_id"],
            row["party_id"],
            row["kind"],
            row["amount_minor"],
            row["returned_minor"],
        )
        parts[row["parcel_id"]].append(found)
    return parts


async def take_back_parts(conn: Connection, taken: Sequence[tuple[UUID, int, int]]) -> None:
    """Parcel, number of the part, amount: what refunds take back of settlements."""
    await books.take_back_parts.run(
        conn,
        parcel_ids=[parcel_id for parcel_id, _, _ in taken],
        numbers=[number for _, number, _ in taken],
        amounts_minor=[amount_minor for _, _, amount_minor in taken],
    )


async def insert_refund_parts(conn: Connection, parts: Sequence[tuple[UUID, RefundedPart]]) -> None:
    """Whose money the refunds are."""
    await books.insert_refund_parts.run(
        conn,
        refund_ids=[refund_id for refund_id, _ in parts],
        parcel_ids=[part.parcel_id for _, part in parts],
        product_ids=[part.product_id for _, part in parts],
        quantities=[part.quantity for _, part in parts],
        amounts_minor=[part.amount_minor for _, part in parts],
        are_of_settled=[part.is_of_settled for _, part in parts],
    )


Owners = Mapping[UUID, tuple[UUID, UUID | None]]  # parcel -> its shop and cooperative


async def parts_of_refund(conn: Connection, refund_id: UUID) -> tuple[list[RefundedPart], Owners]:
    """The parts of a refund, and whose the parcels are."""
    rows = await books.parts_of_refund.rows(conn, refund_id=refund_id)
    parts = [
        RefundedPart(row["parcel_id"], row["product_id"], row["quantity"], row["amount_minor"], row["is_of_settled"])
        for row in rows
    ]
    return parts, {row["parcel_id"]: (row["shop_id"], row["cooperative_id"]) for row in rows}


async def declared_by(conn: Connection, party_ids: Iterable[UUID]) -> dict[UUID, Declared]:
    """What these payees have declared; those who declared nothing are not there."""
    rows = await books.taxpayers_among.rows(conn, party_ids=list(party_ids))
    return {
        row["party_id"]: Declared(
            Taxpayer(row["kind"]),
            has_declared_small_turnover=row["has_declared_small_turnover"],
            has_exemption_letter=row["has_exemption_letter"],
            year=day_of(row["declared_at"]).year,
        )
        for row in rows
    }


async def declare_taxpayer(
    conn: Connection, party_id: UUID, declared: Declared, *, account_id: UUID, now: datetime
) -> bool:
    """Write down what a payee declares; False for who does not speak for it."""
    written = await books.declare_taxpayer.run(
        conn,
        party_id=party_id,
        kind=declared.kind.value,
        has_declared_small_turnover=declared.has_declared_small_turnover,
        has_exemption_letter=declared.has_exemption_letter,
        account_id=account_id,
        now=now,
    )
    return written > 0


@dataclass(frozen=True, slots=True)
class SavingsPayment:
    """From whose savings an order is paid, and under which charge."""

    order_id: UUID
    charge_id: UUID
    cooperative_id: UUID


async def insert_savings_payments(conn: Connection, payments: Sequence[SavingsPayment]) -> None:
    """Written with their orders."""
    await books.insert_savings_payments.run(
        conn,
        order_ids=[payment.order_id for payment in payments],
        charge_ids=[payment.charge_id for payment in payments],
        cooperative_ids=[payment.cooperative_id for payment in payments],
    )


async def savings_payments_of(conn: Connection, order_ids: Iterable[UUID]) -> dict[UUID, SavingsPayment]:
    """Those of these orders that are paid from savings."""
    rows = await books.savings_payments_of.rows(conn, order_ids=list(order_ids))
    return {row["order_id"]: SavingsPayment(row["order_id"], row["charge_id"], row["cooperative_id"]) for row in rows}


async def orders_to_book(conn: Connection, *, most: int) -> list[UUID]:
    """Orders whose money is not in the ledger yet."""
    return [row["order_id"] for row in await books.orders_to_book.rows(conn, most=most)]


async def book_receipts(conn: Connection, order_ids: Iterable[UUID]) -> list[Row]:
    """Receipts of these orders that were not booked, marked as booked."""
    return await books.book_receipts.rows(conn, order_ids=list(order_ids))


async def book_refunds(conn: Connection, order_ids: Iterable[UUID]) -> list[Row]:
    """Refunds of these orders that were not booked, marked as booked."""
    return await books.book_refunds.rows(conn, order_ids=list(order_ids))


async def failed_among(conn: Connection, refund_ids: Iterable[UUID]) -> set[UUID]:
    """Those of these refunds that have failed and were not tried again."""
    return {row["refund_id"] for row in await books.failed_among.rows(conn, refund_ids=list(refund_ids))}


async def try_refund_again(conn: Connection, order_id: UUID, refund_id: UUID) -> int | None:
    """The number of the try that begins; None unless the refund has failed."""
    tries: int | None = await books.try_refund_again.value(conn, order_id=order_id, refund_id=refund_id)
    return tries
