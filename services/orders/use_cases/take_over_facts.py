"""Take over catalog's facts into our own copy: shops, staff, products and prices.

Versions are compared, so facts may come twice, late, or before what they belong to: a price waits for its product, a
product for its shop. Set-based: an import brings thousands.
"""

from collections.abc import Sequence

import orjson

from services.orders import store
from shared.contracts.catalog import PriceChanged, ProductFact, ProductWithdrawn, ShopOpened, ShopStaffChanged
from shared.db import Connection


async def take_over_shops(conn: Connection, events: Sequence[ShopOpened]) -> None:
    """Shops can be ordered from."""
    await store.open_shops(conn, events)


async def take_over_staff(conn: Connection, events: Sequence[ShopStaffChanged]) -> None:
    """From now on these people may act for their shops, and nobody else."""
    await store.replace_staff(conn, events)


async def take_over_products(conn: Connection, events: Sequence[ProductFact]) -> None:
    """Products as they are from these versions on."""
    payees = [orjson.dumps([payee.model_dump(mode="json") for payee in event.payees]).decode() for event in events]
    await store.upsert_products(conn, events, payees)


async def take_over_prices(conn: Connection, events: Sequence[PriceChanged]) -> None:
    """Prices from these versions on."""
    await store.upsert_prices(conn, events)


async def take_over_withdrawals(conn: Connection, events: Sequence[ProductWithdrawn]) -> None:
    """These products cannot be ordered any more."""
    await store.withdraw_products(conn, events)
