"""Tell lenders what concerns them: in the transaction that made it true, in the order in which it happened.

What is told is references and non-personal facts, never a name, a contact or a profile. All facts of a transaction are
written together just before its commit, however many use cases it holds: consents are taken in the order of their ids,
then the lenders' counters in the order of theirs, and nothing but the outbox comes after. So writers never wait in a
circle, and a counter is held for moments only.
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


class _Waiting:
    """The facts of one transaction that wait for its end."""

    def __init__(self) -> None:
        self.tellings: list[Telling] = []

    async def __call__(self, conn: Connection) -> None:
        """Write them."""
        await _write(conn, self.tellings)


async def tell(conn: Connection, items: Sequence[LenderFact]) -> None:
    """Write the facts into the logs of their lenders, if and when the transaction commits.

    A fact whose consent is not live (any more) by then is left out.
    """
    assert conn.in_transaction, "lenders are told inside a transaction"
    if not items:
        return
    waiting = conn.at_end.setdefault(LENDER_NEWS, _Waiting())
    assert isinstance(waiting, _Waiting)
    waiting.tellings += [_telling(conn, item) for item in items]


async def tell_now(conn: Connection, items: Sequence[LenderFact]) -> list[tuple[UUID, int]]:
    """As `tell`, at once: lender and position of each that was written. For a transaction that does nothing else."""
    return await _write(conn, [_telling(conn, item) for item in items])


async def _write(conn: Connection, tellings: Sequence[Telling]) -> list[tuple[UUID, int]]:
    consents = {telling.consent_id for telling in tellings if telling.consent_id is not None}
    live = await partner.share_live_consents(conn, consents) if consents else set()
    told = [telling for telling in tellings if telling.consent_id is None or telling.consent_id in live]
    if not told:
        return []
    conn.wakes.add(LENDER_NEWS)
    return await partner.write_log(conn, told)


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
