"""End consents: revoked by who gave them, out of time, or with the person who was forgotten.

From the commit on no read succeeds, nothing is told under them, and no profile is left. Every lender that was told or
has read is told of the end and owes an acknowledgement.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.financing.domain.consent import answer_due
from services.financing.domain.problems import ConsentEnded, ConsentNotFound
from services.financing.store import applications, consents
from services.financing.store.consents import Consent, Ended, EndReason
from services.financing.store.rules import lending_rules
from services.financing.use_cases.close_applications import close_applications
from services.financing.use_cases.tell_lenders import LenderFact, tell
from shared import outbox
from shared.contracts.financing import ConsentRevoked
from shared.db import Connection

BATCH = 100


async def revoke_consent(conn: Connection, consent_id: UUID, *, person_id: UUID, now: datetime) -> Ended:
    """By who gave it, at once. Raises ConsentNotFound, ConsentEnded."""
    consent = await consents.lock_of_person(conn, consent_id, person_id=person_id)
    if consent is None:
        raise ConsentNotFound
    if consent.ended_at is not None:
        raise ConsentEnded
    (ended,) = await end_consents(conn, [consent], "revoked", now=now)
    return ended


async def end_overdue_consents(conn: Connection, *, now: datetime) -> int:
    """Those whose time is over; how many it were."""
    over = await consents.lock_over(conn, now=now, most=BATCH)
    await end_consents(conn, over, "expired", now=now)
    return len(over)


async def end_consents(conn: Connection, locked: Sequence[Consent], reason: EndReason, *, now: datetime) -> list[Ended]:
    """End consents that are locked and live, with what depends on them."""
    if not locked:
        return []
    answer_time = answer_due(lending_rules(), "consent_withdrawn", now) - now
    ended = await consents.end(conn, locked, reason, answer_time=answer_time)
    by_id = {each.consent.consent_id: each for each in ended}
    if reason != "expired":  # everybody knew since consent_given when it would end by itself
        for each in ended:
            outbox.append(conn, _revoked(each))
    open_ones = await applications.lock_of_consents(conn, by_id)
    facts = await close_applications(conn, open_ones, "consent_ended", now=now)
    for consent_id, lender_id in await consents.recipients_of(conn, by_id):
        facts.append(_fact(by_id[consent_id], lender_id, reason))
    await tell(conn, facts)
    return ended


def _revoked(ended: Ended) -> ConsentRevoked:
    return ConsentRevoked(
        consent_id=ended.consent.consent_id,
        person_id=ended.consent.person_id,
        shop_id=ended.consent.shop_id,
        acknowledge_by=ended.acknowledge_by,
        revoked_at=ended.ended_at,
    )


def _fact(ended: Ended, lender_id: UUID, reason: EndReason) -> LenderFact:
    """That it ended is told without a consent: who was told of it must know."""
    consent_id = ended.consent.consent_id
    return LenderFact(
        lender_id,
        "lending.consent_revoked.v1",
        {
            "consent_id": consent_id,
            "shop_id": ended.consent.shop_id,
            "reason": reason,
            "ended_at": ended.ended_at,
            "acknowledge_by": ended.acknowledge_by,
        },
        subject={"consent_id": consent_id},
    )
