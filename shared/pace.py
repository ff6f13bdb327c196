"""How long to breathe between small batches.

Small batches are what costs: under load, waiting a little makes each batch larger and everything cheaper; when idle,
any wait is only latency. So the breath is none for the first batch after a pause and grows while batches keep coming.
"""

import asyncio
import time


class Pace:
    """Decides the breath after each batch."""

    def __init__(self, *, breath_seconds: float = 0.05, pause_seconds: float = 0.1, full: int = 250) -> None:
        self.breath_seconds = breath_seconds
        self.pause_seconds = pause_seconds
        self.full = full
        self._busy_since: float | None = None
        self._last = 0.0

    async def breathe(self, size: int) -> None:
        """Wait as long as a batch of `size` events asks for."""
        if size == 0:
            return
        now = time.monotonic()
        if now - self._last > self.pause_seconds:
            self._busy_since = now  # the first after a pause
        self._last = now
        busy = now - self._busy_since if self._busy_since is not None else 0.0
        if size < self.full and busy > 0:
            await asyncio.sleep(min(self.breath_seconds, busy))
            self._last = time.monotonic()


async def news_within(news: asyncio.Event, seconds: float) -> bool:
    """Wait until there is news, or for `seconds`; whether there was."""
    try:
        async with asyncio.timeout(seconds):
            return await news.wait()
    except TimeoutError:
        return False
