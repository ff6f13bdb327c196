"""Read a credit profile: only by a lender that was told, only while the consent lives; every question is logged first.

The consent's row is held shared until the commit: a revocation that has answered was before this, and this is refused;
or it waits until this read is logged. Nothing in between (I9).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.financing.domain.consent_text import items_of
from services.financing.domain.problems import ApplicationClosed, ApplicationNotFound, ConsentEnded
from services.financing.store import applications, consents
from shared.db import Connection
from shared.problems import Problem


@dataclass(frozen=True, slots=True)
class ProfileRead:
    """What was read, and how it stands in the log."""

    consent_id: UUID
    items: list[str]
    asked_at: datetime
    profile: dict[str, Any]


async def read_profile(
    conn: Connection, application_id: UUID, *, lender_id: UUID, now: datetime
) -> ProfileRead | Problem:
    """The profile, or the refusal. Both are logged in this transaction, so a refusal is returned and not raised."""
    consent_id = await applications.consent_of(conn, application_id)
    if consent_id is None:
        return ApplicationNotFound()
    consent = await consents.share(conn, consent_id)
    found = await applications.of_lender(conn, application_id, lender_id=lender_id)
    profile = await consents.profile(conn, application_id)
    reason: str | None = None
    refusal: Problem = ApplicationNotFound()
    if found is None:
        reason = "not_told"
    elif profile is None or not consent.is_live(now):
        reason, refusal = "consent_ended", ConsentEnded()
    elif not await _is_open_to(conn, found[0], lender_id):
        reason, refusal = "application_closed", ApplicationClosed()
    items = items_of(consent.scopes) if reason is None else []
    asked_at = await consents.log_read(
        conn, consent_id, application_id=application_id, lender_id=lender_id, refused=reason, items=items
    )
    if reason is not None:
        return refusal
    assert profile is not None
    return ProfileRead(consent_id, items, asked_at, profile)


async def _is_open_to(conn: Connection, application: applications.Application, lender_id: UUID) -> bool:
    """Whether the purpose lasts: the application is open, or became a loan of this lender."""
    if application.state == "published":
        return True
    return application.state == "accepted" and await applications.is_won_by(
        conn, application.application_id, lender_id=lender_id
    )
