"""Batched reads: shared, and never older than the question."""

import asyncio
import random
from collections.abc import Mapping

import pytest

from shared.batched_reads import BatchedReads
from shared.problems import Overloaded


class Shelf:
    """A thing that is read in batches: each run answers with the count as it was when the run began."""

    def __init__(self) -> None:
        self.count = 0
        self.runs: list[list[str]] = []
        self.going = 0
        self.going_max = 0
        self.free = asyncio.Event()
        self.free.set()

    async def run(self, keys: list[str]) -> Mapping[str, int]:
        """The count for each key; "broken" breaks."""
        self.runs.append(keys)
        self.going += 1
        self.going_max = max(self.going, self.going_max)
        count = self.count
        try:
            await asyncio.sleep(0)
            await self.free.wait()
        finally:
            self.going -= 1
        if "broken" in keys:
            raise LookupError("the shelf is broken")
        return dict.fromkeys(keys, count)


async def turns(count: int = 5) -> None:
    """Let everything that can go on go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_read_never_sees_what_was_before_it_though_a_run_for_its_key_goes_on() -> None:
    shelf = Shelf()
    reads = BatchedReads(shelf.run, batch_max=8)
    shelf.free.clear()
    early = asyncio.create_task(reads.read("a"))
    await turns()

    shelf.count = 1
    late = asyncio.create_task(reads.read("a"))
    await turns()
    shelf.free.set()

    assert (await early, await late) == (0, 1)
    assert shelf.runs == [["a"], ["a"]]


@pytest.mark.parametrize(("batch_max", "lanes"), [(1, 1), (1, 3), (4, 1), (4, 2), (100, 1)])
async def test_no_answer_is_older_than_its_question(batch_max: int, lanes: int) -> None:
    shelf = Shelf()
    reads = BatchedReads(shelf.run, batch_max=batch_max, lanes=lanes)
    rng = random.Random(f"{batch_max} {lanes}")

    async def reader() -> None:
        for _ in range(200):
            shelf.count += 1
            before = shelf.count
            assert await reads.read(rng.choice("abcdef")) >= before
            await turns(rng.randrange(3))

    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(reader())

    assert max(len(keys) for keys in shelf.runs) <= batch_max
    assert shelf.going_max <= lanes
    assert len(shelf.runs) < 4_000


async def test_who_asks_while_a_run_goes_on_shares_the_next() -> None:
    shelf = Shelf()
    reads = BatchedReads(shelf.run, batch_max=8)
    shelf.free.clear()
    readers = [asyncio.create_task(reads.read("a"))]
    await turns()

    readers += [asyncio.create_task(reads.read(key)) for key in "abcabc"]
    await turns()
    shelf.free.set()
    await asyncio.gather(*readers)

    assert shelf.runs == [["a"], ["a", "b", "c"]]


async def test_different_keys_run_side_by_side_and_one_key_never_twice() -> None:
    shelf = Shelf()
    reads = BatchedReads(shelf.run, batch_max=1, lanes=3)
    shelf.free.clear()
    readers = []
    for key in "aabacd":
        readers.append(asyncio.create_task(reads.read(key)))
        await turns()
    at_first = list(shelf.runs)
    shelf.free.set()
    await asyncio.gather(*readers)

    assert at_first == [["a"], ["b"], ["c"]]
    assert sorted(shelf.runs[3:]) == [["a"], ["d"]]


async def test_an_error_reaches_everybody_of_the_run_and_nobody_else() -> None:
    shelf = Shelf()
    reads = BatchedReads(shelf.run, batch_max=2)

    answers = await asyncio.gather(*map(reads.read, ["broken", "broken", "b", "c"]), return_exceptions=True)

    assert [type(answer) for answer in answers] == [LookupError, LookupError, LookupError, int]
    assert await reads.read("b") == 0


async def test_a_reader_that_gives_up_harms_no_other() -> None:
    shelf = Shelf()
    reads = BatchedReads(shelf.run, batch_max=8)
    shelf.free.clear()
    running, shared = asyncio.create_task(reads.read("a")), asyncio.create_task(reads.read("a"))
    await turns()
    waiting, alone = asyncio.create_task(reads.read("a")), asyncio.create_task(reads.read("b"))
    await turns()

    for reader in (running, waiting, alone):
        reader.cancel()
    late = asyncio.create_task(reads.read("a"))
    await turns()
    shelf.free.set()

    assert (await shared, await late) == (0, 0)
    assert [reader.cancelled() for reader in (running, waiting, alone)] == [True, True, True]


async def test_who_waits_too_long_for_a_run_is_told_to_come_again() -> None:
    shelf = Shelf()
    reads = BatchedReads(shelf.run, batch_max=8, wait_seconds=0.02)
    shelf.free.clear()
    running = asyncio.create_task(reads.read("a"))
    await turns()

    with pytest.raises(Overloaded):
        await asyncio.gather(reads.read("a"))

    shelf.free.set()
    assert await running == 0
    assert await reads.read("a") == 0
    assert shelf.runs == [["a"], ["a"]]


async def test_a_run_that_is_cancelled_says_so_to_its_readers() -> None:
    async def cancelled(_: list[str]) -> Mapping[str, int]:
        raise asyncio.CancelledError

    reads = BatchedReads(cancelled, batch_max=8)

    with pytest.raises(Overloaded):
        await reads.read("a")
    with pytest.raises(Overloaded):
        await reads.read("a")


async def test_a_run_that_forgets_a_key_is_a_fault_of_ours() -> None:
    async def forgetful(_: list[str]) -> Mapping[str, int]:
        return {}

    reads = BatchedReads(forgetful, batch_max=8)

    with pytest.raises(AssertionError, match="answers each key"):
        await reads.read("a")
