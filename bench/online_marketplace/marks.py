"""Completion marks: the driver listens to `lumbung.orders` and `lumbung.stock` as any outside consumer may.

`stock_committed` of an order is its SUCCESS (its parcels were written with the order); `order_cancelled` is its
NOT_ACCEPTED. Headers say all that is needed: no payload is parsed.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from deploy.local.stack import KAFKA_OBSERVER, Stack
from shared.kafka import KafkaAccess

TOPICS = ("lumbung.orders", "lumbung.stock")
COMMITTED, CANCELLED = "catalog.stock_committed.v1", "orders.order_cancelled.v1"


class Marks:
    """Waits for marks by order; `heard` is called with every record's order, type and value."""

    def __init__(self, stack: Stack, heard: Callable[[str, str, bytes], None]) -> None:
        self._access = KafkaAccess(stack.kafka_bootstrap, *stack.kafka_user(KAFKA_OBSERVER))
        self._heard = heard
        self._waiting: dict[str, asyncio.Future[tuple[str, float]]] = {}
        self._early: dict[str, tuple[str, float]] = {}
        self._task: asyncio.Task[None] | None = None
        self._ids: set[bytes] = set()

    async def start(self) -> None:
        """Listen from now on; returns when the position is known."""
        consumer = await self._consumer()
        self._task = asyncio.create_task(self._listen(consumer))

    async def stop(self) -> None:
        """Stop listening."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def of(self, order_id: str, *, within_seconds: float) -> tuple[str, float] | None:
        """The mark of an order and when it came; None when there is none in time."""
        if order_id in self._early:
            return self._early.pop(order_id)
        future: asyncio.Future[tuple[str, float]] = asyncio.get_running_loop().create_future()
        self._waiting[order_id] = future
        try:
            async with asyncio.timeout(within_seconds):
                return await future
        except TimeoutError:
            return None
        finally:
            del self._waiting[order_id]

    async def _consumer(self) -> Any:
        options: dict[str, Any] = self._access.options()
        consumer = AIOKafkaConsumer(
            *TOPICS, **options, group_id=None, enable_auto_commit=False, fetch_max_wait_ms=20, check_crcs=False
        )
        await consumer.start()  # without a group every partition is assigned at once
        await consumer.seek_to_end()
        for partition in consumer.assignment():
            await consumer.position(partition)
        return consumer

    async def _listen(self, consumer: Any) -> None:
        try:
            while True:
                try:
                    batches = await consumer.getmany(timeout_ms=1000)
                except KafkaError:
                    await asyncio.sleep(0.2)  # the broker was killed on purpose: the same position is asked for again
                    continue
                now = time.monotonic()
                for records in batches.values():
                    for record in records:
                        self._take(record, now)
        finally:
            await consumer.stop()

    def _take(self, record: Any, now: float) -> None:
        headers = dict(record.headers)
        event_id = headers["ce_id"]
        if event_id in self._ids:
            return  # at least once is what Kafka gives; a repeat is no second fact
        self._ids.add(event_id)
        kind, order_id = headers["ce_type"].decode(), record.key.decode()
        self._heard(order_id, kind, record.value)
        if kind not in (COMMITTED, CANCELLED):
            return
        waiting = self._waiting.get(order_id)
        if waiting is None:
            self._early[order_id] = (kind, now)
        elif not waiting.done():
            waiting.set_result((kind, now))
