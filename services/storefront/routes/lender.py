"""The lender's desk: who was told what, profiles under their consent, offers, declines, subscriptions and their health.

What must stay true: a lender's secret is typed here, used once and never kept; every call carries the client's token,
so that financing decides what this lender may see, and logs it.
"""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from services.storefront.domain import terms
from services.storefront.domain.forms import amount_typed, day_typed, whole_number
from services.storefront.routes.web import CurrentVisit, OwnForm, Visit, id_of, key_of, text_of
from services.storefront.upstream import Refused
from services.storefront.use_cases.sign_in import begin_desk
from shared.calendar import day_of
from shared.clock import utc_now
from shared.problems import NotFound

router = APIRouter(include_in_schema=False, prefix="/mitra")

PAGE_SIZE = 25
OFFER_DAYS = 7
COMMANDS = {"uji": "test", "ulang": "replay", "jeda": "pause", "lanjut": "resume"}
HEALTH_SECONDS = 30


@router.get("/masuk")
async def show_sign_in(visit: CurrentVisit) -> Response:
    """The way in."""
    return visit.page("lender/sign_in.html", typed="", fault=None)


@router.post("/masuk")
async def sign_in(visit: CurrentVisit, form: OwnForm) -> Response:
    """Take the client's id and secret to identity, and keep the token with this session alone."""
    client_id, secret = text_of(form, "klien", most=40), text_of(form, "rahasia", most=200)
    try:
        cookie = await begin_desk(
            visit.db,
            visit.shop.vault,
            visit.network,
            visit.session,
            client_id=client_id,
            secret=secret,
            visitor=visit.address,
        )
    except Refused:
        return visit.page("lender/sign_in.html", typed=client_id, fault=terms.SENTENCES["desk-refused"], status=422)
    answer = visit.redirect("/mitra", info="masuk")
    visit.set_cookie(answer, cookie)
    return answer


@router.get("")
async def applications(visit: CurrentVisit, hal: str = "") -> Response:
    """The applications that this lender was told of, with facts that name nobody."""
    found = await _ask(visit, "/v1/applications", limit=PAGE_SIZE, cursor=hal)
    return visit.page(
        "lender/applications.html",
        tab="",
        applications=found["items"],
        next_cursor=found["next_cursor"],
        is_first_page=not hal,
    )


@router.get("/permohonan/{application_id}")
async def one_application(visit: CurrentVisit, application_id: UUID) -> Response:
    """One application, the own offers, and what this lender would lend."""
    return await _application_page(visit, application_id)


@router.post("/permohonan/{application_id}/profil")
async def read_profile(visit: CurrentVisit, form: OwnForm, application_id: UUID) -> Response:
    """Read the profile: financing writes that down before it answers. A form, so that no browser reads it ahead."""
    try:
        profile = await _ask(visit, f"/v1/applications/{application_id}/profile")
    except Refused as refusal:
        if refusal.upstream_status not in (403, 409):
            raise
        return visit.redirect(f"/mitra/permohonan/{application_id}", fault=refusal.reason or "consent-ended")
    return await _application_page(visit, application_id, profile=profile)


@router.post("/permohonan/{application_id}/tawarkan")
async def offer(visit: CurrentVisit, form: OwnForm, application_id: UUID) -> Response:
    """Offer so much of one product."""
    back = f"/mitra/permohonan/{application_id}"
    amount_minor = amount_typed(text_of(form, "jumlah"))
    months = whole_number(text_of(form, "bulan"), least=1, most=360)
    until = day_typed(text_of(form, "sampai"))
    if not amount_minor or months is None or until is None:
        return visit.redirect(back, info="jumlah")
    body = {
        "product_id": text_of(form, "produk", most=40),
        "amount_minor": amount_minor,
        "tenor_months": months,
        "valid_until": f"{until.isoformat()}T23:59:59+07:00",
    }
    call = _tell(visit, f"/v1/applications/{application_id}/offers", body, key=key_of(form))
    return await visit.act(call, back=back, info="penawaran")


@router.post("/permohonan/{application_id}/tolak")
async def decline(visit: CurrentVisit, form: OwnForm, application_id: UUID) -> Response:
    """Say that nothing will be offered."""
    reason = text_of(form, "alasan")
    if reason not in terms.DECLINE_REASONS:
        raise NotFound
    call = _tell(visit, f"/v1/applications/{application_id}/declines", {"reason": reason}, key=key_of(form))
    return await visit.act(call, back=f"/mitra/permohonan/{application_id}", info="tidak-menawarkan")


@router.post("/permohonan/{application_id}/tarik")
async def withdraw_offer(visit: CurrentVisit, form: OwnForm, application_id: UUID) -> Response:
    """Take an offer back while nobody has taken it."""
    offer_id = id_of(form, "penawaran")
    call = _tell(visit, f"/v1/offers/{offer_id}/withdraw", None)
    return await visit.act(call, back=f"/mitra/permohonan/{application_id}", info="tidak-menawarkan")


@router.post("/permohonan/{application_id}/berhenti")
async def acknowledge(visit: CurrentVisit, form: OwnForm, application_id: UUID) -> Response:
    """Say that the data of an ended consent is used no more and erased."""
    application = await _ask(visit, f"/v1/applications/{application_id}")
    call = _tell(visit, f"/v1/consents/{application['consent_id']}/acknowledgements", {}, key=key_of(form))
    return await visit.act(call, back=f"/mitra/permohonan/{application_id}", info="berhenti")


@router.get("/langganan")
async def subscriptions(visit: CurrentVisit) -> Response:
    """How each subscription goes: how far it is, what it missed, what went wrong last."""
    found = await _ask(visit, "/v1/subscriptions", limit=100)
    return visit.page(
        "lender/subscriptions.html", tab="langganan", subscriptions=found["items"], refresh_seconds=HEALTH_SECONDS
    )


@router.post("/langganan/{subscription_id}")
async def command(visit: CurrentVisit, form: OwnForm, subscription_id: UUID) -> Response:
    """Test, replay from a position, pause, or resume."""
    wanted = text_of(form, "perintah", most=10)
    if wanted not in COMMANDS:
        raise NotFound
    body: dict[str, int] | None = None
    if wanted == "ulang":
        position = whole_number(text_of(form, "posisi"), least=1, most=999_999_999)
        if position is None:
            return visit.redirect("/mitra/langganan", info="jumlah")
        body = {"from_position": position}
    call = _tell(visit, f"/v1/subscriptions/{subscription_id}/{COMMANDS[wanted]}", body)
    return await visit.act(call, back="/mitra/langganan", info=wanted)


async def _application_page(visit: Visit, application_id: UUID, *, profile: dict[str, Any] | None = None) -> Response:
    path = f"/v1/applications/{application_id}"
    application, offers, lender = await asyncio.gather(
        _ask(visit, path), _ask(visit, f"{path}/offers"), _ask(visit, "/v1/lenders/mine")
    )
    products = await _ask(visit, f"/v1/lenders/{lender['lender_id']}/products")
    told = set(application["product_ids"] or [])
    until = day_of(utc_now() + timedelta(days=OFFER_DAYS))
    return visit.page(
        "lender/application.html",
        tab="",
        application=application,
        offers=offers["items"],
        products=[each for each in products["items"] if each["product_id"] in told and each["state"] == "offered"],
        profile=profile,
        until=until.isoformat(),
    )


async def _ask(visit: Visit, path: str, **params: Any) -> Any:
    """Something that financing shows to this lender."""
    return await visit.network.financing.get(path, token=visit.desk_token(), params=params)


async def _tell(visit: Visit, path: str, body: dict[str, Any] | None, *, key: str | None = None) -> Any:
    """Something that this lender does."""
    return await visit.network.financing.call("POST", path, token=visit.desk_token(), key=key, json=body)
