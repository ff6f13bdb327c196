"""Turn the cart into an order, once however often the button is pressed."""

from typing import Any

from services.storefront import store
from services.storefront.domain.session import Session
from services.storefront.upstream import Network
from shared.db import Database


async def check_out(
    db: Database,
    network: Network,
    session: Session,
    token: str,
    *,
    key: str,
    ship_to: dict[str, str | None],
    method: str,
) -> str:
    """The id of the order. `key` was made with the form: the same form sent twice is the same order.

    Raises Refused or Unreachable; after the latter the same form may be sent again.
    """
    body: dict[str, Any] = {"ship_to": ship_to, "payment": {"method": method}}
    order = await network.orders.call("POST", "/v1/cart/checkout", token=token, key=key, json=body)
    async with db.transaction() as conn:
        await store.count_basket(conn, session.session_id, 0)
    return str(order["order_id"])
