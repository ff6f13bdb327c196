"""The cooperative's office: what waits, members and their savings, applications, withdrawals, the trial balance.

What must stay true: every call carries the officer's own token; a second person's yes is cooperatives' to demand.
"""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from services.storefront.domain import terms
from services.storefront.domain.forms import amount_typed, contact_of
from services.storefront.routes.web import CurrentVisit, OwnForm, Visit, key_of, text_of
from services.storefront.upstream import Refused
from shared.problems import NotFound

router = APIRouter(include_in_schema=False, prefix="/koperasi/{cooperative_id}/kantor")

PAGE_SIZE = 25
DECISIONS = {"setujui": "approve", "tolak": "reject"}


async def office_of(visit: Visit, cooperative_id: UUID) -> dict[str, Any]:
    """The cooperative with the person's office in it. Raises NotFound when they hold none there."""
    cooperative, offices = await asyncio.gather(
        visit.network.cooperatives.get(f"/v1/cooperatives/{cooperative_id}"),
        visit.network.cooperatives.get("/v1/me/offices", token=await visit.token()),
    )
    for office in offices["items"]:
        if office["cooperative_id"] == str(cooperative_id):
            return {**cooperative, "role": office["role"]}
    raise NotFound


async def ask(visit: Visit, cooperative_id: UUID, path: str, **params: Any) -> Any:
    """Something that cooperatives shows to officers."""
    return await visit.network.cooperatives.get(
        f"/v1/cooperatives/{cooperative_id}{path}", token=await visit.token(), params=params
    )


@router.get("")
async def overview(visit: CurrentVisit, cooperative_id: UUID) -> Response:
    """What waits for an officer."""
    office, applications, withdrawals, behind, books, officers = await asyncio.gather(
        office_of(visit, cooperative_id),
        ask(visit, cooperative_id, "/applications", state="waiting", limit=PAGE_SIZE),
        ask(visit, cooperative_id, "/withdrawals", state="waiting", limit=PAGE_SIZE),
        ask(visit, cooperative_id, "/dues", limit=PAGE_SIZE),
        ask(visit, cooperative_id, "/ledger/trial-balance"),
        ask(visit, cooperative_id, "/officers"),
    )
    return visit.page(
        "cooperative/office.html",
        officers=officers["items"],
        account_id=str(visit.session.account_id),
        office=office,
        tab="",
        applications=applications["items"],
        withdrawals=withdrawals["items"],
        behind=behind["items"],
        lines={line["code"]: line["debit_minor"] + line["credit_minor"] for line in books["lines"]},
    )


@router.post("/pengurus")
async def appoint(visit: CurrentVisit, form: OwnForm, cooperative_id: UUID) -> Response:
    """Give an office to somebody, by the account number that they read on their own page."""
    body = {"account_id": text_of(form, "akun", most=40), "role": text_of(form, "jabatan", most=20)}
    call = visit.network.cooperatives.call(
        "POST", f"/v1/cooperatives/{cooperative_id}/officers", token=await visit.token(), json=body
    )
    return await visit.act(call, back=f"/koperasi/{cooperative_id}/kantor", info="pengurus")


@router.get("/anggota")
async def members(visit: CurrentVisit, cooperative_id: UUID, q: str = "", status: str = "", hal: str = "") -> Response:
    """Members with what each has saved."""
    state = status if status in terms.MEMBER_STATE else ""
    office, found = await asyncio.gather(
        office_of(visit, cooperative_id),
        ask(visit, cooperative_id, "/members", q=q[:100], state=state, limit=PAGE_SIZE, cursor=hal),
    )
    return visit.page(
        "cooperative/members.html",
        office=office,
        tab="anggota",
        members=found["items"],
        next_cursor=found["next_cursor"],
        is_first_page=not hal,
        wanted=q[:100],
        state=state,
    )


@router.post("/anggota/baru")
async def enter_person(visit: CurrentVisit, form: OwnForm, cooperative_id: UUID) -> Response:
    """Apply for somebody who has no account, nor an e-mail address; another officer approves."""
    phone = contact_of(text_of(form, "hp", most=30))
    body: dict[str, Any] = {"name": text_of(form, "nama", most=120), "has_account": False}
    number = "".join(character for character in text_of(form, "nik", most=30) if character.isdigit())
    body |= {"phone": phone["phone"]} if phone is not None and "phone" in phone else {}
    body |= {"identity_number": number} if number else {}
    call = visit.network.cooperatives.call(
        "POST",
        f"/v1/cooperatives/{cooperative_id}/applications",
        token=await visit.token(),
        key=key_of(form),
        json=body,
    )
    office = f"/koperasi/{cooperative_id}/kantor"
    return await visit.act(call, back=f"{office}/permohonan", info="anggota-baru", form_page=f"{office}/anggota")


@router.get("/anggota/{member_id}")
async def one_member(visit: CurrentVisit, cooperative_id: UUID, member_id: UUID, hal: str = "") -> Response:
    """One member, the statement, and the till."""
    return await _member_page(visit, cooperative_id, member_id, cursor=hal)


@router.post("/anggota/{member_id}/setor")
async def deposit(visit: CurrentVisit, form: OwnForm, cooperative_id: UUID, member_id: UUID) -> Response:
    """Take in cash."""
    return await _till(visit, form, cooperative_id, member_id, "deposits", info="setoran")


@router.post("/anggota/{member_id}/tarik")
async def withdraw(visit: CurrentVisit, form: OwnForm, cooperative_id: UUID, member_id: UUID) -> Response:
    """Pay cash out; above the limit another officer decides."""
    return await _till(visit, form, cooperative_id, member_id, "withdrawals", info="ditarik-tunai")


@router.post("/anggota/{member_id}/kode")
async def link_code(visit: CurrentVisit, form: OwnForm, cooperative_id: UUID, member_id: UUID) -> Response:
    """A code for the member to type once, shown this once."""
    path = f"/v1/cooperatives/{cooperative_id}/members/{member_id}/link-codes"
    try:
        code = await visit.network.cooperatives.call("POST", path, token=await visit.token())
    except Refused as refusal:
        if refusal.upstream_status not in (403, 409):
            raise
        return visit.redirect(f"/koperasi/{cooperative_id}/kantor/anggota/{member_id}", fault=refusal.reason)
    return await _member_page(visit, cooperative_id, member_id, code=code)


@router.get("/permohonan")
async def applications(visit: CurrentVisit, cooperative_id: UUID, hal: str = "") -> Response:
    """Who waits to be admitted."""
    office, found = await asyncio.gather(
        office_of(visit, cooperative_id),
        ask(visit, cooperative_id, "/applications", state="waiting", limit=PAGE_SIZE, cursor=hal),
    )
    return visit.page(
        "cooperative/applications.html",
        office=office,
        tab="permohonan",
        applications=found["items"],
        next_cursor=found["next_cursor"],
        is_first_page=not hal,
    )


@router.post("/permohonan/{application_id}")
async def decide(visit: CurrentVisit, form: OwnForm, cooperative_id: UUID, application_id: UUID) -> Response:
    """Admit, or refuse."""
    decision = DECISIONS.get(text_of(form, "putusan"))
    if decision is None:
        raise NotFound
    path = f"/v1/cooperatives/{cooperative_id}/applications/{application_id}/{decision}"
    call = visit.network.cooperatives.call("POST", path, token=await visit.token())
    info = "disetujui" if decision == "approve" else "ditolak-pengurus"
    return await visit.act(call, back=f"/koperasi/{cooperative_id}/kantor/permohonan", info=info)


@router.get("/penarikan")
async def withdrawals(visit: CurrentVisit, cooperative_id: UUID, hal: str = "") -> Response:
    """Withdrawals, those that wait for a second officer first."""
    office, waiting, found = await asyncio.gather(
        office_of(visit, cooperative_id),
        ask(visit, cooperative_id, "/withdrawals", state="waiting", limit=100),
        ask(visit, cooperative_id, "/withdrawals", limit=PAGE_SIZE, cursor=hal),
    )
    return visit.page(
        "cooperative/withdrawals.html",
        office=office,
        tab="penarikan",
        waiting=waiting["items"],
        withdrawals=[each for each in found["items"] if each["state"] != "waiting"],
        next_cursor=found["next_cursor"],
        is_first_page=not hal,
        account_id=str(visit.session.account_id),
    )


@router.post("/penarikan/{withdrawal_id}")
async def decide_withdrawal(visit: CurrentVisit, form: OwnForm, cooperative_id: UUID, withdrawal_id: UUID) -> Response:
    """The second officer's yes or no."""
    decision = {"setujui": "approve", "tolak": "refuse"}.get(text_of(form, "putusan"))
    if decision is None:
        raise NotFound
    path = f"/v1/cooperatives/{cooperative_id}/withdrawals/{withdrawal_id}/{decision}"
    call = visit.network.cooperatives.call("POST", path, token=await visit.token())
    info = "ditarik-tunai" if decision == "approve" else "ditolak-pengurus"
    return await visit.act(call, back=f"/koperasi/{cooperative_id}/kantor/penarikan", info=info)


@router.get("/neraca")
async def trial_balance(visit: CurrentVisit, cooperative_id: UUID) -> Response:
    """Each line of the chart; both columns have one sum."""
    office, books = await asyncio.gather(
        office_of(visit, cooperative_id), ask(visit, cooperative_id, "/ledger/trial-balance")
    )
    return visit.page("cooperative/books.html", office=office, tab="neraca", books=books)


async def _till(visit: Visit, form: Any, cooperative_id: UUID, member_id: UUID, what: str, *, info: str) -> Response:
    back = f"/koperasi/{cooperative_id}/kantor/anggota/{member_id}"
    amount_minor = amount_typed(text_of(form, "jumlah"))
    if not amount_minor:
        return visit.redirect(back, info="jumlah")
    body = {"kind": text_of(form, "jenis", most=20), "amount_minor": amount_minor}
    path = f"/v1/cooperatives/{cooperative_id}/members/{member_id}/{what}"
    try:
        done = await visit.network.cooperatives.call(
            "POST", path, token=await visit.token(), key=key_of(form), json=body
        )
    except Refused as refusal:
        if refusal.upstream_status not in (403, 409, 422):
            raise
        return visit.redirect(back, fault=refusal.reason)
    return visit.redirect(back, info="penarikan-tunggu" if done.get("state") == "waiting" else info)


async def _member_page(
    visit: Visit, cooperative_id: UUID, member_id: UUID, *, cursor: str = "", code: dict[str, Any] | None = None
) -> Response:
    office, member, statement = await asyncio.gather(
        office_of(visit, cooperative_id),
        ask(visit, cooperative_id, f"/members/{member_id}"),
        ask(visit, cooperative_id, f"/members/{member_id}/savings", limit=PAGE_SIZE, cursor=cursor),
    )
    return visit.page(
        "cooperative/member.html",
        office=office,
        tab="anggota",
        member=member,
        statement=statement,
        is_first_page=not cursor,
        code=code,
    )
