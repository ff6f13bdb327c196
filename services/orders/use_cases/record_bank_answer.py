"""Record what the bank says of a batch, from its answer file: paid, or returned with a reason.

What was paid is out of the house. What was returned is the payee's again, to be paid next time; returned instalments
wait for the next batch. The same answer again changes nothing. An answer that contradicts the batch, or an earlier
answer, is refused as a whole, written down and shown as trouble of the batch: people have to ask the bank.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import structlog

from services.orders.domain.bank_file import Answer, AnswerLine
from services.orders.domain.payouts import BatchStatus
from services.orders.store import accounts, mandates, payouts
from services.orders.store.accounts import Movement
from shared import outbox
from shared.contracts.payouts import InstalmentPassedOn, PayoutPaid, PayoutReturned
from shared.db import Connection
from shared.ids import new_id
from shared.money import CURRENCY
from shared.problems import NotFound
from shared.sql import Row

log = structlog.get_logger()

CLOCKS_DIFFER = timedelta(
    hours=1
)  # a moment that lies further ahead is a mistake: money would be booked into days to come


class Verdict(StrEnum):
    """What became of an answer."""

    APPLIED = "applied"
    REPEATED = "repeated"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer as it was taken."""

    verdict: Verdict
    detail: str = ""
    paid: int = 0
    returned: int = 0


async def record_bank_answer(
    conn: Connection, batch_id: UUID, answer: Answer, *, received_by: UUID | None, now: datetime
) -> Recorded:
    """Take an answer over, or refuse it; either is written down and must be committed. Raises NotFound."""
    batch = await payouts.lock_batch(conn, batch_id)
    if batch is None:
        raise NotFound
    lines = await payouts.lock_lines(conn, batch_id)
    if answer.batch_id != batch_id:
        fault: str | None = f"it is about the batch {answer.batch_id}"
    elif batch.status not in (BatchStatus.APPROVED, BatchStatus.CLOSED):
        fault = f"the batch is {batch.status.value} and was never sent"
    else:
        fault = next((why for line in answer.lines if (why := _contradiction(line, lines, now=now))), None)
    if fault is None:
        recorded = await _apply(conn, batch_id, answer, lines, now=now)
    else:
        recorded = Recorded(Verdict.REFUSED, fault)
        await payouts.mark_trouble(conn, batch_id, f"refused an answer of the bank: {fault}")
        log.error("bank_answer_contradicts", batch_id=str(batch_id), fault=fault)
    await payouts.insert_answer(
        conn,
        new_id(),
        batch_id,
        sha256=answer.sha256,
        received_by=received_by,
        verdict=recorded.verdict.value,
        detail=recorded.detail,
        now=now,
    )
    return recorded


def _contradiction(line: AnswerLine, lines: Mapping[UUID, Row], *, now: datetime) -> str | None:
    """Why this line cannot be; None when it can."""
    known = lines.get(line.line_id)
    if known is None:
        return f"the line {line.line_id} was not sent"
    if known["amount_minor"] != line.amount_minor:
        return f"the line {line.line_id} was of {known['amount_minor']}, not {line.amount_minor}"
    said = ("paid", None) if line.reason is None else ("returned", line.reason)
    if known["status"] != "scheduled" and (known["status"], known["returned_reason"]) != said:
        return f"the line {line.line_id} was {known['status']} before"
    if line.settled_at > now + CLOCKS_DIFFER:
        return f"the line {line.line_id} is to be settled at {line.settled_at}, which has not come yet"
    return None


async def _apply(
    conn: Connection, batch_id: UUID, answer: Answer, lines: Mapping[UUID, Row], *, now: datetime
) -> Recorded:
    fresh = [line for line in answer.lines if lines[line.line_id]["status"] == "scheduled"]
    if not fresh:
        return Recorded(Verdict.REPEATED)
    of_payees = [line for line in fresh if lines[line.line_id]["kind"] == "PAYOUT"]
    of_lenders = [line for line in fresh if lines[line.line_id]["kind"] == "REMITTANCE"]
    await payouts.settle_payouts(conn, of_payees)
    await payouts.settle_remittances(conn, of_lenders)
    passed_on = await _pass_on(conn, of_lenders, now=now)
    movements = {line.line_id: _movement(batch_id, line, lines[line.line_id]) for line in fresh}
    for line in of_payees:
        outbox.append(conn, _payout_event(batch_id, line, lines[line.line_id]["holder_id"]))
        movements[line.line_id].meta["event_id"] = str(conn.events[-1].event_id)  # the payee's statement leads to it
    await accounts.post(conn, list(movements.values()))
    for row, line in passed_on:
        outbox.append(conn, _passed_on_event(row, line.settled_at))
    await payouts.close_batch(conn, batch_id, now=now)
    returned = sum(line.reason is not None for line in fresh)
    return Recorded(Verdict.APPLIED, paid=len(fresh) - returned, returned=returned)


async def _pass_on(conn: Connection, lines: Sequence[AnswerLine], *, now: datetime) -> list[tuple[Row, AnswerLine]]:
    """Instalments that lenders have now; those that came back are free for the next batch."""
    by_id = {line.line_id: line for line in lines}
    rows = await mandates.lock_instalments_of_remittances(conn, list(by_id))
    await mandates.mark_passed_on(conn, [line.line_id for line in lines if line.reason is None], now=now)
    await mandates.take_out_of_remittances(conn, [line.line_id for line in lines if line.reason is not None])
    return [(row, by_id[row["remittance_id"]]) for row in rows if by_id[row["remittance_id"]].reason is None]


def _movement(batch_id: UUID, line: AnswerLine, known: Row) -> Movement:
    """Out of the house, or back to whose it was."""
    is_payout = known["kind"] == "PAYOUT"
    what, key = ("payout", "payout_id") if is_payout else ("remittance", "remittance_id")
    about = {"batch_id": str(batch_id), key: str(line.line_id)}
    if is_payout:
        about["payee_id"] = str(known["holder_id"])
    outcome = "paid" if line.reason is None else "returned"
    movement = Movement(accounts.transfer_id(what, line.line_id, outcome), f"{what}_{outcome}", line.settled_at, about)
    if line.reason is None:
        target = accounts.bank()
    else:
        target = accounts.payee(known["holder_id"]) if is_payout else accounts.financing_clearing()
    movement.move(accounts.payouts_in_transit(), target, line.amount_minor)
    return movement


def _payout_event(batch_id: UUID, line: AnswerLine, payee_id: UUID) -> PayoutPaid | PayoutReturned:
    if line.reason is None:
        return PayoutPaid(
            payout_id=line.line_id,
            batch_id=batch_id,
            payee_id=payee_id,
            amount_minor=line.amount_minor,
            currency=CURRENCY,
            paid_at=line.settled_at,
        )
    return PayoutReturned(
        payout_id=line.line_id,
        batch_id=batch_id,
        payee_id=payee_id,
        amount_minor=line.amount_minor,
        currency=CURRENCY,
        reason=line.reason,
        returned_at=line.settled_at,
    )


def _passed_on_event(row: Row, at: datetime) -> InstalmentPassedOn:
    return InstalmentPassedOn(
        instalment_id=row["instalment_id"],
        mandate_id=row["mandate_id"],
        loan_id=row["loan_id"],
        application_id=row["application_id"],
        lender_id=row["lender_id"],
        payee_id=row["payee_id"],
        amount_minor=row["accepted_minor"],
        currency=CURRENCY,
        passed_on_at=at,
    )
