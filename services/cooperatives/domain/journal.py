"""Journals that the treasurer writes by hand.

What must stay true: both sides have one sum; an account stands once; savings, clearing and surplus are not moved here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.cooperatives.domain.chart import chart_on
from services.cooperatives.domain.problems import JournalRefused
from shared.ledger import Side

LINES_MAX = 40


@dataclass(frozen=True, slots=True)
class JournalLine:
    """So much on one side of one account."""

    code: str
    side: Side
    amount_minor: int


def check_journal(lines: Sequence[JournalLine], booked_on: date, *, today: date) -> None:
    """Raise JournalRefused with what is wrong."""
    if booked_on > today:
        raise JournalRefused("that day has not come yet")
    if not 2 <= len(lines) <= LINES_MAX:
        raise JournalRefused(f"a journal has 2 to {LINES_MAX} lines")
    if len({line.code for line in lines}) < len(lines):
        raise JournalRefused("an account stands twice")
    chart = chart_on(today)
    for line in lines:
        known = chart.get(line.code)
        if known is None or not known.is_open_to_journals:
            raise JournalRefused(f"account {line.code} is not open to journals")
    debits, credits_ = (
        sum(line.amount_minor for line in lines if line.side is side) for side in (Side.DEBIT, Side.CREDIT)
    )
    if debits != credits_:
        raise JournalRefused(f"debits are {debits}, credits {credits_}")
