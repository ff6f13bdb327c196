"""A year's surplus divided by an allocation: what `surplus.distribute` says, in the words of the API and the books.

What must stay true: funds, members' parts and what nobody can share in are together the surplus, to the rupiah.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID

from services.cooperatives.domain.allocation import NAMES, percentages_of
from services.cooperatives.domain.surplus import (
    CAPITAL,
    DEALINGS,
    Distribution,
    Member,
    MemberShare,
    Rounding,
    distribute,
    member_share,
)
from shared.exact import down, percent


@dataclass(frozen=True, slots=True)
class Share:
    """What a member gets, and of what; all in rupiah."""

    member_id: UUID
    savings_minor: int
    dealings_minor: int
    capital_minor: int
    service_minor: int

    @property
    def total_minor(self) -> int:
        """Both parts together."""
        return self.capital_minor + self.service_minor


@dataclass(frozen=True, slots=True)
class Division:
    """A surplus divided; `funds` by the API's names, in rupiah. A loss divides nothing."""

    surplus_minor: int
    allocation: Mapping[str, int]
    rounding: Rounding
    funds: Mapping[str, int]
    undistributed: Mapping[str, int]
    shares: Sequence[Share]
    exact: Distribution

    @property
    def members_minor(self) -> int:
        """What members get together."""
        return self.exact.distributed_minor

    @property
    def undistributed_minor(self) -> int:
        """Pools in which nobody can share; they stay undivided."""
        return sum(self.undistributed.values())

    @property
    def savings_total_minor(self) -> int:
        """The base of the service to capital."""
        return sum(share.savings_minor for share in self.shares)

    @property
    def dealings_total_minor(self) -> int:
        """The base of the service to dealings."""
        return sum(share.dealings_minor for share in self.shares)


def divide(
    surplus_minor: int,
    allocation: Mapping[str, int],
    bases: Iterable[tuple[UUID, int, int]],
    rounding: Rounding,
) -> Division:
    """Divide by basis points; `bases` are (member, savings, dealings). The allocation was checked before."""
    members = [Member(str(member_id), savings, dealings) for member_id, savings, dealings in bases]
    divided = distribute(surplus_minor, percentages_of(allocation), members, rounding)
    return Division(
        surplus_minor,
        allocation,
        rounding,
        {NAMES[pool]: amount for pool, amount in divided.funds_minor.items()},
        {NAMES[pool]: amount for pool, amount in divided.undistributed.items()},
        [
            Share(
                UUID(member.id),
                member.savings_minor,
                member.dealings_minor,
                payment.capital_minor,
                payment.dealings_minor,
            )
            for member, payment in zip(members, divided.payments.values(), strict=True)
        ],
        divided,
    )


def exact_share(
    surplus_minor: int, allocation: Mapping[str, int], *, savings: tuple[int, int], dealings: tuple[int, int]
) -> MemberShare:
    """A member's exact part, from their own and everybody's savings and dealings."""
    percentages = percentages_of(allocation)
    return member_share(
        surplus_minor,
        capital_percentage=percentages.get(CAPITAL, Fraction(0)),
        dealings_percentage=percentages.get(DEALINGS, Fraction(0)),
        member=Member("", savings[0], dealings[0]),
        savings_total_minor=savings[1],
        dealings_total_minor=dealings[1],
    )


def residue_of(surplus_minor: int, allocation: Mapping[str, int], members_minor: int, undistributed_minor: int) -> int:
    """What rounding left of the members' pools, in whole rupiah; the reserve has it."""
    percentages = percentages_of(allocation)
    pools = sum((percentages.get(pool, Fraction(0)) for pool in (CAPITAL, DEALINGS)), Fraction(0))
    return down(max(surplus_minor, 0) * percent(pools)) - members_minor - undistributed_minor
