"""End a membership: savings less debts become payable, the register gets its last line."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.cooperatives import store
from services.cooperatives.domain.chart import RECEIVABLE, Place
from services.cooperatives.domain.cooperative import EndReason, MemberState
from services.cooperatives.domain.problems import DebtsNotBooked, NotInThisState
from services.cooperatives.domain.savings import Movement, Reason, SavingsKind, paid_out
from shared import ledger, outbox
from shared.calendar import day_of
from shared.db import Connection
from shared.ids import new_id
from shared.ledger import Transfer, credit, debit

KEPT = (SavingsKind.PRINCIPAL, SavingsKind.MANDATORY, SavingsKind.VOLUNTARY)


@dataclass(frozen=True, slots=True)
class EndMembership:
    """Who leaves and why; `debts_minor` is what the books (1201) say that they owe."""

    cooperative_id: UUID
    member_id: UUID
    reason: EndReason
    debts_minor: int
    by: UUID


async def end_membership(conn: Connection, command: EndMembership, *, now: datetime) -> int:
    """What is payable to the former member.

    Raises CooperativeNotFound, NotYourTask, MemberNotFound, NeedsAnotherPerson, NotInThisState (also while a withdrawal
    waits for its decision), DebtsNotBooked.
    """
    await store.lock_cooperative(conn, command.cooperative_id)
    officer = await store.lock_as_officer(conn, command.cooperative_id, command.by)
    officer.require()
    member = await store.lock_member(conn, command.cooperative_id, command.member_id)
    officer.is_not(member.account_id)
    member.require(MemberState.CANDIDATE, MemberState.ACTIVE, MemberState.SUSPENDED)
    if await store.has_waiting_withdrawal(conn, command.member_id):
        raise NotInThisState("a withdrawal waits for its decision")
    places = {kind: Place(command.cooperative_id, kind.code, command.member_id) for kind in SavingsKind}
    receivable = Place(command.cooperative_id, RECEIVABLE)
    accounts = await store.accounts(conn, [*places.values(), receivable], on=day_of(now))
    await ledger.lock(conn, accounts.values())
    saved = {kind: (await ledger.balance(conn, accounts[places[kind]])).balance_minor for kind in KEPT}
    payable_minor = paid_out(sum(saved.values()), command.debts_minor)
    changes = {kind: -amount_minor for kind, amount_minor in saved.items()} | {SavingsKind.PAYABLE: payable_minor}
    movement_id = new_id()
    movements = [
        Movement(movement_id, member.member_id, member.cooperative_id, kind, accounts[places[kind]], amount_minor)
        for kind, amount_minor in changes.items()
        if amount_minor
    ]
    if movements:
        legs = [debit(accounts[places[kind]], amount_minor) for kind, amount_minor in saved.items() if amount_minor]
        if payable_minor:
            legs.append(credit(accounts[places[SavingsKind.PAYABLE]], payable_minor))
        if command.debts_minor:
            legs.append(credit(accounts[receivable], command.debts_minor))
        reference = {"member_id": str(member.member_id)}
        transfer = Transfer(movement_id, tuple(legs), "membership_ended", now, reference=reference)
        await store.post(conn, transfer, short={accounts[receivable]: DebtsNotBooked})
        await store.insert_movements(conn, movements, Reason.ENDED, by=command.by, at=now)
    await store.end_member(conn, member, command.reason, by=command.by, at=now)
    if member.register_number is not None:
        outbox.append(conn, member.as_resigned_event(command.reason, at=now))
    await store.erase_paid_out(conn, member.member_id)
    return payable_minor
