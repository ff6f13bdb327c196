"""What lenders are to be told."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.financing.store.named import queries
from shared.db import Connection


async def write_facts(
    conn: Connection,
    *,
    lender_ids: Sequence[UUID],
    types: Sequence[str],
    data: Sequence[dict[str, Any]],
    consent_ids: Sequence[UUID | None],
    traceparents: Sequence[str | None],
) -> None:
    """Facts for lenders, in this order, by one statement."""
    await queries.tell_lenders.run(
        conn,
        lender_ids=list(lender_ids),
        types=list(types),
        data=list(data),
        consent_ids=list(consent_ids),
        traceparents=list(traceparents),
    )
