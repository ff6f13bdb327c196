"""Delete what nobody can use any more: expired sessions, tokens and codes, full rate-limit buckets."""

import asyncio

import structlog

from services.identity import store
from shared.clock import utc_now
from shared.db import TRANSIENT, Database
from shared.problems import Problem

log = structlog.get_logger()


async def forget_expired_forever(db: Database, *, every_seconds: float) -> None:
    """Run until cancelled."""
    while True:
        try:
            async with db.transaction() as conn:
                forgotten = await store.forget_expired(conn, now=utc_now())
        except (*TRANSIENT, Problem) as error:
            log.warning("expired_not_forgotten", error=f"{type(error).__name__}: {error}")
            forgotten = 0
        await asyncio.sleep(0.1 if forgotten >= 5000 else every_seconds)
