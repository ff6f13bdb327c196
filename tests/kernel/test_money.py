"""Money: parts add up, come close to their share, and are written as people write them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import AMOUNT_MINOR_MAX, allocate, rupiah

amounts = st.integers(0, AMOUNT_MINOR_MAX)
weights = st.lists(st.integers(0, 10**12), min_size=1, max_size=30).filter(any)


@given(amounts, weights)
def test_parts_add_up_to_the_total(total: int, shares: list[int]) -> None:
    parts = allocate(total, shares)

    assert sum(parts) == total
    assert len(parts) == len(shares)


@given(amounts, weights)
def test_no_part_is_a_whole_unit_off_its_share(total: int, shares: list[int]) -> None:
    for part, share in zip(allocate(total, shares), shares, strict=True):
        assert abs(part * sum(shares) - total * share) < sum(shares)


@given(amounts, weights)
def test_a_larger_share_never_gets_less_and_none_gets_nothing(total: int, shares: list[int]) -> None:
    parts = allocate(total, shares)

    by_share = sorted(zip(shares, parts, strict=True))
    assert all(small <= large for (a, small), (b, large) in pairwise(by_share) if a < b)
    assert all(part == 0 for share, part in zip(shares, parts, strict=True) if share == 0)


@pytest.mark.parametrize(
    ("total", "shares", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (101, [1, 1, 1], [34, 34, 33]),
        (2, [1, 1, 1], [1, 1, 0]),
        (10, [0, 1], [0, 10]),
        (0, [1, 2], [0, 0]),
        (10, [1, 2, 3], [2, 3, 5]),
    ],
)
def test_the_remainder_goes_to_the_largest_fractions_first_listed_first(
    total: int, shares: list[int], parts: list[int]
) -> None:
    assert allocate(total, shares) == parts


@pytest.mark.parametrize(("total", "shares"), [(-1, [1]), (1, [-1, 2]), (1, [0, 0]), (1, [])])
def test_what_cannot_be_shared_is_refused(total: int, shares: list[int]) -> None:
    with pytest.raises(ValueError, match="allocate needs"):
        allocate(total, shares)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "Rp0"),
        (999, "Rp999"),
        (1_234_567, "Rp1.234.567"),
        (-25_000, "-Rp25.000"),
        (10**15, "Rp1.000.000.000.000.000"),
    ],
)
def test_rupiah_are_written_as_people_write_them(amount: int, text: str) -> None:
    assert rupiah(amount) == text
