"""Taxes and fees on sales: PPh 22 of marketplaces, final PPh of small enterprises, PPN, the fee of QRIS.

What must stay true: rates, limits and switches come from dated rules, and a tax that nobody has switched on is not
taken. Results are exact, in rupiah; whole rupiah are made with `exact.down`, the practice for these taxes and the
reading that takes least, since no text that fixes the rounding was found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction

from shared.exact import down, percent
from shared.rules import Rules

MONTHS_OF_YEAR = 12


class Taxpayer(StrEnum):
    """Cooperatives, partnerships and companies are entities."""

    INDIVIDUAL = "individual"
    ENTITY = "entity"


@dataclass(frozen=True, slots=True)
class Sale:
    """What decides over withholding. `gross_minor` is without PPN and PPnBM.

    `has_declared_small_turnover`: the seller declared a turnover of this year within the limit. `has_exemption_letter`:
    an SKB was shown. `is_excluded_supply`: transport by partners, phone credit, gold, land and buildings.
    """

    seller: Taxpayer
    gross_minor: int
    has_declared_small_turnover: bool = False
    has_exemption_letter: bool = False
    is_excluded_supply: bool = False


def is_withholding_switched_on(rules: Rules, on: date) -> bool:
    """Whether the platform has been appointed to withhold PPh 22: PMK 37/2025 is in force, but nobody was appointed."""
    return rules.in_force("pph22_marketplace", on).flag("is_platform_appointed")


def marketplace_withholding(rules: Rules, sale: Sale, *, on: date, is_switched_on: bool) -> Fraction:
    """PPh 22 that an appointed marketplace keeps back when it receives a payment (PMK 37/2025), exact, in rupiah.

    An individual who declared nothing is withheld from; entities have no small-turnover exemption.
    Raises ValueError for a negative amount.
    """
    if sale.gross_minor < 0:
        raise ValueError("a sale is not negative")
    is_small = sale.seller is Taxpayer.INDIVIDUAL and sale.has_declared_small_turnover
    if not is_switched_on or is_small or sale.has_exemption_letter or sale.is_excluded_supply:
        return Fraction(0)
    return sale.gross_minor * percent(rules.in_force("pph22_marketplace", on).get("rate_pct"))


@dataclass(frozen=True, slots=True)
class MonthOfFinalTax:
    """A month of final PPh, in rupiah; `tax` is exact."""

    month: int
    gross_minor: int
    cumulative_minor: int
    taxable_minor: int
    tax: Fraction

    @property
    def tax_minor(self) -> int:
        """What is paid, rounded down."""
        return down(self.tax)


def final_tax_of_year(
    rules: Rules, taxpayer: Taxpayer, monthly_gross_minor: Sequence[int], *, on: date
) -> tuple[MonthOfFinalTax, ...]:
    """Final PPh of PP 55/2022, month by month from the first month of a tax year.

    Individuals pay nothing on the first part of the year's turnover, counted from its first month (art. 60); entities
    pay from the first rupiah. Raises ValueError for more than twelve months or a negative month.
    """
    if len(monthly_gross_minor) > MONTHS_OF_YEAR or any(gross_minor < 0 for gross_minor in monthly_gross_minor):
        raise ValueError("a tax year has at most twelve months, none of them negative")
    rule = rules.in_force("pph_final", on)
    untaxed_minor = rule.whole("untaxed_of_individuals_minor") if taxpayer is Taxpayer.INDIVIDUAL else 0
    rate = percent(rule.get("rate_pct"))
    months: list[MonthOfFinalTax] = []
    before_minor = 0
    for month, gross_minor in enumerate(monthly_gross_minor, start=1):
        cumulative_minor = before_minor + gross_minor
        taxable_minor = max(cumulative_minor - max(before_minor, untaxed_minor), 0)
        months.append(MonthOfFinalTax(month, gross_minor, cumulative_minor, taxable_minor, taxable_minor * rate))
        before_minor = cumulative_minor
    return tuple(months)


@dataclass(frozen=True, slots=True)
class ValueAddedTax:
    """PPN on a price, exact, in rupiah; `taxed_value` is the DPP."""

    taxed_value: Fraction
    tax: Fraction


def value_added_tax(rules: Rules, price_minor: int, *, is_luxury: bool, on: date) -> ValueAddedTax:
    """PPN on a price without it: the rate on 11/12 of the price, on all of it for luxury goods (PMK 131/2024).

    Only registered enterprises (PKP) charge it. Raises ValueError for a negative price.
    """
    if price_minor < 0:
        raise ValueError("a price is not negative")
    rule = rules.in_force("ppn", on)
    taxed_value = price_minor * rule.number("base_luxury" if is_luxury else "base")
    return ValueAddedTax(taxed_value, taxed_value * percent(rule.get("rate_pct")))


@dataclass(frozen=True, slots=True)
class QrisFee:
    """The merchant discount: percent, and rupiah, exact."""

    rate_pct: Fraction
    fee: Fraction


def qris_fee(rules: Rules, criteria: str, amount_minor: int, *, on: date) -> QrisFee:
    """What a payment by QRIS costs its merchant, who must not add it to the price.

    Up to and with a limit the lower rate holds, above it the other one, on the whole amount. Raises NoRule for unknown
    criteria and ValueError for a negative amount.
    """
    if amount_minor < 0:
        raise ValueError("a payment is not negative")
    entry = rules.in_force("qris_fee", on).entry("criteria", criteria)
    if isinstance(entry, str):
        rate = Fraction(entry)
    else:
        rate = Fraction(entry["rate_pct" if amount_minor <= entry["amount_max_minor"] else "rate_pct_above"])
    return QrisFee(rate, amount_minor * percent(rate))
