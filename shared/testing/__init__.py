"""What tests of services share: delivering events the ways a broker can, and reading what was published."""

from shared.testing.delivery import (
    Killed,
    check_handler,
    deliver,
    deliver_killed,
    delivery_of,
    published,
    snapshot,
)
from shared.testing.preparing import prepare_all
from shared.testing.waiting import eventually

__all__ = [
    "Killed",
    "check_handler",
    "deliver",
    "deliver_killed",
    "delivery_of",
    "eventually",
    "prepare_all",
    "published",
    "snapshot",
]
