"""Batched reads: requests that come while a query runs are answered together by the next one.

What must stay true: a query begins after everybody whom it answers has asked, so that each answer is as fresh as that
of a query of one's own. Nothing is kept: an answer is handed out and forgotten. An idle service waits for no timer, and
a busy one does not spend a query on every reader.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextvars import copy_context
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeAlias, TypeVar

from shared.problems import Overloaded

WAIT_SECONDS = 5.0  # as long as for a connection of the pool

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")
Run: TypeAlias = Callable[[list[K]], Awaitable[Mapping[K, A]]]


@dataclass(slots=True)
class _Asked(Generic[A]):
    """Readers of one key for whom no query has begun."""

    deadline: asyncio.TimerHandle
    readers: "list[asyncio.Future[A]]" = field(default_factory=list)


class BatchedReads(Generic[K, A]):
    """Reads of one kind, by key.

    `run` reads at most `batch_max` different keys, on a connection that it takes itself, and answers each of them; what
    it raises, each of their readers gets. At most `lanes` runs go on at a time, never two for one key. So with a
    `batch_max` of 1 the readers of one key share a query, and different keys do not wait for each other. How many wait
    is bounded by the connections that the server takes.
    """

    def __init__(self, run: Run[K, A], *, batch_max: int, lanes: int = 1, wait_seconds: float = WAIT_SECONDS) -> None:
        self._run = run
        self._batch_max = batch_max
        self._lanes_free = lanes
        self._wait_seconds = wait_seconds
        self._context = copy_context()  # a run serves many requests, and carries the trace of none
        self._asked: dict[K, _Asked[A]] = {}  # the longest waiting first
        self._running: set[K] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def read(self, key: K) -> A:
        """The answer of a run that begins after this call. Raises what it raises; Overloaded when none can begin."""
        loop = asyncio.get_running_loop()
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = _Asked(loop.call_later(self._wait_seconds, self._give_up, key))
            if self._lanes_free and key not in self._running:
                self._lanes_free -= 1
                task = loop.create_task(self._lane(), context=self._context.copy())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        reader: asyncio.Future[A] = loop.create_future()
        asked.readers.append(reader)
        return await reader

    async def _lane(self) -> None:
        try:
            while batch := self._take():
                self._running.update(batch)
                try:
                    await self._answer(batch)
                finally:
                    self._running.difference_update(batch)
        finally:
            self._lanes_free += 1  # in one step with finding nothing to take, so that nobody is left waiting

    def _take(self) -> dict[K, _Asked[A]]:
        keys = list(islice((key for key in self._asked if key not in self._running), self._batch_max))
        batch = {key: self._asked.pop(key) for key in keys}
        for asked in batch.values():
            asked.deadline.cancel()
        return batch

    async def _answer(self, batch: dict[K, _Asked[A]]) -> None:
        try:
            answers = await self._run(list(batch))
            assert answers.keys() == batch.keys(), "a run answers each key that it was given"
        except Exception as error:
            for asked in batch.values():
                _refuse(asked, error)
        except asyncio.CancelledError:
            for asked in batch.values():
                _refuse(asked, Overloaded("the service is stopping"))
            raise
        else:
            for key, asked in batch.items():
                for reader in asked.readers:
                    if not reader.done():  # one that gave up is
                        reader.set_result(answers[key])

    def _give_up(self, key: K) -> None:
        _refuse(self._asked.pop(key), Overloaded("no query could begin in time"))


def _refuse(asked: _Asked[A], error: Exception) -> None:
    for reader in asked.readers:
        if not reader.done():
            reader.set_exception(error)
