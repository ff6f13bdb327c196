"""Ask for a notice to a person. What is stored names the contact and the subject; the text is made when it is sent."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from services.identity import store
from services.identity.domain.notices import OrderNotice
from shared import calls_out
from shared.calendar import day_of
from shared.db import Connection

PURPOSE = "notice"
ORDER_NOTICE_SECONDS = 86_400


async def send_code_to(
    conn: Connection, code_id: UUID, contact_id: UUID, *, purpose: str, good_for_seconds: float
) -> None:
    """A one-time code, unless it cannot be delivered while it is good."""
    await calls_out.request(
        conn,
        PURPOSE,
        f"code:{code_id}",
        {"notice": "code", "contact_id": str(contact_id), "code_id": str(code_id), "purpose": purpose},
        deadline_seconds=good_for_seconds,
    )


async def tell_owner_of_attempt(conn: Connection, contact_id: UUID, *, now: datetime) -> None:
    """Somebody tried to register a contact that is taken: told at most once a day."""
    await calls_out.request(
        conn,
        PURPOSE,
        f"already_registered:{contact_id}:{day_of(now):%Y%m%d}",
        {"notice": "already_registered", "contact_id": str(contact_id)},
    )


async def tell_buyers(conn: Connection, notice: OrderNotice, orders: Iterable[tuple[UUID, UUID, UUID]]) -> None:
    """Tell buyers about their orders, if they asked for it: (buyer, order, what the notice is about)."""
    orders = list(orders)
    contacts = await store.buyers_who_want_notices(conn, list({buyer_id for buyer_id, _, _ in orders}))
    for buyer_id, order_id, subject_id in orders:
        if (contact_id := contacts.get(buyer_id)) is not None:
            await calls_out.request(
                conn,
                PURPOSE,
                f"{notice}:{subject_id}",
                {"notice": notice, "contact_id": str(contact_id), "order_id": str(order_id)},
                deadline_seconds=ORDER_NOTICE_SECONDS,
            )
