"""The queries of trainings, of who takes part, and of attendance."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.programmes.domain.officer import Officer
from services.programmes.domain.problems import EnrolledAlready, TrainingNotFound
from services.programmes.domain.training import Enrolment, State, Training
from services.programmes.store.named import queries, rights
from shared.db import Connection
from shared.sql import Row


async def insert_training(conn: Connection, **values: Any) -> None:
    """A new training; `values` are the parameters of insert_training."""
    await queries.insert_training.run(conn, **values)


async def training(conn: Connection, training_id: UUID) -> Row | None:
    """What anybody may know of a training."""
    return await queries.training.row(conn, training_id=training_id)


async def trainings(
    conn: Connection, *, region: str | None, scheme: str | None, after: tuple[date, UUID], limit: int
) -> list[Row]:
    """A page of trainings, the youngest first."""
    return await queries.trainings.rows(
        conn, region=region, scheme=scheme, after_on=after[0], after_id=after[1], limit=limit
    )


def _training(row: Row | None) -> Training:
    if row is None:
        raise TrainingNotFound
    return Training(**row)


async def lock(conn: Connection, training_id: UUID) -> Training:
    """The training, locked, for who takes part. Raises TrainingNotFound."""
    return _training(await queries.lock_training.row(conn, training_id=training_id))


async def lock_as(conn: Connection, training_id: UUID, officer: Officer) -> Training:
    """The training, locked, for an officer of its region. Raises TrainingNotFound for everybody else."""
    return _training(await queries.lock_training_as.row(conn, training_id=training_id, **rights(officer)))


async def lock_many(conn: Connection, training_ids: list[UUID]) -> None:
    """Lock trainings; `training_ids` come sorted."""
    await queries.lock_trainings.run(conn, training_ids=training_ids)


async def lock_people(conn: Connection, person_ids: list[UUID]) -> None:
    """The first lock of who takes part or is forgotten; ids come sorted."""
    await queries.lock_people.run(conn, person_ids=person_ids)


async def remember_erased(conn: Connection, person_id: UUID, *, erased_at: datetime) -> None:
    """This person takes part in nothing any more."""
    await queries.remember_erased.run(conn, person_id=person_id, erased_at=erased_at)


async def is_erased(conn: Connection, person_id: UUID) -> bool:
    """Whether the person was forgotten; they are locked."""
    return bool(await queries.is_erased.value(conn, person_id=person_id))


async def set_taken(conn: Connection, training: Training, taken: int) -> None:
    """How many seats are taken now."""
    await queries.set_taken.run(conn, training_id=training.training_id, taken=taken)


async def insert_enrolment(
    conn: Connection, *, enrolment_id: UUID, training_id: UUID, person_id: UUID, name: str, state: State, now: datetime
) -> None:
    """Somebody comes, or waits. Raises EnrolledAlready."""
    try:
        await queries.insert_enrolment.run(
            conn,
            enrolment_id=enrolment_id,
            training_id=training_id,
            person_id=person_id,
            name=name,
            state=state.value,
            now=now,
        )
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "enrolments_once":
            raise EnrolledAlready from error
        raise


async def training_of(conn: Connection, enrolment_id: UUID, person_id: UUID) -> UUID | None:
    """The training of a person's own enrolment."""
    found: UUID | None = await queries.training_of_enrolment.value(conn, enrolment_id=enrolment_id, person_id=person_id)
    return found


async def lock_enrolments(conn: Connection, training: Training, enrolment_ids: Iterable[UUID]) -> dict[UUID, Enrolment]:
    """Those of the training, locked after it."""
    rows = await queries.lock_enrolments.rows(conn, training_id=training.training_id, enrolment_ids=list(enrolment_ids))
    return {row["enrolment_id"]: Enrolment(row["enrolment_id"], row["person_id"], State(row["state"])) for row in rows}


async def change(conn: Connection, states: Mapping[UUID, State], *, now: datetime) -> None:
    """Give enrolments other states."""
    if states:
        await queries.change_enrolments.run(
            conn, enrolment_ids=list(states), states=[state.value for state in states.values()], now=now
        )


async def next_in_queue(conn: Connection, training: Training, seats: int) -> list[UUID]:
    """Who has waited longest, at most so many."""
    rows = await queries.next_in_queue.rows(conn, training_id=training.training_id, seats=seats)
    return [row["enrolment_id"] for row in rows]


async def enrolments_for(
    conn: Connection, training_id: UUID, officer: Officer, *, after: tuple[datetime, UUID], limit: int
) -> list[Row]:
    """Who takes part, for an officer of the region. Raises TrainingNotFound for everybody else."""
    if not await queries.has_training.value(conn, training_id=training_id, **rights(officer)):
        raise TrainingNotFound
    return await queries.enrolments_of_training.rows(
        conn, training_id=training_id, after_at=after[0], after_id=after[1], limit=limit, **rights(officer)
    )


async def enrolments_of(conn: Connection, person_id: UUID, *, after: tuple[datetime, UUID], limit: int) -> list[Row]:
    """A person's own."""
    return await queries.enrolments_of_person.rows(
        conn, person_id=person_id, after_at=after[0], after_id=after[1], limit=limit
    )


async def insert_attendances(
    conn: Connection, enrolment_ids: Iterable[UUID], *, day: date, by: UUID, now: datetime
) -> None:
    """They came on this day."""
    await queries.insert_attendances.run(conn, enrolment_ids=list(enrolment_ids), day=day, recorded_by=by, now=now)


async def days_attended(conn: Connection, enrolment_ids: Iterable[UUID]) -> dict[UUID, int]:
    """On how many days each came."""
    rows = await queries.days_attended.rows(conn, enrolment_ids=list(enrolment_ids))
    return {row["enrolment_id"]: row["days"] for row in rows}


async def trainings_of(conn: Connection, person_ids: Iterable[UUID]) -> list[UUID]:
    """Where these people take part or wait."""
    rows = await queries.trainings_of_people.rows(conn, person_ids=list(person_ids))
    return [row["training_id"] for row in rows]


async def forget_names(conn: Connection, person_id: UUID, *, now: datetime) -> list[tuple[UUID, State]]:
    """Erase the person's names and give their open seats back; (training, state before) of each enrolment."""
    rows = await queries.forget_names.rows(conn, person_id=person_id, now=now)
    return [(row["training_id"], State(row["state"])) for row in rows]
