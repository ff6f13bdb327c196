"""The life of a parcel: who may move it on, and from where to where."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.orders.domain.problems import MoreThanSent, WrongAmountCollected, WrongParcelState


class ParcelStatus(StrEnum):
    """Where a parcel is in its life."""

    PENDING = "pending"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    RETURNED = "returned"  # came back to the shop without having reached the buyer

    @property
    def is_final(self) -> bool:
        """Whether nothing moves it any more."""
        return self in {ParcelStatus.COMPLETED, ParcelStatus.CANCELLED, ParcelStatus.RETURNED}


class Move(StrEnum):
    """What can be done with a parcel."""

    SHIP = "ship"
    DELIVER = "deliver"
    COMPLETE = "complete"
    CANCEL = "cancel"
    BRING_BACK = "bring_back"


MOVES: Final = {
    Move.SHIP: (ParcelStatus.PENDING, ParcelStatus.SHIPPED),
    Move.DELIVER: (ParcelStatus.SHIPPED, ParcelStatus.DELIVERED),
    Move.COMPLETE: (ParcelStatus.DELIVERED, ParcelStatus.COMPLETED),
    Move.CANCEL: (ParcelStatus.PENDING, ParcelStatus.CANCELLED),
    Move.BRING_BACK: (ParcelStatus.SHIPPED, ParcelStatus.RETURNED),
}
RETURNABLE: Final = frozenset({ParcelStatus.SHIPPED, ParcelStatus.DELIVERED, ParcelStatus.COMPLETED})


def move(status: ParcelStatus, what: Move) -> ParcelStatus:
    """The status after `what`. Raises WrongParcelState when that cannot happen now."""
    before, after = MOVES[what]
    if status is not before:
        raise WrongParcelState(f"to {what.value.replace('_', ' ')} it must be {before.value}, it is {status.value}")
    return after


def cash_due_minor(*, method: str, goods_minor: int, shipping_minor: int) -> int:
    """What the carrier takes at the door."""
    return goods_minor + shipping_minor if method == "cod" else 0


def check_cash(collected_minor: int, due_minor: int) -> None:
    """Raises WrongAmountCollected unless exactly what is due was taken."""
    if collected_minor != due_minor:
        raise WrongAmountCollected(f"due at the door: {due_minor}", due_minor=due_minor)


def check_returned(sent: Mapping[UUID, int], before: Mapping[UUID, int], now: Mapping[UUID, int]) -> bool:
    """Whether with `now` everything that was sent has come back. Raises MoreThanSent."""
    total = {product_id: before.get(product_id, 0) + now.get(product_id, 0) for product_id in {*sent, *now}}
    if any(count > sent.get(product_id, 0) for product_id, count in total.items()):
        raise MoreThanSent
    return total == dict(sent)
