"""Take in savings; the principal paid in full makes a candidate a member."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.cooperatives import store
from services.cooperatives.domain.chart import CASH, Place
from services.cooperatives.domain.savings import MAY_DEPOSIT, Movement, Reason, SavingsKind, is_principal_complete
from shared import ledger, outbox
from shared.calendar import day_of
from shared.db import Connection
from shared.ids import new_id
from shared.ledger import Transfer, credit, debit


@dataclass(frozen=True, slots=True)
class Deposit:
    """Cash that an officer received for a member's savings."""

    cooperative_id: UUID
    member_id: UUID
    kind: SavingsKind
    amount_minor: int
    by: UUID


@dataclass(frozen=True, slots=True)
class Deposited:
    """What is saved of this kind now, and the number under which a member was just admitted."""

    movement_id: UUID
    balance_minor: int
    register_number: int | None


async def deposit(conn: Connection, command: Deposit, *, now: datetime) -> Deposited:
    """Dr cash, Cr the member's savings.

    Raises CooperativeNotFound, NotYourTask, MemberNotFound, NeedsAnotherPerson (an officer's own savings),
    NotInThisState, PrincipalExceeded.
    """
    if command.kind is SavingsKind.PRINCIPAL:
        await store.lock_cooperative(conn, command.cooperative_id)  # it may give out a register number
    officer = await store.lock_as_officer(conn, command.cooperative_id, command.by)
    officer.require()
    member = await store.lock_member(conn, command.cooperative_id, command.member_id)
    officer.is_not(member.account_id)
    member.require(*MAY_DEPOSIT[command.kind])
    cash = Place(command.cooperative_id, CASH)
    savings = Place(command.cooperative_id, command.kind.code, command.member_id)
    accounts = await store.accounts(conn, [cash, savings], on=day_of(now))
    saved_minor = (await ledger.balance(conn, accounts[savings])).balance_minor
    is_complete = False
    if command.kind is SavingsKind.PRINCIPAL:
        wanted_minor = (await store.cooperative(conn, command.cooperative_id)).articles.principal_savings_minor
        is_complete = is_principal_complete(saved_minor, command.amount_minor, wanted_minor)
    movement = Movement(
        new_id(), member.member_id, member.cooperative_id, command.kind, accounts[savings], command.amount_minor
    )
    transfer = Transfer(
        movement.movement_id,
        (debit(accounts[cash], command.amount_minor), credit(accounts[savings], command.amount_minor)),
        f"savings_deposit_{command.kind.value}",
        now,
        reference={"member_id": str(member.member_id)},
    )
    await store.post(conn, transfer, short={})
    await store.insert_movements(conn, [movement], Reason.DEPOSIT, by=command.by, at=now)
    number = None
    if is_complete:
        number = await store.admit(conn, member, by=command.by, at=now)
        outbox.append(conn, member.as_admitted_event(at=now))
    return Deposited(movement.movement_id, saved_minor + command.amount_minor, number)
