"""The clock of orders: looks every second for what is overdue. Any number of processes may run it."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from typing import Protocol

import structlog

from services.orders import store
from services.orders.domain.problems import NothingToPay
from services.orders.store import payouts
from services.orders.use_cases.add_up_figures import add_up_figures
from services.orders.use_cases.draft_payouts import draft_by_the_clock
from services.orders.use_cases.expire_orders import BATCH, complete_overdue, expire_orders
from services.orders.use_cases.forget_person import erase_addresses, erase_bank_accounts
from services.orders.use_cases.settle_parcels import book_what_is_behind
from shared.clock import utc_now
from shared.db import TRANSIENT, Connection, Database
from shared.problems import Problem
from shared.telemetry import SAGAS_STUCK

log = structlog.get_logger()

SLOW_EVERY = 60  # rounds between counting stuck orders and erasing addresses


class Work(Protocol):
    """A bounded piece of the clock's work; how much it found."""

    def __call__(self, conn: Connection, *, now: datetime) -> Awaitable[int]: ...


class Sweeper:
    """Runs the work of the clock until cancelled."""

    def __init__(self, db: Database, *, seconds: float) -> None:
        self._db = db
        self._seconds = seconds

    async def run_forever(self) -> None:
        """One round after another; a failed one is tried again in the next."""
        rounds = 0
        while True:
            try:
                await self.sweep()
                if rounds % SLOW_EVERY == 0:
                    await self.sweep_slowly()
            except (*TRANSIENT, Problem) as error:
                log.warning("sweep_failed", error=f"{type(error).__name__}: {error}")
            rounds += 1
            await asyncio.sleep(self._seconds)

    async def sweep(self) -> None:
        """Everything that is overdue now."""
        await self._drain(expire_orders)
        await self._drain(complete_overdue)

    async def sweep_slowly(self) -> None:
        """What need not be seen at once."""
        async with self._db.transaction() as conn:
            await erase_addresses(conn)
        async with self._db.transaction() as conn:
            await erase_bank_accounts(conn, now=utc_now())
        await self._draft_payouts()
        await self._drain(book_what_is_behind)
        await self._drain(add_up_figures)
        async with self._db.reading() as conn:
            counts = await store.count_stuck(conn, grace_seconds=0)
            in_trouble = await payouts.batches_in_trouble(conn)
        for status, count in counts.items():
            SAGAS_STUCK.labels(status).set(count)
        SAGAS_STUCK.labels("payouts").set(in_trouble)

    async def _draft_payouts(self) -> None:
        """A batch by the clock, when it is time and there is somebody to pay."""
        interval_seconds: float = self._db.settings.payout_interval_seconds
        if interval_seconds > 0:
            try:
                async with self._db.transaction() as conn:
                    await draft_by_the_clock(conn, interval_seconds=interval_seconds, now=utc_now())
            except NothingToPay:
                log.info("nothing_to_pay")

    async def _drain(self, work: Work) -> None:
        while await self._step(work) == BATCH:
            await asyncio.sleep(0)

    async def _step(self, work: Work) -> int:
        async with self._db.transaction() as conn:
            return await work(conn, now=utc_now())
