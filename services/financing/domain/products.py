"""What a lender would lend, and what a loan of it would cost.

What must stay true: the cost is known to the rupiah before anybody agrees; KUR follows the dated rules of the day.
"""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal
from uuid import UUID

from services.financing.domain import lending_rules, loans
from services.financing.domain.loans import LoanError, Murabahah, Schedule
from shared.exact import half_up, percent, to_text
from shared.rules import NoRule, Rules

DAYS_OF_MONTH = 30  # 30/360, as the schedules count
Scheme = Literal["annuity", "flat", "sliding", "murabahah"]


@dataclass(frozen=True, slots=True)
class Product:
    """A loan product. Rates and margins are percent of a year; an empty set of criteria fits everybody."""

    product_id: UUID
    lender_id: UUID
    name: str
    scheme: Scheme
    annual_rate_pct: Fraction | None
    annual_margin_pct: Fraction | None
    currency: str
    amount_min_minor: int
    amount_max_minor: int
    tenor_min_months: int
    tenor_max_months: int
    sectors: frozenset[str]
    regions: frozenset[str]
    size_classes: frozenset[str]
    turnover_min_minor: int
    certificate_scheme: str | None
    kur_scheme: str | None
    kur_access: int | None
    share_basis_points_max: int


@dataclass(frozen=True, slots=True)
class Terms:
    """One loan to the rupiah: its schedule, and what it costs. `margin_minor` only for a murabahah."""

    schedule: Schedule
    margin_minor: int | None

    @property
    def instalment_minor(self) -> int:
        """The highest instalment."""
        return max(row.payment_minor for row in self.schedule.rows)

    def effective_rate_pct(self, first_due_days: int | None = None) -> str:
        """Percent a year, effective, as OJK has it printed: with two digits. An early first due makes it higher."""
        principal = Fraction(self.schedule.principal_minor)
        payments = [Fraction(row.payment_minor) for row in self.schedule.rows]
        first_period = Fraction(1) if first_due_days is None else Fraction(first_due_days, DAYS_OF_MONTH)
        return to_text(loans.effective_annual_rate(principal, payments, first_period=first_period) * 100, 2)


def margin_of(annual_margin_pct: Fraction, amount_minor: int, tenor_months: int) -> int:
    """The margin of a murabahah in rupiah: so many percent of the cost for each year, rounded half up, then fixed."""
    return half_up(amount_minor * percent(annual_margin_pct) * Fraction(tenor_months, loans.MONTHS_OF_YEAR))


def terms_of(product: Product, *, amount_minor: int, tenor_months: int) -> Terms:
    """What a loan of this product would be."""
    margin_minor = None
    if product.annual_margin_pct is not None:
        margin_minor = margin_of(product.annual_margin_pct, amount_minor, tenor_months)
    schedule = schedule_of(
        product.scheme,
        amount_minor=amount_minor,
        tenor_months=tenor_months,
        annual_rate_pct=product.annual_rate_pct,
        margin_minor=margin_minor,
    )
    return Terms(schedule, margin_minor)


def schedule_of(
    scheme: Scheme,
    *,
    amount_minor: int,
    tenor_months: int,
    annual_rate_pct: Fraction | None,
    margin_minor: int | None,
) -> Schedule:
    """The rows of a loan. Raises LoanError when the scheme lacks its rate or margin."""
    if scheme == "murabahah":
        if margin_minor is None:
            raise LoanError("a murabahah has a margin")
        sale = Murabahah(Fraction(amount_minor), Fraction(margin_minor), Fraction(0), tenor_months)
        return sale.schedule()
    if annual_rate_pct is None:
        raise LoanError(f"a loan by {scheme} has a rate")
    kinds = {"annuity": loans.annuity, "flat": loans.flat, "sliding": loans.sliding}
    return kinds[scheme](amount_minor, percent(annual_rate_pct), tenor_months)


def kur_fault(
    rules: Rules,
    *,
    scheme: Scheme,
    annual_rate_pct: Fraction | None,
    kur_scheme: str,
    kur_access: int,
    amount_max_minor: int,
    on: date,
) -> str | None:
    """Why this is no KUR loan on that day, None when it is one."""
    if scheme not in ("annuity", "sliding"):
        return "the rate of KUR is an effective one: annuity or sliding"
    try:
        wanted_pct = lending_rules.kur_rate_pct(rules, kur_scheme, access=kur_access, on=on)
        entries = {entry["name"]: entry["amount_max_minor"] for entry in rules.in_force("kur", on).get("schemes")}
    except NoRule as error:
        return str(error)
    if annual_rate_pct != wanted_pct:
        return f"the rate of KUR {kur_scheme} is {to_text(wanted_pct)} % on {on}"
    limit_minor = entries.get(kur_scheme, max(entries.values()))
    if amount_max_minor > limit_minor:
        return f"KUR {kur_scheme} goes up to {limit_minor}"
    return None
