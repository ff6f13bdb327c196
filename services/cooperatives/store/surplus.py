"""The only caller of surplus.sql: the books of a year, what counts of each member, and the division that was made.

Sets, never members one by one: a cooperative may have a hundred thousand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from services.cooperatives.domain.allocation import PAYABLE_TO_MEMBER
from services.cooperatives.domain.book_year import BookYear
from services.cooperatives.domain.chart import MANDATORY, PRINCIPAL, VOLUNTARY, Place, line_of
from services.cooperatives.domain.cooperative import CapitalBase
from services.cooperatives.domain.division import Division
from services.cooperatives.domain.meeting_problems import DividedAlready, SurplusNotFound, YearDivided
from services.cooperatives.domain.problems import MemberNotFound
from shared import ledger, sql
from shared.calendar import day_of
from shared.db import Connection
from shared.sql import Row

queries = sql.load(str(Path(__file__).parent), "surplus.sql")

OPENED_AT_ONCE = 5_000
BASE_CODES = {
    CapitalBase.PRINCIPAL_AND_MANDATORY: (PRINCIPAL, MANDATORY),
    CapitalBase.ALL_SAVINGS: (PRINCIPAL, MANDATORY, VOLUNTARY),
}


@dataclass(frozen=True, slots=True)
class Moved:
    """What an account of income or expense did in a year; expenses count below nothing."""

    account_id: UUID
    code: str
    credit_minor: int


async def movements_of_year(conn: Connection, cooperative_id: UUID, year: BookYear) -> list[Moved]:
    """Per account of income and expense; their sum is the surplus of the year."""
    rows = await queries.movements_of_year.rows(
        conn, cooperative_id=cooperative_id, begins_at=year.begins_at, ends_at=year.ends_at
    )
    return [Moved(row["account_id"], row["code"], row["credit_minor"]) for row in rows]


async def bases_of_members(
    conn: Connection, cooperative_id: UUID, year: BookYear, base: CapitalBase
) -> list[tuple[UUID, int, int]]:
    """(member, savings, dealings) of everybody who is a member when the year ends, in the order of their ids."""
    rows = await queries.bases_of_members.rows(
        conn,
        cooperative_id=cooperative_id,
        ends_at=year.ends_at,
        first_day=year.first_day,
        last_day=year.last_day,
        codes=list(BASE_CODES[base]),
    )
    return [(row["member_id"], row["savings_minor"], row["dealings_minor"]) for row in rows]


async def carried_motions(conn: Connection, cooperative_id: UUID, year: int, kind: str) -> list[Row]:
    """What closed annual meetings with quorum decided about the year, the latest first."""
    return await queries.carried_motions.rows(conn, cooperative_id=cooperative_id, year=year, kind=kind)


async def lock_year(conn: Connection, cooperative_id: UUID, year: int) -> None:
    """One at a time, for minutes if need be: who comes second computes nothing before it knows what the first did."""
    await queries.allow_time.run(conn)
    await queries.lock_year.run(conn, cooperative_id=cooperative_id, year=year)


async def require_open(conn: Connection, cooperative_id: UUID, day: date) -> None:
    """Raise YearDivided when the book year of this day is divided; it will not be until this transaction ends."""
    row = await queries.share_year_of_day.row(conn, cooperative_id=cooperative_id, day=day)
    if row is not None and await is_divided(conn, cooperative_id, row["year"]):
        raise YearDivided


async def claim_year(
    conn: Connection,
    cooperative_id: UUID,
    year: int,
    division: Division,
    *,
    motion_id: UUID,
    base: CapitalBase,
    by: UUID,
    now: datetime,
) -> None:
    """Write the division down, with its members' lines. Raises DividedAlready."""
    try:
        await queries.claim_year.run(
            conn,
            cooperative_id=cooperative_id,
            year=year,
            motion_id=motion_id,
            surplus_minor=division.surplus_minor,
            allocation=dict(division.allocation),
            rounding=division.rounding.value,
            capital_base=base.value,
            savings_total_minor=division.savings_total_minor,
            dealings_total_minor=division.dealings_total_minor,
            members_minor=division.members_minor,
            members=len(division.shares),
            funds=dict(division.funds),
            undistributed_minor=division.undistributed_minor,
            distributed_by=by,
            distributed_at=now,
        )
    except asyncpg.UniqueViolationError as error:
        raise DividedAlready from error
    await queries.insert_shares.run(
        conn,
        cooperative_id=cooperative_id,
        year=year,
        member_ids=[share.member_id for share in division.shares],
        savings=[share.savings_minor for share in division.shares],
        dealings=[share.dealings_minor for share in division.shares],
        capital=[share.capital_minor for share in division.shares],
        service=[share.service_minor for share in division.shares],
    )


async def payable_accounts(
    conn: Connection, cooperative_id: UUID, member_ids: Sequence[UUID], *, now: datetime
) -> dict[UUID, UUID]:
    """What is owed to each of these members of surplus (2103): their accounts, opened where there is none."""
    rows = await queries.member_accounts.rows(
        conn, cooperative_id=cooperative_id, code=PAYABLE_TO_MEMBER, member_ids=list(member_ids)
    )
    found = {row["member_id"]: row["ledger_account_id"] for row in rows}
    line = line_of(PAYABLE_TO_MEMBER, day_of(now))
    missing = [member_id for member_id in member_ids if member_id not in found]
    for first in range(0, len(missing), OPENED_AT_ONCE):
        some = missing[first : first + OPENED_AT_ONCE]
        places = {member_id: Place(cooperative_id, PAYABLE_TO_MEMBER, member_id) for member_id in some}
        opened = await ledger.open_accounts(conn, [place.as_account(line) for place in places.values()])
        accounts = {member_id: opened[place.name] for member_id, place in places.items()}
        await queries.insert_member_accounts.run(
            conn,
            cooperative_id=cooperative_id,
            code=PAYABLE_TO_MEMBER,
            ledger_account_ids=list(accounts.values()),
            member_ids=list(accounts),
        )
        found |= accounts
    return found


async def run_of_year(conn: Connection, cooperative_id: UUID, year: int) -> Row:
    """How a year was divided. Raises SurplusNotFound."""
    row = await queries.run_of_year.row(conn, cooperative_id=cooperative_id, year=year)
    if row is None:
        raise SurplusNotFound
    return row


async def is_divided(conn: Connection, cooperative_id: UUID, year: int) -> bool:
    """Whether a year was divided."""
    return await queries.run_of_year.row(conn, cooperative_id=cooperative_id, year=year) is not None


async def standing(conn: Connection, cooperative_id: UUID, year: int) -> Row:
    """Which closed meeting with quorum was about the year, and whether its surplus is divided."""
    row = await queries.standing_of_year.row(conn, cooperative_id=cooperative_id, year=year)
    assert row is not None
    return row


async def shares_of_year(
    conn: Connection, cooperative_id: UUID, year: int, *, after: UUID | None, limit: int
) -> list[Row]:
    """Members' lines by id."""
    return await queries.shares_of_year.rows(conn, cooperative_id=cooperative_id, year=year, after=after, limit=limit)


async def shares_of_account(conn: Connection, cooperative_id: UUID, year: int, account_id: UUID) -> list[Row]:
    """The caller's own lines. Raises SurplusNotFound when there is none."""
    rows = await queries.shares_of_account.rows(conn, cooperative_id=cooperative_id, year=year, account_id=account_id)
    if not rows:
        raise SurplusNotFound
    return rows


async def require_member_or_officer(conn: Connection, cooperative_id: UUID, member_id: UUID, account_id: UUID) -> int:
    """The last month of the cooperative's book year, to the member and to officers. Raises MemberNotFound."""
    row = await queries.member_or_officer.row(
        conn, cooperative_id=cooperative_id, member_id=member_id, account_id=account_id
    )
    if row is None:
        raise MemberNotFound
    return int(row["book_year_end_month"])
