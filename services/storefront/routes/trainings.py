"""Trainings: listed for everybody, joined by people, and their certificates as PDF."""

import asyncio
from uuid import UUID

from fastapi import APIRouter, Response

from services.storefront.routes.web import CurrentVisit, OwnForm, id_of, text_of
from services.storefront.upstream import Refused
from shared import regions
from shared.calendar import day_of
from shared.clock import utc_now

router = APIRouter(include_in_schema=False, prefix="/pelatihan")

PAGE_SIZE = 20
TOLD = frozenset({403, 409, 422})


@router.get("")
async def trainings(visit: CurrentVisit, wilayah: str = "", hal: str = "") -> Response:
    """Trainings, the youngest first."""
    region = wilayah if regions.find(wilayah) is not None else ""
    params = {"region": region, "limit": PAGE_SIZE, "cursor": hal}
    found = await visit.network.programmes.get("/v1/trainings", params=params)
    return visit.page(
        "public/trainings.html",
        trainings=found["items"],
        next_cursor=found["next_cursor"],
        is_first_page=not hal,
        region=region,
        today=day_of(utc_now()).isoformat(),
    )


@router.get("/saya")
async def mine(visit: CurrentVisit) -> Response:
    """My trainings and my certificates."""
    token, programmes = await visit.token(), visit.network.programmes
    enrolments, certificates = await asyncio.gather(
        programmes.get("/v1/enrolments", token=token, params={"limit": 50}),
        programmes.get("/v1/certificates", token=token, params={"limit": 50}),
    )
    return visit.page("public/my_trainings.html", enrolments=enrolments["items"], certificates=certificates["items"])


@router.get("/sertifikat/{certificate_id}.pdf")
async def certificate(visit: CurrentVisit, certificate_id: UUID) -> Response:
    """A certificate of one's own, as programmes writes it."""
    answer = await visit.network.programmes.send(
        "GET", f"/v1/certificates/{certificate_id}.pdf", token=await visit.token(), accept="application/pdf"
    )
    headers = {
        "Content-Disposition": answer.headers.get("content-disposition", "inline"),
        "Cache-Control": "private, no-store",
    }
    return Response(answer.content, media_type="application/pdf", headers=headers)


@router.get("/{training_id}")
async def one_training(visit: CurrentVisit, training_id: UUID) -> Response:
    """A training, and the form to take part."""
    training = await visit.network.programmes.get(f"/v1/trainings/{training_id}")
    token, enrolment = await visit.optional_token(), None
    if token is not None:
        found = await visit.network.programmes.get("/v1/enrolments", token=token, params={"limit": 100})
        enrolment = next((each for each in found["items"] if each["training_id"] == str(training_id)), None)
    today = day_of(utc_now()).isoformat()
    return visit.page("public/training.html", training=training, enrolment=enrolment, today=today)


@router.post("/{training_id}")
async def enrol(visit: CurrentVisit, form: OwnForm, training_id: UUID) -> Response:
    """Take part: a seat, or a place in the queue."""
    token, back = await visit.token(), f"/pelatihan/{training_id}"
    try:
        made = await visit.network.programmes.call(
            "POST",
            f"/v1/trainings/{training_id}/enrolments",
            token=token,
            json={"name": text_of(form, "nama", most=200)},
        )
    except Refused as refusal:
        if refusal.upstream_status not in TOLD:
            raise
        return visit.redirect(back, fault=refusal.reason)
    return visit.redirect(back, info="terdaftar" if made["status"] == "enrolled" else "tunggu")


@router.post("/{training_id}/mundur")
async def withdraw(visit: CurrentVisit, form: OwnForm, training_id: UUID) -> Response:
    """Give the seat to who waits."""
    enrolment_id = id_of(form, "pendaftaran")
    call = visit.network.programmes.call("DELETE", f"/v1/enrolments/{enrolment_id}", token=await visit.token())
    return await visit.act(call, back=f"/pelatihan/{training_id}", info="mundur")
