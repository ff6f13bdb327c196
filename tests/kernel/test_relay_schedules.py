"""The relay under random schedules of writers and crashes, on the real PostgreSQL and the real Kafka.

What must hold: every committed event reaches Kafka at least once, nothing rolled back does, and per counter the first
occurrences come in commit order. Then the test is tested: each way to get it wrong that we know is planted, and the
same check must find it. `LUMBUNG_SCHEDULES` says how many schedules are played; a failure names its seed.
"""

import os
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared.kafka import KafkaAccess
from shared.relay import NOT_NOTED, LostLeadership, queries
from shared.sql import Row
from tests.kernel.events import TOPIC
from tests.kernel.schedules import Broken, Stage, TappedRelay, Walk, once_at

SCHEDULES = int(os.environ.get("LUMBUNG_SCHEDULES", "500"))
SEARCH_MAX = 300


@pytest_asyncio.fixture(scope="module")
async def stage(kernel_dsn: str, kafka_access: KafkaAccess) -> AsyncIterator[Stage]:
    stage = Stage(kernel_dsn, kafka_access)
    await stage.start()
    yield stage
    await stage.close()


class CursorAlone(TappedRelay):
    """Planted fault: `id > last_id` and nothing else."""

    def _pass_over(self, rows: list[Row]) -> dict[str, list[int]]:
        super()._pass_over(rows)
        return {}


class SnapshotInsteadOfOwnXid(TappedRelay):
    """Planted fault: holes are noted with the snapshot's xmax, below which not everybody is who has an id."""

    async def own_xid(self) -> int:
        xmax = int(await self.conn.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"))
        await self.between("after own_xid")
        return xmax


class ForgetsWithoutSecondLook(TappedRelay):
    """Planted fault: who still runs is asked after the last look at the holes, not before."""

    late = NOT_NOTED

    async def read_holes(self) -> list[Row]:
        rows = await super().read_holes()
        self.late = int(await queries.relay_oldest_running.value(self.conn))
        return rows

    def is_forgettable(self, noted: int, ended_below: int) -> bool:
        return super().is_forgettable(noted, self.late)


class HolesBeforeNews(TappedRelay):
    """Planted fault: holes are read before new rows, so that an event can be overtaken by the next of its counter."""

    early: list[Row] = []  # noqa: RUF012  replaced at every step, never changed

    async def read_new(self) -> list[Row]:
        self.early = await TappedRelay.read_holes(self)
        return await super().read_new()

    async def read_holes(self) -> list[Row]:
        return self.early


async def play(stage: Stage, seed: int, kind: type[TappedRelay], *, ids_first: bool = False) -> None:
    try:
        await Walk(stage, seed, kind, ids_first=ids_first).play()
    except Exception as error:
        error.add_note(f"the schedule's seed is {seed}")
        raise


async def search_for_failure(stage: Stage, kind: type[TappedRelay], *, ids_first: bool = False) -> int:
    """How many schedules it took until the check failed."""
    seeds = random.Random(kind.__name__)
    for number in range(1, SEARCH_MAX + 1):
        try:
            await play(stage, seeds.getrandbits(32), kind, ids_first=ids_first)
        except Broken:
            return number
    raise AssertionError(f"{SEARCH_MAX} schedules did not show the planted fault {kind.__doc__}")


@pytest.mark.timeout(60 + SCHEDULES // 2)
async def test_no_schedule_loses_invents_or_swaps_an_event(stage: Stage) -> None:
    first = int(os.environ.get("LUMBUNG_SEED", random.SystemRandom().getrandbits(32)))

    for seed in range(first, first + SCHEDULES):
        await play(stage, seed, TappedRelay)


async def play_the_long_transaction(stage: Stage, kind: type[TappedRelay]) -> None:
    """A long transaction takes an id, a short one takes the next and commits first."""
    long, short, *_ = stage.writers()
    relay = await stage.relay(kind)
    await long.begin()
    await long.note()
    await long.write()
    await short.begin()
    await short.note()
    await short.write()
    await short.commit()
    await relay.step()
    await relay.step()

    await long.commit()

    await stage.drain_and_check(relay)


async def play_the_commit_around_the_second_look(stage: Stage, kind: type[TappedRelay], where: str) -> None:
    """An event is committed when the relay has looked who still runs, and is about to forget its hole."""
    late, early, *_ = stage.writers()
    relay = await stage.relay(kind)
    await late.begin()
    await late.note()
    await late.write()
    await early.begin()
    await early.note()
    await early.write()
    await early.commit()
    await relay.step()
    noted = max(relay.cursors[TOPIC.name].holes.values())

    async def commit() -> None:
        await late.commit()
        await stage.everything_ended_below(noted)

    relay.between = once_at(where, commit)
    await relay.step()

    await stage.drain_and_check(relay)


async def play_the_overtaking(stage: Stage, kind: type[TappedRelay], where: str) -> None:
    """A counter's event fills a hole and its next one is committed, both while the relay takes one step."""
    first, other, second, *_ = stage.writers()
    (counter_id,) = await stage.new_counters(1)
    relay = await stage.relay(kind)
    await first.begin()
    await first.raise_counter(counter_id)
    await first.write()
    await other.begin()
    await other.note()
    await other.write()
    await other.commit()
    await relay.step()

    async def commit_both() -> None:
        await first.commit()
        await second.begin()
        await second.raise_counter(counter_id)
        await second.write()
        await second.commit()

    relay.between = once_at(where, commit_both)
    await relay.step()

    await stage.drain_and_check(relay)


async def play_the_younger_transaction(stage: Stage, kind: type[TappedRelay]) -> None:
    """The owner of a hole has a transaction id above that of everything that has ended."""
    elder, younger, *_ = stage.writers()
    counters = await stage.new_counters(2)
    relay = await stage.relay(kind)
    await relay.step()
    await elder.begin()
    await elder.raise_counter(counters[0])
    await younger.begin()
    await younger.raise_counter(counters[1])
    await younger.write()
    await elder.write()
    await elder.commit()
    await relay.step()
    await stage.everything_ended_below(await younger.xid())
    await relay.step()

    await younger.commit()

    await stage.drain_and_check(relay)


async def test_a_long_transaction_is_sent_late_not_lost(stage: Stage) -> None:
    await play_the_long_transaction(stage, TappedRelay)

    with pytest.raises(Broken, match="never reached"):
        await play_the_long_transaction(stage, CursorAlone)


@pytest.mark.parametrize("where", ["after oldest_running", "before read_holes", "after read_holes", "after send"])
async def test_an_event_committed_while_the_relay_decides_to_forget_is_not_lost(stage: Stage, where: str) -> None:
    await play_the_commit_around_the_second_look(stage, TappedRelay, where)


async def test_forgetting_a_hole_without_a_second_look_loses_an_event(stage: Stage) -> None:
    with pytest.raises(Broken, match="never reached"):
        await play_the_commit_around_the_second_look(stage, ForgetsWithoutSecondLook, "after read_holes")


@pytest.mark.parametrize("where", ["before read_new", "after read_new", "after read_holes"])
async def test_an_event_that_fills_a_hole_is_not_overtaken_by_the_next_of_its_counter(stage: Stage, where: str) -> None:
    await play_the_overtaking(stage, TappedRelay, where)


async def test_reading_holes_before_news_lets_an_event_be_overtaken(stage: Stage) -> None:
    with pytest.raises(Broken, match="came in the order"):
        await play_the_overtaking(stage, HolesBeforeNews, "before read_new")


async def test_an_own_transaction_id_is_above_that_of_every_owner(stage: Stage) -> None:
    await play_the_younger_transaction(stage, TappedRelay)


async def test_the_snapshots_end_instead_of_an_own_transaction_id_loses_an_event(stage: Stage) -> None:
    for _ in range(20):  # a transaction of somebody else that ends in between hides the fault
        try:
            await play_the_younger_transaction(stage, SnapshotInsteadOfOwnXid)
        except Broken:
            return
    raise AssertionError("the planted fault was not found")


async def test_random_schedules_find_a_cursor_without_holes(stage: Stage) -> None:
    assert await search_for_failure(stage, CursorAlone) <= SEARCH_MAX


async def test_random_schedules_find_ids_that_are_taken_before_a_transaction_id(stage: Stage) -> None:
    assert await search_for_failure(stage, TappedRelay, ids_first=True) <= SEARCH_MAX


async def test_a_relay_whose_cursor_was_moved_by_another_stops(stage: Stage) -> None:
    writer, *_ = stage.writers()
    slow = await stage.relay(TappedRelay)
    await writer.begin()
    await writer.note()
    await writer.write()
    await writer.commit()
    quick = await stage.relay(TappedRelay)
    await quick.step()

    with pytest.raises(LostLeadership):
        await slow.step()

    await stage.drain_and_check(slow)


async def test_a_rolled_back_id_is_forgotten_when_its_owner_has_ended(stage: Stage) -> None:
    sad, happy, *_ = stage.writers()
    relay = await stage.relay(TappedRelay)
    for writer in (sad, happy):
        await writer.begin()
        await writer.note()
        await writer.write()
    await sad.roll_back()
    await happy.commit()
    await relay.step()
    holes = relay.cursors[TOPIC.name].holes
    assert len(holes) >= 1

    await stage.everything_ended_below(max(holes.values()))
    await relay.step()

    assert relay.cursors[TOPIC.name].holes == {}
    await stage.drain_and_check(relay)
