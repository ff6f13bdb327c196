"""The relay: every committed event reaches Kafka at least once, and in order per aggregate.

One relay per service is active (a session advisory lock on its own connection). Per topic it keeps a cursor and a list
of holes: ids below the cursor that it did not see. The order of its looks is what makes it safe:

1. read what lies beyond the cursor;
2. note a transaction id of our own for the holes this shows: whoever owns one has a smaller id, because the outbox
   takes its transaction id before its ids;
3. read all holes, the new ones included. Because this look is later than the first, an aggregate's earlier event that
   fills a hole is seen no later than its next one;
4. send all in id order, wait for Kafka, then move the cursor by compare-and-set.

A hole may be forgotten when a look at the oldest running transaction, taken before look 3, is at or above the noted id
(so every possible owner had ended) and look 3 found it still empty. A crash between sending and moving the cursor sends
again; consumers know the ids.
"""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import asyncpg
import structlog

from shared import sql
from shared.db import CONNECTION_LOST, TRANSIENT, connect_alone
from shared.kafka import CONTENT_TYPE, Producer, Record, SendFailed
from shared.pace import Pace, news_within
from shared.sql import Row
from shared.telemetry import EVENTS_PUBLISHED, RELAY_HOLES
from shared.wakes import channel_of

log = structlog.get_logger()
queries = sql.load(__file__, "kernel.sql")

NOT_NOTED = 0
LEAST_SECONDS = 0.02  # between two sends: each is dear to Kafka and to everybody who listens
HOLES_SECONDS = 0.5  # until another look for what may come where an id was passed over
LOCK_NAME = 0x6C756D62  # "lumb": the advisory lock of the active relay; one per database


class LostLeadership(Exception):
    """Somebody else moved the cursor: this relay must stop, and start again from there."""


@dataclass(slots=True)
class Cursor:
    """Where the relay stands on one topic: the last id sent, and the ids below it not seen (with the noted xid)."""

    topic: str
    last_id: int
    holes: dict[int, int]
    version: int
    is_moved: bool = field(default=False)


class Relay:
    """Reads one service's outbox on a connection of its own and sends it."""

    def __init__(
        self, conn: "asyncpg.Connection[Row]", producer: Producer, topics: list[str], *, source: str, most: int = 1000
    ) -> None:
        self.conn = conn
        self.producer = producer
        self.topics = topics
        self.source = source
        self.most = most
        self.cursors: dict[str, Cursor] = {}

    async def load(self) -> None:
        """Read the cursors; what was in memory is forgotten."""
        rows = await queries.relay_cursors.rows(self.conn, topics=self.topics)
        self.cursors = {
            row["topic"]: Cursor(
                row["topic"],
                row["last_id"],
                dict(zip(row["holes"], row["hole_xids"], strict=True)),
                row["version"],
            )
            for row in rows
        }
        missing = set(self.topics) - set(self.cursors)
        assert not missing, f"no outbox cursor for {sorted(missing)}: run the migrations"

    async def confirm(self) -> None:
        """Raises LostLeadership when somebody else moved a cursor: an operator who sends again, another relay."""
        rows = await queries.relay_cursors.rows(self.conn, topics=self.topics)
        for row in rows:
            if row["version"] != self.cursors[row["topic"]].version:
                raise LostLeadership(row["topic"])

    async def step(self) -> int:
        """One look at everything; the number of events sent. Raises SendFailed, LostLeadership or a database error.

        After any exception call `load` before the next step.
        """
        if not self.cursors:
            await self.load()
        # A hole noted at or below this had its last possible owner ended before the looks that follow.
        ended_below = await self.oldest_running() if any(c.holes for c in self.cursors.values()) else NOT_NOTED
        rows = await self.read_new()
        new_holes = self._pass_over(rows)
        if new_holes:
            noted = await self.own_xid()
            for topic, ids in new_holes.items():
                self.cursors[topic].holes.update(dict.fromkeys(ids, noted))
        filled = await self.read_holes()
        await self.producer.send([_record(row, self.source) for row in sorted(rows + filled, key=_position)])
        self._fill(filled)
        self._forget(ended_below)
        await self._store()
        self._count(rows + filled)
        return len(rows) + len(filled)

    async def oldest_running(self) -> int:
        """Every transaction with an id below this has ended."""
        return int(await queries.relay_oldest_running.value(self.conn))

    async def own_xid(self) -> int:
        """A transaction id taken now."""
        return int(await queries.relay_own_xid.value(self.conn))

    async def read_new(self) -> list[Row]:
        """What lies beyond the cursors."""
        return await queries.relay_new.rows(
            self.conn,
            topics=list(self.cursors),
            last_ids=[cursor.last_id for cursor in self.cursors.values()],
            most=self.most,
        )

    async def read_holes(self) -> list[Row]:
        """What has come where there were holes."""
        holes = [(cursor.topic, hole) for cursor in self.cursors.values() for hole in cursor.holes]
        if not holes:
            return []
        return await queries.relay_holes.rows(self.conn, topics=[t for t, _ in holes], ids=[i for _, i in holes])

    def is_forgettable(self, noted: int, ended_below: int) -> bool:
        """Whether every transaction that might own a hole had ended before it was last found empty."""
        return noted != NOT_NOTED and noted <= ended_below

    def _pass_over(self, rows: list[Row]) -> dict[str, list[int]]:
        """Move the cursors beyond `rows`; the ids between that are not among them."""
        by_topic: dict[str, set[int]] = defaultdict(set)
        for row in rows:
            by_topic[row["topic"]].add(row["id"])
        new_holes: dict[str, list[int]] = {}
        for topic, ids in by_topic.items():
            cursor = self.cursors[topic]
            reached = max(ids)
            missing = [i for i in range(cursor.last_id + 1, reached) if i not in ids]
            cursor.last_id, cursor.is_moved = reached, True
            if missing:
                new_holes[topic] = missing
        return new_holes

    def _fill(self, filled: list[Row]) -> None:
        for row in filled:
            cursor = self.cursors[row["topic"]]
            del cursor.holes[row["id"]]
            cursor.is_moved = True

    def _forget(self, ended_below: int) -> None:
        for cursor in self.cursors.values():
            kept = {hole: noted for hole, noted in cursor.holes.items() if not self.is_forgettable(noted, ended_below)}
            if len(kept) < len(cursor.holes):
                cursor.holes, cursor.is_moved = kept, True

    async def _store(self) -> None:
        for cursor in self.cursors.values():
            if cursor.is_moved:
                moved = await queries.relay_advance.run(
                    self.conn,
                    topic=cursor.topic,
                    last_id=cursor.last_id,
                    holes=list(cursor.holes),
                    hole_xids=list(cursor.holes.values()),
                    version=cursor.version,
                )
                if moved != 1:
                    raise LostLeadership(cursor.topic)
                cursor.version += 1
                cursor.is_moved = False

    def _count(self, rows: list[Row]) -> None:
        for topic, count in Counter(row["topic"] for row in rows).items():
            EVENTS_PUBLISHED.labels(topic).inc(count)
        for cursor in self.cursors.values():
            RELAY_HOLES.labels(cursor.topic).set(len(cursor.holes))


def _position(row: Row) -> tuple[str, int]:
    return row["topic"], row["id"]


def _record(row: Row, source: str) -> Record:
    """Binary-mode CloudEvents 1.0: the value is the data as stored, the attributes are headers."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(row["event_id"]).encode()),
        ("ce_source", source.encode()),
        ("ce_type", row["type"].encode()),
        ("ce_time", row["occurred_at"].isoformat().encode()),
        ("ce_subject", row["ordering_key"].encode()),
        ("content-type", CONTENT_TYPE),
    ]
    if row["traceparent"]:
        headers.append(("traceparent", row["traceparent"].encode()))
    return Record(row["topic"], row["record_key"].encode(), row["data"].encode(), headers)


class RelayRunner:
    """Keeps one relay active for a service: waits for the lock, runs steps, starts again after any failure.

    Woken by `wake` (a commit in this process) or by another process (see wakes.py); looks every
    `poll_seconds` all the same.
    """

    def __init__(
        self, dsn: str, producer: Producer, topics: list[str], *, source: str, poll_seconds: float = 2.0
    ) -> None:
        self.dsn = dsn
        self.producer = producer
        self.topics = topics
        self.source = source
        self.poll_seconds = poll_seconds
        self.is_active = False
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Something was appended."""
        self._news.set()

    async def run_forever(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                await self._lead()
            except LostLeadership:
                log.warning("relay_lost_leadership", source=self.source)
            except SendFailed as error:
                log.warning("relay_send_failed", source=self.source, error=str(error))
            except TRANSIENT as error:
                log.warning("relay_database_trouble", source=self.source, error=f"{type(error).__name__}: {error}")
            finally:
                self.is_active = False
            await asyncio.sleep(1)

    async def _lead(self) -> None:
        conn = await connect_alone(self.dsn, name=f"{self.source}-relay")
        try:
            while not await conn.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_NAME):
                await asyncio.sleep(2)
            self.is_active = True
            log.info("relay_leads", source=self.source, topics=self.topics)
            await conn.add_listener(channel_of("events"), lambda *_: self._news.set())
            relay = Relay(conn, self.producer, self.topics, source=self.source)
            await self._run(relay)
        finally:
            await _close(conn)

    async def _run(self, relay: Relay) -> None:
        pace = Pace()
        while True:
            self._news.clear()
            sent = await relay.step()
            if sent >= relay.most:
                continue  # there is more
            await pace.breathe(sent, least_seconds=LEAST_SECONDS)
            has_holes = any(cursor.holes for cursor in relay.cursors.values())
            if not await news_within(self._news, HOLES_SECONDS if has_holes else self.poll_seconds):
                await relay.confirm()  # idle: the time to see that our cursors are still ours


async def _close(conn: "asyncpg.Connection[Row]") -> None:
    try:
        await conn.close(timeout=3)
    except (*CONNECTION_LOST, TimeoutError):
        conn.terminate()
