"""Stop offering a product."""

from datetime import datetime
from uuid import UUID

from services.catalog import store
from services.catalog.domain.shop import Role
from shared import outbox
from shared.db import Connection


async def withdraw_product(conn: Connection, *, product_id: UUID, by: UUID, now: datetime) -> None:
    """Nothing of it can be reserved any more; what is reserved stays so. Withdrawing it again changes nothing.

    Raises ProductNotFound, NotYourTask, ShopClosed.
    """
    shop = await store.lock_shop_of_product(conn, product_id, account_id=by)
    shop.require(Role.OWNER, Role.MANAGER)
    product = await store.lock_product(conn, product_id)
    if not product.is_listed:
        return
    product = product.withdrawn()
    await store.save_product(conn, product, now=now)
    outbox.append(conn, product.as_withdrawn(shop, now))
    await store.save_sequence(conn, shop)
