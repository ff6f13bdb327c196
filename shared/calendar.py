"""The calendar of the market: its days, months and years are those of western Indonesia (WIB, UTC+7).

Books, deadlines that the law counts in days, and the days on which a rule begins (shared/rules.py) all go by it, so a
moment becomes a day here. Western Indonesia has no summer time.
"""

from datetime import date, datetime, timedelta, timezone
from typing import Final

WIB: Final = timezone(timedelta(hours=7), "WIB")


def day_of(moment: datetime) -> date:
    """The day on which something happens. Raises ValueError for a moment without a time zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone is on no day")
    return moment.astimezone(WIB).date()
