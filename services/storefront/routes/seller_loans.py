"""The seller's finance: ask for a loan under a consent read in full, compare offers, take one, follow the loan.

What must stay true: nobody ticks a box below words they were not shown; what is accepted is what was read.
"""

import asyncio
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from starlette.datastructures import FormData

from services.storefront.domain import terms, words
from services.storefront.domain.forms import Faults, amount_typed, day_typed, whole_number
from services.storefront.routes.seller import my_shop
from services.storefront.routes.web import CurrentVisit, OwnForm, Visit, id_of, key_of, text_of
from services.storefront.upstream import Refused
from services.storefront.use_cases.ask_for_loan import Wish, ask_for_loan, consent_words
from shared.calendar import WIB, day_of
from shared.clock import utc_now
from shared.ids import new_id
from shared.problems import NotFound

router = APIRouter(include_in_schema=False, prefix="/penjual/{shop_id}")

LIST_SIZE = 50
FIELDS = {"amount": 20, "tenor": 3, "purpose": 40, "until": 10}
CONSENT_DAYS = 90
CONSENT_DAYS_MAX = 365


@router.get("/pinjaman")
async def loans(visit: CurrentVisit, shop_id: UUID) -> Response:
    """Loans, applications and consents of this shop."""
    token, financing = await visit.token(), visit.network.financing
    shop, asked, running, consents = await asyncio.gather(
        my_shop(visit, shop_id),
        financing.get("/v1/applications", token=token, params={"limit": LIST_SIZE}),
        financing.get("/v1/loans", token=token, params={"limit": LIST_SIZE}),
        financing.get("/v1/consents", token=token),
    )
    return visit.page(
        "seller/loans.html",
        shop=shop,
        tab="pinjaman",
        applications=_of(shop_id, asked),
        loans=_of(shop_id, running),
        consents=_of(shop_id, consents),
    )


@router.get("/pinjaman/ajukan")
async def show_wish(visit: CurrentVisit, shop_id: UUID) -> Response:
    """How much, for how long, for what, and which data may be read."""
    until = day_of(utc_now() + timedelta(days=CONSENT_DAYS)).isoformat()
    values = {"amount": "", "tenor": "12", "purpose": "working_capital", "until": until}
    return await _wish_page(visit, shop_id, values, tuple(terms.SCOPE), Faults())


@router.post("/pinjaman/ajukan")
async def show_consent(visit: CurrentVisit, form: OwnForm, shop_id: UUID) -> Response:
    """The consent's words in full, to tick; or the form again with what is wrong."""
    values, scopes = _typed(form)
    wish, faults = _wish_of(form, shop_id, values, scopes)
    if wish is None or text_of(form, "langkah") == "ubah":
        return await _wish_page(visit, shop_id, values, scopes, faults)
    return await _consent_page(visit, shop_id, wish, values)


@router.post("/pinjaman/kirim")
async def send_wish(visit: CurrentVisit, form: OwnForm, shop_id: UUID) -> Response:
    """Give the consent and ask; what nobody would lend comes back with the reasons."""
    token = await visit.token()
    values, scopes = _typed(form)
    wish, faults = _wish_of(form, shop_id, values, scopes)
    if wish is None:
        return await _wish_page(visit, shop_id, values, scopes, faults)
    if text_of(form, "setuju") != "ya":
        return await _consent_page(visit, shop_id, wish, values, fault="Centang izin ini bila Anda setuju.")
    try:
        application_id = await ask_for_loan(
            visit.network,
            token,
            wish,
            text_version=text_of(form, "versi", most=20),
            consent_key=text_of(form, "kunci_izin"),
            application_key=key_of(form),
        )
    except Refused as refusal:
        if refusal.upstream_status in (401, 404):
            raise
        sentence = words.problem_sentence(refusal.reason, refusal.upstream_status)
        faults.add("amount", f"{sentence.title}. {sentence.text}")
        return await _wish_page(visit, shop_id, values, scopes, faults, reasons=refusal.document.get("reasons"))
    return visit.redirect(f"/penjual/{shop_id}/pinjaman/permohonan/{application_id}", info="permohonan")


@router.get("/pinjaman/permohonan/{application_id}")
async def one_application(visit: CurrentVisit, shop_id: UUID, application_id: UUID) -> Response:
    """An application with its offers side by side."""
    token, path = await visit.token(), f"/v1/applications/{application_id}"
    shop, application, offers = await asyncio.gather(
        my_shop(visit, shop_id),
        visit.network.financing.get(path, token=token),
        visit.network.financing.get(f"{path}/offers", token=token),
    )
    if application["shop_id"] != str(shop_id):
        raise NotFound
    return visit.page(
        "seller/application.html", shop=shop, tab="pinjaman", application=application, offers=offers["items"]
    )


@router.post("/pinjaman/permohonan/{application_id}/tarik")
async def withdraw(visit: CurrentVisit, form: OwnForm, shop_id: UUID, application_id: UUID) -> Response:
    """Ask for nothing any more."""
    call = visit.network.financing.call(
        "POST", f"/v1/applications/{application_id}/withdraw", token=await visit.token(), key=key_of(form), json={}
    )
    return await visit.act(call, back=f"/penjual/{shop_id}/pinjaman", info="permohonan-ditarik")


@router.post("/pinjaman/permohonan/{application_id}/terima")
async def accept(visit: CurrentVisit, form: OwnForm, shop_id: UUID, application_id: UUID) -> Response:
    """Take one offer, as it was read."""
    back = f"/penjual/{shop_id}/pinjaman/permohonan/{application_id}"
    offer_id, share = id_of(form, "penawaran"), whole_number(text_of(form, "bagian"), least=1, most=10_000)
    call = visit.network.financing.call(
        "POST",
        f"/v1/offers/{offer_id}/accept",
        token=await visit.token(),
        key=key_of(form),
        json={"share_basis_points_max": share},
    )
    return await visit.act(call, back=back, info="pinjaman")


@router.get("/pinjaman/kredit/{loan_id}")
async def one_loan(visit: CurrentVisit, shop_id: UUID, loan_id: UUID) -> Response:
    """A loan with its plan, and what was paid of it."""
    token = await visit.token()
    shop, loan, schedule = await asyncio.gather(
        my_shop(visit, shop_id),
        visit.network.financing.get(f"/v1/loans/{loan_id}", token=token),
        visit.network.financing.get(f"/v1/loans/{loan_id}/schedule", token=token),
    )
    if loan["shop_id"] != str(shop_id):
        raise NotFound
    return visit.page("seller/loan.html", shop=shop, tab="pinjaman", loan=loan, schedule=schedule)


@router.get("/izin/{consent_id}")
async def one_consent(visit: CurrentVisit, shop_id: UUID, consent_id: UUID) -> Response:
    """A consent: what it allows, who was told, every question for the data."""
    token, path = await visit.token(), f"/v1/consents/{consent_id}"
    shop, consent, access = await asyncio.gather(
        my_shop(visit, shop_id),
        visit.network.financing.get(path, token=token),
        visit.network.financing.get(f"{path}/access_log", token=token),
    )
    if consent["shop_id"] != str(shop_id):
        raise NotFound
    return visit.page("seller/consent.html", shop=shop, tab="pinjaman", consent=consent, access=access)


@router.post("/izin/{consent_id}/cabut")
async def revoke(visit: CurrentVisit, form: OwnForm, shop_id: UUID, consent_id: UUID) -> Response:
    """Take a consent back."""
    call = visit.network.financing.call("DELETE", f"/v1/consents/{consent_id}", token=await visit.token())
    return await visit.act(call, back=f"/penjual/{shop_id}/izin/{consent_id}", info="izin-dicabut")


def _typed(form: FormData) -> tuple[dict[str, str], tuple[str, ...]]:
    values = {name: text_of(form, name, most=most) for name, most in FIELDS.items()}
    values["tinjau"] = text_of(form, "tinjau", most=2)
    chosen = {value for value in form.getlist("scope") if isinstance(value, str)}
    return values, tuple(scope for scope in terms.SCOPE if scope in chosen)


def _wish_of(
    form: FormData, shop_id: UUID, values: dict[str, str], scopes: tuple[str, ...]
) -> tuple[Wish | None, Faults]:
    """What was asked for, or what is wrong with it."""
    faults, now = Faults(), utc_now()
    amount_minor = amount_typed(values["amount"])
    months = whole_number(values["tenor"], least=1, most=360)
    day = day_typed(values["until"])
    if not amount_minor:
        faults.add("amount", "Tulis jumlah dalam rupiah, misalnya 10.000.000.")
    if months is None:
        faults.add("tenor", "Tulis jangka waktu dalam bulan, misalnya 12.")
    if values["purpose"] not in terms.PURPOSE:
        faults.add("purpose", "Pilih keperluannya.")
    if not scopes:
        faults.add("scope-sales", "Pilih paling sedikit satu jenis data yang boleh dibaca.")
    if day is None or not day_of(now) < day <= day_of(now + timedelta(days=CONSENT_DAYS_MAX)):
        faults.add("until", "Pilih tanggal sesudah hari ini, paling lama setahun.")
    if faults or not amount_minor or months is None or day is None:
        return None, faults
    until = datetime.combine(day, time(), WIB)
    asks_a_person = values["tinjau"] == "ya"
    return Wish(str(shop_id), amount_minor, months, values["purpose"], scopes, until, asks_a_person), faults


async def _wish_page(
    visit: Visit,
    shop_id: UUID,
    values: dict[str, str],
    scopes: tuple[str, ...],
    faults: Faults,
    *,
    reasons: Any = None,
) -> Response:
    shop = await my_shop(visit, shop_id)
    return visit.page(
        "seller/ask.html",
        status=422 if faults else 200,
        shop=shop,
        tab="pinjaman",
        values=values,
        scopes=scopes,
        faults=faults.by_field,
        reasons=reasons or [],
    )


async def _consent_page(
    visit: Visit, shop_id: UUID, wish: Wish, values: dict[str, str], *, fault: str | None = None
) -> Response:
    shop, said = await asyncio.gather(my_shop(visit, shop_id), consent_words(visit.network, wish))
    return visit.page(
        "seller/agree.html",
        status=422 if fault else 200,
        shop=shop,
        tab="pinjaman",
        wish=wish,
        values=values,
        said=said,
        fault=fault,
        consent_key=str(new_id()),
    )


def _of(shop_id: UUID, found: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in found["items"] if each["shop_id"] == str(shop_id)]
