"""Cooperatives and their offices."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from services.cooperatives.domain.cooperative import Articles, CapitalBase, Cooperative, Officer, Role
from services.cooperatives.domain.governance import Kind
from services.cooperatives.domain.problems import CooperativeNotFound
from services.cooperatives.store.named import queries, refusing
from shared.db import Connection
from shared.ids import new_id
from shared.sql import Row


async def insert_cooperative(
    conn: Connection, cooperative: Cooperative, *, monthly_minor: int, from_month: date, registered_by: UUID
) -> None:
    """A new cooperative. Raises NumberTaken."""
    articles = cooperative.articles
    with refusing():
        await queries.insert_cooperative.run(
            conn,
            cooperative_id=cooperative.cooperative_id,
            name=cooperative.name,
            kind=cooperative.kind.value,
            region_code=cooperative.region_code,
            legal_number=cooperative.legal_number,
            national_number=cooperative.national_number,
            book_year_end_month=articles.book_year_end_month,
            principal_savings_minor=articles.principal_savings_minor,
            withdrawal_limit_minor=articles.withdrawal_limit_minor,
            quorum_numerator=articles.quorum_numerator,
            quorum_denominator=articles.quorum_denominator,
            quorum_is_more_than=articles.quorum_is_more_than,
            invitation_days=articles.invitation_days,
            capital_base=articles.capital_base.value,
            registered_by=registered_by,
            registered_at=cooperative.registered_at,
            from_month=from_month,
            mandatory_savings_minor=monthly_minor,
        )


async def insert_officers(
    conn: Connection, cooperative_id: UUID, offices: Sequence[tuple[UUID, Role]], *, by: UUID, now: datetime
) -> None:
    """Give offices. Raises OfficeTaken."""
    with refusing():
        await queries.insert_officers.run(
            conn,
            cooperative_id=cooperative_id,
            officer_ids=[new_id() for _ in offices],
            account_ids=[account_id for account_id, _ in offices],
            roles=[role.value for _, role in offices],
            appointed_by=by,
            appointed_at=now,
        )


async def lock_as_officer(conn: Connection, cooperative_id: UUID, account_id: UUID) -> Officer:
    """The office of whoever asks, locked. Raises CooperativeNotFound for everybody else."""
    return _officer(await queries.lock_officer.row(conn, cooperative_id=cooperative_id, account_id=account_id))


async def as_officer(conn: Connection, cooperative_id: UUID, account_id: UUID) -> Officer:
    """The office of whoever looks. Raises CooperativeNotFound for everybody else."""
    return _officer(await queries.officer.row(conn, cooperative_id=cooperative_id, account_id=account_id))


def _officer(row: Row | None) -> Officer:
    if row is None:
        raise CooperativeNotFound
    return Officer(row["cooperative_id"], row["account_id"], Role(row["role"]))


async def lock_cooperative(conn: Connection, cooperative_id: UUID) -> None:
    """Lock it for a change of register, offices or articles, before any other lock. Raises CooperativeNotFound."""
    if await queries.lock_cooperative.row(conn, cooperative_id=cooperative_id) is None:
        raise CooperativeNotFound


async def cooperative(conn: Connection, cooperative_id: UUID) -> Cooperative:
    """A cooperative with its articles. Raises CooperativeNotFound."""
    row = await queries.cooperative.row(conn, cooperative_id=cooperative_id)
    if row is None:
        raise CooperativeNotFound
    return Cooperative(
        row["cooperative_id"],
        row["name"],
        Kind(row["kind"]),
        row["region_code"],
        row["legal_number"],
        row["national_number"],
        Articles(
            row["book_year_end_month"],
            row["principal_savings_minor"],
            row["withdrawal_limit_minor"],
            row["quorum_numerator"],
            row["quorum_denominator"],
            row["quorum_is_more_than"],
            row["invitation_days"],
            CapitalBase(row["capital_base"]),
        ),
        row["registered_at"],
    )


async def cooperatives(
    conn: Connection, *, region: str | None, part: str | None, after: UUID | None, most: int
) -> list[Row]:
    """Cooperatives of a region, or with a part of a name."""
    return await queries.cooperatives.rows(conn, region=region, part=part, after=after, most=most)


async def monthly_dues(conn: Connection, cooperative_id: UUID, month: date) -> int:
    """The mandatory savings of a month, in rupiah."""
    return int(await queries.monthly_dues.value(conn, cooperative_id=cooperative_id, month=month) or 0)


async def officers(conn: Connection, cooperative_id: UUID) -> list[Row]:
    """Who holds an office now."""
    return await queries.officers.rows(conn, cooperative_id=cooperative_id)


async def is_without_officers(conn: Connection, cooperative_id: UUID) -> bool:
    """Whether nobody is left who may act for a cooperative."""
    return await queries.acting_officer.value(conn, cooperative_id=cooperative_id) is None


async def put_dues(conn: Connection, cooperative_id: UUID, from_month: date, monthly_minor: int) -> None:
    """Another amount of mandatory savings from a month on; what was said of that month before is replaced."""
    await queries.put_dues.run(conn, cooperative_id=cooperative_id, from_month=from_month, monthly_minor=monthly_minor)


async def offices_of(conn: Connection, account_id: UUID) -> list[Row]:
    """Where the account holds an office now."""
    return await queries.offices_of_account.rows(conn, account_id=account_id)


async def end_office(conn: Connection, cooperative_id: UUID, account_id: UUID, *, at: datetime) -> bool:
    """End an office, under the cooperative's lock; False when there is none, or it is the last that acts."""
    return await queries.end_office.run(conn, cooperative_id=cooperative_id, account_id=account_id, ended_at=at) == 1


async def erase_account(conn: Connection, account_id: UUID, *, erased_at: datetime) -> None:
    """Remember that an account is to be forgotten."""
    await queries.erase_account.run(conn, account_id=account_id, erased_at=erased_at)


async def erased_among(conn: Connection, account_ids: Iterable[UUID]) -> set[UUID]:
    """Those of these accounts that are to be forgotten."""
    rows = await queries.erased_among.rows(conn, account_ids=list(account_ids))
    return {row["account_id"] for row in rows}


async def take_member_locks(conn: Connection, member_ids: list[UUID]) -> None:
    """Lock members; `member_ids` come sorted."""
    await queries.lock_members.run(conn, member_ids=member_ids)
