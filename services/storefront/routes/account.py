"""Signing up, in and out: by phone or e-mail with a one-time code, or with a password."""

from fastapi import APIRouter, Response
from starlette.datastructures import FormData

from services.storefront.domain import words
from services.storefront.domain.forms import PASSWORD_CHARACTERS_MIN, Faults, contact_of
from services.storefront.domain.session import Tokens
from services.storefront.routes.web import CurrentVisit, OwnForm, Visit, safe_path, take_cookie, text_of
from services.storefront.upstream import Refused
from services.storefront.use_cases.sign_in import (
    ask_for_code,
    begin_session,
    sign_out,
    tokens_for_code,
    tokens_for_password,
)
from services.storefront.use_cases.sign_up import sign_up

router = APIRouter(include_in_schema=False)

CONTACT_FAULT = "Tulis nomor HP, misalnya 0812 3456 7890, atau alamat surel."


@router.get("/masuk")
async def show_sign_in(visit: CurrentVisit, lanjut: str = "/") -> Response:
    """The sign-in page."""
    if visit.session.is_signed_in:
        return visit.redirect(safe_path(lanjut))
    return _sign_in_page(visit, lanjut=safe_path(lanjut))


@router.post("/masuk")
async def send_code(visit: CurrentVisit, form: OwnForm) -> Response:
    """Send a one-time code, and ask for it."""
    then, typed = safe_path(text_of(form, "lanjut")), text_of(form, "kontak")
    contact = contact_of(typed)
    if contact is None:
        return _sign_in_page(visit, lanjut=then, typed=typed, faults=_fault("kontak", CONTACT_FAULT), status=422)
    try:
        await ask_for_code(visit.network, contact, purpose="sign_in", visitor=visit.address)
    except Refused as refusal:
        return _sign_in_page(visit, lanjut=then, typed=typed, faults=_refused("kontak", refusal), status=422)
    return visit.page("code.html", lanjut=then, typed=typed, faults={})


@router.post("/masuk/kode")
async def sign_in_by_code(visit: CurrentVisit, form: OwnForm) -> Response:
    """Sign in with the code that came."""
    then, typed = safe_path(text_of(form, "lanjut")), text_of(form, "kontak")
    contact = contact_of(typed)
    if contact is None:
        return _sign_in_page(visit, lanjut=then, typed=typed, faults=_fault("kontak", CONTACT_FAULT), status=422)
    code = "".join(character for character in text_of(form, "kode") if character.isdigit())
    try:
        tokens = await tokens_for_code(visit.network, contact, code, visitor=visit.address)
    except Refused as refusal:
        fault = _refused("kode", refusal, default="wrong-code")
        return visit.page("code.html", lanjut=then, typed=typed, faults=fault.by_field, status=422)
    return await _enter(visit, tokens, then)


@router.post("/masuk/sandi")
async def sign_in_by_password(visit: CurrentVisit, form: OwnForm) -> Response:
    """Sign in with a password."""
    then, typed = safe_path(text_of(form, "lanjut")), text_of(form, "kontak")
    contact = contact_of(typed)
    if contact is None:
        faults = _fault("kontak2", CONTACT_FAULT)
        return _sign_in_page(visit, lanjut=then, typed=typed, faults=faults, status=422, is_password=True)
    try:
        tokens = await tokens_for_password(visit.network, contact, _password_of(form), visitor=visit.address)
    except Refused as refusal:
        faults = _refused("sandi", refusal)
        return _sign_in_page(visit, lanjut=then, typed=typed, faults=faults, status=422, is_password=True)
    return await _enter(visit, tokens, then)


@router.get("/daftar")
async def show_sign_up(visit: CurrentVisit, lanjut: str = "/") -> Response:
    """The sign-up page."""
    if visit.session.is_signed_in:
        return visit.redirect(safe_path(lanjut))
    return _sign_up_page(visit, lanjut=safe_path(lanjut), values={"nama": "", "kontak": ""}, faults=Faults())


@router.post("/daftar")
async def register(visit: CurrentVisit, form: OwnForm) -> Response:
    """Open an account; without a password the next step is a code."""
    then, password = safe_path(text_of(form, "lanjut")), _password_of(form)
    values = {"nama": text_of(form, "nama", most=80), "kontak": text_of(form, "kontak")}
    contact, faults = contact_of(values["kontak"]), Faults()
    if len(values["nama"]) < 2:
        faults.add("nama", "Tulis nama Anda.")
    if contact is None:
        faults.add("kontak", CONTACT_FAULT)
    if contact is not None and "email" in contact and not password:
        faults.add("sandi", "Dengan alamat surel, kata sandi diperlukan.")
    if password and len(password) < PASSWORD_CHARACTERS_MIN:
        faults.add("sandi", f"Kata sandi paling sedikit {PASSWORD_CHARACTERS_MIN} huruf.")
    if faults or contact is None:
        return _sign_up_page(visit, lanjut=then, values=values, faults=faults, status=422)
    try:
        await sign_up(visit.network, contact, name=values["nama"], password=password, visitor=visit.address)
        if password:
            tokens = await tokens_for_password(visit.network, contact, password, visitor=visit.address)
            return await _enter(visit, tokens, then)
        await ask_for_code(visit.network, contact, purpose="sign_in", visitor=visit.address)
    except Refused as refusal:
        slug = "contact-taken" if refusal.reason == "invalid-grant" else refusal.reason
        sentence = words.problem_sentence(slug, refusal.upstream_status)
        faults.add("kontak", f"{sentence.title}. {sentence.text}")
        return _sign_up_page(visit, lanjut=then, values=values, faults=faults, status=422)
    return visit.page("code.html", lanjut=then, typed=values["kontak"], faults={})


@router.post("/keluar")
async def leave(visit: CurrentVisit, form: OwnForm) -> Response:
    """Sign out."""
    await sign_out(visit.db, visit.network, visit.session)
    answer = visit.redirect("/", info="keluar")
    take_cookie(answer, visit.shop)
    return answer


async def _enter(visit: Visit, tokens: Tokens, then: str) -> Response:
    entered = await begin_session(visit.db, visit.shop.vault, visit.network, visit.session, tokens, days=visit.days)
    answer = visit.redirect(then, info="sisa" if entered.has_left_behind else "masuk")
    visit.set_cookie(answer, entered.secret)
    return answer


def _sign_in_page(
    visit: Visit,
    *,
    lanjut: str,
    typed: str = "",
    faults: Faults | None = None,
    status: int = 200,
    is_password: bool = False,
) -> Response:
    by_field = faults.by_field if faults is not None else {}
    return visit.page(
        "sign_in.html", lanjut=lanjut, typed=typed, faults=by_field, status=status, is_password=is_password
    )


def _sign_up_page(visit: Visit, *, lanjut: str, values: dict[str, str], faults: Faults, status: int = 200) -> Response:
    return visit.page("sign_up.html", lanjut=lanjut, values=values, faults=faults.by_field, status=status)


def _password_of(form: FormData) -> str:
    value = form.get("sandi")
    return value[:200] if isinstance(value, str) else ""


def _fault(name: str, sentence: str) -> Faults:
    faults = Faults()
    faults.add(name, sentence)
    return faults


def _refused(name: str, refusal: Refused, *, default: str = "") -> Faults:
    slug = (
        default if default and refusal.reason in {"invalid-grant", "invalid-request", "malformed"} else refusal.reason
    )
    sentence = words.problem_sentence(slug, refusal.upstream_status)
    return _fault(name, f"{sentence.title}. {sentence.text}")
