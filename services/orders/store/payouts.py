"""Batches of payouts, their lines, the bank file and the bank's answers.

Lock order: the batch, its payouts, mandates, instalments, bank accounts, then accounts of the ledger. Whoever changes
anything of a batch holds the batch's row lock.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.orders.domain.bank_file import AnswerLine, FileLine
from services.orders.domain.payouts import BatchStatus, Line
from services.orders.store.bank_accounts import queries
from shared.db import Connection
from shared.sql import Row


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as far as it decides what may happen to it."""

    batch_id: UUID
    status: BatchStatus
    up_to_date: date
    created_by: UUID | None
    approved_at: datetime | None


async def insert_batch(
    conn: Connection, batch_id: UUID, *, up_to_date: date, created_by: UUID | None, now: datetime
) -> None:
    """An empty draft."""
    await queries.insert_batch.run(conn, batch_id=batch_id, up_to_date=up_to_date, created_by=created_by, now=now)


async def draft_payouts(
    conn: Connection, batch_id: UUID, *, until: datetime, minimum_minor: int, most: int, now: datetime
) -> int:
    """Fill a draft with whom there is something to pay; how many of them can be paid."""
    rows = await queries.draft_payouts.rows(
        conn, batch_id=batch_id, until=until, minimum_minor=minimum_minor, most=most, now=now
    )
    return sum(row["status"] == "draft" for row in rows)


async def is_turn_of_the_clock(conn: Connection) -> bool:
    """Whether this process is the one that drafts by the clock now."""
    return bool(await queries.take_turn_of_the_clock.value(conn))


async def last_batch_of_the_clock(conn: Connection) -> tuple[datetime, int] | None:
    """When the clock drafted last, and how many payees are paid by it."""
    row = await queries.last_batch_of_the_clock.row(conn)
    return None if row is None else (row["created_at"], row["payees"])


async def lock_batch(conn: Connection, batch_id: UUID) -> Batch | None:
    """The batch, locked."""
    row = await queries.lock_batch.row(conn, batch_id=batch_id)
    if row is None:
        return None
    return Batch(row["batch_id"], BatchStatus(row["status"]), row["up_to_date"], row["created_by"], row["approved_at"])


async def approve_batch(conn: Connection, batch_id: UUID, *, approved_by: UUID, now: datetime) -> bool:
    """Approve a draft that somebody else made; False when it is no draft, or their own."""
    return bool(await queries.approve_batch.run(conn, batch_id=batch_id, approved_by=approved_by, now=now))


async def cancel_batch(conn: Connection, batch_id: UUID, *, cancelled_by: UUID, now: datetime) -> None:
    """Give a draft up."""
    await queries.cancel_batch.run(conn, batch_id=batch_id, cancelled_by=cancelled_by, now=now)


async def close_batch(conn: Connection, batch_id: UUID, *, now: datetime) -> None:
    """Close a batch if all its lines are answered."""
    await queries.close_batch.run(conn, batch_id=batch_id, now=now)


async def batches_in_trouble(conn: Connection) -> int:
    """How many batches wait for people: the bank refused something, or says nothing."""
    return int(await queries.batches_in_trouble.value(conn))


async def draft_payees(conn: Connection, batch_id: UUID) -> list[tuple[UUID, UUID]]:
    """Payout and payee of each line that is to be decided, locked."""
    rows = await queries.draft_payees.rows(conn, batch_id=batch_id)
    return [(row["payout_id"], row["payee_id"]) for row in rows]


async def balances_up_to(
    conn: Connection, account_ids: Iterable[UUID], *, until: datetime, now: datetime
) -> dict[UUID, int]:
    """What these ledger accounts hold without what came in later; those that are not open are left out."""
    rows = await queries.balances_up_to.rows(conn, account_ids=list(account_ids), until=until, now=now)
    return {row["id"]: row["minor"] for row in rows}


async def schedule_payouts(conn: Connection, lines: Sequence[Line], *, now: datetime) -> None:
    """Write down what was decided."""
    await queries.schedule_payouts.run(
        conn,
        payout_ids=[line.payout_id for line in lines],
        statuses=[line.status.value for line in lines],
        balances_minor=[line.balance_minor for line in lines],
        instalments_minor=[line.instalments_minor for line in lines],
        reasons=[None if line.left_out is None else line.left_out.value for line in lines],
        now=now,
    )


async def insert_file_lines(conn: Connection, batch_id: UUID, lines: Sequence[FileLine]) -> None:
    """What goes to the bank."""
    await queries.insert_file_lines.run(
        conn,
        batch_id=batch_id,
        line_ids=[line.line_id for line in lines],
        numbers=[line.number for line in lines],
        kinds=[line.kind for line in lines],
        holder_ids=[line.holder_id for line in lines],
        bank_codes=[line.bank_code for line in lines],
        account_numbers=[line.account_number for line in lines],
        holder_names=[line.holder_name for line in lines],
        amounts_minor=[line.amount_minor for line in lines],
    )


async def describe_file(conn: Connection, batch_id: UUID, *, lines: int, total_minor: int, sha256: str) -> None:
    """What the file holds, to compare with whenever it is written again."""
    await queries.describe_file.run(conn, batch_id=batch_id, lines=lines, total_minor=total_minor, sha256=sha256)


async def file_lines(conn: Connection, batch_id: UUID) -> list[FileLine]:
    """The lines of a batch's file, those of erased people missing."""
    return [FileLine(**row) for row in await queries.file_lines.rows(conn, batch_id=batch_id)]


async def lock_lines(conn: Connection, batch_id: UUID) -> dict[UUID, Row]:
    """All lines that were sent, by id; the batch is locked already."""
    return {row["line_id"]: row for row in await queries.lock_lines_of_batch.rows(conn, batch_id=batch_id)}


async def settle_payouts(conn: Connection, lines: Sequence[AnswerLine]) -> None:
    """What became of them."""
    await queries.settle_payouts.run(conn, **_settled(lines))


async def settle_remittances(conn: Connection, lines: Sequence[AnswerLine]) -> None:
    """What became of them."""
    await queries.settle_remittances.run(conn, **_settled(lines))


def _settled(lines: Sequence[AnswerLine]) -> dict[str, list[object]]:
    return {
        "line_ids": [line.line_id for line in lines],
        "statuses": ["paid" if line.reason is None else "returned" for line in lines],
        "reasons": [line.reason for line in lines],
        "settled_ats": [line.settled_at for line in lines],
    }


async def insert_answer(
    conn: Connection,
    answer_id: UUID,
    batch_id: UUID,
    *,
    sha256: str,
    received_by: UUID | None,
    verdict: str,
    detail: str,
    now: datetime,
) -> None:
    """Remember an answer and what was made of it."""
    await queries.insert_answer.run(
        conn,
        answer_id=answer_id,
        batch_id=batch_id,
        sha256=sha256,
        received_by=received_by,
        verdict=verdict,
        detail=detail,
        now=now,
    )


async def open_lines(conn: Connection, batch_id: UUID) -> int | None:
    """How many lines the bank still has to answer; None when it was never told of the batch."""
    found: int | None = await queries.open_lines.value(conn, batch_id=batch_id)
    return found


async def mark_submitted(conn: Connection, batch_id: UUID, *, now: datetime) -> None:
    """The bank has the file."""
    await queries.mark_submitted.run(conn, batch_id=batch_id, now=now)


async def mark_trouble(conn: Connection, batch_id: UUID, trouble: str) -> None:
    """Something for an officer to look at."""
    await queries.mark_trouble.run(conn, batch_id=batch_id, trouble=trouble[:500])


@dataclass(frozen=True, slots=True)
class BatchRows:
    """A batch with all that is in it."""

    batch: Row
    payouts: list[Row]
    instalments: Mapping[UUID, list[Row]]
    remittances: list[Row]
    answers: list[Row]


async def read_batch(conn: Connection, batch_id: UUID) -> BatchRows | None:
    """Everything of one batch; None when there is none."""
    batch = await queries.batch.row(conn, batch_id=batch_id)
    if batch is None:
        return None
    payouts = await queries.payouts_of_batch.rows(conn, batch_id=batch_id)
    return BatchRows(
        batch,
        payouts,
        await instalments_of_payouts(conn, [row["payout_id"] for row in payouts]),
        await queries.remittances_of_batch.rows(conn, batch_id=batch_id),
        await queries.answers_of_batch.rows(conn, batch_id=batch_id),
    )


async def batches(
    conn: Connection, *, status: str | None, before: tuple[datetime, UUID] | None, most: int
) -> list[Row]:
    """Batches, the newest first."""
    at, id_ = before or (None, None)
    return await queries.batches.rows(conn, status=status, before_at=at, before_id=id_, most=most)


async def payouts_of_payee(
    conn: Connection, payee_id: UUID, *, before: tuple[datetime, UUID] | None, most: int
) -> list[Row]:
    """What a payee was paid, the newest first."""
    at, id_ = before or (None, None)
    return await queries.payouts_of_payee.rows(conn, payee_id=payee_id, before_at=at, before_id=id_, most=most)


async def instalments_of_payouts(conn: Connection, payout_ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """What of each payout was kept for lenders."""
    found: dict[UUID, list[Row]] = {}
    for row in await queries.instalments_of_payouts.rows(conn, payout_ids=payout_ids):
        found.setdefault(row["payout_id"], []).append(row)
    return found
