"""The dues of a loan, and how money is counted against them.

What must stay true: of each due, paid and waived together are never more than is due; money goes to the oldest due
first, within a due to the cost before the principal; what is left over when nothing is owed is not kept.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from services.financing.domain.loans import Schedule


@dataclass(frozen=True, slots=True)
class Due:
    """One instalment of the plan, and how much of it is done."""

    number: int
    due_on: date
    principal_minor: int
    cost_minor: int
    principal_paid_minor: int = 0
    cost_paid_minor: int = 0
    cost_waived_minor: int = 0

    @property
    def amount_minor(self) -> int:
        """What the plan says."""
        return self.principal_minor + self.cost_minor

    @property
    def principal_open_minor(self) -> int:
        """Principal that is still to be paid."""
        return self.principal_minor - self.principal_paid_minor

    @property
    def cost_open_minor(self) -> int:
        """Cost that is still to be paid."""
        return self.cost_minor - self.cost_paid_minor - self.cost_waived_minor

    @property
    def open_minor(self) -> int:
        """What is still to be paid."""
        return self.principal_open_minor + self.cost_open_minor


@dataclass(frozen=True, slots=True)
class Share:
    """What of a payment counts for one due."""

    number: int
    principal_minor: int
    cost_minor: int
    waived_minor: int = 0


class Divided:
    """What the shares of a payment come to."""

    __slots__ = ()
    shares: Sequence[Share]

    @property
    def principal_minor(self) -> int:
        """What of it is principal."""
        return sum(share.principal_minor for share in self.shares)

    @property
    def cost_minor(self) -> int:
        """What of it is cost."""
        return sum(share.cost_minor for share in self.shares)

    @property
    def waived_minor(self) -> int:
        """Cost that nobody pays any more."""
        return sum(share.waived_minor for share in self.shares)


@dataclass(frozen=True, slots=True)
class Allocation(Divided):
    """A payment, divided. `rest_minor`: what the loan does not need."""

    shares: tuple[Share, ...]
    rest_minor: int

    @property
    def paid_minor(self) -> int:
        """What counts."""
        return self.principal_minor + self.cost_minor


def dues_of(schedule: Schedule, disbursed_on: date, *, first_due_days: int | None = None) -> tuple[Due, ...]:
    """The dated plan: the first due a month after the disbursement, or so many days; then the same day each month."""
    begins_on, before = disbursed_on, 0
    if first_due_days is not None:
        begins_on, before = disbursed_on + timedelta(days=first_due_days), 1
    return tuple(
        Due(row.number, months_after(begins_on, row.number - before), row.principal_minor, row.interest_minor)
        for row in schedule.rows
    )


def months_after(day: date, months: int) -> date:
    """The same day so many months later; the last day of a month that is too short."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def allocate(dues: Sequence[Due], amount_minor: int) -> Allocation:
    """Count money: the oldest due first, its cost before its principal. Raises ValueError for no amount."""
    if amount_minor <= 0:
        raise ValueError("a payment is more than nothing")
    left, shares = amount_minor, []
    for due in dues:
        cost_minor = min(left, due.cost_open_minor)
        principal_minor = min(left - cost_minor, due.principal_open_minor)
        if cost_minor or principal_minor:
            shares.append(Share(due.number, principal_minor, cost_minor))
            left -= cost_minor + principal_minor
    return Allocation(tuple(shares), left)


def settle(dues: Sequence[Due], *, on: date) -> Allocation:
    """What ends the loan on that day: all principal, and the cost of every period that has begun; the rest is waived.

    A period begins on the day after the due before it.
    """
    shares, begins_on = [], date.min
    for due in dues:
        if due.open_minor:
            has_begun = on > begins_on
            cost_minor = due.cost_open_minor if has_begun else 0
            shares.append(
                Share(due.number, due.principal_open_minor, cost_minor, 0 if has_begun else due.cost_open_minor)
            )
        begins_on = due.due_on
    return Allocation(tuple(shares), 0)


def settle_in_full(dues: Sequence[Due]) -> Allocation:
    """What ends a loan whose price never changes (murabahah): everything."""
    return Allocation(
        tuple(Share(due.number, due.principal_open_minor, due.cost_open_minor) for due in dues if due.open_minor), 0
    )


def after(dues: Sequence[Due], allocation: Allocation) -> tuple[Due, ...]:
    """The dues when the payment has been counted."""
    by_number = {share.number: share for share in allocation.shares}
    return tuple(_after(due, by_number.get(due.number)) for due in dues)


def _after(due: Due, share: Share | None) -> Due:
    if share is None:
        return due
    return replace(
        due,
        principal_paid_minor=due.principal_paid_minor + share.principal_minor,
        cost_paid_minor=due.cost_paid_minor + share.cost_minor,
        cost_waived_minor=due.cost_waived_minor + share.waived_minor,
    )


def outstanding_minor(dues: Sequence[Due]) -> int:
    """Principal and cost that are still to be paid."""
    return sum(due.open_minor for due in dues)


def days_past_due(dues: Sequence[Due], *, as_of: date) -> int:
    """Days since the oldest due that is not paid whole; 0 when all that is due is paid."""
    late = [due.due_on for due in dues if due.open_minor and due.due_on < as_of]
    return (as_of - min(late)).days if late else 0
