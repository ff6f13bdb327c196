"""Join a membership that has no account to one: an officer hands out a code, the person types it."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from services.cooperatives import store
from services.cooperatives.domain.cooperative import Member, MemberState
from services.cooperatives.domain.identity import link_code_hash
from services.cooperatives.domain.problems import AccountGone, LinkedAlready
from services.cooperatives.settings import CooperativesSettings
from shared import outbox
from shared.contracts.cooperatives import MemberLinked
from shared.db import Connection

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is taken for another
LETTERS = 12


async def make_link_code(
    conn: Connection, cooperative_id: UUID, member_id: UUID, *, by: UUID, now: datetime
) -> tuple[str, datetime]:
    """A new code and until when it may be used; it is shown this once.

    Raises CooperativeNotFound, NotYourTask, MemberNotFound, NotInThisState, LinkedAlready.
    """
    officer = await store.lock_as_officer(conn, cooperative_id, by)
    officer.require()
    member = await store.lock_member(conn, cooperative_id, member_id)
    member.require(MemberState.CANDIDATE, MemberState.ACTIVE, MemberState.SUSPENDED)
    if member.account_id is not None:
        raise LinkedAlready
    settings: CooperativesSettings = conn.settings
    code = "".join(secrets.choice(ALPHABET) for _ in range(LETTERS))
    until = now + timedelta(seconds=settings.link_code_seconds)
    hashed = link_code_hash(settings.members_key.get_secret_value(), code)
    await store.insert_link_code(conn, member_id, hashed, by=by, now=now, until=until)
    return "-".join((code[:4], code[4:8], code[8:])), until


async def link_account(conn: Connection, code: str, account_id: UUID, *, now: datetime) -> Member:
    """The membership of a code, now the account's. Raises LinkCodeRefused, LinkedAlready, AccountGone."""
    if await store.erased_among(conn, [account_id]):
        raise AccountGone
    settings: CooperativesSettings = conn.settings
    hashed = link_code_hash(settings.members_key.get_secret_value(), code)
    member = await store.use_link_code(conn, hashed, account_id, now=now)
    if member.register_number is not None:
        outbox.append(
            conn,
            MemberLinked(
                cooperative_id=member.cooperative_id,
                member_id=member.member_id,
                account_id=account_id,
                region_code=member.region_code,
                linked_at=now,
            ),
        )
    return member
