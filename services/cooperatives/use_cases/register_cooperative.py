"""Register a cooperative with its founders and its first officers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.cooperatives import store
from services.cooperatives.domain.chart import Place, chart_on
from services.cooperatives.domain.cooperative import ACTING, Cooperative, Role
from services.cooperatives.domain.governance import are_enough_founders
from services.cooperatives.domain.identity import identity_hash
from services.cooperatives.domain.problems import AccountGone, TooFewFounders, UnknownRegion
from services.cooperatives.domain.rulebook import RULES
from services.cooperatives.settings import CooperativesSettings
from services.cooperatives.store.members import NewMember
from shared import outbox, regions
from shared.calendar import day_of
from shared.db import Connection
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Founder:
    """One of those who found it: the first members, who owe their principal savings like everybody."""

    name: str
    account_id: UUID | None
    phone: str | None
    identity_number: str | None
    region_code: str | None


@dataclass(frozen=True, slots=True)
class RegisterCooperative:
    """What is registered by whom; offices by account. Whoever registers without an office becomes its chair."""

    cooperative: Cooperative
    mandatory_savings_minor: int
    founders: Sequence[Founder]
    offices: Sequence[tuple[UUID, Role]]
    by: UUID


async def register_cooperative(conn: Connection, command: RegisterCooperative, *, now: datetime) -> list[UUID]:
    """The founders' member ids, in their order.

    Raises TooFewFounders, UnknownRegion, NumberTaken, OfficeTaken, AppliedAlready, IdentityNumberRefused, AccountGone.
    """
    cooperative = command.cooperative
    today = day_of(now)
    founders = [_founder(conn, cooperative, founder) for founder in command.founders]
    if not are_enough_founders(RULES, cooperative.kind, _different(command.founders), on=today):
        raise TooFewFounders
    for code in {cooperative.region_code, *(founder.region_code for founder in founders)}:
        if regions.find(code) is None:
            raise UnknownRegion(code)
    offices = list(command.offices)
    if command.by not in {account_id for account_id, _ in offices}:
        offices.append((command.by, Role.CHAIR))
    people = {account_id for account_id, _ in offices} | {f.account_id for f in founders if f.account_id}
    if await store.erased_among(conn, people):
        raise AccountGone
    if not any(role in ACTING for _, role in offices):
        offices = [(a, Role.CHAIR if a == command.by else role) for a, role in offices]
    await store.insert_cooperative(
        conn,
        cooperative,
        monthly_minor=command.mandatory_savings_minor,
        from_month=today.replace(day=1),
        registered_by=command.by,
    )
    await store.insert_officers(conn, cooperative.cooperative_id, offices, by=command.by, now=now)
    await store.insert_members(conn, cooperative.cooperative_id, founders, is_founder=True, by=command.by, now=now)
    lines = [line.code for line in chart_on(today).values() if not line.is_per_member]
    await store.accounts(conn, [Place(cooperative.cooperative_id, code) for code in lines], on=today)
    outbox.append(conn, cooperative.as_registered_event())
    return [founder.member_id for founder in founders]


def _founder(conn: Connection, cooperative: Cooperative, founder: Founder) -> NewMember:
    settings: CooperativesSettings = conn.settings
    key = settings.members_key.get_secret_value()
    return NewMember(
        new_id(),
        founder.account_id,
        founder.name,
        founder.phone,
        identity_hash(key, founder.identity_number, cooperative.kind),
        founder.region_code or cooperative.region_code,
    )


def _different(founders: Sequence[Founder]) -> int:
    """How many different ones: by identity number, else by account, else by name."""
    return len({f.identity_number or f.account_id or f.name.casefold() for f in founders})
