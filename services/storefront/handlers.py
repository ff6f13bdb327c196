"""What the storefront hears: only that somebody asked to be forgotten."""

from services.storefront import store
from shared.contracts.identity import AccountErased
from shared.db import Connection
from shared.handlers import Handlers

handlers = Handlers("storefront")


@handlers.on(AccountErased)
async def sign_out_who_was_erased(conn: Connection, event: AccountErased) -> None:
    """End all sessions of the account. Early or twice changes nothing: there is just nothing to end."""
    await store.end_all_of(conn, event.account_id)
