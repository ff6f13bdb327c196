"""What the databases say once all has come to rest, read with the audit's role: the other half of every check."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from bench import measure
from bench.online_marketplace.journal import Journal, Look
from bench.online_marketplace.population import World
from deploy import registry
from deploy.local.stack import SERVICES
from shared import sql
from shared.testing.delivery import KERNEL_TABLES

queries = sql.load(__file__, "facts.sql")
QUIET_SECONDS = 120
OF_THE_CLOCK = ("shop_figures", "rate_limits")  # tables that change by themselves: sums are folded, limits forgotten


@dataclass(slots=True)
class OrderFact:
    """An order."""

    buyer: str
    status: str
    total_minor: int
    received_minor: int
    reason: str | None = None


@dataclass(slots=True)
class LineFact:
    """A line of an order."""

    order: str
    product: str
    parcel: str
    version: int
    quantity: int
    unit_price_minor: int


@dataclass(slots=True)
class ParcelFact:
    """A parcel."""

    order: str
    shop: str
    status: str
    goods_minor: int
    shipping_minor: int


@dataclass(slots=True)
class StockFact:
    """A stock row."""

    version: int
    on_hand: int
    reserved: int
    sold: int
    returned: int
    received: int


@dataclass(slots=True)
class ReservationFact:
    """A line that was set aside for an order."""

    order: str
    product: str
    quantity: int
    state: str


@dataclass(slots=True)
class EventFact:
    """An event of orders' log."""

    order: str
    type: str
    parcel: str | None
    buyer: str


@dataclass(slots=True)
class ChangeFact:
    """A fact about a product in the log of its shop."""

    product: str
    shop: str
    sequence: int
    version: int


@dataclass
class Facts:
    """All of it. `products`: shop, version, price; `offers`: version, price; `charges`: status, amount."""

    orders: dict[str, OrderFact] = field(default_factory=dict)
    lines: list[LineFact] = field(default_factory=list)
    parcels: dict[str, ParcelFact] = field(default_factory=dict)
    charges: dict[str, tuple[str, int]] = field(default_factory=dict)
    receipts: list[tuple[str, str, int]] = field(default_factory=list)
    events: list[EventFact] = field(default_factory=list)
    offers: dict[str, tuple[int, int]] = field(default_factory=dict)
    products: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    stock: dict[str, StockFact] = field(default_factory=dict)
    reservations: list[ReservationFact] = field(default_factory=list)
    changes: list[ChangeFact] = field(default_factory=list)
    connectable: set[tuple[str, str]] = field(default_factory=set)
    stock_constraints: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Isolation:
    """Checkouts marked per second with a consumer and without it, and how many in each third of the time without."""

    with_per_s: float
    without_per_s: float
    thirds: tuple[int, int, int]


@dataclass
class Run:
    """Everything that the checks look at. None where a profile does not do the thing.

    `mirror`: version and price of each product as the driver last knew it. `alive`: what the watcher saw while the load
    ran, by invariant. `republished`: how many events, and the tables that were not the same afterwards.
    `kills`: what was killed, and when (monotonic).
    `looks_alive`: how often the watcher looked while the load ran; fewer than `looks_alive_min` prove nothing.
    """

    journal: Journal
    facts: Facts
    mirror: dict[str, tuple[int, int]]
    alive: dict[str, list[str]] = field(default_factory=dict)
    looks_at_rest: list[Look] = field(default_factory=list)
    calls: set[tuple[str, str]] = field(default_factory=set)
    deadlocks: int = 0
    unrest: list[str] = field(default_factory=list)
    republished: tuple[int, list[str]] | None = None
    isolated: Isolation | None = None
    kills: list[tuple[str, float]] = field(default_factory=list)
    kills_meant: tuple[str, ...] = ()
    looks_alive: int = 0
    looks_alive_min: int = 1


@asynccontextmanager
async def reading(world: World, service: str) -> AsyncIterator[Any]:
    """A connection of the audit's role."""
    conn = await asyncpg.connect(world.stack.audit_dsn(service))
    try:
        yield conn
    finally:
        await conn.close()


async def come_to_rest(world: World) -> list[str]:
    """Wait until nothing is on its way; what still was after two minutes."""
    deadline = time.monotonic() + QUIET_SECONDS
    while True:
        left = await _left(world)
        if not left or time.monotonic() > deadline:
            return left
        await asyncio.sleep(0.3)


async def _left(world: World) -> list[str]:
    buyers = [person.account_id for person in world.customers]
    left = []
    async with reading(world, "orders") as orders, reading(world, "catalog") as catalog:
        for service, conn in (("orders", orders), ("catalog", catalog)):
            if unsent := await measure.queries.outbox_left.value(conn):
                left.append(f"{unsent} events of {service} are not sent")
        if unfinished := await queries.unfinished_orders.value(orders, buyers=buyers):
            left.append(f"{unfinished} orders are unfinished")
        if reserved := await measure.queries.set_aside.value(catalog):
            left.append(f"{reserved} orders hold stock")
        offers = {row[0]: row[1] for row in await queries.offers.rows(orders, shops=world.shops)}
        products = {row[0]: row[2] for row in await queries.products.rows(catalog, shops=world.shops)}
        if behind := sum(offers.get(product) != version for product, version in products.items()):
            left.append(f"{behind} products are older in orders than in catalog")
    return left


async def read_facts(world: World) -> Facts:
    """Read everything of this world's people and shops."""
    facts = Facts()
    buyers = [person.account_id for person in world.customers]
    async with reading(world, "orders") as conn:
        facts.orders = {row[0]: OrderFact(*row[1:]) for row in await queries.orders.rows(conn, buyers=buyers)}
        facts.lines = [LineFact(*row) for row in await queries.lines.rows(conn, buyers=buyers)]
        facts.parcels = {row[0]: ParcelFact(*row[1:]) for row in await queries.parcels.rows(conn, buyers=buyers)}
        facts.charges = {row[0]: (row[1], row[2]) for row in await queries.charges.rows(conn, buyers=buyers)}
        facts.receipts = [(row[0], row[1], row[2]) for row in await queries.receipts.rows(conn, buyers=buyers)]
        facts.events = [EventFact(*row) for row in await queries.events.rows(conn, buyers=buyers)]
        facts.offers = {row[0]: (row[1], row[2]) for row in await queries.offers.rows(conn, shops=world.shops)}
    async with reading(world, "catalog") as conn:
        rows = await queries.products.rows(conn, shops=world.shops)
        facts.products = {row[0]: (row[1], row[2], row[3]) for row in rows}
        facts.stock = {row[0]: StockFact(*row[1:]) for row in await queries.stock.rows(conn, shops=world.shops)}
        facts.reservations = [ReservationFact(*row) for row in await queries.reservations.rows(conn, shops=world.shops)]
        facts.changes = [ChangeFact(*row) for row in await queries.changes.rows(conn, shops=world.shops)]
        facts.stock_constraints = {row[0] for row in await queries.stock_constraints.rows(conn)}
        connectable = await queries.connectable.rows(conn, services=list(SERVICES))
        facts.connectable = {(row[0], row[1]) for row in connectable}
    return facts


async def deadlocks(world: World) -> int:
    """How many deadlocks the databases of the measured services have seen so far."""
    async with reading(world, "orders") as conn:
        return sum(row[1] for row in await queries.deadlocks.rows(conn, services=["orders", "catalog"]))


async def state_of(world: World) -> dict[str, str]:
    """A hash of every table, by its name, of every service that hears events; and of how much each has published."""
    state: dict[str, str] = {}
    for service in (name for name in SERVICES if registry.handler_groups(name)):
        async with reading(world, service) as conn:
            hashes = await hashes_of(conn)
            state |= {f"{service}.{table}": found for table, found in hashes.items()}
            state[f"{service}, published"] = str(await queries.published.value(conn))
    return state


async def hashes_of(conn: Any) -> dict[str, str]:
    """A hash of all rows of each table of one service that is state."""
    found = {}
    for (table,) in await queries.own_tables.rows(conn, not_state=[*KERNEL_TABLES, *OF_THE_CLOCK]):
        rows = f"SELECT md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM \"{table}\" AS t"  # noqa: S608  a name from the catalogue
        found[str(table)] = str(await conn.fetchval(rows))
    return found
