"""The life of an order in words."""

from typing import Any

from services.storefront.domain import words

SECONDS = len("2026-11-24T21:40:00")  # what happens within one transaction is told in the order of TIMELINE


def steps_of(order: dict[str, Any]) -> list[tuple[str, str, int | None]]:
    """What happened, when (ISO moments) and the amount of money if any; oldest first. Unknown steps are left out."""
    ranks = {what: rank for rank, what in enumerate(words.TIMELINE)}
    known = [entry for entry in order["timeline"] if entry["what"] in ranks]
    known.sort(key=lambda entry: (str(entry["at"])[:SECONDS], ranks[entry["what"]]))
    return [(words.TIMELINE[entry["what"]], str(entry["at"]), entry["amount_minor"]) for entry in known]


def is_waiting(order: dict[str, Any]) -> bool:
    """Whether something may change within seconds, so that the page asks again by itself."""
    return order["status"] in {"placed", "reserved", "reclaiming"}


def can_be_cancelled(order: dict[str, Any]) -> bool:
    """Whether the buyer may still cancel, as far as this page can tell; orders decides."""
    is_open = order["status"] in {"placed", "reserved", "confirmed"}
    return is_open and all(parcel["status"] in {"pending", "cancelled"} for parcel in order["parcels"])


def missing_of(order: dict[str, Any]) -> list[str]:
    """What could not be set aside, and why; how many there still were, when there were some."""
    titles = {line["product_id"]: line["title"] for line in order["lines"]}
    sentences = []
    for shortage in order["shortages"]:
        title = titles.get(shortage["product_id"], "Sebuah produk")
        left = f" (tinggal {shortage['available']})" if shortage["reason"] == "sold_out" else ""
        sentences.append(f"{title}: {words.SHORTAGE[shortage['reason']]}{left}.")
    return sentences
