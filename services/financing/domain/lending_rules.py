"""What the state says of loans: collectability, caps of online lending, brackets and rates of KUR.

What must stay true: limits and rates are dated rules; a case that no rule covers is an error, not a guess.
"""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from shared.exact import percent
from shared.rules import NoRule, Rules


def collectability(rules: Rules, days_past_due: int, *, on: date) -> int:
    """Kol 1 (current) to 5 (loss) by the bank scale of POJK 40/POJK.03/2019. Raises ValueError for negative days."""
    if days_past_due < 0:
        raise ValueError("days past due are not negative")
    for entry in rules.in_force("collectability", on).get("classes"):
        if entry["days_max"] is None or days_past_due <= entry["days_max"]:
            return int(entry["kol"])
    raise NoRule(f"no class of collectability for {days_past_due} days")


def is_non_performing(rules: Rules, kol: int, *, on: date) -> bool:
    """Whether a loan of this class counts as NPL."""
    return kol >= rules.in_force("collectability", on).whole("non_performing_from_kol")


@dataclass(frozen=True, slots=True)
class BenefitCap:
    """The most that an online loan may cost its borrower, in rupiah, exact.

    `max_benefit` is for so many days; `overall` is for all benefit and penalties together, whatever the days.
    """

    rate_pct_per_day: Fraction
    max_benefit: Fraction
    overall: Fraction


def online_lending_cap(
    rules: Rules, segment: str, *, principal_minor: int, tenor_months: int, days: int, on: date
) -> BenefitCap:
    """The cap of LPBBTI (SEOJK 19/2023 and its later figures) by segment and tenor of the loan.

    A tenor of exactly the limit gets the lower rate: it is not verified, and the lower one breaks no reading.
    Raises NoRule for an unknown segment and ValueError for amounts that make no loan.
    """
    if principal_minor <= 0 or tenor_months <= 0 or days < 0:
        raise ValueError("a loan needs a principal and a tenor, and days that are not negative")
    rule = rules.in_force("online_lending_cap", on)
    rates = rule.entry("segments", segment)
    is_short = tenor_months < rule.whole("short_below_months")
    rate = Fraction(rates["short_pct_per_day"] if is_short else rates["long_pct_per_day"])
    overall = principal_minor * percent(rule.get("overall_pct"))
    return BenefitCap(rate, min(principal_minor * percent(rate) * days, overall), overall)


def kur_scheme(rules: Rules, amount_minor: int, *, on: date) -> str | None:
    """The KUR scheme by amount in rupiah, None above all of them. Raises ValueError unless there is an amount."""
    if amount_minor <= 0:
        raise ValueError("a loan needs an amount")
    for entry in rules.in_force("kur", on).get("schemes"):
        if amount_minor <= entry["amount_max_minor"]:
            return str(entry["name"])
    return None


def kur_rate_pct(rules: Rules, scheme: str, *, access: int, on: date) -> Fraction:
    """Percent a year, effective, for the borrower's first, second, ... access to KUR.

    It is never a flat rate: 6 % flat would be 11 % effective. Raises NoRule for an unknown scheme or an access that the
    scheme does not give, and ValueError for an access below the first.
    """
    if access < 1:
        raise ValueError("the first access has the number 1")
    rates = rules.in_force("kur", on).entry("rates_pct_by_access", scheme)
    if isinstance(rates, str):
        return Fraction(rates)
    if access > len(rates):
        raise NoRule(f"{scheme} has no access number {access}")
    return Fraction(rates[access - 1])
