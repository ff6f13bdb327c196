"""Announce a training."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from services.programmes.domain.officer import Officer
from services.programmes.domain.problems import DaysOutOfOrder, RegionNotFound
from services.programmes.store import trainings
from shared import regions
from shared.db import Connection
from shared.problems import Forbidden


@dataclass(frozen=True, slots=True)
class PlanTraining:
    """What is taught where, by whom, to how many."""

    training_id: UUID
    title: str
    scheme: str
    region_code: str
    starts_on: date
    ends_on: date
    capacity: int
    provider: str
    skkni_number: str | None
    validity_months: int


async def plan_training(conn: Connection, command: PlanTraining, officer: Officer, *, by: UUID, now: datetime) -> None:
    """It is open to anybody from now on. Raises Forbidden outside of the officer's regions, RegionNotFound."""
    require_region(officer, command.region_code)
    if command.ends_on < command.starts_on:
        raise DaysOutOfOrder
    await trainings.insert_training(conn, **asdict(command), created_by=by, now=now)


def require_region(officer: Officer, region_code: str) -> None:
    """Raise RegionNotFound when there is no such region, Forbidden when the officer does not act for it."""
    region = regions.find(region_code)
    if region is None or region.level > regions.Level.REGENCY:
        raise RegionNotFound
    if not officer.acts_for(region_code):
        raise Forbidden
