"""Publish an application: match it against all products, keep the profile to be read, tell each eligible lender."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from services.financing.domain import credit_profile, matching
from services.financing.domain.matching import Criterion, Mismatch, Wish
from services.financing.domain.problems import (
    ConsentEnded,
    ConsentNotFound,
    ConsentOfAnotherShop,
    NoLenderFits,
    ShopNotFound,
    TooManyApplications,
)
from services.financing.domain.products import Product
from services.financing.store import applications, consents, products, shops
from services.financing.store.applications import Application, Sight
from services.financing.store.consents import Consent
from services.financing.store.rules import lending_rules
from services.financing.use_cases.tell_lenders import LenderFact, tell
from shared import outbox
from shared.contracts.financing import ApplicationPublished
from shared.db import Connection
from shared.umkm import national_rules

PRODUCTS_TOLD_MAX = 50  # what a lender is told stays small; GET /v1/applications/{id} names all
MATCHES_SHOWN_MAX = 200
PER_DAY_MAX = 20  # of one person: each is written into the logs of all lenders that fit, which keep only so much
DAY = timedelta(days=1)
ANY_PURPOSE = "credit_assessment"  # a consent for this covers an application of any purpose


@dataclass(frozen=True, slots=True)
class Apply:
    """Who asks for what. `asks_a_person`: lenders whose criteria of the profile are not met shall look all the same."""

    application_id: UUID
    person_id: UUID
    shop_id: UUID
    consent_id: UUID
    amount_minor: int
    currency: str
    tenor_months: int
    purpose: str
    asks_a_person: bool
    expires_at: datetime
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Matched:
    """A product and why it does not fit; no reasons: it fits."""

    product: Product
    lender_name: str
    reasons: list[Mismatch]


@dataclass(frozen=True, slots=True)
class Published:
    """The application with the products that it was matched against, those that fit or nearly fit first."""

    application: Application
    matched: list[Matched]


async def publish_application(conn: Connection, command: Apply, *, today: date, now: datetime) -> Published:
    """What was published.

    Raises ConsentNotFound, ConsentEnded, ConsentOfAnotherShop, ShopNotFound, TooManyApplications, NoLenderFits (with
    all reasons).
    """
    await shops.lock_owned(conn, command.shop_id, command.person_id)
    consent = await _consent(conn, command, now)
    if await applications.count_newest(conn, command.person_id, since=now - DAY, most=PER_DAY_MAX) >= PER_DAY_MAX:
        raise TooManyApplications(f"at most {PER_DAY_MAX} in 24 hours")
    rules = lending_rules()
    since = credit_profile.look_back_from(rules, today)
    facts = await shops.shop_facts(conn, command.shop_id, person_id=command.person_id, since=since, as_of=today, at=now)
    if facts is None:
        raise ShopNotFound
    size_class: Any = credit_profile.size_class(national_rules(), facts, today)
    wish = Wish(
        amount_minor=command.amount_minor,
        tenor_months=command.tenor_months,
        sector=facts.sector,
        region_code=facts.region_code,
        size_class=size_class,
        year_minor=credit_profile.year_minor(facts),
        certificates=frozenset(certificate.scheme for certificate in facts.certificates),
        scopes=consent.scopes,
    )
    matched = [
        Matched(product, lender_name, matching.mismatches(product, wish))
        for product, lender_name in await products.offered(conn)
    ]
    sights = _sights(matched, asks_a_person=command.asks_a_person)
    shown = sorted(matched, key=_distance)[:MATCHES_SHOWN_MAX]
    if not sights:
        raise NoLenderFits(reasons=[explained(each) for each in shown])
    application = Application(
        application_id=command.application_id,
        shop_id=command.shop_id,
        person_id=command.person_id,
        consent_id=command.consent_id,
        amount_minor=command.amount_minor,
        currency=command.currency,
        tenor_months=command.tenor_months,
        purpose=command.purpose,
        region_code=facts.region_code,
        sector=facts.sector,
        size_class=size_class,
        state="published",
        traceparent=command.traceparent,
        published_at=now,
        expires_at=command.expires_at,
    )
    profile = credit_profile.profile_of(rules, national_rules(), facts, scopes=consent.scopes, as_of=today)
    await applications.insert_application(conn, application, sights)
    await consents.insert_profile(conn, application.application_id, consent.consent_id, profile, now=now)
    lender_ids = [sight.lender_id for sight in sights]
    await consents.add_recipients(conn, consent.consent_id, lender_ids, told_at=now)
    outbox.append(conn, _event(application, lender_ids))
    await tell(conn, [_fact(application, sight) for sight in sights])
    return Published(application, shown)


async def _consent(conn: Connection, command: Apply, now: datetime) -> Consent:
    """The consent, held until the commit."""
    if await consents.record_of(conn, command.consent_id, person_id=command.person_id) is None:
        raise ConsentNotFound
    consent = await consents.share(conn, command.consent_id)
    if not consent.is_live(now):
        raise ConsentEnded
    if consent.shop_id != command.shop_id or consent.purpose not in (ANY_PURPOSE, command.purpose):
        raise ConsentOfAnotherShop
    return consent


def _sights(matched: list[Matched], *, asks_a_person: bool) -> list[Sight]:
    """Who sees it: by a product that fits, or else, when the applicant asks for it, by one that a person may judge."""
    found: dict[UUID, Sight] = {}
    by_fit = sorted(matched, key=lambda each: bool(each.reasons))
    for each in by_fit:
        for_review = bool(each.reasons)
        if for_review and not (asks_a_person and matching.may_be_reviewed(each.reasons)):
            continue
        lender_id, product_id = each.product.lender_id, each.product.product_id
        known = found.get(lender_id)
        if known is None:
            found[lender_id] = Sight(lender_id, (product_id,), for_review)
        elif known.for_review == for_review:
            found[lender_id] = replace(known, product_ids=(*known.product_ids, product_id))
    return sorted(found.values(), key=lambda sight: sight.lender_id)


def _distance(matched: Matched) -> tuple[bool, int]:
    """How far a product is from fitting: those for other sectors last."""
    criteria = {reason.criterion for reason in matched.reasons}
    return Criterion.SECTOR in criteria, len(criteria)


def explained(matched: Matched) -> dict[str, Any]:
    """Why a product does not fit, for the applicant."""
    return {
        "product_id": str(matched.product.product_id),
        "product": matched.product.name,
        "lender": matched.lender_name,
        "fits": not matched.reasons,
        "may_be_reviewed": matching.may_be_reviewed(matched.reasons),
        "reasons": [
            {"criterion": reason.criterion.value, "wanted": reason.wanted, "found": reason.found}
            for reason in matched.reasons
        ],
    }


def _event(application: Application, lender_ids: list[UUID]) -> ApplicationPublished:
    return ApplicationPublished(
        application_id=application.application_id,
        shop_id=application.shop_id,
        consent_id=application.consent_id,
        region_code=application.region_code,
        sector=application.sector,
        size_class=application.size_class,
        amount_minor=application.amount_minor,
        currency=application.currency,
        tenor_months=application.tenor_months,
        purpose=application.purpose,
        lenders=tuple(lender_ids),
        published_at=application.published_at,
    )


def _fact(application: Application, sight: Sight) -> LenderFact:
    return LenderFact(
        sight.lender_id,
        "lending.application_published.v1",
        {
            "application_id": application.application_id,
            "shop_id": application.shop_id,
            "consent_id": application.consent_id,
            "amount_minor": application.amount_minor,
            "currency": application.currency,
            "tenor_months": application.tenor_months,
            "purpose": application.purpose,
            "sector": application.sector,
            "region_code": application.region_code,
            "size_class": application.size_class,
            "product_ids": list(sight.product_ids[:PRODUCTS_TOLD_MAX]),
            "for_review": sight.for_review,
            "expires_at": application.expires_at,
        },
        consent_id=application.consent_id,
        traceparent=application.traceparent,
        subject={"application_id": application.application_id},
    )
