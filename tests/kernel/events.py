"""The kernel tests' own facts, on a topic of their own.

They are taken out of the published registries again: no service, schema or page of documentation may see them. The
topic's name is new in every run, because real services and other runs share the broker.
"""

from dataclasses import replace
from typing import TypeVar
from uuid import UUID, uuid4

from shared.contracts.base import EVENTS, TOPICS, Event, EventType, event, topic

TOPIC = topic(f"test.kernel.{uuid4().hex[:12]}", owner="kernel", keyed_by="counter_id", partitions=3)
del TOPICS[TOPIC.name]

E = TypeVar("E", bound=type[Event])


def _unlisted(cls: E) -> E:
    del EVENTS[cls.declaration.type]
    return cls


@_unlisted
@event("kernel.counter_raised", version=1, topic=TOPIC, keyed_by="counter_id", ordered_by="counter_id")
class CounterRaised(Event):
    """The counter stands at `number` now."""

    counter_id: UUID
    number: int


@_unlisted
@event("kernel.counter_named", version=1, topic=TOPIC, keyed_by="counter_id", ordered_by="counter_id")
class CounterNamed(Event):
    """Another fact about a counter, with the number it has in the counter's own order."""

    counter_id: UUID
    number: int


@_unlisted
@event("kernel.counter_closed", version=1, topic=TOPIC, keyed_by="counter_id", ordered_by="counter_id")
class CounterClosed(Event):
    """A fact that nobody in these tests handles."""

    counter_id: UUID
    number: int


def declared_on(topic_name: str, cls: type[Event]) -> EventType:
    """The declaration of `cls`, on the topic of another process's run."""
    return replace(cls.declaration, topic=replace(cls.declaration.topic, name=topic_name))
