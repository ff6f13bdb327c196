"""Move what a member was given of surpluses to their voluntary savings."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.cooperatives import store
from services.cooperatives.domain.allocation import PAYABLE_TO_MEMBER
from services.cooperatives.domain.chart import Place
from services.cooperatives.domain.meeting_problems import NothingToPayOut
from services.cooperatives.domain.rulebook import RULES
from services.cooperatives.domain.savings import Movement, Reason, receives
from services.cooperatives.domain.taxes import surplus_tax
from services.cooperatives.store import surplus
from shared import ledger
from shared.calendar import day_of
from shared.db import Connection
from shared.exact import down
from shared.ids import new_id
from shared.ledger import Transfer, credit, debit

TAX_CODE = "2202"


@dataclass(frozen=True, slots=True)
class PaidOut:
    """What was moved; the tax on it went to the tax office's account. In rupiah."""

    movement_id: UUID
    kind: str
    amount_minor: int
    tax_minor: int


async def pay_out_surplus(
    conn: Connection, cooperative_id: UUID, member_id: UUID, *, by: UUID, now: datetime
) -> PaidOut:
    """All of it, for the member or an officer who asks; to a former member it becomes payable in cash.

    Raises MemberNotFound, NothingToPayOut.
    """
    await surplus.require_member_or_officer(conn, cooperative_id, member_id, by)
    member = await store.lock_member(conn, cooperative_id, member_id)
    kind = receives(member)
    owed, savings, tax = (
        Place(cooperative_id, PAYABLE_TO_MEMBER, member_id),
        Place(cooperative_id, kind.code, member_id),
        Place(cooperative_id, TAX_CODE),
    )
    accounts = await store.accounts(conn, [owed, savings, tax], on=day_of(now))
    await ledger.lock(conn, accounts.values())
    owed_minor = (await ledger.balance(conn, accounts[owed])).balance_minor
    if owed_minor <= 0:
        raise NothingToPayOut
    tax_minor = down(surplus_tax(RULES, "individual_member", owed_minor, on=day_of(now)))
    movement = Movement(new_id(), member_id, cooperative_id, kind, accounts[savings], owed_minor - tax_minor)
    legs = [debit(accounts[owed], owed_minor), credit(accounts[savings], movement.amount_minor)]
    if tax_minor:
        legs.append(credit(accounts[tax], tax_minor))
    reference = {"member_id": str(member_id)}
    await store.post(conn, Transfer(movement.movement_id, tuple(legs), "surplus_paid_out", now, reference), short={})
    await store.insert_movements(conn, [movement], Reason.SURPLUS, by=by, at=now)
    return PaidOut(movement.movement_id, kind.value, movement.amount_minor, tax_minor)
