"""Days are those of western Indonesia."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from shared.calendar import WIB, day_of


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 12, 31, 16, 59, 59, tzinfo=UTC), date(2026, 12, 31)),
        (datetime(2026, 12, 31, 17, 0, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(2027, 1, 1, 0, 0, tzinfo=WIB), date(2027, 1, 1)),
        (datetime(2027, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=9), "WIT")), date(2026, 12, 31)),
    ],
)
def test_a_day_begins_at_midnight_in_western_indonesia(moment: datetime, day: date) -> None:
    assert day_of(moment) == day


def test_a_moment_without_a_zone_is_on_no_day() -> None:
    with pytest.raises(ValueError, match="time zone"):
        day_of(datetime(2026, 12, 31, 17, 0))  # noqa: DTZ001  that is the fault
