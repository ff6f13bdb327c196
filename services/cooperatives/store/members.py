"""Applications, members, the register, and codes that join a membership to an account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.cooperatives.domain.cooperative import EndReason, Member, MemberState
from services.cooperatives.domain.problems import (
    ApplicationNotFound,
    AppliedAlready,
    LinkCodeRefused,
    LinkedAlready,
    MemberNotFound,
)
from services.cooperatives.store.named import money, queries, refusing
from shared.db import Connection
from shared.sql import Row


@dataclass(frozen=True, slots=True)
class NewApplication:
    """An application as it is written down."""

    application_id: UUID
    cooperative_id: UUID
    account_id: UUID | None
    name: str
    phone: str | None
    identity_hash: bytes | None
    region_code: str
    entered_by: UUID


@dataclass(frozen=True, slots=True)
class Application:
    """An application for which an officer decides."""

    account_id: UUID | None
    name: str
    phone: str | None
    identity_hash: bytes | None
    region_code: str
    is_waiting: bool


@dataclass(frozen=True, slots=True)
class NewMember:
    """A candidate as written down."""

    member_id: UUID
    account_id: UUID | None
    name: str
    phone: str | None
    identity_hash: bytes | None
    region_code: str


async def insert_application(conn: Connection, application: NewApplication, *, now: datetime) -> None:
    """Write an application down. Raises AppliedAlready."""
    with refusing():
        count = await queries.insert_application.run(
            conn,
            application_id=application.application_id,
            cooperative_id=application.cooperative_id,
            account_id=application.account_id,
            name=application.name,
            phone=application.phone,
            identity_hash=application.identity_hash,
            region_code=application.region_code,
            entered_by=application.entered_by,
            applied_at=now,
        )
    if count == 0:
        raise AppliedAlready


async def lock_application(conn: Connection, cooperative_id: UUID, application_id: UUID) -> Application:
    """An application of this cooperative, locked. Raises ApplicationNotFound."""
    row = await queries.lock_application.row(conn, application_id=application_id, cooperative_id=cooperative_id)
    if row is None:
        raise ApplicationNotFound
    return Application(
        row["account_id"],
        row["name"] or "",
        row["phone"],
        row["identity_hash"],
        row["region_code"],
        row["state"] == "waiting",
    )


async def decide_application(
    conn: Connection, application_id: UUID, *, member_id: UUID | None, by: UUID, at: datetime
) -> None:
    """Approved when there is a member of it, else rejected; under its lock. Raises NeedsAnotherPerson."""
    with refusing():
        await queries.decide_application.run(
            conn, application_id=application_id, member_id=member_id, decided_by=by, decided_at=at
        )


async def applications(
    conn: Connection, cooperative_id: UUID, *, state: str | None, after: UUID | None, most: int
) -> list[Row]:
    """Applications of a cooperative; for its officers."""
    return await queries.applications.rows(conn, cooperative_id=cooperative_id, state=state, after=after, most=most)


async def insert_members(
    conn: Connection, cooperative_id: UUID, members: Sequence[NewMember], *, is_founder: bool, by: UUID, now: datetime
) -> None:
    """New candidates. Raises AppliedAlready."""
    with refusing(members_account_is_one_member=AppliedAlready):
        await queries.insert_members.run(
            conn,
            cooperative_id=cooperative_id,
            member_ids=[member.member_id for member in members],
            account_ids=[member.account_id for member in members],
            names=[member.name for member in members],
            phones=[member.phone for member in members],
            identity_hashes=[member.identity_hash for member in members],
            region_codes=[member.region_code for member in members],
            is_founder=is_founder,
            approved_by=by,
            approved_at=now,
        )


def member_of(row: Row) -> Member:
    """The member in a row."""
    return Member(
        row["member_id"],
        row["cooperative_id"],
        MemberState(row["state"]),
        row["account_id"],
        row["region_code"],
        row["register_number"],
    )


async def lock_member(conn: Connection, cooperative_id: UUID, member_id: UUID) -> Member:
    """A member of this cooperative, locked. Raises MemberNotFound."""
    row = await queries.lock_member.row(conn, member_id=member_id, cooperative_id=cooperative_id)
    if row is None:
        raise MemberNotFound
    return member_of(row)


async def admit(conn: Connection, member: Member, *, by: UUID, at: datetime) -> int:
    """Enter a candidate in the register, under the locks of cooperative and member; the number."""
    row = await queries.next_register_number.row(conn, cooperative_id=member.cooperative_id, admissions=1)
    assert row is not None
    number = int(row["admitted"])
    await queries.admit_member.run(conn, member_id=member.member_id, register_number=number, admitted_at=at)
    await _enter(conn, member, row["register_position"], "admitted", None, by=by, at=at)
    return number


async def change_state(conn: Connection, member: Member, state: MemberState, *, by: UUID, at: datetime) -> None:
    """Suspend a member or let them resume, with a line in the register; under both locks."""
    await queries.set_member_state.run(conn, member_id=member.member_id, state=state.value)
    row = await queries.next_register_number.row(conn, cooperative_id=member.cooperative_id, admissions=0)
    assert row is not None
    change = "suspended" if state is MemberState.SUSPENDED else "resumed"
    await _enter(conn, member, row["register_position"], change, None, by=by, at=at)


async def end_member(conn: Connection, member: Member, reason: EndReason, *, by: UUID, at: datetime) -> None:
    """The membership is over; who was in the register gets a line there. Under both locks."""
    await queries.end_member.run(conn, member_id=member.member_id, reason=reason.value, ended_at=at)
    if member.register_number is not None:
        row = await queries.next_register_number.row(conn, cooperative_id=member.cooperative_id, admissions=0)
        assert row is not None
        await _enter(conn, member, row["register_position"], "ended", reason, by=by, at=at)


async def _enter(
    conn: Connection, member: Member, position: int, change: str, reason: EndReason | None, *, by: UUID, at: datetime
) -> None:
    await queries.insert_register_entry.run(
        conn,
        cooperative_id=member.cooperative_id,
        position=position,
        member_id=member.member_id,
        change=change,
        reason=None if reason is None else reason.value,
        entered_by=by,
        entered_at=at,
    )


async def members(
    conn: Connection,
    cooperative_id: UUID,
    *,
    member_id: UUID | None = None,
    state: str | None = None,
    part: str | None = None,
    after: UUID | None = None,
    most: int = 1,
) -> list[Row]:
    """Members with what they saved."""
    return await queries.members.rows(
        conn, cooperative_id=cooperative_id, member_id=member_id, state=state, part=part, after=after, most=most
    )


async def memberships(conn: Connection, account_id: UUID) -> list[Row]:
    """A person's own memberships."""
    return await queries.memberships.rows(conn, account_id=account_id)


async def register(conn: Connection, cooperative_id: UUID, *, after: int, most: int) -> list[Row]:
    """Lines of the register."""
    return await queries.register.rows(conn, cooperative_id=cooperative_id, after=after, most=most)


async def dues(
    conn: Connection,
    cooperative_id: UUID,
    *,
    month: date,
    is_behind: bool,
    member_id: UUID | None = None,
    after: int | None = None,
    most: int = 1,
) -> list[Row]:
    """What members owe of the mandatory savings and have paid, up to and including a month."""
    return await queries.dues.rows(
        conn,
        cooperative_id=cooperative_id,
        month=month,
        is_behind=is_behind,
        member_id=member_id,
        after=after,
        most=most,
    )


async def insert_link_code(
    conn: Connection, member_id: UUID, code_hash: bytes, *, by: UUID, now: datetime, until: datetime
) -> None:
    """A code for a member; the one before it ends."""
    await queries.end_link_code.run(conn, member_id=member_id)
    await queries.insert_link_code.run(
        conn, member_id=member_id, code_hash=code_hash, made_by=by, made_at=now, expires_at=until
    )


async def use_link_code(conn: Connection, code_hash: bytes, account_id: UUID, *, now: datetime) -> Member:
    """The member of a code, joined to the account from now on. Raises LinkCodeRefused, LinkedAlready."""
    member_id = await queries.member_of_link_code.value(conn, code_hash=code_hash)
    if member_id is None:
        raise LinkCodeRefused
    row = await queries.lock_any_member.row(conn, member_id=member_id)
    assert row is not None
    if await queries.use_link_code.run(conn, code_hash=code_hash, used_by=account_id, used_at=now) == 0:
        raise LinkCodeRefused
    with refusing():
        if await queries.link_member.run(conn, member_id=member_id, account_id=account_id) == 0:
            raise LinkedAlready
    return member_of(row)


async def members_of_accounts(conn: Connection, account_ids: Sequence[UUID]) -> list[UUID]:
    """Every membership of these people."""
    return [row["member_id"] for row in await queries.members_of_account.rows(conn, account_ids=list(account_ids))]


async def forget_person(conn: Connection, account_id: UUID, *, erased_at: datetime) -> None:
    """Memberships lose the account, ended ones also the name when nothing is owed; applications and offices end."""
    await queries.forget_officers.run(conn, account_id=account_id, erased_at=erased_at)
    rows = await queries.forget_members.rows(conn, account_id=account_id)
    await queries.forget_applications.run(conn, account_id=account_id, erased_at=erased_at)
    for row in rows:
        await money.erase_paid_out.run(conn, member_id=row["member_id"])
