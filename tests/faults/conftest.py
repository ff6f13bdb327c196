"""The short part of the fault suite runs on the whole test stack, as journeys do."""

import pytest_asyncio

from deploy.local.layout import current_layout
from deploy.local.stack import Stack
from faults.ground import Ground
from tests.journeys.conftest import market

__all__ = ["ground", "market"]


@pytest_asyncio.fixture(scope="session")
async def ground(market: Stack) -> Ground:
    """The test stack with buyers and goods of the suite's own."""
    ground = Ground(current_layout(), market)
    await ground.settle_in(8)
    return ground
