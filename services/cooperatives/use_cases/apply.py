"""Ask to become a member, for oneself, or at the office for somebody without an account."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.cooperatives import store
from services.cooperatives.domain.identity import identity_hash
from services.cooperatives.domain.problems import AccountGone, IdentityNumberRefused, UnknownRegion
from services.cooperatives.settings import CooperativesSettings
from services.cooperatives.store.members import NewApplication
from shared import regions
from shared.db import Connection


@dataclass(frozen=True, slots=True)
class Apply:
    """Who applies where. `account_id` is None for whom an officer applies."""

    application_id: UUID
    cooperative_id: UUID
    account_id: UUID | None
    name: str
    phone: str | None
    identity_number: str | None
    region_code: str | None
    by: UUID


async def apply(conn: Connection, command: Apply, *, now: datetime) -> None:
    """The application waits for an officer.

    Raises CooperativeNotFound (also for who applies for another without an office), UnknownRegion, AppliedAlready,
    IdentityNumberRefused, AccountGone.
    """
    cooperative = await store.cooperative(conn, command.cooperative_id)
    if command.account_id is None:
        (await store.lock_as_officer(conn, command.cooperative_id, command.by)).require()
        if command.identity_number is None:
            raise IdentityNumberRefused("somebody without an account is known by an identity number")
    elif await store.erased_among(conn, [command.account_id]):
        raise AccountGone
    region_code = command.region_code or cooperative.region_code
    if regions.find(region_code) is None:
        raise UnknownRegion(region_code)
    settings: CooperativesSettings = conn.settings
    hashed = identity_hash(settings.members_key.get_secret_value(), command.identity_number, cooperative.kind)
    await store.insert_application(
        conn,
        NewApplication(
            command.application_id,
            command.cooperative_id,
            command.account_id,
            command.name,
            command.phone,
            hashed,
            region_code,
            command.by,
        ),
        now=now,
    )
