"""Applications, the lenders that see them, and offers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Literal
from uuid import UUID

import asyncpg

from services.financing.domain.problems import OfferStands
from services.financing.domain.products import Scheme
from services.financing.store.named import lending
from services.financing.store.products import to_decimal, to_fraction
from shared.db import Connection
from shared.sql import Row

State = Literal["published", "accepted", "withdrawn", "expired", "consent_ended", "declined"]
OfferState = Literal["open", "accepted", "lost", "withdrawn", "expired"]


@dataclass(frozen=True, slots=True)
class Application:
    """A shop asks for finance."""

    application_id: UUID
    shop_id: UUID
    person_id: UUID
    consent_id: UUID
    amount_minor: int
    currency: str
    tenor_months: int
    purpose: str
    region_code: str
    sector: str
    size_class: Literal["micro", "small", "medium", "large"]
    state: State
    traceparent: str | None
    published_at: datetime
    expires_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """A lender that sees an application, by which products. `for_review`: only because the applicant asked a person."""

    lender_id: UUID
    product_ids: tuple[UUID, ...]
    for_review: bool
    declined_at: datetime | None = None
    decline_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """What a lender offers, to the rupiah."""

    offer_id: UUID
    application_id: UUID
    lender_id: UUID
    lender_name: str
    product_id: UUID
    scheme: Scheme
    annual_rate_pct: Fraction | None
    margin_minor: int | None
    amount_minor: int
    currency: str
    tenor_months: int
    instalment_minor: int
    total_minor: int
    cost_minor: int
    effective_rate_pct: str
    share_basis_points_max: int
    first_due_days: int | None
    state: OfferState
    valid_until: datetime
    made_at: datetime


async def insert_application(conn: Connection, application: Application, sights: Sequence[Sight]) -> None:
    """A new application and who sees it."""
    await lending.insert_application.run(
        conn,
        application_id=application.application_id,
        shop_id=application.shop_id,
        person_id=application.person_id,
        consent_id=application.consent_id,
        amount_minor=application.amount_minor,
        currency=application.currency,
        tenor_months=application.tenor_months,
        purpose=application.purpose,
        region_code=application.region_code,
        sector=application.sector,
        size_class=application.size_class,
        traceparent=application.traceparent,
        published_at=application.published_at,
        expires_at=application.expires_at,
    )
    await lending.insert_application_lenders.run(
        conn,
        application_id=application.application_id,
        lenders=[
            {
                "lender_id": str(sight.lender_id),
                "product_ids": [str(product_id) for product_id in sight.product_ids],
                "for_review": sight.for_review,
            }
            for sight in sights
        ],
    )


async def count_newest(conn: Connection, person_id: UUID, *, since: datetime, most: int) -> int:
    """How many a person has made since then, counted up to `most`."""
    found: int = await lending.count_newest_applications.value(conn, person_id=person_id, since=since, most=most)
    return found


async def of_person(conn: Connection, application_id: UUID, *, person_id: UUID) -> Application | None:
    """For the applicant."""
    row = await lending.application_of_person.row(conn, application_id=application_id, person_id=person_id)
    return None if row is None else _application(conn, row)


async def of_lender(conn: Connection, application_id: UUID, *, lender_id: UUID) -> tuple[Application, Sight] | None:
    """For a lender that was told of it."""
    row = await lending.application_of_lender.row(conn, application_id=application_id, lender_id=lender_id)
    return None if row is None else (_application(conn, row), _sight(lender_id, row))


async def all_of_person(conn: Connection, person_id: UUID, *, before: UUID, limit: int) -> list[Application]:
    """A person's, newest first."""
    rows = await lending.applications_of_person.rows(conn, person_id=person_id, before=before, limit=limit)
    return [_application(conn, row) for row in rows]


async def all_of_lender(
    conn: Connection, lender_id: UUID, *, before: UUID, limit: int
) -> list[tuple[Application, Sight]]:
    """What a lender was told of, newest first."""
    rows = await lending.applications_of_lender.rows(conn, lender_id=lender_id, before=before, limit=limit)
    return [(_application(conn, row), _sight(lender_id, row)) for row in rows]


async def consent_of(conn: Connection, application_id: UUID) -> UUID | None:
    """Under which consent it was made, whoever asks; None when there is no such application."""
    found: UUID | None = await lending.consent_of_application.value(conn, application_id=application_id)
    return found


async def is_won_by(conn: Connection, application_id: UUID, *, lender_id: UUID) -> bool:
    """Whether this lender's offer was taken."""
    return bool(await lending.won_application.value(conn, application_id=application_id, lender_id=lender_id))


async def lock(conn: Connection, application_id: UUID) -> Application:
    """The application, decided over by one at a time; its consent is held before."""
    row = await lending.lock_application.row(conn, application_id=application_id)
    assert row is not None, "who locks an application has seen it"
    return _application(conn, row)


async def lock_of_consents(conn: Connection, consent_ids: Iterable[UUID]) -> list[Application]:
    """Open applications under these consents, locked."""
    rows = await lending.lock_applications_of_consents.rows(conn, consent_ids=list(consent_ids))
    return [_application(conn, row) for row in rows]


async def lock_over(conn: Connection, *, now: datetime, most: int) -> list[Application]:
    """Applications whose time is over, locked."""
    rows = await lending.lock_applications_over.rows(conn, now=now, most=most)
    return [_application(conn, row) for row in rows]


async def close(conn: Connection, application_ids: Sequence[UUID], state: State, *, now: datetime) -> None:
    """End applications that are locked."""
    await lending.close_applications.run(conn, application_ids=list(application_ids), state=state, closed_at=now)


async def sights_of(conn: Connection, application_ids: Sequence[UUID]) -> list[tuple[UUID, Sight]]:
    """Who sees these applications: (application, lender), lenders in the order of their ids."""
    rows = await lending.application_lenders.rows(conn, application_ids=list(application_ids))
    return [(row["application_id"], _sight(row["lender_id"], row)) for row in rows]


async def decline(conn: Connection, application_id: UUID, *, lender_id: UUID, reason: str, now: datetime) -> bool:
    """A lender will not offer; False when it had declined before."""
    touched = await lending.decline.run(
        conn, application_id=application_id, lender_id=lender_id, reason=reason, declined_at=now
    )
    return touched == 1


async def insert_offer(conn: Connection, offer: Offer) -> None:
    """A new offer. Raises OfferStands when the lender has an open one for this application."""
    try:
        await lending.insert_offer.run(
            conn,
            offer_id=offer.offer_id,
            application_id=offer.application_id,
            lender_id=offer.lender_id,
            product_id=offer.product_id,
            scheme=offer.scheme,
            annual_rate_pct=to_decimal(offer.annual_rate_pct),
            margin_minor=offer.margin_minor,
            amount_minor=offer.amount_minor,
            currency=offer.currency,
            tenor_months=offer.tenor_months,
            instalment_minor=offer.instalment_minor,
            total_minor=offer.total_minor,
            cost_minor=offer.cost_minor,
            effective_rate_pct=offer.effective_rate_pct,
            share_basis_points_max=offer.share_basis_points_max,
            first_due_days=offer.first_due_days,
            valid_until=offer.valid_until,
            made_at=offer.made_at,
        )
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "offers_one_open_per_lender":
            raise OfferStands from error
        raise


async def offers_of(conn: Connection, application_id: UUID, *, lender_id: UUID | None) -> list[Offer]:
    """The cheapest first; for a lender only its own."""
    rows = await lending.offers_of_application.rows(conn, application_id=application_id, lender_id=lender_id)
    return [_offer(row) for row in rows]


async def where_offer_belongs(
    conn: Connection, offer_id: UUID, *, person_id: UUID | None = None, lender_id: UUID | None = None
) -> tuple[UUID, UUID] | None:
    """(application, consent) of an offer, for its applicant or its lender."""
    row = await lending.application_of_offer.row(conn, offer_id=offer_id, person_id=person_id, lender_id=lender_id)
    return None if row is None else (row["application_id"], row["consent_id"])


async def offer(conn: Connection, offer_id: UUID) -> Offer:
    """The offer, under its application's lock."""
    row = await lending.offer.row(conn, offer_id=offer_id)
    assert row is not None, "its application was found by it"
    return _offer(row)


async def end_offer(conn: Connection, offer_id: UUID, state: OfferState, *, now: datetime) -> bool:
    """End an open offer; False when it had ended."""
    return await lending.end_offer.run(conn, offer_id=offer_id, state=state, ended_at=now) == 1


async def end_open_offers(
    conn: Connection, application_ids: Sequence[UUID], state: OfferState, *, now: datetime
) -> list[tuple[UUID, UUID, UUID]]:
    """End what is open of these applications: (offer, application, lender)."""
    rows = await lending.end_open_offers.rows(conn, application_ids=list(application_ids), state=state, ended_at=now)
    return [tuple(row.values()) for row in rows]


async def expire_offers(conn: Connection, *, now: datetime, most: int) -> int:
    """End offers whose time is over; how many."""
    return len(await lending.expire_offers.rows(conn, now=now, most=most))


def _application(conn: Connection, row: Row) -> Application:
    """What happens to an application continues the trace in which it was made, whoever acts."""
    if row["traceparent"]:
        conn.traceparents[str(row["application_id"])] = row["traceparent"]
    return Application(
        application_id=row["application_id"],
        shop_id=row["shop_id"],
        person_id=row["person_id"],
        consent_id=row["consent_id"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        tenor_months=row["tenor_months"],
        purpose=row["purpose"],
        region_code=row["region_code"],
        sector=row["sector"],
        size_class=row["size_class"],
        state=row["state"],
        traceparent=row["traceparent"],
        published_at=row["published_at"],
        expires_at=row["expires_at"],
        closed_at=row["closed_at"],
    )


def _sight(lender_id: UUID, row: Row) -> Sight:
    return Sight(lender_id, tuple(row["product_ids"]), row["for_review"], row["declined_at"], row["decline_reason"])


def _offer(row: Row) -> Offer:
    said = dict(row) | {"annual_rate_pct": to_fraction(row["annual_rate_pct"])}
    return Offer(**said)
