"""What OM-FAIL does to a run, and what V17 and V18 ask of every run: events told again, kills, a consumer stopped."""

import asyncio
import os
import random
import signal
import time
from typing import Any

from aiokafka import AIOKafkaConsumer

from bench.online_marketplace.facts import come_to_rest, state_of
from bench.online_marketplace.population import World
from deploy import registry
from deploy.cli.watermark import Consumers
from deploy.local.stack import KAFKA_OBSERVER, SERVICES, StackMissing
from shared.kafka import KafkaAccess, Producer, Record

TOPICS = {"lumbung.orders": "orders", "lumbung.stock": "catalog", "lumbung.catalog": "catalog"}
BATCH = 500
PASS_SECONDS = 120
READ_MS = 500
DOWN_SECONDS = 10
UP_LOOK_SECONDS = 0.1


async def tell_again(world: World, share: float, rng: random.Random) -> tuple[int, list[str], list[str]]:
    """Send a random share of all events to Kafka once more; how many, what changed by it, what did not pass."""
    before = await state_of(world)
    records = [record for record in await _everything(world) if rng.random() < share]
    for service in sorted(set(TOPICS.values())):
        producer = Producer(_access(world, service), client_id="online-marketplace")
        mine = [record for record in records if TOPICS[record.topic] == service]
        for start in range(0, len(mine), BATCH):
            await producer.send(mine[start : start + BATCH])
        await producer.close()
    groups = [group for service in SERVICES for group in registry.handler_groups(service)]
    unrest = await Consumers(world.stack, settle_seconds=PASS_SECONDS).passed(groups)
    unrest += await come_to_rest(world)
    after = await state_of(world)
    return len(records), sorted(name for name in after if after[name] != before[name]), unrest


async def _everything(world: World) -> list[Record]:
    options: dict[str, Any] = _access(world, KAFKA_OBSERVER).options()
    consumer = AIOKafkaConsumer(*TOPICS, **options, group_id=None, enable_auto_commit=False)
    await consumer.start()
    try:
        places = list(consumer.assignment())
        ends = await consumer.end_offsets(places)
        for place, offset in (await consumer.beginning_offsets(places)).items():
            consumer.seek(place, offset)
        found = []
        while [place for place in places if await consumer.position(place) < ends[place]]:
            for records in (await consumer.getmany(timeout_ms=READ_MS)).values():
                found += [Record(one.topic, one.key, one.value, list(one.headers)) for one in records]
        return found
    finally:
        await consumer.stop()


async def kill_each(
    world: World, names: tuple[str, ...], seconds: float, *, held_down: str = ""
) -> list[tuple[str, float]]:
    """kill -9 of each process in turn, spread over the time; what was killed, and when (monotonic).

    `held_down` is killed again whenever it comes up within `DOWN_SECONDS`.
    """
    killed = []
    for name in names:
        await asyncio.sleep(seconds / (len(names) + 1))
        until = time.monotonic() + (DOWN_SECONDS if name == held_down else 0)
        hit = _kill(world, name)  # else it is on its way up from the last blow
        while time.monotonic() < until:
            await asyncio.sleep(UP_LOOK_SECONDS)
            hit |= _kill(world, name)
        if hit:
            killed.append((name, time.monotonic()))
    return killed


def _kill(world: World, name: str) -> bool:
    """Whether there was something to kill."""
    try:
        os.kill(world.stack.pid_of(name), signal.SIGKILL)
    except (StackMissing, ProcessLookupError):
        return False
    return True


def _access(world: World, name: str) -> KafkaAccess:
    return KafkaAccess(world.stack.kafka_bootstrap, *world.stack.kafka_user(name))
