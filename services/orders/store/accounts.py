"""The accounts of orders' ledger: how each is called, and what it holds.

What must stay true: an account's id follows from its code, so nobody looks one up before posting. Accounts that every
order touches are split into stripes by the order's id, so that two payments seldom wait for each other; what such an
account holds is the sum of its stripes (`code LIKE 'orders:unsettled:%'`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from services.orders.store.named import books
from shared import ledger
from shared.db import Connection
from shared.ledger import Kind, NewAccount, Transfer, credit, debit

STRIPES: Final = 16
ACCOUNT_IDS: Final = UUID("5b1f0b52-6c55-5a3e-9d0c-7f6a1f0c2d11")  # of this ledger alone; never changed
TRANSFER_IDS: Final = UUID("0c3a9b8e-53c7-5d0b-8a43-2b6f0b7f4e92")


def _account(code: str, kind: Kind, *, may_be_negative: bool = False) -> NewAccount:
    least = None if may_be_negative else 0
    return NewAccount(code, kind, balance_min_minor=least, id=uuid5(ACCOUNT_IDS, code))


def _striped(code: str, order_id: UUID) -> str:
    return f"{code}:{order_id.int % STRIPES:x}"


def cash(provider: str, order_id: UUID) -> NewAccount:
    """Asset: buyers' money at the payment provider."""
    return _account(_striped(f"cash:{provider}", order_id), Kind.ASSET)


def cash_at_the_door(order_id: UUID) -> NewAccount:
    """Asset: cash that shops took at the door and answer for until the parcel is settled."""
    return _account(_striped("cash:door", order_id), Kind.ASSET)


def savings_clearing(cooperative_id: UUID) -> NewAccount:
    """Asset: what a cooperative owes the market for orders paid from savings; the cooperative keeps its mirror."""
    return _account(f"clearing:savings:{cooperative_id}", Kind.ASSET, may_be_negative=True)


def unsettled(order_id: UUID) -> NewAccount:
    """Liability: what buyers have paid, that nobody has earned yet and that does not go back."""
    return _account(_striped("orders:unsettled", order_id), Kind.LIABILITY)


def owed_to_buyers(order_id: UUID) -> NewAccount:
    """Liability: refunds that are asked for and not with the buyer yet, the failed ones included."""
    return _account(_striped("refunds:owed", order_id), Kind.LIABILITY)


def commission(order_id: UUID) -> NewAccount:
    """Income: the market's share of what was sold."""
    return _account(_striped("income:commission", order_id), Kind.INCOME)


def tax_withheld(order_id: UUID) -> NewAccount:
    """Liability: PPh 22 kept back for the state."""
    return _account(_striped("tax:pph22", order_id), Kind.LIABILITY)


def payee(party_id: UUID) -> NewAccount:
    """Liability: what a shop, or a member of a joint listing, has to get. Below zero it owes, and is netted later."""
    return _account(f"payee:{party_id}", Kind.LIABILITY, may_be_negative=True)


def financing_clearing() -> NewAccount:
    """Liability: instalments kept out of payouts for lenders; financing keeps its mirror."""
    return _account("clearing:financing", Kind.LIABILITY, may_be_negative=True)


def payouts_in_transit() -> NewAccount:
    """Liability: payouts that stand in a bank file and have no answer yet."""
    return _account("payouts:in_transit", Kind.LIABILITY)


def bank() -> NewAccount:
    """Asset: the market's own bank account. Below zero while the provider has not passed on what it collected."""
    return _account("bank", Kind.ASSET, may_be_negative=True)


def transfer_id(*parts: object) -> UUID:
    """The id of a transfer that follows from what happened, for happenings that have no id of their own."""
    return uuid5(TRANSFER_IDS, "/".join(str(part) for part in parts))


@dataclass(slots=True)
class Movement:
    """One transfer in the making. An account may be named often: what it gets and gives is netted to one leg."""

    id: UUID
    reason: str
    event_at: datetime
    reference: dict[str, str]
    meta: dict[str, Any] = field(default_factory=dict)
    net_minor: dict[NewAccount, int] = field(default_factory=dict)  # above zero: a credit

    def move(self, debited: NewAccount, credited: NewAccount, amount_minor: int) -> None:
        """So much from the debit side of one account to the credit side of another; 0 is nothing."""
        self.net_minor[debited] = self.net_minor.get(debited, 0) - amount_minor
        self.net_minor[credited] = self.net_minor.get(credited, 0) + amount_minor

    def as_transfer(self) -> Transfer | None:
        """The transfer; None when nothing moves."""
        legs = tuple(
            credit(account.id, net_minor) if net_minor > 0 else debit(account.id, -net_minor)
            for account, net_minor in self.net_minor.items()
            if net_minor
        )
        return Transfer(self.id, legs, self.reason, self.event_at, self.reference, self.meta) if legs else None


async def post(conn: Connection, movements: Sequence[Movement]) -> None:
    """Post all of these, once per transaction: who posts twice in one can deadlock with others. Raises Refused.

    Accounts that are not open yet are opened before any is locked, so that opening and posting never wait in a circle.
    """
    transfers = [transfer for movement in movements if (transfer := movement.as_transfer()) is not None]
    if not transfers:
        return
    accounts = {account.id: account for movement in movements for account in movement.net_minor}
    there = {row["id"] for row in await books.accounts_among.rows(conn, ids=list(accounts))}
    if missing := [account for id_, account in accounts.items() if id_ not in there]:
        await ledger.open_accounts(conn, missing)
    await ledger.post_all(conn, transfers)


async def balance_minor(conn: Connection, account: NewAccount) -> int:
    """What the account holds, in its normal side; 0 when it was never used."""
    return int(await books.balance_of.value(conn, id=account.id) or 0)
