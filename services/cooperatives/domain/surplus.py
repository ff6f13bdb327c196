"""The surplus of a book year (SHU, sisa hasil usaha): which part goes where, and what each member gets.

What must stay true: percentages are exactly 100 together; nobody is paid out of what is not there, so pools are whole
rupiah, never more than their share, and what rounding leaves goes to the reserve; a loss distributes nothing. Exact
values are kept beside the paid ones, for the log. UU 25/1992 art. 5 and 45: members share in proportion to their
dealings with the cooperative, not by capital alone. The percentages are decisions of the articles or the meeting of
members; rounding is not regulated, so the policy is chosen by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from shared.exact import down, percent, to_text
from shared.money import allocate

RESERVE = "cadangan"
CAPITAL = "jasa_modal"
DEALINGS = "jasa_usaha"


class SurplusError(ValueError):
    """The surplus cannot be divided like this; the text is the reason."""


class Rounding(StrEnum):
    """What becomes of the fractions of a rupiah: left to the reserve, or given one each to the largest of them."""

    FLOOR = "floor"
    LARGEST_REMAINDER = "largest_remainder"


@dataclass(frozen=True, slots=True)
class Member:
    """What counts of a member: savings that share in the surplus, and dealings of the year, both in rupiah."""

    id: str
    savings_minor: int
    dealings_minor: int


@dataclass(frozen=True, slots=True)
class MemberShare:
    """A member's part before rounding, in rupiah."""

    capital: Fraction
    dealings: Fraction

    @property
    def total(self) -> Fraction:
        """Both together."""
        return self.capital + self.dealings


@dataclass(frozen=True, slots=True)
class MemberPayment:
    """What a member is paid, in whole rupiah."""

    capital_minor: int
    dealings_minor: int

    @property
    def total_minor(self) -> int:
        """Both together."""
        return self.capital_minor + self.dealings_minor


@dataclass(frozen=True, slots=True)
class Distribution:
    """A surplus divided. `funds_minor` holds all pools but the members'; the reserve among them has all residues.

    `undistributed` are member pools that nobody can share in (no savings or no dealings at all); they stay undivided
    until the meeting of members decides. `loss_minor` is to be met from the reserve by decision of the meeting (art.
    41).
    """

    pools: Mapping[str, Fraction]
    exact: Mapping[str, MemberShare]
    payments: Mapping[str, MemberPayment]
    residues: Mapping[str, Fraction]
    undistributed: Mapping[str, int]
    funds_minor: Mapping[str, int]
    loss_minor: int

    @property
    def distributed_minor(self) -> int:
        """What members receive together."""
        return sum(payment.total_minor for payment in self.payments.values())


def check_percentages(percentages: Mapping[str, Fraction]) -> None:
    """Raise SurplusError unless each is from 0 to 100 and all are exactly 100 together."""
    for name, percentage in percentages.items():
        _check_percentage(name, percentage)
    together = sum(percentages.values(), Fraction(0))
    if together != 100:
        raise SurplusError(f"percentages sum to {to_text(together)}, not 100")


def pools_of(surplus_minor: int, percentages: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """The exact pools of a surplus that is not negative. Raises SurplusError for percentages that are not 100."""
    check_percentages(percentages)
    if surplus_minor < 0:
        raise SurplusError("a loss has no pools")
    return {name: surplus_minor * percent(percentage) for name, percentage in percentages.items()}


def member_share(
    surplus_minor: int,
    *,
    capital_percentage: Fraction,
    dealings_percentage: Fraction,
    member: Member,
    savings_total_minor: int,
    dealings_total_minor: int,
) -> MemberShare:
    """One member's exact part: each pool by the member's part in its total; nothing where there is no total.

    Raises SurplusError for percentages beyond 100, and for a member who has more than all together.
    """
    _check_percentage(CAPITAL, capital_percentage)
    _check_percentage(DEALINGS, dealings_percentage)
    if capital_percentage + dealings_percentage > 100:
        raise SurplusError("members cannot share in more than the surplus")
    if not 0 <= member.savings_minor <= savings_total_minor or not 0 <= member.dealings_minor <= dealings_total_minor:
        raise SurplusError(f"member {member.id} has less than nothing, or more than all members together")
    surplus = max(surplus_minor, 0)
    return MemberShare(
        _part(surplus * percent(capital_percentage), member.savings_minor, savings_total_minor),
        _part(surplus * percent(dealings_percentage), member.dealings_minor, dealings_total_minor),
    )


def distribute(
    surplus_minor: int, percentages: Mapping[str, Fraction], members: Sequence[Member], rounding: Rounding
) -> Distribution:
    """Divide the surplus of a year; a loss (negative, in rupiah) distributes nothing.

    Raises SurplusError for percentages that are not 100, for a member listed twice and for negative savings or
    dealings. Payments, funds and undistributed pools together are the surplus, to the rupiah.
    """
    check_percentages(percentages)
    _check_members(members)
    pools = pools_of(max(surplus_minor, 0), percentages)
    capital_pool, dealings_pool = pools.get(CAPITAL, Fraction(0)), pools.get(DEALINGS, Fraction(0))
    savings = [member.savings_minor for member in members]
    dealings = [member.dealings_minor for member in members]
    capital_parts, dealings_parts = _parts(capital_pool, savings), _parts(dealings_pool, dealings)
    pay = _POLICIES[rounding]
    capital_paid, dealings_paid = pay(capital_pool, savings), pay(dealings_pool, dealings)
    ids = [member.id for member in members]
    undistributed = {
        name: down(pool)
        for name, pool, weights in ((CAPITAL, capital_pool, savings), (DEALINGS, dealings_pool, dealings))
        if pool and not any(weights)
    }
    funds = {name: down(pool) for name, pool in pools.items() if name not in {CAPITAL, DEALINGS, RESERVE}}
    paid = sum(capital_paid) + sum(dealings_paid) + sum(undistributed.values())
    funds[RESERVE] = max(surplus_minor, 0) - paid - sum(funds.values())
    return Distribution(
        pools=pools,
        exact=dict(zip(ids, map(MemberShare, capital_parts, dealings_parts), strict=True)),
        payments=dict(zip(ids, map(MemberPayment, capital_paid, dealings_paid), strict=True)),
        residues={
            CAPITAL: capital_pool - sum(capital_paid) - undistributed.get(CAPITAL, 0),
            DEALINGS: dealings_pool - sum(dealings_paid) - undistributed.get(DEALINGS, 0),
        },
        undistributed=undistributed,
        funds_minor=funds,
        loss_minor=max(-surplus_minor, 0),
    )


def _check_percentage(name: str, percentage: Fraction) -> None:
    if not 0 <= percentage <= 100:
        raise SurplusError(f"{name} has {to_text(percentage)} percent")


def _check_members(members: Sequence[Member]) -> None:
    if len({member.id for member in members}) != len(members):
        raise SurplusError("a member is listed twice")
    for member in members:
        if member.savings_minor < 0 or member.dealings_minor < 0:
            raise SurplusError(f"member {member.id} has less than nothing")


def _part(pool: Fraction, own: int, total: int) -> Fraction:
    return pool * own / total if total else Fraction(0)


def _parts(pool: Fraction, weights: Sequence[int]) -> list[Fraction]:
    total = sum(weights)
    return [_part(pool, weight, total) for weight in weights]


def _floored(pool: Fraction, weights: Sequence[int]) -> list[int]:
    """The whole part of each exact part, in whole numbers only: fractions of a hundred thousand members take time."""
    above, below = pool.numerator, pool.denominator * sum(weights)
    return [above * weight // below for weight in weights] if below else [0] * len(weights)


def _by_largest_remainder(pool: Fraction, weights: Sequence[int]) -> list[int]:
    """A pool that is not whole is floored first: more than the pool is never paid."""
    return allocate(down(pool), weights) if any(weights) else [0] * len(weights)


_POLICIES: Mapping[Rounding, Callable[[Fraction, Sequence[int]], list[int]]] = {
    Rounding.FLOOR: _floored,
    Rounding.LARGEST_REMAINDER: _by_largest_remainder,
}
