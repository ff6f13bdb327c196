"""Write down who came on a day."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from services.programmes.domain.officer import Officer
from services.programmes.domain.problems import EnrolmentNotFound, NotADayOfTheTraining
from services.programmes.domain.training import State
from services.programmes.store import trainings
from shared.db import Connection


async def record_attendance(
    conn: Connection,
    *,
    training_id: UUID,
    enrolment_ids: Sequence[UUID],
    day: date,
    officer: Officer,
    by: UUID,
    today: date,
    now: datetime,
) -> None:
    """All of them or none. Raises TrainingNotFound, EnrolmentNotFound, NotADayOfTheTraining."""
    training = await trainings.lock_as(conn, training_id, officer)
    if not training.has_day(day, today=today):
        raise NotADayOfTheTraining
    found = await trainings.lock_enrolments(conn, training, enrolment_ids)
    if any(found.get(each) is None or found[each].state is not State.ENROLLED for each in enrolment_ids):
        raise EnrolmentNotFound("some of them have no seat in this training")
    await trainings.insert_attendances(conn, enrolment_ids, day=day, by=by, now=now)
