"""Close the shops of somebody who left, and take them off the staff of others."""

from datetime import datetime
from uuid import UUID

from services.catalog import store
from services.catalog.store import standing
from shared import outbox
from shared.db import Connection


async def forget_person(conn: Connection, account_id: UUID, *, now: datetime) -> None:
    """Withdraw what they sold and publish who still works where. The shops are locked.

    Orders placed before stand: what is reserved stays so, and can be committed or released.
    """
    await standing.forget(conn, account_id)
    for shop in await store.shops_locked(conn, account_id):
        if shop.owner_id == account_id and shop.is_open:
            for product in await store.close_shop(conn, shop, now):
                outbox.append(conn, product.as_withdrawn(shop, now))
        await store.delete_person(conn, shop, account_id)
        outbox.append(conn, shop.staff_changed(await store.staff_of(conn, shop.shop_id), now))
        await store.save_sequence(conn, shop)
        await standing.refresh_badges(conn, [shop.shop_id])
