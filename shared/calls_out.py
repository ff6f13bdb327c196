"""Calls to other organisations (payment provider, bank, notices): never inside a transaction.

A row says what is to be called. It is leased, the call is made with the row's id as idempotency key, and the answer is
recorded in another transaction together with its effect. A call that fails is made again with growing pauses until its
deadline; what hangs is listed by `hanging`.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import orjson
import structlog

from shared import sql
from shared.db import TRANSIENT, Connection, Database
from shared.group_commit import GroupCommit, Run
from shared.ids import new_id
from shared.pace import news_within
from shared.problems import Problem
from shared.sql import Row
from shared.telemetry import CALLS_OUT, calling, current_traceparent

log = structlog.get_logger()
queries = sql.load(__file__, "kernel.sql")

LEASE_SECONDS = 60.0
POLL_SECONDS = 1.0
RECORDED_MAX = 100


class TryLater(Exception):
    """The other side could not answer now: unreachable, overloaded, or still working on it."""

    def __init__(self, why: str, *, seconds: float | None = None) -> None:
        super().__init__(why)
        self.seconds = seconds


class Refused(Exception):
    """The other side said no, for good."""


@dataclass(frozen=True, slots=True)
class CallOut:
    """A call to be made now. `id` is its idempotency key."""

    id: UUID
    purpose: str
    subject: str
    request: dict[str, Any]
    attempts: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A call and what `make` returned."""

    call: CallOut
    answer: Any


Record: TypeAlias = Callable[[Connection, Sequence[Answered]], Awaitable[None]]


@dataclass(frozen=True)
class Purpose:
    """How calls of one purpose are made.

    `make` runs outside of any transaction and returns the answer; it raises TryLater or Refused. `record` writes the
    effects of one or more answers, at most `recorded_max`, each of another call, set-based; `give_up` the effect of a
    refusal or of a deadline that passed.
    """

    make: Callable[[CallOut], Awaitable[Any]]
    record: Record
    give_up: Callable[[Connection, CallOut, str], Awaitable[None]]
    recorded_max: int = RECORDED_MAX

    @classmethod
    def alone(
        cls,
        make: Callable[[CallOut], Awaitable[Any]],
        record: Callable[[Connection, CallOut, Any], Awaitable[None]],
        give_up: Callable[[Connection, CallOut, str], Awaitable[None]],
    ) -> "Purpose":
        """Each answer in a transaction of its own: for effects that lock or post, each for itself. Two of them in one
        transaction would lock in no order, and could deadlock with others.
        """
        return cls(make, one_by_one(record), give_up, recorded_max=1)


def one_by_one(record: Callable[[Connection, CallOut, Any], Awaitable[None]]) -> Record:
    """For effects that wait for nobody."""

    async def all_of(conn: Connection, answered: Sequence[Answered]) -> None:
        for one in answered:
            await record(conn, one.call, one.answer)

    return all_of


async def request(
    conn: Connection,
    purpose: str,
    subject: str,
    request: Mapping[str, Any],
    *,
    deadline_seconds: float = 86_400,
    delay_seconds: float = 0,
) -> None:
    """Ask for a call, once per purpose and subject, if and when the transaction commits."""
    await request_all(conn, purpose, {subject: request}, deadline_seconds=deadline_seconds, delay_seconds=delay_seconds)


async def request_all(
    conn: Connection,
    purpose: str,
    requests: Mapping[str, Mapping[str, Any]],
    *,
    deadline_seconds: float = 86_400,
    delay_seconds: float = 0,
) -> None:
    """Ask for a call per subject, by one statement."""
    traceparent = current_traceparent()
    await queries.call_out_request.run(
        conn,
        purpose=purpose,
        ids=[new_id() for _ in requests],
        subjects=list(requests),
        requests=[orjson.dumps(dict(request), default=str).decode() for request in requests.values()],
        traceparents=[conn.traceparents.get(subject) or traceparent for subject in requests],
        deadline_seconds=float(deadline_seconds),
        delay_seconds=float(delay_seconds),
    )
    if delay_seconds == 0:
        conn.wakes.add("calls")


class CallsOut:
    """Makes the calls of a service, several at a time; a slow one holds up no other."""

    def __init__(self, db: Database, purposes: Mapping[str, Purpose], *, most: int = 32) -> None:
        self._db = db
        self._purposes = purposes
        self._together: dict[str, GroupCommit[Answered, None]] = {}
        self._most = most
        self._news = asyncio.Event()
        self._making: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """A call was asked for."""
        self._news.set()

    async def run_forever(self) -> None:
        """Run until cancelled."""
        async with self._recording_together(), asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                free = self._most - len(self._making)
                if free and await self._start_due(group, free) == free:
                    continue  # there may be more
                await news_within(self._news, POLL_SECONDS)

    async def step(self) -> int:
        """Make the calls that are due now, to their end; how many there were. Raises what the database raises."""
        async with self._recording_together(), asyncio.TaskGroup() as group:
            rows = await self._lease(self._most)
            for row in rows:
                group.create_task(self._make(row))
        return len(rows)

    @asynccontextmanager
    async def _recording_together(self) -> AsyncIterator[None]:
        self._together = {
            name: GroupCommit(name, self._db, _recording(purpose), batch_max=purpose.recorded_max, lanes=1)
            for name, purpose in self._purposes.items()
            if purpose.recorded_max > 1
        }
        async with asyncio.TaskGroup() as group:
            lanes = [group.create_task(together.run_forever()) for together in self._together.values()]
            try:
                yield
            finally:
                for lane in lanes:
                    lane.cancel()

    async def _start_due(self, group: asyncio.TaskGroup, most: int) -> int:
        try:
            rows = await self._lease(most)
        except (*TRANSIENT, Problem) as error:
            log.warning("calls_out_postponed", error=f"{type(error).__name__}: {error}")
            return 0
        for row in rows:
            task = group.create_task(self._make(row))
            self._making.add(task)
            task.add_done_callback(self._made)
        return len(rows)

    def _made(self, task: "asyncio.Task[None]") -> None:
        if len(self._making) == self._most:
            self._news.set()
        self._making.discard(task)

    async def _lease(self, most: int) -> list[Row]:
        async with self._db.transaction() as conn:
            return await queries.call_out_lease.rows(
                conn, purposes=list(self._purposes), lease_seconds=LEASE_SECONDS, most=most
            )

    async def _make(self, row: Row) -> None:
        """One call, to its recorded outcome. Nothing that goes wrong here stops the other calls."""
        call = CallOut(row["id"], row["purpose"], row["subject"], row["request"], row["attempts"])
        purpose = self._purposes[call.purpose]
        with calling(call.purpose, row["traceparent"]):
            try:
                try:
                    if row["is_late"]:
                        raise Refused("its deadline has passed")
                    answer = await purpose.make(call)
                except Refused as error:
                    await self._give_up(call, str(error), purpose)
                else:
                    await self._record(Answered(call, answer), purpose)
                    CALLS_OUT.labels(call.purpose, "done").inc()
            except TryLater as error:
                await self._postpone(call, error.seconds, str(error))
            except AlreadyFinished:
                log.info("call_out_was_finished", purpose=call.purpose, subject=call.subject)
            except (*TRANSIENT, Problem) as error:
                log.warning("call_out_not_recorded", purpose=call.purpose, error=f"{type(error).__name__}: {error}")
            except Exception as error:  # a fault of ours: kept for people to see, tried again
                log.error("call_out_broke", purpose=call.purpose, subject=call.subject, exc_info=error)
                await self._postpone(call, None, f"{type(error).__name__}: {error}")

    async def _postpone(self, call: CallOut, seconds: float | None, error: str) -> None:
        CALLS_OUT.labels(call.purpose, "later").inc()
        delay_seconds = _backoff(call.attempts) if seconds is None else seconds
        try:
            async with self._db.transaction() as conn:
                await queries.call_out_postpone.run(conn, id=call.id, delay_seconds=delay_seconds, error=error[:500])
        except (*TRANSIENT, Problem) as trouble:  # its lease runs out by itself
            log.warning("call_out_not_postponed", purpose=call.purpose, error=f"{type(trouble).__name__}: {trouble}")

    async def _record(self, answered: Answered, purpose: Purpose) -> None:
        if together := self._together.get(answered.call.purpose):
            await together.submit(answered)
        else:
            async with self._db.transaction() as conn:
                await _recording(purpose)(conn, [answered])

    async def _give_up(self, call: CallOut, why: str, purpose: Purpose) -> None:
        async with self._db.transaction() as conn:
            await purpose.give_up(conn, call, why)
            await _finish(conn, [call.id], "failed", why)
        CALLS_OUT.labels(call.purpose, "failed").inc()


def _recording(purpose: Purpose) -> Run[Answered, None]:
    """Answers recorded with their effects, each once; what fails together the group commit tries alone."""

    async def run(conn: Connection, answered: list[Answered]) -> list[Problem | None]:
        await purpose.record(conn, answered)
        await _finish(conn, [one.call.id for one in answered], "done", None)
        return [None] * len(answered)

    return run


async def _finish(conn: Connection, ids: Sequence[UUID], state: str, error: str | None) -> None:
    if await queries.call_out_finish.run(conn, ids=ids, state=state, error=error) != len(ids):
        raise AlreadyFinished


class AlreadyFinished(Exception):
    """Another process recorded this call's answer first; this one's effect is rolled back."""


async def hanging(conn: Connection, *, most: int = 200) -> list[dict[str, Any]]:
    """Calls that were tried and are not done, or failed for good, oldest first."""
    return [dict(row) for row in await queries.calls_out_hanging.rows(conn, most=most)]


def _backoff(attempts: int) -> float:
    """Half a second, doubling to five minutes, with jitter."""
    return float(min(300.0, 0.5 * 2 ** min(attempts, 12)) * random.uniform(0.7, 1.3))
