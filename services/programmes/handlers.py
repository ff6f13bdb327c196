"""What programmes listens to: people who leave, and the facts of all others, for figures only.

Two groups, so that neither waits for the other. Facts may come in any order between topics: what a shop does before it
is known here is kept and counted once it is; a fact of a loan or cooperative that is not known cannot come first, since
both are told on one topic, in order, and is a dead letter. Each fact counts once: its inbox row commits with it.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from services.programmes.domain import indicators as figures
from services.programmes.domain.indicators import Contribution, Indicator
from services.programmes.store import figures as store
from services.programmes.store import trainings
from services.programmes.use_cases.count_facts import count_facts, place_shops
from services.programmes.use_cases.forget_person import forget_person
from shared.clock import utc_now
from shared.contracts.catalog import ProductListed, ShopOpened
from shared.contracts.cooperatives import (
    CooperativeRegistered,
    MeetingClosed,
    MemberAdmitted,
    MemberResigned,
    SurplusDistributed,
)
from shared.contracts.financing import CollectabilityChanged, LoanDisbursed, RepaymentReceived
from shared.contracts.identity import AccountErased
from shared.contracts.orders import ParcelCompleted, RefundMade
from shared.db import Connection
from shared.handlers import Handlers, Lock, Reject

handlers = Handlers(
    "programmes",
    breath_seconds=0.2,
    lock_order=(Lock("person", trainings.lock_people), Lock("training", trainings.lock_many)),
)
counting = Handlers("programmes.figures", breath_seconds=0.2, lock_order=(Lock("counters", store.lock_counters),))


async def trainings_of_people(conn: Connection, events: list[AccountErased]) -> dict[str, Iterable[UUID]]:
    """The people, and where they take part or wait."""
    people = [event.account_id for event in events]
    return {"person": people, "training": await trainings.trainings_of(conn, people)}


def counters(_: Connection, __: list[Any]) -> dict[str, Iterable[UUID]]:
    """All counters, as one."""
    return {"counters": [store.COUNTERS]}


@handlers.on(AccountErased, locks=trainings_of_people)
async def forget_who_left(conn: Connection, event: AccountErased) -> None:
    """Names go, seats are given back. Somebody who never took part: nothing."""
    await forget_person(conn, event.account_id, now=utc_now())


@counting.on_batch(ShopOpened, locks=counters)
async def count_opened_shops(conn: Connection, events: list[ShopOpened]) -> None:
    """A shop's region is known from now on, and what it did before is counted with it."""
    now = utc_now()
    await place_shops(conn, [(event.shop_id, event.owner_id, event.region_code) for event in events], now=now)
    opened = [Contribution(figures.SHOPS_OPENED, event.shop_id, event.region_code, event.opened_at) for event in events]
    await count_facts(conn, opened, now=now)


@counting.on_batch(ProductListed, locks=counters)
async def count_listed_products(conn: Connection, events: list[ProductListed]) -> None:
    """Counted where the shop is; before the shop is known, later."""
    listed = [Contribution(figures.PRODUCTS_LISTED, event.shop_id, None, event.listed_at) for event in events]
    await count_facts(conn, listed, now=utc_now())


@counting.on_batch(ParcelCompleted, locks=counters)
async def count_completed_parcels(conn: Connection, events: list[ParcelCompleted]) -> None:
    """What was sold, where the shop was at the sale."""
    sold = [
        Contribution(indicator, event.shop_id, event.region_code, event.completed_at, value)
        for event in events
        for indicator, value in (
            (figures.SHOPS_SELLING, 1),
            (figures.PARCELS_COMPLETED, 1),
            (figures.GOODS_SOLD, event.goods_minor),
        )
    ]
    await count_facts(conn, sold, now=utc_now())


@counting.on_batch(RefundMade, locks=counters)
async def count_refunds(conn: Connection, events: list[RefundMade]) -> None:
    """What went back to buyers, by the shops whose money it was; a refund that names no parts counts nowhere."""
    refunded = [
        Contribution(figures.REFUNDED, part.shop_id, None, event.refunded_at, part.goods_minor + part.shipping_minor)
        for event in events
        for part in event.parts
    ]
    await count_facts(conn, refunded, now=utc_now())


@counting.on_batch(CooperativeRegistered, locks=counters)
async def count_cooperatives(conn: Connection, events: list[CooperativeRegistered]) -> None:
    """Its region is known from now on."""
    await store.insert_cooperatives(conn, [(event.cooperative_id, event.region_code) for event in events])
    registered = [
        Contribution(figures.COOPERATIVES, event.cooperative_id, event.region_code, event.registered_at)
        for event in events
    ]
    await count_facts(conn, registered, now=utc_now())


@counting.on_batch(MemberAdmitted, locks=counters)
async def count_admitted_members(conn: Connection, events: list[MemberAdmitted]) -> None:
    """Where the member is."""
    admitted = [
        Contribution(figures.MEMBERS_ADMITTED, event.member_id, event.region_code, event.admitted_at)
        for event in events
    ]
    await count_facts(conn, admitted, now=utc_now())


@counting.on_batch(MemberResigned, locks=counters)
async def count_resigned_members(conn: Connection, events: list[MemberResigned]) -> None:
    """Where the member was."""
    resigned = [
        Contribution(figures.MEMBERS_LEFT, event.member_id, event.region_code, event.resigned_at) for event in events
    ]
    await count_facts(conn, resigned, now=utc_now())


@counting.on_batch(MeetingClosed, locks=counters)
async def count_annual_meetings(conn: Connection, events: list[MeetingClosed]) -> None:
    """A cooperative held its annual meeting of this year; others are not counted."""
    annual = [(event.cooperative_id, event.closed_at, 1) for event in events if event.kind == "annual"]
    await _count_for_cooperatives(conn, figures.MEETINGS, annual)


@counting.on_batch(SurplusDistributed, locks=counters)
async def count_distributed_surplus(conn: Connection, events: list[SurplusDistributed]) -> None:
    """The surplus, when it was divided."""
    divided = [(event.cooperative_id, event.distributed_at, event.surplus_minor) for event in events]
    await _count_for_cooperatives(conn, figures.SURPLUS, divided)


async def _count_for_cooperatives(conn: Connection, indicator: Indicator, facts: list[tuple[UUID, Any, int]]) -> None:
    regions = await store.regions_of_cooperatives(conn, [cooperative_id for cooperative_id, _, _ in facts])
    unknown = [str(cooperative_id) for cooperative_id, _, _ in facts if cooperative_id not in regions]
    if unknown:
        raise Reject(f"no such cooperative: {', '.join(unknown)}")
    counted = [
        Contribution(indicator, cooperative_id, regions[cooperative_id], happened_at, value)
        for cooperative_id, happened_at, value in facts
    ]
    await count_facts(conn, counted, now=utc_now())


@counting.on_batch(LoanDisbursed, locks=counters)
async def count_disbursed_loans(conn: Connection, events: list[LoanDisbursed]) -> None:
    """A loan runs, and is current (1) until told otherwise."""
    await store.insert_loans(conn, [(event.loan_id, event.shop_id, event.region_code) for event in events])
    disbursed = [
        Contribution(indicator, event.shop_id, event.region_code, event.disbursed_at, value)
        for event in events
        for indicator, value in (
            (figures.LOANS, 1),
            (figures.LOANS_VALUE, event.amount_minor),
            (figures.COLLECTABILITY[1], 1),
        )
    ]
    await count_facts(conn, disbursed, now=utc_now())


@counting.on_batch(RepaymentReceived, locks=counters)
async def count_repayments(conn: Connection, events: list[RepaymentReceived]) -> None:
    """Where the loan's shop was; a loan that is paid back is in no class any more."""
    repaid = [
        Contribution(figures.REPAID, event.shop_id, None, event.received_at, event.amount_minor) for event in events
    ]
    moved = await _move(conn, {e.loan_id: (0, e.received_at) for e in events if e.outstanding_minor == 0})
    await count_facts(conn, [*repaid, *moved], now=utc_now())


@counting.on_batch(CollectabilityChanged, locks=counters)
async def count_collectability(conn: Connection, events: list[CollectabilityChanged]) -> None:
    """The loan leaves one class for another."""
    await count_facts(conn, await _move(conn, {e.loan_id: (e.after, e.changed_at) for e in events}), now=utc_now())


async def _move(conn: Connection, classes: dict[UUID, tuple[int, Any]]) -> list[Contribution]:
    """What loans that change their class take from one count and add to another."""
    moved = await store.move_loans(conn, {loan_id: grade for loan_id, (grade, _) in classes.items()})
    unknown = [str(loan_id) for loan_id in classes if loan_id not in moved]
    if unknown:
        raise Reject(f"no such loan: {', '.join(unknown)}")
    return [
        Contribution(figures.COLLECTABILITY[grade], loan.shop_id, loan.region_code, classes[loan_id][1], change)
        for loan_id, loan in moved.items()
        for grade, change in ((loan.before, -1), (loan.after, 1))
        if grade in figures.COLLECTABILITY and loan.before != loan.after
    ]
