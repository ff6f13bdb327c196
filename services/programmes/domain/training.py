"""A training's life: seats and who waits for one, attendance, results.

What must stay true: never more seats taken than there are; who waits longest is next; a result stands once it is
recorded; who passes came often enough.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from uuid import UUID

from services.programmes.domain.problems import NameNotWritable
from shared.calendar import WIB
from shared.rules import Rule


class State(StrEnum):
    """What became of an enrolment. All but the first and third hold a seat."""

    WAITING = "waiting"
    ENROLLED = "enrolled"
    WITHDRAWN = "withdrawn"
    PASSED = "passed"
    FAILED = "failed"


SEATED = frozenset({State.ENROLLED, State.PASSED, State.FAILED})


@dataclass(frozen=True, slots=True)
class Training:
    """A training under its lock."""

    training_id: UUID
    title: str
    scheme: str
    region_code: str
    starts_on: date
    ends_on: date
    capacity: int
    taken: int
    validity_months: int

    @property
    def free(self) -> int:
        """Seats that nobody has."""
        return self.capacity - self.taken

    def is_over(self, today: date) -> bool:
        """Whether its last day has passed."""
        return today > self.ends_on

    def has_day(self, day: date, *, today: date) -> bool:
        """Whether attendance can be written down for this day."""
        return self.starts_on <= day <= self.ends_on and day <= today

    @property
    def days(self) -> int:
        """How many days it takes."""
        return (self.ends_on - self.starts_on).days + 1


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An enrolment under its lock."""

    enrolment_id: UUID
    person_id: UUID
    state: State


def refusals(
    training: Training,
    results: Mapping[UUID, State],
    enrolments: Mapping[UUID, Enrolment],
    days_attended: Mapping[UUID, int],
    rule: Rule,
) -> dict[UUID, str]:
    """Why results cannot be recorded, by enrolment; empty when all can. The same result again is none."""
    wanted_pct = rule.whole("attendance_pct_min")
    found: dict[UUID, str] = {}
    for enrolment_id, result in results.items():
        enrolment = enrolments.get(enrolment_id)
        if enrolment is None:
            found[enrolment_id] = "not of this training"
        elif enrolment.state not in (State.ENROLLED, result):
            found[enrolment_id] = f"the enrolment is {enrolment.state}"
        elif result is State.PASSED and enrolment.state is State.ENROLLED:
            days = days_attended.get(enrolment_id, 0)
            if days * 100 < wanted_pct * training.days:
                found[enrolment_id] = f"came on {days} of {training.days} days; {wanted_pct} % is needed"
    return found


def certificate_name(text: str) -> str:
    """A name as it is written on a certificate. Raises NameNotWritable for other than Latin letters."""
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if not re.fullmatch(r"[A-Za-z\u00c0-\u00ff.,'’ -]{1,100}", name) or not any(letter.isalpha() for letter in name):
        raise NameNotWritable
    return name


def years_later(moment: datetime, months: int) -> datetime:
    """The same day and time in western Indonesia so many months later, or the last day of a shorter month; in UTC."""
    local = moment.astimezone(WIB)
    years, month = divmod(local.month - 1 + months, 12)
    year, month = local.year + years, month + 1
    for day in (local.day, 30, 29, 28):
        try:
            return local.replace(year=year, month=month, day=day).astimezone(UTC)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
