"""The queries of what others say of people: members of cooperatives, holders of certificates; and the badges of it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from services.catalog.store import queries
from shared.contracts.cooperatives import MemberFact
from shared.contracts.programmes import CertificateIssued, CertificateRevoked
from shared.db import Connection


async def lock_people(conn: Connection, account_ids: Iterable[UUID]) -> None:
    """The first lock that a transaction takes, when it joins people and shops."""
    await queries.lock_people.run(conn, account_ids=list(account_ids))


async def record_members(conn: Connection, events: Sequence[MemberFact], *, is_member: bool) -> list[UUID]:
    """Who is, or is no longer, a member; the accounts that it concerns."""
    known = [(each, each.account_id) for each in events if each.account_id is not None]
    await queries.record_members.run(
        conn,
        is_member=is_member,
        member_ids=[each.member_id for each, _ in known],
        cooperative_ids=[each.cooperative_id for each, _ in known],
        account_ids=[account_id for _, account_id in known],
    )
    return [account_id for _, account_id in known]


async def is_member(conn: Connection, account_id: UUID, cooperative_id: UUID) -> bool:
    """Whether we have heard that they were admitted, and not that they left."""
    found = await queries.is_member.value(conn, account_id=account_id, cooperative_id=cooperative_id)
    return found is True


async def record_certificates(conn: Connection, events: Sequence[CertificateIssued]) -> None:
    """Certificates that people hold."""
    await queries.record_certificates.run(
        conn,
        certificate_ids=[each.certificate_id for each in events],
        person_ids=[each.person_id for each in events],
        schemes=[each.scheme for each in events],
        expires_ats=[each.expires_at for each in events],
    )


async def record_revocations(conn: Connection, events: Sequence[CertificateRevoked]) -> None:
    """Certificates that count no more."""
    await queries.record_revocations.run(
        conn,
        certificate_ids=[each.certificate_id for each in events],
        person_ids=[each.person_id for each in events],
        schemes=[each.scheme for each in events],
        revoked_ats=[each.revoked_at for each in events],
    )


async def schemes_of_shop(conn: Connection, shop_id: UUID, *, now: datetime) -> set[str]:
    """What somebody who works in the shop holds a living certificate of."""
    rows = await queries.schemes_of_shop.rows(conn, shop_id=shop_id, now=now)
    return {row["scheme"] for row in rows}


async def refresh_badges(conn: Connection, shop_ids: Iterable[UUID]) -> None:
    """What these shops show, from the facts. They are locked."""
    await queries.refresh_badges.run(conn, shop_ids=list(shop_ids))


async def refresh_badges_of(conn: Connection, account_ids: Iterable[UUID]) -> None:
    """Of all shops in which these people work. The people are locked."""
    rows = await queries.lock_shops_worked_in.rows(conn, account_ids=list(account_ids))
    await refresh_badges(conn, [row["shop_id"] for row in rows])


async def forget(conn: Connection, account_id: UUID) -> None:
    """Somebody left."""
    await queries.forget_standing.run(conn, account_id=account_id)
