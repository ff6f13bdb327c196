"""Group commit: concurrent commands share one transaction.

While one batch is being committed the next one forms, and only then it waits a moment for company: an idle service
waits for no timer, and a busy one does not spend a transaction on every two commands. Who may do a thing is decided
before queueing (and again in the SQL); one bad command fails alone; each gets its own answer. When the commit's outcome
is unknown every command of the batch is told so, and its idempotency key finds out. The queue is bounded.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

import structlog

from shared.db import Connection, Database
from shared.problems import OutcomeUnknown, Overloaded, Problem
from shared.telemetry import GROUP_COMMIT_REFUSED, GROUP_COMMIT_SIZE

log = structlog.get_logger()

GATHER_SECONDS = 0.002

I = TypeVar("I")  # noqa: E741  the item of a group
A = TypeVar("A")
Run: TypeAlias = Callable[[Connection, list[I]], Awaitable[list[A | Problem]]]


@dataclass(slots=True)
class _Waiting(Generic[I, A]):
    item: I
    answer: "asyncio.Future[A]"


class GroupCommit(Generic[I, A]):
    """A queue of commands of one kind, and the loops that commit them in batches.

    `run` does all the work of a batch in the given transaction and returns an answer or a Problem per item, in order.
    It must be set-based, and must leave nothing behind for an item that it answers with a Problem.
    """

    def __init__(
        self, name: str, db: Database, run: Run[I, A], *, batch_max: int = 128, queue_max: int = 4096, lanes: int = 2
    ) -> None:
        self.name = name
        self._db = db
        self._run = run
        self._batch_max = batch_max
        self._queue_max = queue_max
        self._lanes = lanes
        self._queue: deque[_Waiting[I, A]] = deque()
        self._news = asyncio.Event()
        self._committing = 0
        self._is_stopped = False

    async def submit(self, item: I) -> A:
        """Queue the command and wait for its answer. Raises its Problem, Overloaded, or OutcomeUnknown.

        A caller that gives up before its batch began takes its command out; later, the command is done all the same.
        """
        if len(self._queue) >= self._queue_max or self._is_stopped:
            GROUP_COMMIT_REFUSED.labels(self.name).inc()
            raise Overloaded
        waiting: _Waiting[I, A] = _Waiting(item, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._news.set()
        return await waiting.answer

    async def run_forever(self) -> None:
        """Commit batches until cancelled; then what still waits is told that the service is stopping."""
        try:
            async with asyncio.TaskGroup() as lanes:
                for _ in range(self._lanes):
                    lanes.create_task(self._lane())
        finally:
            self._is_stopped = True
            while self._queue:
                _answer(self._queue.popleft(), Overloaded("the service is stopping"))

    async def _lane(self) -> None:
        while True:
            await self._news.wait()
            if self._committing:
                await asyncio.sleep(GATHER_SECONDS)
            batch = self._take()
            if batch:
                self._committing += 1
                try:
                    await self._commit(batch)
                finally:
                    self._committing -= 1

    def _take(self) -> list[_Waiting[I, A]]:
        batch: list[_Waiting[I, A]] = []
        while self._queue and len(batch) < self._batch_max:
            waiting = self._queue.popleft()
            if not waiting.answer.done():  # a cancelled caller's future is done
                batch.append(waiting)
        if not self._queue:
            self._news.clear()
        return batch

    async def _commit(self, batch: list[_Waiting[I, A]]) -> None:
        GROUP_COMMIT_SIZE.labels(self.name).observe(len(batch))
        try:
            async with self._db.transaction() as conn:
                answers = await self._run(conn, [waiting.item for waiting in batch])
                assert len(answers) == len(batch), f"{self.name} must answer each command once"
        except (OutcomeUnknown, Overloaded) as problem:
            for waiting in batch:
                _answer(waiting, problem)
        except asyncio.CancelledError:
            for waiting in batch:
                _answer(waiting, OutcomeUnknown())
            raise
        except Exception as error:  # one command spoilt the batch, or the database failed: each alone
            if len(batch) == 1:
                _answer(batch[0], error)
                return
            log.warning("batch_failed", command=self.name, size=len(batch), error=f"{type(error).__name__}: {error}")
            alone = deque(batch)
            try:
                while alone:
                    await self._commit([alone.popleft()])
            except asyncio.CancelledError:
                for waiting in alone:
                    _answer(waiting, Overloaded("the service is stopping"))
                raise
        else:
            for waiting, answer in zip(batch, answers, strict=True):
                _answer(waiting, answer)


def _answer(waiting: _Waiting[I, A], answer: A | Exception) -> None:
    if waiting.answer.done():
        return
    if isinstance(answer, Exception):
        waiting.answer.set_exception(answer)
    else:
        waiting.answer.set_result(answer)
