"""Schedules of writers and a relay, driven step by step, and the check of what they left in Kafka.

The steps of all writers and every look of the relay are interleaved by one seeded random walk, so that a failing seed
fails again. Writers run on connections of their own; one that waits for a row lock waits as a task.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared import outbox
from shared.clock import utc_now
from shared.db import Connection, connect_alone
from shared.ids import new_id
from shared.kafka import KafkaAccess, Producer, Record
from shared.outbox import Outgoing
from shared.relay import Relay
from shared.sql import Row
from shared.testing import eventually
from tests.kernel.events import TOPIC, CounterRaised

BLOCKED_SECONDS = 5.0
Between = Callable[[str], Awaitable[None]]


class Broken(AssertionError):
    """What reached Kafka is not what was committed."""


class Crashed(Exception):
    """The relay's process died here."""


async def go_on(_: str) -> None:
    """Nothing happens in between."""


def once_at(where: str, action: Callable[[], Awaitable[None]]) -> Between:
    """`action` happens the first time that the relay is there."""
    places = [where]

    async def between(here: str) -> None:
        if here in places:
            places.remove(here)
            await action()

    return between


class Log:
    """Where each event first stands in the Kafka topic."""

    def __init__(self, access: KafkaAccess) -> None:
        self._consumer = AIOKafkaConsumer(**access.options(), enable_auto_commit=False, fetch_max_wait_ms=50)
        self._partitions = [TopicPartition(TOPIC.name, number) for number in range(TOPIC.partitions)]
        self.first: dict[UUID, tuple[int, int]] = {}
        self.copies: Counter[UUID] = Counter()

    async def start(self) -> None:
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        await self._consumer.seek_to_end(*self._partitions)
        for partition in self._partitions:
            await self._consumer.position(partition)

    async def close(self) -> None:
        await self._consumer.stop()

    async def catch_up(self) -> None:
        """Read all that is there now."""
        ends = await self._consumer.end_offsets(self._partitions)
        async with asyncio.timeout(20):
            while any([await self._consumer.position(p) < ends[p] for p in self._partitions]):
                for partition, records in (await self._consumer.getmany(timeout_ms=50)).items():
                    for record in records:
                        event_id = UUID(dict(record.headers)["ce_id"].decode())
                        self.copies[event_id] += 1
                        self.first.setdefault(event_id, (partition.partition, record.offset))


class TappedProducer(Producer):
    """Sends for real, with something happening before and after."""

    between: Between = staticmethod(go_on)

    async def send(self, records: list[Record]) -> None:
        await self.between("before send")
        await super().send(records)
        await self.between("after send")


class TappedRelay(Relay):
    """The relay, with something happening around each of its looks."""

    between: Between = staticmethod(go_on)

    async def oldest_running(self) -> int:
        await self.between("before oldest_running")
        oldest = await super().oldest_running()
        await self.between("after oldest_running")
        return oldest

    async def read_new(self) -> list[Row]:
        await self.between("before read_new")
        rows = await super().read_new()
        await self.between("after read_new")
        return rows

    async def own_xid(self) -> int:
        xid = await super().own_xid()
        await self.between("after own_xid")
        return xid

    async def read_holes(self) -> list[Row]:
        await self.between("before read_holes")
        rows = await super().read_holes()
        await self.between("after read_holes")
        return rows

    async def _store(self) -> None:
        await self.between("before store")
        await super()._store()
        await self.between("after store")


@dataclass
class Ledger:
    """What writers did, to compare with Kafka."""

    committed: dict[UUID, CounterRaised] = field(default_factory=dict)
    rolled_back: set[UUID] = field(default_factory=set)

    def check(self, log: Log) -> None:
        """Raises Broken when something is lost, invented, or out of its counter's order."""
        if lost := [event for event_id, event in self.committed.items() if event_id not in log.first]:
            raise Broken(f"{len(lost)} committed events never reached Kafka: {lost}")
        if invented := self.rolled_back & log.first.keys():
            raise Broken(f"{len(invented)} events reached Kafka that were rolled back")
        in_order: dict[UUID, list[int]] = defaultdict(list)
        for event_id in sorted(self.committed, key=lambda event_id: log.first[event_id]):
            event = self.committed[event_id]
            in_order[event.counter_id].append(event.number)
        for counter_id, numbers in in_order.items():
            if numbers != sorted(numbers):
                raise Broken(f"the events of {counter_id} came in the order {numbers}")


class Writer:
    """One connection that changes counters and publishes, a step at a time."""

    def __init__(self, raw: "asyncpg.Connection[Row]", ledger: Ledger) -> None:
        self.raw = raw
        self.ledger = ledger
        self.events: list[CounterRaised] = []
        self.written: list[Outgoing] = []
        self.ids: list[int] = []

    async def begin(self) -> None:
        await self.raw.execute("BEGIN")

    async def raise_counter(self, counter_id: UUID) -> None:
        """Lock the counter and raise it; this is the commit order of its events."""
        number = await self.raw.fetchval(
            "UPDATE counters SET number = number + 1 WHERE counter_id = $1 RETURNING number", counter_id
        )
        self.events.append(CounterRaised(counter_id=counter_id, number=number))

    async def note(self) -> None:
        """A fact about a counter of its own: no row is locked, so no transaction id is taken yet."""
        self.events.append(CounterRaised(counter_id=uuid4(), number=1))

    async def write(self) -> None:
        """Append to the outbox as every service does."""
        self.written = [Outgoing(new_id(), event, utc_now(), None) for event in self.events]
        await outbox.write(Connection(self.raw, in_transaction=True), self.written, source="kernel")

    async def xid(self) -> int:
        """Its transaction id."""
        return int(await self.raw.fetchval("SELECT pg_current_xact_id()::text::bigint"))

    async def take_ids(self) -> None:
        """Planted fault: the ids come in a statement of their own, before any transaction id."""
        self.ids = [await self.raw.fetchval(f"SELECT nextval('\"outbox_id_{TOPIC.name}\"')") for _ in self.events]

    async def write_with_ids(self) -> None:
        """Planted fault, second half: the rows come later."""
        self.written = [Outgoing(new_id(), event, utc_now(), None) for event in self.events]
        for number, outgoing in zip(self.ids, self.written, strict=True):
            await self.raw.execute(
                "INSERT INTO outbox (topic, id, xid, event_id, type, record_key, ordering_key, occurred_at, data)"
                " VALUES ($1, $2, pg_current_xact_id(), $3, $4, $5, $5, $6, $7::text::json)",
                *(TOPIC.name, number, outgoing.event_id, outgoing.event.declaration.type),
                *(outgoing.event.record_key, outgoing.occurred_at, outgoing.event.model_dump_json()),
            )

    async def commit(self) -> None:
        await self.raw.execute("COMMIT")
        for outgoing in self.written:
            assert isinstance(outgoing.event, CounterRaised)
            self.ledger.committed[outgoing.event_id] = outgoing.event
        self._forget()

    async def roll_back(self) -> None:
        await self.raw.execute("ROLLBACK")
        self.ledger.rolled_back |= {outgoing.event_id for outgoing in self.written}
        self._forget()

    async def idle(self) -> None:
        """A turn that passes."""

    def _forget(self) -> None:
        self.events, self.written, self.ids = [], [], []


class Stage:
    """The connections that schedules play on: writers, a relay, a reader of Kafka."""

    def __init__(self, dsn: str, access: KafkaAccess) -> None:
        self.dsn = dsn
        self.log = Log(access)
        self.producer = TappedProducer(access, client_id="kernel-schedules")
        self.raws: list[asyncpg.Connection[Row]] = []
        self.ledger = Ledger()

    async def start(self, *, writers: int = 4) -> None:
        self.raws = [await connect_alone(self.dsn, name="kernel-schedules") for _ in range(writers + 1)]
        for raw in self.raws:
            await raw.execute("SET synchronous_commit = off; SET lock_timeout = 0")
        await self.log.start()

    async def close(self) -> None:
        for raw in self.raws:
            await raw.close()
        await self.producer.close()
        await self.log.close()

    def writers(self) -> list[Writer]:
        """Writers of a new schedule, with a new ledger."""
        self.ledger = Ledger()
        return [Writer(raw, self.ledger) for raw in self.raws[1:]]

    async def relay(self, kind: type[TappedRelay], between: Between = go_on, *, most: int = 500) -> TappedRelay:
        """A relay that has just started."""
        relay = kind(self.raws[0], self.producer, [TOPIC.name], source="kernel", most=most)
        relay.between = self.producer.between = between
        await relay.load()
        return relay

    async def new_counters(self, count: int) -> list[UUID]:
        ids = sorted(uuid4() for _ in range(count))
        await self.raws[0].execute("INSERT INTO counters (counter_id) SELECT unnest($1::uuid[])", ids)
        return ids

    async def everything_ended_below(self, xid: int) -> None:
        """Wait for transactions that others began on this server before ours."""

        async def look() -> bool:
            return bool(
                await self.raws[0].fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint") >= xid
            )

        await eventually(look, within_seconds=40, every_seconds=0.01, what="the end of older transactions")

    async def drain_and_check(self, relay: TappedRelay) -> None:
        """All transactions have ended: let the relay come to its end, and compare. Raises Broken."""
        relay.between = self.producer.between = go_on
        await relay.load()
        while await relay.step():
            pass
        await self.log.catch_up()
        self.ledger.check(self.log)


@dataclass
class Actor:
    """A writer in a random schedule: what it has still to do in its transaction, and what it waits for."""

    writer: Writer
    steps: Iterator[tuple[str, UUID | None]] | None = None
    blocked_on: UUID | None = None
    task: "asyncio.Task[None] | None" = None
    holds: set[UUID] = field(default_factory=set)


class Walk:
    """One random schedule."""

    def __init__(self, stage: Stage, seed: int, relay_kind: type[TappedRelay], *, ids_first: bool = False) -> None:
        self.stage = stage
        self.random = random.Random(seed)
        self.relay_kind = relay_kind
        self.ids_first = ids_first
        self.actors: list[Actor] = []
        self.counters: list[UUID] = []
        self.transactions_left = self.random.randint(4, 12)
        self.pace = self.random.choice([1, 1, 3, 8])  # how much writers do while the relay takes one step
        self.eagerness = self.random.choice([0, 0.5, 0.9])  # how often a writer goes on before others have a turn
        self.crashes_left = self.random.choice([0, 0, 1, 2])

    async def play(self) -> None:
        """Run it to its end and check. Raises Broken."""
        self.counters = await self.stage.new_counters(self.random.randint(1, 3))
        self.actors = [Actor(writer) for writer in self.stage.writers()]
        most = self.random.choice([1, 2, 5, 500])
        relay = await self.stage.relay(self.relay_kind, self._between, most=most)
        try:
            while self.transactions_left or any(actor.steps for actor in self.actors):
                await self._writers_go_on(self.random.randint(0, 6 * self.pace))
                try:
                    await relay.step()
                except Crashed:
                    relay = await self.stage.relay(self.relay_kind, self._between, most=most)
            await self.stage.drain_and_check(relay)
        finally:
            await self._tidy_up()

    async def _between(self, where: str) -> None:
        await self._writers_go_on(self.random.choice([0, 0, 0, 1, 2, 4, 8]))
        if self.crashes_left and self.random.random() < (0.2 if where == "after send" else 0.02):
            self.crashes_left -= 1
            raise Crashed(where)

    async def _writers_go_on(self, steps: int) -> None:
        for _ in range(steps):
            able = [a for a in self.actors if a.blocked_on is None and (a.steps or self.transactions_left)]
            if not able:
                return
            actor = self.random.choice(able)
            await self._step(actor)
            while self.random.random() < self.eagerness and actor.steps and actor.blocked_on is None:
                await self._step(actor)

    async def _step(self, actor: Actor) -> None:
        if actor.steps is None:
            self.transactions_left -= 1
            actor.steps = iter(self._transaction())
        what, counter_id = next(actor.steps)
        if what == "raise" and counter_id is not None:
            task = asyncio.create_task(actor.writer.raise_counter(counter_id))
            if any(counter_id in other.holds for other in self.actors if other is not actor):
                actor.task, actor.blocked_on = task, counter_id
            else:
                await task
                actor.holds.add(counter_id)
        else:
            await getattr(actor.writer, what)()
            if what in ("commit", "roll_back"):
                actor.steps = None
                await self._let_go(actor)

    async def _let_go(self, actor: Actor) -> None:
        """Whoever waits first for a counter that is free now goes on."""
        for counter_id in sorted(actor.holds):
            waiting = {a.task: a for a in self.actors if a.blocked_on == counter_id and a.task is not None}
            actor.holds.discard(counter_id)
            if waiting:
                done, _ = await asyncio.wait(waiting, timeout=BLOCKED_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                assert done, "nobody got the row that was let go"
                for task in done:
                    await task
                    lucky = waiting[task]
                    lucky.holds.add(counter_id)
                    lucky.blocked_on = lucky.task = None

    def _transaction(self) -> list[tuple[str, UUID | None]]:
        """A transaction as steps; `idle` is a turn that passes, in which others do something."""
        idle: list[tuple[str, UUID | None]] = [("idle", None)]
        steps: list[tuple[str, UUID | None]] = [("begin", None)]
        alone = self.random.random() < (0.6 if self.ids_first else 0.25)
        if alone:
            steps.append(("note", None))
        else:
            chosen = self.random.sample(self.counters, self.random.randint(1, min(2, len(self.counters))))
            steps += [("raise", counter_id) for counter_id in sorted(chosen)]
        length = self.random.choice([0, 0, 1, 2, 10])
        steps += idle * self.random.randint(0, length)
        if self.ids_first and alone:
            steps += [("take_ids", None), *idle * self.random.randint(0, 10), ("write_with_ids", None)]
        else:
            steps.append(("write", None))
        steps += idle * self.random.randint(0, length)
        steps.append(("roll_back" if self.random.random() < 0.2 else "commit", None))
        return steps

    async def _tidy_up(self) -> None:
        """After a failure: nothing may stay open for the next schedule."""
        for actor in self.actors:
            if actor.task is None and actor.writer.raw.is_in_transaction():
                await actor.writer.roll_back()
        for actor in self.actors:
            if actor.task is not None:
                await asyncio.wait([actor.task])
                await actor.writer.roll_back()
