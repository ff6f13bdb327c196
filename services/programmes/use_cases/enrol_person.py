"""Give somebody a seat in a training, or a place in its queue."""

from datetime import date, datetime
from uuid import UUID

from services.programmes.domain.problems import AccountGone, TrainingOver
from services.programmes.domain.training import State, certificate_name
from services.programmes.store import trainings
from shared.db import Connection


async def enrol_person(
    conn: Connection, *, enrolment_id: UUID, training_id: UUID, person_id: UUID, name: str, today: date, now: datetime
) -> State:
    """Enrolled while there are seats, then waiting. The training's lock decides who gets the last one.

    Raises AccountGone, TrainingNotFound, TrainingOver, EnrolledAlready, NameNotWritable.
    """
    name = certificate_name(name)
    await trainings.lock_people(conn, [person_id])
    if await trainings.is_erased(conn, person_id):
        raise AccountGone
    training = await trainings.lock(conn, training_id)
    if training.is_over(today):
        raise TrainingOver
    state = State.ENROLLED if training.free > 0 else State.WAITING
    await trainings.insert_enrolment(
        conn,
        enrolment_id=enrolment_id,
        training_id=training_id,
        person_id=person_id,
        name=name,
        state=state,
        now=now,
    )
    if state is State.ENROLLED:
        await trainings.set_taken(conn, training, training.taken + 1)
    return state
