"""Change the price of a product."""

from datetime import datetime
from uuid import UUID

from services.catalog import store
from services.catalog.domain.product import Product
from services.catalog.domain.shop import Role
from shared import outbox
from shared.db import Connection


async def reprice_product(
    conn: Connection, *, product_id: UUID, unit_price_minor: int, expected_version: int, by: UUID, now: datetime
) -> Product:
    """The next version, at the new price.

    Raises ProductNotFound, NotYourTask, ShopClosed, VersionChanged, ProductWithdrawnAlready.
    """
    shop = await store.lock_shop_of_product(conn, product_id, account_id=by)
    shop.require(Role.OWNER, Role.MANAGER)
    product = await store.lock_product(conn, product_id)
    product = product.repriced(unit_price_minor, expected_version=expected_version)
    await store.save_product(conn, product, now=now)
    outbox.append(conn, product.as_repriced(shop, now))
    await store.save_sequence(conn, shop)
    return product
