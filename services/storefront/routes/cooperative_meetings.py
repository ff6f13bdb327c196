"""Meetings of members: called, roll, quorum, motions, ballots, signatures, minutes; for officers and for members.

What must stay true: one member one vote is cooperatives' to keep; nothing here remembers how somebody voted.
"""

import asyncio
from datetime import datetime, time
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from services.storefront.domain import terms
from services.storefront.domain.forms import Faults, day_typed, whole_number
from services.storefront.routes.cooperative_office import ask, office_of
from services.storefront.routes.cooperative_surplus import allocation_of
from services.storefront.routes.seller import told
from services.storefront.routes.web import CurrentVisit, OwnForm, Visit, key_of, text_of
from services.storefront.upstream import Refused
from shared.calendar import WIB, day_of
from shared.clock import utc_now
from shared.problems import NotFound

router = APIRouter(include_in_schema=False, prefix="/koperasi/{cooperative_id}")

MEMBERS_SHOWN = 100
FIELDS = {"kind": 20, "year": 4, "day": 10, "time": 5, "invited_on": 10, "online": 2, "agenda": 4000}


@router.get("/kantor/rapat")
async def meetings(visit: CurrentVisit, cooperative_id: UUID) -> Response:
    """Meetings, newest first, and the form to call one."""
    today = day_of(utc_now())
    values = {"kind": "annual", "year": str(today.year), "day": "", "time": "09:00", "online": ""}
    values |= {"invited_on": today.isoformat(), "agenda": "Laporan pengurus dan pengawas\nPembagian SHU"}
    return await _list_page(visit, cooperative_id, values, Faults())


@router.post("/kantor/rapat")
async def call_meeting(visit: CurrentVisit, form: OwnForm, cooperative_id: UUID) -> Response:
    """Call one."""
    values = {name: text_of(form, name, most=most) for name, most in FIELDS.items()}
    body, faults = _meeting_of(values)
    if not faults:
        try:
            made = await visit.network.cooperatives.call(
                "POST",
                f"/v1/cooperatives/{cooperative_id}/meetings",
                token=await visit.token(),
                key=key_of(form),
                json=body,
            )
        except Refused as refusal:
            if refusal.upstream_status in (401, 404):
                raise
            told(faults, "day", refusal)
        else:
            return visit.redirect(f"/koperasi/{cooperative_id}/rapat/{made['meeting_id']}", info="rapat")
    return await _list_page(visit, cooperative_id, values, faults)


@router.get("/rapat/{meeting_id}")
async def meeting(visit: CurrentVisit, cooperative_id: UUID, meeting_id: UUID) -> Response:
    """A meeting: what it decides, and what this person may do in it."""
    found, cooperative, office = await asyncio.gather(
        ask(visit, cooperative_id, f"/meetings/{meeting_id}"),
        visit.network.cooperatives.get(f"/v1/cooperatives/{cooperative_id}"),
        _office(visit, cooperative_id),
    )
    members: list[dict[str, Any]] = []
    if office is not None and found["state"] in ("called", "open"):
        listed = await ask(visit, cooperative_id, "/members", state="active", limit=MEMBERS_SHOWN)
        members = listed["items"]
    return visit.page(
        "cooperative/meeting.html",
        cooperative=cooperative,
        office=office,
        meeting=found,
        members=members,
        has_begun=datetime.fromisoformat(found["held_at"]) <= utc_now(),
        signed={each["account_id"] for each in found["signatures"]},
        account_id=str(visit.session.account_id),
    )


@router.post("/rapat/{meeting_id}/hadir")
async def enter_roll(visit: CurrentVisit, form: OwnForm, cooperative_id: UUID, meeting_id: UUID) -> Response:
    """Members who are there, ticked by an officer; nobody ticked: oneself, at an online meeting."""
    ids = [value for value in form.getlist("anggota") if isinstance(value, str)]
    is_self = text_of(form, "saya") == "ya"
    if not ids and not is_self:
        return visit.redirect(_path(cooperative_id, meeting_id), info="jumlah")
    body = {"member_ids": [] if is_self else ids}
    return await _act(visit, cooperative_id, meeting_id, "roll", body, info="hadir")


@router.post("/rapat/{meeting_id}/buka")
async def open_meeting(visit: CurrentVisit, form: OwnForm, cooperative_id: UUID, meeting_id: UUID) -> Response:
    """Open it; refused until the quorum is there."""
    return await _act(visit, cooperative_id, meeting_id, "open", None, info="rapat-dibuka")


@router.post("/rapat/{meeting_id}/usul")
async def move(visit: CurrentVisit, form: OwnForm, cooperative_id: UUID, meeting_id: UUID) -> Response:
    """Put a motion; one on the surplus with its parts in percent."""
    kind = text_of(form, "jenis", most=20)
    body: dict[str, Any] = {"kind": kind, "text": text_of(form, "usul", most=500)}
    if kind == "surplus":
        allocation, fault = allocation_of({pool: text_of(form, f"p-{pool}", most=8) for pool in terms.POOLS})
        if fault is not None:
            return visit.redirect(_path(cooperative_id, meeting_id), fault="allocation-not-whole")
        body["allocation"] = allocation
    return await _act(visit, cooperative_id, meeting_id, "motions", body, info="usul", key=key_of(form))


@router.post("/rapat/{meeting_id}/suara")
async def vote(visit: CurrentVisit, form: OwnForm, cooperative_id: UUID, meeting_id: UUID) -> Response:
    """One's own vote, or as an officer the raised hand of a member without an account."""
    body = {"motion_id": text_of(form, "usul", most=40), "choice": text_of(form, "pilihan", most=10)}
    if text_of(form, "anggota"):
        body["member_id"] = text_of(form, "anggota", most=40)
    return await _act(visit, cooperative_id, meeting_id, "ballots", body, info="suara")


@router.post("/rapat/{meeting_id}/tutup")
async def close(visit: CurrentVisit, form: OwnForm, cooperative_id: UUID, meeting_id: UUID) -> Response:
    """Sign: the first signature counts the votes, the second closes the meeting."""
    digest = text_of(form, "sidik", most=64)
    body = {"minutes_sha256": digest} if digest else None
    return await _act(visit, cooperative_id, meeting_id, "close", body, info="tanda-tangan")


@router.get("/rapat/{meeting_id}/berita-acara")
async def minutes(visit: CurrentVisit, cooperative_id: UUID, meeting_id: UUID) -> Response:
    """The sealed minutes, as cooperatives prints them."""
    answer = await visit.network.cooperatives.send(
        "GET",
        f"/v1/cooperatives/{cooperative_id}/meetings/{meeting_id}/minutes",
        token=await visit.token(),
        params={"format": "html"},
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    }
    return Response(answer.content, media_type="text/html", headers=headers)


async def _act(
    visit: Visit,
    cooperative_id: UUID,
    meeting_id: UUID,
    what: str,
    body: dict[str, Any] | None,
    *,
    info: str,
    key: str | None = None,
) -> Response:
    path = f"/v1/cooperatives/{cooperative_id}/meetings/{meeting_id}/{what}"
    call = visit.network.cooperatives.call("POST", path, token=await visit.token(), key=key, json=body)
    return await visit.act(call, back=_path(cooperative_id, meeting_id), info=info)


async def _office(visit: Visit, cooperative_id: UUID) -> dict[str, Any] | None:
    """The person's office; None for a member without one."""
    try:
        return await office_of(visit, cooperative_id)
    except NotFound:
        return None


async def _list_page(visit: Visit, cooperative_id: UUID, values: dict[str, str], faults: Faults) -> Response:
    office, found = await asyncio.gather(
        office_of(visit, cooperative_id), ask(visit, cooperative_id, "/meetings", limit=20)
    )
    return visit.page(
        "cooperative/meetings.html",
        status=422 if faults else 200,
        office=office,
        tab="rapat",
        meetings=found["items"],
        values=values,
        faults=faults.by_field,
    )


def _meeting_of(values: dict[str, str]) -> tuple[dict[str, Any], Faults]:
    """What cooperatives takes, and what is wrong with it. Times are those of western Indonesia."""
    faults = Faults()
    held_on, invited_on = day_typed(values["day"]), day_typed(values["invited_on"])
    year = whole_number(values["year"], least=2000, most=9998)
    agenda = [line.strip() for line in values["agenda"].splitlines() if line.strip()]
    try:
        hour = time.fromisoformat(values["time"])
    except ValueError:
        hour = None
    if held_on is None:
        faults.add("day", "Pilih hari rapat.")
    if hour is None:
        faults.add("time", "Tulis jam rapat, misalnya 09:00.")
    if invited_on is None:
        faults.add("invited_on", "Pilih hari undangan dikirim.")
    if year is None:
        faults.add("year", "Tulis tahun buku, misalnya 2026.")
    if not agenda:
        faults.add("agenda", "Tulis acara rapat, satu acara satu baris.")
    if held_on is None or hour is None or invited_on is None:
        return {}, faults
    body = {
        "kind": values["kind"],
        "year": year,
        "held_at": datetime.combine(held_on, hour, WIB).isoformat(),
        "invited_on": invited_on.isoformat(),
        "is_online": values["online"] == "ya",
        "agenda": agenda,
    }
    return body, faults


def _path(cooperative_id: UUID, meeting_id: UUID) -> str:
    return f"/koperasi/{cooperative_id}/rapat/{meeting_id}"
