"""Taxes on sales beyond the vectors: crossing limits, the switch that is off, rounding that is stated."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.vectors.rule_files import ORDERS
from services.orders.domain import taxes
from services.orders.domain.taxes import Sale, Taxpayer
from shared.rules import NoRule

TODAY = date(2026, 1, 27)


def _withheld(sale: Sale, *, is_switched_on: bool = True) -> Fraction:
    return taxes.marketplace_withholding(ORDERS, sale, on=TODAY, is_switched_on=is_switched_on)


def test_nobody_was_appointed_so_nothing_is_withheld() -> None:
    assert not taxes.is_withholding_switched_on(ORDERS, TODAY)
    assert not taxes.is_withholding_switched_on(ORDERS, date(2099, 1, 1))
    assert _withheld(Sale(Taxpayer.ENTITY, 10**9), is_switched_on=False) == 0


def test_only_individuals_are_spared_for_a_small_turnover() -> None:
    declared = {"has_declared_small_turnover": True}

    assert _withheld(Sale(Taxpayer.INDIVIDUAL, 1_000_000, **declared)) == 0
    assert _withheld(Sale(Taxpayer.ENTITY, 1_000_000, **declared)) == 5_000
    assert _withheld(Sale(Taxpayer.INDIVIDUAL, 1_000_000, has_exemption_letter=True)) == 0
    assert _withheld(Sale(Taxpayer.INDIVIDUAL, 1_000_000, is_excluded_supply=True)) == 0
    assert _withheld(Sale(Taxpayer.INDIVIDUAL, 199)) == Fraction("0.995")
    assert _withheld(Sale(Taxpayer.INDIVIDUAL, 0)) == 0


def test_withholding_did_not_exist_before_its_regulation() -> None:
    with pytest.raises(NoRule, match="2025-07-13"):
        taxes.is_withholding_switched_on(ORDERS, date(2025, 7, 13))


@pytest.mark.parametrize(
    ("gross", "taxable"),
    [
        ([500_000_000], [0]),
        ([500_000_001], [1]),
        ([499_999_999, 1, 1], [0, 0, 1]),
        ([0, 0, 600_000_000, 0], [0, 0, 100_000_000, 0]),
        ([10**12], [10**12 - 500_000_000]),
        ([], []),
    ],
)
def test_the_untaxed_part_is_used_up_once_a_year(gross: list[int], taxable: list[int]) -> None:
    months = taxes.final_tax_of_year(ORDERS, Taxpayer.INDIVIDUAL, gross, on=TODAY)

    assert [month.taxable_minor for month in months] == taxable


@given(st.lists(st.integers(0, 10**12), max_size=12))
def test_a_years_tax_does_not_depend_on_its_months(gross: list[int]) -> None:
    months = taxes.final_tax_of_year(ORDERS, Taxpayer.INDIVIDUAL, gross, on=TODAY)

    assert sum(month.tax for month in months) == max(sum(gross) - 500_000_000, 0) * Fraction(5, 1000)


def test_final_tax_in_whole_rupiah_is_rounded_down() -> None:
    (month,) = taxes.final_tax_of_year(ORDERS, Taxpayer.ENTITY, [399], on=TODAY)

    assert (month.tax, month.tax_minor) == (Fraction("1.995"), 1)


@pytest.mark.parametrize("gross", [[1] * 13, [-1]])
def test_what_is_no_year_is_refused(gross: list[int]) -> None:
    with pytest.raises(ValueError, match="twelve months"):
        taxes.final_tax_of_year(ORDERS, Taxpayer.ENTITY, gross, on=TODAY)


@pytest.mark.parametrize("price", [0, 1, 7, 999_999, 10**15])
def test_ordinary_goods_carry_eleven_percent_and_luxury_twelve(price: int) -> None:
    ordinary = taxes.value_added_tax(ORDERS, price, is_luxury=False, on=TODAY)
    luxury = taxes.value_added_tax(ORDERS, price, is_luxury=True, on=TODAY)

    assert ordinary.tax == Fraction(11 * price, 100)
    assert luxury == taxes.ValueAddedTax(Fraction(price), Fraction(12 * price, 100))


def _fee(criteria: str, amount: int, on: date = TODAY) -> Fraction:
    return taxes.qris_fee(ORDERS, criteria, amount, on=on).fee


def test_small_payments_are_free_for_micro_merchants_only() -> None:
    assert [_fee("UMI", amount) for amount in (0, 1, 500_000)] == [0, 0, 0]
    assert _fee("UMI", 500_001) == Fraction("1500.003")
    assert _fee("UBE", 1) == Fraction("0.007")


def test_fees_are_those_of_the_day() -> None:
    assert _fee("BLU", 100_000, date(2025, 3, 14)) == 400
    assert _fee("BLU", 100_000, date(2025, 3, 15)) == 0
    with pytest.raises(NoRule):
        _fee("UMI", 1, date(2024, 11, 30))


def test_unknown_criteria_and_negative_amounts_are_refused() -> None:
    with pytest.raises(NoRule, match="XXL"):
        _fee("XXL", 1)
    with pytest.raises(ValueError, match="not negative"):
        _fee("UMI", -1)
    with pytest.raises(ValueError, match="not negative"):
        taxes.value_added_tax(ORDERS, -1, is_luxury=False, on=TODAY)
    with pytest.raises(ValueError, match="not negative"):
        _withheld(Sale(Taxpayer.ENTITY, -1))
