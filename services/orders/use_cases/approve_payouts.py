"""Approve a batch, as a second person: each line is decided anew under locks, and becomes a line for the bank.

Debts are netted first (a payee's balance may have fallen since the draft), then instalments are kept, the rest goes to
the bank. Accepted instalments of earlier batches go along, one line per lender. Everything is posted in one go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.orders.domain import bank_file
from services.orders.domain.bank_file import FileLine, Kind
from services.orders.domain.payouts import (
    BatchStatus,
    Destination,
    Line,
    Mandate,
    PayoutStatus,
    decide,
    end_of,
    minimum_minor,
    sums_by_lender,
)
from services.orders.domain.problems import SecondPersonNeeded, WrongBatchState
from services.orders.store import accounts, bank_accounts, mandates, payouts
from services.orders.store.accounts import Movement
from services.orders.store.payouts import Batch
from services.orders.use_cases.draft_payouts import LINES_MAX, rules_here
from shared import calls_out, ledger, outbox
from shared.calendar import WIB, day_of
from shared.contracts.payouts import InstalmentWithheld, PayoutScheduled
from shared.db import Connection
from shared.ids import new_id
from shared.money import CURRENCY
from shared.problems import NotFound

SUBMIT = "submit_payouts"
CALL_DEADLINE_SECONDS = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Remittance:
    """Accepted instalments of one lender that are passed on together."""

    remittance_id: UUID
    lender_id: UUID
    amount_minor: int
    instalment_ids: tuple[UUID, ...]
    destination: Destination


@dataclass(frozen=True, slots=True)
class Kept:
    """An instalment that is withheld now."""

    instalment_id: UUID
    payout_id: UUID
    mandate: Mandate
    amount_minor: int


async def approve_payouts(conn: Connection, batch_id: UUID, *, approved_by: UUID, is_sent: bool, now: datetime) -> None:
    """Schedule what is in the draft. `is_sent`: the bank is told by us, not by an officer's hand.

    Raises NotFound, WrongBatchState, SecondPersonNeeded.
    """
    batch = await payouts.lock_batch(conn, batch_id)
    if batch is None:
        raise NotFound
    if batch.status is not BatchStatus.DRAFT:
        raise WrongBatchState(f"the batch is {batch.status.value}")
    if not await payouts.approve_batch(conn, batch_id, approved_by=approved_by, now=now):
        raise SecondPersonNeeded
    lines, remittances = await _decide(conn, batch, approved_by=approved_by, now=now)
    kept = [
        Kept(new_id(), line.payout_id, mandate, amount_minor)
        for line in lines
        for mandate, amount_minor in line.instalments
    ]
    await _write(conn, batch_id, lines, kept, remittances, now=now)
    event_ids: dict[UUID, UUID] = {}
    for event in _events(batch_id, lines, kept, now=now):
        outbox.append(conn, event)
        told_of = event.payout_id if isinstance(event, PayoutScheduled) else event.instalment_id
        event_ids[told_of] = conn.events[-1].event_id
    movements = _movements(batch_id, lines, kept, remittances, now=now)
    for movement in movements:
        if movement.id in event_ids:  # the payee's statement leads to it
            movement.meta["event_id"] = str(event_ids[movement.id])
    await accounts.post(conn, movements)
    is_needed = await _write_file(conn, batch_id, lines, remittances, on=day_of(now))
    await payouts.close_batch(conn, batch_id, now=now)
    if is_sent and is_needed:
        await calls_out.request(conn, SUBMIT, str(batch_id), {}, deadline_seconds=CALL_DEADLINE_SECONDS)


async def _decide(
    conn: Connection, batch: Batch, *, approved_by: UUID, now: datetime
) -> tuple[list[Line], list[Remittance]]:
    """Every line and every remittance, with all that decides over them locked: in the order of store/payouts.py."""
    drafts = await payouts.draft_payees(conn, batch.batch_id)
    payee_ids = [payee_id for _, payee_id in drafts]
    asked = await mandates.share_mandates(conn, payee_ids)
    to_pass_on = await mandates.lock_instalments_to_pass_on(conn, approved_by=approved_by, most=LINES_MAX, now=now)
    sums = sums_by_lender((row["lender_id"], row["accepted_minor"]) for row in to_pass_on)
    destinations = await bank_accounts.share_bank_accounts(conn, [*payee_ids, *sums])
    balances = await _lock_balances(conn, payee_ids, until=end_of(batch.up_to_date, WIB), now=now)
    least_minor = minimum_minor(rules_here(conn), day_of(now))
    lines = [
        decide(
            payout_id,
            payee_id,
            balance_minor=balances[payee_id],
            minimum_minor=least_minor,
            mandates=asked.get(payee_id, ()),
            destination=destinations.get(payee_id),
            by=batch.up_to_date,
            now=now,
        )
        for payout_id, payee_id in drafts
    ]
    remittances = [
        Remittance(
            new_id(),
            lender_id,
            amount_minor,
            tuple(row["instalment_id"] for row in to_pass_on if row["lender_id"] == lender_id),
            destinations[lender_id],
        )
        for lender_id, amount_minor in sums.items()
        if lender_id in destinations
    ]
    return lines, remittances


async def _lock_balances(
    conn: Connection, payee_ids: Sequence[UUID], *, until: datetime, now: datetime
) -> dict[UUID, int]:
    """What each payee has to get, with the accounts of all that will be posted locked before it is read."""
    ours = [accounts.financing_clearing(), accounts.payouts_in_transit()]
    await ledger.open_accounts(conn, ours)
    ids = {payee_id: accounts.payee(payee_id).id for payee_id in payee_ids}
    await ledger.lock(conn, [*ids.values(), *(account.id for account in ours)])
    balances = await payouts.balances_up_to(conn, ids.values(), until=until, now=now)
    return {payee_id: balances.get(account_id, 0) for payee_id, account_id in ids.items()}


async def _write(
    conn: Connection,
    batch_id: UUID,
    lines: Sequence[Line],
    kept: Sequence[Kept],
    remittances: Sequence[Remittance],
    *,
    now: datetime,
) -> None:
    await payouts.schedule_payouts(conn, lines, now=now)
    await mandates.insert_instalments(
        conn, [(one.instalment_id, one.payout_id, one.mandate, one.amount_minor) for one in kept], now=now
    )
    await mandates.insert_remittances(
        conn,
        batch_id,
        {one.lender_id: (one.remittance_id, one.amount_minor) for one in remittances},
        {instalment_id: one.remittance_id for one in remittances for instalment_id in one.instalment_ids},
        now=now,
    )


def _movements(
    batch_id: UUID,
    lines: Sequence[Line],
    kept: Sequence[Kept],
    remittances: Sequence[Remittance],
    *,
    now: datetime,
) -> list[Movement]:
    payee_of = {line.payout_id: line.payee_id for line in lines}
    clearing, in_transit = accounts.financing_clearing(), accounts.payouts_in_transit()
    movements = []
    for line in lines:
        about = {"batch_id": str(batch_id), "payout_id": str(line.payout_id), "payee_id": str(line.payee_id)}
        movement = Movement(line.payout_id, "payout", now, about)
        movement.move(accounts.payee(line.payee_id), in_transit, line.amount_minor)
        movements.append(movement)
    for one in kept:
        about = reference_of(one.instalment_id, one.payout_id, one.mandate.loan_id, payee_of[one.payout_id])
        movement = Movement(one.instalment_id, "instalment_withheld", now, about)
        movement.move(accounts.payee(payee_of[one.payout_id]), clearing, one.amount_minor)
        movements.append(movement)
    for remittance in remittances:
        about = {"batch_id": str(batch_id), "remittance_id": str(remittance.remittance_id)}
        movement = Movement(remittance.remittance_id, "remittance", now, about)
        movement.move(clearing, in_transit, remittance.amount_minor)
        movements.append(movement)
    return movements


def reference_of(instalment_id: UUID, payout_id: UUID, loan_id: UUID, payee_id: UUID) -> dict[str, str]:
    """What a transfer of an instalment is about."""
    return {
        "instalment_id": str(instalment_id),
        "payout_id": str(payout_id),
        "loan_id": str(loan_id),
        "payee_id": str(payee_id),
    }


def _events(
    batch_id: UUID, lines: Sequence[Line], kept: Sequence[Kept], *, now: datetime
) -> list[PayoutScheduled | InstalmentWithheld]:
    scheduled = [
        PayoutScheduled(
            payout_id=line.payout_id,
            batch_id=batch_id,
            payee_id=line.payee_id,
            amount_minor=line.amount_minor,
            currency=CURRENCY,
            balance_minor=line.balance_minor,
            instalments_minor=line.instalments_minor,
            scheduled_at=now,
        )
        for line in lines
        if line.left_out is None
    ]
    withheld = [
        InstalmentWithheld(
            instalment_id=one.instalment_id,
            mandate_id=one.mandate.mandate_id,
            loan_id=one.mandate.loan_id,
            application_id=one.mandate.application_id,
            lender_id=one.mandate.lender_id,
            payee_id=one.mandate.payee_id,
            amount_minor=one.amount_minor,
            currency=CURRENCY,
            payout_id=one.payout_id,
            withheld_at=now,
        )
        for one in kept
    ]
    return [*scheduled, *withheld]


async def _write_file(
    conn: Connection, batch_id: UUID, lines: Sequence[Line], remittances: Sequence[Remittance], *, on: date
) -> bool:
    """Keep what the file says and what it sums to; whether there is anything in it."""
    wanted: list[tuple[UUID, Kind, Destination, int]] = [
        (line.payout_id, "PAYOUT", line.destination, line.amount_minor)
        for line in lines
        if line.status is PayoutStatus.SCHEDULED and line.destination is not None
    ]
    wanted += [(one.remittance_id, "REMITTANCE", one.destination, one.amount_minor) for one in remittances]
    file_lines = [_file_line(number, *line) for number, line in enumerate(wanted, start=1)]
    await payouts.insert_file_lines(conn, batch_id, file_lines)
    raw = bank_file.write(batch_id, file_lines, on=on)
    await payouts.describe_file(
        conn,
        batch_id,
        lines=len(file_lines),
        total_minor=sum(line.amount_minor for line in file_lines),
        sha256=bank_file.checksum(raw),
    )
    return bool(file_lines)


def _file_line(number: int, line_id: UUID, kind: Kind, to: Destination, amount_minor: int) -> FileLine:
    return FileLine(line_id, number, kind, to.holder_id, to.bank_code, to.account_number, to.holder_name, amount_minor)
