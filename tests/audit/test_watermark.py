"""Waiting for consumers, against a real Kafka: who has not committed beyond the end is behind."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.cli.watermark import Consumers
from deploy.local.provision_kafka import client_settings
from deploy.local.stack import KAFKA_ADMIN, Stack
from shared.contracts.base import Event, event, topic
from shared.db import Connection
from shared.handlers import Handlers

RUN = uuid4().hex[:8]
TOPIC = topic(f"test.audit-{RUN}", owner="audittest", keyed_by="thing_id", partitions=2)


@event("audittest.thing_happened", version=1, topic=TOPIC, keyed_by="thing_id", ordered_by="thing_id")
class ThingHappened(Event):
    """Something happened in a test."""

    thing_id: str


handlers = Handlers(f"audittest.{RUN}")


@handlers.on(ThingHappened)
async def ignore(_: Connection, __: ThingHappened) -> None:
    """It only matters that the group listens."""


@pytest.fixture(scope="module")
def admin(stack: Stack) -> Iterator[AdminClient]:
    """An administrator, with the topic made and three records in it."""
    client = AdminClient(client_settings(stack, KAFKA_ADMIN))
    client.create_topics([NewTopic(TOPIC.name, 2, 1)])[TOPIC.name].result(timeout=15)
    producer = Producer(client_settings(stack, KAFKA_ADMIN))
    for partition in (0, 0, 1):
        producer.produce(TOPIC.name, b"{}", partition=partition)
    assert producer.flush(15) == 0
    yield client
    client.delete_topics([TOPIC.name])[TOPIC.name].result(timeout=15)


def _commit(admin: AdminClient, *offsets: int) -> None:
    places = [TopicPartition(TOPIC.name, partition, offset) for partition, offset in enumerate(offsets)]
    request = ConsumerGroupTopicPartitions(handlers.group_id, places)
    admin.alter_consumer_group_offsets([request])[handlers.group_id].result(timeout=15)


async def test_a_group_is_behind_until_it_has_committed_beyond_the_end(stack: Stack, admin: AdminClient) -> None:
    consumers = Consumers(stack, settle_seconds=0.3)

    assert "3 records" in (await consumers.passed([handlers]))[0]
    await asyncio.to_thread(_commit, admin, 2, 0)
    assert "1 record" in (await consumers.passed([handlers]))[0]
    await asyncio.to_thread(_commit, admin, 2, 1)
    assert await consumers.passed([handlers]) == []


async def test_a_group_that_catches_up_in_time_is_waited_for(stack: Stack, admin: AdminClient) -> None:
    await asyncio.to_thread(_commit, admin, 0, 0)
    waiting = asyncio.create_task(Consumers(stack, settle_seconds=20).passed([handlers]))

    await asyncio.to_thread(_commit, admin, 2, 1)

    assert await waiting == []
