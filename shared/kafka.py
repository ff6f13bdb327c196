"""Kafka behind one module: the only importer of aiokafka, with its unsafe defaults replaced.

acks=all, idempotence, no auto-commit, earliest; one batch per partition in flight, large and compressed. An idempotent
producer can be poisoned by an outage (aiokafka #1017, #1101): `Producer` throws it away after any failure and the
caller sends again from the outbox. Tasks of aiokafka can die of a lost connection (#1038): see `_Connection`.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypeAlias
from uuid import UUID

import aiokafka.conn
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
    RebalanceInProgressError,
)
from aiokafka.partitioner import murmur2
from aiokafka.structs import ConsumerRecord, RecordMetadata

from shared.contracts.base import Delivery

log = structlog.get_logger()

CONTENT_TYPE = b"application/json"
# How long Kafka may hold a fetch that has nothing. Meanwhile aiokafka asks for no other partition: long is cheap
# when nothing happens, short is quick when some partitions are idle and others are not.
FETCH_WAIT_BUSY_MS, FETCH_WAIT_QUIET_MS = 200, 2_000
QUIET_AFTER_SECONDS = 10.0
# What lies ready came while we worked, and more has come since: aiokafka asks for it only when the first is taken.
AT_ONCE_SECONDS, GATHER_MS = 0.001, 3
POLL_INTERVAL_MAX_MS = 24 * 3600 * 1000  # our own watchdog looks at polls; a member that Kafka idles out never rejoins


class _Connection(AIOKafkaConnection):  # type: ignore[misc]  # aiokafka has no types
    """Says that it is broken when it is written to after it broke, as aiokafka expects.

    uvloop raises a RuntimeError then, and aiokafka looks for an OSError (its issue #1038): the task that was to renew
    its metadata, for one, died of it unseen, and what waited for that waited for ever.
    """

    def send(self, request: object, expect_response: bool = True) -> object:
        """The answer to come. Raises KafkaError."""
        try:
            return super().send(request, expect_response)
        except KafkaError:
            raise
        except RuntimeError as error:
            self.close(reason=CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"{self}: {error}") from error


aiokafka.conn.AIOKafkaConnection = _Connection  # by this name it makes all its connections


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """Where Kafka is and who we are there."""

    bootstrap: str
    username: str
    password: str

    def options(self) -> dict[str, object]:
        """What every client needs."""
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }


@dataclass(frozen=True, slots=True)
class Record:
    """A record to be sent: binary-mode CloudEvents."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class SendFailed(Exception):
    """Not every record was acknowledged; send all of them again."""


class Producer:
    """Sends batches; all acknowledged or SendFailed."""

    def __init__(self, access: KafkaAccess, *, client_id: str, timeout_seconds: float = 30) -> None:
        self._access = access
        self._client_id = client_id
        self._timeout_seconds = timeout_seconds
        self._producer: AIOKafkaProducer | None = None
        self._stopping: set[asyncio.Task[None]] = set()

    async def send(self, records: list[Record]) -> None:
        """Send in order and wait until Kafka has acknowledged every record. Raises SendFailed."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                producer = await self._started()
                for outcome in await asyncio.gather(*await _in_batches(producer, records), return_exceptions=True):
                    if isinstance(outcome, BaseException):
                        raise outcome
        except (KafkaError, TimeoutError, OSError) as error:
            self._throw_away()
            raise SendFailed(f"{type(error).__name__}: {error}") from error
        except asyncio.CancelledError:
            self._throw_away()
            raise

    async def close(self) -> None:
        """Stop, waiting a few seconds at most."""
        self._throw_away()
        if self._stopping:
            await asyncio.wait(self._stopping, timeout=5)

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self._access.options(),
                client_id=self._client_id,
                acks="all",
                enable_idempotence=True,
                compression_type="snappy",  # aiokafka's lz4 is at its slowest level: ten times the cost, hardly smaller
                max_batch_size=262_144,
                linger_ms=2,
                request_timeout_ms=15_000,
            )
            try:
                await producer.start()
            except BaseException:
                self._stop_in_background(producer)
                raise
            self._producer = producer
        return self._producer

    def _throw_away(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            self._stop_in_background(producer)

    def _stop_in_background(self, producer: AIOKafkaProducer) -> None:
        task = asyncio.create_task(_stop(producer))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)


async def _in_batches(producer: AIOKafkaProducer, records: list[Record]) -> list["asyncio.Future[RecordMetadata]"]:
    """Queue the records for sending, in order, a batch per partition: far cheaper than record by record."""
    sent = []
    for (topic, partition), queue in (await _by_partition(producer, records)).items():
        batch = producer.create_batch()
        for record in queue:
            if batch.append(key=record.key, value=record.value, timestamp=None, headers=record.headers) is None:  # full
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(key=record.key, value=record.value, timestamp=None, headers=record.headers)
        sent.append(await producer.send_batch(batch, topic, partition=partition))
    return sent


async def _by_partition(producer: AIOKafkaProducer, records: list[Record]) -> dict[tuple[str, int], list[Record]]:
    """The records in the partitions that every Kafka client would choose for their keys."""
    sizes = {topic: len(await producer.partitions_for(topic)) for topic in {record.topic for record in records}}
    queues: dict[tuple[str, int], list[Record]] = defaultdict(list)
    for record in records:
        queues[record.topic, (_hash_of(record.key) & 0x7FFF_FFFF) % sizes[record.topic]].append(record)
    return queues


@lru_cache(maxsize=8192)  # the events of one aggregate follow each other, and hashing is slow
def _hash_of(key: bytes) -> int:
    return int(murmur2(key))


async def _stop(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    """Stop a client that may hang."""
    try:
        async with asyncio.timeout(5):
            await client.stop()
    except (KafkaError, TimeoutError, OSError, asyncio.CancelledError) as error:
        log.info("kafka_client_not_stopped", error=str(error))


Offsets: TypeAlias = dict[TopicPartition, int]


@dataclass(slots=True)
class Polled:
    """What a poll brought: deliveries, the offsets to commit once they are dealt with, and what nobody here handles."""

    deliveries: list[Delivery]
    offsets: Offsets
    unhandled: int


class Consumer:
    """Reads the topics of one handler group; offsets are committed only when asked.

    With an `instance` (static membership, KIP-345) a process that was killed takes its own place in the group again at
    once; without one the group waits for the dead member's session to run out.
    """

    def __init__(
        self,
        access: KafkaAccess,
        *,
        group_id: str,
        client_id: str,
        topics: Iterable[str],
        types: Iterable[str],
        instance: str = "",
    ) -> None:
        self.topics = sorted(topics)
        self.types = frozenset(name.encode() for name in types)
        self._stalled: dict[TopicPartition, int] = {}
        self._last_record_at = time.monotonic()
        self._consumer = AIOKafkaConsumer(
            *self.topics,
            **access.options(),
            group_id=group_id,
            group_instance_id=f"{group_id}.{instance}" if instance else None,
            client_id=client_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_interval_ms=POLL_INTERVAL_MAX_MS,
            session_timeout_ms=30_000,
            heartbeat_interval_ms=3_000,
            max_partition_fetch_bytes=2 * 1024 * 1024,
            fetch_max_wait_ms=FETCH_WAIT_BUSY_MS,
        )

    async def start(self) -> None:
        """Join the group. Raises KafkaError when the broker cannot be reached."""
        try:
            await self._consumer.start()
        except BaseException:
            await _stop(self._consumer)
            raise

    async def close(self) -> None:
        """Leave the group."""
        await _stop(self._consumer)

    async def poll(self, *, wait_seconds: float, most: int) -> Polled:
        """What has come, in order per partition. Records of a type that nobody here handles are only counted.

        A record that is no CloudEvent of ours comes as a Delivery of type "" and an all-zero id.
        """
        began = time.monotonic()
        polled = Polled([], {}, 0)
        self._take(polled, await self._consumer.getmany(timeout_ms=int(wait_seconds * 1000), max_records=most))
        count = len(polled.deliveries) + polled.unhandled
        if 0 < count < most and time.monotonic() - began < AT_ONCE_SECONDS:
            self._take(polled, await self._consumer.getmany(timeout_ms=GATHER_MS, max_records=most - count))
        self._wait_as_busy_as_it_is(bool(polled.offsets))
        return polled

    def _take(self, polled: Polled, batches: Mapping[TopicPartition, list[ConsumerRecord[bytes, bytes]]]) -> None:
        for partition, records in batches.items():
            for record in records:
                kind = next((value for name, value in record.headers if name == "ce_type"), None)
                if kind is None or kind in self.types:
                    polled.deliveries.append(_delivery(record))
                else:
                    polled.unhandled += 1
            if records:
                polled.offsets[partition] = records[-1].offset + 1

    def _wait_as_busy_as_it_is(self, has_records: bool) -> None:
        """aiokafka takes the wait only when it starts; its fetcher reads this attribute for each fetch."""
        now = time.monotonic()
        if has_records:
            self._last_record_at = now
        is_quiet = now - self._last_record_at > QUIET_AFTER_SECONDS
        self._consumer._fetcher._fetch_max_wait_ms = FETCH_WAIT_QUIET_MS if is_quiet else FETCH_WAIT_BUSY_MS

    async def commit(self, offsets: Offsets) -> None:
        """Commit; a rebalance that came between makes the records come again, which the inbox knows."""
        mine = self._consumer.assignment()
        try:
            await self._consumer.commit(
                {partition: offset for partition, offset in offsets.items() if partition in mine}
            )
        except (CommitFailedError, IllegalStateError, RebalanceInProgressError) as error:
            log.info("offsets_not_committed", error=str(error))

    async def check_for_stall(self) -> None:
        """After a silence: raises TimeoutError when there are records that polls do not bring (aiokafka #1154)."""
        partitions = list(self._consumer.assignment())
        if not partitions:
            return
        ends = await self._consumer.end_offsets(partitions)
        positions = {partition: await self._consumer.position(partition) for partition in partitions}
        behind = {partition: position for partition, position in positions.items() if position < ends[partition]}
        if behind and behind == {partition: self._stalled.get(partition) for partition in behind}:
            raise TimeoutError(f"no records come although {sorted(p.topic for p in behind)} has some")
        self._stalled = behind


_NOBODY = UUID(int=0)


def _text(header: bytes | None) -> str:
    """A header as text that PostgreSQL can hold; Kafka allows headers without a value. Raises TypeError, ValueError."""
    if header is None:
        raise TypeError("a header has no value")
    text = header.decode()
    if "\0" in text:
        raise ValueError("a header holds a NUL")
    return text


def _key_text(record: ConsumerRecord[bytes, bytes]) -> str:
    return (record.key or b"").decode(errors="replace").replace("\0", "\ufffd")


def _delivery(record: ConsumerRecord[bytes, bytes]) -> Delivery:
    headers = dict(record.headers)
    try:
        return Delivery(
            event_id=UUID(_text(headers["ce_id"])),
            source=_text(headers["ce_source"]),
            type=_text(headers["ce_type"]),
            occurred_at=datetime.fromisoformat(_text(headers["ce_time"])),
            ordering_key=_text(headers["ce_subject"]),
            traceparent=_text(headers["traceparent"]) if headers.get("traceparent") else None,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            record_key=_key_text(record),
            data=record.value or b"",
        )
    except (KeyError, TypeError, ValueError):
        return Delivery(
            event_id=_NOBODY,
            source="",
            type="",
            occurred_at=datetime.fromtimestamp(record.timestamp / 1000).astimezone(),
            ordering_key="",
            traceparent=None,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            record_key=_key_text(record),
            data=record.value or b"",
        )
