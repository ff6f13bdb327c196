"""Open the money of orders: what they consist of, what was refunded, from whose savings they are paid.

Orders from before the ledger are brought into it first, in the same transaction: money in, then what went back, all as
before any settlement, which is how it was.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from services.orders import store
from services.orders.domain.order import Order
from services.orders.domain.refunds import Item, RefundedPart, everything, of_amount
from services.orders.store import OrderItems
from services.orders.store.accounts import Movement
from services.orders.use_cases.book_money import Outgoing, money_in, refund_sent, refunded
from services.orders.use_cases.receipts import Money
from shared import rules
from shared.db import Connection
from shared.sql import Row


@dataclass(frozen=True, slots=True)
class OpenMoney:
    """The money of (locked) orders. `movements` must be posted with what follows."""

    items: Mapping[UUID, OrderItems]
    cooperatives: Mapping[UUID, UUID]  # of orders paid from savings
    movements: list[Movement]

    def refundable(self, order_id: UUID) -> list[Item]:
        """What of the order was paid."""
        return self.items[order_id].refundable if order_id in self.items else []

    @property
    def owners(self) -> dict[UUID, tuple[UUID, UUID | None]]:
        """The shop and the cooperative of each parcel."""
        return {
            parcel.parcel_id: (parcel.shop_id, parcel.cooperative_id)
            for items in self.items.values()
            for parcel in items.parcels
        }


@lru_cache(maxsize=8)
def rules_of(path: Path) -> rules.Rules:
    """The dated rules of a file, read once."""
    return rules.load(path)


async def open_money(conn: Connection, orders: Collection[Order], *, now: datetime) -> OpenMoney:
    """The money of these orders."""
    ids = [order.order_id for order in orders]
    items = await store.items_of_orders(conn, ids)
    savings = [order.order_id for order in orders if order.method == "savings"]
    payments = await store.savings_payments_of(conn, savings) if savings else {}
    movements: list[Movement] = []
    if behind := [order_id for order_id in ids if order_id in items and items[order_id].is_behind]:
        movements = await _catch_up(conn, behind, items, now=now)
        items = await store.items_of_orders(conn, ids)
    cooperatives = {order_id: payment.cooperative_id for order_id, payment in payments.items()}
    return OpenMoney(items, cooperatives, movements)


async def _catch_up(
    conn: Connection, order_ids: Sequence[UUID], items: Mapping[UUID, OrderItems], *, now: datetime
) -> list[Movement]:
    """Book what came before the ledger."""
    movements = [
        money_in(
            row["order_id"],
            Money(row["provider"], row["provider_reference"], row["amount_minor"], row["received_at"]),
        )
        for row in await store.book_receipts(conn, order_ids)
    ]
    rows = await store.book_refunds(conn, order_ids)
    by_order: dict[UUID, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["requested_at"], row["refund_id"])):
        by_order[row["order_id"]].append(row)
    written: list[tuple[UUID, RefundedPart]] = []
    for order_id, refunds in by_order.items():
        left = {(item.parcel_id, item.product_id): item for item in items[order_id].refundable}
        for row in refunds:
            parts = _parts_of(row, list(left.values())) if row["is_of_order"] else []
            for part in parts:
                left[part.parcel_id, part.product_id] = _less(left[part.parcel_id, part.product_id], part)
            written += [(row["refund_id"], part) for part in parts]
            movements += _movements_of(row, parts)
    if written:
        await store.insert_refund_parts(conn, written)
    return movements


def _parts_of(row: Row, items: Sequence[Item]) -> list[RefundedPart]:
    wanted = [item for item in items if row["parcel_id"] in (None, item.parcel_id)]
    left_minor = sum(item.left_minor for item in wanted)
    return everything(wanted) if row["amount_minor"] >= left_minor else of_amount(wanted, row["amount_minor"])


def _less(item: Item, part: RefundedPart) -> Item:
    return Item(
        item.parcel_id,
        item.product_id,
        item.quantity,
        item.unit_price_minor,
        item.amount_minor,
        item.refunded_quantity + part.quantity,
        item.refunded_minor + part.amount_minor,
        item.is_settled,
    )


def _movements_of(row: Row, parts: Sequence[RefundedPart]) -> list[Movement]:
    refund = Outgoing(row["refund_id"], row["order_id"], row["provider"], row["amount_minor"], None, {})
    movement, _ = refunded(refund, parts, {}, now=row["requested_at"])
    is_sent = row["status"] == "made" and not refund.is_immediate
    return [movement, refund_sent(refund, now=row["made_at"])] if is_sent else [movement]
