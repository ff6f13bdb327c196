"""Personal data under UU 27/2022: how long an answer may take, and which data are specific.

What must stay true: "3 x 24 hours" are hours and not days, counted from the moment of receipt as an instant, so that
time zones and ends of years do not matter; data whose kind nobody stated is an error, never harmless.
"""

from datetime import UTC, date, datetime, timedelta

from shared.calendar import day_of
from shared.rules import NoRule, Rules


def answer_due(rules: Rules, event: str, received_at: datetime) -> datetime:
    """Until when an event (consent_withdrawn, breach_known, access_requested, ...) must have been answered.

    In the time zone of `received_at`. Raises ValueError when that has no zone, NoRule for an event without a deadline.
    """
    if received_at.tzinfo is None:
        raise ValueError("a deadline needs a moment with its time zone")
    hours = rules.in_force("answer_hours", day_of(received_at)).entry("events", event)
    return (received_at.astimezone(UTC) + timedelta(hours=hours)).astimezone(received_at.tzinfo)


def is_specific(rules: Rules, field: str, *, on: date) -> bool:
    """Whether a field holds specific personal data (art. 4 (2)): health, biometric, genetic, crime, children, finances.

    `field` is a name in words joined by `_`; a word of a specific kind decides over a general one. Raises NoRule for a
    field with no word that the rule knows.
    """
    rule = rules.in_force("personal_data", on)
    words = set(field.lower().split("_"))
    if any(words & set(known) for known in rule.table("specific").values()):
        return True
    if words & set(rule.get("general")):
        return False
    raise NoRule(f"nobody has said of which kind the personal data {field!r} are")
