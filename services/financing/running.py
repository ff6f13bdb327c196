"""What routes and background loops share: who waits for news in lenders' logs, in this process and across processes."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import structlog

from services.financing.store import partner
from services.financing.use_cases.tell_lenders import LENDER_NEWS
from shared.db import TRANSIENT, Database
from shared.pace import news_within
from shared.problems import Problem
from shared.wakes import Wakes

log = structlog.get_logger()

LOOK_AGAIN_SECONDS = 0.005
LOOK_SECONDS = 1.0
WAITERS_MAX = 2_000
WAITERS_OF_ONE_MAX = 100  # of one lender, so that it cannot take the places of the others


class News:
    """Rings when something was told to a lender: at once in this process, by NOTIFY in the others."""

    def __init__(self, db: Database, wakes: Wakes) -> None:
        self.bells: list[Callable[[], None]] = []
        db.wakers[LENDER_NEWS] += (self.ring, wakes.teller(LENDER_NEWS))
        wakes.hear(LENDER_NEWS, self.ring)

    def ring(self) -> None:
        """Wake who waits in this process."""
        for bell in self.bells:
            bell()


class Waiting:
    """Lenders' systems that wait for news by long poll: one question to the database for all of them."""

    def __init__(self, db: Database, news: News) -> None:
        self._db = db
        self._news = asyncio.Event()
        self._waiters: dict[UUID, set[asyncio.Event]] = {}
        self._heads: dict[UUID, int] = {}
        self._count = 0
        news.bells.append(self._news.set)

    async def until_beyond(self, lender_id: UUID, position: int, *, seconds: float) -> bool:
        """Wait until the lender's log reaches beyond `position`, or for `seconds`; False at once when too many wait."""
        if self._count >= WAITERS_MAX or len(self._waiters.get(lender_id, ())) >= WAITERS_OF_ONE_MAX:
            return False
        moved = asyncio.Event()
        self._count += 1
        self._waiters.setdefault(lender_id, set()).add(moved)
        self._news.set()  # look once for us: it may have been told between our own look and now
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await moved.wait()
                    moved.clear()
                    if self._heads.get(lender_id, 0) > position:
                        return True
        except TimeoutError:
            return False
        finally:
            self._count -= 1
            waiters = self._waiters[lender_id]
            waiters.discard(moved)
            if not waiters:
                del self._waiters[lender_id]
                self._heads.pop(lender_id, None)

    async def run_forever(self) -> None:
        """Look for those who wait, until cancelled."""
        while True:
            await news_within(self._news, LOOK_SECONDS)
            self._news.clear()
            if self._waiters:
                try:
                    async with self._db.reading() as conn:
                        heads = await partner.heads_of(conn, self._waiters)
                except (*TRANSIENT, Problem) as error:
                    log.info("waiting_not_looked", error=f"{type(error).__name__}: {error}")
                    await asyncio.sleep(LOOK_SECONDS)
                    continue
                self._wake(heads)
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    def _wake(self, heads: dict[UUID, int]) -> None:
        for lender_id, head in heads.items():
            if lender_id in self._waiters:
                self._heads[lender_id] = head
                for moved in self._waiters[lender_id]:
                    moved.set()
