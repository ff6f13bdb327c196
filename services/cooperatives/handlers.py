"""What cooperatives does when it hears events. Members are locked, in id order, before any handler of a batch runs."""

from services.cooperatives import store
from services.cooperatives.use_cases.forget_person import forget_person
from shared.contracts.identity import AccountErased
from shared.db import Connection
from shared.handlers import Handlers, Lock

handlers = Handlers("cooperatives", lock_order=(Lock("members", store.take_member_locks),))


@handlers.on(AccountErased)
async def forget_erased_people(conn: Connection, event: AccountErased) -> None:
    """Also when we never heard of them: they cannot apply with a token that is still valid."""
    await forget_person(conn, event.account_id, erased_at=event.erased_at)
