"""Accept an offer, once: it becomes a loan, all other offers of the application end."""

from datetime import datetime
from uuid import UUID

from services.financing.domain.problems import ApplicationClosed, OfferEnded, OfferNotFound, TermsDiffer
from services.financing.store import applications, consents, lenders, loans
from services.financing.store.applications import Application, Offer
from services.financing.store.loans import Loan
from services.financing.use_cases.close_applications import closed_event, closed_fact
from services.financing.use_cases.tell_lenders import LenderFact, tell
from shared import outbox
from shared.contracts.financing import OfferAccepted
from shared.db import Connection


async def accept_offer(
    conn: Connection,
    offer_id: UUID,
    *,
    person_id: UUID,
    loan_id: UUID,
    mandate_id: UUID,
    share_basis_points_max: int | None,
    now: datetime,
) -> Loan:
    """The loan as it was agreed; the lender pays it out.

    `share_basis_points_max`: which part of each payout may be withheld, as the applicant has read it in the offer.
    Raises OfferNotFound, ApplicationClosed, OfferEnded, TermsDiffer.
    """
    place = await applications.where_offer_belongs(conn, offer_id, person_id=person_id)
    if place is None:
        raise OfferNotFound
    application_id, consent_id = place
    await consents.share(conn, consent_id)
    application = await applications.lock(conn, application_id)
    if application.state != "published":
        raise ApplicationClosed
    offer = await applications.offer(conn, offer_id)
    if offer.state != "open" or offer.valid_until <= now:
        raise OfferEnded
    if not await lenders.is_active(conn, offer.lender_id):
        raise OfferEnded("its lender is suspended")
    if share_basis_points_max not in (None, offer.share_basis_points_max):
        raise TermsDiffer(f"of each payout at most {offer.share_basis_points_max} basis points are withheld")
    loan = _loan(application, offer, loan_id=loan_id, mandate_id=mandate_id, now=now)
    if not await applications.end_offer(conn, offer_id, "accepted", now=now):
        raise OfferEnded  # the clock ends offers without the application's lock
    await applications.end_open_offers(conn, [application_id], "lost", now=now)
    await applications.close(conn, [application_id], "accepted", now=now)
    await loans.insert_loan(conn, loan)
    outbox.append(conn, _accepted(loan), closed_event(application, "accepted", now))
    await tell(conn, await _facts(conn, application, loan, now))
    return loan


def _loan(application: Application, offer: Offer, *, loan_id: UUID, mandate_id: UUID, now: datetime) -> Loan:
    return Loan(
        loan_id=loan_id,
        application_id=application.application_id,
        offer_id=offer.offer_id,
        lender_id=offer.lender_id,
        shop_id=application.shop_id,
        person_id=application.person_id,
        region_code=application.region_code,
        scheme=offer.scheme,
        annual_rate_pct=offer.annual_rate_pct,
        margin_minor=offer.margin_minor,
        amount_minor=offer.amount_minor,
        currency=offer.currency,
        tenor_months=offer.tenor_months,
        share_basis_points_max=offer.share_basis_points_max,
        first_due_days=offer.first_due_days,
        state="agreed",
        agreed_at=now,
        mandate_id=mandate_id,
        traceparent=application.traceparent,
    )


async def _facts(conn: Connection, application: Application, loan: Loan, now: datetime) -> list[LenderFact]:
    """The winner is told of its loan, everybody else who did not decline that it is over."""
    facts = []
    for _, sight in await applications.sights_of(conn, [application.application_id]):
        if sight.lender_id == loan.lender_id:
            facts.append(_won(loan, now))
        elif sight.declined_at is None:
            facts.append(closed_fact(application, sight.lender_id, "accepted", now))
    return facts


def _won(loan: Loan, now: datetime) -> LenderFact:
    return LenderFact(
        loan.lender_id,
        "lending.offer_accepted.v1",
        {
            "application_id": loan.application_id,
            "offer_id": loan.offer_id,
            "loan_id": loan.loan_id,
            "shop_id": loan.shop_id,
            "amount_minor": loan.amount_minor,
            "currency": loan.currency,
            "tenor_months": loan.tenor_months,
            "accepted_at": now,
        },
        traceparent=loan.traceparent,
        subject={"application_id": loan.application_id},
    )


def _accepted(loan: Loan) -> OfferAccepted:
    return OfferAccepted(
        application_id=loan.application_id,
        offer_id=loan.offer_id,
        lender_id=loan.lender_id,
        loan_id=loan.loan_id,
        shop_id=loan.shop_id,
        accepted_at=loan.agreed_at,
    )
