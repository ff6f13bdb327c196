"""Taxes that a cooperative withholds from what it pays its members.

What must stay true: rates and limits come from dated rules; results are exact, and whole rupiah are made by rounding
down, in favour of the member (the practice for PPh; no text that fixes it was found).
"""

from datetime import date
from fractions import Fraction

from shared.exact import percent
from shared.rules import Rules


def savings_interest_tax(rules: Rules, monthly_interest_minor: int, *, on: date) -> Fraction:
    """Final tax on a month's interest on savings (PP 15/2009 art. 2), exact, in rupiah.

    Nothing up to and with the limit; above it, the rate on all of the interest. Raises ValueError for negative
    interest.
    """
    if monthly_interest_minor < 0:
        raise ValueError("interest is not negative")
    rule = rules.in_force("savings_interest_tax", on)
    if monthly_interest_minor <= rule.whole("untaxed_max_minor"):
        return Fraction(0)
    return monthly_interest_minor * percent(rule.get("rate_pct"))


def surplus_tax(rules: Rules, recipient: str, paid_minor: int, *, on: date) -> Fraction:
    """Tax on surplus paid to a member, exact, in rupiah: none for individuals since UU 11/2020.

    Raises NoRule for other recipients, whose tax nobody has settled here, and ValueError for a negative amount.
    """
    if paid_minor < 0:
        raise ValueError("a payment is not negative")
    rate = rules.in_force("surplus_tax", on).entry("rate_pct", recipient)
    return paid_minor * percent(rate)
