"""What the watcher asks a database and the system while a load runs: planted for real, and found."""

import json
import os
import socket
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import asyncpg

from bench.online_marketplace.facts import queries
from bench.online_marketplace.watcher import calls_between
from deploy.local.pids import birth_of
from deploy.local.stack import SERVICES, Stack
from shared.sql import Query
from tests.conftest import MakeDatabase

OF_ORDERS = (
    "orders", "lines", "parcels", "charges", "receipts", "events", "offers", "moved_offers", "unfinished_orders",
    "connectable", "deadlocks", "unsent", "own_tables", "published",
)  # fmt: skip
OF_CATALOG = (
    "products", "stock", "reservations", "changes", "stock_constraints", "overdrawn", "uneven_reservations",
    "orphaned_stock", "open_reservations", "unsent", "own_tables", "published",
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


def test_a_call_between_services_is_seen(tmp_path: Path) -> None:
    me = {"pid": os.getpid(), "birth": birth_of(os.getpid())}
    (tmp_path / "state.json").write_text(json.dumps({"processes": {"orders": me}}))
    listening = socket.create_server(("127.0.0.1", 0))
    ports = dict.fromkeys(SERVICES, 1) | {"catalog": listening.getsockname()[1]}
    world = SimpleNamespace(stack=SimpleNamespace(home=tmp_path, ports=ports))

    before = calls_between(world)  # type: ignore[arg-type]  # only a home and ports are looked at
    with socket.create_connection(listening.getsockname()):
        during = calls_between(world)  # type: ignore[arg-type]  # only a home and ports are looked at
    listening.close()

    assert (before, during) == (set(), {("orders", "catalog")})
