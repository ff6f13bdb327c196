"""The published language: what an event, a topic and a delivery are.

An event is declared once, with `@event`; from the class come its type name, owner, topic, record key, ordering key and
JSON Schema. Only its owner publishes it; everyone may read it. No event holds personal data: ids, amounts, regions and
categories only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Self, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.money import AMOUNT_MINOR_MAX


@dataclass(frozen=True)
class Topic:
    """A Kafka topic: one owner writes it; the record key never changes meaning within a major version."""

    name: str
    owner: str
    keyed_by: str
    partitions: int = 12


@dataclass(frozen=True)
class EventType:
    """The declaration of an event class."""

    name: str  # service.fact, e.g. "orders.order_placed"
    version: int
    topic: Topic
    keyed_by: str  # the field whose value is the record key, so the partition
    ordered_by: str  # the field whose value is the ordering key: events of one key are handled in order

    @property
    def type(self) -> str:
        return f"{self.name}.v{self.version}"

    @property
    def owner(self) -> str:
        return self.name.split(".")[0]


class Event(BaseModel):
    """A fact. Closed when published (no undeclared field), read open (undeclared fields are ignored)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    declaration: ClassVar[EventType]

    @property
    def record_key(self) -> str:
        return str(getattr(self, self.declaration.keyed_by))

    @property
    def ordering_key(self) -> str:
        return str(getattr(self, self.declaration.ordered_by))

    @classmethod
    def read(cls, data: bytes) -> Self:
        """The event in `data`. Raises pydantic.ValidationError when it does not fit the contract."""
        return cls.model_validate_json(data, extra="ignore")


class Part(BaseModel):
    """A structure inside events, closed and frozen like them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


TOPICS: dict[str, Topic] = {}
EVENTS: dict[str, type[Event]] = {}

E = TypeVar("E", bound=type[Event])


def topic(name: str, *, owner: str, keyed_by: str, partitions: int = 12) -> Topic:
    """Declare a topic."""
    assert name not in TOPICS, f"topic {name} is declared twice"
    TOPICS[name] = Topic(name, owner, keyed_by, partitions)
    return TOPICS[name]


def event(name: str, *, version: int, topic: Topic, keyed_by: str, ordered_by: str) -> Callable[[E], E]:
    """Declare an event class: `@event("orders.order_placed", version=1, topic=ORDERS, keyed_by=.., ordered_by=..)`."""

    def declare(cls: E) -> E:
        cls.declaration = EventType(name, version, topic, keyed_by, ordered_by)
        assert cls.declaration.type not in EVENTS, f"{cls.declaration.type} is declared twice"
        assert cls.declaration.owner == topic.owner, f"{name} is not published by the owner of {topic.name}"
        declared: type[Event] = cls
        for field in (keyed_by, ordered_by):
            assert field in declared.model_fields, f"{name} has no field {field}"
        EVENTS[cls.declaration.type] = cls
        return cls

    return declare


@dataclass(frozen=True, slots=True)
class Delivery:
    """One record as it came: the CloudEvents 1.0 attributes, where it stood, and the bytes of its data."""

    event_id: UUID
    source: str
    type: str
    occurred_at: datetime
    ordering_key: str
    traceparent: str | None
    topic: str
    partition: int
    offset: int
    record_key: str
    data: bytes


Amount = Annotated[int, Field(ge=0, le=AMOUNT_MINOR_MAX, description="In the smallest unit of `currency`.")]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217. IDR: 1 = one rupiah.")]
RegionCode = Annotated[
    str, Field(pattern=r"^\d{2}(\.\d{2})?$", description="Province or regency (Kemendagri), e.g. 18.01.")
]
Quantity = Annotated[int, Field(ge=1, le=1_000_000)]
Moment = AwareDatetime
