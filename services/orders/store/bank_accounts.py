"""Where payees and lenders are paid: personal data, read by its owner and by the making of a bank file only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from services.orders.domain.payouts import Destination, Holder
from shared import sql
from shared.db import Connection
from shared.sql import Row

queries = sql.load(str(Path(__file__).parent), "payouts.sql")


@dataclass(frozen=True, slots=True)
class BankAccount:
    """An account as its owner gave it."""

    holder_id: UUID
    holder_kind: Holder
    bank_code: str
    account_number: str
    holder_name: str

    def is_same_as(self, row: Row) -> bool:
        """Whether money would go to the same place."""
        return (self.bank_code, self.account_number, self.holder_name) == (
            row["bank_code"],
            row["account_number"],
            row["holder_name"],
        )


async def bank_account(conn: Connection, holder_id: UUID) -> Row | None:
    """The account that is set, None when there is none."""
    return await queries.bank_account.row(conn, holder_id=holder_id)


async def bank_account_changes(conn: Connection, holder_id: UUID) -> list[Row]:
    """Who changed it, the newest first."""
    return await queries.bank_account_changes.rows(conn, holder_id=holder_id)


async def lock_bank_account(conn: Connection, holder_id: UUID) -> Row | None:
    """The account, with changes of it kept out until the transaction ends."""
    await queries.lock_bank_account.run(conn, holder_id=holder_id)
    return await bank_account(conn, holder_id)


async def put_bank_account(
    conn: Connection, account: BankAccount, *, set_by: UUID, held_until: datetime, now: datetime
) -> None:
    """From now on money goes there."""
    await queries.put_bank_account.run(
        conn,
        holder_id=account.holder_id,
        holder_kind=account.holder_kind.value,
        bank_code=account.bank_code,
        account_number=account.account_number,
        holder_name=account.holder_name,
        set_by=set_by,
        held_until=held_until,
        now=now,
    )


async def log_change(
    conn: Connection,
    change_id: UUID,
    account: BankAccount,
    *,
    what: str,
    changed_by: UUID,
    held_until: datetime,
    now: datetime,
) -> None:
    """Remember that it was changed, and by whom."""
    await queries.log_bank_account_change.run(
        conn,
        change_id=change_id,
        holder_id=account.holder_id,
        holder_kind=account.holder_kind.value,
        what=what,
        changed_by=changed_by,
        held_until=held_until,
        now=now,
    )


async def share_bank_accounts(conn: Connection, holder_ids: Iterable[UUID]) -> dict[UUID, Destination]:
    """Where these are paid; they stay as they are until the transaction ends."""
    rows = await queries.share_bank_accounts.rows(conn, holder_ids=list(holder_ids))
    return {
        row["holder_id"]: Destination(
            row["holder_id"], row["bank_code"], row["account_number"], row["holder_name"], row["held_until"]
        )
        for row in rows
    }


async def erase_bank_accounts(conn: Connection, *, most: int, now: datetime) -> int:
    """Erase the accounts of forgotten people to whom nothing is due, a bounded number; how many."""
    return await queries.erase_bank_accounts.run(conn, most=most, now=now)
