"""What other services told us of shops and people: our own copy."""

from collections.abc import Sequence

from services.financing.store.named import queries
from shared.contracts import catalog
from shared.db import Connection


async def open_shops(conn: Connection, events: Sequence[catalog.ShopOpened]) -> None:
    """Take over shops and their owners."""
    await queries.open_shops.run(
        conn,
        shop_ids=[event.shop_id for event in events],
        owner_ids=[event.owner_id for event in events],
        region_codes=[event.region_code for event in events],
        cooperative_ids=[event.cooperative_id for event in events],
        opened_ats=[event.opened_at for event in events],
        sequences=[event.sequence for event in events],
    )
