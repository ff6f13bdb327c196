"""Refunds as a calculation: of which lines and shipping fees so much money is.

What must stay true: of a line never more goes back than it cost, in how many refunds ever; quantities are given back at
the price of sale; an amount comes out of the goods first and out of the shipping when the goods are used up.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.orders.domain.problems import MoreThanPaid, MoreThanSent
from shared.money import allocate


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a paid parcel, or its shipping fee (`product_id` None), with what was refunded of it so far."""

    parcel_id: UUID
    product_id: UUID | None
    quantity: int
    unit_price_minor: int
    amount_minor: int
    refunded_quantity: int
    refunded_minor: int
    is_settled: bool

    @property
    def left_minor(self) -> int:
        """What can still be given back of it."""
        return self.amount_minor - self.refunded_minor


@dataclass(frozen=True, slots=True)
class RefundedPart:
    """So much of a line or a shipping fee. Quantity 0: money alone, as a rebate."""

    parcel_id: UUID
    product_id: UUID | None
    quantity: int
    amount_minor: int
    is_of_settled: bool


def everything(items: Iterable[Item]) -> list[RefundedPart]:
    """All that is left."""
    return [
        RefundedPart(
            item.parcel_id, item.product_id, item.quantity - item.refunded_quantity, item.left_minor, item.is_settled
        )
        for item in items
        if item.left_minor
    ]


def of_quantities(items: Sequence[Item], quantities: Mapping[UUID, int]) -> list[RefundedPart]:
    """So many of each product, at the price of sale, but at most what is left of the line after rebates.

    Raises MoreThanSent for a product that is not there or was given back in this quantity, MoreThanPaid when nothing is
    left.
    """
    by_product = {item.product_id: item for item in items if item.product_id is not None}
    parts = []
    for product_id, quantity in quantities.items():
        item = by_product.get(product_id)
        if item is None or quantity > item.quantity - item.refunded_quantity:
            raise MoreThanSent
        amount_minor = min(quantity * item.unit_price_minor, item.left_minor)
        if amount_minor:
            parts.append(RefundedPart(item.parcel_id, product_id, quantity, amount_minor, item.is_settled))
    if not parts:
        raise MoreThanPaid("nothing is left of what these cost", left_minor=0)
    return parts


def of_amount(items: Sequence[Item], amount_minor: int) -> list[RefundedPart]:
    """An amount, spread over the parcels by what is left of each. Raises MoreThanPaid."""
    by_parcel: dict[UUID, list[Item]] = defaultdict(list)
    for item in items:
        if item.left_minor:
            by_parcel[item.parcel_id].append(item)
    lefts = [sum(item.left_minor for item in of_parcel) for of_parcel in by_parcel.values()]
    if amount_minor > sum(lefts):
        raise MoreThanPaid(f"{sum(lefts)} is left of what was paid", left_minor=sum(lefts))
    parts: list[RefundedPart] = []
    for of_parcel, part_minor in zip(by_parcel.values(), allocate(amount_minor, lefts), strict=True):
        goods = [item for item in of_parcel if item.product_id is not None]
        shipping = [item for item in of_parcel if item.product_id is None]
        of_goods_minor = min(part_minor, sum(item.left_minor for item in goods))
        parts += _rebate(goods, of_goods_minor) + _rebate(shipping, part_minor - of_goods_minor)
    return parts


def _rebate(items: Sequence[Item], amount_minor: int) -> list[RefundedPart]:
    """An amount over lines by what is left of each; a line that is given back whole brings its quantity along."""
    if not amount_minor:
        return []
    shares = allocate(amount_minor, [item.left_minor for item in items])
    return [
        RefundedPart(
            item.parcel_id,
            item.product_id,
            item.quantity - item.refunded_quantity if share_minor == item.left_minor else 0,
            share_minor,
            item.is_settled,
        )
        for item, share_minor in zip(items, shares, strict=True)
        if share_minor
    ]
