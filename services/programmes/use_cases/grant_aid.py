"""Enter aid in the register: at once when it is small, by a second officer when it is not."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.programmes.domain.indicators import AID_RECIPIENTS, AID_VALUE, Contribution
from services.programmes.domain.officer import Officer
from services.programmes.domain.problems import (
    AidDecided,
    AidNotFound,
    NotToYourself,
    SecondPersonNeeded,
    ShopNotOfPerson,
)
from services.programmes.store import aids
from services.programmes.use_cases.count_facts import count_facts
from services.programmes.use_cases.plan_training import require_region
from services.programmes.use_cases.rules_in_force import RULES
from shared import outbox
from shared.calendar import day_of
from shared.contracts.programmes import AidGranted
from shared.db import Connection
from shared.sql import Row


@dataclass(frozen=True, slots=True)
class ProposeAid:
    """What of which programme for whom."""

    aid_id: UUID
    programme: str
    year: int
    person_id: UUID
    shop_id: UUID | None
    kind: str
    amount_minor: int
    currency: str
    region_code: str


async def propose_aid(conn: Connection, command: ProposeAid, officer: Officer, *, by: UUID, now: datetime) -> Row:
    """The entry: granted when it is within the limit of one officer, else proposed.

    Raises Forbidden, RegionNotFound, ShopNotOfPerson, AidTwice, NotToYourself.
    """
    require_region(officer, command.region_code)
    if command.shop_id is not None and not await aids.is_shop_of(conn, command.shop_id, command.person_id):
        raise ShopNotOfPerson
    limit_minor = RULES.in_force("aid", day_of(now)).whole("second_person_above_minor")
    needs_second = command.amount_minor > limit_minor
    state = "proposed" if needs_second else "granted"
    await aids.insert_aid(conn, **asdict(command), state=state, needs_second=needs_second, proposed_by=by, now=now)
    row = await aids.aid_for(conn, command.aid_id, officer)
    assert row is not None, "an entry that was just made is there"
    if not needs_second:
        await _granted(conn, row, now)
    return row


async def decide_aid(
    conn: Connection, *, aid_id: UUID, is_granted: bool, officer: Officer, by: UUID, now: datetime
) -> Row:
    """The entry as decided. Raises AidNotFound, AidDecided, SecondPersonNeeded, NotToYourself."""
    row = await aids.decide(conn, aid_id, officer, state="granted" if is_granted else "refused", by=by, now=now)
    if row is None:
        raise _reason(await aids.aid_for(conn, aid_id, officer), by)
    if is_granted:
        await _granted(conn, row, now)
    return row


def _reason(row: Row | None, by: UUID) -> Exception:
    if row is None:
        return AidNotFound()
    if row["state"] != "proposed":
        return AidDecided()
    return NotToYourself() if row["person_id"] == by else SecondPersonNeeded()


async def _granted(conn: Connection, row: Row, now: datetime) -> None:
    aid: dict[str, Any] = {name: row[name] for name in ("aid_id", "person_id", "shop_id", "kind", "amount_minor")}
    outbox.append(conn, AidGranted(**aid, currency=row["currency"], region_code=row["region_code"], granted_at=now))
    await count_facts(
        conn,
        [
            Contribution(AID_RECIPIENTS, row["person_id"], row["region_code"], now),
            Contribution(AID_VALUE, row["person_id"], row["region_code"], now, row["amount_minor"]),
        ],
        now=now,
    )
