"""What cooperatives does when it hears events. Members are locked, in id order, before any handler of a batch runs.

What orders says of one order comes in order; other topics come in any order. Each charge and each refund is answered
or booked once by its own id, also when it comes again under another event id.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from services.cooperatives import store
from services.cooperatives.use_cases.charge_savings import charge_savings
from services.cooperatives.use_cases.credit_refunds import credit_refunds
from services.cooperatives.use_cases.forget_person import forget_person
from services.cooperatives.use_cases.record_patronage import record_completed, record_owners, record_refunded
from services.cooperatives.use_cases.settle_clearing import settle_clearing
from shared.clock import utc_now
from shared.contracts.catalog import ShopOpened
from shared.contracts.clearing import SavingsClaimPaid
from shared.contracts.identity import AccountErased
from shared.contracts.orders import ParcelCompleted, RefundMade, SavingsChargeRequested
from shared.db import Connection
from shared.handlers import Handlers, Lock

handlers = Handlers("cooperatives", lock_order=(Lock("members", store.take_member_locks),))
patronage = Handlers("cooperatives.patronage", breath_seconds=0.2)


async def members_of_charges(conn: Connection, events: Sequence[SavingsChargeRequested]) -> dict[str, Iterable[UUID]]:
    """Whose savings are asked for."""
    return {"members": await store.members_of_buyers(conn, [(e.cooperative_id, e.buyer_id) for e in events])}


async def members_of_refunds(conn: Connection, events: Sequence[RefundMade]) -> dict[str, Iterable[UUID]]:
    """Who gets something back."""
    return {"members": await store.members_of_orders(conn, [event.order_id for event in events])}


async def members_of_people(conn: Connection, events: Sequence[AccountErased]) -> dict[str, Iterable[UUID]]:
    """The memberships of those who are to be forgotten."""
    return {"members": await store.members_of_accounts(conn, [event.account_id for event in events])}


@handlers.on_batch(SavingsChargeRequested, locks=members_of_charges)
async def charge_savings_when_orders_asks(conn: Connection, events: list[SavingsChargeRequested]) -> None:
    """Before the buyer's membership, a charge is refused; the buyer may order again."""
    await charge_savings(conn, events, now=utc_now())


@handlers.on_batch(RefundMade, locks=members_of_refunds)
async def give_back_what_was_refunded(conn: Connection, events: list[RefundMade]) -> None:
    """It cannot come before its charge, which orders asked for under the same key: without one it is a dead letter."""
    await credit_refunds(conn, events, now=utc_now())


@handlers.on(AccountErased, locks=members_of_people)
async def forget_erased_people(conn: Connection, event: AccountErased) -> None:
    """Also when we never heard of them: they cannot apply with a token that is still valid."""
    await forget_person(conn, event.account_id, erased_at=event.erased_at)


@handlers.on(SavingsClaimPaid)
async def book_what_was_paid_to_the_market(conn: Connection, event: SavingsClaimPaid) -> None:
    """It cannot come before the charges that it pays: orders takes no more than what it was told was charged."""
    await settle_clearing(conn, event, now=utc_now())


@patronage.on_batch(ShopOpened)
async def know_whose_shops_these_are(conn: Connection, events: list[ShopOpened]) -> None:
    """A parcel that comes before its shop counts for the shop all the same, and is its owner's when we know them."""
    await record_owners(conn, events)


@patronage.on_batch(ParcelCompleted)
async def count_completed_parcels(conn: Connection, events: list[ParcelCompleted]) -> None:
    """Refunds that came before are taken off at once."""
    await record_completed(conn, events)


@patronage.on_batch(RefundMade)
async def take_off_what_was_refunded(conn: Connection, events: list[RefundMade]) -> None:
    """Before its parcel is completed, a refund waits for it."""
    await record_refunded(conn, events)
