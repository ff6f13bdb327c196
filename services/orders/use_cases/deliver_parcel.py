"""Deliver parcels: they reached their buyers, and cash was taken at the door where the order says so."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.order import Order
from services.orders.domain.parcel import Move, ParcelStatus, cash_due_minor, check_cash, move
from services.orders.store import Parcel, accounts
from services.orders.store.accounts import Movement
from services.orders.use_cases import parcel_facts
from services.orders.use_cases.book_money import AT_THE_DOOR, money_in
from services.orders.use_cases.open_parcel import MAY_SEND, open_parcel, require_confirmed, require_staff
from services.orders.use_cases.receipts import Money
from services.orders.use_cases.settle_cash import settle_cash
from shared import outbox
from shared.auth import Principal
from shared.db import Connection


async def deliver_parcel(
    conn: Connection, parcel_id: UUID, person: Principal, *, collected_minor: int, now: datetime
) -> ParcelStatus:
    """Its new status. Raises NotFound, Forbidden, WrongParcelState, WrongAmountCollected.

    A buyer may say so of a parcel that is paid; of cash only the shop or the carrier may speak.
    """
    opened = await open_parcel(conn, parcel_id, person)
    require_confirmed(opened.order)
    if not opened.is_carrier and (opened.order.method == "cod" or not opened.is_buyer):
        require_staff(opened, MAY_SEND)
    status = move(opened.parcel.status, Move.DELIVER)
    check_cash(collected_minor, cash_due(opened.order, opened.parcel))
    await hand_over(conn, [(opened.order, opened.parcel)], now=now)
    return status


def cash_due(order: Order, parcel: Parcel) -> int:
    """What is taken at the door for this parcel."""
    return cash_due_minor(method=order.method, goods_minor=parcel.goods_minor, shipping_minor=parcel.shipping_minor)


async def hand_over(
    conn: Connection, parcels: Sequence[tuple[Order, Parcel]], *, carrier: str | None = None, now: datetime
) -> None:
    """These parcels of locked orders are delivered; their cash counts for their orders.

    Those that were not shipped were fetched by `carrier` now.
    """
    delivered = [(parcel.parcel_id, cash_due(order, parcel)) for order, parcel in parcels]
    await store.deliver_parcels(conn, delivered, carrier=carrier, now=now)
    for order, parcel in parcels:
        outbox.append(conn, parcel_facts.delivered(order, parcel, cash_due(order, parcel), now=now))
    cash: list[tuple[UUID, UUID, int]] = [
        (parcel.parcel_id, order.order_id, due_minor)
        for order, parcel in parcels
        if (due_minor := cash_due(order, parcel)) > 0
    ]
    if cash:
        await store.receive_cash(conn, cash, now=now)
        await settle_cash(conn, {order_id for _, order_id, _ in cash}, now=now)
        await accounts.post(conn, [_taken(*one, now=now) for one in cash])


def _taken(parcel_id: UUID, order_id: UUID, amount_minor: int, *, now: datetime) -> Movement:
    return money_in(order_id, Money(AT_THE_DOOR, str(parcel_id), amount_minor, now))
