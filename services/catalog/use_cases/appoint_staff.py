"""Give somebody a role in a shop."""

from datetime import datetime
from uuid import UUID

from services.catalog import store
from services.catalog.domain.problems import OwnerStays
from services.catalog.domain.shop import Role
from services.catalog.store import standing
from shared import outbox
from shared.db import Connection


async def appoint_staff(
    conn: Connection, *, shop_id: UUID, account_id: UUID, role: Role, by: UUID, now: datetime
) -> None:
    """Only the owner appoints. Raises ShopNotFound, NotYourTask, ShopClosed, OwnerStays."""
    await standing.lock_people(conn, [account_id])
    shop = await store.lock_shop(conn, shop_id, account_id=by)
    shop.require(Role.OWNER)
    if not await store.put_staff(conn, shop_id, account_id, role):
        raise OwnerStays
    outbox.append(conn, shop.staff_changed(await store.staff_of(conn, shop_id), now))
    await store.save_sequence(conn, shop)
    await standing.refresh_badges(conn, [shop_id])
