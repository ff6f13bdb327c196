"""Book that the cooperative paid the market: Dr clearing with orders, Cr bank, and cash for what the bank has not."""

from datetime import datetime

from services.cooperatives import store
from services.cooperatives.domain.chart import BANK, CASH, CLEARING, Place
from shared import ledger
from shared.calendar import day_of
from shared.contracts.clearing import SavingsClaimPaid
from shared.db import Connection
from shared.handlers import Reject, Retry
from shared.ledger import Transfer, credit, debit
from shared.money import CURRENCY

TRY_AGAIN_SECONDS = 60


async def settle_clearing(conn: Connection, paid: SavingsClaimPaid, *, now: datetime) -> None:
    """Each payment once. Raises Reject for a cooperative that is not here, or another currency.

    Raises Retry while bank and cash together have too little in the books: the money has left, so entries of the
    treasurer are missing, and the payment is booked when they have come.
    """
    if paid.currency != CURRENCY or not await store.markets(conn, [paid.cooperative_id]):
        raise Reject(f"{paid.cooperative_id} keeps no books in {paid.currency} here")
    if await store.is_clearing_payment_booked(conn, paid.payment_id):
        return
    clearing, bank, cash = (Place(paid.cooperative_id, code) for code in (CLEARING, BANK, CASH))
    accounts = await store.accounts(conn, [clearing, bank, cash], on=day_of(now))
    await ledger.lock(conn, accounts.values())
    in_bank_minor = (await ledger.balance(conn, accounts[bank])).available_minor
    in_cash_minor = (await ledger.balance(conn, accounts[cash])).available_minor
    from_bank_minor = min(paid.amount_minor, in_bank_minor)
    from_cash_minor = paid.amount_minor - from_bank_minor
    if from_cash_minor > in_cash_minor:
        raise Retry("bank and cash have too little in the books of the cooperative", seconds=TRY_AGAIN_SECONDS)
    sources = ((bank, from_bank_minor), (cash, from_cash_minor))
    legs = [credit(accounts[place], amount_minor) for place, amount_minor in sources if amount_minor]
    await store.insert_clearing_payment(conn, paid, from_bank_minor=from_bank_minor, now=now)
    transfer = Transfer(
        paid.payment_id, (debit(accounts[clearing], paid.amount_minor), *legs), "savings_claim_paid", now
    )
    await store.post(conn, transfer, short={})
