"""What the checks ask of databases and of the system: planted for real, and found."""

import asyncio
import json
import os
import socket
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import asyncpg
import pytest

from bench.online_marketplace.facts import hashes_of, queries
from bench.online_marketplace.watcher import calls_between
from deploy.local.pids import birth_of
from deploy.local.stack import SERVICES, Stack
from shared.sql import Query
from tests.conftest import MakeDatabase

OF_ORDERS = (
    "orders", "lines", "parcels", "charges", "receipts", "events", "offers", "moved_offers", "unfinished_orders",
    "connectable", "deadlocks", "own_tables", "published",
)  # fmt: skip
OF_CATALOG = (
    "products", "stock", "reservations", "changes", "stock_constraints", "overdrawn", "uneven_reservations",
    "orphaned_stock", "own_tables", "published",
)  # fmt: skip


async def test_every_query_of_the_benchmark_can_be_prepared(make_database: MakeDatabase) -> None:
    for service, names in (("orders", OF_ORDERS), ("catalog", OF_CATALOG)):
        database = await make_database(service, size=2)
        async with database.reading() as conn:
            for name in names:
                await conn.raw.prepare(getattr(queries, name).text)

    assert {query.name for query in queries} == {*OF_ORDERS, *OF_CATALOG}


async def test_what_must_hold_at_any_instant_is_found_when_it_does_not(
    make_database: MakeDatabase, stack: Stack
) -> None:
    database = await make_database("catalog", size=2)
    async with database.reading() as reading:
        name = await reading.raw.fetchval("SELECT current_database()")
    conn = await asyncpg.connect(stack.superuser_dsn(name))
    looks: tuple[Query, ...] = (queries.overdrawn, queries.uneven_reservations, queries.orphaned_stock)
    clean = [await look.rows(conn) for look in looks]
    constraints = {row[0] for row in await queries.stock_constraints.rows(conn)}
    await conn.execute("ALTER TABLE stock DROP CONSTRAINT stock_reserved_within_on_hand")
    await conn.execute("ALTER TABLE stock DROP CONSTRAINT stock_product_id_fkey")
    product = uuid4()
    await conn.execute(
        "INSERT INTO stock (product_id, version, on_hand, reserved, received) VALUES ($1, 1, 2, 3, 2)", product
    )

    found = [[row[0] for row in await look.rows(conn)] for look in looks]
    left = {row[0] for row in await queries.stock_constraints.rows(conn)}
    await conn.close()

    assert clean == [[], [], []]
    assert found == [[str(product)]] * 3
    assert constraints - left == {"stock_reserved_within_on_hand"}


async def test_a_row_that_changes_is_seen_in_the_hash_of_its_table_alone(make_database: MakeDatabase) -> None:
    database = await make_database("catalog", size=2)
    member = (uuid4(), uuid4(), uuid4())
    async with database.transaction() as conn:
        await conn.execute("INSERT INTO parked_keys (handler_group, ordering_key) VALUES ('catalog', 'a')")
        await conn.execute("INSERT INTO cooperative_members VALUES ($1, $2, $3, true)", *member)
        before = await hashes_of(conn)
        await conn.execute("INSERT INTO parked_keys (handler_group, ordering_key) VALUES ('catalog', 'b')")
        unchanged = await hashes_of(conn)
        await conn.execute("UPDATE cooperative_members SET is_member = false")
        after = await hashes_of(conn)

    assert unchanged == before, "what the kernel keeps for itself is no state"
    assert [table for table in before if after[table] != before[table]] == ["cooperative_members"]


async def test_a_login_that_may_open_another_database_is_seen(stack: Stack) -> None:
    conn = await asyncpg.connect(stack.superuser_dsn())
    transaction = conn.transaction()
    await transaction.start()
    before = {tuple(row) for row in await queries.connectable.rows(conn, services=list(SERVICES))}
    await conn.execute("GRANT CONNECT ON DATABASE catalog TO orders")
    after = {tuple(row) for row in await queries.connectable.rows(conn, services=list(SERVICES))}
    await transaction.rollback()
    await conn.close()

    assert before == {(service, service) for service in SERVICES}
    assert after - before == {("orders", "catalog")}


async def test_a_deadlock_is_counted(make_database: MakeDatabase, stack: Stack) -> None:
    database = await make_database("catalog", size=2)
    async with database.reading() as reading:
        name = await reading.raw.fetchval("SELECT current_database()")
    one, other, looking = [await asyncpg.connect(stack.superuser_dsn(name)) for _ in range(3)]

    async def count() -> int:
        (row,) = await queries.deadlocks.rows(looking, services=[name])
        return int(row["deadlocks"])

    before = await count()
    for conn, lock in ((one, 1), (other, 2)):
        await conn.execute("BEGIN")
        await conn.execute("SELECT pg_advisory_xact_lock($1)", lock)
    ends = await asyncio.gather(
        one.execute("SELECT pg_advisory_xact_lock(2)"),
        other.execute("SELECT pg_advisory_xact_lock(1)"),
        return_exceptions=True,
    )
    for conn in (one, other):
        await conn.execute("ROLLBACK")
        await conn.close()
    async with asyncio.timeout(20):  # a backend tells its counts when it has ended
        while await count() == before:
            await asyncio.sleep(0.1)

    assert [type(end) for end in ends if isinstance(end, Exception)] == [asyncpg.DeadlockDetectedError]
    assert await count() == before + 1
    await looking.close()


@pytest.mark.parametrize("caller", ["orders", "orders-worker"])
def test_a_call_between_services_is_seen(tmp_path: Path, caller: str) -> None:
    me = {"pid": os.getpid(), "birth": birth_of(os.getpid())}
    (tmp_path / "state.json").write_text(json.dumps({"processes": {caller: me}}))
    listening = socket.create_server(("127.0.0.1", 0))
    ports = dict.fromkeys(SERVICES, 1) | {"catalog": listening.getsockname()[1]}
    world = SimpleNamespace(stack=SimpleNamespace(home=tmp_path, ports=ports))

    before = calls_between(world)  # type: ignore[arg-type]  # only a home and ports are looked at
    with socket.create_connection(listening.getsockname()):
        during = calls_between(world)  # type: ignore[arg-type]  # only a home and ports are looked at
    listening.close()

    assert (before, during) == (set(), {("orders", "catalog")})
