"""The chart of accounts of every cooperative, read from `chart.json`, where each version has its day and its source.

What must stay true: a code keeps its meaning and its kind for good; a new version adds lines. Lines that are kept per
member have one ledger account for each of them, and are moved by savings only, never by a journal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from uuid import UUID

from services.cooperatives.domain.problems import AccountNotFound
from shared import rules
from shared.calendar import WIB, day_of
from shared.ledger import Kind, NewAccount

CASH = "1101"
BANK = "1102"
RECEIVABLE = "1201"
VOLUNTARY = "2101"
PAYABLE = "2102"
CLEARING = "2301"
PRINCIPAL = "3101"
MANDATORY = "3102"

CHART = rules.load(Path(__file__).parents[1] / "chart.json")


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line of the chart."""

    code: str
    name: str
    kind: Kind
    is_per_member: bool
    is_open_to_journals: bool
    may_be_negative: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where money is in the books of a cooperative: a line of the chart, or one member's share of it."""

    cooperative_id: UUID
    code: str
    member_id: UUID | None = None

    @property
    def name(self) -> str:
        """The code of its ledger account: `coop:<cooperative>:<code>`, then the member if it is kept per member.

        Clearing with orders mirrors `clearing:savings:<cooperative>` of orders: their sum is zero when quiet.
        """
        if self.code == CLEARING:
            return f"clearing:orders:{self.cooperative_id}"
        account = f"coop:{self.cooperative_id}:{self.code}"
        return account if self.member_id is None else f"{account}:{self.member_id}"

    def as_account(self, line: ChartLine) -> NewAccount:
        """The ledger account to open here."""
        assert line.is_per_member == (self.member_id is not None), f"{line.code} is kept per member, or is not"
        return NewAccount(self.name, line.kind, balance_min_minor=None if line.may_be_negative else 0)


@cache
def chart_on(day: date) -> Mapping[str, ChartLine]:
    """The lines in force on a day, by code. Raises NoRule before the first version."""
    accounts = CHART.in_force("chart_of_accounts", day).get("accounts")
    lines = [ChartLine(**(entry | {"kind": Kind(entry["kind"])})) for entry in accounts]
    return {line.code: line for line in lines}


def line_of(code: str, on: date) -> ChartLine:
    """A line of the chart. Raises AccountNotFound when there is none."""
    line = chart_on(on).get(code)
    if line is None:
        raise AccountNotFound
    return line


def start_of_day(moment: datetime) -> datetime:
    """When that day of the books began."""
    return datetime.combine(day_of(moment), time.min, WIB)
