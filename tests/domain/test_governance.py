"""Meetings, votes and classes beyond the vectors: ends of months, ties, inclusive limits, rules of their day."""

from datetime import date
from fractions import Fraction

import pytest

from deploy.vectors.rule_files import COOPERATIVES, NATIONAL
from services.cooperatives.domain import governance, taxes
from services.cooperatives.domain.governance import Ballot, Choice, GovernanceError, Kind
from shared.exact import percent_of, to_places
from shared.rules import NoRule
from shared.umkm import Basis, EnterpriseClass, enterprise_class

TODAY = date(2026, 1, 27)


@pytest.mark.parametrize(
    ("ended", "due"),
    [
        ("2023-08-31", "2024-02-29"),
        ("2024-08-31", "2025-02-28"),
        ("2024-02-29", "2024-08-29"),
        ("2025-06-30", "2025-12-30"),
        ("2025-07-31", "2026-01-31"),
        ("2025-10-31", "2026-04-30"),
        ("2025-01-01", "2025-07-01"),
    ],
)
def test_the_meeting_is_due_on_the_same_day_or_the_months_last(ended: str, due: str) -> None:
    found = governance.accountability_meeting_due(COOPERATIVES, date.fromisoformat(ended))

    assert found == date.fromisoformat(due)


@pytest.mark.parametrize(
    ("members", "share", "is_more_than", "needed"),
    [
        (20, "1/2", True, 11),
        (21, "1/2", True, 11),
        (20, "1/2", False, 10),
        (21, "1/2", False, 11),
        (101, "1/5", False, 21),
        (100, "1/5", False, 20),
        (3, "2/3", False, 2),
        (0, "1/2", False, 0),
    ],
)
def test_a_quorum_counts_whole_people(members: int, share: str, is_more_than: bool, needed: int) -> None:
    assert governance.quorum(members, Fraction(share), is_more_than=is_more_than) == needed


@pytest.mark.parametrize("share", ["0", "-1/2", "3/2"])
def test_a_quorum_of_nobody_or_of_more_than_all_is_refused(share: str) -> None:
    with pytest.raises(GovernanceError):
        governance.quorum(10, Fraction(share), is_more_than=False)


@pytest.mark.parametrize(
    ("members", "valid", "present_min", "yes_min"),
    [(4, 3, 3, 2), (5, 4, 4, 3), (1, 1, 1, 1), (9, 0, 7, 0), (1_000_001, 750_001, 750_001, 500_001)],
)
def test_dissolution_rounds_people_up(members: int, valid: int, present_min: int, yes_min: int) -> None:
    found = governance.dissolution_quorum(COOPERATIVES, members=members, valid_votes=valid, on=TODAY)

    assert (found.present_min, found.yes_min) == (present_min, yes_min)


def test_more_votes_than_members_are_refused() -> None:
    with pytest.raises(GovernanceError):
        governance.dissolution_quorum(COOPERATIVES, members=3, valid_votes=4, on=TODAY)


@pytest.mark.parametrize(
    ("votes", "is_carried"),
    [
        ("", False),
        ("y", True),
        ("yn", False),
        ("yyn", True),
        ("yyna", False),
        ("yyyna", True),
        ("aa", False),
    ],
)
def test_more_than_half_of_the_counted_ballots_carries(votes: str, is_carried: bool) -> None:
    choices = {"y": Choice.YES, "n": Choice.NO, "a": Choice.ABSTAIN}

    count = governance.count_votes([Ballot(str(number), choices[vote]) for number, vote in enumerate(votes)])

    assert count.is_carried is is_carried
    assert count.valid == len(votes)


def test_a_members_first_ballot_stands_however_often_they_vote() -> None:
    ballots = [Ballot("A", Choice.NO), Ballot("A", Choice.YES), Ballot("A", Choice.YES)]

    assert governance.count_votes(ballots) == governance.Count(0, 1, 0, 2)


@pytest.mark.parametrize(
    ("members", "equity", "assets", "name"),
    [
        (0, 0, 0, "I"),
        (10_000, 15 * 10**9, 100 * 10**9, "II"),
        (30_000, 50 * 10**9, 500 * 10**9, "III"),
        (10**9, 10**15, 10**15, "IV"),
        (5_000, 2_500_000_000, 15_000_000_001, None),
        (5_001, 2_500_000_000, 15_000_000_000, None),
        (30_001, 0, 0, None),
    ],
)
def test_a_class_is_named_only_when_all_measures_agree(
    members: int, equity: int, assets: int, name: str | None
) -> None:
    found = governance.savings_and_loan_class(
        COOPERATIVES, members=members, equity_minor=equity, assets_minor=assets, on=TODAY
    )

    assert found == name


def test_founders_are_those_of_the_law_of_the_day() -> None:
    enough = governance.are_enough_founders

    assert enough(COOPERATIVES, Kind.PRIMARY, 9, on=date(2020, 11, 2))
    assert not enough(COOPERATIVES, Kind.PRIMARY, 19, on=date(2020, 11, 1))
    assert not enough(COOPERATIVES, Kind.SECONDARY, 2, on=TODAY)


def test_either_kind_of_idleness_is_enough_to_be_dissolved() -> None:
    may = governance.may_be_dissolved_by_government

    assert may(COOPERATIVES, years_without_meeting=0, years_without_activity=2, on=TODAY)
    assert may(COOPERATIVES, years_without_meeting=4, years_without_activity=0, on=TODAY)
    assert not may(COOPERATIVES, years_without_meeting=2, years_without_activity=1, on=TODAY)


def test_nothing_and_everything_have_a_size_class_and_less_than_nothing_has_none() -> None:
    assert enterprise_class(NATIONAL, Basis.SALES, 0, on=TODAY) is EnterpriseClass.MICRO
    assert enterprise_class(NATIONAL, Basis.CAPITAL, 10**18, on=TODAY) is EnterpriseClass.LARGE
    with pytest.raises(ValueError, match="not negative"):
        enterprise_class(NATIONAL, Basis.SALES, -1, on=TODAY)
    with pytest.raises(NoRule):
        enterprise_class(NATIONAL, Basis.SALES, 1, on=date(2021, 2, 1))


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(1, 3, "33.33"), (2, 3, "66.67"), (1, 800, "0.13"), (1, 100_000, "0.00"), (5, 5, "100.00"), (3, 2, "150.00")],
)
def test_a_percentage_is_rounded_half_up_with_two_places(part: int, whole: int, text: str) -> None:
    found = percent_of(part, whole)

    assert found is not None
    assert to_places(found, 2) == text


def test_a_percentage_of_nothing_is_none() -> None:
    assert percent_of(0, 0) is None
    assert percent_of(0, 7) == 0


def test_interest_is_taxed_on_all_of_it_above_the_limit() -> None:
    assert taxes.savings_interest_tax(COOPERATIVES, 240_001, on=TODAY) == Fraction("24000.1")
    assert taxes.savings_interest_tax(COOPERATIVES, 0, on=TODAY) == 0
    with pytest.raises(ValueError, match="not negative"):
        taxes.savings_interest_tax(COOPERATIVES, -1, on=TODAY)


def test_surplus_was_taxed_before_the_law_changed_and_others_are_not_guessed() -> None:
    assert taxes.surplus_tax(COOPERATIVES, "individual_member", 1_240_000, on=date(2020, 11, 1)) == 124_000
    assert taxes.surplus_tax(COOPERATIVES, "individual_member", 1_240_000, on=date(2020, 11, 2)) == 0
    with pytest.raises(NoRule, match="cooperative"):
        taxes.surplus_tax(COOPERATIVES, "cooperative", 1, on=TODAY)
