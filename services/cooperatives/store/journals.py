"""Journals, and what is read of the books."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.cooperatives.domain.journal import JournalLine
from services.cooperatives.domain.problems import JournalNotFound
from services.cooperatives.store.named import money, refusing
from shared.db import Connection
from shared.ledger import Side
from shared.sql import Row


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal without its lines."""

    journal_id: UUID
    cooperative_id: UUID
    booked_on: date
    state: str
    entered_by: UUID


async def insert_journal(
    conn: Connection, journal: Journal, lines: Sequence[JournalLine], *, description: str, now: datetime
) -> None:
    """A journal that waits."""
    await money.insert_journal.run(
        conn,
        journal_id=journal.journal_id,
        cooperative_id=journal.cooperative_id,
        description=description,
        booked_on=journal.booked_on,
        entered_by=journal.entered_by,
        entered_at=now,
        codes=[line.code for line in lines],
        sides=[line.side.value for line in lines],
        amounts=[line.amount_minor for line in lines],
    )


async def lock_journal(conn: Connection, cooperative_id: UUID, journal_id: UUID) -> Journal:
    """A journal of this cooperative, locked. Raises JournalNotFound."""
    row = await money.lock_journal.row(conn, journal_id=journal_id, cooperative_id=cooperative_id)
    if row is None:
        raise JournalNotFound
    return Journal(**row)


async def journal_lines(conn: Connection, journal_ids: Sequence[UUID]) -> dict[UUID, list[JournalLine]]:
    """The lines of journals, in the order in which they were written."""
    found: dict[UUID, list[JournalLine]] = {}
    for row in await money.journal_lines.rows(conn, journal_ids=list(journal_ids)):
        line = JournalLine(row["code"], Side(row["side"]), row["amount_minor"])
        found.setdefault(row["journal_id"], []).append(line)
    return found


async def decide_journal(conn: Connection, journal_id: UUID, state: str, *, by: UUID, at: datetime) -> None:
    """Posted or refused, under its lock. Raises NeedsAnotherPerson."""
    with refusing():
        await money.decide_journal.run(conn, journal_id=journal_id, state=state, decided_by=by, decided_at=at)


async def journals(
    conn: Connection, cooperative_id: UUID, *, state: str | None, after: UUID | None, most: int
) -> list[Row]:
    """Journals of a cooperative; for its officers."""
    return await money.journals.rows(conn, cooperative_id=cooperative_id, state=state, after=after, most=most)


async def trial_balance(conn: Connection, cooperative_id: UUID, *, before: datetime | None) -> list[Row]:
    """Each line of the chart in the column its balance falls into: now, or before a moment."""
    if before is None:
        return await money.trial_balance.rows(conn, cooperative_id=cooperative_id)
    return await money.trial_balance_before.rows(conn, cooperative_id=cooperative_id, before=before)


async def entries(
    conn: Connection, cooperative_id: UUID, code: str, *, after: tuple[datetime, UUID, int] | None, most: int
) -> list[Row]:
    """What was booked on a line of the chart."""
    at, transfer_id, leg = after or (None, None, None)
    return await money.entries.rows(
        conn, cooperative_id=cooperative_id, code=code, after_at=at, after_id=transfer_id, after_leg=leg, most=most
    )
