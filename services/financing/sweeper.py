"""The clock of financing: ends what is out of time, and grades loans every day. Any number of processes may run it."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from typing import Protocol

import structlog

from services.financing.store import applications
from services.financing.use_cases.close_applications import close_overdue_applications
from services.financing.use_cases.end_consents import end_overdue_consents
from services.financing.use_cases.grade_loans import grade_loans
from shared.calendar import day_of
from shared.clock import utc_now
from shared.db import TRANSIENT, Connection, Database
from shared.problems import Problem

log = structlog.get_logger()


class Work(Protocol):
    """A bounded piece of the clock's work; how much it found."""

    def __call__(self, conn: Connection, *, now: datetime) -> Awaitable[int]: ...


class Sweeper:
    """Runs the work of the clock until cancelled."""

    def __init__(self, db: Database, *, seconds: float, grading_seconds: float) -> None:
        self._db = db
        self._seconds = seconds
        self._rounds_of_grading = max(1, round(grading_seconds / seconds))

    async def run_forever(self) -> None:
        """One round after another; a failed one is tried again in the next."""
        rounds = 0
        while True:
            try:
                await self.sweep()
                if rounds % self._rounds_of_grading == 0:
                    await self._drain(_grade_today)
            except (*TRANSIENT, Problem) as error:
                log.warning("sweep_failed", error=f"{type(error).__name__}: {error}")
            rounds += 1
            await asyncio.sleep(self._seconds)

    async def sweep(self) -> None:
        """Everything that is out of time now."""
        await self._drain(end_overdue_consents)
        await self._drain(close_overdue_applications)
        await self._drain(_expire_offers)

    async def _drain(self, work: Work) -> None:
        while await self._step(work):
            await asyncio.sleep(0)

    async def _step(self, work: Work) -> int:
        async with self._db.transaction() as conn:
            return await work(conn, now=utc_now())


async def _grade_today(conn: Connection, *, now: datetime) -> int:
    return await grade_loans(conn, as_of=day_of(now), now=now)


async def _expire_offers(conn: Connection, *, now: datetime) -> int:
    return await applications.expire_offers(conn, now=now, most=100)
