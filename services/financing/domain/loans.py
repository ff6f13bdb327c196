"""Schedules of loans: annuity, flat, sliding (equal principal), annuity after grace, murabahah.

What must stay true: principal parts are the principal exactly, the last balance is zero and none is negative. Periods
are months, the rate of a period is a twelfth of the year's (30/360, no counting of days). Exact values are rationals;
rows are whole rupiah, the level payment and each interest rounded half up, and the last row takes what is left of the
principal. Rates are fractions of one: 6 % a year is 6/100.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from shared.exact import half_up

MONTHS_OF_YEAR = 12
_RATE_STEPS = 10**24  # how finely a rate of a period is searched for: far below the digits that anyone prints


class LoanError(ValueError):
    """There is no such loan; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Row:
    """One instalment in whole rupiah; `balance_minor` is the principal still owed after it."""

    number: int
    principal_minor: int
    interest_minor: int
    balance_minor: int

    @property
    def payment_minor(self) -> int:
        """Principal and interest together."""
        return self.principal_minor + self.interest_minor


@dataclass(frozen=True, slots=True)
class Schedule:
    """All instalments of a loan."""

    rows: tuple[Row, ...]

    @property
    def principal_minor(self) -> int:
        """What was lent."""
        return sum(row.principal_minor for row in self.rows)

    @property
    def interest_minor(self) -> int:
        """All interest together."""
        return sum(row.interest_minor for row in self.rows)

    @property
    def paid_minor(self) -> int:
        """All payments together."""
        return self.principal_minor + self.interest_minor


def level_payment(principal: Fraction, annual_rate: Fraction, months: int) -> Fraction:
    """The exact instalment of an annuity, P r / (1 - (1 + r)^-n); without interest P / n.

    Raises LoanError for a principal or a term that is not positive, and for a negative rate.
    """
    _check(principal, annual_rate, months)
    rate = annual_rate / MONTHS_OF_YEAR
    if not rate:
        return principal / months
    growth = (1 + rate) ** months
    return principal * rate * growth / (growth - 1)


def annuity(principal_minor: int, annual_rate: Fraction, months: int) -> Schedule:
    """Level payments with interest on the balance. Raises LoanError as `level_payment` does."""
    return annuity_with_grace(principal_minor, annual_rate, months, grace_months=0)


def annuity_with_grace(principal_minor: int, annual_rate: Fraction, months: int, *, grace_months: int) -> Schedule:
    """Interest alone for the months of grace, then an annuity over the rest; `months` counts both.

    That interest is paid during grace is our reading of PMK 49/2025, which does not say. Raises LoanError when grace
    leaves no month for the principal.
    """
    if not 0 <= grace_months < months:
        raise LoanError("grace leaves no month to pay back in")
    exact_payment = level_payment(Fraction(principal_minor), annual_rate, months - grace_months)
    payment_minor = half_up(exact_payment)
    monthly_rate = annual_rate / MONTHS_OF_YEAR
    rows: list[Row] = []
    balance_minor = principal_minor
    for number in range(1, months + 1):
        interest_minor = half_up(balance_minor * monthly_rate)
        if number <= grace_months:
            part_minor = 0
        elif number == months:
            part_minor = balance_minor
        else:
            part_minor = min(max(payment_minor - interest_minor, 0), balance_minor)
        balance_minor -= part_minor
        rows.append(Row(number, part_minor, interest_minor, balance_minor))
    return Schedule(tuple(rows))


def sliding(principal_minor: int, annual_rate: Fraction, months: int) -> Schedule:
    """Equal parts of principal with interest on the balance ("efektif menurun"). Raises LoanError as others do."""
    _check(Fraction(principal_minor), annual_rate, months)
    monthly_rate = annual_rate / MONTHS_OF_YEAR
    rows: list[Row] = []
    balance_minor = principal_minor
    for number, part_minor in enumerate(_equal_parts(Fraction(principal_minor), months), start=1):
        interest_minor = half_up(balance_minor * monthly_rate)
        balance_minor -= part_minor
        rows.append(Row(number, part_minor, interest_minor, balance_minor))
    return Schedule(tuple(rows))


def flat(principal_minor: int, annual_flat_rate: Fraction, months: int) -> Schedule:
    """Equal parts of principal and equal interest on the first principal.

    The last row takes what rounding left of both, so that all interest is P x rate x months / 12, rounded once.
    Raises LoanError as others do.
    """
    terms = flat_terms(Fraction(principal_minor), annual_flat_rate, months)
    rows: list[Row] = []
    balance_minor = principal_minor
    parts = _equal_parts(Fraction(principal_minor), months)
    interests = _equal_parts(terms.total_interest, months)
    for number, (part_minor, interest_minor) in enumerate(zip(parts, interests, strict=True), start=1):
        balance_minor -= part_minor
        rows.append(Row(number, part_minor, interest_minor, balance_minor))
    return Schedule(tuple(rows))


@dataclass(frozen=True, slots=True)
class FlatTerms:
    """The exact monthly terms of a flat loan."""

    principal: Fraction
    interest: Fraction
    total_interest: Fraction

    @property
    def payment(self) -> Fraction:
        """Both together."""
        return self.principal + self.interest


def flat_terms(principal: Fraction, annual_flat_rate: Fraction, months: int) -> FlatTerms:
    """P / n and P x rate / 12, unrounded. Raises LoanError as others do."""
    _check(principal, annual_flat_rate, months)
    interest = principal * annual_flat_rate / MONTHS_OF_YEAR
    return FlatTerms(principal / months, interest, interest * months)


def effective_annual_rate(
    principal: Fraction, payments: Sequence[Fraction], *, first_period: Fraction = Fraction(1)
) -> Fraction:
    """Twelve times the monthly rate at which the payments are worth the principal: what a "flat" rate really is.

    Not compounded over the year, as OJK and banks print it; exact to 24 digits behind the point. `first_period`: months
    until the first payment, with simple interest when it is no whole month; the others follow a month apart. Raises
    LoanError when the payments do not even give the principal back, or give all of it back on the first day.
    """
    if principal <= 0 or sum(payments) < principal or any(payment < 0 for payment in payments):
        raise LoanError("these payments do not give the principal back")
    if not first_period and payments[0] >= principal:
        raise LoanError("what is paid back on the first day was not lent")

    def is_too_low(steps: int) -> bool:
        rate = Fraction(steps, _RATE_STEPS)
        value = _value(payments, rate)
        return value > principal if first_period == 1 else value * (1 + rate) > principal * (1 + rate * first_period)

    low, high = 0, _RATE_STEPS
    while is_too_low(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if is_too_low(middle):
            low = middle
        else:
            high = middle
    return Fraction(high, _RATE_STEPS) * MONTHS_OF_YEAR


@dataclass(frozen=True, slots=True)
class Murabahah:
    """A sale at cost and a margin that was agreed and told at the contract (DSN-MUI 04). Amounts in rupiah, exact.

    Raises LoanError when the down payment is not below the cost, for negative amounts, and for no months.
    """

    cost: Fraction
    margin: Fraction
    down_payment: Fraction
    months: int

    def __post_init__(self) -> None:
        if self.months < 1 or self.margin < 0 or not 0 <= self.down_payment < self.cost:
            raise LoanError("a murabahah needs months, a margin, and a down payment below the cost")

    @property
    def selling_price(self) -> Fraction:
        """Cost and margin; it never changes, also when payments are late."""
        return self.cost + self.margin

    @property
    def receivable(self) -> Fraction:
        """What is paid in instalments."""
        return self.selling_price - self.down_payment

    @property
    def financed_cost(self) -> Fraction:
        """The part of the cost that the down payment did not pay."""
        return self.cost - self.down_payment

    @property
    def instalment(self) -> Fraction:
        """The same every month."""
        return self.receivable / self.months

    @property
    def margin_per_instalment(self) -> Fraction:
        """The margin recognised with each instalment, proportionally (PSAK 402)."""
        return self.margin / self.months

    @property
    def cost_per_instalment(self) -> Fraction:
        """The cost that comes back with each instalment, proportionally."""
        return self.financed_cost / self.months

    @property
    def implied_annual_rate(self) -> Fraction:
        """Twelve times the monthly rate by which an annuity would have the same instalments."""
        return effective_annual_rate(self.financed_cost, [self.instalment] * self.months)

    def schedule(self) -> Schedule:
        """Instalments in whole rupiah, margin as interest, proportionally; the last row takes what rounding left.

        Raises LoanError when what is financed is not whole rupiah.
        """
        if self.financed_cost.denominator != 1:
            raise LoanError("what is financed must be whole rupiah")
        rows: list[Row] = []
        balance_minor = self.financed_cost.numerator
        costs = _equal_parts(self.financed_cost, self.months)
        margins = _equal_parts(self.margin, self.months)
        for number, (cost_minor, margin_minor) in enumerate(zip(costs, margins, strict=True), start=1):
            balance_minor -= cost_minor
            rows.append(Row(number, cost_minor, margin_minor, balance_minor))
        return Schedule(tuple(rows))

    def annuity_recognition(self) -> tuple[tuple[Fraction, Fraction], ...]:
        """(margin, cost) of each instalment with the margin in the pattern of an annuity; the sums are the same."""
        rate = self.implied_annual_rate / MONTHS_OF_YEAR
        steps = _RATE_STEPS
        balance, left = self.financed_cost, self.margin
        rows: list[tuple[Fraction, Fraction]] = []
        for number in range(1, self.months + 1):
            margin = left if number == self.months else Fraction(half_up(balance * rate * steps), steps)
            rows.append((margin, self.instalment - margin))
            balance -= self.instalment - margin
            left -= margin
        return tuple(rows)


def _check(principal: Fraction, annual_rate: Fraction, months: int) -> None:
    if principal <= 0 or annual_rate < 0 or months < 1:
        raise LoanError("a loan needs a principal, at least one month, and a rate that is not negative")


def _equal_parts(total: Fraction, months: int) -> list[int]:
    """Each part rounded half up, never beyond the total; the last takes what is left."""
    part, left = half_up(total / months), half_up(total)
    parts: list[int] = []
    for _ in range(months - 1):
        parts.append(min(part, left))
        left -= parts[-1]
    return [*parts, left]


def _value(payments: Sequence[Fraction], monthly_rate: Fraction) -> Fraction:
    """What the payments are worth today, cut to 40 digits behind the point so that long loans stay quick."""
    scale = 10**40
    factor, value = scale, 0
    growth = 1 + monthly_rate
    for payment in payments:
        factor = factor * growth.denominator // growth.numerator
        value += factor * payment.numerator // payment.denominator
    return Fraction(value, scale)
