"""What a service does when it hears an event: declared here, run by worker.py.

A handler has three outcomes and no others: it returns (done), raises `Retry` (try later; its key waits behind it), or
raises `Reject` (it can never work; a dead letter). Any other exception counts as Reject once it stands alone.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from shared.contracts.base import Delivery, Event
from shared.db import Connection

E = TypeVar("E", bound=Event)
One: TypeAlias = Callable[[Connection, E], Awaitable[None]]
Many: TypeAlias = Callable[[Connection, list[E]], Awaitable[None]]
NamedIds: TypeAlias = Mapping[str, Iterable[UUID]]
LocksOf: TypeAlias = Callable[[Connection, list[E]], NamedIds | Awaitable[NamedIds]]


class Retry(Exception):
    """Not now: try again in `seconds`. Later events of the same ordering key wait meanwhile."""

    def __init__(self, why: str, *, seconds: float = 5) -> None:
        super().__init__(why)
        self.seconds = seconds


class Reject(Exception):
    """This can never work."""


@dataclass(frozen=True)
class Lock:
    """Rows that handlers lock. `take` locks those with the given ids, which come sorted."""

    name: str
    take: Callable[[Connection, list[UUID]], Awaitable[object]]


@dataclass(frozen=True)
class Handler:
    """How one event type is handled in a group."""

    event: type[Event]
    name: str
    call: Many[Any]
    locks: LocksOf[Any] | None


@dataclass(frozen=True)
class Call:
    """Events of one type, of different ordering keys, that are handled together."""

    handler: Handler
    deliveries: list[Delivery]
    events: list[Event]


class Handlers:
    """A handler group: its offsets, inbox rows and dead letters are its own. One handler per event type.

    Its batches begin at least `breath_seconds` apart: for groups that nobody waits for, a fraction of the cost.
    """

    def __init__(self, group: str, *, lock_order: tuple[Lock, ...] = (), breath_seconds: float = 0.02) -> None:
        self.group = group
        self.breath_seconds = breath_seconds
        self.lock_order = lock_order
        self.by_type: dict[str, Handler] = {}

    @property
    def group_id(self) -> str:
        """The Kafka consumer group: always below the service's own prefix."""
        return self.group if "." in self.group else f"{self.group}.main"

    @property
    def topics(self) -> set[str]:
        """What the group must read."""
        return {handler.event.declaration.topic.name for handler in self.by_type.values()}

    def on(self, event: type[E], *, locks: LocksOf[E] | None = None) -> Callable[[One[E]], One[E]]:
        """Handle events of a type one at a time."""

        def declare(function: One[E]) -> One[E]:
            async def each(conn: Connection, events: list[E]) -> None:
                for event in events:
                    await function(conn, event)

            self._add(event, function.__name__, each, locks)
            return function

        return declare

    def on_batch(self, event: type[E], *, locks: LocksOf[E] | None = None) -> Callable[[Many[E]], Many[E]]:
        """Handle events of a type together: a list that never holds two events of one ordering key."""

        def declare(function: Many[E]) -> Many[E]:
            self._add(event, function.__name__, function, locks)
            return function

        return declare

    def _add(self, event: type[Event], name: str, call: Many[Any], locks: LocksOf[Any] | None) -> None:
        type_ = event.declaration.type
        assert type_ not in self.by_type, f"{self.group} handles {type_} twice"
        self.by_type[type_] = Handler(event, name, call, locks)

    def plan(self, deliveries: list[Delivery]) -> list[Call]:
        """The calls for a batch, in order: no event before an earlier one of its key, whatever its type.

        An event's wave is the number of earlier events of its key in the batch; within a wave, one call per type.
        Raises pydantic.ValidationError when a delivery does not fit its contract.
        """
        depth: dict[str, int] = defaultdict(int)
        waves: dict[tuple[int, str], Call] = {}
        for delivery in deliveries:
            wave = depth[delivery.ordering_key]
            depth[delivery.ordering_key] += 1
            handler = self.by_type[delivery.type]
            call = waves.setdefault((wave, delivery.type), Call(handler, [], []))
            call.deliveries.append(delivery)
            call.events.append(handler.event.read(delivery.data))
        return [waves[at] for at in sorted(waves, key=lambda at: at[0])]

    async def take_locks(self, conn: Connection, calls: list[Call]) -> None:
        """Lock every row that the calls will want, once, in the one order, ids sorted."""
        wanted: dict[str, set[UUID]] = defaultdict(set)
        for call in calls:
            if call.handler.locks is not None:
                named = call.handler.locks(conn, call.events)
                for name, ids in (await named if isawaitable(named) else named).items():
                    wanted[name].update(ids)
        unknown = set(wanted) - {lock.name for lock in self.lock_order}
        assert not unknown, f"{self.group} has no lock named {sorted(unknown)}"
        for lock in self.lock_order:
            if lock.name in wanted:
                await lock.take(conn, sorted(wanted[lock.name]))
