"""The clock. Code that decides by time is given the time; only edges (routes, runners) read it here."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)
