"""The runner on a real database: once, twice, killed; poison, transient failures, the ceiling, what is no event."""

import asyncio
from dataclasses import replace
from typing import cast
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka.structs import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from shared import dead_letters
from shared.contracts.base import Delivery, Event
from shared.db import Connection, Database
from shared.handlers import Handlers, Reject
from shared.kafka import _delivery
from shared.sql import Row
from shared.telemetry import EVENTS_UNKNOWN
from shared.testing import check_handler, deliver, delivery_of, eventually, published
from shared.worker import CEILING_DEAD, Runner, WorkerHalted
from tests.kernel.events import CounterClosed, CounterNamed, CounterRaised
from tests.kernel.groups import Recorder, publish_named, raising, raising_times


def raised(counter_id: UUID, number: int) -> Delivery:
    return delivery_of(CounterRaised(counter_id=counter_id, number=number))


def named(counter_id: UUID, number: int) -> Delivery:
    return delivery_of(CounterNamed(counter_id=counter_id, number=number))


async def test_once_twice_and_killed_before_commit(kernel_db: Database) -> None:
    recorder = Recorder(told={7: publish_named})
    counter_id = uuid4()

    await check_handler(kernel_db, recorder.handlers, CounterRaised(counter_id=counter_id, number=7))

    assert await recorder.effects(kernel_db) == [7]
    assert len(await published(kernel_db, CounterNamed, counter_id=counter_id)) == 1


async def test_the_same_event_twice_in_one_batch_is_handled_once(kernel_db: Database) -> None:
    recorder = Recorder()
    delivery = raised(uuid4(), 1)

    await deliver(kernel_db, recorder.handlers, delivery, delivery)

    assert await recorder.effects(kernel_db) == [1]


async def test_another_group_handles_the_same_event_for_itself(kernel_db: Database) -> None:
    one, other = Recorder(), Recorder()
    delivery = raised(uuid4(), 1)

    await deliver(kernel_db, one.handlers, delivery)
    await deliver(kernel_db, other.handlers, delivery)

    assert await one.effects(kernel_db) == await other.effects(kernel_db) == [1]


async def test_events_of_a_key_are_handled_in_order_across_types(kernel_db: Database) -> None:
    recorder = Recorder()
    a, b = uuid4(), uuid4()

    await deliver(
        kernel_db, recorder.handlers, named(a, 1), raised(a, 2), raised(b, 1), named(a, 3), raised(a, 4), named(b, 2)
    )

    assert await recorder.effects(kernel_db, a) == [1, 2, 3, 4]
    assert await recorder.effects(kernel_db, b) == [1, 2]


async def test_a_batch_handler_never_gets_two_events_of_a_key(kernel_db: Database) -> None:
    recorder = Recorder()
    a, b = uuid4(), uuid4()

    await deliver(kernel_db, recorder.handlers, raised(a, 1), raised(b, 10), raised(a, 2), raised(b, 20), raised(a, 3))

    assert recorder.calls == [[1, 10], [2, 20], [3]]


plans = st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=40)


@given(plans)
def test_a_plan_keeps_every_keys_order_and_never_repeats_a_key_in_a_call(chosen: list[tuple[int, bool]]) -> None:
    handlers = Recorder().handlers
    batch = [(raised if kind else named)(UUID(int=key), number) for number, (key, kind) in enumerate(chosen)]

    calls = handlers.plan(batch)

    for call in calls:
        keys = [delivery.ordering_key for delivery in call.deliveries]
        assert len(set(keys)) == len(keys)
        assert {delivery.type for delivery in call.deliveries} == {call.handler.event.declaration.type}
        assert [event.ordering_key for event in call.events] == keys
    planned = [delivery for call in calls for delivery in call.deliveries]
    assert {id(delivery) for delivery in planned} == {id(delivery) for delivery in batch}
    assert len(planned) == len(batch)
    for key in {delivery.ordering_key for delivery in batch}:
        assert [d for d in planned if d.ordering_key == key] == [d for d in batch if d.ordering_key == key]


async def test_poison_does_not_stop_its_neighbours(kernel_db: Database) -> None:
    recorder = Recorder(told={13: raising(ZeroDivisionError("thirteen"))})
    numbers = [*range(1, 31)]

    await deliver(kernel_db, recorder.handlers, *(raised(uuid4(), number) for number in numbers))

    assert sorted(await recorder.effects(kernel_db)) == [number for number in numbers if number != 13]
    ((state, reason, data),) = await recorder.waiting(kernel_db)
    assert (state, reason) == ("dead", "ZeroDivisionError: thirteen")
    assert CounterRaised.read(data).number == 13


async def test_later_events_of_a_poisoned_key_wait_also_of_another_type(kernel_db: Database) -> None:
    recorder = Recorder(told={1: raising(Reject("never"))})
    a, b = uuid4(), uuid4()

    await deliver(kernel_db, recorder.handlers, raised(a, 1), raised(b, 5), named(a, 2))
    await deliver(kernel_db, recorder.handlers, raised(a, 3), raised(b, 6))

    assert await recorder.effects(kernel_db) == [5, 6]
    assert [state for state, _, _ in await recorder.waiting(kernel_db)] == ["dead", "behind", "behind"]


async def test_what_a_poisoned_event_published_is_not_published(kernel_db: Database) -> None:
    counter_id = uuid4()

    async def publish_and_fail(conn: Connection, event: Event) -> None:
        await publish_named(conn, event)
        raise Reject("after all")

    recorder = Recorder(told={1: publish_and_fail})
    await deliver(kernel_db, recorder.handlers, raised(counter_id, 1))

    assert await published(kernel_db, CounterNamed, counter_id=counter_id) == []


async def test_a_payload_that_breaks_its_contract_is_set_aside(kernel_db: Database) -> None:
    recorder = Recorder()
    bad = replace(raised(uuid4(), 1), data=b'{"counter_id": "nobody"}')

    await deliver(kernel_db, recorder.handlers, bad, raised(uuid4(), 2))

    assert await recorder.effects(kernel_db) == [2]
    ((state, reason, data),) = await recorder.waiting(kernel_db)
    assert state == "dead"
    assert reason.startswith("ValidationError")
    assert data == bad.data


async def test_a_type_that_nobody_handles_is_skipped_and_counted(kernel_db: Database) -> None:
    recorder = Recorder()

    await deliver(kernel_db, recorder.handlers, CounterClosed(counter_id=uuid4(), number=1), raised(uuid4(), 2))

    assert await recorder.effects(kernel_db) == [2]
    assert await recorder.letters(kernel_db) == []
    assert EVENTS_UNKNOWN.labels(recorder.name)._value.get() == 1


class FakeRecord:
    """As much of a Kafka record as is read of one."""

    def __init__(self, headers: list[tuple[str, bytes | None]], *, key: bytes = b"k", value: bytes = b"{}") -> None:
        self.headers, self.key, self.value = headers, key, value
        self.topic, self.partition, self.offset, self.timestamp = (
            "test.kernel",
            1,
            uuid4().int % 10**9,
            1_760_000_000_000,
        )


GOOD = {
    "ce_id": str(uuid4()).encode(),
    "ce_source": b"kernel",
    "ce_type": b"kernel.counter_raised.v1",
    "ce_time": b"2026-10-01T00:00:00+00:00",
    "ce_subject": b"key",
}


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("ce_id", b"no uuid"),
        ("ce_id", None),
        ("ce_time", b"yesterday"),
        ("ce_type", b"\xff\xfe"),
        ("ce_subject", b"a\x00b"),
    ],
)
async def test_a_record_that_is_no_cloud_event_is_set_aside_and_stops_nothing(
    kernel_db: Database, header: str, value: bytes | None
) -> None:
    recorder = Recorder()
    record = FakeRecord([*(GOOD | {header: value}).items()], key=b"\x00\xff", value=b"\x00garbage")
    broken = _delivery(cast("ConsumerRecord[bytes, bytes]", record))

    await deliver(kernel_db, recorder.handlers, broken, raised(uuid4(), 2))
    await deliver(kernel_db, recorder.handlers, broken)

    assert await recorder.effects(kernel_db) == [2]
    ((state, reason, data),) = await recorder.waiting(kernel_db)
    assert (state, data) == ("dead", b"\x00garbage")
    assert "no CloudEvent" in reason


async def test_attributes_that_the_database_cannot_hold_are_set_aside(kernel_db: Database) -> None:
    recorder = Recorder()
    broken = replace(raised(uuid4(), 1), ordering_key="a\x00b")

    await deliver(kernel_db, recorder.handlers, broken, raised(uuid4(), 2))

    assert await recorder.effects(kernel_db) == [2]
    ((state, reason, data),) = await recorder.waiting(kernel_db)
    assert (state, data) == ("dead", broken.data)
    assert "invalid byte sequence" in reason


async def test_a_reason_with_a_nul_is_kept(kernel_db: Database) -> None:
    recorder = Recorder(told={1: raising(Reject("a\x00b"))})

    await deliver(kernel_db, recorder.handlers, raised(uuid4(), 1))

    assert [state for state, _, _ in await recorder.waiting(kernel_db)] == ["dead"]


async def test_a_malformed_trace_is_no_reason_to_fail(kernel_db: Database) -> None:
    recorder = Recorder()

    await deliver(kernel_db, recorder.handlers, replace(raised(uuid4(), 1), traceparent="z" * 55))

    assert await recorder.effects(kernel_db) == [1]


async def test_a_transient_failure_tries_the_whole_batch_again(kernel_db: Database) -> None:
    recorder = Recorder(told={2: raising_times(asyncpg.SerializationError("busy"), 2)})

    await deliver(kernel_db, recorder.handlers, raised(uuid4(), 1), raised(uuid4(), 2), raised(uuid4(), 3))

    assert recorder.calls == [[1, 2, 3]] * 3
    assert await recorder.effects(kernel_db) == [1, 2, 3]
    assert await recorder.letters(kernel_db) == []


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError("slow"),
        asyncpg.InterfaceError("misused"),
        asyncpg.QueryCanceledError("statement timeout"),
    ],
)
async def test_a_timeout_that_one_event_causes_is_split_off_after_a_few_tries(
    kernel_db: Database, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.worker.TRIES_BEFORE_SPLIT", 2)
    recorder = Recorder(told={2: raising(error)})

    async with asyncio.timeout(20):
        await deliver(kernel_db, recorder.handlers, raised(uuid4(), 1), raised(uuid4(), 2))

    assert await recorder.effects(kernel_db) == [1]
    assert [state for state, _, _ in await recorder.waiting(kernel_db)] == ["retry"]


async def test_a_full_disk_is_nobodys_fault(kernel_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long there is no room, the batch waits as it is."""
    monkeypatch.setattr("shared.worker.TRIES_BEFORE_SPLIT", 2)
    recorder = Recorder(told={2: raising_times(asyncpg.DiskFullError("full"), 4)})

    await deliver(kernel_db, recorder.handlers, raised(uuid4(), 1), raised(uuid4(), 2))

    assert recorder.calls == [[1, 2]] * 5
    assert await recorder.effects(kernel_db) == [1, 2]
    assert await recorder.letters(kernel_db) == []


async def test_a_lost_connection_is_nobodys_fault(kernel_db: Database, superuser: "asyncpg.Connection[Row]") -> None:
    left = [3]

    async def die(conn: Connection, _: Event) -> None:
        if left[0]:
            left[0] -= 1
            pid = await conn.fetchval("SELECT pg_backend_pid()")
            await superuser.execute("SELECT pg_terminate_backend($1)", pid)
            await conn.fetchval("SELECT 1")

    recorder = Recorder(told={2: die})
    await deliver(kernel_db, recorder.handlers, raised(uuid4(), 1), raised(uuid4(), 2))

    assert await recorder.effects(kernel_db) == [1, 2]
    assert await recorder.letters(kernel_db) == []


async def test_over_a_ceiling_the_worker_halts(kernel_db: Database) -> None:
    recorder = Recorder(told={1: raising(Reject("broken code"))})
    good, bad = CEILING_DEAD // 2, CEILING_DEAD
    runner = Runner(kernel_db, recorder.handlers)
    await runner.process([raised(uuid4(), 2) for _ in range(good)])

    with pytest.raises(WorkerHalted, match="broken code"):
        await runner.process([raised(uuid4(), 1) for _ in range(bad)])

    assert len(await recorder.waiting(kernel_db)) == CEILING_DEAD


async def test_what_another_worker_of_the_group_parks_meanwhile_is_seen(
    kernel_db: Database, superuser: "asyncpg.Connection[Row]"
) -> None:
    recorder = Recorder()
    counter_id = uuid4()
    first, second = raised(counter_id, 1), raised(counter_id, 2)
    slow = Runner(kernel_db, recorder.handlers)

    async def is_blocked() -> bool:
        return bool(
            await superuser.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )

    async with kernel_db.transaction() as conn:  # a worker that has lost the partition sets the first event aside
        await slow._fresh(conn, [first])
        await dead_letters.set_aside(conn, recorder.name, [first], state="dead", reason="poison")
        task = asyncio.create_task(Runner(kernel_db, recorder.handlers).process([first, second]))
        await eventually(is_blocked, within_seconds=1.5, every_seconds=0.01)
    await task

    assert await recorder.effects(kernel_db) == []
    assert [state for state, _, _ in await recorder.waiting(kernel_db)] == ["dead", "behind"]


async def test_a_group_does_not_handle_a_type_twice() -> None:
    handlers = Handlers("kerneltwice")

    @handlers.on(CounterRaised)
    async def one(conn: Connection, event: CounterRaised) -> None:
        """Nothing."""

    with pytest.raises(AssertionError, match="twice"):
        handlers.on_batch(CounterRaised)(Recorder().handlers.by_type["kernel.counter_raised.v1"].call)


async def test_attributes_too_long_to_be_stored_stop_nothing(kernel_db: Database) -> None:
    recorder, counter_id = Recorder(), uuid4()
    noise = "".join(uuid4().hex for _ in range(400))  # an index row holds a third of a page, after compression
    wrong = replace(raised(uuid4(), 0), source=noise), replace(raised(uuid4(), 0), ordering_key=noise)

    await deliver(kernel_db, recorder.handlers, *wrong, raised(counter_id, 1))

    assert await recorder.effects(kernel_db, counter_id) == [1]


async def test_a_poison_with_a_key_too_long_to_be_parked_stops_nothing(kernel_db: Database) -> None:
    recorder, counter_id = Recorder(told={0: raising(Reject("no"))}), uuid4()
    noise = "".join(uuid4().hex for _ in range(400))

    await deliver(kernel_db, recorder.handlers, replace(raised(uuid4(), 0), ordering_key=noise), raised(counter_id, 1))

    assert await recorder.effects(kernel_db, counter_id) == [1]
    assert len(await recorder.waiting(kernel_db)) == 1
