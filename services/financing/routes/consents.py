"""Consents: given and revoked by the shop's owner, who sees every read and every recipient; acknowledged by lenders."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from services.financing.domain.problems import (
    ConsentEnded,
    ConsentNotFound,
    ConsentStands,
    ConsentTooLong,
    LenderNotFound,
    ShopNotFound,
    UnknownConsentWords,
)
from services.financing.routes.answers import Settings, json_answer, once
from services.financing.routes.callers import CurrentLender
from services.financing.store import consents as store
from services.financing.store.rules import consent_texts
from services.financing.use_cases.end_consents import revoke_consent
from services.financing.use_cases.give_consent import GiveConsent, give_consent, words_of
from shared import paging
from shared.auth import CurrentPerson
from shared.clock import utc_now
from shared.http import Db
from shared.idempotency import IdempotencyKey
from shared.ids import new_id
from shared.paging import Cursor, Limit
from shared.problems import Unauthenticated, documented
from shared.telemetry import current_trace_id

router = APIRouter(prefix="/v1", tags=["consents"], responses=documented(Unauthenticated))

Scope = Literal["sales", "cooperative", "certificates", "repayment"]
Purpose = Annotated[str, StringConstraints(pattern="^[a-z_]{2,40}$")]
Language = Annotated[str, StringConstraints(pattern="^[a-z]{2}$")]


class NewConsent(BaseModel):
    """Which data of a shop lenders may read, for what, until when; and to which text the person said yes."""

    shop_id: UUID
    scope: list[Scope] = Field(min_length=1, max_length=4)
    purpose: Purpose
    until: AwareDatetime
    text_version: str | None = Field(default=None, max_length=20, description="None: the one that is shown now.")
    language: Language = "id"
    channel: Literal["web", "app", "branch", "phone"] = "web"


class ConsentView(BaseModel):
    """A consent as it is kept."""

    consent_id: UUID
    shop_id: UUID
    scope: list[str]
    purpose: str
    data_items: list[str]
    legal_basis: str
    text_version: str
    text_sha256: str
    language: str
    channel: str
    given_at: AwareDatetime
    until: AwareDatetime
    ended_at: AwareDatetime | None
    end_reason: Literal["revoked", "expired", "erased"] | None
    acknowledge_by: AwareDatetime | None


class Consents(BaseModel):
    """The caller's consents."""

    items: list[ConsentView]


class ConsentTextView(BaseModel):
    """The words to say yes to, and the hash that is kept of them."""

    text_version: str
    language: str
    text: str
    text_sha256: str


class ReadView(BaseModel):
    """One question for the profile."""

    lender_id: UUID
    lender_name: str
    application_id: UUID
    outcome: Literal["read", "refused"]
    reason: Literal["consent_ended", "not_told", "application_closed"] | None
    items: list[str]
    asked_at: AwareDatetime


class RecipientView(BaseModel):
    """A lender that was told of the consent, or has read under it."""

    lender_id: UUID
    lender_name: str
    told_at: AwareDatetime
    read_at: AwareDatetime | None
    acknowledgement: Literal["not_due", "waiting", "overdue", "acknowledged"]
    acknowledge_by: AwareDatetime | None
    acknowledged_at: AwareDatetime | None


class AccessLog(BaseModel):
    """Every question, oldest first, and every recipient with its acknowledgement or its lack."""

    items: list[ReadView]
    next_cursor: str | None
    recipients: list[RecipientView]


class Acknowledgement(BaseModel):
    """That a lender has stopped."""

    consent_id: UUID
    acknowledged_at: AwareDatetime
    acknowledge_by: AwareDatetime
    is_in_time: bool


def _view(row: Any) -> dict[str, Any]:
    return {
        "consent_id": row["consent_id"],
        "shop_id": row["shop_id"],
        "scope": row["scopes"],
        "purpose": row["purpose"],
        "data_items": row["data_items"],
        "legal_basis": row["legal_basis"],
        "text_version": row["text_version"],
        "text_sha256": row["text_sha256"],
        "language": row["language"],
        "channel": row["channel"],
        "given_at": row["given_at"],
        "until": row["until"],
        "ended_at": row["ended_at"],
        "end_reason": row["end_reason"],
        "acknowledge_by": row["acknowledge_by"],
    }


def _recipient(row: Any, now: datetime) -> dict[str, Any]:
    if row["acknowledged_at"] is not None:
        state = "acknowledged"
    elif row["acknowledge_by"] is None:
        state = "not_due"
    else:
        state = "waiting" if now <= row["acknowledge_by"] else "overdue"
    return {
        "lender_id": row["lender_id"],
        "lender_name": row["lender_name"],
        "told_at": row["told_at"],
        "read_at": row["read_at"],
        "acknowledgement": state,
        "acknowledge_by": row["acknowledge_by"],
        "acknowledged_at": row["acknowledged_at"],
    }


@router.get("/consent_text", response_model=ConsentTextView, responses=documented(UnknownConsentWords))
async def get_consent_text(
    scope: Annotated[list[Scope], Query(min_length=1, max_length=4)],
    purpose: Purpose,
    until: AwareDatetime,
    language: Language = "id",
) -> Response:
    """The words that are shown now, with the blanks filled."""
    command = GiveConsent(
        consent_id=new_id(),
        person_id=new_id(),
        shop_id=new_id(),
        scopes=frozenset(scope),
        purpose=purpose,
        until=until,
        text_version=consent_texts().current,
        language=language,
        channel="web",
    )
    words = words_of(command)
    return json_answer(
        {
            "text_version": words.version,
            "language": words.language,
            "text": words.text,
            "text_sha256": words.sha256,
        }
    )


@router.post(
    "/consents",
    status_code=201,
    response_model=ConsentView,
    responses=documented(ShopNotFound, ConsentTooLong, UnknownConsentWords),
)
async def create_consent(
    body: NewConsent, key: IdempotencyKey, person: CurrentPerson, settings: Settings, request: Request, db: Db
) -> Response:
    """Give a consent for a shop that the caller owns."""
    command = GiveConsent(
        consent_id=new_id(),
        person_id=person.id,
        shop_id=body.shop_id,
        scopes=frozenset(body.scope),
        purpose=body.purpose,
        until=body.until,
        text_version=body.text_version,
        language=body.language,
        channel=body.channel,
    )
    async with db.transaction() as conn:

        async def work() -> ConsentView:
            record = await give_consent(
                conn,
                command,
                days_max=settings.consent_days_max,
                trace=current_trace_id() or "none",
                now=utc_now(),
            )
            consent = record.consent
            return ConsentView(
                consent_id=consent.consent_id,
                shop_id=consent.shop_id,
                scope=sorted(consent.scopes),
                purpose=consent.purpose,
                data_items=list(record.data_items),
                legal_basis=record.legal_basis,
                text_version=record.text_version,
                text_sha256=record.text_sha256,
                language=record.language,
                channel=record.channel,
                given_at=record.given_at,
                until=consent.until,
                ended_at=None,
                end_reason=None,
                acknowledge_by=None,
            )

        return await once(conn, request, person, key, body, work)


@router.get("/consents", response_model=Consents)
async def list_consents(person: CurrentPerson, db: Db) -> Response:
    """The caller's consents, newest first; at most 100."""
    async with db.reading() as conn:
        rows = await store.records_of(conn, person.id)
    return json_answer({"items": [_view(row) for row in rows]})


@router.get("/consents/{consent_id}", response_model=ConsentView, responses=documented(ConsentNotFound))
async def get_consent(consent_id: UUID, person: CurrentPerson, db: Db) -> Response:
    """A consent that the caller gave."""
    async with db.reading() as conn:
        row = await store.record_of(conn, consent_id, person_id=person.id)
    if row is None:
        raise ConsentNotFound
    return json_answer(_view(row))


@router.delete("/consents/{consent_id}", status_code=204, responses=documented(ConsentNotFound, ConsentEnded))
async def delete_consent(consent_id: UUID, person: CurrentPerson, db: Db) -> Response:
    """Revoke a consent: when this is answered, no read succeeds any more and the profile is gone."""
    async with db.transaction() as conn:
        await revoke_consent(conn, consent_id, person_id=person.id, now=utc_now())
    return Response(status_code=204)


@router.get("/consents/{consent_id}/access_log", response_model=AccessLog, responses=documented(ConsentNotFound))
async def get_access_log(
    consent_id: UUID, person: CurrentPerson, db: Db, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """Who asked for the profile, and who was told; for the person who gave the consent."""
    after = 0 if cursor is None else paging.whole(paging.decode(cursor, size=1)[0])
    async with db.reading() as conn:
        if await store.record_of(conn, consent_id, person_id=person.id) is None:
            raise ConsentNotFound
        rows = await store.reads(conn, consent_id, after=after, limit=limit + 1)
        recipients = await store.recipients(conn, consent_id)
    page = rows[:limit]
    now = utc_now()
    return json_answer(
        {
            "items": [
                {
                    "lender_id": row["lender_id"],
                    "lender_name": row["lender_name"],
                    "application_id": row["application_id"],
                    "outcome": row["outcome"],
                    "reason": row["reason"],
                    "items": row["items"],
                    "asked_at": row["asked_at"],
                }
                for row in page
            ],
            "next_cursor": paging.encode(page[-1]["read_id"]) if len(rows) > limit else None,
            "recipients": [_recipient(row, now) for row in recipients],
        }
    )


@router.post(
    "/consents/{consent_id}/acknowledgements",
    status_code=201,
    response_model=Acknowledgement,
    responses=documented(ConsentNotFound, ConsentStands, LenderNotFound),
)
async def acknowledge_end(
    consent_id: UUID, key: IdempotencyKey, person: CurrentPerson, lender: CurrentLender, request: Request, db: Db
) -> Response:
    """A lender that was told says that it has stopped, and has erased what it read."""
    async with db.transaction() as conn:

        async def work() -> Acknowledgement:
            row = await store.acknowledge(conn, consent_id, lender_id=lender.lender_id, now=utc_now())
            if row is None:
                is_told = await store.is_recipient(conn, consent_id, lender_id=lender.lender_id)
                raise ConsentStands if is_told else ConsentNotFound
            return Acknowledgement(
                consent_id=consent_id,
                acknowledged_at=row["acknowledged_at"],
                acknowledge_by=row["acknowledge_by"],
                is_in_time=row["acknowledged_at"] <= row["acknowledge_by"],
            )

        return await once(conn, request, person, key, {}, work)
