"""Cursors that nobody was given: whatever they hold, they are refused and never reach the database."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared import paging
from shared.problems import Malformed


@pytest.mark.parametrize("value", [None, 1, "", "now", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_time_that_the_database_does_not_know_is_refused(value: Any) -> None:
    with pytest.raises(Malformed):
        paging.moment(value)


def test_a_time_is_read_in_its_own_zone() -> None:
    assert paging.moment("2026-01-01T07:00:00+07:00") == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "", "1e5", [], 2**63, -(2**63), 1e30, float("inf"), float("nan")])
def test_a_number_that_the_database_does_not_count_is_refused(value: Any) -> None:
    with pytest.raises(Malformed):
        paging.whole(value)


def test_the_greatest_number_is_taken() -> None:
    assert paging.whole(2**63 - 1) == 2**63 - 1
