"""Fixtures: databases with the kernel's tables and two tables for its tests; a Kafka topic for them; clients.

The restricted role of `orders` serves as the service's role: the kernel is no service and has none.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.local.provision_kafka import client_settings
from deploy.local.provision_postgres import rights_script
from deploy.local.stack import KAFKA_ADMIN, OWNER, Stack
from shared.db import Database
from shared.kafka import KafkaAccess
from shared.migrate import migrate
from tests.kernel.events import TOPIC

ROLE = "orders"
TABLES = """
    CREATE TABLE counters (counter_id uuid PRIMARY KEY, number integer NOT NULL DEFAULT 0);
    CREATE TABLE effects (position bigint GENERATED ALWAYS AS IDENTITY, counter_id uuid NOT NULL, kind text NOT NULL,
                          number integer NOT NULL, handler_group text NOT NULL DEFAULT '');
"""

NewDsn = Callable[[], Awaitable[str]]


def at(dsn: str, database: str) -> str:
    """The same login, in another database."""
    return f"{dsn.rsplit('/', 1)[0]}/{database}"


@pytest_asyncio.fixture(scope="session")
async def empty_database(stack: Stack) -> AsyncIterator[NewDsn]:
    """Makes empty databases, owned by the owner's role: the owner's address of each."""
    admin = await asyncpg.connect(stack.superuser_dsn())
    names: list[str] = []

    async def make() -> str:
        name = f"test_kernel_{uuid4().hex[:12]}"
        await admin.execute(f"CREATE DATABASE {name} OWNER {OWNER} STRATEGY wal_log")
        names.append(name)
        rights = await asyncpg.connect(stack.superuser_dsn(name))
        await rights.execute(rights_script(ROLE).replace(f"DATABASE {ROLE}", f"DATABASE {name}"))
        await rights.close()
        return at(stack.owner_dsn(ROLE), name)

    yield make
    for name in names:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest_asyncio.fixture(scope="module")
async def kernel_dsn(stack: Stack, empty_database: NewDsn) -> str:
    """A database of the test file's own, as the restricted role sees it."""
    owner_dsn = await empty_database()
    await migrate(owner_dsn, "kernel")
    owner = await asyncpg.connect(owner_dsn)
    await owner.execute(TABLES)
    await owner.execute("SELECT outbox_add_topic($1)", TOPIC.name)
    await owner.close()
    return at(stack.dsn(ROLE), owner_dsn.rsplit("/", 1)[1])


@pytest_asyncio.fixture(scope="module")
async def kernel_db(kernel_dsn: str) -> AsyncIterator[Database]:
    """A pool on it, publishing as `kernel`."""
    database = await Database.connect(kernel_dsn, source="kernel", size=12)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def superuser(stack: Stack, kernel_dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection that may do anything in this file's database: looks behind the scenes, kills connections."""
    conn = await asyncpg.connect(stack.superuser_dsn(kernel_dsn.rsplit("/", 1)[1]))
    yield conn
    await conn.close()


@pytest.fixture(scope="session")
def kafka_access(stack: Stack) -> Iterator[KafkaAccess]:
    """The administrator's account, which may use topics that no service owns; the run's test topic exists."""
    admin = AdminClient(client_settings(stack, KAFKA_ADMIN))
    for future in admin.create_topics([NewTopic(TOPIC.name, TOPIC.partitions, 1)]).values():
        future.result(timeout=20)
    user, password = stack.kafka_user(KAFKA_ADMIN)
    yield KafkaAccess(stack.kafka_bootstrap, user, password)
    for future in admin.delete_topics([TOPIC.name]).values():
        future.result(timeout=20)
