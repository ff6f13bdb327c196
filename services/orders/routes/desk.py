"""What routes share: the running service's parts, and the commands that share transactions."""

from datetime import date
from functools import lru_cache
from typing import TypeAlias, cast

from fastapi import Request

from services.orders.domain.shipping import ShippingFees, Tariff
from services.orders.use_cases.change_cart import Cart, PutItem
from services.orders.use_cases.place_orders import PlaceOrder
from services.orders.use_cases.run_manifests import Round
from shared.group_commit import GroupCommit
from shared.idempotency import Replay
from shared.regions import find

Placing: TypeAlias = GroupCommit[PlaceOrder, Replay]
Putting: TypeAlias = GroupCommit[PutItem, Cart]
Rounds: TypeAlias = GroupCommit[Round, Replay]


def placing(request: Request) -> Placing:
    """Where orders queue to share a transaction."""
    return cast(Placing, request.app.state.placing)


def putting(request: Request) -> Putting:
    """Where what is put into carts queues."""
    return cast(Putting, request.app.state.putting)


def rounds(request: Request) -> Rounds:
    """Where carriers' rounds queue."""
    return cast(Rounds, request.app.state.rounds)


def fees_on(tariff: Tariff, day: date) -> ShippingFees:
    """The tariff as it is on this day."""
    return ShippingFees(tariff, tariff.on(day))


@lru_cache(maxsize=1)
def known_regions() -> bool:
    """Read the table of regions once, before the first request has to wait for it."""
    return find("18") is not None
