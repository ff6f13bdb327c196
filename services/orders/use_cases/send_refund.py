"""Send a refund: the provider sent it, refused it, or is asked once more by an operator.

What must stay true: whichever try it is, the provider is asked under the refund's own reference, so that it cannot send
the money twice; while a refund has failed, the ledger goes on owing it to the buyer.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.orders import store
from services.orders.domain.problems import RefundNotFailed
from services.orders.store import accounts
from services.orders.use_cases.book_money import refund_sent
from services.orders.use_cases.give_back import PROVIDER_SECONDS, REFUND, finish, outgoing
from services.orders.use_cases.open_money import open_money
from shared import calls_out
from shared.auth import Principal, require_role
from shared.db import Connection
from shared.problems import NotFound


def refund_of(subject: str) -> UUID:
    """The refund that a call is about; from the second try on, the number of the try stands behind it."""
    return UUID(subject.partition("/")[0])


async def settled_calls_left_out(conn: Connection, calls: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of these calls to the provider, those that still want somebody: not a failed one whose refund was tried again."""
    failed = [refund_of(call["subject"]) for call in calls if call["purpose"] == REFUND and call["state"] == "failed"]
    still = await store.failed_among(conn, failed) if failed else set()
    return [
        call
        for call in calls
        if call["purpose"] != REFUND or call["state"] != "failed" or refund_of(call["subject"]) in still
    ]


async def make_refund(conn: Connection, refund_id: UUID, refund_number: str, *, now: datetime) -> None:
    """The provider has sent the money; known already changes nothing."""
    found = await store.refund(conn, refund_id)
    order = await store.lock_order(conn, found.refund.order_id) if found is not None else None
    found = await store.refund(conn, refund_id)  # as it is now that the order is locked
    if found is None or order is None or found.status != "requested":
        return
    money = await open_money(conn, [order], now=now)
    parts, owners = await store.parts_of_refund(conn, refund_id)
    await finish(conn, order, found.refund, parts, owners, number=refund_number, now=now)
    sent = refund_sent(outgoing(found.refund, None, owners), now=now)
    await accounts.post(conn, [*money.movements, sent])


async def fail_refund(conn: Connection, refund_id: UUID, *, now: datetime) -> None:
    """The provider will not send it, for good."""
    await store.finish_refund(conn, refund_id, is_made=False, refund_number=None, event_id=None, now=now)


async def retry_refund(conn: Connection, order_id: UUID, refund_id: UUID, person: Principal) -> None:
    """An operator has the provider asked once more. Raises Forbidden, NotFound, RefundNotFailed."""
    require_role(person, "operator")
    found = await store.refund(conn, refund_id)
    if found is None or found.refund.order_id != order_id:
        raise NotFound
    await store.lock_order(conn, order_id)
    tries = await store.try_refund_again(conn, order_id, refund_id)
    if tries is None:
        raise RefundNotFailed
    await calls_out.request(conn, REFUND, f"{refund_id}/{tries}", {}, deadline_seconds=PROVIDER_SECONDS)
