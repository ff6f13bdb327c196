"""Applications: made by shops, seen by the lenders that were told, with the profile that is read under a consent."""

from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from services.financing.domain.problems import (
    ApplicationClosed,
    ApplicationNotFound,
    ConsentEnded,
    ConsentNotFound,
    ConsentOfAnotherShop,
    DeclinedAlready,
    LenderNotFound,
    NoLenderFits,
    ShopNotFound,
    TooManyApplications,
)
from services.financing.routes.answers import Settings, json_answer, once
from services.financing.routes.callers import CurrentLender, MaybeLender
from services.financing.store import applications as store
from services.financing.store.applications import Application, Sight
from services.financing.use_cases.close_applications import withdraw_application
from services.financing.use_cases.make_offer import decline_application
from services.financing.use_cases.publish_application import Apply, explained, publish_application
from services.financing.use_cases.read_profile import read_profile
from shared import paging
from shared.auth import CurrentPerson
from shared.calendar import day_of
from shared.clock import utc_now
from shared.http import Db
from shared.idempotency import IdempotencyKey
from shared.ids import new_id
from shared.money import AMOUNT_MINOR_MAX
from shared.paging import Cursor, Limit
from shared.problems import Malformed, Problem, Unauthenticated, documented
from shared.telemetry import current_traceparent

router = APIRouter(prefix="/v1", tags=["applications"], responses=documented(Unauthenticated))

LAST_ID = UUID(int=2**128 - 1)


class NewApplication(BaseModel):
    """What a shop asks for, under which consent."""

    shop_id: UUID
    consent_id: UUID
    amount_minor: int = Field(ge=1, le=AMOUNT_MINOR_MAX)
    currency: Literal["IDR"] = "IDR"
    tenor_months: int = Field(ge=1, le=360)
    purpose: Annotated[str, StringConstraints(pattern="^[a-z_]{2,40}$")]
    human_review: bool = Field(
        default=False,
        description="Lenders with criteria of the profile alone unmet shall look all the same (UU 27/2022 art. 10).",
    )


class ReasonView(BaseModel):
    """One reason why a product does not fit."""

    criterion: str
    wanted: str
    found: str


class MatchView(BaseModel):
    """A product that the application was matched against."""

    product_id: UUID
    product: str
    lender: str
    fits: bool
    may_be_reviewed: bool
    reasons: list[ReasonView]


class ApplicationView(BaseModel):
    """An application: references and facts that name nobody."""

    application_id: UUID
    shop_id: UUID
    consent_id: UUID
    amount_minor: int
    currency: str
    tenor_months: int
    purpose: str
    region_code: str
    sector: str
    size_class: str
    state: Literal["published", "accepted", "withdrawn", "expired", "consent_ended", "declined"]
    published_at: AwareDatetime
    expires_at: AwareDatetime
    closed_at: AwareDatetime | None


class PublishedView(ApplicationView):
    """A new application, and what it was matched against."""

    matches: list[MatchView]


class SeenView(ApplicationView):
    """An application; for a lender with the products by which it was told, for the applicant these are null."""

    product_ids: list[UUID] | None
    for_review: bool | None
    declined_at: AwareDatetime | None
    decline_reason: str | None


class Applications(BaseModel):
    """The caller's applications, or those that the calling lender was told of; newest first."""

    items: list[SeenView]
    next_cursor: str | None


class Decline(BaseModel):
    """Why a lender does not offer."""

    reason: Annotated[str, StringConstraints(pattern="^[a-z_]{2,40}$")]


class DeclinedView(BaseModel):
    """The lender has declined; `is_closed` when nobody is left who might offer."""

    application_id: UUID
    is_closed: bool


class ProfileView(BaseModel):
    """A credit profile, with the consent under which it was read and how that stands in the log."""

    application_id: UUID
    consent_id: UUID
    items: list[str]
    asked_at: AwareDatetime
    profile: dict[str, Any]


def _view(application: Application) -> dict[str, Any]:
    return {name: getattr(application, name) for name in ApplicationView.model_fields}


def _seen(application: Application, sight: Sight | None) -> dict[str, Any]:
    return _view(application) | {
        "product_ids": None if sight is None else list(sight.product_ids),
        "for_review": None if sight is None else sight.for_review,
        "declined_at": None if sight is None else sight.declined_at,
        "decline_reason": None if sight is None else sight.decline_reason,
    }


@router.post(
    "/applications",
    status_code=201,
    response_model=PublishedView,
    responses=documented(
        ConsentNotFound, ConsentEnded, ConsentOfAnotherShop, ShopNotFound, TooManyApplications, NoLenderFits
    ),
)
async def create_application(
    body: NewApplication, key: IdempotencyKey, person: CurrentPerson, settings: Settings, request: Request, db: Db
) -> Response:
    """Ask for finance: every eligible lender is told of it, and may read the profile under the consent."""
    now = utc_now()
    command = Apply(
        application_id=new_id(),
        person_id=person.id,
        shop_id=body.shop_id,
        consent_id=body.consent_id,
        amount_minor=body.amount_minor,
        currency=body.currency,
        tenor_months=body.tenor_months,
        purpose=body.purpose,
        asks_a_person=body.human_review,
        expires_at=now + timedelta(days=settings.application_days),
        traceparent=current_traceparent(),
    )
    async with db.transaction() as conn:

        async def work() -> PublishedView:
            published = await publish_application(conn, command, today=day_of(now), now=now)
            matches = [explained(each) for each in published.matched]
            return PublishedView.model_validate(_view(published.application) | {"matches": matches})

        return await once(conn, request, person, key, body, work)


@router.get("/applications", response_model=Applications, responses=documented(LenderNotFound))
async def list_applications(
    person: CurrentPerson, lender: MaybeLender, db: Db, limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """A person's own applications; for a lender's machine client, those that the lender was told of."""
    before = LAST_ID if cursor is None else id_of(cursor)
    async with db.reading() as conn:
        if lender is not None:
            found: list[tuple[Application, Sight | None]] = [
                *await store.all_of_lender(conn, lender.lender_id, before=before, limit=limit + 1)
            ]
        else:
            own = await store.all_of_person(conn, person.id, before=before, limit=limit + 1)
            found = [(application, None) for application in own]
    page = found[:limit]
    next_cursor = paging.encode(page[-1][0].application_id) if len(found) > limit else None
    return json_answer({"items": [_seen(*each) for each in page], "next_cursor": next_cursor})


@router.get("/applications/{application_id}", response_model=SeenView, responses=documented(ApplicationNotFound))
async def get_application(application_id: UUID, person: CurrentPerson, lender: MaybeLender, db: Db) -> Response:
    """An application, for its applicant and for lenders that were told of it."""
    async with db.reading() as conn:
        if lender is not None:
            seen = await store.of_lender(conn, application_id, lender_id=lender.lender_id)
            if seen is None:
                raise ApplicationNotFound
            return json_answer(_seen(*seen))
        application = await store.of_person(conn, application_id, person_id=person.id)
    if application is None:
        raise ApplicationNotFound
    return json_answer(_seen(application, None))


@router.post(
    "/applications/{application_id}/withdraw",
    status_code=200,
    response_model=ApplicationView,
    responses=documented(ApplicationNotFound, ApplicationClosed),
)
async def withdraw(
    application_id: UUID, key: IdempotencyKey, person: CurrentPerson, request: Request, db: Db
) -> Response:
    """The applicant asks for nothing any more; offers that stand end."""
    async with db.transaction() as conn:

        async def work() -> ApplicationView:
            await withdraw_application(conn, application_id, person_id=person.id, now=utc_now())
            application = await store.of_person(conn, application_id, person_id=person.id)
            assert application is not None
            return ApplicationView.model_validate(_view(application))

        return await once(conn, request, person, key, {}, work, status=200)


@router.get(
    "/applications/{application_id}/profile",
    response_model=ProfileView,
    responses=documented(ApplicationNotFound, ConsentEnded, ApplicationClosed, LenderNotFound),
)
async def get_profile(application_id: UUID, lender: CurrentLender, db: Db) -> Response:
    """The credit profile, for a lender that was told. Every question is logged before it is answered, refusals too."""
    async with db.transaction() as conn:
        read = await read_profile(conn, application_id, lender_id=lender.lender_id, now=utc_now())
    if isinstance(read, Problem):
        raise read
    return json_answer(
        {
            "application_id": application_id,
            "consent_id": read.consent_id,
            "items": read.items,
            "asked_at": read.asked_at,
            "profile": read.profile,
        }
    )


@router.post(
    "/applications/{application_id}/declines",
    status_code=201,
    response_model=DeclinedView,
    responses=documented(ApplicationNotFound, ApplicationClosed, ConsentEnded, DeclinedAlready, LenderNotFound),
)
async def decline(
    application_id: UUID,
    body: Decline,
    key: IdempotencyKey,
    person: CurrentPerson,
    lender: CurrentLender,
    request: Request,
    db: Db,
) -> Response:
    """This lender will not offer."""
    async with db.transaction() as conn:

        async def work() -> DeclinedView:
            is_closed = await decline_application(
                conn, application_id, lender=lender, reason=body.reason, now=utc_now()
            )
            return DeclinedView(application_id=application_id, is_closed=is_closed)

        return await once(conn, request, person, key, body, work)


def id_of(cursor: str) -> UUID:
    try:
        return UUID(str(paging.decode(cursor, size=1)[0]))
    except ValueError as error:
        raise Malformed("the cursor is not one of this list") from error
