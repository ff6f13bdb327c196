"""Group commit under load: each command gets its own answer, whatever happens to its neighbours or the connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from shared.db import Connection, Database
from shared.group_commit import GroupCommit
from shared.problems import NotFound, OutcomeUnknown, Overloaded, Problem
from shared.sql import Row

BAD = -1
CRASH = -2


class Raises:
    """Commands that write a number down; BAD is refused, CRASH spoils its whole batch."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.kind = uuid4().hex
        self.sizes: list[int] = []
        self.may_go = asyncio.Event()
        self.may_go.set()
        self.pids: list[int] = []
        self.entered = asyncio.Event()

    async def run(self, conn: Connection, items: list[int]) -> list[int | Problem]:
        self.sizes.append(len(items))
        good = [number for number in items if number != BAD]
        await conn.execute(
            "INSERT INTO effects (counter_id, kind, number) SELECT $1, $2, n FROM unnest($3::int[]) AS n",
            *(UUID(int=0), self.kind, good),
        )
        if CRASH in items:
            raise ZeroDivisionError("this command breaks the batch")
        self.pids.append(await conn.fetchval("SELECT pg_backend_pid()"))
        self.entered.set()
        await self.may_go.wait()
        return [NotFound() if number == BAD else number * 10 for number in items]

    async def written(self) -> list[int]:
        async with self.db.reading() as conn:
            rows = await conn.fetch("SELECT number FROM effects WHERE kind = $1 ORDER BY number", self.kind)
        return [row["number"] for row in rows]


@asynccontextmanager
async def running(raises: Raises, **options: int) -> AsyncIterator[GroupCommit[int, int]]:
    group: GroupCommit[int, int] = GroupCommit("test", raises.db, raises.run, **options)
    task = asyncio.create_task(group.run_forever())
    try:
        yield group
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest_asyncio.fixture
async def raises(kernel_db: Database) -> Raises:
    return Raises(kernel_db)


async def test_each_of_many_concurrent_commands_gets_its_own_answer(raises: Raises) -> None:
    numbers = [BAD if n % 16 == 0 else n for n in range(256)]

    async with running(raises, batch_max=64) as group:
        answers = await asyncio.gather(*(group.submit(number) for number in numbers), return_exceptions=True)

    for number, answer in zip(numbers, answers, strict=True):
        assert isinstance(answer, NotFound) if number == BAD else answer == number * 10
    assert await raises.written() == sorted(n for n in numbers if n != BAD)
    assert len(raises.sizes) < 256
    assert max(raises.sizes) <= 64


async def test_a_command_that_breaks_its_batch_fails_alone(raises: Raises) -> None:
    numbers = [*range(20), CRASH]

    async with running(raises) as group:
        answers = await asyncio.gather(*(group.submit(number) for number in numbers), return_exceptions=True)

    assert answers[:20] == [n * 10 for n in range(20)]
    assert isinstance(answers[20], ZeroDivisionError)
    assert await raises.written() == [*range(20)]


async def test_a_cancelled_command_that_still_waits_is_taken_out(raises: Raises) -> None:
    raises.may_go.clear()

    async with running(raises, lanes=1) as group:
        first = asyncio.create_task(group.submit(1))
        await raises.entered.wait()
        second, third = asyncio.create_task(group.submit(2)), asyncio.create_task(group.submit(3))
        await asyncio.sleep(0)
        second.cancel()
        raises.may_go.set()
        assert [await first, await third] == [10, 30]

    assert await raises.written() == [1, 3]


async def test_a_cancelled_command_that_is_being_committed_is_done(raises: Raises) -> None:
    raises.may_go.clear()

    async with running(raises, lanes=1) as group:
        first = asyncio.create_task(group.submit(1))
        await raises.entered.wait()
        first.cancel()
        raises.may_go.set()
        assert await group.submit(2) == 20

    assert await raises.written() == [1, 2]


async def test_a_full_queue_refuses(raises: Raises) -> None:
    raises.may_go.clear()

    async with running(raises, lanes=1, queue_max=3) as group:
        first = asyncio.create_task(group.submit(1))
        await raises.entered.wait()
        waiting = [asyncio.create_task(group.submit(number)) for number in (2, 3, 4)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await group.submit(5)
        raises.may_go.set()
        assert await asyncio.gather(first, *waiting) == [10, 20, 30, 40]

    assert await raises.written() == [1, 2, 3, 4]


async def test_a_connection_lost_at_the_commit_is_an_unknown_outcome_for_all(
    raises: Raises, superuser: "asyncpg.Connection[Row]"
) -> None:
    raises.may_go.clear()

    async with running(raises, lanes=1) as group:
        commands = [asyncio.create_task(group.submit(number)) for number in (1, 2, 3)]
        await raises.entered.wait()
        await superuser.execute("SELECT pg_terminate_backend($1, 5000)", raises.pids[-1])
        raises.may_go.set()
        answers = await asyncio.gather(*commands, return_exceptions=True)
        assert all(isinstance(answer, OutcomeUnknown) for answer in answers), answers
        assert await group.submit(4) == 40

    assert await raises.written() == [4]


async def test_stopping_answers_everybody(raises: Raises) -> None:
    raises.may_go.clear()

    async with running(raises, lanes=1, batch_max=2) as group:
        commands = [asyncio.create_task(group.submit(number)) for number in (1, 2, 3, 4, 5)]
        await raises.entered.wait()
        await asyncio.sleep(0)
    answers = await asyncio.gather(*commands, return_exceptions=True)

    assert [type(answer) for answer in answers] == [OutcomeUnknown] * 2 + [Overloaded] * 3
    with pytest.raises(Overloaded):
        await group.submit(6)
    assert await raises.written() == []


async def test_stopping_while_a_spoilt_batch_is_done_one_by_one_answers_everybody(raises: Raises) -> None:
    raises.may_go.clear()

    async with running(raises, lanes=1) as group:
        commands = [asyncio.create_task(group.submit(number)) for number in (1, CRASH, 2, 3)]
        await raises.entered.wait()
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*commands, return_exceptions=True)

    assert all(isinstance(answer, (OutcomeUnknown, Overloaded)) for answer in answers), answers
    assert await raises.written() == []


async def test_a_batch_that_is_not_answered_in_full_commits_nothing(kernel_db: Database) -> None:
    raises = Raises(kernel_db)

    async def too_few(conn: Connection, items: list[int]) -> list[int | Problem]:
        return (await raises.run(conn, items))[1:]

    group: GroupCommit[int, int] = GroupCommit("test", kernel_db, too_few)
    task = asyncio.create_task(group.run_forever())
    with pytest.raises(AssertionError, match="each command once"):
        await group.submit(1)
    task.cancel()
    await asyncio.wait([task])

    assert await raises.written() == []
