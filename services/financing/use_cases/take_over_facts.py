"""Take over what other services say of shops and people."""

from collections.abc import Sequence

from services.financing.store import shops
from shared.contracts import catalog
from shared.db import Connection


async def take_over_shops(conn: Connection, events: Sequence[catalog.ShopOpened]) -> None:
    """Shops that opened."""
    await shops.open_shops(conn, events)
