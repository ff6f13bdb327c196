"""Trainings: announced by officers, taken part in by people, completed with results."""

import secrets
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from services.programmes.domain.certificate import RANDOM_BITS
from services.programmes.domain.problems import (
    AccountGone,
    DaysOutOfOrder,
    EnrolledAlready,
    EnrolmentClosed,
    EnrolmentNotFound,
    NameNotWritable,
    NotADayOfTheTraining,
    RegionNotFound,
    ResultsRefused,
    TrainingNotFound,
    TrainingNotOver,
    TrainingOver,
)
from services.programmes.domain.training import State
from services.programmes.routes.desk import (
    LAST_ID,
    NEWEST,
    OLDEST,
    Line,
    Scheme,
    id_in,
    json_answer,
    officer_of,
    page_of,
    place_of,
    today,
)
from services.programmes.store import trainings as store
from services.programmes.use_cases.complete_training import CompleteTraining, complete_training
from services.programmes.use_cases.enrol_person import enrol_person
from services.programmes.use_cases.plan_training import PlanTraining, plan_training
from services.programmes.use_cases.record_attendance import record_attendance
from services.programmes.use_cases.withdraw_person import withdraw_person
from shared import idempotency, paging, regions
from shared.auth import CurrentPerson
from shared.clock import utc_now
from shared.contracts.base import RegionCode
from shared.http import Db
from shared.idempotency import IdempotencyKey
from shared.ids import new_id
from shared.paging import Cursor, Limit
from shared.problems import Forbidden, Malformed, documented

router = APIRouter(tags=["trainings"])


class NewTraining(BaseModel):
    """A training to announce."""

    title: Line
    scheme: Scheme
    region_code: RegionCode
    starts_on: date
    ends_on: date
    capacity: int = Field(ge=1, le=100_000)
    provider: Line = Field(description="Who teaches and tests: the office, or a certification body (LSP).")
    skkni_number: Line | None = Field(default=None, description="The national standard of competence (SKKNI).")
    validity_months: int = Field(default=36, ge=1, le=600, description="How long the certificate counts.")


class TrainingMade(BaseModel):
    """The training that was announced."""

    training_id: UUID


class TrainingView(BaseModel):
    """A training."""

    training_id: UUID
    title: str
    scheme: str
    region_code: str
    region_name: str
    starts_on: date
    ends_on: date
    capacity: int
    taken: int
    provider: str
    skkni_number: str | None
    validity_months: int
    created_at: AwareDatetime


class Trainings(BaseModel):
    """A page of trainings, the youngest first."""

    items: list[TrainingView]
    next_cursor: str | None


class NewEnrolment(BaseModel):
    """Take part. The name is written on the certificate; it is kept here and nowhere else, and erased with you."""

    name: Line


class EnrolmentMade(BaseModel):
    """A seat, or a place in the queue."""

    enrolment_id: UUID
    status: Literal["enrolled", "waiting"]


class OwnEnrolment(BaseModel):
    """An enrolment of the caller."""

    enrolment_id: UUID
    training_id: UUID
    title: str
    scheme: str
    region_code: str
    starts_on: date
    ends_on: date
    status: str
    place_in_queue: int | None
    enrolled_at: AwareDatetime


class OwnEnrolments(BaseModel):
    """A page of the caller's enrolments, the youngest first."""

    items: list[OwnEnrolment]
    next_cursor: str | None


class Participant(BaseModel):
    """Who takes part, as the officer sees it."""

    enrolment_id: UUID
    person_id: UUID
    name: str | None
    status: str
    days_attended: int
    certificate_number: str | None
    enrolled_at: AwareDatetime


class Participants(BaseModel):
    """A page of who takes part, in the order of their coming."""

    items: list[Participant]
    next_cursor: str | None


class Attendance(BaseModel):
    """Who came on a day."""

    day: date
    enrolment_ids: list[UUID] = Field(min_length=1, max_length=1000)


class Result(BaseModel):
    """What became of one who took part."""

    enrolment_id: UUID
    result: Literal["passed", "failed"]


class Results(BaseModel):
    """The results of some or all."""

    results: list[Result] = Field(min_length=1, max_length=1000)


class IssuedView(BaseModel):
    """A certificate that was issued now."""

    certificate_id: UUID
    number: str
    enrolment_id: UUID


class Issued(BaseModel):
    """The certificates that came of these results; sent again, none."""

    certificates: list[IssuedView]


@router.post(
    "/trainings",
    status_code=201,
    response_model=TrainingMade,
    responses=documented(Forbidden, RegionNotFound, DaysOutOfOrder),
)
async def create_training(
    body: NewTraining, key: IdempotencyKey, person: CurrentPerson, request: Request, db: Db
) -> Response:
    """Announce a training in your region."""
    officer = officer_of(person)
    command = PlanTraining(training_id=new_id(), **body.model_dump())
    async with db.transaction() as conn:

        async def work() -> TrainingMade:
            await plan_training(conn, command, officer, by=person.id, now=utc_now())
            return TrainingMade(training_id=command.training_id)

        return await idempotency.once(conn, idempotency.Claim.of(person.id, request, key, body), work)


@router.get("/trainings", response_model=Trainings, responses=documented(Malformed))
async def list_trainings(
    db: Db,
    region: Annotated[RegionCode | None, Query(description="A province finds its regencies too.")] = None,
    scheme: Scheme | None = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """Trainings, the youngest first."""
    after = (date.max, LAST_ID)
    if cursor is not None:
        day, last_id = paging.decode(cursor, size=2)
        after = (_day(day), id_in(last_id))
    async with db.reading() as conn:
        rows = await store.trainings(conn, region=region, scheme=scheme, after=after, limit=limit + 1)
    items, next_cursor = page_of(rows, limit, "starts_on", "training_id")
    return json_answer({"items": [_view(row) for row in items], "next_cursor": next_cursor})


def _day(text: Any) -> date:
    try:
        return date.fromisoformat(text)
    except (ValueError, TypeError) as error:
        raise Malformed("the cursor is not one of this list") from error


@router.get("/trainings/{training_id}", response_model=TrainingView, responses=documented(TrainingNotFound))
async def get_training(training_id: UUID, db: Db) -> Response:
    """A training."""
    async with db.reading() as conn:
        row = await store.training(conn, training_id)
    if row is None:
        raise TrainingNotFound
    return json_answer(_view(row))


def _view(row: Any) -> dict[str, Any]:
    return {**dict(row), "region_name": regions.full_name_of(row["region_code"]) or row["region_code"]}


@router.post(
    "/trainings/{training_id}/enrolments",
    status_code=201,
    response_model=EnrolmentMade,
    responses=documented(AccountGone, TrainingNotFound, TrainingOver, EnrolledAlready, NameNotWritable, Forbidden),
)
async def create_enrolment(training_id: UUID, body: NewEnrolment, person: CurrentPerson, db: Db) -> EnrolmentMade:
    """Take part: a seat while there are some, then a place in the queue. Sent twice, the second is refused."""
    if person.kind != "person":
        raise Forbidden("only people take part")
    enrolment_id = new_id()
    async with db.transaction() as conn:
        state = await enrol_person(
            conn,
            enrolment_id=enrolment_id,
            training_id=training_id,
            person_id=person.id,
            name=body.name,
            today=today(),
            now=utc_now(),
        )
    return EnrolmentMade(enrolment_id=enrolment_id, status="enrolled" if state is State.ENROLLED else "waiting")


@router.get("/enrolments", response_model=OwnEnrolments)
async def list_own_enrolments(person: CurrentPerson, db: Db, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """The caller's own, with the place in the queue."""
    async with db.reading() as conn:
        rows = await store.enrolments_of(conn, person.id, after=place_of(cursor, NEWEST), limit=limit + 1)
    items, next_cursor = page_of(rows, limit, "enrolled_at", "enrolment_id")
    return json_answer({"items": [_status(row) for row in items], "next_cursor": next_cursor})


def _status(row: Any) -> dict[str, Any]:
    return {("status" if name == "state" else name): value for name, value in row.items()}


@router.delete("/enrolments/{enrolment_id}", status_code=204, responses=documented(EnrolmentNotFound, EnrolmentClosed))
async def delete_enrolment(enrolment_id: UUID, person: CurrentPerson, db: Db) -> None:
    """Withdraw; who waits longest gets the seat."""
    async with db.transaction() as conn:
        await withdraw_person(conn, enrolment_id=enrolment_id, person_id=person.id, now=utc_now())


@router.get(
    "/trainings/{training_id}/enrolments",
    response_model=Participants,
    responses=documented(TrainingNotFound, Forbidden),
)
async def list_enrolments(
    training_id: UUID, person: CurrentPerson, db: Db, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """Who takes part, for officers of the region."""
    officer = officer_of(person)
    async with db.reading() as conn:
        rows = await store.enrolments_for(conn, training_id, officer, after=place_of(cursor, OLDEST), limit=limit + 1)
    items, next_cursor = page_of(rows, limit, "enrolled_at", "enrolment_id")
    return json_answer({"items": [_status(row) for row in items], "next_cursor": next_cursor})


@router.post(
    "/trainings/{training_id}/attendances",
    status_code=204,
    responses=documented(TrainingNotFound, EnrolmentNotFound, NotADayOfTheTraining, Forbidden),
)
async def post_attendances(training_id: UUID, body: Attendance, person: CurrentPerson, db: Db) -> None:
    """Write down who came; a day counts once."""
    officer = officer_of(person)
    async with db.transaction() as conn:
        await record_attendance(
            conn,
            training_id=training_id,
            enrolment_ids=body.enrolment_ids,
            day=body.day,
            officer=officer,
            by=person.id,
            today=today(),
            now=utc_now(),
        )


@router.post(
    "/trainings/{training_id}/completions",
    response_model=Issued,
    responses=documented(TrainingNotFound, TrainingNotOver, ResultsRefused, Forbidden),
)
async def post_completions(training_id: UUID, body: Results, person: CurrentPerson, db: Db) -> Response:
    """Record results, all or none, on the last day or later; who passed gets a certificate."""
    officer = officer_of(person)
    command = CompleteTraining(
        training_id=training_id,
        results={each.enrolment_id: State(each.result) for each in body.results},
        by=person.id,
    )
    async with db.transaction() as conn:
        issued = await complete_training(
            conn, command, officer, random=lambda: secrets.randbits(RANDOM_BITS), today=today(), now=utc_now()
        )
    return json_answer(
        {
            "certificates": [
                {"certificate_id": each.certificate_id, "number": each.number, "enrolment_id": each.enrolment_id}
                for each in issued
            ]
        }
    )
