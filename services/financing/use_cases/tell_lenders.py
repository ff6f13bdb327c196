"""Tell lenders what concerns them: in the transaction that made it true, in the order in which it happened.

What is told is references and non-personal facts, never a name, a contact or a profile. A use case calls `tell` last,
once, after all its other locks: it takes the consents (in the order of their ids), then the lenders' counters (in the
order of theirs), and holds them until the commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from services.financing.store import partner
from services.financing.store.partner import Telling
from shared.clock import utc_now
from shared.db import Connection
from shared.ids import new_id
from shared.telemetry import current_traceparent

LENDER_NEWS = "lender_news"  # who is woken when there is something to deliver


@dataclass(frozen=True, slots=True)
class LenderFact:
    """One fact for one lender.

    `type` like `lending.application_published.v1`; `data` has ids, amounts, regions, categories and times only.
    `consent_id`: it may be told only while this consent is live; None: the lender may know it in any case (its own
    loan, or the end of a consent). `traceparent`: whose trace it continues, None: the one at hand.
    """

    lender_id: UUID
    type: str
    data: Mapping[str, Any]
    consent_id: UUID | None = None
    traceparent: str | None = None
    subject: Mapping[str, UUID] = field(default_factory=dict)  # what it is about: {"application_id": ...}


async def tell(conn: Connection, items: Sequence[LenderFact]) -> list[tuple[UUID, int]]:
    """Write the facts into the logs of their lenders; lender and position of each that was written.

    A fact whose consent is not live (any more) is left out.
    """
    if not items:
        return []
    consents = {item.consent_id for item in items if item.consent_id is not None}
    live = await partner.share_live_consents(conn, consents) if consents else set()
    told = [item for item in items if item.consent_id is None or item.consent_id in live]
    if not told:
        return []
    written = await partner.write_log(conn, [_telling(conn, item) for item in told])
    conn.wakes.add(LENDER_NEWS)
    return written


def _telling(conn: Connection, item: LenderFact) -> Telling:
    subject = next((str(value) for value in item.subject.values()), str(item.lender_id))
    return Telling(
        lender_id=item.lender_id,
        event_id=new_id(),
        type=item.type,
        subject=subject,
        occurred_at=utc_now(),
        consent_id=item.consent_id,
        traceparent=item.traceparent or conn.traceparents.get(subject) or current_traceparent(),
        data=orjson.dumps(dict(item.data), default=str).decode(),
    )
