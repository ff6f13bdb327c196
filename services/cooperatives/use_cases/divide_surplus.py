"""Divide a year's surplus: try it, or do it once, as the annual meeting decided."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from services.cooperatives import store as books
from services.cooperatives.domain.allocation import FUND_CODES, POOLS, UNDIVIDED, check_allocation, is_same
from services.cooperatives.domain.book_year import BookYear
from services.cooperatives.domain.chart import Place
from services.cooperatives.domain.cooperative import ACTING
from services.cooperatives.domain.division import Division, divide
from services.cooperatives.domain.meeting import MeetingRules
from services.cooperatives.domain.meeting_problems import DividedAlready, NotDecided, YearNotOver
from services.cooperatives.domain.problems import NotYourTask
from services.cooperatives.store import meetings
from services.cooperatives.store import surplus as store
from shared import ledger, outbox
from shared.calendar import day_of
from shared.contracts.cooperatives import SurplusDistributed
from shared.db import Connection
from shared.ledger import Leg, Transfer, credit, debit
from shared.money import CURRENCY

RESERVE_CODE = "3201"
LEGS_MAX = 500


@dataclass(frozen=True, slots=True)
class YearRead:
    """What the books and the register say of a year; `bases` are (member, savings, dealings)."""

    rules: MeetingRules
    moved: Sequence[store.Moved]
    bases: Sequence[tuple[UUID, int, int]]

    @property
    def surplus_minor(self) -> int:
        """Income less expense; a loss is below nothing."""
        return sum(account.credit_minor for account in self.moved)


async def read_year(conn: Connection, cooperative_id: UUID, year: int, *, by: UUID) -> YearRead:
    """What a division would be calculated from, for any officer; of a year that is not over: what it is so far.

    Raises CooperativeNotFound.
    """
    rules, _ = await meetings.rules_for_officer(conn, cooperative_id, by)
    return await _read(conn, rules, rules.year(year))


async def try_division(read: YearRead, allocation: Mapping[str, int]) -> Division:
    """What the division would be. Needs no connection, and does not hold up the event loop.

    Raises AllocationNotWhole.
    """
    basis_points = check_allocation(allocation)
    return await asyncio.to_thread(divide, read.surplus_minor, basis_points, read.bases, read.rules.surplus_rounding)


async def divide_surplus(
    conn: Connection,
    cooperative_id: UUID,
    year: int,
    allocation: Mapping[str, int],
    *,
    by: UUID,
    must_be_over: bool,
    now: datetime,
) -> Division:
    """Close the year, write down what everybody gets, book it, and say so. A loss is met from the reserve.

    Raises CooperativeNotFound, NotYourTask, AllocationNotWhole, YearNotOver, NotDecided, DividedAlready.
    """
    rules, office = await meetings.rules_for_officer(conn, cooperative_id, by)
    if office not in ACTING:
        raise NotYourTask
    check_allocation(allocation)
    book_year = rules.year(year)
    if must_be_over and now < book_year.ends_at:
        raise YearNotOver
    await store.lock_year(conn, cooperative_id, year)
    if await store.is_divided(conn, cooperative_id, year):
        raise DividedAlready
    accounts = await _lock_books(conn, cooperative_id, book_year, now=now)
    read = await _read(conn, rules, book_year)
    division = await try_division(read, allocation)
    motion_id, meeting_id = await _decision(conn, cooperative_id, year, division)
    await store.claim_year(
        conn, cooperative_id, year, division, motion_id=motion_id, base=rules.capital_base, by=by, now=now
    )
    await _book(conn, book_year, read, division, accounts, now=now)
    if division.surplus_minor > 0:
        outbox.append(
            conn,
            SurplusDistributed(
                cooperative_id=cooperative_id,
                year=year,
                meeting_id=meeting_id,
                surplus_minor=division.surplus_minor,
                members_minor=division.members_minor,
                members=sum(share.total_minor > 0 for share in division.shares),
                currency=CURRENCY,
                distributed_at=now,
            ),
        )
    return division


async def _read(conn: Connection, rules: MeetingRules, year: BookYear) -> YearRead:
    moved = await store.movements_of_year(conn, rules.cooperative_id, year)
    bases = await store.bases_of_members(conn, rules.cooperative_id, year, rules.capital_base)
    return YearRead(rules, moved, bases)


async def _lock_books(conn: Connection, cooperative_id: UUID, year: BookYear, *, now: datetime) -> dict[str, UUID]:
    """The accounts of funds and of undivided surplus by code; these and the year's income and expense are locked.

    So nothing is booked into the year between the sum and the closing entry.
    """
    codes = [UNDIVIDED, *FUND_CODES.values()]
    places = await books.accounts(conn, [Place(cooperative_id, code) for code in codes], on=day_of(now))
    moved = await store.movements_of_year(conn, cooperative_id, year)
    await ledger.lock(conn, [*places.values(), *(account.account_id for account in moved)])
    return {place.code: account_id for place, account_id in places.items()}


async def _decision(conn: Connection, cooperative_id: UUID, year: int, division: Division) -> tuple[UUID, UUID]:
    """The motion and the meeting that decided exactly this. Raises NotDecided."""
    kind = "surplus" if division.surplus_minor >= 0 else "loss"
    motions = await store.carried_motions(conn, cooperative_id, year, kind)
    for motion in motions[:1]:  # a later decision takes the place of an earlier one
        if kind == "loss" or is_same(motion["allocation"], division.allocation):
            return motion["motion_id"], motion["meeting_id"]
    raise NotDecided


async def _book(
    conn: Connection,
    year: BookYear,
    read: YearRead,
    division: Division,
    accounts: Mapping[str, UUID],
    *,
    now: datetime,
) -> None:
    """Close income and expense into the year's surplus, then give it away: funds, and each member's part."""
    cooperative_id = read.rules.cooperative_id
    reference = {"cooperative_id": str(cooperative_id), "surplus_year": str(year.year)}

    def transfer(name: str, legs: Sequence[Leg], reason: str, at: datetime) -> Transfer:
        return Transfer(uuid5(cooperative_id, f"surplus:{year.year}:{name}"), tuple(legs), reason, at, reference)

    undivided = accounts[UNDIVIDED]
    moved = [account for account in read.moved if account.credit_minor]
    closing = [_opposite(account.account_id, account.credit_minor) for account in moved]
    if division.surplus_minor:
        closing.append(_opposite(undivided, -division.surplus_minor))
    transfers = []
    if closing:
        transfers.append(transfer("close", closing, "year_closed", year.ends_at - timedelta(microseconds=1)))
    if division.surplus_minor < 0:
        loss_minor = -division.surplus_minor
        legs = [debit(accounts[RESERVE_CODE], loss_minor), credit(undivided, loss_minor)]
        transfers.append(transfer("loss", legs, "loss_met_from_reserve", now))
    funds = [credit(accounts[FUND_CODES[POOLS[name]]], amount) for name, amount in division.funds.items() if amount > 0]
    if funds:
        legs = [debit(undivided, sum(leg.amount_minor for leg in funds)), *funds]
        transfers.append(transfer("funds", legs, "surplus_divided", now))
    if transfers:
        await books.post(conn, *transfers, short={})
    paid = [share for share in division.shares if share.total_minor > 0]
    payable = await store.payable_accounts(conn, cooperative_id, [share.member_id for share in paid], now=now)
    for number, first in enumerate(range(0, len(paid), LEGS_MAX)):
        some = paid[first : first + LEGS_MAX]
        legs = [
            debit(undivided, sum(share.total_minor for share in some)),
            *(credit(payable[share.member_id], share.total_minor) for share in some),
        ]
        await books.post(conn, transfer(f"members:{number}", legs, "surplus_divided", now), short={})


def _opposite(account_id: UUID, credit_minor: int) -> Leg:
    """What takes a movement back."""
    return debit(account_id, credit_minor) if credit_minor > 0 else credit(account_id, -credit_minor)
