"""Loans beyond the vectors: schedules of any size end at zero, limits are inclusive, rules are those of their day."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.vectors.rule_files import FINANCING
from services.financing.domain import lending_rules, loans
from services.financing.domain.loans import LoanError, Murabahah, Schedule
from shared.exact import to_places
from shared.rules import NoRule

TODAY = date(2026, 1, 27)
principals = st.integers(1, 10**12)
rates = st.integers(0, 1000).map(lambda thousandths: Fraction(thousandths, 1000))
terms = st.integers(1, 120)


def _holds(schedule: Schedule, principal: int, months: int) -> None:
    assert len(schedule.rows) == months
    assert schedule.principal_minor == principal
    assert schedule.rows[-1].balance_minor == 0
    balance = principal
    for row in schedule.rows:
        assert row.principal_minor >= 0
        assert row.interest_minor >= 0
        balance -= row.principal_minor
        assert row.balance_minor == balance >= 0


@settings(max_examples=60)
@given(principals, rates, terms)
def test_every_schedule_pays_back_the_principal_and_never_more(principal: int, rate: Fraction, months: int) -> None:
    for method in (loans.annuity, loans.sliding, loans.flat):
        _holds(method(principal, rate, months), principal, months)


@settings(max_examples=60)
@given(principals, rates, st.integers(2, 120), st.integers(0, 119))
def test_grace_pays_interest_alone_and_then_all(principal: int, rate: Fraction, months: int, grace: int) -> None:
    grace %= months

    schedule = loans.annuity_with_grace(principal, rate, months, grace_months=grace)

    _holds(schedule, principal, months)
    assert all(row.balance_minor == principal for row in schedule.rows[:grace])


@settings(max_examples=30)
@given(principals, rates, terms)
def test_flat_interest_is_rounded_once_for_the_whole_loan(principal: int, rate: Fraction, months: int) -> None:
    exact_interest = loans.flat_terms(Fraction(principal), rate, months).total_interest

    assert abs(loans.flat(principal, rate, months).interest_minor - exact_interest) <= Fraction(1, 2)


@settings(max_examples=30)
@given(principals, rates, terms)
def test_an_annuity_is_worth_its_principal_at_its_own_rate(principal: int, rate: Fraction, months: int) -> None:
    payment = loans.level_payment(Fraction(principal), rate, months)

    found = loans.effective_annual_rate(Fraction(principal), [payment] * months)

    assert abs(found - rate) < Fraction(1, 10**10)


def test_a_single_month_and_a_single_rupiah() -> None:
    assert [row.payment_minor for row in loans.annuity(1_000_000, Fraction(6, 100), 1).rows] == [1_005_000]
    assert [row.principal_minor for row in loans.flat(5, Fraction(0), 10).rows] == [1] * 5 + [0] * 5
    assert [row.principal_minor for row in loans.sliding(1, Fraction(0), 3).rows] == [0, 0, 1]


def test_the_last_row_of_a_flat_loan_takes_what_rounding_left_of_both() -> None:
    schedule = loans.flat(10_000_000, Fraction(5, 100), 7)

    assert [row.interest_minor for row in schedule.rows] == [41_667] * 6 + [41_665]
    assert schedule.rows[-1].principal_minor == 1_428_574
    assert schedule.interest_minor == 291_667


def test_six_percent_flat_is_eleven_percent_effective() -> None:
    payment = loans.flat_terms(Fraction(50_000_000), Fraction(6, 100), 36).payment

    effective = loans.effective_annual_rate(Fraction(50_000_000), [payment] * 36)

    assert to_places(effective * 100, 2) == "11.08"


def test_a_rate_beyond_all_reason_is_still_found() -> None:
    effective = loans.effective_annual_rate(Fraction(100), [Fraction(1_000)])

    assert to_places(effective, 6) == "108.000000"


@pytest.mark.parametrize(
    ("principal", "rate", "months"), [(0, "0.06", 12), (-1, "0.06", 12), (1, "-0.01", 12), (1, "0.06", 0)]
)
def test_what_is_no_loan_is_refused(principal: int, rate: str, months: int) -> None:
    for method in (loans.annuity, loans.sliding, loans.flat):
        with pytest.raises(LoanError):
            method(principal, Fraction(rate), months)


@pytest.mark.parametrize("grace", [-1, 12, 13])
def test_grace_must_leave_a_month(grace: int) -> None:
    with pytest.raises(LoanError, match="grace"):
        loans.annuity_with_grace(1_000, Fraction(0), 12, grace_months=grace)


def test_payments_below_the_principal_have_no_rate() -> None:
    with pytest.raises(LoanError):
        loans.effective_annual_rate(Fraction(100), [Fraction(99)])


def _sale(cost: str, margin: str, down: str, months: int) -> Murabahah:
    return Murabahah(Fraction(cost), Fraction(margin), Fraction(down), months)


def test_a_murabahah_in_whole_rupiah_recognises_all_margin_and_all_cost() -> None:
    schedule = _sale("80000000", "7375570", "20000000", 18).schedule()

    _holds(schedule, 60_000_000, 18)
    assert schedule.interest_minor == 7_375_570
    assert schedule.rows[0].payment_minor == 3_333_333 + 409_754


@pytest.mark.parametrize(("margin", "months"), [("3600000", 12), ("1", 7), ("0", 5), ("7375570.25", 18)])
def test_recognition_by_annuity_only_moves_the_margin(margin: str, months: int) -> None:
    sale = _sale("24000000", margin, "2400000", months)

    rows = sale.annuity_recognition()

    assert sum(part for part, _ in rows) == Fraction(margin)
    assert sum(cost for _, cost in rows) == sale.financed_cost
    assert {part + cost for part, cost in rows} == {sale.instalment}
    assert [part for part, _ in rows] == sorted((part for part, _ in rows), reverse=True)


@pytest.mark.parametrize(
    ("cost", "margin", "down", "months"),
    [("1", "1", "1", 1), ("1", "-1", "0", 1), ("1", "1", "-1", 1), ("1", "1", "0", 0)],
)
def test_what_is_no_murabahah_is_refused(cost: str, margin: str, down: str, months: int) -> None:
    with pytest.raises(LoanError):
        _sale(cost, margin, down, months)


def test_non_performing_begins_with_the_ninety_first_day() -> None:
    kol = [lending_rules.collectability(FINANCING, days, on=TODAY) for days in (89, 90, 91, 10**6)]

    assert kol == [2, 2, 3, 5]
    assert [lending_rules.is_non_performing(FINANCING, each, on=TODAY) for each in kol] == [False, False, True, True]
    with pytest.raises(ValueError, match="not negative"):
        lending_rules.collectability(FINANCING, -1, on=TODAY)


def _cap(segment: str, tenor: int, days: int, on: date = TODAY) -> lending_rules.BenefitCap:
    return lending_rules.online_lending_cap(
        FINANCING, segment, principal_minor=1_000_000, tenor_months=tenor, days=days, on=on
    )


def test_a_tenor_of_exactly_six_months_gets_the_lower_cap() -> None:
    assert _cap("consumptive", 5, 10).rate_pct_per_day == Fraction("0.3")
    assert _cap("consumptive", 6, 10).rate_pct_per_day == Fraction("0.2")
    assert _cap("productive_ultra_micro", 5, 1).max_benefit == 2_750


def test_benefit_never_passes_the_principal() -> None:
    assert _cap("consumptive", 5, 333).max_benefit == 999_000
    assert _cap("consumptive", 5, 334).max_benefit == 1_000_000
    assert _cap("consumptive", 5, 0).max_benefit == 0


def test_unknown_segments_and_days_before_the_rule_are_refused() -> None:
    with pytest.raises(NoRule, match="gambling"):
        _cap("gambling", 5, 1)
    with pytest.raises(NoRule, match="2024-12-31"):
        _cap("consumptive", 5, 1, on=date(2024, 12, 31))


def test_rates_of_kur_are_those_of_the_year_and_of_the_access() -> None:
    last, first = date(2025, 12, 31), date(2026, 1, 1)

    def rate(scheme: str, access: int, on: date) -> Fraction:
        return lending_rules.kur_rate_pct(FINANCING, scheme, access=access, on=on)

    assert [rate("kecil", access, last) for access in (1, 2, 3, 4)] == [6, 7, 8, 9]
    assert rate("kecil", 17, first) == 6
    assert rate("super_mikro", 1, last) == 3
    assert rate("khusus", 1, last) == 6
    with pytest.raises(NoRule, match="no access number 5"):
        rate("mikro", 5, last)
    with pytest.raises(NoRule, match="raksasa"):
        rate("raksasa", 1, last)
    with pytest.raises(ValueError, match="first access"):
        rate("mikro", 0, last)


@pytest.mark.parametrize("amount", [0, -1])
def test_no_amount_has_no_scheme(amount: int) -> None:
    with pytest.raises(ValueError, match="needs an amount"):
        lending_rules.kur_scheme(FINANCING, amount, on=TODAY)
