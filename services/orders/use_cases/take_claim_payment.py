"""A cooperative paid what it owes for orders paid from savings: Dr bank, Cr clearing with that cooperative."""

from datetime import datetime
from uuid import UUID

from services.orders.domain.problems import MoreThanOwed, ReferenceCounted
from services.orders.store import accounts, claims
from services.orders.store.accounts import Movement
from shared import outbox
from shared.contracts.clearing import SavingsClaimPaid
from shared.db import Connection
from shared.ids import new_id
from shared.money import CURRENCY
from shared.problems import NotFound


async def take_claim_payment(
    conn: Connection, cooperative_id: UUID, amount_minor: int, reference: str, *, by: UUID, now: datetime
) -> UUID:
    """Book a transfer once, of at most what is owed, and tell the cooperative. The id of the payment.

    Raises NotFound, ReferenceCounted, MoreThanOwed. What is owed is looked at again when the posting has the account's
    lock: of two payments at once, the second sees the first.
    """
    if await claims.claim(conn, cooperative_id) is None:
        raise NotFound
    payment_id = new_id()
    if not await claims.insert_payment(conn, payment_id, cooperative_id, amount_minor, reference, by=by, now=now):
        raise ReferenceCounted
    owed = accounts.savings_clearing(cooperative_id)
    movement = Movement(payment_id, "savings_claim_paid", now, {"cooperative_id": str(cooperative_id)})
    movement.move(accounts.bank(), owed, amount_minor)
    await accounts.post(conn, [movement])
    if (left_minor := await accounts.balance_minor(conn, owed)) < 0:
        raise MoreThanOwed(f"{max(left_minor + amount_minor, 0)} is owed")
    outbox.append(
        conn,
        SavingsClaimPaid(
            payment_id=payment_id,
            cooperative_id=cooperative_id,
            amount_minor=amount_minor,
            currency=CURRENCY,
            paid_at=now,
        ),
    )
    return payment_id
