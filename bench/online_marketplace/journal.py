"""What the driver knows of a run: every transaction it submitted and every answer and mark that it got.

Times are seconds of one monotonic clock. The checks compare this with what the databases and logs say.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from bench.online_marketplace.workload import Kind


class Outcome(StrEnum):
    """How a transaction ended, as the driver saw it."""

    SUCCESS = "success"
    NOT_ACCEPTED = "not_accepted"  # no stock, or the payment was refused
    ABORT = "abort"  # refused at the door, after all retries
    ERROR = "error"  # an answer that should not be
    UNDECIDED = "undecided"  # no mark came in time


@dataclass(slots=True)
class Done:
    """One transaction. `started` is when its own request was sent: adding to the cart comes before it."""

    tid: int
    kind: Kind
    started: float
    ended: float
    outcome: Outcome
    reason: str = ""


@dataclass(slots=True)
class Checkout:
    """One checkout session. `lines`: product, version, unit price, quantity, as in the cart that was accepted."""

    tid: int
    customer: str
    submitted: float
    lines: list[tuple[str, int, int, int]]
    order_id: str = ""
    outcome: Outcome = Outcome.UNDECIDED
    reason: str = ""
    marked: float = 0.0


@dataclass(frozen=True, slots=True)
class Update:
    """An acknowledged update of a product: from version `based_on` to `version`."""

    tid: int
    seller: str
    product_id: str
    based_on: int
    version: int
    unit_price_minor: int
    acknowledged: float


@dataclass(frozen=True, slots=True)
class Look:
    """A dashboard as it was answered: its figures for open parcels, and the parcels themselves."""

    shop_id: str
    open_parcels: int
    open_minor: int
    parcels: tuple[tuple[str, int], ...]


@dataclass
class Journal:
    """Everything of one population, over all loads on it."""

    done: list[Done] = field(default_factory=list)
    checkouts: list[Checkout] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    deliveries: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)  # tid, parcels
    heard: dict[str, list[str]] = field(default_factory=dict)  # event types of an order, in Kafka's order
