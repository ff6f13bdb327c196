"""Close applications: withdrawn, out of time, declined by all, or without their consent. Open offers end with them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.financing.domain.problems import ApplicationClosed, ApplicationNotFound
from services.financing.store import applications, consents
from services.financing.store.applications import Application
from services.financing.use_cases.tell_lenders import LenderFact, tell
from shared import outbox
from shared.contracts import financing as contract
from shared.db import Connection

BATCH = 100
Reason = Literal["withdrawn", "expired", "consent_ended", "declined"]


async def close_applications(
    conn: Connection, locked: Sequence[Application], reason: Reason, *, now: datetime
) -> list[LenderFact]:
    """Close what is locked and published. The facts for its lenders are the caller's to tell, last."""
    if not locked:
        return []
    by_id = {application.application_id: application for application in locked}
    await applications.end_open_offers(conn, list(by_id), "lost", now=now)
    await applications.close(conn, list(by_id), reason, now=now)
    for application in locked:
        outbox.append(conn, closed_event(application, reason, now))
    return [
        closed_fact(by_id[application_id], sight.lender_id, reason, now)
        for application_id, sight in await applications.sights_of(conn, list(by_id))
        if sight.declined_at is None
    ]


async def withdraw_application(conn: Connection, application_id: UUID, *, person_id: UUID, now: datetime) -> None:
    """By the applicant. Raises ApplicationNotFound, ApplicationClosed."""
    found = await applications.of_person(conn, application_id, person_id=person_id)
    if found is None:
        raise ApplicationNotFound
    await consents.share(conn, found.consent_id)
    application = await applications.lock(conn, application_id)
    if application.state != "published":
        raise ApplicationClosed
    await tell(conn, await close_applications(conn, [application], "withdrawn", now=now))


async def close_overdue_applications(conn: Connection, *, now: datetime) -> int:
    """Those that nobody answered in time; how many it were. What is told of the end needs no consent."""
    over = await applications.lock_over(conn, now=now, most=BATCH)
    await tell(conn, await close_applications(conn, over, "expired", now=now))
    return len(over)


def closed_event(
    application: Application, reason: Reason | Literal["accepted"], now: datetime
) -> contract.ApplicationClosed:
    """What others are told."""
    return contract.ApplicationClosed(
        application_id=application.application_id, shop_id=application.shop_id, reason=reason, closed_at=now
    )


def closed_fact(
    application: Application, lender_id: UUID, reason: Reason | Literal["accepted"], now: datetime
) -> LenderFact:
    """What a lender that saw it is told: there is nothing more to offer."""
    return LenderFact(
        lender_id,
        "lending.application_closed.v1",
        {"application_id": application.application_id, "reason": reason, "closed_at": now},
        traceparent=application.traceparent,
        subject={"application_id": application.application_id},
    )
