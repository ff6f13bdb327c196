"""Fixtures: the test stack (real PostgreSQL and Kafka, apart from any stack you work with) and throw-away databases.

`make test` starts the stack; run alone, pytest starts its infrastructure (PostgreSQL and Kafka) by itself.
"""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("LUMBUNG_HOME", ".local/test")
os.environ.setdefault("LUMBUNG_PORT_BASE", "18000")

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.layout import LocalStackError
from deploy.local.provision_postgres import rights_script
from deploy.local.stack import OWNER, Stack, load_stack
from shared.db import Database
from shared.ids import new_id
from shared.migrate import migrate, migrations_of

ROOT = Path(__file__).parent.parent
OLD_SECONDS = 3600
MakeDatabase = Callable[..., Awaitable[Database]]


@pytest.fixture(scope="session")
def stack() -> Stack:
    """The running test stack; at least its infrastructure."""
    try:
        stack = load_stack()
        stack.pid_of("postgres")
        stack.pid_of("kafka")
    except LocalStackError:
        subprocess.run([sys.executable, "-m", "deploy.cli", "up", "--infra"], cwd=ROOT, check=True)
        stack = load_stack()
    return stack


@pytest_asyncio.fixture(scope="session")
async def make_database(stack: Stack) -> AsyncIterator[MakeDatabase]:
    """Makes migrated throw-away databases: `await make_database("orders")`, with the service's restricted role.

    They go with the stack, or when a run begins an hour later: dropping them here would take half a minute.
    """
    admin = await asyncpg.connect(stack.superuser_dsn())
    await _drop_old(admin)
    made: list[Database] = []

    async def make(service: str, *, size: int = 10, settings: object = None) -> Database:
        template = await _template(stack, admin, service)
        name = f"test_{service}_{new_id().hex}"
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER} STRATEGY wal_log")
        await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {service}, lumbung_audit")
        dsn = stack.dsn(service).rsplit("/", 1)[0] + f"/{name}"
        database = await Database.connect(dsn, source=service, size=size, settings=settings)
        made.append(database)
        return database

    yield make
    for database in made:
        await database.close()
    await admin.close()


async def _drop_old(admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Databases of runs that are over: their names end with an id, and that begins with its time."""
    for row in await admin.fetch("SELECT datname FROM pg_database WHERE datname ~ '^test_[a-z]+_[0-9a-f]{32}$'"):
        made_at = int(row["datname"].rpartition("_")[2][:12], 16) / 1000
        if time.time() - made_at > OLD_SECONDS:
            with suppress(asyncpg.ObjectInUseError):  # by a run that takes so long
                await admin.execute(f"DROP DATABASE IF EXISTS {row['datname']}")


async def _template(stack: Stack, admin: "asyncpg.Connection[asyncpg.Record]", service: str) -> str:
    """A migrated database to copy, made once per set of migration files."""
    digest = hashlib.sha256("".join(m.name + m.text for m in migrations_of(service)).encode()).hexdigest()[:12]
    name = f"template_{service}_{digest}"
    await admin.execute("SELECT pg_advisory_lock(hashtext('test templates'))")
    try:
        if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1 AND datallowconn", name + "_ok"):
            for leftover in (name, name + "_ok"):
                await admin.execute(f"DROP DATABASE IF EXISTS {leftover} WITH (FORCE)")
            await admin.execute(f"CREATE DATABASE {name} OWNER {OWNER} STRATEGY wal_log")
            owner = await asyncpg.connect(stack.superuser_dsn(name))
            await owner.execute(rights_script(service).replace(f"DATABASE {service}", f"DATABASE {name}"))
            await owner.close()
            await migrate(stack.owner_dsn(service).rsplit("/", 1)[0] + f"/{name}", service)
            await admin.execute(f"ALTER DATABASE {name} RENAME TO {name}_ok")
    finally:
        await admin.execute("SELECT pg_advisory_unlock(hashtext('test templates'))")
    return name + "_ok"


@pytest_asyncio.fixture(scope="session")
async def identity_db(make_database: MakeDatabase) -> Database:
    """One database of identity for the whole run; tests use ids of their own."""
    return await make_database("identity")


@pytest_asyncio.fixture(scope="session")
async def catalog_db(make_database: MakeDatabase) -> Database:
    """One database of catalog for the whole run."""
    return await make_database("catalog")


@pytest_asyncio.fixture(scope="session")
async def orders_db(make_database: MakeDatabase) -> Database:
    """One database of orders for the whole run."""
    return await make_database("orders")


@pytest_asyncio.fixture(scope="session")
async def cooperatives_db(make_database: MakeDatabase) -> Database:
    """One database of cooperatives for the whole run."""
    return await make_database("cooperatives")


@pytest_asyncio.fixture(scope="session")
async def financing_db(make_database: MakeDatabase) -> Database:
    """One database of financing for the whole run."""
    return await make_database("financing")


@pytest_asyncio.fixture(scope="session")
async def programmes_db(make_database: MakeDatabase) -> Database:
    """One database of programmes for the whole run."""
    return await make_database("programmes")


@pytest_asyncio.fixture(scope="session")
async def storefront_db(make_database: MakeDatabase) -> Database:
    """One database of the storefront for the whole run."""
    return await make_database("storefront")
