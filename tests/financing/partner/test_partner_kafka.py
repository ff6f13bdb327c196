"""Lenders' topics on the real Kafka: made by the task, written by financing, read by foreign clients, guarded."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from deploy.local.kafka import recorded_place
from deploy.local.layout import current_layout
from deploy.local.provision_kafka import client_settings, provision_kafka
from deploy.local.stack import KAFKA_ADMIN, KAFKA_PARTNERS, Stack
from deploy.partners.provision import Provisioner
from services.financing.deliveries.topics import Topics
from services.financing.domain.partner_names import topic_of
from shared import kafka
from shared.db import connect_alone
from shared.kafka import KafkaAccess
from tests.financing.partner.conftest import KEY, Partner, World

Headers: TypeAlias = list[tuple[str, bytes]]


@dataclass
class Read:
    """A record as a foreign client sees it."""

    headers: dict[str, str]
    value: dict[str, Any]

    @property
    def position(self) -> int:
        """Its place in the lender's log."""
        return int(self.headers["ce_position"])


@dataclass
class Reader:
    """A lender with its Kafka access, and its subscription."""

    partner: Partner
    access: dict[str, str]
    subscription_id: str

    def settings(self, **more: Any) -> dict[str, Any]:
        """librdkafka's settings to sign in as the lender."""
        return {
            "bootstrap.servers": self.access["bootstrap"],
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": self.access["mechanism"],
            "sasl.username": self.access["username"],
            "sasl.password": self.access["password"],
            "log_level": 2,
        } | more

    def read(self, count: int, *, topic: str = "", group: str = "") -> list[Read]:
        """The first `count` records. Raises KafkaException for what Kafka refuses."""
        group = group or f"{self.access['group_prefix']}{uuid4().hex[:6]}"
        consumer = Consumer(self.settings(**{"group.id": group, "auto.offset.reset": "earliest"}))
        consumer.subscribe([topic or self.access["topic"]])
        found: list[Read] = []
        try:
            while len(found) < count:
                message = consumer.poll(20)
                assert message is not None, f"only {len(found)} records came"
                if message.error():
                    raise KafkaException(message.error())
                headers = {name: bytes(value).decode() for name, value in cast(Headers, message.headers())}
                found.append(Read(headers, json.loads(message.value() or b"")))
        finally:
            consumer.close()
        return found


@dataclass
class Kafka:
    """The task that provisions, and the publisher."""

    world: World
    provisioner: Provisioner
    topics: Topics
    conn: "asyncpg.Connection[asyncpg.Record]"

    async def reader(self, slug: str = "") -> Reader:
        """A lender that reads by Kafka, provisioned."""
        partner = await self.world.partner(slug)
        made = await self.world.done("POST", "/v1/subscriptions", partner, {"transport": "kafka", "from_position": 0})
        assert partner.lender.slug in await self.provisioner.step()
        return Reader(partner, made["kafka"], made["subscription_id"])

    async def publish(self) -> None:
        """All that is due."""
        while await self.topics.step(self.conn):
            pass


def access_of(stack: Stack, user: str) -> KafkaAccess:
    """The account of one of ours."""
    return KafkaAccess(stack.kafka_bootstrap, *stack.kafka_user(user))


@pytest_asyncio.fixture(scope="module")
async def broker(world: World, stack: Stack) -> AsyncIterator[Kafka]:
    """With the principals of the stack: `partners` makes, `financing` writes."""
    await asyncio.to_thread(provision_kafka, stack)
    financing = access_of(stack, "financing")
    producers = [
        kafka.Producer(financing, client_id="test-topics", timeout_seconds=5),
        kafka.Producer(financing, client_id="test-topics-cautious", timeout_seconds=4),
    ]
    conn = await connect_alone(world.dsn, name="test-topics")
    provisioner = Provisioner(world.db, access_of(stack, KAFKA_PARTNERS), key=KEY)
    await provisioner.step()  # what other tests have asked for
    yield Kafka(world, provisioner, Topics(world.dsn, producers[0], producers[1], world.news), conn)
    await conn.close()
    for producer in producers:
        await producer.close()
    async with world.db.reading() as reading:
        slugs = [row["slug"] for row in await reading.fetch("SELECT slug FROM kafka_access")]
    for future in AdminClient(client_settings(stack, KAFKA_ADMIN)).delete_topics([topic_of(s) for s in slugs]).values():
        future.exception(timeout=20)


async def test_a_lender_reads_its_own_topic_in_order(broker: Kafka) -> None:
    reader = await broker.reader()
    await broker.world.tell(reader.partner, times=120, traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-00")

    await broker.publish()

    records = await asyncio.to_thread(reader.read, 120)
    assert [record.position for record in records] == list(range(1, 121))
    assert records[0].value["number"] == 0 and records[0].headers["traceparent"].startswith("00-1111")
    page = await broker.world.done("GET", "/v1/events?limit=1", reader.partner)
    assert page["events"][0]["id"] == records[0].headers["ce_id"], "the same event has the same id on every transport"
    health = await broker.world.health(reader.partner, reader.subscription_id)
    assert (health["missed"], health["delivered"], health["topic_state"]) == (0, 120, "ready")


async def test_a_lender_can_do_nothing_else(broker: Kafka) -> None:
    name = f"acme{uuid4().hex[:8]}"
    reader, other = await broker.reader(name), await broker.reader(f"{name}2")
    await broker.world.tell(reader.partner, other.partner)
    await broker.publish()
    assert len(await asyncio.to_thread(reader.read, 1)) == 1

    with pytest.raises(KafkaException) as refused:
        await asyncio.to_thread(reader.read, 1, topic=other.access["topic"])
    assert refused.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    with pytest.raises(KafkaException) as refused:
        await asyncio.to_thread(reader.read, 1, topic="lumbung.financing")
    assert refused.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    for group in (f"{other.access['group_prefix']}x", f"lender.{name}", "financing.x"):
        with pytest.raises(KafkaException) as refused:
            await asyncio.to_thread(reader.read, 1, group=group)
        assert refused.value.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED
    for topic in (reader.access["topic"], f"lending.{name}.mine", other.access["topic"]):
        assert await asyncio.to_thread(write_as, reader, topic) in (
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError._MSG_TIMED_OUT,
        )
    visible = AdminClient(reader.settings()).list_topics(timeout=10).topics
    assert set(visible) == {reader.access["topic"]}


def write_as(reader: Reader, topic: str) -> int:
    """The error of a record that the lender tries to write."""
    errors: list[KafkaError | None] = []
    producer = Producer(reader.settings(**{"message.timeout.ms": 3000, "enable.idempotence": False}))
    producer.produce(topic, b"mine", on_delivery=lambda error, _: errors.append(error))
    producer.flush(10)
    assert errors and errors[0] is not None, "the record was written"
    return int(errors[0].code())


async def test_kafkas_own_console_consumer_reads_it(broker: Kafka, tmp_path: Path) -> None:
    reader = await broker.reader()
    await broker.world.tell(reader.partner, times=3)
    await broker.publish()
    login = (
        "org.apache.kafka.common.security.scram.ScramLoginModule required "
        f'username="{reader.access["username"]}" password="{reader.access["password"]}";'
    )
    settings = tmp_path / "client.properties"
    settings.write_text(f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-512\nsasl.jaas.config={login}\n")
    place = recorded_place(current_layout())
    command = [place.java.program, "-Xmx128m", "-cp", f"{place.libraries}/*"]
    command += ["org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", reader.access["bootstrap"]]
    command += ["--topic", reader.access["topic"], "--group", f"{reader.access['group_prefix']}console"]
    command += ["--command-config", str(settings), "--from-beginning", "--max-messages", "3", "--timeout-ms", "30000"]

    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)

    numbers = [json.loads(line)["number"] for line in done.stdout.splitlines() if line.startswith("{")]
    assert numbers == [0, 1, 2], done.stderr


async def test_killed_before_the_cursor_moved_the_same_events_come_again(broker: Kafka) -> None:
    reader = await broker.reader()
    await broker.world.tell(reader.partner, times=5)
    await broker.publish()
    async with broker.world.db.reading() as conn:  # as if the process had died between the two
        await conn.execute("UPDATE subscriptions SET position = 2 WHERE lender_id = $1", reader.partner.id)

    await broker.publish()

    records = await asyncio.to_thread(reader.read, 8)
    assert [record.position for record in records] == [1, 2, 3, 4, 5, 3, 4, 5]
    assert len({record.headers["ce_id"] for record in records}) == 5


async def test_a_topic_that_takes_nothing_stops_nobody_else(broker: Kafka, stack: Stack) -> None:
    broken, reader = await broker.reader(), await broker.reader()
    admin = AdminClient(client_settings(stack, KAFKA_ADMIN))
    for future in admin.delete_topics([broken.access["topic"]]).values():
        future.result(timeout=20)
    await broker.world.tell(broken.partner, reader.partner, times=2)

    await broker.publish()

    records = await asyncio.to_thread(reader.read, 2)
    assert [record.position for record in records] == [1, 2]
    health = await broker.world.health(broken.partner, broken.subscription_id)
    assert health["missed"] == 2 and health["failed_in_a_row"] >= 1 and health["last_error"]


async def test_a_new_password_replaces_the_old_one(broker: Kafka) -> None:
    reader = await broker.reader()
    await broker.world.tell(reader.partner)
    await broker.publish()

    place = f"/v1/subscriptions/{reader.subscription_id}/rotate"
    fresh = (await broker.world.done("POST", place, reader.partner))["kafka"]
    assert reader.partner.lender.slug in await broker.provisioner.step()

    assert len(await asyncio.to_thread(Reader(reader.partner, fresh, "").read, 1)) == 1
    with pytest.raises(KafkaException):
        await asyncio.to_thread(AdminClient(reader.settings()).list_topics, timeout=5)
    async with broker.world.db.reading() as conn:
        kept = await conn.fetchval("SELECT sealed_password FROM kafka_access WHERE lender_id = $1", reader.partner.id)
    assert kept is None, "the password lies only in Kafka, as SCRAM"


async def test_a_suspended_lender_is_not_let_into_kafka(broker: Kafka) -> None:
    reader, world = await broker.reader(), broker.world
    await world.tell(reader.partner)
    await broker.publish()
    operator = world.tokens.headers(uuid4(), roles=["operator"])

    answer = await world.http.post(f"/v1/lenders/{reader.partner.id}/suspend", headers=operator)
    assert answer.status_code == 200, answer.text
    assert reader.partner.lender.slug in await broker.provisioner.step()
    with pytest.raises(KafkaException):
        await asyncio.to_thread(AdminClient(reader.settings()).list_topics, timeout=5)

    await world.http.post(f"/v1/lenders/{reader.partner.id}/resume", headers=operator)
    place = f"/v1/subscriptions/{reader.subscription_id}/rotate"
    fresh = (await world.done("POST", place, reader.partner))["kafka"]
    await broker.provisioner.step()
    assert len(await asyncio.to_thread(Reader(reader.partner, fresh, "").read, 1)) == 1


async def test_the_tasks_principal_reads_and_writes_nothing(broker: Kafka, stack: Stack) -> None:
    reader = await broker.reader()
    settings = client_settings(stack, KAFKA_PARTNERS)
    errors: list[KafkaError | None] = []
    producer = Producer(settings | {"message.timeout.ms": 3000, "enable.idempotence": False})
    producer.produce(reader.access["topic"], b"mine", on_delivery=lambda error, _: errors.append(error))
    await asyncio.to_thread(producer.flush, 10)
    consumer = Consumer(settings | {"group.id": "lender.x.y"})
    consumer.subscribe([reader.access["topic"]])
    message = await asyncio.to_thread(consumer.poll, 10)
    consumer.close()

    assert errors and errors[0] is not None
    assert message is not None and message.error() is not None
