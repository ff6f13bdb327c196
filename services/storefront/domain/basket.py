"""A basket as people see it: lines by shop, shipping, totals, and what changed since they chose.

Amounts are whole rupiah.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

QUANTITY_MAX = 1000
LINES_MAX = 50


@dataclass(frozen=True, slots=True)
class Line:
    """So many of one product."""

    product_id: str
    title: str
    category: str
    quantity: int
    unit_price_minor: int
    version: int | None = None
    photo_url: str | None = None
    available: int | None = None
    notice: str | None = None
    is_changed: bool = False

    @property
    def amount_minor(self) -> int:
        """Price times quantity."""
        return self.quantity * self.unit_price_minor


@dataclass(frozen=True, slots=True)
class Group:
    """What one shop would send in one parcel."""

    shop_id: str
    shop_name: str
    lines: tuple[Line, ...]
    shipping_minor: int | None

    @property
    def goods_minor(self) -> int:
        """Its lines together."""
        return sum(line.amount_minor for line in self.lines)


@dataclass(frozen=True, slots=True)
class Basket:
    """Everything chosen, and the sentences about what changed."""

    groups: tuple[Group, ...] = ()
    notices: tuple[str, ...] = field(default=())

    @property
    def count(self) -> int:
        """How many different products."""
        return sum(len(group.lines) for group in self.groups)

    @property
    def is_changed(self) -> bool:
        """Whether the buyer has to agree to something new before ordering."""
        return any(line.is_changed for group in self.groups for line in group.lines)

    @property
    def goods_minor(self) -> int:
        """All lines together."""
        return sum(group.goods_minor for group in self.groups)

    @property
    def shipping_minor(self) -> int | None:
        """All shipping together; None while the destination is not known."""
        fees = [group.shipping_minor for group in self.groups]
        return None if not fees or None in fees else sum(fee for fee in fees if fee is not None)

    @property
    def total_minor(self) -> int:
        """What would be paid, without shipping that is not known yet."""
        return self.goods_minor + (self.shipping_minor or 0)


def quantity_of(text: object, *, default: int = 1) -> int | None:
    """A quantity that somebody typed; None when it is no whole number between 0 and the most of one product."""
    typed = str(text if text is not None else "").strip() or str(default)
    if not typed.isascii() or not typed.isdigit() or len(typed) > 6:
        return None
    number = int(typed)
    return number if number <= QUANTITY_MAX else None


def grouped(lines: list[tuple[str, str, Line]], shipping: dict[str, int]) -> tuple[Group, ...]:
    """Lines (shop id, shop name, line) by shop, shops in the order in which they were chosen."""
    names: dict[str, str] = {}
    by_shop: dict[str, list[Line]] = {}
    for shop_id, shop_name, line in lines:
        names.setdefault(shop_id, shop_name)
        by_shop.setdefault(shop_id, []).append(line)
    return tuple(
        Group(shop_id, names[shop_id] or "Toko", tuple(found), shipping.get(shop_id))
        for shop_id, found in by_shop.items()
    )


def as_uuid(text: object) -> UUID | None:
    """An id that somebody sent; None when it is none."""
    try:
        return UUID(str(text))
    except ValueError:
        return None


def amount_of(value: Any) -> int | None:
    """A whole rupiah amount in an answer; None when it is not there."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
