"""Journals: the treasurer writes, another officer approves, and only then they are in the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

from services.cooperatives import store
from services.cooperatives.domain.chart import Place
from services.cooperatives.domain.cooperative import Role
from services.cooperatives.domain.journal import JournalLine, check_journal
from services.cooperatives.domain.problems import DecidedAlready
from services.cooperatives.store import surplus
from services.cooperatives.store.journals import Journal
from shared.calendar import WIB, day_of
from shared.db import Connection
from shared.ledger import Leg, Transfer

RESULT = ("4", "5")  # codes of income and expense, which make the surplus of a year
NOON = time(12)  # a journal says the day; on both sides of noon it stays that day in every zone of the country


@dataclass(frozen=True, slots=True)
class EnterJournal:
    """What the treasurer writes; `booked_on` is the day of the books to which it belongs."""

    journal_id: UUID
    cooperative_id: UUID
    description: str
    booked_on: date
    lines: Sequence[JournalLine]
    by: UUID


async def enter_journal(conn: Connection, command: EnterJournal, *, now: datetime) -> None:
    """It waits. Raises CooperativeNotFound, NotYourTask (for all but the treasurer), JournalRefused."""
    officer = await store.lock_as_officer(conn, command.cooperative_id, command.by)
    officer.require(frozenset({Role.TREASURER}))
    check_journal(command.lines, command.booked_on, today=day_of(now))
    await store.insert_journal(
        conn,
        Journal(command.journal_id, command.cooperative_id, command.booked_on, "waiting", command.by),
        command.lines,
        description=command.description,
        now=now,
    )


async def approve_journal(conn: Connection, cooperative_id: UUID, journal_id: UUID, *, by: UUID, now: datetime) -> None:
    """Book it. Raises CooperativeNotFound, NotYourTask, JournalNotFound, DecidedAlready, NeedsAnotherPerson,
    BalanceRefused (an account would fall below nothing), YearDivided (income or expense of a year that is)."""
    journal = await _lock(conn, cooperative_id, journal_id, by=by)
    lines = (await store.journal_lines(conn, [journal_id])).get(journal_id, [])
    if any(line.code[0] in RESULT for line in lines):
        await surplus.require_open(conn, cooperative_id, journal.booked_on)
    places = {line.code: Place(cooperative_id, line.code) for line in lines}
    accounts = await store.accounts(conn, places.values(), on=day_of(now))
    transfer = Transfer(
        journal_id,
        tuple(Leg(accounts[places[line.code]], line.side, line.amount_minor) for line in lines),
        "journal",
        datetime.combine(journal.booked_on, NOON, WIB),
        reference={"journal_id": str(journal_id)},
    )
    await store.post(conn, transfer, short={})
    await store.decide_journal(conn, journal_id, "posted", by=by, at=now)


async def refuse_journal(conn: Connection, cooperative_id: UUID, journal_id: UUID, *, by: UUID, now: datetime) -> None:
    """It stays as refused, and is never booked. Raises the same."""
    await _lock(conn, cooperative_id, journal_id, by=by)
    await store.decide_journal(conn, journal_id, "refused", by=by, at=now)


async def _lock(conn: Connection, cooperative_id: UUID, journal_id: UUID, *, by: UUID) -> Journal:
    officer = await store.lock_as_officer(conn, cooperative_id, by)
    officer.require()
    journal = await store.lock_journal(conn, cooperative_id, journal_id)
    if journal.state != "waiting":
        raise DecidedAlready
    officer.is_not(journal.entered_by)
    return journal
