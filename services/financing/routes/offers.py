"""Offers: made by lenders, seen side by side by the applicant, and taken once."""

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from services.financing.domain.problems import (
    ApplicationClosed,
    ApplicationNotFound,
    ConsentEnded,
    DeclinedAlready,
    LenderNotFound,
    NoKurLoan,
    OfferEnded,
    OfferNotFound,
    OfferStands,
    OutsideTheProduct,
    ProductNotFound,
    TermsDiffer,
)
from services.financing.domain.products import Scheme
from services.financing.routes.answers import json_answer, once
from services.financing.routes.callers import CurrentLender, MaybeLender
from services.financing.routes.lenders import rate_text
from services.financing.store import applications as store
from services.financing.store.applications import Offer
from services.financing.use_cases.accept_offer import accept_offer
from services.financing.use_cases.make_offer import MakeOffer, make_offer, withdraw_offer
from shared.auth import CurrentPerson
from shared.calendar import day_of
from shared.clock import utc_now
from shared.http import Db
from shared.idempotency import IdempotencyKey
from shared.ids import new_id
from shared.money import AMOUNT_MINOR_MAX
from shared.problems import Unauthenticated, documented

router = APIRouter(prefix="/v1", tags=["offers"], responses=documented(Unauthenticated))


class NewOffer(BaseModel):
    """So much of a product of the lender's own, until when."""

    product_id: UUID
    amount_minor: int = Field(ge=1, le=AMOUNT_MINOR_MAX)
    tenor_months: int = Field(ge=1, le=360)
    valid_until: AwareDatetime
    first_due_days: int | None = Field(
        default=None, ge=0, le=31, description="After the day on which it is paid out; null: a month."
    )


class OfferView(BaseModel):
    """An offer with its cost to the rupiah. `effective_rate`: percent a year, whatever the scheme calls its rate."""

    offer_id: UUID
    application_id: UUID
    lender_id: UUID
    lender_name: str
    product_id: UUID
    scheme: Scheme
    annual_rate: str | None
    margin_minor: int | None
    amount_minor: int
    currency: str
    tenor_months: int
    instalment_minor: int
    total_minor: int
    cost_minor: int
    effective_rate: str
    share_basis_points_max: int
    first_due_days: int | None
    state: Literal["open", "accepted", "lost", "withdrawn", "expired"]
    valid_until: AwareDatetime
    made_at: AwareDatetime


class Offers(BaseModel):
    """Side by side, the cheapest first."""

    items: list[OfferView]


class Acceptance(BaseModel):
    """What the applicant agrees to."""

    share_basis_points_max: int | None = Field(
        default=None, ge=1, le=10_000, description="As it was read in the offer; another number is refused."
    )


class AcceptedView(BaseModel):
    """The loan that comes of it; its lender pays it out."""

    loan_id: UUID
    offer_id: UUID
    application_id: UUID
    lender_id: UUID
    amount_minor: int
    currency: str
    tenor_months: int
    share_basis_points_max: int
    state: Literal["agreed"]
    agreed_at: AwareDatetime


def _view(offer: Offer) -> dict[str, Any]:
    special = {"annual_rate": rate_text(offer.annual_rate_pct), "effective_rate": offer.effective_rate_pct}
    return {name: special[name] if name in special else getattr(offer, name) for name in OfferView.model_fields}


@router.post(
    "/applications/{application_id}/offers",
    status_code=201,
    response_model=OfferView,
    responses=documented(
        ApplicationNotFound,
        ApplicationClosed,
        ConsentEnded,
        DeclinedAlready,
        ProductNotFound,
        OutsideTheProduct,
        NoKurLoan,
        OfferStands,
        LenderNotFound,
    ),
)
async def create_offer(
    application_id: UUID,
    body: NewOffer,
    key: IdempotencyKey,
    person: CurrentPerson,
    lender: CurrentLender,
    request: Request,
    db: Db,
) -> Response:
    """Offer a loan (lender that was told of the application)."""
    now = utc_now()
    command = MakeOffer(
        offer_id=new_id(),
        application_id=application_id,
        product_id=body.product_id,
        amount_minor=body.amount_minor,
        tenor_months=body.tenor_months,
        valid_until=body.valid_until,
        first_due_days=body.first_due_days,
    )
    async with db.transaction() as conn:

        async def work() -> OfferView:
            offer = await make_offer(conn, command, lender=lender, today=day_of(now), now=now)
            return OfferView.model_validate(_view(offer))

        return await once(conn, request, person, key, body, work)


@router.get("/applications/{application_id}/offers", response_model=Offers, responses=documented(ApplicationNotFound))
async def list_offers(application_id: UUID, person: CurrentPerson, lender: MaybeLender, db: Db) -> Response:
    """All offers for the applicant; for a lender its own."""
    async with db.reading() as conn:
        if lender is not None:
            is_there = await store.of_lender(conn, application_id, lender_id=lender.lender_id) is not None
        else:
            is_there = await store.of_person(conn, application_id, person_id=person.id) is not None
        if not is_there:
            raise ApplicationNotFound
        lender_id = None if lender is None else lender.lender_id
        found = await store.offers_of(conn, application_id, lender_id=lender_id)
    return json_answer({"items": [_view(offer) for offer in found]})


@router.post(
    "/offers/{offer_id}/accept",
    status_code=201,
    response_model=AcceptedView,
    responses=documented(OfferNotFound, ApplicationClosed, OfferEnded, TermsDiffer),
)
async def accept(
    offer_id: UUID, body: Acceptance, key: IdempotencyKey, person: CurrentPerson, request: Request, db: Db
) -> Response:
    """Take an offer (applicant): once per application."""
    loan_id, mandate_id = new_id(), new_id()
    async with db.transaction() as conn:

        async def work() -> AcceptedView:
            loan = await accept_offer(
                conn,
                offer_id,
                person_id=person.id,
                loan_id=loan_id,
                mandate_id=mandate_id,
                share_basis_points_max=body.share_basis_points_max,
                now=utc_now(),
            )
            return AcceptedView.model_validate(loan, from_attributes=True)

        return await once(conn, request, person, key, body, work)


@router.post(
    "/offers/{offer_id}/withdraw", status_code=204, responses=documented(OfferNotFound, OfferEnded, LenderNotFound)
)
async def withdraw(offer_id: UUID, lender: CurrentLender, db: Db) -> Response:
    """Take an offer back (lender), while nobody has taken it. A repeat is refused and changes nothing."""
    async with db.transaction() as conn:
        await withdraw_offer(conn, offer_id, lender=lender, now=utc_now())
    return Response(status_code=204)
