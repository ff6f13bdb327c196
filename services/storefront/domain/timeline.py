"""The life of an order in words, from whatever moments the order's own answer holds."""

from typing import Any

from services.storefront.domain import words

_MOMENTS = (
    ("placed_at", "placed"),
    ("reserved_at", "reserved"),
    ("paid_at", "paid"),
    ("confirmed_at", "confirmed"),
    ("completed_at", "completed"),
    ("cancelled_at", "cancelled"),
)


def steps_of(order: dict[str, Any]) -> list[tuple[str, str]]:
    """What happened and when (ISO moments), oldest first; a step without a word for it is left out."""
    found = []
    for entry in order.get("timeline") or []:
        what = str(entry.get("what") or entry.get("event") or entry.get("step") or entry.get("status") or "")
        at = entry.get("at") or entry.get("happened_at") or entry.get("occurred_at")
        text = words.TIMELINE.get(what.rpartition(".")[2].removesuffix(".v1").removeprefix("order_"))
        if text and at:
            found.append((str(at), text))
    if not found:
        found = [(str(order[name]), words.TIMELINE[what]) for name, what in _MOMENTS if order.get(name)]
    return [(text, at) for at, text in sorted(found)]


def is_waiting(order: dict[str, Any]) -> bool:
    """Whether something may change within seconds, so that the page asks again by itself."""
    return order.get("status") in {"placed", "reserved", "reclaiming"}


def can_be_cancelled(order: dict[str, Any]) -> bool:
    """Whether the buyer may still cancel, as far as this page can tell; orders decides."""
    parcels = [parcel.get("status") for parcel in order.get("parcels") or []]
    is_open = order.get("status") in {"placed", "reserved", "confirmed"}
    return is_open and all(status in {"pending", "cancelled"} for status in parcels)
