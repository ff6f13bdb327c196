"""What catalog listens to: the life of orders, which moves stock; memberships and certificates; people who leave.

All facts of an order come on one topic and in order, so none of them is early unless an earlier one was set aside as
dead; what happens then is said at each handler. Locks: person, shop, then stock, ids sorted, once per batch.
"""

from collections.abc import Iterable
from uuid import UUID

from services.catalog import store
from services.catalog.domain.stock import OutOfTurn, RestockKind, Wanted
from services.catalog.store import standing
from services.catalog.use_cases.commit_stock import commit_stock
from services.catalog.use_cases.forget_person import forget_person
from services.catalog.use_cases.release_stock import release_stock
from services.catalog.use_cases.reserve_stock import Wish, reserve_stock
from services.catalog.use_cases.restock import Comeback, restock
from shared.clock import utc_now
from shared.contracts.cooperatives import MemberAdmitted, MemberLinked, MemberResigned
from shared.contracts.identity import AccountErased
from shared.contracts.orders import (
    OrderCancelled,
    OrderConfirmed,
    OrderPlaced,
    ParcelCancelled,
    ReservationRequested,
    ReturnReceived,
)
from shared.contracts.programmes import CertificateIssued, CertificateRevoked
from shared.db import Connection
from shared.handlers import Handlers, Lock, Reject

handlers = Handlers(
    "catalog",
    lock_order=(
        Lock("person", standing.lock_people),
        Lock("shop", store.lock_shops),
        Lock("stock", store.lock_stock),
    ),
)


def products_of_orders(_: Connection, events: list[OrderPlaced]) -> dict[str, set[UUID]]:
    """The products in the orders."""
    return {"stock": {line.product_id for event in events for line in event.lines}}


async def products_asked_for(conn: Connection, events: list[ReservationRequested]) -> dict[str, Iterable[UUID]]:
    """The products in the requests, and those that the orders still hold from an older attempt."""
    asked = {line.product_id for event in events for line in event.lines}
    return {"stock": asked.union(await store.products_held(conn, [event.order_id for event in events]))}


async def products_held(
    conn: Connection, events: list[OrderConfirmed] | list[OrderCancelled]
) -> dict[str, Iterable[UUID]]:
    """The products that the orders hold."""
    return {"stock": await store.products_held(conn, [event.order_id for event in events])}


async def products_coming_back(
    conn: Connection, events: list[ParcelCancelled] | list[ReturnReceived]
) -> dict[str, Iterable[UUID]]:
    """The products that the orders got."""
    return {"stock": await store.products_held(conn, [event.order_id for event in events])}


async def shops_of_people(conn: Connection, events: list[AccountErased]) -> dict[str, Iterable[UUID]]:
    """The shops that the people own or work in, and what their own shops sell."""
    people = [event.account_id for event in events]
    return {
        "person": people,
        "shop": await store.shops_worked_in(conn, people),
        "stock": await store.products_listed_by(conn, people),
    }


async def members_and_shops(
    conn: Connection, events: list[MemberAdmitted] | list[MemberLinked] | list[MemberResigned]
) -> dict[str, Iterable[UUID]]:
    """The members that have an account, and where they work."""
    people = [event.account_id for event in events if event.account_id is not None]
    return {"person": people, "shop": await store.shops_worked_in(conn, people)}


async def holders_and_shops(
    conn: Connection, events: list[CertificateIssued] | list[CertificateRevoked]
) -> dict[str, Iterable[UUID]]:
    """Whose certificates they are, and where these people work."""
    people = [event.person_id for event in events]
    return {"person": people, "shop": await store.shops_worked_in(conn, people)}


@handlers.on_batch(OrderPlaced, locks=products_of_orders)
async def reserve_stock_for_placed_orders(conn: Connection, events: list[OrderPlaced]) -> None:
    """Attempt 1. After a cancellation of the same order, or a later attempt, it is stale and nothing happens."""
    wishes = [
        Wish(event.order_id, 1, [Wanted(line.product_id, line.quantity, line.version) for line in event.lines])
        for event in events
    ]
    await reserve_stock(conn, wishes, now=utc_now())


@handlers.on_batch(ReservationRequested, locks=products_asked_for)
async def reserve_stock_again(conn: Connection, events: list[ReservationRequested]) -> None:
    """A later attempt: it takes the place of earlier ones, also of one that comes after it.

    The price was agreed when the order was placed, so a newer version of a product is no reason to refuse.
    """
    wishes = [
        Wish(event.order_id, event.attempt, [Wanted(line.product_id, line.quantity) for line in event.lines])
        for event in events
    ]
    try:
        await reserve_stock(conn, wishes, now=utc_now())
    except OutOfTurn as error:
        raise Reject(str(error)) from error


@handlers.on_batch(OrderConfirmed, locks=products_held)
async def commit_stock_of_confirmed_orders(conn: Connection, events: list[OrderConfirmed]) -> None:
    """What is set aside leaves. An order with nothing set aside should not have been confirmed: a dead letter."""
    try:
        await commit_stock(conn, [event.order_id for event in events], now=utc_now())
    except OutOfTurn as error:
        raise Reject(str(error)) from error


@handlers.on_batch(OrderCancelled, locks=products_held)
async def release_stock_of_cancelled_orders(conn: Connection, events: list[OrderCancelled]) -> None:
    """What is set aside can be sold again; an order that is not known yet is remembered and gets nothing later."""
    await release_stock(conn, [event.order_id for event in events], now=utc_now())


@handlers.on_batch(ParcelCancelled, locks=products_coming_back)
async def restock_cancelled_parcels(conn: Connection, events: list[ParcelCancelled]) -> None:
    """Goods of a parcel that is not sent go back on the shelf, once. Goods that never left: a dead letter."""
    comebacks = [
        Comeback(
            event.parcel_id,
            event.order_id,
            event.parcel_id,
            [(line.product_id, line.quantity) for line in event.lines],
        )
        for event in events
    ]
    await _restock(conn, RestockKind.PARCEL, comebacks)


@handlers.on_batch(ReturnReceived, locks=products_coming_back)
async def restock_returns(conn: Connection, events: list[ReturnReceived]) -> None:
    """Goods that the buyer sent back go back on the shelf, once. Goods that never left: a dead letter."""
    comebacks = [
        Comeback(
            event.return_id,
            event.order_id,
            event.parcel_id,
            [(line.product_id, line.quantity) for line in event.lines],
        )
        for event in events
    ]
    await _restock(conn, RestockKind.RETURN, comebacks)


async def _restock(conn: Connection, kind: RestockKind, comebacks: list[Comeback]) -> None:
    try:
        await restock(conn, kind, comebacks, now=utc_now())
    except OutOfTurn as error:
        raise Reject(str(error)) from error


@handlers.on(AccountErased, locks=shops_of_people)
async def close_the_shops_of_who_left(conn: Connection, event: AccountErased) -> None:
    """Their shops close, their products are withdrawn, others' shops lose them. Somebody without a shop: nothing."""
    await forget_person(conn, event.account_id, now=utc_now())


@handlers.on_batch(MemberAdmitted, locks=members_and_shops)
async def show_members(conn: Connection, events: list[MemberAdmitted]) -> None:
    """They may open shops of the cooperative; their shops show it. Members without an account: nothing."""
    await standing.refresh_badges_of(conn, await standing.record_members(conn, events, is_member=True))


@handlers.on_batch(MemberLinked, locks=members_and_shops)
async def show_linked_members(conn: Connection, events: list[MemberLinked]) -> None:
    """A member who had no account has one: as if admitted now."""
    await standing.refresh_badges_of(conn, await standing.record_members(conn, events, is_member=True))


@handlers.on_batch(MemberResigned, locks=members_and_shops)
async def show_members_no_more(conn: Connection, events: list[MemberResigned]) -> None:
    """Their shops stay, without the badge."""
    await standing.refresh_badges_of(conn, await standing.record_members(conn, events, is_member=False))


@handlers.on_batch(CertificateIssued, locks=holders_and_shops)
async def show_certificates(conn: Connection, events: list[CertificateIssued]) -> None:
    """Where the holders work, it is shown, and they may sell what needs it. One that was revoked before stays so."""
    await standing.record_certificates(conn, events)
    await standing.refresh_badges_of(conn, [event.person_id for event in events])


@handlers.on_batch(CertificateRevoked, locks=holders_and_shops)
async def show_certificates_no_more(conn: Connection, events: list[CertificateRevoked]) -> None:
    """What is listed stays listed; new products and versions need another certificate."""
    await standing.record_revocations(conn, events)
    await standing.refresh_badges_of(conn, [event.person_id for event in events])
