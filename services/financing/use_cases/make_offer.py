"""Make an offer for an application, or decline it, or take an offer back."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.financing.domain.problems import (
    ApplicationClosed,
    ApplicationNotFound,
    ConsentEnded,
    DeclinedAlready,
    OfferEnded,
    OfferNotFound,
    OutsideTheProduct,
    ProductNotFound,
)
from services.financing.domain.products import Product, terms_of
from services.financing.store import applications, consents, products
from services.financing.store.applications import Application, Offer
from services.financing.store.lenders import Lender
from services.financing.use_cases.close_applications import close_applications
from services.financing.use_cases.offer_product import require_kur
from services.financing.use_cases.tell_lenders import tell
from shared import outbox
from shared.contracts.financing import OfferMade
from shared.db import Connection
from shared.money import AMOUNT_MINOR_MAX


@dataclass(frozen=True, slots=True)
class MakeOffer:
    """What a lender offers: so much of a product of its own."""

    offer_id: UUID
    application_id: UUID
    product_id: UUID
    amount_minor: int
    tenor_months: int
    valid_until: datetime
    first_due_days: int | None = None  # after the day of disbursement; None: a month


async def make_offer(conn: Connection, command: MakeOffer, *, lender: Lender, today: date, now: datetime) -> Offer:
    """The offer with its cost to the rupiah.

    Raises ApplicationNotFound, ApplicationClosed, ConsentEnded, DeclinedAlready, ProductNotFound, OutsideTheProduct,
    NoKurLoan, OfferStands.
    """
    application = await _decide_over(conn, command.application_id, lender.lender_id, now=now)
    product = await products.product_for_offer(conn, command.product_id, lender_id=lender.lender_id)
    if product is None:
        raise ProductNotFound
    _check_bounds(command, application, product, now)
    require_kur(product, amount_minor=command.amount_minor, on=today)
    terms = terms_of(product, amount_minor=command.amount_minor, tenor_months=command.tenor_months)
    if terms.schedule.paid_minor > AMOUNT_MINOR_MAX:
        raise OutsideTheProduct("nobody can pay that much back")
    offer = Offer(
        offer_id=command.offer_id,
        application_id=application.application_id,
        lender_id=lender.lender_id,
        lender_name=lender.name,
        product_id=product.product_id,
        scheme=product.scheme,
        annual_rate_pct=product.annual_rate_pct,
        margin_minor=terms.margin_minor,
        amount_minor=command.amount_minor,
        currency=product.currency,
        tenor_months=command.tenor_months,
        instalment_minor=terms.instalment_minor,
        total_minor=terms.schedule.paid_minor,
        cost_minor=terms.schedule.interest_minor,
        effective_rate_pct=terms.effective_rate_pct(command.first_due_days),
        share_basis_points_max=product.share_basis_points_max,
        first_due_days=command.first_due_days,
        state="open",
        valid_until=command.valid_until,
        made_at=now,
    )
    await applications.insert_offer(conn, offer)
    outbox.append(conn, _made(offer, application))
    return offer


async def decline_application(
    conn: Connection, application_id: UUID, *, lender: Lender, reason: str, now: datetime
) -> bool:
    """This lender will not offer, and takes back what it has offered; whether that ends the application: all declined.

    Raises ApplicationNotFound, ApplicationClosed, ConsentEnded, DeclinedAlready.
    """
    application = await _decide_over(conn, application_id, lender.lender_id, now=now)
    if not await applications.decline(conn, application_id, lender_id=lender.lender_id, reason=reason, now=now):
        raise DeclinedAlready
    for offer in await applications.offers_of(conn, application_id, lender_id=lender.lender_id):
        await applications.end_offer(conn, offer.offer_id, "withdrawn", now=now)
    sights = await applications.sights_of(conn, [application_id])
    if any(sight.declined_at is None for _, sight in sights):
        return False
    await tell(conn, await close_applications(conn, [application], "declined", now=now))
    return True


async def withdraw_offer(conn: Connection, offer_id: UUID, *, lender: Lender, now: datetime) -> None:
    """By the lender, while nobody has taken it. Raises OfferNotFound, OfferEnded."""
    place = await applications.where_offer_belongs(conn, offer_id, lender_id=lender.lender_id)
    if place is None:
        raise OfferNotFound
    application_id, consent_id = place
    await consents.share(conn, consent_id)
    await applications.lock(conn, application_id)
    if not await applications.end_offer(conn, offer_id, "withdrawn", now=now):
        raise OfferEnded


async def _decide_over(conn: Connection, application_id: UUID, lender_id: UUID, *, now: datetime) -> Application:
    """The application, locked, for a lender that may still answer it."""
    found = await applications.of_lender(conn, application_id, lender_id=lender_id)
    if found is None:
        raise ApplicationNotFound
    consent = await consents.share(conn, found[0].consent_id)
    application = await applications.lock(conn, application_id)
    if application.state == "consent_ended" or not consent.is_live(now):
        raise ConsentEnded
    if application.state != "published" or application.expires_at <= now:
        raise ApplicationClosed
    seen = await applications.of_lender(conn, application_id, lender_id=lender_id)
    if seen is not None and seen[1].declined_at is not None:
        raise DeclinedAlready
    return application


def _check_bounds(command: MakeOffer, application: Application, product: Product, now: datetime) -> None:
    if command.amount_minor > application.amount_minor:
        raise OutsideTheProduct("that is more than was asked for")
    if not product.amount_min_minor <= command.amount_minor <= product.amount_max_minor:
        raise OutsideTheProduct(f"the product is for {product.amount_min_minor} to {product.amount_max_minor}")
    if not product.tenor_min_months <= command.tenor_months <= product.tenor_max_months:
        raise OutsideTheProduct(f"the product is for {product.tenor_min_months} to {product.tenor_max_months} months")
    if command.first_due_days == 0 and command.tenor_months == 1:
        raise OutsideTheProduct("a loan is not paid back on the day on which it is paid out")
    if not now < command.valid_until <= application.expires_at:
        raise OutsideTheProduct(f"an offer holds until {application.expires_at.isoformat()} at most")


def _made(offer: Offer, application: Application) -> OfferMade:
    return OfferMade(
        application_id=offer.application_id,
        offer_id=offer.offer_id,
        lender_id=offer.lender_id,
        shop_id=application.shop_id,
        scheme=offer.scheme,
        amount_minor=offer.amount_minor,
        currency=offer.currency,
        tenor_months=offer.tenor_months,
        instalment_minor=offer.instalment_minor,
        total_minor=offer.total_minor,
        valid_until=offer.valid_until,
        made_at=offer.made_at,
    )
