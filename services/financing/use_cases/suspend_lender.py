"""Suspend a lender that lost its licence: let in nowhere, by Kafka neither."""

from datetime import datetime
from uuid import UUID

from services.financing.store import lenders, partner
from services.financing.store.lenders import Lender
from services.financing.use_cases.subscribe import give_kafka
from shared.db import Connection


async def suspend_lender(conn: Connection, lender_id: UUID, *, now: datetime) -> Lender | None:
    """The suspended lender; None when there is none. Raises NoPartnerKey.

    Its Kafka user gets a password that is told to nobody; who may act again asks for a new one (`rotate`).
    """
    lender = await lenders.set_state(conn, lender_id, "suspended")
    if lender is not None and await partner.has_kafka(conn, lender_id):
        await give_kafka(conn, lender, now=now)
    return lender
