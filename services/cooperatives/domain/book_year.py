"""The book year of a cooperative: it bears the number of the year in which it ends."""

import calendar
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from shared.calendar import WIB


@dataclass(frozen=True, slots=True)
class BookYear:
    """A book year that ends with a month; its days are those of western Indonesia, as the books'."""

    year: int
    end_month: int

    @property
    def first_day(self) -> date:
        """The day after the book year before."""
        return BookYear(self.year - 1, self.end_month).last_day + timedelta(days=1)

    @property
    def last_day(self) -> date:
        """The last day of its last month."""
        return date(self.year, self.end_month, calendar.monthrange(self.year, self.end_month)[1])

    @property
    def begins_at(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.first_day, time.min, WIB)

    @property
    def ends_at(self) -> datetime:
        """The first moment that is no longer in it."""
        return datetime.combine(self.last_day + timedelta(days=1), time.min, WIB)
