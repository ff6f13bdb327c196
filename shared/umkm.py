"""Size classes of enterprises, which the market, lenders and programmes all ask about.

What must stay true: limits are inclusive ("paling banyak") and come from dated rules; the class says nothing of the
QRIS merchant criteria (UMI, UKE, UME, UBE), which acquirers set by rules of their own.
"""

from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path

from shared import rules
from shared.rules import Rules


class Basis(StrEnum):
    """What is measured: capital without land and buildings at founding, yearly sales of a running business."""

    CAPITAL = "modal"
    SALES = "penjualan"


class EnterpriseClass(StrEnum):
    """From the smallest."""

    MICRO = "mikro"
    SMALL = "kecil"
    MEDIUM = "menengah"
    LARGE = "besar"


@cache
def national_rules() -> Rules:
    """The rules that more than one service needs, read once."""
    return rules.load(Path(__file__).with_name("rules.json"))


def enterprise_class(in_force: Rules, basis: Basis, amount_minor: int, *, on: date) -> EnterpriseClass:
    """The class by PP 7/2021 art. 35; `amount_minor` in rupiah. Raises ValueError for a negative amount."""
    if amount_minor < 0:
        raise ValueError("capital and sales are not negative")
    limits = in_force.in_force("umkm_class", on).table(f"{basis.value}_max_minor")
    for name, limit in sorted(limits.items(), key=lambda entry: int(entry[1])):
        if amount_minor <= limit:
            return EnterpriseClass(name)
    return EnterpriseClass.LARGE
