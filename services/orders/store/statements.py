"""What a payee has to get: its statement and its figures. The caller has asked whether the person may see them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.orders.store import accounts
from services.orders.store.named import books
from shared.db import Connection
from shared.sql import Row


@dataclass(frozen=True, slots=True)
class Bounds:
    """The entries of a period: those after `before`, up to and with `last`. Versions count an account's entries."""

    before: int
    last: int


async def may_see_money(conn: Connection, party_id: UUID, *, account_id: UUID) -> bool:
    """Whether the account leads the shop, or is the payee."""
    return bool(await books.may_see_money.value(conn, party_id=party_id, account_id=account_id))


async def statement_bounds(conn: Connection, party_id: UUID, *, since: datetime, until: datetime) -> Bounds:
    """The entries that were booked from `since` to before `until`."""
    row = await books.statement_bounds.row(conn, account_id=accounts.payee(party_id).id, since=since, until=until)
    assert row is not None, "two scalar subqueries are one row"
    return Bounds(row["before_version"] or 0, row["last_version"] or 0)


async def balances_at(conn: Connection, party_id: UUID, bounds: Bounds) -> tuple[int, int]:
    """What the payee had before the first and after the last of these entries."""
    rows = await books.balances_at.rows(
        conn, account_id=accounts.payee(party_id).id, versions=[bounds.before, bounds.last]
    )
    found = {row["account_version"]: int(row["balance_after_minor"]) for row in rows}
    return found.get(bounds.before, 0), found.get(bounds.last, 0)


async def statement_lines(conn: Connection, party_id: UUID, *, after: int, last: int, most: int) -> list[Row]:
    """Lines in order, each with what it came from."""
    account_id = accounts.payee(party_id).id
    return await books.statement_lines.rows(
        conn, account_id=account_id, party_id=party_id, after=after, last=last, most=most
    )


async def trial_balance(conn: Connection) -> list[Row]:
    """The market's books by kind of account."""
    return await books.trial_balance.rows(conn)


async def dashboard(conn: Connection, shop_id: UUID, *, with_parcels: bool = False) -> Row:
    """A shop's figures, from one snapshot; with the open parcels behind them, if asked for."""
    row = await books.dashboard.row(
        conn, shop_id=shop_id, account_id=accounts.payee(shop_id).id, with_parcels=with_parcels
    )
    assert row is not None, "a statement of scalar subqueries is one row"
    return row


async def add_up_figures(conn: Connection, *, most: int) -> int:
    """Sums in the place of many addends, for a bounded number of shops; how many."""
    return int(await books.add_up_figures.value(conn, most=most))
