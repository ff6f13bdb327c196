"""Check and hash passwords beside the event loop: few at a time, because each takes a whole core for a while."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from services.identity.domain.passwords import Hasher, Proof
from shared.problems import Overloaded

T = TypeVar("T")


class Passwords:
    """A hasher with its threads and a bounded queue before them."""

    def __init__(self, hasher: Hasher, *, threads: int, waiting_max: int) -> None:
        self._hasher = hasher
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._unfinished = 0
        self._most = threads + waiting_max

    async def close(self) -> None:
        """Drop what waits."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def check(self, password: str, stored: str | None) -> Proof:
        """Whether `password` is the one that `stored` was made of. Raises Overloaded."""
        return await self._run(lambda: self._hasher.check(password, stored))

    async def check_or_hash(self, password: str, stored: str | None) -> Proof:
        """For registering: check a password that is there, hash one that is not. Raises Overloaded."""
        return await self._run(lambda: self._hasher.check_or_hash(password, stored))

    async def _run(self, work: Callable[[], T]) -> T:
        if self._unfinished >= self._most:
            raise Overloaded("too many sign-ins at once")
        self._unfinished += 1
        future = self._threads.submit(work)
        future.add_done_callback(_on_loop(asyncio.get_running_loop(), self._finished))
        return await asyncio.wrap_future(future)

    def _finished(self) -> None:
        self._unfinished -= 1


def _on_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> Callable[[object], None]:
    """A callback for a thread that makes `call` on the loop, unless the loop is gone."""

    def done(_: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(call)

    return done
