"""Waiting for a state with a deadline: never a fixed sleep, never "the next message"."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    look: Callable[[], Awaitable[T]], *, within_seconds: float = 20, every_seconds: float = 0.05, what: str = "it"
) -> T:
    """The first true value of `look`, asked again and again. Raises AssertionError with the last value."""
    deadline = time.monotonic() + within_seconds
    while True:
        value = await look()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {within_seconds} s; last seen: {value!r}")
        await asyncio.sleep(every_seconds)
