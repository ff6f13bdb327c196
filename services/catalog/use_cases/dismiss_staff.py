"""Take somebody off the staff of a shop."""

from datetime import datetime
from uuid import UUID

from services.catalog import store
from services.catalog.domain.problems import OwnerStays
from services.catalog.domain.shop import Role
from services.catalog.store import standing
from shared import outbox
from shared.db import Connection


async def dismiss_staff(conn: Connection, *, shop_id: UUID, account_id: UUID, by: UUID, now: datetime) -> None:
    """Only the owner dismisses; who is not there is no fault.

    Raises ShopNotFound, NotYourTask, ShopClosed, OwnerStays.
    """
    shop = await store.lock_shop(conn, shop_id, account_id=by)
    shop.require(Role.OWNER)
    if account_id == shop.owner_id:
        raise OwnerStays
    if await store.delete_staff(conn, shop_id, account_id):
        outbox.append(conn, shop.staff_changed(await store.staff_of(conn, shop_id), now))
        await store.save_sequence(conn, shop)
        await standing.refresh_badges(conn, [shop_id])
