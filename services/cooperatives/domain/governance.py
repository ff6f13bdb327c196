"""Founding, meetings, votes and classes of cooperatives, by UU 25/1992 and what followed it.

What must stay true: one member, one vote, whatever the savings (art. 24); limits come from dated rules or from the
articles of the cooperative, never from here; fractions of people round up, since a quorum is "at least".
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction

from shared.exact import down, up
from shared.rules import Rules


class GovernanceError(ValueError):
    """The question cannot be answered like this; the text is the reason."""


class Kind(StrEnum):
    """A primary cooperative is of people, a secondary one of cooperatives."""

    PRIMARY = "primer"
    SECONDARY = "sekunder"


class Choice(StrEnum):
    """What a ballot says."""

    YES = "yes"
    NO = "no"
    ABSTAIN = "abstain"


@dataclass(frozen=True, slots=True)
class Ballot:
    """One member's vote. It has no weight on purpose."""

    member_id: str
    choice: Choice


@dataclass(frozen=True, slots=True)
class Count:
    """Votes counted; `rejected_duplicates` came from members who had voted already."""

    yes: int
    no: int
    abstain: int
    rejected_duplicates: int

    @property
    def valid(self) -> int:
        """Ballots that count towards a decision."""
        return self.yes + self.no + self.abstain

    @property
    def is_carried(self) -> bool:
        """Whether more than half of the counted ballots said yes: abstaining members are present too, a tie is a no."""
        return 2 * self.yes > self.valid


def are_enough_founders(rules: Rules, kind: Kind, founders: int, *, on: date) -> bool:
    """Whether so many people (or, for a secondary one, cooperatives) may found a cooperative (art. 6 as amended)."""
    return founders >= int(rules.in_force("founders", on).entry("min", kind.value))


def accountability_meeting_due(rules: Rules, book_year_end: date) -> date:
    """The last day for the annual meeting of members (RAT): so many months after the book year (art. 26).

    The same day of the month, or the month's last when it has no such day. A book year that ends on 30 June is thus due
    on 30 December, one day before the other reading of "six months".
    """
    months = rules.in_force("accountability_meeting", book_year_end).whole("months_max")
    years, month = divmod(book_year_end.month - 1 + months, 12)
    year, month = book_year_end.year + years, month + 1
    return date(year, month, min(book_year_end.day, calendar.monthrange(year, month)[1]))


def quorum(members: int, share: Fraction, *, is_more_than: bool) -> int:
    """How many must be present where the articles say "at least" or "more than" a share of the members (art. 28).

    Raises GovernanceError when the share is not between nothing and all.
    """
    if members < 0 or not 0 < share <= 1:
        raise GovernanceError("a quorum needs members, and a share above nothing and at most all of them")
    return down(members * share) + 1 if is_more_than else up(members * share)


@dataclass(frozen=True, slots=True)
class DissolutionQuorum:
    """What a meeting needs to dissolve the cooperative."""

    present_min: int
    yes_min: int


def dissolution_quorum(rules: Rules, *, members: int, valid_votes: int, on: date) -> DissolutionQuorum:
    """So many of the members present, so many of the valid votes in favour.

    Raises GovernanceError for negative counts, and for more votes than there are members.
    """
    if not 0 <= valid_votes <= members:
        raise GovernanceError("there are more votes than members, or less than none")
    rule = rules.in_force("dissolution", on)
    return DissolutionQuorum(up(members * rule.number("present_min")), up(valid_votes * rule.number("yes_min")))


def count_votes(ballots: Sequence[Ballot]) -> Count:
    """Count ballots in the order in which they came; a member's first one stands."""
    first: dict[str, Choice] = {}
    for ballot in ballots:
        first.setdefault(ballot.member_id, ballot.choice)
    choices = list(first.values())
    return Count(
        choices.count(Choice.YES), choices.count(Choice.NO), choices.count(Choice.ABSTAIN), len(ballots) - len(first)
    )


def savings_and_loan_class(rules: Rules, *, members: int, equity_minor: int, assets_minor: int, on: date) -> str | None:
    """The class I to IV of a savings and loan cooperative (Permenkop UKM 8/2023 art. 49); money in rupiah.

    None when the three measures name different classes: the text joins them by "dan/atau", and which of them wins was
    not found. Raises GovernanceError for negative measures.
    """
    if min(members, equity_minor, assets_minor) < 0:
        raise GovernanceError("members, equity and assets are not negative")
    rule = rules.in_force("savings_and_loan_class", on)
    names = {
        _class_by_limits(rule.get("classes"), key, value)
        for key, value in (
            ("members_max", members),
            ("equity_max_minor", equity_minor),
            ("assets_max_minor", assets_minor),
        )
    }
    return names.pop() if len(names) == 1 else None


def may_be_dissolved_by_government(
    rules: Rules, *, years_without_meeting: int, years_without_activity: int, on: date
) -> bool:
    """Whether so many consecutive years without RAT, or without real activity, let the government dissolve it."""
    rule = rules.in_force("inactivity", on)
    return years_without_meeting >= rule.whole("years_without_meeting") or years_without_activity >= rule.whole(
        "years_without_activity"
    )


def _class_by_limits(classes: Sequence[dict[str, str | int | None]], key: str, value: int) -> str:
    for entry in classes:
        limit = entry[key]
        if limit is None or value <= int(limit):
            return str(entry["name"])
    raise GovernanceError(f"no class for {key} {value}")
