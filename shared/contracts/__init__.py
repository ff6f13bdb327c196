"""All declared events, loaded: importing this package fills `base.TOPICS` and `base.EVENTS`."""

from shared.contracts import catalog, clearing, cooperatives, financing, identity, orders, payouts, programmes
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
    "clearing",
    "cooperatives",
    "financing",
    "identity",
    "orders",
    "payouts",
    "programmes",
]
