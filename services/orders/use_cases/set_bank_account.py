"""Set where somebody is paid. A change holds payouts for a while, so that its owner can see it before money goes there.

The same account again changes nothing, and starts no new wait.
"""

from datetime import datetime

from services.orders.domain.payouts import held_until
from services.orders.store import bank_accounts
from services.orders.store.bank_accounts import BankAccount
from services.orders.use_cases.draft_payouts import rules_here
from shared.auth import Principal
from shared.calendar import day_of
from shared.db import Connection
from shared.ids import new_id


async def set_bank_account(conn: Connection, account: BankAccount, person: Principal, *, now: datetime) -> None:
    """From now on, or after the wait, the holder is paid there. Who may do this is decided before."""
    known = await bank_accounts.lock_bank_account(conn, account.holder_id)
    if known is not None and account.is_same_as(known):
        return
    until = held_until(rules_here(conn), now, on=day_of(now), is_change=known is not None)
    await bank_accounts.put_bank_account(conn, account, set_by=person.id, held_until=until, now=now)
    await bank_accounts.log_change(
        conn,
        new_id(),
        account,
        what="set" if known is None else "changed",
        changed_by=person.id,
        held_until=until,
        now=now,
    )
