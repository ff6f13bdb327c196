"""What financing does when it hears events.

Topics come in any order among each other; what happens to a fact that comes early is said at each handler.
"""

from services.financing.use_cases.take_over_facts import take_over_shops
from shared.contracts.catalog import ShopOpened
from shared.db import Connection
from shared.handlers import Handlers

handlers = Handlers("financing")


@handlers.on_batch(ShopOpened)
async def know_shops_that_opened(conn: Connection, events: list[ShopOpened]) -> None:
    """A repeat changes nothing."""
    await take_over_shops(conn, events)
