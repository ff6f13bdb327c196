"""The surplus of a year: to the rupiah, never more than there is, for any members and any percentages."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cooperatives.domain.surplus import (
    CAPITAL,
    DEALINGS,
    RESERVE,
    Member,
    Rounding,
    SurplusError,
    check_percentages,
    distribute,
    member_share,
)
from shared.exact import exact

USUAL = {RESERVE: Fraction(40), CAPITAL: Fraction(25), DEALINGS: Fraction(25), "sosial": Fraction(10)}
BOTH = list(Rounding)

amounts = st.integers(0, 10**15)
member_lists = st.lists(st.tuples(amounts, amounts), max_size=20).map(
    lambda pairs: [Member(str(number), *pair) for number, pair in enumerate(pairs)]
)
# Five percentages in hundredths that are 100 together.
splits = st.lists(st.integers(0, 10_000), min_size=4, max_size=4).map(
    lambda cuts: dict(
        zip(
            [RESERVE, CAPITAL, DEALINGS, "pendidikan", "sosial"],
            [Fraction(high - low, 100) for low, high in zip([0, *sorted(cuts)], [*sorted(cuts), 10_000], strict=True)],
            strict=True,
        )
    )
)


@given(amounts, splits, member_lists, st.sampled_from(BOTH))
def test_every_rupiah_goes_somewhere_and_no_pool_is_overdrawn(
    surplus: int, percentages: dict[str, Fraction], members: list[Member], rounding: Rounding
) -> None:
    divided = distribute(surplus, percentages, members, rounding)

    kept = sum(divided.funds_minor.values()) + sum(divided.undistributed.values())
    assert divided.distributed_minor + kept == surplus
    assert all(amount >= 0 for amount in divided.funds_minor.values())
    assert sum(paid.capital_minor for paid in divided.payments.values()) <= divided.pools[CAPITAL]
    assert sum(paid.dealings_minor for paid in divided.payments.values()) <= divided.pools[DEALINGS]
    assert divided.funds_minor[RESERVE] >= divided.pools[RESERVE] - 1


@given(amounts, splits, member_lists, st.sampled_from(BOTH))
def test_a_payment_is_within_a_rupiah_of_the_exact_share(
    surplus: int, percentages: dict[str, Fraction], members: list[Member], rounding: Rounding
) -> None:
    divided = distribute(surplus, percentages, members, rounding)

    for member, paid in divided.payments.items():
        assert abs(paid.capital_minor - divided.exact[member].capital) < 2
        assert abs(paid.dealings_minor - divided.exact[member].dealings) < 2


def test_a_pool_that_is_not_whole_pays_what_is_whole_and_leaves_the_rest_to_the_reserve() -> None:
    members = [Member("A", 1, 1), Member("B", 1, 1)]

    divided = distribute(10_000_003, USUAL, members, Rounding.LARGEST_REMAINDER)

    assert divided.pools[CAPITAL] == Fraction("2500000.75")
    assert divided.residues == {CAPITAL: Fraction("0.75"), DEALINGS: Fraction("0.75")}
    assert divided.distributed_minor == 5_000_000
    assert divided.funds_minor == {"sosial": 1_000_000, RESERVE: 4_000_003}


@pytest.mark.parametrize("rounding", BOTH)
def test_a_loss_pays_nobody_and_is_named(rounding: Rounding) -> None:
    divided = distribute(-5_000_000, USUAL, [Member("A", 10, 10)], rounding)

    assert (divided.distributed_minor, divided.loss_minor) == (0, 5_000_000)
    assert set(divided.funds_minor.values()) == {0}


@pytest.mark.parametrize("rounding", BOTH)
def test_without_members_or_surplus_nothing_divides_by_zero(rounding: Rounding) -> None:
    nobody = distribute(1_000, USUAL, [], rounding)
    nothing = distribute(0, USUAL, [Member("A", 1, 0)], rounding)

    assert nobody.undistributed == {CAPITAL: 250, DEALINGS: 250}
    assert nothing.distributed_minor == 0
    assert nothing.undistributed == {}


def test_ties_go_to_the_member_listed_first() -> None:
    members = [Member(name, 1, 0) for name in "ZYX"]

    divided = distribute(8, {CAPITAL: Fraction(100)}, members, Rounding.LARGEST_REMAINDER)

    assert [paid.capital_minor for paid in divided.payments.values()] == [3, 3, 2]


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (["99.99"], "percentages sum to 99.99, not 100"),
        (["33.333333", "33.333333", "33.333333"], "percentages sum to 99.999999, not 100"),
        (["50", "50.000001"], "percentages sum to 100.000001, not 100"),
        (["150", "-50"], "pool 0 has 150 percent"),
        (["110", "-10"], "pool 0 has 110 percent"),
        (["-10", "110"], "pool 0 has -10 percent"),
        ([], "percentages sum to 0, not 100"),
    ],
)
def test_percentages_are_exactly_a_hundred(texts: list[str], sentence: str) -> None:
    with pytest.raises(SurplusError, match=sentence):
        check_percentages({f"pool {number}": exact(text) for number, text in enumerate(texts)})


def test_thirds_as_fractions_are_a_hundred() -> None:
    check_percentages({str(number): Fraction(100, 3) for number in range(3)})


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ([Member("A", 1, 1), Member("A", 1, 1)], "listed twice"),
        ([Member("A", -1, 1)], "less than nothing"),
        ([Member("A", 1, -1)], "less than nothing"),
    ],
)
def test_impossible_members_are_refused(members: list[Member], sentence: str) -> None:
    with pytest.raises(SurplusError, match=sentence):
        distribute(100, USUAL, members, Rounding.FLOOR)


def _share(surplus: int, *, savings: int = 1, of_savings: int = 10, pct: str = "20") -> Fraction:
    return member_share(
        surplus,
        capital_percentage=exact(pct),
        dealings_percentage=Fraction(30),
        member=Member("A", savings, 0),
        savings_total_minor=of_savings,
        dealings_total_minor=0,
    ).total


def test_a_share_is_exact_for_huge_amounts_and_nothing_of_a_loss() -> None:
    assert _share(10**15, savings=1, of_savings=3) == Fraction(2 * 10**14, 3)
    assert _share(-1) == 0


@pytest.mark.parametrize("given", [{"savings": 11}, {"savings": -1}, {"pct": "70.01"}, {"pct": "-1"}, {"pct": "101"}])
def test_an_impossible_share_is_refused(given: dict[str, int | str]) -> None:
    with pytest.raises(SurplusError):
        _share(100, **given)  # type: ignore[arg-type]  # a table of both kinds of argument
