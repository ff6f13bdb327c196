"""Turn the cart into an order, once however often the button is pressed."""

import asyncio
from typing import Any

from services.storefront import store
from services.storefront.domain.session import Session
from services.storefront.upstream import Network, Refused, Unreachable
from shared.db import Database
from shared.idempotency import KeyInUse

ASK_AGAIN_SECONDS = 0.2
ASKS_MAX = 25


async def check_out(
    db: Database,
    network: Network,
    session: Session,
    token: str,
    *,
    key: str,
    ship_to: dict[str, str | None],
    payment: dict[str, str],
) -> str:
    """The id of the order. `key` was made with the form: the same form sent twice is the same order.

    Raises Refused or Unreachable; after the latter the same form may be sent again.
    """
    body: dict[str, Any] = {"ship_to": ship_to, "payment": payment}
    order = await _order(network, token, key, body)
    async with db.transaction() as conn:
        await store.count_basket(conn, session.session_id, 0)
    return str(order["order_id"])


async def _order(network: Network, token: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
    """The order of this key; while the same form, sent a moment earlier, is being worked on, wait for its answer."""
    for _ in range(ASKS_MAX):
        try:
            order: dict[str, Any] = await network.orders.call(
                "POST", "/v1/cart/checkout", token=token, key=key, json=body
            )
        except Refused as refusal:
            if refusal.reason != KeyInUse.slug:
                raise
            await asyncio.sleep(ASK_AGAIN_SECONDS)
        else:
            return order
    raise Unreachable("the order is still being worked on")
