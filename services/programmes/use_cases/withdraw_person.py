"""Take somebody off a training; who waits longest gets the seat."""

from datetime import datetime
from uuid import UUID

from services.programmes.domain.problems import EnrolmentClosed, EnrolmentNotFound
from services.programmes.domain.training import State
from services.programmes.store import trainings
from shared.db import Connection


async def withdraw_person(conn: Connection, *, enrolment_id: UUID, person_id: UUID, now: datetime) -> None:
    """Their own enrolment only. Raises EnrolmentNotFound, EnrolmentClosed."""
    training_id = await trainings.training_of(conn, enrolment_id, person_id)
    if training_id is None:
        raise EnrolmentNotFound
    training = await trainings.lock(conn, training_id)
    enrolment = (await trainings.lock_enrolments(conn, training, [enrolment_id]))[enrolment_id]
    if enrolment.state not in (State.WAITING, State.ENROLLED):
        raise EnrolmentClosed
    await trainings.change(conn, {enrolment_id: State.WITHDRAWN}, now=now)
    await fill_seats(conn, training_id, freed=int(enrolment.state is State.ENROLLED), now=now)


async def fill_seats(conn: Connection, training_id: UUID, *, freed: int, now: datetime) -> None:
    """Seats were given back: those who wait longest move up. The training is locked."""
    training = await trainings.lock(conn, training_id)
    taken = training.taken - freed
    promoted = await trainings.next_in_queue(conn, training, training.capacity - taken)
    await trainings.change(conn, dict.fromkeys(promoted, State.ENROLLED), now=now)
    await trainings.set_taken(conn, training, taken + len(promoted))
