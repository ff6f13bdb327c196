"""Pay out voluntary savings, or what a former member is owed.

Above the limit of the articles, and for an officer's own savings, the money is held until another officer decides. What
a member was paid on the same day without a second person counts, so that many small withdrawals are not a large one.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.cooperatives import store
from services.cooperatives.domain.chart import CASH, Place, start_of_day
from services.cooperatives.domain.cooperative import Member, MemberState
from services.cooperatives.domain.problems import DecidedAlready, TooLittleCash, TooLittleSaved
from services.cooperatives.domain.savings import Movement, Reason, SavingsKind
from services.cooperatives.store.savings import Withdrawal
from shared.calendar import day_of
from shared.db import Connection
from shared.ids import new_id
from shared.ledger import Hold, Settlement

MAY_WITHDRAW = {
    SavingsKind.VOLUNTARY: (MemberState.ACTIVE, MemberState.SUSPENDED),
    SavingsKind.PAYABLE: (MemberState.ENDED,),
}


@dataclass(frozen=True, slots=True)
class Withdraw:
    """What an officer is asked to pay a member in cash."""

    cooperative_id: UUID
    member_id: UUID
    kind: SavingsKind
    amount_minor: int
    by: UUID


async def withdraw(conn: Connection, command: Withdraw, *, now: datetime) -> Withdrawal:
    """Paid at once, or waiting for a second person with the money held.

    Raises CooperativeNotFound, NotYourTask, MemberNotFound, NotInThisState, TooLittleSaved, TooLittleCash.
    """
    officer = await store.lock_as_officer(conn, command.cooperative_id, command.by)
    officer.require()
    member = await store.lock_member(conn, command.cooperative_id, command.member_id)
    member.require(*MAY_WITHDRAW[command.kind])
    limit_minor = (await store.cooperative(conn, command.cooperative_id)).articles.withdrawal_limit_minor
    alone_minor = await store.paid_alone_minor(conn, command.member_id, since=start_of_day(now))
    withdrawal = Withdrawal(
        new_id(),
        command.cooperative_id,
        command.member_id,
        command.kind,
        command.amount_minor,
        needs_second=alone_minor + command.amount_minor > limit_minor or member.account_id == command.by,
        state="waiting",
        asked_by=command.by,
    )
    await store.insert_withdrawal(conn, withdrawal, now=now)
    cash = Place(command.cooperative_id, CASH)
    savings = Place(command.cooperative_id, command.kind.code, command.member_id)
    accounts = await store.accounts(conn, [cash, savings], on=day_of(now))
    hold = Hold(
        withdrawal.withdrawal_id,
        accounts[savings],
        accounts[cash],
        command.amount_minor,
        f"savings_withdrawal_{command.kind.value}",
        now,
        reference={"member_id": str(command.member_id)},
    )
    await store.hold(conn, hold, short={accounts[savings]: TooLittleSaved, accounts[cash]: TooLittleCash})
    if withdrawal.needs_second:
        return withdrawal
    return await _pay(conn, withdrawal, member, by=command.by, now=now)


async def approve_withdrawal(
    conn: Connection, cooperative_id: UUID, withdrawal_id: UUID, *, by: UUID, now: datetime
) -> Withdrawal:
    """Another officer than the one who asked pays it, and nobody their own.

    Raises CooperativeNotFound, NotYourTask, WithdrawalNotFound, DecidedAlready, NeedsAnotherPerson.
    """
    withdrawal, member = await _lock(conn, cooperative_id, withdrawal_id, by=by)
    return await _pay(conn, withdrawal, member, by=by, now=now)


async def refuse_withdrawal(
    conn: Connection, cooperative_id: UUID, withdrawal_id: UUID, *, by: UUID, now: datetime
) -> Withdrawal:
    """Nothing is paid, the money is free again. Raises the same."""
    withdrawal, _ = await _lock(conn, cooperative_id, withdrawal_id, by=by)
    await store.release(conn, withdrawal_id)
    return await store.decide_withdrawal(conn, withdrawal, "refused", by=by, at=now)


async def _lock(conn: Connection, cooperative_id: UUID, withdrawal_id: UUID, *, by: UUID) -> tuple[Withdrawal, Member]:
    officer = await store.lock_as_officer(conn, cooperative_id, by)
    officer.require()
    member_id = await store.member_of_withdrawal(conn, cooperative_id, withdrawal_id)
    member = await store.lock_member(conn, cooperative_id, member_id)
    withdrawal = await store.lock_withdrawal(conn, cooperative_id, withdrawal_id)
    if withdrawal.state != "waiting":
        raise DecidedAlready
    officer.is_not(withdrawal.asked_by)
    officer.is_not(member.account_id)
    return withdrawal, member


async def _pay(conn: Connection, withdrawal: Withdrawal, member: Member, *, by: UUID, now: datetime) -> Withdrawal:
    movement = Movement(
        new_id(),
        withdrawal.member_id,
        withdrawal.cooperative_id,
        withdrawal.kind,
        await store.account(conn, Place(withdrawal.cooperative_id, withdrawal.kind.code, withdrawal.member_id), now),
        -withdrawal.amount_minor,
    )
    settlement = Settlement(
        movement.movement_id,
        withdrawal.withdrawal_id,
        withdrawal.amount_minor,
        f"savings_withdrawal_{withdrawal.kind.value}",
        now,
        reference={"member_id": str(withdrawal.member_id)},
    )
    await store.settle(conn, settlement)
    await store.insert_movements(conn, [movement], Reason.WITHDRAWAL, by=by, at=now)
    if member.state is MemberState.ENDED:
        await store.erase_paid_out(conn, member.member_id)
    return await store.decide_withdrawal(conn, withdrawal, "paid", by=by, at=now)
