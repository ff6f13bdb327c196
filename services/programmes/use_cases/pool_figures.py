"""Put together, for provinces and the country, what regencies could not show of a month."""

import asyncio
from datetime import date, datetime, timedelta

import structlog

from services.programmes.domain.indicators import month_of
from services.programmes.store import figures
from services.programmes.use_cases.rules_in_force import RULES
from shared.calendar import day_of
from shared.clock import utc_now
from shared.db import TRANSIENT, Connection, Database
from shared.problems import Problem

log = structlog.get_logger()


async def pool_month(conn: Connection, month: date, *, now: datetime) -> int:
    """How many pools it gave. What is too little even for the country is never shown."""
    await figures.lock_counters(conn)
    return await figures.pool(conn, [month], RULES.in_force("publication", day_of(now)))


async def pool_months_that_are_over(conn: Connection, *, now: datetime) -> int:
    """Months that ended some days ago, so that late facts had time to come."""
    days = RULES.in_force("publication", day_of(now)).whole("pool_after_days")
    months = await figures.months_pending(conn, before=month_of(now - timedelta(days=days)))
    return sum([await pool_month(conn, month, now=now) for month in months])


class Pooler:
    """Looks for months that are over until cancelled. Any number of processes may run it."""

    def __init__(self, db: Database, *, seconds: float) -> None:
        self._db = db
        self._seconds = seconds

    async def run_forever(self) -> None:
        """One round after another; a failed one is tried again in the next."""
        while True:
            try:
                async with self._db.transaction() as conn:
                    pools = await pool_months_that_are_over(conn, now=utc_now())
                log.info("figures_pooled", pools=pools)
            except (*TRANSIENT, Problem) as error:
                log.warning("pooling_failed", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(self._seconds)
