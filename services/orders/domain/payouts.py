"""Payouts as rules: who is paid how much, and what of it is kept for lenders.

What must stay true: debts are netted before anything is paid, instalments come after debts, and never more than the
mandate's share of the payout, nor more than there is; what a loan has been paid already is never asked for again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from uuid import UUID

from shared.rules import Rules

WHOLE_BASIS_POINTS = 10_000


class BatchStatus(StrEnum):
    """Where a batch is."""

    DRAFT = "draft"
    APPROVED = "approved"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class PayoutStatus(StrEnum):
    """What became of one payee's line."""

    DRAFT = "draft"
    LEFT_OUT = "left_out"
    SCHEDULED = "scheduled"
    WITHHELD = "withheld"
    PAID = "paid"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class LeftOut(StrEnum):
    """Why a payee is not paid in a batch."""

    NO_BANK_ACCOUNT = "no_bank_account"
    BANK_ACCOUNT_FRESH = "bank_account_fresh"
    BELOW_MINIMUM = "below_minimum"


class Holder(StrEnum):
    """Whose bank account it is."""

    SHOP = "shop"
    PERSON = "person"
    LENDER = "lender"


@dataclass(frozen=True, slots=True)
class Destination:
    """A bank account that money may go to."""

    holder_id: UUID
    bank_code: str
    account_number: str
    holder_name: str
    held_until: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """An instalment of a loan's plan."""

    due_on: date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Mandate:
    """What is to be withheld from a payee for a loan, and what the loan was paid already."""

    mandate_id: UUID
    loan_id: UUID
    application_id: UUID
    lender_id: UUID
    payee_id: UUID
    dues: tuple[Due, ...]
    share_basis_points_max: int
    withheld_minor: int
    elsewhere_minor: int

    def open_minor(self, by: date) -> int:
        """What the plan has due by this day and nobody has paid; never below zero."""
        due_minor = sum(due.amount_minor for due in self.dues if due.due_on <= by)
        return max(0, due_minor - self.withheld_minor - self.elsewhere_minor)


@dataclass(frozen=True, slots=True)
class Line:
    """What was decided for one payee: either left out, or a balance of which instalments are kept."""

    payout_id: UUID
    payee_id: UUID
    balance_minor: int = 0
    instalments: tuple[tuple[Mandate, int], ...] = ()
    destination: Destination | None = None
    left_out: LeftOut | None = None

    @property
    def instalments_minor(self) -> int:
        """What lenders get of it."""
        return sum(amount_minor for _, amount_minor in self.instalments)

    @property
    def amount_minor(self) -> int:
        """What goes to the bank."""
        return self.balance_minor - self.instalments_minor

    @property
    def status(self) -> PayoutStatus:
        """Where the line stands when its batch is approved."""
        if self.left_out is not None:
            return PayoutStatus.LEFT_OUT
        return PayoutStatus.SCHEDULED if self.amount_minor else PayoutStatus.WITHHELD


def decide(
    payout_id: UUID,
    payee_id: UUID,
    *,
    balance_minor: int,
    minimum_minor: int,
    mandates: Iterable[Mandate],
    destination: Destination | None,
    by: date,
    now: datetime,
) -> Line:
    """What the payee gets of this balance, which is below zero when the payee owes."""
    left_out = why_left_out(destination, now=now)
    if left_out is None and balance_minor < minimum_minor:
        left_out = LeftOut.BELOW_MINIMUM
    if left_out is not None:
        return Line(payout_id, payee_id, left_out=left_out)
    return Line(payout_id, payee_id, balance_minor, tuple(instalments_of(balance_minor, mandates, by=by)), destination)


def why_left_out(destination: Destination | None, *, now: datetime) -> LeftOut | None:
    """Why nothing can go to this bank account now; None when it can."""
    if destination is None:
        return LeftOut.NO_BANK_ACCOUNT
    return LeftOut.BANK_ACCOUNT_FRESH if destination.held_until > now else None


def instalments_of(balance_minor: int, mandates: Iterable[Mandate], *, by: date) -> list[tuple[Mandate, int]]:
    """What of a payout is kept for which mandate: the oldest plan first, each at most its share of the whole payout."""
    kept: list[tuple[Mandate, int]] = []
    left_minor = balance_minor
    for mandate in sorted(
        mandates, key=lambda one: (min((due.due_on for due in one.dues), default=by), one.mandate_id)
    ):
        share_minor = balance_minor * mandate.share_basis_points_max // WHOLE_BASIS_POINTS
        amount_minor = min(mandate.open_minor(by), share_minor, left_minor)
        if amount_minor > 0:
            kept.append((mandate, amount_minor))
            left_minor -= amount_minor
    return kept


def minimum_minor(rules: Rules, on: date) -> int:
    """Less than this is not paid out but waits. Raises NoRule."""
    return rules.in_force("payout", on).whole("amount_min_minor")


def held_until(rules: Rules, now: datetime, *, on: date, is_change: bool) -> datetime:
    """Until when nothing goes to a bank account that is set now. Raises NoRule."""
    rule = rules.in_force("bank_account_cooling", on)
    return now + timedelta(hours=rule.whole("hours_after_change" if is_change else "hours_after_first"))


def end_of(day: date, zone: tzinfo) -> datetime:
    """The first moment that is no longer this day."""
    after = day + timedelta(days=1)
    return datetime(after.year, after.month, after.day, tzinfo=zone)


def sums_by_lender(instalments: Iterable[tuple[UUID, int]]) -> dict[UUID, int]:
    """What each lender has to get of these accepted instalments (lender, amount)."""
    sums: dict[UUID, int] = {}
    for lender_id, accepted_minor in instalments:
        sums[lender_id] = sums.get(lender_id, 0) + accepted_minor
    return sums
