"""The credit profile of a shop: facts of the last months, each with how it was worked out. It decides nothing.

What must stay true: every figure can be explained and worked out again from the facts; there is no score and no
refusal in it, a person at the lender decides (UU 27/2022 art. 10). Bands and the length of the look-back are dated
rules with a version; only what the consent covers is in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from shared.rules import Rule, Rules
from shared.umkm import Basis, EnterpriseClass, enterprise_class

SIZE_CLASSES = {
    EnterpriseClass.MICRO: "micro",
    EnterpriseClass.SMALL: "small",
    EnterpriseClass.MEDIUM: "medium",
    EnterpriseClass.LARGE: "large",
}
DECISION = (
    "No decision is made here: a person at the lender decides, and the applicant may object (UU 27/2022 art. 10)."
)


@dataclass(frozen=True, slots=True)
class Month:
    """Sales of a calendar month (WIB): parcels completed in it, and what of them was refunded, whenever."""

    first_day: date
    completed: int
    refunded: int
    goods_minor: int
    refunded_minor: int

    @property
    def turnover_minor(self) -> int:
        """Net of refunds."""
        return self.goods_minor - self.refunded_minor


@dataclass(frozen=True, slots=True)
class Membership:
    """In a cooperative."""

    cooperative_id: UUID
    admitted_at: datetime


@dataclass(frozen=True, slots=True)
class Certificate:
    """Of a training, valid."""

    certificate_id: UUID
    scheme: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Borrowing:
    """What is known of the shop's loans here: dues that were paid by their day, after it, and that are late now."""

    loans: int
    repaid: int
    dues_on_time: int
    dues_late: int
    dues_overdue: int


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """Everything a profile is made of."""

    shop_id: UUID
    region_code: str
    sector: str
    opened_on: date
    months: Sequence[Month]
    memberships: Sequence[Membership]
    certificates: Sequence[Certificate]
    borrowing: Borrowing


def look_back_from(rules: Rules, as_of: date) -> date:
    """The first day that counts: the month of `as_of` is the last of so many."""
    months = rules.in_force("credit_profile", as_of).whole("months")
    year, month = divmod(as_of.year * 12 + as_of.month - months, 12)
    return date(year, month + 1, 1)


def year_minor(facts: ShopFacts) -> int:
    """Net sales of the look-back."""
    return sum(month.turnover_minor for month in facts.months)


def size_class(umkm: Rules, facts: ShopFacts, as_of: date) -> str:
    """The class by yearly sales (PP 7/2021 art. 35)."""
    return SIZE_CLASSES[enterprise_class(umkm, Basis.SALES, max(0, year_minor(facts)), on=as_of)]


def profile_of(rules: Rules, umkm: Rules, facts: ShopFacts, *, scopes: frozenset[str], as_of: date) -> dict[str, Any]:
    """The profile as lenders read it: what the scopes cover, each factor with its value, its band and its working."""
    rule = rules.in_force("credit_profile", as_of)
    profile: dict[str, Any] = {
        "version": str(rule.get("version")),
        "as_of": as_of.isoformat(),
        "shop_id": str(facts.shop_id),
        "region_code": facts.region_code,
        "sector": facts.sector,
        "size_class": size_class(umkm, facts, as_of),
        "scopes": sorted(scopes),
        "decision": DECISION,
    }
    factors: list[dict[str, Any]] = []
    if "sales" in scopes:
        profile["months"] = [_month(month) for month in facts.months]
        factors += _sales_factors(rule, facts, as_of)
    if "repayment" in scopes:
        factors += _repayment_factors(rule, facts.borrowing)
    if "cooperative" in scopes:
        profile["memberships"] = [
            {"cooperative_id": str(each.cooperative_id), "admitted_at": each.admitted_at.isoformat()}
            for each in facts.memberships
        ]
    if "certificates" in scopes:
        profile["certificates"] = [
            {
                "certificate_id": str(each.certificate_id),
                "scheme": each.scheme,
                "issued_at": each.issued_at.isoformat(),
                "expires_at": each.expires_at.isoformat(),
            }
            for each in facts.certificates
        ]
    profile["factors"] = factors
    return profile


def _month(month: Month) -> dict[str, Any]:
    return {
        "month": f"{month.first_day:%Y-%m}",
        "completed": month.completed,
        "refunded": month.refunded,
        "turnover_minor": month.turnover_minor,
    }


def _sales_factors(rule: Rule, facts: ShopFacts, as_of: date) -> list[dict[str, Any]]:
    completed = sum(month.completed for month in facts.months)
    refunded = sum(month.refunded for month in facts.months)
    possible = _months_possible(rule, facts.opened_on, as_of)
    active = sum(1 for month in facts.months if month.completed)
    turnovers = [month.turnover_minor for month in facts.months if month.completed]
    turnovers += [0] * max(0, possible - active)
    return [
        _factor("turnover", year_minor(facts), "rupiah", None, "goods of completed parcels less what was refunded"),
        _factor("parcels_completed", completed, "parcels", None, "parcels that buyers accepted"),
        _factor("parcels_refunded", refunded, "parcels", None, "completed parcels with any refund of goods"),
        _factor(
            "refund_rate",
            _basis_points(refunded, completed),
            "basis_points",
            _band(rule, "refund_rate_basis_points", _basis_points(refunded, completed)),
            "refunded of completed parcels",
        ),
        _factor(
            "months_active",
            active,
            "months",
            _band(rule, "months_active", active),
            f"months with a completed parcel, of {possible} since the shop opened or the look-back began",
        ),
        _factor(
            "variation",
            _variation(turnovers),
            "basis_points",
            _band(rule, "variation_basis_points", _variation(turnovers)),
            "mean distance of a month's turnover from the mean month, as a part of the mean month; lower is steadier",
        ),
    ]


def _repayment_factors(rule: Rule, borrowing: Borrowing) -> list[dict[str, Any]]:
    paid = borrowing.dues_on_time + borrowing.dues_late
    on_time = _basis_points(borrowing.dues_on_time, paid + borrowing.dues_overdue)
    return [
        _factor("loans", borrowing.loans, "loans", None, f"loans through this platform, {borrowing.repaid} repaid"),
        _factor(
            "dues_on_time",
            on_time,
            "basis_points",
            _band(rule, "dues_on_time_basis_points", on_time),
            f"{borrowing.dues_on_time} dues paid by their day, {borrowing.dues_late} later, "
            f"{borrowing.dues_overdue} overdue now",
        ),
    ]


def _factor(name: str, value: int | None, unit: str, band: str | None, working: str) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "band": band, "working": working}


def _band(rule: Rule, name: str, value: int | None) -> str | None:
    """The first band whose limit the value keeps; None when there is nothing to judge."""
    if value is None:
        return None
    for entry in rule.get(name):
        if entry.get("max") is not None and value > entry["max"]:
            continue
        if entry.get("min") is not None and value < entry["min"]:
            continue
        return str(entry["band"])
    return None


def _basis_points(part: int, whole: int) -> int | None:
    return part * 10_000 // whole if whole else None


def _variation(turnovers: Sequence[int]) -> int | None:
    """Mean absolute deviation over the mean, in basis points, all in whole numbers; None without sales."""
    total_minor = sum(turnovers)
    if total_minor <= 0:
        return None
    count = len(turnovers)
    return sum(abs(each * count - total_minor) for each in turnovers) * 10_000 // (count * total_minor)


def _months_possible(rule: Rule, opened_on: date, as_of: date) -> int:
    since_opening = (as_of.year - opened_on.year) * 12 + as_of.month - opened_on.month + 1
    return max(1, min(rule.whole("months"), since_opening))
