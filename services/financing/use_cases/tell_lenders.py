"""Tell lenders what concerns them: in the transaction that made it true, in the order in which it happened.

What is told is references and non-personal facts, never a name, a contact or a profile. A use case calls `tell` last,
once, after all its other locks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.financing.store import telling
from shared.db import Connection


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


async def tell(conn: Connection, items: Sequence[LenderFact]) -> None:
    """Write the facts down for their lenders. A fact whose consent is not live (any more) is left out."""
    if not items:
        return
    await telling.write_facts(
        conn,
        lender_ids=[item.lender_id for item in items],
        types=[item.type for item in items],
        data=[dict(item.data) for item in items],
        consent_ids=[item.consent_id for item in items],
        traceparents=[item.traceparent for item in items],
    )
