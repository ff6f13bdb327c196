"""Certificates: listed and written for their holders, verified by anybody, revoked by officers."""

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime, BaseModel

from services.programmes.domain.certificate import as_written, standing
from services.programmes.domain.officer import Officer
from services.programmes.domain.problems import CertificateNotFound, NameErased, RevokedAlready
from services.programmes.routes.desk import NEWEST, Line, json_answer, officer_of, page_of, place_of
from services.programmes.settings import ProgrammesSettings
from services.programmes.store import certificates as store
from services.programmes.use_cases.revoke_certificate import revoke_certificate
from services.programmes.views.certificates import page, sheet, verified
from shared.auth import CurrentPerson
from shared.clock import utc_now
from shared.http import Db
from shared.paging import Cursor, Limit
from shared.problems import Forbidden, documented

router = APIRouter(tags=["certificates"])

Status = Literal["valid", "expired", "revoked"]
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
    "Cache-Control": "no-store",
}


class OwnCertificate(BaseModel):
    """A certificate of the caller."""

    certificate_id: UUID
    number: str
    training_id: UUID
    scheme: str
    region_code: str
    status: Status
    issued_at: AwareDatetime
    expires_at: AwareDatetime
    revoked_at: AwareDatetime | None
    verification_url: str


class OwnCertificates(BaseModel):
    """A page of the caller's certificates, the youngest first."""

    items: list[OwnCertificate]
    next_cursor: str | None


class Verification(BaseModel):
    """What anybody with the number may know."""

    number: str
    status: Status
    scheme: str
    title: str
    provider: str
    region_code: str
    region_name: str
    masked_name: str | None
    issued_at: AwareDatetime
    expires_at: AwareDatetime
    revoked_at: AwareDatetime | None


class Revocation(BaseModel):
    """Why; kept in the register, never published."""

    reason: Line


@router.get("/certificates", response_model=OwnCertificates)
async def list_own_certificates(
    person: CurrentPerson, request: Request, db: Db, limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """The caller's own."""
    settings: ProgrammesSettings = request.app.state.settings
    async with db.reading() as conn:
        rows = await store.certificates_of(conn, person.id, after=place_of(cursor, NEWEST), limit=limit + 1)
    items, next_cursor = page_of(rows, limit, "issued_at", "certificate_id")
    now = utc_now()
    views = [
        {
            **dict(row),
            "status": standing(expires_at=row["expires_at"], revoked_at=row["revoked_at"], now=now),
            "verification_url": settings.verification_address(row["number"]),
        }
        for row in items
    ]
    return json_answer({"items": views, "next_cursor": next_cursor})


@router.get(
    "/certificates/{certificate_id}.pdf",
    response_class=Response,
    responses=documented(CertificateNotFound, NameErased)
    | {200: {"content": {"application/pdf": {}}, "description": "The certificate, with a QR code that verifies it."}},
)
async def get_sheet(certificate_id: UUID, person: CurrentPerson, request: Request, db: Db) -> Response:
    """The certificate as PDF, for its holder and the officers of its region."""
    settings: ProgrammesSettings = request.app.state.settings
    async with db.reading() as conn:
        row = await store.certificate_for(conn, certificate_id, person_id=person.id, officer=Officer.of(person.roles))
    if row["name"] is None:
        raise NameErased
    paper = await asyncio.to_thread(sheet, dict(row), address=settings.verification_address(row["number"]))
    headers = {
        "Content-Disposition": f'inline; filename="sertifikat-{row["number"]}.pdf"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(paper, media_type="application/pdf", headers=headers)


@router.get(
    "/certificates/{number}/verify",
    response_model=Verification,
    responses=documented(CertificateNotFound)
    | {200: {"content": {"text/html": {}}, "description": "A page for people; JSON for others."}},
)
async def verify(number: str, db: Db, accept: Annotated[str, Header()] = "") -> Response:
    """Whether a certificate counts: a page for browsers, JSON for others. The number is as good as a secret."""
    wants_page = "text/html" in accept
    try:
        written = as_written(number)
        if written is None:
            raise CertificateNotFound
        async with db.reading() as conn:
            row = await store.by_number(conn, written)
    except CertificateNotFound:
        if wants_page:
            return HTMLResponse(page(None), CertificateNotFound.status, headers=PAGE_HEADERS)
        raise
    certificate = verified(dict(row), now=utc_now())
    if wants_page:
        return HTMLResponse(page(certificate), headers=PAGE_HEADERS)
    return json_answer(certificate, headers={"Vary": "Accept", "Cache-Control": "no-store"})


@router.post(
    "/certificates/{certificate_id}/revocation",
    status_code=204,
    responses=documented(CertificateNotFound, RevokedAlready, Forbidden),
)
async def post_revocation(certificate_id: UUID, body: Revocation, person: CurrentPerson, db: Db) -> None:
    """Revoke a certificate of your region."""
    officer = officer_of(person)
    async with db.transaction() as conn:
        await revoke_certificate(
            conn, certificate_id=certificate_id, officer=officer, by=person.id, reason=body.reason, now=utc_now()
        )
