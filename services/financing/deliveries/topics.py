"""Lenders' Kafka topics: each gets its lender's log in the order of positions.

One process leads (an advisory lock on its own connection). What lies beyond the cursors is sent, Kafka acknowledges
all of it, then the cursors move; killed in between, the same events come again with the same ids. A topic that takes
nothing is tried apart from the others, with growing pauses.
"""

import asyncio
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from uuid import UUID

import asyncpg
import structlog

from services.financing.domain.lender_events import LenderEvent
from services.financing.domain.partner_names import topic_of
from services.financing.running import News
from services.financing.store.partner import event_of, queries
from shared.db import TRANSIENT, connect_alone
from shared.kafka import Producer, Record, SendFailed
from shared.pace import Pace, news_within
from shared.sql import Row
from shared.telemetry import EVENTS_PUBLISHED

log = structlog.get_logger()

LOCK = 0x6C656E64  # "lend": the advisory lock of the process that leads; one per database
LEAD_SECONDS = 2.0  # between two tries to lead
POLL_SECONDS = 1.0
FAILING_SECONDS = 2.0
EVENTS_AT_ONCE = 200
RECORDS_AT_ONCE = 1000
PAUSE_SECONDS_MAX = 30.0


@dataclass(slots=True)
class Portion:
    """What one topic is to get now."""

    subscription_id: UUID
    topic: str
    start: int
    failed: int
    position: int = 0
    records: list[Record] = field(default_factory=list)


class Topics:
    """Publishes for all Kafka subscriptions."""

    def __init__(self, dsn: str, producer: Producer, cautious: Producer, news: News) -> None:
        self._dsn = dsn
        self._producer = producer
        self._cautious = cautious  # for topics that failed: its timeouts hold up nobody else
        self._news = asyncio.Event()
        news.bells.append(self._news.set)

    async def run_forever(self) -> None:
        """Run until cancelled; lead whenever nobody else does."""
        while True:
            try:
                await self._lead()
            except TRANSIENT as error:
                log.warning("topics_database_trouble", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(1)

    async def _lead(self) -> None:
        conn = await connect_alone(self._dsn, name="financing-topics")
        try:
            while not await queries.try_to_lead.value(conn, lock=LOCK):
                await asyncio.sleep(LEAD_SECONDS)
            failing = asyncio.create_task(self._try_failing_ones())
            try:
                await self._publish(conn)
            finally:
                failing.cancel()
        finally:
            conn.terminate()

    async def _publish(self, conn: "asyncpg.Connection[Row]") -> None:
        pace = Pace()
        while True:
            self._news.clear()
            sent = await self.step(conn)
            if sent < RECORDS_AT_ONCE:
                await pace.breathe(sent)
                await news_within(self._news, POLL_SECONDS)

    async def _try_failing_ones(self) -> None:
        """Beside the others and on a connection of its own, so that their timeouts are waited for by nobody else."""
        while True:
            try:
                conn = await connect_alone(self._dsn, name="financing-failing-topics")
                try:
                    while True:
                        if not await self.step(conn, is_failing=True):
                            await asyncio.sleep(FAILING_SECONDS)
                finally:
                    conn.terminate()
            except TRANSIENT as error:
                log.warning("topics_database_trouble", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(1)

    async def step(self, conn: "asyncpg.Connection[Row]", *, is_failing: bool = False) -> int:
        """Send what is due, to topics that work or to one that fails; how many positions were passed."""
        rows = await queries.behind_on_kafka.rows(
            conn,
            is_failing=is_failing,
            events=EVENTS_AT_ONCE,
            most=1 if is_failing else RECORDS_AT_ONCE,
        )
        if not rows:
            return 0
        portions = [_portion(list(group)) for _, group in groupby(rows, key=itemgetter("subscription_id"))]
        try:
            producer = self._cautious if is_failing else self._producer
            await producer.send([record for portion in portions for record in portion.records])
        except SendFailed as error:
            portions = await self._one_by_one(conn, portions, str(error))
        if portions:
            await self._advance(conn, portions)
        return len(rows)

    async def _one_by_one(self, conn: "asyncpg.Connection[Row]", portions: list[Portion], why: str) -> list[Portion]:
        """Find who cannot be sent to; the others' portions are sent."""
        sent = []
        for portion in portions:
            try:
                if len(portions) == 1:
                    raise SendFailed(why)
                await self._cautious.send(portion.records)
            except SendFailed as error:
                log.warning("topic_takes_nothing", topic=portion.topic, error=str(error))
                await queries.postpone_on_kafka.run(
                    conn,
                    subscription_id=portion.subscription_id,
                    error=str(error)[:500],
                    delay_seconds=min(PAUSE_SECONDS_MAX, 2.0**portion.failed),
                )
            else:
                sent.append(portion)
        return sent

    async def _advance(self, conn: "asyncpg.Connection[Row]", portions: list[Portion]) -> None:
        await queries.advance_on_kafka.run(
            conn,
            subscription_ids=[portion.subscription_id for portion in portions],
            starts=[portion.start for portion in portions],
            positions=[portion.position for portion in portions],
            delivered=[len(portion.records) for portion in portions],
        )
        EVENTS_PUBLISHED.labels("lending").inc(sum(len(portion.records) for portion in portions))


def _portion(rows: list[Row]) -> Portion:
    first = rows[0]
    portion = Portion(first["subscription_id"], topic_of(first["slug"]), first["start"], first["failed_in_a_row"])
    for row in rows:
        portion.position = row["position"]
        if not row["types"] or row["type"] in row["types"]:
            portion.records.append(_record(portion.topic, event_of(row)))
    return portion


def _record(topic: str, event: LenderEvent) -> Record:
    return Record(topic, event.subject.encode(), event.data.encode(), event.as_headers())
