"""Erase the names of somebody who left, and give back the seats that they hold or wait for."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from services.programmes.domain.training import State
from services.programmes.store import trainings
from services.programmes.use_cases.withdraw_person import fill_seats
from shared.db import Connection


async def forget_person(conn: Connection, person_id: UUID, *, now: datetime) -> None:
    """What they completed stands under their id, which tells nobody anything. They and the trainings are locked."""
    await trainings.remember_erased(conn, person_id, erased_at=now)
    left = await trainings.forget_names(conn, person_id, now=now)
    freed = Counter(training_id for training_id, state in left if state is State.ENROLLED)
    for training_id in sorted(freed):
        await fill_seats(conn, training_id, freed=freed[training_id], now=now)
