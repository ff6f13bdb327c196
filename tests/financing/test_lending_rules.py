"""The rules of lending: profiles, matching, terms, allocation of money. No database."""

from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from uuid import uuid4

import pytest

from services.financing.domain import credit_profile, loan_book
from services.financing.domain.credit_profile import Borrowing, Month, ShopFacts
from services.financing.domain.loan_book import Due, Share
from services.financing.domain.loans import LoanError
from services.financing.domain.matching import Criterion, Wish, may_be_reviewed, mismatches
from services.financing.domain.products import Product, kur_fault, margin_of, terms_of
from services.financing.store.rules import consent_texts, lending_rules
from shared.umkm import national_rules

AS_OF = date(2026, 11, 25)
SALES = frozenset({"sales"})


def product(**other: object) -> Product:
    plain = Product(
        product_id=uuid4(),
        lender_id=uuid4(),
        name="Modal Usaha",
        scheme="annuity",
        annual_rate_pct=Fraction(12),
        annual_margin_pct=None,
        currency="IDR",
        amount_min_minor=1_000_000,
        amount_max_minor=50_000_000,
        tenor_min_months=3,
        tenor_max_months=24,
        sectors=frozenset(),
        regions=frozenset(),
        size_classes=frozenset(),
        turnover_min_minor=0,
        certificate_scheme=None,
        kur_scheme=None,
        kur_access=None,
        share_basis_points_max=3000,
    )
    return replace(plain, **other)  # type: ignore[arg-type]  # fields by name, as tests need them


WISH = Wish(
    amount_minor=12_000_000,
    tenor_months=12,
    sector="makanan-ringan",
    region_code="18.01",
    size_class="micro",
    year_minor=40_000_000,
    certificates=frozenset(),
    scopes=frozenset({"sales", "certificates"}),
)


@pytest.mark.parametrize(
    ("change", "criterion"),
    [
        ({"amount_max_minor": 10_000_000}, Criterion.AMOUNT),
        ({"amount_min_minor": 13_000_000}, Criterion.AMOUNT),
        ({"tenor_max_months": 11}, Criterion.TENOR),
        ({"sectors": frozenset({"batik"})}, Criterion.SECTOR),
        ({"regions": frozenset({"36"})}, Criterion.REGION),
        ({"regions": frozenset({"18.71"})}, Criterion.REGION),
        ({"size_classes": frozenset({"small"})}, Criterion.SIZE),
        ({"turnover_min_minor": 40_000_001}, Criterion.TURNOVER),
        ({"certificate_scheme": "keamanan-pangan"}, Criterion.CERTIFICATE),
    ],
)
def test_each_criterion_is_named(change: dict[str, object], criterion: Criterion) -> None:
    reasons = mismatches(product(**change), WISH)

    assert [reason.criterion for reason in reasons] == [criterion]
    is_of_the_profile = criterion in (Criterion.SIZE, Criterion.TURNOVER, Criterion.CERTIFICATE)
    assert may_be_reviewed(reasons) == is_of_the_profile


@pytest.mark.parametrize(
    "change",
    [{}, {"regions": frozenset({"18"})}, {"regions": frozenset({"18.01"})}, {"turnover_min_minor": 40_000_000}],
)
def test_a_product_that_fits_has_no_reasons(change: dict[str, object]) -> None:
    assert mismatches(product(**change), WISH) == []


def test_a_criterion_that_the_consent_hides_is_said_to_be_hidden() -> None:
    hidden = replace(WISH, scopes=frozenset({"cooperative"}))

    reasons = mismatches(product(turnover_min_minor=1, certificate_scheme="keamanan-pangan"), hidden)

    assert [(reason.criterion, reason.wanted) for reason in reasons] == [(Criterion.CONSENT, "certificates, sales")]
    assert not may_be_reviewed(reasons)


def facts(*months: Month, opened_on: date = date(2024, 1, 1)) -> ShopFacts:
    return ShopFacts(uuid4(), "18.01", "kopi", opened_on, months, [], [], Borrowing(1, 0, 9, 1, 0))


def factors(shop: ShopFacts, scopes: frozenset[str]) -> dict[str, tuple[int | None, str | None]]:
    profile = credit_profile.profile_of(lending_rules(), national_rules(), shop, scopes=scopes, as_of=AS_OF)
    return {factor["name"]: (factor["value"], factor["band"]) for factor in profile["factors"]}


def test_a_profile_is_worked_out_from_months() -> None:
    shop = facts(
        Month(date(2026, 10, 1), 10, 1, 3_000_000, 500_000),
        Month(date(2026, 11, 1), 10, 0, 2_500_000, 0),
        opened_on=date(2026, 10, 3),
    )

    assert factors(shop, SALES) == {
        "turnover": (5_000_000, None),
        "parcels_completed": (20, None),
        "parcels_refunded": (1, None),
        "refund_rate": (500, "usual"),
        "months_active": (2, "short"),
        "variation": (0, "steady"),
    }


def test_months_without_sales_make_a_shop_uneven() -> None:
    steady = factors(facts(*(Month(date(2026, n, 1), 1, 0, 100, 0) for n in range(1, 12))), SALES)
    uneven = factors(facts(Month(date(2026, 11, 1), 1, 0, 1_200, 0)), SALES)

    assert steady["variation"] == (1_666, "steady")
    assert uneven["variation"] == (18_333, "uneven")


def test_only_what_the_consent_covers_is_in_the_profile() -> None:
    shop = facts(Month(date(2026, 11, 1), 1, 0, 100, 0))

    repayment = credit_profile.profile_of(
        lending_rules(), national_rules(), shop, scopes=frozenset({"repayment"}), as_of=AS_OF
    )

    assert "months" not in repayment and "memberships" not in repayment and "certificates" not in repayment
    assert factors(shop, frozenset({"repayment"})) == {"loans": (1, None), "dues_on_time": (9_000, "mostly")}


def test_the_look_back_has_twelve_months() -> None:
    assert credit_profile.look_back_from(lending_rules(), AS_OF) == date(2025, 12, 1)
    assert credit_profile.look_back_from(lending_rules(), date(2026, 12, 1)) == date(2026, 1, 1)


def test_the_size_follows_yearly_sales() -> None:
    shop = facts(Month(date(2026, 11, 1), 1, 0, 2_000_000_001, 0))

    assert credit_profile.size_class(national_rules(), shop, AS_OF) == "small"


def test_flat_looks_cheap_and_says_what_it_is() -> None:
    flat = terms_of(product(scheme="flat"), amount_minor=12_000_000, tenor_months=12)
    annuity = terms_of(product(), amount_minor=12_000_000, tenor_months=12)

    assert (flat.schedule.interest_minor, flat.instalment_minor) == (1_440_000, 1_120_000)
    assert (flat.effective_rate_pct(), annuity.effective_rate_pct()) == ("21.46", "12")


def test_an_early_first_instalment_makes_a_loan_dearer() -> None:
    annuity = terms_of(product(), amount_minor=12_000_000, tenor_months=12)

    rates = [annuity.effective_rate_pct(days) for days in (30, 15, 0)]

    assert rates == ["12", "13.02", "14.25"]
    with pytest.raises(LoanError):
        terms_of(product(tenor_min_months=1), amount_minor=12_000_000, tenor_months=1).effective_rate_pct(0)


def test_the_first_due_may_be_earlier_than_a_month() -> None:
    schedule = terms_of(product(), amount_minor=12_000_000, tenor_months=3).schedule

    dues = loan_book.dues_of(schedule, date(2026, 1, 30), first_due_days=0)

    assert [due.due_on for due in dues] == [date(2026, 1, 30), date(2026, 2, 28), date(2026, 3, 30)]


def test_the_margin_of_a_murabahah_is_fixed_at_the_contract() -> None:
    sale = product(scheme="murabahah", annual_rate_pct=None, annual_margin_pct=Fraction(9))

    terms = terms_of(sale, amount_minor=10_000_000, tenor_months=18)

    assert margin_of(Fraction(9), 10_000_000, 18) == terms.margin_minor == 1_350_000
    assert terms.schedule.paid_minor == 11_350_000


@pytest.mark.parametrize(
    ("change", "on", "word"),
    [
        ({"annual_rate_pct": Fraction(7)}, date(2026, 2, 1), "is 6 %"),
        ({"scheme": "flat"}, date(2026, 2, 1), "annuity or sliding"),
        ({"amount_max_minor": 100_000_001}, date(2026, 2, 1), "goes up to 100000000"),
        ({"kur_access": 2}, date(2025, 2, 1), "is 7 %"),
        ({"kur_scheme": "raksasa"}, date(2026, 2, 1), "raksasa"),
        ({}, date(2026, 2, 1), None),
        ({"annual_rate_pct": Fraction(7), "kur_access": 2}, date(2025, 2, 1), None),
    ],
)
def test_kur_follows_the_rules_of_the_day(change: dict[str, object], on: date, word: str | None) -> None:
    said = {
        "scheme": "annuity",
        "annual_rate_pct": Fraction(6),
        "kur_scheme": "mikro",
        "kur_access": 1,
        "amount_max_minor": 100_000_000,
    }

    fault = kur_fault(lending_rules(), on=on, **(said | change))  # type: ignore[arg-type]  # fields by name

    assert fault is None if word is None else word in (fault or "")


DUES = (
    Due(1, date(2026, 1, 31), 100, 10),
    Due(2, date(2026, 2, 28), 100, 8),
    Due(3, date(2026, 3, 31), 100, 6),
)


@pytest.mark.parametrize(
    ("amount", "shares", "rest"),
    [
        (4, (Share(1, 0, 4),), 0),
        (15, (Share(1, 5, 10),), 0),
        (115, (Share(1, 100, 10), Share(2, 0, 5)), 0),
        (324, (Share(1, 100, 10), Share(2, 100, 8), Share(3, 100, 6)), 0),
        (400, (Share(1, 100, 10), Share(2, 100, 8), Share(3, 100, 6)), 76),
    ],
)
def test_money_goes_to_the_oldest_due_and_to_cost_first(amount: int, shares: tuple[Share, ...], rest: int) -> None:
    allocation = loan_book.allocate(DUES, amount)

    assert (allocation.shares, allocation.rest_minor) == (shares, rest)
    assert loan_book.outstanding_minor(loan_book.after(DUES, allocation)) == 324 - (amount - rest)


@pytest.mark.parametrize(
    ("on", "cost", "waived"), [(date(2026, 1, 5), 10, 14), (date(2026, 2, 1), 18, 6), (date(2026, 4, 1), 24, 0)]
)
def test_ending_early_costs_the_periods_that_have_begun(on: date, cost: int, waived: int) -> None:
    ending = loan_book.settle(DUES, on=on)

    assert (ending.principal_minor, ending.cost_minor, ending.waived_minor) == (300, cost, waived)
    assert loan_book.outstanding_minor(loan_book.after(DUES, ending)) == 0


def test_the_last_day_of_short_months() -> None:
    assert [loan_book.months_after(date(2026, 1, 31), n) for n in (1, 2, 13)] == [
        date(2026, 2, 28),
        date(2026, 3, 31),
        date(2027, 2, 28),
    ]


def test_days_past_due_count_from_the_oldest_open_due() -> None:
    assert loan_book.days_past_due(DUES, as_of=date(2026, 1, 31)) == 0
    assert loan_book.days_past_due(DUES, as_of=date(2026, 3, 2)) == 30
    paid = loan_book.after(DUES, loan_book.allocate(DUES, 110))
    assert loan_book.days_past_due(paid, as_of=date(2026, 3, 2)) == 2


def test_a_text_that_was_agreed_to_has_one_hash() -> None:
    moment = datetime(2027, 1, 1, tzinfo=UTC)

    one = consent_texts().words("2026-1", "id", scopes=["sales"], purpose="credit_assessment", until=moment)
    again = consent_texts().words("2026-1", "id", scopes=["sales"], purpose="credit_assessment", until=moment)
    other = consent_texts().words("2026-1", "id", scopes=["repayment"], purpose="credit_assessment", until=moment)

    assert len(one.sha256) == 64 and one.sha256 == again.sha256 != other.sha256
