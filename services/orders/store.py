"""The only caller of orders.sql: values in, domain objects out.

Lock order: orders (ids sorted), then parcels, then charges, receipts and refunds. Whoever changes anything of an order
holds the order's row lock.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias
from uuid import UUID

from services.orders.domain.order import Order, OrderStatus, Verdict
from services.orders.domain.parcel import ParcelStatus
from services.orders.domain.placing import NewOrder, Offer, WantedLine
from shared import sql
from shared.contracts import catalog
from shared.db import Connection
from shared.sql import Row

queries = sql.load(__file__, "orders.sql")

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
class Receipt:
    """Money that came in and is not wholly given back."""

    order_id: UUID
    provider: str
    provider_reference: str
    left_minor: int


@dataclass(frozen=True, slots=True)
class NewRefund:
    """Part of a receipt that must go back."""

    refund_id: UUID
    order_id: UUID
    parcel_id: UUID | None
    shop_id: UUID | None
    provider: str
    provider_reference: str
    amount_minor: int
    reason: str
    requested_by: UUID | None


# catalog's facts


async def offers(conn: Connection, product_ids: Iterable[UUID]) -> dict[UUID, Offer]:
    """Our copy of these products; those that catalog has not told us of wholly are not there."""
    rows = await queries.offers.rows(conn, product_ids=list(product_ids))
    return {row["product_id"]: Offer(*row.values()) for row in rows}


async def open_shops(conn: Connection, events: Sequence[catalog.ShopOpened]) -> None:
    """Take over shops; their owner is the staff until a list comes."""
    await queries.open_shops.run(
        conn,
        shop_ids=[event.shop_id for event in events],
        region_codes=[event.region_code for event in events],
        cooperative_ids=[event.cooperative_id for event in events],
        sequences=[event.sequence for event in events],
    )
    await queries.add_owners.run(
        conn, account_ids=[event.owner_id for event in events], shop_ids=[event.shop_id for event in events]
    )


async def replace_staff(conn: Connection, events: Sequence[catalog.ShopStaffChanged]) -> None:
    """Take over staff lists that are newer than ours."""
    claimed = await queries.claim_staff_lists.rows(
        conn, shop_ids=[event.shop_id for event in events], sequences=[event.sequence for event in events]
    )
    shop_ids = {row["shop_id"] for row in claimed}
    members = [(m.account_id, event.shop_id, m.role) for event in events if event.shop_id in shop_ids for m in event.staff]
    await queries.clear_staff.run(conn, shop_ids=list(shop_ids))
    await queries.add_staff.run(
        conn,
        account_ids=[account_id for account_id, _, _ in members],
        shop_ids=[shop_id for _, shop_id, _ in members],
        roles=[role for _, _, role in members],
    )


async def upsert_products(conn: Connection, events: Sequence[catalog.ProductFact], payees: Sequence[str]) -> None:
    """Take over products as they are from these versions on; `payees` is the JSON text of each."""
    await queries.upsert_products.run(
        conn,
        product_ids=[event.product_id for event in events],
        shop_ids=[event.shop_id for event in events],
        versions=[event.version for event in events],
        titles=[event.title for event in events],
        categories=[event.category for event in events],
        unit_prices_minor=[event.unit_price_minor for event in events],
        currencies=[event.currency for event in events],
        weights_grams=[event.weight_grams for event in events],
        payees=payees,
    )


async def upsert_prices(conn: Connection, events: Sequence[catalog.PriceChanged]) -> None:
    """Take over prices, also of products that we do not know yet."""
    await queries.upsert_prices.run(
        conn,
        product_ids=[event.product_id for event in events],
        shop_ids=[event.shop_id for event in events],
        versions=[event.version for event in events],
        unit_prices_minor=[event.unit_price_minor for event in events],
        currencies=[event.currency for event in events],
    )


async def withdraw_products(conn: Connection, events: Sequence[catalog.ProductWithdrawn]) -> None:
    """These cannot be bought any more."""
    await queries.withdraw_products.run(
        conn,
        product_ids=[event.product_id for event in events],
        shop_ids=[event.shop_id for event in events],
        versions=[event.version for event in events],
    )


# placing


async def erased_among(conn: Connection, account_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the accounts that asked to be forgotten."""
    return {row["account_id"] for row in await queries.erased_among.rows(conn, account_ids=list(account_ids))}


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


async def insert_orders(
    conn: Connection, orders: Sequence[NewOrder], ship_to: Sequence[ShipTo], *, answer_seconds: float
) -> None:
    """Write new orders with their parcels, lines and addresses by one statement."""
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


# the life of orders


async def lock_orders(conn: Connection, order_ids: Iterable[UUID]) -> dict[UUID, Order]:
    """These orders, locked in id order until the transaction ends; unknown ones are not there."""
    rows = await queries.lock_orders.rows(conn, order_ids=sorted(set(order_ids)))
    return {row["order_id"]: _order(row) for row in rows}


async def take_order_locks(conn: Connection, order_ids: list[UUID]) -> None:
    """For the worker, which locks all orders of a batch before any handler runs."""
    await queries.lock_orders.rows(conn, order_ids=order_ids)


async def lock_order(conn: Connection, order_id: UUID) -> Order | None:
    """One order, locked."""
    return (await lock_orders(conn, [order_id])).get(order_id)


async def lock_free_orders(conn: Connection, order_ids: Iterable[UUID]) -> dict[UUID, Order]:
    """Those of these orders that nobody else works on, locked."""
    rows = await queries.lock_orders_skipping.rows(conn, order_ids=sorted(set(order_ids)))
    return {row["order_id"]: _order(row) for row in rows}


async def lock_unpaid_orders(conn: Connection, *, most: int) -> list[Order]:
    """Orders whose time to pay is over and on which nobody else works, locked."""
    return [_order(row) for row in await queries.lock_unpaid_orders.rows(conn, most=most)]


async def lock_parcels(conn: Connection, order_ids: Iterable[UUID]) -> dict[UUID, Parcel]:
    """All parcels of these (locked) orders, locked."""
    rows = await queries.lock_parcels.rows(conn, order_ids=list(order_ids))
    return {row["parcel_id"]: _parcel(row) for row in rows}


async def lines_of_parcels(conn: Connection, order_ids: Iterable[UUID]) -> Mapping[UUID, list[Row]]:
    """What each parcel of these orders holds."""
    lines: dict[UUID, list[Row]] = defaultdict(list)
    for row in await queries.lines_of_parcels.rows(conn, order_ids=list(order_ids)):
        lines[row["parcel_id"]].append(row)
    return lines


async def lines_of_orders(conn: Connection, order_ids: Iterable[UUID]) -> LinesOfOrders:
    """What of which product each order holds."""
    lines: dict[UUID, list[catalog.StockLine]] = defaultdict(list)
    for row in await queries.lines_of_orders.rows(conn, order_ids=list(order_ids)):
        lines[row["order_id"]].append(catalog.StockLine(product_id=row["product_id"], quantity=row["quantity"]))
    return lines


async def insert_receipt(
    conn: Connection,
    *,
    provider: str,
    provider_reference: str,
    order_id: UUID,
    amount_minor: int,
    verdict: Verdict,
    received_at: datetime,
) -> bool:
    """Record money that came in; False when its reference is known already."""
    inserted = await queries.insert_receipt.value(
        conn,
        provider=provider,
        provider_reference=provider_reference,
        order_id=order_id,
        amount_minor=amount_minor,
        verdict=verdict.value,
        received_at=received_at,
    )
    return inserted is not None


async def lock_receipts(conn: Connection, order_ids: Iterable[UUID]) -> list[Receipt]:
    """The money that counts for these orders and can still be given back, locked."""
    rows = await queries.lock_receipts.rows(conn, order_ids=list(order_ids))
    return [
        Receipt(
            row["order_id"], row["provider"], row["provider_reference"], row["amount_minor"] - row["refunded_minor"]
        )
        for row in rows
    ]


async def insert_refunds(conn: Connection, refunds: Sequence[NewRefund], *, now: datetime) -> None:
    """Write down what must go back, and count it against its receipts."""
    taken: dict[tuple[str, str], int] = defaultdict(int)
    for refund in refunds:
        taken[refund.provider, refund.provider_reference] += refund.amount_minor
    await queries.take_from_receipts.run(
        conn,
        providers=[provider for provider, _ in taken],
        provider_references=[reference for _, reference in taken],
        amounts_minor=list(taken.values()),
    )
    await queries.insert_refunds.run(
        conn,
        refund_ids=[refund.refund_id for refund in refunds],
        order_ids=[refund.order_id for refund in refunds],
        parcel_ids=[refund.parcel_id for refund in refunds],
        shop_ids=[refund.shop_id for refund in refunds],
        providers=[refund.provider for refund in refunds],
        provider_references=[refund.provider_reference for refund in refunds],
        amounts_minor=[refund.amount_minor for refund in refunds],
        reasons=[refund.reason for refund in refunds],
        requested_by=[refund.requested_by for refund in refunds],
        now=now,
    )


async def role_in_shop(conn: Connection, *, shop_id: UUID, account_id: UUID) -> str | None:
    """What the account is in the shop, None when it does not work there."""
    role: str | None = await queries.role_in_shop.value(conn, shop_id=shop_id, account_id=account_id)
    return role


async def order_of_parcel(conn: Connection, parcel_id: UUID) -> UUID | None:
    """The order that a parcel belongs to."""
    order_id: UUID | None = await queries.order_of_parcel.value(conn, parcel_id=parcel_id)
    return order_id


async def cart(conn: Connection, buyer_id: UUID) -> list[WantedLine]:
    """A buyer's cart, in the order it was filled."""
    return [_wanted(row) for row in await queries.cart_items.rows(conn, buyer_id=buyer_id)]


# steps


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


async def end_parcels(conn: Connection, order_ids: Sequence[UUID], *, now: datetime) -> None:
    """The parcels of cancelled orders are not sent."""
    await queries.end_parcels_of_orders.run(conn, order_ids=order_ids, now=now)


async def revive_parcels(conn: Connection, order_ids: Sequence[UUID]) -> None:
    """They are sent after all."""
    await queries.revive_parcels_of_orders.run(conn, order_ids=order_ids)


async def move_parcel(conn: Connection, parcel_id: UUID, status: ParcelStatus, *, now: datetime) -> None:
    """The parcel has ended."""
    await queries.end_parcel.run(conn, parcel_id=parcel_id, status=status.value, now=now)


async def insert_charges(conn: Connection, charges: Sequence[tuple[UUID, int]], *, now: datetime) -> None:
    """The provider will be asked for these amounts."""
    await queries.insert_charges.run(
        conn,
        order_ids=[order_id for order_id, _ in charges],
        amounts_minor=[amount_minor for _, amount_minor in charges],
        now=now,
    )


async def open_charges(conn: Connection, order_ids: Sequence[UUID]) -> list[UUID]:
    """Those of the orders whose charge could still be paid."""
    return [row["order_id"] for row in await queries.open_charges_of.rows(conn, order_ids=order_ids)]


async def settle_charge(conn: Connection, order_id: UUID, status: str) -> None:
    """The charge is paid, refused or ended; what was paid stays paid."""
    await queries.settle_charge.run(conn, order_id=order_id, status=status)


async def finish_refund(
    conn: Connection, refund_id: UUID, *, is_made: bool, refund_number: str | None, now: datetime
) -> bool:
    """Record what became of a refund; False when that is known already."""
    return bool(
        await queries.finish_refund.run(
            conn,
            refund_id=refund_id,
            status="made" if is_made else "failed",
            made_at=now if is_made else None,
            refund_number=refund_number,
        )
    )


def _wanted(row: Row) -> WantedLine:
    return WantedLine(row["product_id"], row["quantity"], row["version"], row["unit_price_minor"])


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


def _parcel(row: Row) -> Parcel:
    values: dict[str, Any] = dict(row)
    return Parcel(**(values | {"status": ParcelStatus(row["status"])}))
