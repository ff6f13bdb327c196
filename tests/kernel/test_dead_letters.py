"""What waits, and what heals it: retry when due, redrive in order, discard, and races with new arrivals."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared import dead_letters
from shared.contracts.base import Delivery, Event
from shared.db import Connection, Database, Isolation
from shared.handlers import Reject, Retry
from shared.problems import OutcomeUnknown
from shared.sql import Row
from shared.testing import deliver, delivery_of, eventually
from tests.kernel.events import CounterNamed, CounterRaised
from tests.kernel.groups import Recorder, raising, raising_times


def raised(counter_id: UUID, number: int) -> Delivery:
    return delivery_of(CounterRaised(counter_id=counter_id, number=number))


async def test_a_redrive_handles_what_waits_in_order(kernel_db: Database) -> None:
    recorder = Recorder(told={1: raising(Reject("not yet"))})
    key = uuid4()
    await deliver(
        kernel_db,
        recorder.handlers,
        raised(key, 1),
        delivery_of(CounterNamed(counter_id=key, number=2)),
        raised(key, 3),
    )
    recorder.told.clear()

    redriven = await dead_letters.redrive(kernel_db, recorder.handlers, str(key), actor="operator", note="mended")
    await deliver(kernel_db, recorder.handlers, raised(key, 4))

    assert (redriven.done, redriven.left, redriven.failure) == (3, 0, None)
    assert await recorder.effects(kernel_db) == [1, 2, 3, 4]
    assert await recorder.waiting(kernel_db) == []
    async with kernel_db.reading() as conn:
        actions = await conn.fetch(
            "SELECT action, outcome, actor, note FROM dead_letter_actions JOIN dead_letters USING (position)"
            " WHERE handler_group = $1",
            recorder.name,
        )
    assert [tuple(action) for action in actions] == [("redrive", "done", "operator", "mended")] * 3


async def test_a_redrive_that_fails_again_leaves_the_key_waiting(kernel_db: Database) -> None:
    recorder = Recorder(told={1: raising(Reject("no")), 2: raising(Reject("nor this"))})
    key = uuid4()
    await deliver(kernel_db, recorder.handlers, raised(key, 1), raised(key, 2), raised(key, 3))
    del recorder.told[1]

    redriven = await dead_letters.redrive(kernel_db, recorder.handlers, str(key))
    await deliver(kernel_db, recorder.handlers, raised(key, 4))

    assert (redriven.done, redriven.left, redriven.failure) == (1, 2, "Reject: nor this")
    assert await recorder.effects(kernel_db) == [1]
    assert [state for state, _, _ in await recorder.waiting(kernel_db)] == ["dead", "behind", "behind"]


async def test_a_redrive_of_a_key_with_nothing_waiting_does_nothing(kernel_db: Database) -> None:
    redriven = await dead_letters.redrive(kernel_db, Recorder().handlers, str(uuid4()))

    assert (redriven.done, redriven.left) == (0, 0)


async def test_a_discarded_event_is_never_handled_and_frees_what_waits_behind_it(kernel_db: Database) -> None:
    recorder = Recorder(told={1: raising(Reject("never"))})
    key = uuid4()
    await deliver(kernel_db, recorder.handlers, raised(key, 1), raised(key, 2))
    position = (await recorder.letters(kernel_db))[0]["position"]

    assert await dead_letters.discard(kernel_db, recorder.handlers, position, actor="operator", note="a test order")
    assert not await dead_letters.discard(kernel_db, recorder.handlers, position, actor="operator", note="again")
    await dead_letters.redrive(kernel_db, recorder.handlers, str(key))

    assert await recorder.effects(kernel_db) == [2]
    assert [letter["state"] for letter in await recorder.letters(kernel_db)] == ["discarded", "done"]


async def test_discarding_the_only_one_lets_the_key_go_on(kernel_db: Database) -> None:
    recorder = Recorder(told={1: raising(Reject("never"))})
    key = uuid4()
    await deliver(kernel_db, recorder.handlers, raised(key, 1))

    position = (await recorder.letters(kernel_db))[0]["position"]
    await dead_letters.discard(kernel_db, recorder.handlers, position, actor="operator", note="")
    await deliver(kernel_db, recorder.handlers, raised(key, 2))

    assert await recorder.effects(kernel_db) == [2]


async def test_retry_is_tried_again_when_due_and_its_key_waits_behind_it(kernel_db: Database) -> None:
    recorder = Recorder(told={1: raising_times(Retry("too early", seconds=3600), 2)})
    key, other = uuid4(), uuid4()
    await deliver(kernel_db, recorder.handlers, raised(key, 1), raised(key, 2), raised(other, 9))
    assert await recorder.effects(kernel_db) == [9]
    assert [state for state, _, _ in await recorder.waiting(kernel_db)] == ["retry", "behind"]

    assert await dead_letters.retry_due(kernel_db, recorder.handlers) == 0
    await recorder.make_due(kernel_db)
    assert await dead_letters.retry_due(kernel_db, recorder.handlers) == 1

    assert await recorder.effects(kernel_db) == [9, 1, 2]
    assert await recorder.waiting(kernel_db) == []


async def test_retry_becomes_a_dead_letter_after_many_attempts(kernel_db: Database) -> None:
    recorder = Recorder(told={1: raising(Retry("too early", seconds=0))})
    await deliver(kernel_db, recorder.handlers, raised(uuid4(), 1))
    async with kernel_db.transaction() as conn:
        await conn.execute(
            "UPDATE dead_letters SET attempts = $2 WHERE handler_group = $1", recorder.name, dead_letters.ATTEMPTS_MAX
        )

    await dead_letters.retry_due(kernel_db, recorder.handlers)

    assert [state for state, _, _ in await recorder.waiting(kernel_db)] == ["dead"]


async def test_what_arrives_during_a_redrive_waits_for_its_end(
    kernel_db: Database, superuser: "asyncpg.Connection[Row]"
) -> None:
    recorder = Recorder(told={1: raising(Reject("no"))})
    key = uuid4()
    await deliver(kernel_db, recorder.handlers, raised(key, 1), raised(key, 2))
    is_inside, may_leave = asyncio.Event(), asyncio.Event()

    async def hold(_: Connection, __: Event) -> None:
        is_inside.set()
        await may_leave.wait()

    async def is_blocked() -> bool:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool(await superuser.fetchval(query))

    recorder.told = {1: hold}
    redrive = asyncio.create_task(dead_letters.redrive(kernel_db, recorder.handlers, str(key)))
    await is_inside.wait()
    arrival = asyncio.create_task(deliver(kernel_db, recorder.handlers, raised(key, 3)))
    await eventually(is_blocked, within_seconds=1.5, every_seconds=0.01, what="the arrival's wait")
    may_leave.set()
    await asyncio.gather(redrive, arrival)
    await dead_letters.redrive(kernel_db, recorder.handlers, str(key))  # what came between two events of the redrive

    assert await recorder.effects(kernel_db) == [1, 2, 3]
    assert await recorder.waiting(kernel_db) == []


async def test_many_arrivals_and_redrives_at_once_keep_every_key_in_order(kernel_db: Database) -> None:
    recorder = Recorder(told={1: raising_times(Reject("no"), 4)})
    keys = [uuid4() for _ in range(4)]

    async def arrive() -> None:
        for number in range(1, 21):
            await deliver(kernel_db, recorder.handlers, *(raised(key, number) for key in keys))

    async def redrive_often(key: UUID) -> None:
        for _ in range(10):
            await dead_letters.redrive(kernel_db, recorder.handlers, str(key))

    await asyncio.gather(arrive(), *(redrive_often(key) for key in keys), *(redrive_often(key) for key in keys))
    for key in keys:
        await dead_letters.redrive(kernel_db, recorder.handlers, str(key))

    for key in keys:
        assert await recorder.effects(kernel_db, key) == [*range(1, 21)]


class _ForgetfulCommit(Database):
    """Commits, and then does not know it, once."""

    is_forgetful = True

    @asynccontextmanager
    async def transaction(self, isolation: Isolation = "read_committed") -> AsyncIterator[Connection]:
        async with super().transaction(isolation) as conn:
            yield conn
        if self.is_forgetful:
            self.is_forgetful = False
            raise OutcomeUnknown


async def test_a_redrive_whose_commit_is_unknown_is_not_done_twice(kernel_db: Database) -> None:
    recorder = Recorder(told={1: raising(Reject("no"))})
    key = uuid4()
    await deliver(kernel_db, recorder.handlers, raised(key, 1), raised(key, 2))
    recorder.told.clear()

    await dead_letters.redrive(_ForgetfulCommit(kernel_db.pool, source="kernel"), recorder.handlers, str(key))
    await dead_letters.redrive(kernel_db, recorder.handlers, str(key))

    assert await recorder.effects(kernel_db) == [1, 2]


async def test_a_redrive_during_database_trouble_is_tried_again_later(kernel_db: Database) -> None:
    recorder = Recorder(told={1: raising(asyncpg.DeadlockDetectedError("deadlock"))})
    await deliver(kernel_db, recorder.handlers, raised(uuid4(), 2))
    async with kernel_db.transaction() as conn:
        await dead_letters.set_aside(conn, recorder.name, [raised(key := uuid4(), 1)], state="dead", reason="")

    await dead_letters.redrive(kernel_db, recorder.handlers, str(key))

    assert [state for state, _, _ in await recorder.waiting(kernel_db)] == ["retry"]


@pytest.mark.parametrize("times", [1, 2])
async def test_an_event_delivered_again_while_it_is_dead_is_kept_once(kernel_db: Database, times: int) -> None:
    recorder = Recorder(told={1: raising(Reject("no"))})
    delivery = raised(uuid4(), 1)

    for _ in range(times):
        await deliver(kernel_db, recorder.handlers, delivery)

    assert len(await recorder.waiting(kernel_db)) == 1
