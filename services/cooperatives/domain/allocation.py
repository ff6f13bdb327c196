"""How a meeting of members divides a surplus: basis points per fund, all of them together the whole.

What must stay true: the names are the API's, the pools those of `surplus`, the codes those of the chart.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from services.cooperatives.domain.meeting_problems import AllocationNotWhole
from services.cooperatives.domain.surplus import CAPITAL, DEALINGS, RESERVE

WHOLE_BASIS_POINTS = 10_000

POOLS = {
    "reserve": RESERVE,
    "member_capital": CAPITAL,
    "member_service": DEALINGS,
    "management": "pengurus",
    "staff": "karyawan",
    "education": "pendidikan",
    "social": "sosial",
    "area_development": "pembangunan_daerah",
}
FUND_CODES = {
    RESERVE: "3201",
    "pendidikan": "2104",
    "sosial": "2105",
    "pengurus": "2106",
    "karyawan": "2107",
    "pembangunan_daerah": "2108",
}
UNDIVIDED = "3301"
PAYABLE_TO_MEMBER = "2103"

NAMES = {pool: name for name, pool in POOLS.items()}


def check_allocation(basis_points: Mapping[str, int]) -> dict[str, int]:
    """The allocation without funds that get nothing. Raises AllocationNotWhole unless all are 10,000 together."""
    together = sum(basis_points.values())
    if together != WHOLE_BASIS_POINTS:
        raise AllocationNotWhole(f"the basis points sum to {together}, not {WHOLE_BASIS_POINTS}")
    return {name: points for name, points in basis_points.items() if points}


def percentages_of(basis_points: Mapping[str, int]) -> dict[str, Fraction]:
    """The percentages by pool that `surplus.distribute` takes; the reserve is always among them."""
    parts = {POOLS[name]: Fraction(points, 100) for name, points in basis_points.items()}
    return {RESERVE: Fraction(0)} | parts


def is_same(one: Mapping[str, Any] | None, other: Mapping[str, int]) -> bool:
    """Whether two allocations give every fund the same; a fund that is not named gets nothing."""
    return one is not None and all(one.get(name, 0) == other.get(name, 0) for name in POOLS)
