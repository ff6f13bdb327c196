"""The keeping of lenders' logs: what is too old or too much is forgotten, and figures are shown."""

import asyncio

import structlog

from services.financing.store.partner import queries
from shared.db import TRANSIENT, Database
from shared.problems import Problem
from shared.telemetry import LENDER_MISSED, LENDER_SUBSCRIPTIONS

log = structlog.get_logger()

ROUND_SECONDS = 30.0
FORGET_EVERY = 120  # rounds
PIECE = 5_000


class Keeping:
    """Looks every half minute, forgets every hour."""

    def __init__(self, db: Database, *, days: int, rows_max: int) -> None:
        self._db = db
        self._days = days
        self._rows_max = rows_max

    async def run_forever(self) -> None:
        """Run until cancelled."""
        rounds = 0
        while True:
            try:
                await self.show()
                if rounds % FORGET_EVERY == 0:
                    await self.forget()
            except (*TRANSIENT, Problem) as error:
                log.warning("logs_not_kept", error=f"{type(error).__name__}: {error}")
            rounds += 1
            await asyncio.sleep(ROUND_SECONDS)

    async def show(self) -> None:
        """Count subscriptions, and how far the furthest is behind."""
        async with self._db.reading() as conn:
            rows = await queries.subscription_figures.rows(conn)
        LENDER_SUBSCRIPTIONS.clear()
        LENDER_MISSED.clear()
        for row in rows:
            LENDER_SUBSCRIPTIONS.labels(row["transport"], row["state"]).set(row["subscriptions"])
            LENDER_MISSED.labels(row["transport"], row["state"]).set(row["missed_most"])

    async def forget(self) -> int:
        """Forget what need not be kept, in pieces; how many entries."""
        async with self._db.transaction() as conn:
            await queries.forget_log_until.run(conn, days=self._days, rows_max=self._rows_max)
        forgotten = 0
        while True:
            async with self._db.transaction() as conn:
                piece = await queries.forget_log.run(conn, most=PIECE)
            forgotten += piece
            if piece < PIECE:
                return forgotten
