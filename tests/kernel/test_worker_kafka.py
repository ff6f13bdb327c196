"""From commit to handler through the real Kafka: relay and workers as they run, killed, doubled, and with an outage."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID, uuid4

import aiokafka.conn
import asyncpg
import pytest
import uvloop
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError
from aiokafka.protocol.admin import ApiVersionRequest
from confluent_kafka import OFFSET_END, TopicPartition
from confluent_kafka.admin import AdminClient

from deploy.local.provision_kafka import client_settings
from deploy.local.stack import KAFKA_ADMIN, Stack
from shared import kafka, outbox, worker
from shared.db import Database
from shared.kafka import Consumer, KafkaAccess, Offsets, Producer, Record, SendFailed
from shared.relay import RelayRunner
from shared.sql import Row
from shared.testing import eventually
from shared.wakes import Wakes
from shared.worker import Worker
from tests.kernel.events import TOPIC, CounterRaised
from tests.kernel.groups import Recorder
from tests.kernel.schedules import Log

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True, scope="module")
def emptied_topic(stack: Stack, kafka_access: KafkaAccess) -> None:
    """What other files' relays sent is gone: the groups here read from the beginning."""
    admin = AdminClient(client_settings(stack, KAFKA_ADMIN))
    everything = [TopicPartition(TOPIC.name, number, OFFSET_END) for number in range(TOPIC.partitions)]
    for future in admin.delete_records(everything).values():
        future.result(timeout=20)


@asynccontextmanager
async def relaying(db: Database, dsn: str, access: KafkaAccess) -> AsyncIterator[RelayRunner]:
    """The relay as a service runs it."""
    producer = Producer(access, client_id="kernel-relay")
    relay = RelayRunner(dsn, producer, [TOPIC.name], source="kernel")
    db.wakers["events"].append(relay.wake)
    task = asyncio.create_task(relay.run_forever())
    try:
        yield relay
    finally:
        db.wakers["events"].remove(relay.wake)
        await stop(task)
        await producer.close()


async def stop(*tasks: "asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def publish(db: Database, keys: list[UUID], numbers: range) -> None:
    """One transaction per number, with an event for every key."""
    for number in numbers:
        async with db.transaction() as conn:
            outbox.append(conn, *(CounterRaised(counter_id=key, number=number) for key in keys))


async def wait_for(db: Database, recorder: Recorder, keys: list[UUID], numbers: range, *, within: float = 40) -> None:
    """Until every key's last number was handled; then each must have been handled once and in order."""

    async def is_all_there() -> bool:
        effects = [await recorder.effects(db, key) for key in keys]
        return all(done and max(done) == numbers[-1] for done in effects)

    await eventually(is_all_there, within_seconds=within, what="the handling of all events")
    for key in keys:
        assert await recorder.effects(db, key) == [*numbers]


async def test_events_arrive_once_and_in_order(kernel_db: Database, kernel_dsn: str, kafka_access: KafkaAccess) -> None:
    recorder = Recorder()
    keys = [uuid4() for _ in range(10)]
    worker = Worker(kernel_db, recorder.handlers, kafka_access)

    async with relaying(kernel_db, kernel_dsn, kafka_access):
        task = asyncio.create_task(worker.run_forever())
        await publish(kernel_db, keys, range(1, 31))
        await wait_for(kernel_db, recorder, keys, range(1, 31))
        await stop(task)

    assert worker.halted is None


async def test_a_worker_killed_between_commit_and_offsets_has_its_effects_once(
    kernel_db: Database, kernel_dsn: str, kafka_access: KafkaAccess
) -> None:
    recorder = Recorder()
    keys = [uuid4() for _ in range(10)]
    orders = {
        "dsn": kernel_dsn,
        "access": [kafka_access.bootstrap, kafka_access.username, kafka_access.password],
        "group": recorder.name,
        "topic": TOPIC.name,
    }
    async with relaying(kernel_db, kernel_dsn, kafka_access):
        await publish(kernel_db, keys, range(1, 6))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.kernel.worker_process"),
            cwd=ROOT,
            env=os.environ | {"KERNEL_TEST_WORKER": json.dumps(orders)},
            stdout=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(40):
            assert await process.wait() == -9
        assert set(await recorder.effects(kernel_db)), "it died after a commit"

        task = asyncio.create_task(Worker(kernel_db, recorder.handlers, kafka_access).run_forever())
        await publish(kernel_db, keys, range(6, 11))
        await wait_for(kernel_db, recorder, keys, range(1, 11))
        await stop(task)


async def test_workers_that_come_and_go_have_every_effect_once(
    kernel_db: Database, kernel_dsn: str, kafka_access: KafkaAccess
) -> None:
    recorder = Recorder()
    keys = [uuid4() for _ in range(12)]

    def start() -> "asyncio.Task[None]":
        return asyncio.create_task(Worker(kernel_db, recorder.handlers, kafka_access, batch_max=7).run_forever())

    async with relaying(kernel_db, kernel_dsn, kafka_access):
        one = start()
        await publish(kernel_db, keys, range(1, 21))
        await wait_for(kernel_db, recorder, keys[:1], range(1, 21))
        other = start()  # a rebalance
        await publish(kernel_db, keys, range(21, 41))
        await stop(one)  # and another
        third = start()
        await publish(kernel_db, keys, range(41, 61))
        await wait_for(kernel_db, recorder, keys, range(1, 61))
        await stop(other, third)

    assert await recorder.waiting(kernel_db) == []


async def test_a_second_relay_waits_and_takes_over(
    kernel_db: Database, kernel_dsn: str, kafka_access: KafkaAccess
) -> None:
    recorder = Recorder()
    keys = [uuid4()]
    task = asyncio.create_task(Worker(kernel_db, recorder.handlers, kafka_access).run_forever())

    async def leads(relay: RelayRunner) -> bool:
        return relay.is_active

    async with AsyncExitStack() as both:
        leader = await both.enter_async_context(relaying(kernel_db, kernel_dsn, kafka_access))
        await eventually(lambda: leads(leader))
        async with relaying(kernel_db, kernel_dsn, kafka_access) as heir:
            await publish(kernel_db, keys, range(1, 4))
            await wait_for(kernel_db, recorder, keys, range(1, 4))
            assert leader.is_active and not heir.is_active

            await both.aclose()
            await publish(kernel_db, keys, range(4, 7))
            await wait_for(kernel_db, recorder, keys, range(1, 7))
            assert heir.is_active
    await stop(task)


async def test_a_relay_goes_on_after_its_connection_is_cut(
    kernel_db: Database, kernel_dsn: str, kafka_access: KafkaAccess, superuser: "asyncpg.Connection[Row]"
) -> None:
    recorder = Recorder()
    keys = [uuid4()]
    task = asyncio.create_task(Worker(kernel_db, recorder.handlers, kafka_access).run_forever())

    async with relaying(kernel_db, kernel_dsn, kafka_access):
        await publish(kernel_db, keys, range(1, 3))
        await wait_for(kernel_db, recorder, keys, range(1, 3))
        await superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'kernel-relay'"
        )
        await publish(kernel_db, keys, range(3, 6))
        await wait_for(kernel_db, recorder, keys, range(1, 6))
    await stop(task)


async def test_a_commit_in_another_process_wakes_the_relay(
    kernel_db: Database, kernel_dsn: str, kafka_access: KafkaAccess
) -> None:
    producer = Producer(kafka_access, client_id="kernel-relay")
    relay = RelayRunner(kernel_dsn, producer, [TOPIC.name], source="kernel", poll_seconds=3600)
    wakes = Wakes(kernel_dsn, source="kernel")
    elsewhere = await Database.connect(kernel_dsn, source="kernel", size=1)
    elsewhere.wakers["events"].append(wakes.teller("events"))
    tasks = [asyncio.create_task(relay.run_forever()), asyncio.create_task(wakes.run_forever())]
    log = Log(kafka_access)
    await log.start()

    async def reached_kafka() -> bool:
        await log.catch_up()
        async with kernel_db.reading() as conn:
            event_ids = await conn.fetch("SELECT event_id FROM outbox WHERE ordering_key = $1", str(key))
        return {row["event_id"] for row in event_ids} <= log.first.keys()

    for key in (uuid4(), uuid4(), uuid4()):
        await publish(elsewhere, [key], range(1, 3))
        await eventually(reached_kafka, what="the relay's waking")

    await stop(*tasks)
    await producer.close()
    await log.close()
    await elsewhere.close()


async def test_an_idle_relay_notices_that_its_cursor_was_moved_back(
    kernel_db: Database, kernel_dsn: str, kafka_access: KafkaAccess
) -> None:
    log = Log(kafka_access)
    await log.start()
    counter_id = uuid4()
    recorder = Recorder()
    task = asyncio.create_task(Worker(kernel_db, recorder.handlers, kafka_access).run_forever())

    async with relaying(kernel_db, kernel_dsn, kafka_access):
        await publish(kernel_db, [counter_id], range(1, 4))
        await wait_for(kernel_db, recorder, [counter_id], range(1, 4))
        async with kernel_db.transaction() as conn:
            rows = await conn.fetch("SELECT id, event_id FROM outbox WHERE ordering_key = $1", str(counter_id))
            await conn.execute(
                "UPDATE outbox_cursor SET last_id = $2, version = version + 1 WHERE topic = $1",
                *(TOPIC.name, min(row["id"] for row in rows) - 1),
            )

        async def is_sent_again() -> bool:
            await log.catch_up()
            return all(log.copies[row["event_id"]] == 2 for row in rows)

        await eventually(is_sent_again, what="sending again")
        await publish(kernel_db, [counter_id], range(4, 6))
        await wait_for(kernel_db, recorder, [counter_id], range(1, 6))
    await stop(task)
    await log.close()


def record_of(key: UUID) -> Record:
    headers = [("ce_id", str(key).encode())]
    return Record(TOPIC.name, b"k", b"{}", headers)


async def test_a_producer_that_failed_is_thrown_away_and_a_new_one_sends(kafka_access: KafkaAccess) -> None:
    log = Log(kafka_access)
    await log.start()
    producer = Producer(kafka_access, client_id="kernel-producer")
    first, second = uuid4(), uuid4()
    await producer.send([record_of(first)])
    poisoned = producer._producer
    assert poisoned is not None

    async def refuse(*_: object, **__: object) -> None:
        raise KafkaTimeoutError

    poisoned.send_batch = refuse
    with pytest.raises(SendFailed, match="KafkaTimeoutError"):
        await producer.send([record_of(second)])
    await producer.send([record_of(second)])

    assert producer._producer is not poisoned
    await log.catch_up()
    assert {first, second} <= log.first.keys()
    await producer.close()
    await log.close()


async def test_a_send_that_hangs_is_given_up(kafka_access: KafkaAccess) -> None:
    over = asyncio.Event()
    connections: list[asyncio.Task[None] | None] = []

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.current_task())
        await over.wait()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    nowhere = KafkaAccess(f"127.0.0.1:{port}", kafka_access.username, kafka_access.password)
    producer = Producer(nowhere, client_id="kernel-producer", timeout_seconds=0.2)

    async with asyncio.timeout(10):
        with pytest.raises(SendFailed, match="TimeoutError"):
            await producer.send([record_of(uuid4())])
        await producer.close()

    over.set()
    silent.close()
    await asyncio.wait([task for task in connections if task is not None])


async def test_a_quiet_consumer_asks_seldom_and_still_hears_at_once(
    kafka_access: KafkaAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka holds the fetch of a quiet consumer for long, and answers it when a record comes."""
    monkeypatch.setattr(kafka, "QUIET_AFTER_SECONDS", -1.0)
    monkeypatch.setattr(kafka, "FETCH_WAIT_QUIET_MS", 20_000)
    type_ = CounterRaised.declaration.type.encode()
    consumer = kafka.Consumer(
        kafka_access,
        group_id=f"kernel.quiet-{uuid4().hex[:8]}",
        client_id="kernel-quiet",
        topics=[TOPIC.name],
        types=[type_.decode()],
    )
    producer = Producer(kafka_access, client_id="kernel-quiet")
    await consumer.start()
    try:
        while (await consumer.poll(wait_seconds=1.0, most=500)).offsets:
            pass
        await asyncio.sleep(2 * kafka.FETCH_WAIT_BUSY_MS / 1000)  # the short fetch ends, a long one is under way
        await producer.send([Record(TOPIC.name, b"quiet", b"{}", [("ce_type", type_)])])
        started = time.monotonic()
        while not (await consumer.poll(wait_seconds=0.5, most=500)).offsets:
            assert time.monotonic() - started < 10, "the record waited for the end of the fetch"
    finally:
        await producer.close()
        await consumer.close()


def test_writing_to_a_connection_that_broke_is_an_error_of_kafka() -> None:
    """What uvloop raises there is no OSError, and aiokafka's tasks would die of it unseen (aiokafka #1038)."""

    async def write() -> Exception | None:
        silent = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        host, port = silent.sockets[0].getsockname()
        connection = aiokafka.conn.AIOKafkaConnection(host, port)  # as aiokafka makes all of its own
        connection._reader, connection._writer = await asyncio.open_connection(host, port)
        connection._read_task = asyncio.create_task(asyncio.sleep(0))
        connection._writer.transport.abort()
        await asyncio.sleep(0.1)
        try:
            connection.send(ApiVersionRequest())
        except RuntimeError as error:
            return error
        finally:
            connection.close()
            silent.close()
        return None

    error = uvloop.run(write())

    assert isinstance(error, KafkaConnectionError)
    assert "the handler is closed" in str(error)


async def test_a_commit_of_offsets_that_hangs_is_given_up_with_its_consumer(
    kernel_db: Database, kernel_dsn: str, kafka_access: KafkaAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka's client may wait for ever; nothing is lost or doubled when the worker makes a new one."""
    commit = Consumer.commit
    hung: list[Offsets] = []

    async def hang_once(self: Consumer, offsets: Offsets) -> None:
        if not hung:
            hung.append(offsets)
            await asyncio.Event().wait()
        await commit(self, offsets)

    monkeypatch.setattr(Consumer, "commit", hang_once)
    monkeypatch.setattr(worker, "STUCK_SECONDS", 3.0)
    recorder = Recorder()
    keys = [uuid4() for _ in range(10)]
    async with relaying(kernel_db, kernel_dsn, kafka_access):
        task = asyncio.create_task(Worker(kernel_db, recorder.handlers, kafka_access).run_forever())
        await publish(kernel_db, keys, range(1, 6))
        await eventually(lambda: _is(bool(hung)), within_seconds=20, what="a commit that hangs")
        await publish(kernel_db, keys, range(6, 11))
        await wait_for(kernel_db, recorder, keys, range(1, 11))
        await stop(task)


async def _is(condition: bool) -> bool:
    return condition
