"""Tests of the tests of races: run again without what decides the race, each must be seen to fail.

What is taken away is taken for good from a throw-away database, or for one test from a query.
"""

import re
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from deploy.local.stack import Stack
from shared.db import Database
from shared.sql import Query

TRIES = 30  # a race without a referee is still not lost every time


async def weaken(stack: Stack, db: Database, *statements: str) -> None:
    """Run what nobody of the product may: drop a constraint, or replace a function."""
    async with db.reading() as conn:
        name = await conn.fetchval("SELECT current_database()")
    assert name.startswith("test_"), "for good: only from a database that is thrown away"
    owner = await asyncpg.connect(stack.superuser_dsn(name))
    for statement in statements:
        await owner.execute(statement)
    await owner.close()


def without_locks(monkeypatch: pytest.MonkeyPatch, *queries: Query) -> None:
    """Queries that read what they would lock."""
    for query in queries:
        text = re.sub(r"\s+FOR (NO KEY UPDATE|UPDATE|SHARE)\b( OF \w+)?", "", query.text)
        assert text != query.text, f"{query.name} locks nothing"
        monkeypatch.setattr(query, "text", text)


async def must_be_lost(race: Callable[[], Awaitable[None]]) -> None:
    """Run the test of a race until it fails, or a rule of the domain meets what cannot be: one of them must happen."""
    for _ in range(TRIES):
        try:
            await race()
        except (AssertionError, ValueError):
            return
    pytest.fail(f"run {TRIES} times without what decides it, the race was won each time: its test cannot fail")
