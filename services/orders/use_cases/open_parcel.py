"""Open a parcel to do something with it: its order locked first, then all parcels of the order.

Whoever is neither staff of its shop, nor the buyer, a carrier or an operator finds nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.order import Order, OrderStatus, parcels_ended
from services.orders.domain.parcel import ParcelStatus
from services.orders.domain.problems import WrongParcelState
from services.orders.store import Parcel
from services.orders.use_cases.record_steps import Taken, record_steps
from shared.auth import Principal
from shared.db import Connection
from shared.problems import Forbidden, NotFound

MAY_SELL = frozenset({"owner", "manager"})
MAY_SEND = frozenset({"owner", "manager", "packer"})


@dataclass(frozen=True, slots=True)
class Opened:
    """A parcel, its order and the order's other parcels, all locked; and what the caller is to it."""

    order: Order
    parcel: Parcel
    parcels: tuple[Parcel, ...]
    role: str | None  # in the parcel's shop
    is_buyer: bool
    is_carrier: bool
    is_operator: bool


def is_carrier(person: Principal) -> bool:
    """Whether the caller brings parcels for everybody."""
    return "carrier" in person.roles or "carrier" in person.scopes


async def open_parcel(conn: Connection, parcel_id: UUID, person: Principal) -> Opened:
    """The parcel, for staff of its shop, the buyer, a carrier or an operator. Raises NotFound."""
    order_id = await store.order_of_parcel(conn, parcel_id)
    order = await store.lock_order(conn, order_id) if order_id is not None else None
    if order is None:
        raise NotFound
    parcels = await store.lock_parcels(conn, [order.order_id])
    parcel = parcels[parcel_id]
    role = await store.role_in_shop(conn, shop_id=parcel.shop_id, account_id=person.id)
    opened = Opened(
        order,
        parcel,
        tuple(parcels.values()),
        role,
        is_buyer=order.buyer_id == person.id,
        is_carrier=is_carrier(person),
        is_operator="operator" in person.roles,
    )
    if role is None and not (opened.is_buyer or opened.is_carrier or opened.is_operator):
        raise NotFound
    return opened


def require_staff(opened: Opened, roles: frozenset[str]) -> None:
    """Raises Forbidden unless the caller has one of these roles in the parcel's shop."""
    if opened.role not in roles:
        raise Forbidden


def require_confirmed(order: Order) -> None:
    """Raises WrongParcelState: nothing is sent, or called off alone, before the order is confirmed."""
    if order.status is not OrderStatus.CONFIRMED:
        raise WrongParcelState(f"the order is {order.status.value}")


async def end_order_with_its_parcels(
    conn: Connection, order: Order, statuses: Sequence[ParcelStatus], *, now: datetime
) -> Order:
    """The order ends when its last parcel has; the order as it is then."""
    step = parcels_ended(order, statuses)
    await record_steps(conn, [Taken(order, step)], now=now)
    return step.order


def statuses_after(opened: Opened, status: ParcelStatus) -> list[ParcelStatus]:
    """The statuses of all parcels once the opened one has the given status."""
    return [status if one.parcel_id == opened.parcel.parcel_id else one.status for one in opened.parcels]
