"""All declared events, loaded: importing this package fills `base.TOPICS` and `base.EVENTS`."""

from shared.contracts import catalog, identity, orders
from shared.contracts.base import EVENTS, TOPICS, Delivery, Event, EventType, Part, Topic

__all__ = [
    "EVENTS",
    "TOPICS",
    "Delivery",
    "Event",
    "EventType",
    "Part",
    "Topic",
    "catalog",
    "identity",
    "orders",
]
