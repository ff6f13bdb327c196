"""Take a file that shall be imported later; what can be refused at once is refused at once."""

from datetime import datetime
from uuid import UUID

from services.catalog import store
from services.catalog.domain.problems import FileRefused, TooManyImports
from services.catalog.domain.shop import Role
from services.catalog.domain.spreadsheet import Unreadable, kind_of
from services.catalog.store import imports as import_store
from shared.db import Connection

OPEN_IMPORTS_MAX = 5
FILENAME_LENGTH_MAX = 120


async def accept_import(
    conn: Connection, *, import_id: UUID, shop_id: UUID, filename: str, content: bytes, by: UUID, now: datetime
) -> None:
    """Keep the file, durably. Raises FileRefused, ShopNotFound, NotYourTask, ShopClosed, TooManyImports."""
    try:
        kind_of(content)
    except Unreadable as error:
        raise FileRefused(str(error)) from error
    shop = await store.lock_shop(conn, shop_id, account_id=by)
    shop.require(Role.OWNER, Role.MANAGER)
    name = "".join(letter for letter in filename if letter.isprintable())[:FILENAME_LENGTH_MAX]
    if not await import_store.insert_import(
        conn,
        import_id=import_id,
        shop_id=shop_id,
        account_id=by,
        filename=name,
        content=content,
        open_max=OPEN_IMPORTS_MAX,
        now=now,
    ):
        raise TooManyImports
    conn.wakes.add("imports")
