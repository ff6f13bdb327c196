"""Journeys run through HTTP and Kafka only, on the whole test stack with short clocks (see the Makefile).

After each of them the audit runs, and finds nothing.
"""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from deploy.demo import story
from deploy.demo.__main__ import OWN_SEED, SHORT_CLOCKS
from deploy.demo.world import World
from deploy.local.layout import LocalStackError
from deploy.local.stack import SERVICES, Stack, load_stack
from deploy.seed.read import Seed, read_seed

ROOT = Path(__file__).parent.parent.parent
OTLP_PORT = 18318


@pytest.fixture(scope="session")
def market() -> Stack:
    """The whole stack, started with short clocks unless it runs already."""
    try:
        stack = load_stack()
        for service in SERVICES:
            stack.pid_of(service)
    except LocalStackError:
        environment = os.environ | SHORT_CLOCKS | {"LUMBUNG_OTLP_ENDPOINT": f"http://127.0.0.1:{OTLP_PORT}"}
        subprocess.run([sys.executable, "-m", "deploy.cli", "up"], cwd=ROOT, check=True, env=environment)
        stack = load_stack()
    return stack


def audit() -> subprocess.CompletedProcess[str]:
    """`./lumbung audit` on the test stack, with time for events that are still on their way."""
    command = [sys.executable, "-m", "deploy.cli", "audit", "--settle", "60"]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module", autouse=True)
def audited(market: Stack) -> Iterator[None]:
    """After each journey nothing is lost, doubled or unbalanced: I1 to I12."""
    yield
    found = audit()
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.fixture(scope="session")
def seed() -> Seed:
    """Our own spreadsheet of products."""
    return read_seed(OWN_SEED)


@pytest_asyncio.fixture(scope="session")
async def world(market: Stack, seed: Seed) -> AsyncIterator[World]:
    """The stack after the demonstration's story was played on it, once per run."""
    databases = {service: await asyncpg.connect(market.audit_dsn(service)) for service in SERVICES}
    async with httpx2.AsyncClient(timeout=30) as http:
        world = World(market, seed, http, databases)
        await story.play(world)
        yield world
    for database in databases.values():
        await database.close()
