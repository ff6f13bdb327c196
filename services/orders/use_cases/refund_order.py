"""Refund part of an order, or all of it: a shop for its own parcel, an operator for anything; never more than was paid.

Before its parcel is settled the money was nobody's yet; afterwards it comes from those who got it, commission and tax
in proportion, also when they were paid out: what they owe then is netted by later sales. An instalment that went to a
lender stays there.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.problems import MoreThanPaid
from services.orders.domain.refunds import Item, RefundedPart, everything, of_amount, of_quantities
from services.orders.store import NewRefund, Parcel
from services.orders.use_cases.give_back import give_back_parts
from services.orders.use_cases.open_money import open_money
from services.orders.use_cases.open_parcel import MAY_SELL
from shared.auth import Principal
from shared.db import Connection
from shared.problems import Forbidden, NotFound


async def refund_order(
    conn: Connection,
    order_id: UUID,
    person: Principal,
    *,
    quantities: Mapping[UUID, int] | None,
    amount_minor: int | None,
    reason: str,
    now: datetime,
) -> list[NewRefund]:
    """The refunds that were asked for: of these quantities at the price of sale, of an amount, or of all that is left.

    Raises NotFound, Forbidden, MoreThanSent, MoreThanPaid.
    """
    order = await store.lock_order(conn, order_id)
    if order is None:
        raise NotFound
    parcels = await store.lock_parcels(conn, [order_id])
    own = await _own_parcels(conn, parcels, person)
    money = await open_money(conn, [order], now=now)
    items = [item for item in money.refundable(order_id) if own is None or item.parcel_id in own]
    parts = _parts(items, quantities, amount_minor)
    return await give_back_parts(
        conn,
        order,
        parts,
        money,
        reason=reason,
        now=now,
        parcel=_named(parts, parcels, is_of_one=own is not None or quantities is not None),
        requested_by=person.id,
    )


def _parts(
    items: Sequence[Item], quantities: Mapping[UUID, int] | None, amount_minor: int | None
) -> list[RefundedPart]:
    if quantities is not None:
        return of_quantities(items, quantities)
    if amount_minor is not None:
        return of_amount(items, amount_minor)
    if not (parts := everything(items)):
        raise MoreThanPaid("nothing is left of what was paid", left_minor=0)
    return parts


def _named(
    parts: Sequence[RefundedPart], parcels: Mapping[UUID, Parcel], *, is_of_one: bool
) -> tuple[UUID, UUID] | None:
    """The one parcel, and its shop, that a refund is about; None for an order as a whole."""
    found = {part.parcel_id for part in parts}
    if not is_of_one or len(found) != 1:
        return None
    (parcel_id,) = found
    return parcel_id, parcels[parcel_id].shop_id


async def _own_parcels(conn: Connection, parcels: Mapping[UUID, Parcel], person: Principal) -> set[UUID] | None:
    """The caller's parcels of the order: more than one of who leads several shops; None for an operator, who may give
    back all. Raises NotFound, Forbidden for who works there and does not lead."""
    if "operator" in person.roles:
        return None
    roles = {
        parcel.parcel_id: await store.role_in_shop(conn, shop_id=parcel.shop_id, account_id=person.id)
        for parcel in parcels.values()
    }
    if own := {parcel_id for parcel_id, role in roles.items() if role in MAY_SELL}:
        return own
    raise Forbidden if any(roles.values()) else NotFound
