"""Cooperatives for everybody and for members: find, apply, my savings, my patronage, my part of the surplus, found one.

What must stay true: whose member or officer somebody is, cooperatives decides; pages ask with the person's own token.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from services.storefront.domain.forms import Faults, amount_typed, contact_of
from services.storefront.routes.seller import told
from services.storefront.routes.web import CurrentVisit, OwnForm, Visit, key_of, text_of
from services.storefront.upstream import Refused
from shared import regions
from shared.calendar import day_of
from shared.clock import utc_now

router = APIRouter(include_in_schema=False)

PAGE_SIZE = 20
FOUNDERS_MAX = 200
FIELDS = {"name": 120, "region_code": 8, "legal_number": 60, "principal": 20, "mandatory": 20, "founders": 20_000}
FOUNDER = re.compile(r"(?P<name>[^;,\t]{2,120}?)\s*(?:[;,\t]\s*(?P<phone>[+0-9 ()-]{8,25}))?")


@router.get("/koperasi")
async def cooperatives(visit: CurrentVisit, q: str = "", wilayah: str = "", hal: str = "") -> Response:
    """Mine first, then those that one could join."""
    token, upstream = await visit.optional_token(), visit.network.cooperatives
    region = wilayah if regions.find(wilayah) is not None else ""
    params = {"q": q[:100], "region": region, "limit": PAGE_SIZE, "cursor": hal}
    found, memberships, offices = await asyncio.gather(
        upstream.get("/v1/cooperatives", params=params),
        _mine(visit, token, "memberships"),
        _mine(visit, token, "offices"),
    )
    return visit.page(
        "cooperative/list.html",
        found=found["items"],
        next_cursor=found["next_cursor"],
        is_first_page=not hal,
        memberships=memberships,
        offices=offices,
        wanted=q[:100],
        region=region,
    )


@router.post("/koperasi/gabung")
async def join(visit: CurrentVisit, form: OwnForm) -> Response:
    """Join a membership to this account by the code from the office."""
    call = visit.network.cooperatives.call(
        "POST", "/v1/me/memberships", token=await visit.token(), json={"code": text_of(form, "kode", most=40)}
    )
    return await visit.act(call, back="/koperasi", info="tergabung")


@router.get("/koperasi/daftarkan")
async def show_found(visit: CurrentVisit) -> Response:
    """Register a cooperative."""
    await visit.token()
    values = dict.fromkeys(FIELDS, "") | {"principal": "100.000", "mandatory": "20.000"}
    return visit.page("cooperative/found.html", values=values, faults={})


@router.post("/koperasi/daftarkan")
async def found(visit: CurrentVisit, form: OwnForm) -> Response:
    """Register it; whoever does is its chair."""
    token = await visit.token()
    values = {name: text_of(form, name, most=most) for name, most in FIELDS.items()}
    body, faults = _cooperative_of(values)
    if not faults:
        try:
            made = await visit.network.cooperatives.call(
                "POST", "/v1/cooperatives", token=token, key=key_of(form), json=body
            )
        except Refused as refusal:
            if refusal.upstream_status == 401:
                raise
            told(faults, "founders" if refusal.reason == "too-few-founders" else "name", refusal)
        else:
            return visit.redirect(f"/koperasi/{made['cooperative_id']}/kantor", info="koperasi")
    return visit.page("cooperative/found.html", values=values, faults=faults.by_field, status=422)


@router.get("/koperasi/{cooperative_id}")
async def one_cooperative(visit: CurrentVisit, cooperative_id: UUID, hal: str = "") -> Response:
    """A cooperative; for its members with what they have in it."""
    token, upstream = await visit.optional_token(), visit.network.cooperatives
    shown, memberships, offices = await asyncio.gather(
        upstream.get(f"/v1/cooperatives/{cooperative_id}"),
        _mine(visit, token, "memberships"),
        _mine(visit, token, "offices"),
    )
    member = next((each for each in memberships if each["cooperative_id"] == str(cooperative_id)), None)
    office = next((each for each in offices if each["cooperative_id"] == str(cooperative_id)), None)
    values: dict[str, Any] = {"cooperative": shown, "member": member, "office": office, "is_first_page": not hal}
    if member is not None and token is not None:
        values |= await _member_values(visit, token, cooperative_id, member, hal)
    return visit.page("cooperative/one.html", **values)


@router.post("/koperasi/{cooperative_id}/lamar")
async def apply(visit: CurrentVisit, form: OwnForm, cooperative_id: UUID) -> Response:
    """Apply for oneself."""
    token = await visit.token()
    body: dict[str, Any] = {"name": text_of(form, "nama", most=120)}
    number = "".join(character for character in text_of(form, "nik", most=30) if character.isdigit())
    if number:
        body["identity_number"] = number
    call = visit.network.cooperatives.call(
        "POST", f"/v1/cooperatives/{cooperative_id}/applications", token=token, key=key_of(form), json=body
    )
    return await visit.act(call, back=f"/koperasi/{cooperative_id}", info="melamar")


@router.post("/koperasi/{cooperative_id}/shu/cairkan")
async def pay_out_own(visit: CurrentVisit, form: OwnForm, cooperative_id: UUID) -> Response:
    """Move the own part of the surplus to voluntary savings."""
    token = await visit.token()
    memberships = await _mine(visit, token, "memberships")
    member = next((each for each in memberships if each["cooperative_id"] == str(cooperative_id)), None)
    member_id = cooperative_id if member is None else member["member_id"]  # nobody's membership: answered as not found
    path = f"/v1/cooperatives/{cooperative_id}/members/{member_id}/surplus/payout"
    call = visit.network.cooperatives.call("POST", path, token=token, key=key_of(form), json={})
    return await visit.act(call, back=f"/koperasi/{cooperative_id}", info="shu-cair")


async def _member_values(
    visit: Visit, token: str, cooperative_id: UUID, member: Mapping[str, Any], cursor: str
) -> dict[str, Any]:
    """Statement, patronage and surplus of the member, and the meetings."""
    upstream, path = visit.network.cooperatives, f"/v1/cooperatives/{cooperative_id}"
    year = day_of(utc_now()).year
    member_path = f"{path}/members/{member['member_id']}"
    statement, this_year, last_year, surplus, last_surplus, meetings = await asyncio.gather(
        upstream.get(
            "/v1/me/savings",
            token=token,
            params={"member_id": member["member_id"], "limit": PAGE_SIZE, "cursor": cursor},
        ),
        upstream.get(f"{member_path}/patronage", token=token, params={"year": year, "limit": 5}),
        upstream.get(f"{member_path}/patronage", token=token, params={"year": year - 1, "limit": 1}),
        _own_surplus(visit, token, cooperative_id, year),
        _own_surplus(visit, token, cooperative_id, year - 1),
        upstream.get(f"{path}/meetings", token=token, params={"limit": 5}),
    )
    return {
        "statement": statement,
        "patronage": [each for each in (this_year, last_year) if each["roles"]],
        "surplus": [each for each in (surplus, last_surplus) if each is not None],
        "meetings": meetings["items"],
    }


async def _own_surplus(visit: Visit, token: str, cooperative_id: UUID, year: int) -> dict[str, Any] | None:
    """The member's own line of a year; None while that year is not divided."""
    path = f"/v1/cooperatives/{cooperative_id}/years/{year}/surplus/mine"
    try:
        found: dict[str, Any] = await visit.network.cooperatives.get(path, token=token)
    except Refused as refusal:
        if refusal.upstream_status != 404:
            raise
        return None
    return found


async def _mine(visit: Visit, token: str | None, what: str) -> list[dict[str, Any]]:
    """The person's memberships or offices; a guest has none."""
    if token is None:
        return []
    found = await visit.network.cooperatives.get(f"/v1/me/{what}", token=token)
    items: list[dict[str, Any]] = found["items"]
    return items


def _cooperative_of(values: Mapping[str, str]) -> tuple[dict[str, Any], Faults]:
    """What cooperatives takes, and what is wrong with it."""
    faults = Faults()
    principal_minor, mandatory_minor = amount_typed(values["principal"]), amount_typed(values["mandatory"] or "0")
    if len(values["name"]) < 3:
        faults.add("name", "Tulis nama koperasi.")
    if regions.find(values["region_code"]) is None:
        faults.add("region_code", "Pilih kabupaten atau kota.")
    if not principal_minor:
        faults.add("principal", "Tulis simpanan pokok dalam rupiah, misalnya 100.000.")
    if mandatory_minor is None:
        faults.add("mandatory", "Tulis simpanan wajib sebulan, misalnya 20.000.")
    founders = []
    lines = [line.strip() for line in values["founders"].splitlines() if line.strip()]
    for number, line in enumerate(lines[:FOUNDERS_MAX], start=1):
        typed = FOUNDER.fullmatch(line)
        phone = None if typed is None or typed["phone"] is None else contact_of(typed["phone"])
        if typed is None or (typed["phone"] and phone is None):
            faults.add("founders", f"Baris {number} tidak terbaca. Tulis: nama; nomor HP (boleh tanpa nomor).")
            continue
        founders.append({"name": typed["name"].strip()} | (phone or {}))
    if not founders:
        faults.add("founders", "Tulis para pendiri, satu orang satu baris. Paling sedikit sembilan orang.")
    body: dict[str, Any] = {
        "name": values["name"],
        "region_code": values["region_code"],
        "principal_savings_minor": principal_minor,
        "mandatory_savings_minor": mandatory_minor,
        "founders": founders,
    }
    return body | ({"legal_number": values["legal_number"]} if values["legal_number"] else {}), faults
