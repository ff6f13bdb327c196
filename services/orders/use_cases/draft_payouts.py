"""Draft a batch of payouts: everybody with enough to get up to a day, by an officer or by the clock; or give one up.

A draft promises nothing: what each payee gets is decided when a second person approves it. A payee is in at most one
open batch, which the database decides.
"""

from datetime import date, datetime, timedelta
from uuid import UUID

from services.orders.domain.payouts import BatchStatus, end_of, minimum_minor
from services.orders.domain.problems import NothingToPay, WrongBatchState
from services.orders.store import mandates, payouts
from services.orders.use_cases.open_money import rules_of
from shared.calendar import WIB, day_of
from shared.db import Connection
from shared.ids import new_id
from shared.problems import Malformed, NotFound
from shared.rules import Rules

LINES_MAX = 2_000  # of one batch; who is left over is in the next


def rules_here(conn: Connection) -> Rules:
    """The dated rules of this service."""
    return rules_of(conn.settings.rules_file)


async def draft_payouts(conn: Connection, *, up_to_date: date, created_by: UUID | None, now: datetime) -> UUID:
    """The new draft. Raises NothingToPay, Malformed when the day has not come yet."""
    if up_to_date > day_of(now):
        raise Malformed("up_to_date lies in the future")
    batch_id = new_id()
    await payouts.insert_batch(conn, batch_id, up_to_date=up_to_date, created_by=created_by, now=now)
    count = await payouts.draft_payouts(
        conn,
        batch_id,
        until=end_of(up_to_date, WIB),
        minimum_minor=minimum_minor(rules_here(conn), day_of(now)),
        most=LINES_MAX,
        now=now,
    )
    waiting = await mandates.remittances_waiting(conn, now=now)
    if count == 0 and not any(row["has_bank_account"] for row in waiting):
        raise NothingToPay
    return batch_id


async def draft_by_the_clock(conn: Connection, *, interval_seconds: float, now: datetime) -> UUID | None:
    """A draft up to yesterday when the last one is old enough, or was full; None when it is not yet time.

    Of several processes one drafts. Raises NothingToPay, so that an empty draft is rolled back.
    """
    if not await payouts.is_turn_of_the_clock(conn):
        return None
    last = await payouts.last_batch_of_the_clock(conn)
    if last is not None:
        drafted_at, payees = last
        if payees < LINES_MAX and now - drafted_at < timedelta(seconds=interval_seconds):
            return None
    return await draft_payouts(conn, up_to_date=day_of(now) - timedelta(days=1), created_by=None, now=now)


async def cancel_payouts(conn: Connection, batch_id: UUID, *, cancelled_by: UUID, now: datetime) -> None:
    """Give a draft up: its payees are free for the next one. Raises NotFound, WrongBatchState."""
    batch = await payouts.lock_batch(conn, batch_id)
    if batch is None:
        raise NotFound
    if batch.status is not BatchStatus.DRAFT:
        raise WrongBatchState(f"the batch is {batch.status.value}")
    await payouts.cancel_batch(conn, batch_id, cancelled_by=cancelled_by, now=now)
