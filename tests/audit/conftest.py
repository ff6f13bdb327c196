"""A market of its own for every test: what a test corrupts no other test sees."""

import pytest_asyncio

from deploy.local.stack import Stack
from tests.audit.world import World, open_market
from tests.conftest import MakeDatabase


@pytest_asyncio.fixture
async def world(stack: Stack, make_database: MakeDatabase) -> World:
    """A clean market."""
    return await open_market(stack, await make_database("catalog", size=2), await make_database("orders", size=2))
