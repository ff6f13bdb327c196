"""Take a photo off a product. The file stays: another product may show the same picture."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.catalog import store
from services.catalog.domain.problems import PictureNotFound
from services.catalog.domain.shop import Role
from shared.db import Connection


async def remove_photo(
    conn: Connection, *, product_id: UUID, digest: str, by: UUID, now: datetime
) -> list[dict[str, Any]]:
    """The photos that remain; `digest` names either size.

    Raises ProductNotFound, NotYourTask, ShopClosed, PictureNotFound.
    """
    shop = await store.lock_shop_of_product(conn, product_id, account_id=by)
    shop.require(Role.OWNER, Role.MANAGER)
    photos = await store.photos_of(conn, product_id)
    remaining = [photo for photo in photos if digest not in (photo["large"], photo["small"])]
    if len(remaining) == len(photos):
        raise PictureNotFound
    await store.save_photos(conn, product_id, remaining, now=now)
    return remaining
