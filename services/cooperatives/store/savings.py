"""What moves savings, and withdrawals that wait for a second person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from services.cooperatives.domain.chart import Place
from services.cooperatives.domain.problems import MemberNotFound, WithdrawalNotFound
from services.cooperatives.domain.savings import Movement, Reason, SavingsKind
from services.cooperatives.store.books import accounts, meaning
from services.cooperatives.store.named import money, refusing
from shared import ledger
from shared.calendar import day_of
from shared.db import Connection
from shared.ledger import Hold, Refusal, Settlement
from shared.problems import Problem
from shared.sql import Row

WithdrawalState: TypeAlias = Literal["waiting", "paid", "refused"]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Cash that somebody asked for; its id is that of the ledger's hold."""

    withdrawal_id: UUID
    cooperative_id: UUID
    member_id: UUID
    kind: SavingsKind
    amount_minor: int
    needs_second: bool
    state: WithdrawalState
    asked_by: UUID


async def insert_movements(
    conn: Connection, movements: Sequence[Movement], reason: Reason, *, by: UUID | None, at: datetime
) -> None:
    """Write down what transfers did to savings."""
    await money.insert_movements.run(
        conn,
        movement_ids=[movement.movement_id for movement in movements],
        member_ids=[movement.member_id for movement in movements],
        kinds=[movement.kind.value for movement in movements],
        cooperative_ids=[movement.cooperative_id for movement in movements],
        ledger_account_ids=[movement.ledger_account_id for movement in movements],
        amounts=[movement.amount_minor for movement in movements],
        reason=reason.value,
        made_by=by,
        moved_at=at,
    )


async def movements(
    conn: Connection, member_id: UUID, *, before: tuple[datetime, UUID, str] | None, most: int
) -> list[Row]:
    """A member's statement, newest first; who may read it was decided before."""
    at, movement_id, kind = before or (None, None, None)
    return await money.movements.rows(
        conn, member_id=member_id, before_at=at, before_id=movement_id, before_kind=kind, most=most
    )


async def require_own(conn: Connection, member_id: UUID, account_id: UUID) -> None:
    """Raise MemberNotFound unless the membership is the account's own."""
    if await money.membership_of_account.value(conn, member_id=member_id, account_id=account_id) is None:
        raise MemberNotFound


async def account(conn: Connection, place: Place, now: datetime) -> UUID:
    """The ledger account of one place."""
    return (await accounts(conn, [place], on=day_of(now)))[place]


async def hold(conn: Connection, promised: Hold, *, short: Mapping[UUID, type[Problem]]) -> None:
    """Hold money. `short` says what it means when an account has too little; else BalanceRefused."""
    (verdict,) = await ledger.hold(conn, [promised])
    if isinstance(verdict, Refusal):
        raise meaning([verdict], short)


async def settle(conn: Connection, settlement: Settlement) -> None:
    """Turn a hold into a transfer. Raises BalanceRefused when it was resolved before."""
    (verdict,) = await ledger.settle(conn, [settlement])
    if isinstance(verdict, Refusal):
        raise meaning([verdict], {})


async def release(conn: Connection, hold_id: UUID) -> None:
    """Let a hold go. Raises BalanceRefused when it was resolved before."""
    (verdict,) = await ledger.release(conn, [hold_id])
    if isinstance(verdict, Refusal):
        raise meaning([verdict], {})


async def insert_withdrawal(conn: Connection, withdrawal: Withdrawal, *, now: datetime) -> None:
    """A withdrawal that waits."""
    await money.insert_withdrawal.run(
        conn,
        withdrawal_id=withdrawal.withdrawal_id,
        cooperative_id=withdrawal.cooperative_id,
        member_id=withdrawal.member_id,
        kind=withdrawal.kind.value,
        amount_minor=withdrawal.amount_minor,
        needs_second=withdrawal.needs_second,
        asked_by=withdrawal.asked_by,
        asked_at=now,
    )


async def paid_alone_minor(conn: Connection, member_id: UUID, *, since: datetime) -> int:
    """What officers have paid the (locked) member since then without a second person."""
    return int(await money.paid_alone_since.value(conn, member_id=member_id, since=since))


async def member_of_withdrawal(conn: Connection, cooperative_id: UUID, withdrawal_id: UUID) -> UUID:
    """Whose savings a withdrawal of this cooperative takes. Raises WithdrawalNotFound."""
    found: UUID | None = await money.member_of_withdrawal.value(
        conn, withdrawal_id=withdrawal_id, cooperative_id=cooperative_id
    )
    if found is None:
        raise WithdrawalNotFound
    return found


async def lock_withdrawal(conn: Connection, cooperative_id: UUID, withdrawal_id: UUID) -> Withdrawal:
    """A withdrawal of this cooperative, locked; its member is locked before. Raises WithdrawalNotFound."""
    row = await money.lock_withdrawal.row(conn, withdrawal_id=withdrawal_id, cooperative_id=cooperative_id)
    if row is None:
        raise WithdrawalNotFound
    return Withdrawal(**(dict(row) | {"kind": SavingsKind(row["kind"])}))


async def decide_withdrawal(
    conn: Connection, withdrawal: Withdrawal, state: WithdrawalState, *, by: UUID, at: datetime
) -> Withdrawal:
    """Paid or refused, under its lock. Raises NeedsAnotherPerson."""
    with refusing():
        await money.decide_withdrawal.run(
            conn, withdrawal_id=withdrawal.withdrawal_id, state=state, decided_by=by, decided_at=at
        )
    return replace(withdrawal, state=state)


async def has_waiting_withdrawal(conn: Connection, member_id: UUID) -> bool:
    """Whether some of a member's money waits for a decision."""
    return await money.waiting_withdrawal.value(conn, member_id=member_id) is not None


async def withdrawals(
    conn: Connection, cooperative_id: UUID, *, state: str | None, after: UUID | None, most: int
) -> list[Row]:
    """Withdrawals of a cooperative; for its officers."""
    return await money.withdrawals.rows(conn, cooperative_id=cooperative_id, state=state, after=after, most=most)


async def erase_paid_out(conn: Connection, member_id: UUID) -> None:
    """Forget the name of a former member who asked for it, when nothing is owed to them any more."""
    await money.erase_paid_out.run(conn, member_id=member_id)
