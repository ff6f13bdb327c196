"""How long to breathe between batches.

Small batches are what costs: under load, a little waiting makes each batch larger and everything cheaper; when idle,
any wait is only latency. So batches begin a breath apart that grows with their size: next to none for a few events, the
whole breath when they come in hundreds, and none at all after a pause or when the batch itself took that long.
Those that nobody waits for may begin further apart.
"""

import asyncio
import time


class Pace:
    """Decides the breath after each batch. A batch of `full` events or more means that there is more: no breath."""

    def __init__(self, *, breath_seconds: float = 0.2, full: int = 250) -> None:
        self.breath_seconds = breath_seconds
        self.full = full
        self._last = 0.0

    async def breathe(self, size: int, *, least_seconds: float = 0.0) -> None:
        """Wait as long as a batch of `size` events asks for, the next begins at least so long after this."""
        if 0 < size < self.full:
            breath = max(least_seconds, self.breath_seconds * min(1.0, size / self.full))
            await asyncio.sleep(max(0.0, self._last + breath - time.monotonic()))
        if size > 0:
            self._last = time.monotonic()


async def news_within(news: asyncio.Event, seconds: float) -> bool:
    """Wait until there is news, or for `seconds`; whether there was."""
    try:
        async with asyncio.timeout(seconds):
            return await news.wait()
    except TimeoutError:
        return False
