"""Patronage (partisipasi anggota): what a completed parcel counts for those who dealt through the cooperative.

What must stay true: an entry counts what was completed less what of it was refunded, never below nothing; the order in
which a completion and refunds are learnt does not matter, since entries are always made anew from all that is known; a
joint listing counts for its payees by their shares, to the rupiah. Entries name parties (a shop, a member, an account):
who of them is a member, and was one at the time of the sale, is asked when patronage is read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.money import allocate


class Role(StrEnum):
    """On which side of the sale the party stood."""

    SELLER = "seller"
    BUYER = "buyer"


@dataclass(frozen=True, slots=True)
class SoldLine:
    """What of one product a parcel held: its amount in rupiah, and who shares in it by how many basis points."""

    product_id: UUID
    amount_minor: int
    payees: tuple[tuple[UUID, int], ...]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A completed parcel of a cooperative's shop."""

    parcel_id: UUID
    buyer_id: UUID
    goods_minor: int
    lines: tuple[SoldLine, ...]


@dataclass(frozen=True, slots=True)
class Refund:
    """What of one refund belongs to the parcel: all of its goods, and of it what was of certain products."""

    goods_minor: int
    by_product: tuple[tuple[UUID, int], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a parcel counts for one party, in rupiah; 0 <= refunded <= completed."""

    parcel_id: UUID
    role: Role
    party_id: UUID
    completed_minor: int
    refunded_minor: int


def entries_of(parcel: Parcel, refunds: Iterable[Refund]) -> list[Entry]:
    """The entries of a completed parcel after these refunds: the buyer's, and one of each payee."""
    refunds = list(refunds)
    refunded_lines = _refunded_by_line(parcel.lines, refunds)
    completed: dict[UUID, int] = {}
    refunded: dict[UUID, int] = {}
    for line, refunded_minor in zip(parcel.lines, refunded_lines, strict=True):
        parts = allocate(line.amount_minor, [share for _, share in line.payees])
        less = allocate(refunded_minor, parts) if line.amount_minor else parts
        for (party_id, _), part, back in zip(line.payees, parts, less, strict=True):
            completed[party_id] = completed.get(party_id, 0) + part
            refunded[party_id] = refunded.get(party_id, 0) + back
    back_to_buyer = min(sum(refund.goods_minor for refund in refunds), parcel.goods_minor)
    return [
        Entry(parcel.parcel_id, Role.BUYER, parcel.buyer_id, parcel.goods_minor, back_to_buyer),
        *(
            Entry(parcel.parcel_id, Role.SELLER, party_id, amount, refunded[party_id])
            for party_id, amount in completed.items()
        ),
    ]


def _refunded_by_line(lines: Sequence[SoldLine], refunds: Sequence[Refund]) -> list[int]:
    """How much of each line went back: what names its product first, then the rest over what is left of all lines.

    Never more than a line has; a product that stands in several lines is taken from them in order.
    """
    named: dict[UUID, int] = {}
    rest = 0
    for refund in refunds:
        for product_id, amount_minor in refund.by_product:
            named[product_id] = named.get(product_id, 0) + amount_minor
        rest += max(refund.goods_minor - sum(amount for _, amount in refund.by_product), 0)
    taken = [_take(named, line) for line in lines]
    rest += sum(named.values())  # more than the lines have, or of products that the parcel did not hold
    left = [line.amount_minor - amount for line, amount in zip(lines, taken, strict=True)]
    if rest and any(left):
        for index, amount in enumerate(allocate(min(rest, sum(left)), left)):
            taken[index] += amount
    return taken


def _take(named: dict[UUID, int], line: SoldLine) -> int:
    amount = min(named.get(line.product_id, 0), line.amount_minor)
    if amount:
        named[line.product_id] -= amount
    return amount
