"""Settlement of a completed parcel as a calculation: who gets which rupiah of it, and what of it goes back.

What must stay true: the parts sum to what the parcel brought; commission and tax are of the goods, never of the
shipping, which is the shop's; the rate is that of the day of the order, and a rule once published is not edited, so it
is frozen at sale. What a refund takes back is in proportion to what is left, so that in any number of refunds exactly
all goes back and never more.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from services.orders.domain.taxes import Sale, Taxpayer, marketplace_withholding
from shared.contracts.catalog import Payee
from shared.exact import down
from shared.money import allocate
from shared.rules import Rules

Kind = Literal["net", "commission", "tax"]
Withheld = Callable[[UUID, int], int]  # of a payee's gross, in rupiah: what is kept back for the state


@dataclass(frozen=True, slots=True)
class SoldLine:
    """What a line brought, less what was refunded before."""

    product_id: UUID
    category: str
    amount_minor: int
    payees: tuple[Payee, ...]


@dataclass(frozen=True, slots=True)
class SettledPart:
    """So much of one line (None: of the shipping), of one payee's sale: theirs, the market's, or the state's."""

    product_id: UUID | None
    party_id: UUID
    kind: Kind
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Declared:
    """What a payee has declared, and in which year: small turnover is declared for one year."""

    kind: Taxpayer = Taxpayer.INDIVIDUAL
    has_declared_small_turnover: bool = False
    has_exemption_letter: bool = False
    year: int = 0


def settle(
    lines: Sequence[SoldLine], shipping_minor: int, shop_id: UUID, *, rate_of: Callable[[str], int], withheld: Withheld
) -> list[SettledPart]:
    """The parts of a parcel. `rate_of` is the commission of a category in basis points; both round down, per line and
    per payee."""
    shares = [_Share(line, at, payee.party_id) for line in lines for at, payee in enumerate(line.payees)]
    for line in lines:
        of_line = [share for share in shares if share.line is line]
        weights = [payee.share_basis_points for payee in line.payees]
        if line.amount_minor == 0:
            continue
        grosses = allocate(line.amount_minor, weights)
        commission_minor = line.amount_minor * rate_of(line.category) // 10_000
        for share, gross, fee in zip(of_line, grosses, allocate(commission_minor, grosses), strict=True):
            share.gross_minor, share.commission_minor = gross, fee
    by_party: dict[UUID, list[_Share]] = defaultdict(list)
    for share in shares:
        by_party[share.party_id].append(share)
    for party_id, of_party in by_party.items():
        left = [share.gross_minor - share.commission_minor for share in of_party]
        tax_minor = min(withheld(party_id, sum(share.gross_minor for share in of_party)), sum(left))
        if tax_minor:
            for share, part_minor in zip(of_party, allocate(tax_minor, left), strict=True):
                share.tax_minor = part_minor
    parts = [part for share in shares for part in share.parts()]
    if shipping_minor:
        parts.append(SettledPart(None, shop_id, "net", shipping_minor))
    return parts


@dataclass(slots=True)
class _Share:
    """One payee's share of one line, while it is calculated."""

    line: SoldLine
    at: int
    party_id: UUID
    gross_minor: int = 0
    commission_minor: int = 0
    tax_minor: int = 0

    def parts(self) -> list[SettledPart]:
        amounts: dict[Kind, int] = {
            "net": self.gross_minor - self.commission_minor - self.tax_minor,
            "commission": self.commission_minor,
            "tax": self.tax_minor,
        }
        return [
            SettledPart(self.line.product_id, self.party_id, kind, amount_minor)
            for kind, amount_minor in amounts.items()
            if amount_minor
        ]


def commission_rates(rules: Rules, on: date) -> Callable[[str], int]:
    """The commission in basis points of each category, as it was on the day of the order. Raises NoRule."""
    rule = rules.in_force("commission", on)
    usual, of_categories = rule.whole("basis_points"), rule.table("categories")
    return lambda category: int(of_categories.get(category, usual))


def withholding(rules: Rules, declared: Mapping[UUID, Declared], *, on: date, is_switched_on: bool) -> Withheld:
    """PPh 22 of a payee's gross, in whole rupiah, rounded down; nothing while no platform is appointed.

    Who declared nothing is an individual without a declaration, who is withheld from (PMK 37/2025).
    """

    def of(party_id: UUID, gross_minor: int) -> int:
        found = declared.get(party_id, Declared())
        sale = Sale(
            found.kind,
            gross_minor,
            has_declared_small_turnover=found.has_declared_small_turnover and found.year == on.year,
            has_exemption_letter=found.has_exemption_letter,
        )
        return down(marketplace_withholding(rules, sale, on=on, is_switched_on=is_switched_on))

    return of


@dataclass(frozen=True, slots=True)
class StandingPart:
    """A part of a settlement with what was taken back of it so far."""

    number: int
    product_id: UUID | None
    party_id: UUID
    kind: Kind
    amount_minor: int
    returned_minor: int

    @property
    def left_minor(self) -> int:
        """What can still be taken back."""
        return self.amount_minor - self.returned_minor


def take_back(
    parts: Sequence[StandingPart], product_id: UUID | None, amount_minor: int
) -> list[tuple[StandingPart, int]]:
    """How much of each part of a line (None: of the shipping) a refund takes back. Raises ValueError for too much."""
    of_line = [part for part in parts if part.product_id == product_id]
    if amount_minor > sum(part.left_minor for part in of_line):
        raise ValueError("more is taken back than was settled")
    shares = allocate(amount_minor, [part.left_minor for part in of_line])
    return [(part, share_minor) for part, share_minor in zip(of_line, shares, strict=True) if share_minor]
