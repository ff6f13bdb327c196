"""Handler groups for the worker's tests: what they did is in the table `effects`; tests tell them what to do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from shared import outbox
from shared.contracts.base import Event
from shared.db import Connection, Database
from shared.handlers import Handlers
from shared.sql import Row
from tests.kernel.events import CounterNamed, CounterRaised

Told = Callable[[Connection, Event], Awaitable[None]]


@dataclass
class Recorder:
    """A handler group that writes down every event; `told[number]` happens before, and may raise."""

    name: str = field(default_factory=lambda: f"kernel{uuid4().hex[:8]}")
    told: dict[int, Told] = field(default_factory=dict)
    calls: list[list[int]] = field(default_factory=list)
    handlers: Handlers = field(init=False)

    def __post_init__(self) -> None:
        self.handlers = Handlers(self.name)

        @self.handlers.on_batch(CounterRaised)
        async def record_raised(conn: Connection, events: list[CounterRaised]) -> None:
            self.calls.append([event.number for event in events])
            for event in events:
                await self._record(conn, event, event.counter_id, event.number)

        @self.handlers.on(CounterNamed)
        async def record_named(conn: Connection, event: CounterNamed) -> None:
            self.calls.append([event.number])
            await self._record(conn, event, event.counter_id, event.number)

    async def _record(self, conn: Connection, event: Event, counter_id: UUID, number: int) -> None:
        if number in self.told:
            await self.told[number](conn, event)
        await conn.execute(
            "INSERT INTO effects (counter_id, kind, number, handler_group) VALUES ($1, $2, $3, $4)",
            *(counter_id, event.declaration.name, number, self.name),
        )

    async def effects(self, db: Database, counter_id: UUID | None = None) -> list[int]:
        """The numbers handled, in the order of their effects."""
        async with db.reading() as conn:
            rows = await conn.fetch(
                "SELECT number FROM effects WHERE handler_group = $1 AND ($2::uuid IS NULL OR counter_id = $2)"
                " ORDER BY position",
                *(self.name, counter_id),
            )
        return [row["number"] for row in rows]

    async def waiting(self, db: Database) -> list[tuple[str, str, bytes]]:
        """State, reason and data of what is set aside and open, in order."""
        return [(row["state"], row["reason"], row["data"]) for row in await self.letters(db) if is_open(row)]

    async def letters(self, db: Database) -> list[Row]:
        """All dead letters of the group."""
        async with db.reading() as conn:
            return await conn.fetch(
                "SELECT *, state::text AS state FROM dead_letters WHERE handler_group = $1 ORDER BY position", self.name
            )

    async def make_due(self, db: Database) -> None:
        """What is to be tried later is due now."""
        async with db.transaction() as conn:
            await conn.execute(
                "UPDATE dead_letters SET due_at = clock_timestamp() WHERE state = 'retry' AND handler_group = $1",
                self.name,
            )


def is_open(letter: Row) -> bool:
    """Whether it waits."""
    return letter["state"] in ("dead", "retry", "behind")


def raising(error: Exception) -> Told:
    """A handler that always fails."""

    async def fail(_: Connection, __: Event) -> None:
        raise error

    return fail


def raising_times(error: Exception, times: int) -> Told:
    """A handler that fails the first `times` times."""
    left = [times]

    async def fail(_: Connection, __: Event) -> None:
        if left[0]:
            left[0] -= 1
            raise error

    return fail


async def publish_named(conn: Connection, event: Event) -> None:
    """A handler that answers with an event of its own."""
    assert isinstance(event, CounterRaised)
    outbox.append(conn, CounterNamed(counter_id=event.counter_id, number=event.number))
