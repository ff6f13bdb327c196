"""A large market, made at once: rows as the services leave them, inside the databases (large.sql)."""

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import md5
from typing import Any
from uuid import UUID

import asyncpg

from bench.stage import CATEGORIES, REGIONS, WORDS, say
from deploy.local.stack import Stack
from shared import sql
from shared.db import RawConnection
from shared.idempotency import KEPT_DAYS
from shared.service import OUTBOX_DAYS

queries = sql.load(__file__, "large.sql")

SHOPS, BUYERS, OPEN_ORDERS = 5_000, 200_000, 5_000
CHUNK = 25_000
HANDS = 2  # connections that make rows at once
ORDER_TABLES = (
    "orders", "addresses", "parcels", "order_lines", "receipts", "settlements", "settlement_parts", "refunds",
    "refund_parts", "idempotency_keys",
)  # fmt: skip
# fmt: off
MORE_WORDS = (
    "abon", "asinan", "bakpia", "bandrek", "beras", "bumbu", "cabai", "cireng", "dendeng", "durian", "gerabah", "getuk",
    "jagung", "jamu", "kacang", "kecap", "kelapa", "kemplang", "ketan", "lanting", "lapis", "lumpia", "manisan",
    "minyak",
    "nanas", "oncom", "opak", "pempek", "petis", "rambak", "rempeyek", "rendang", "sagu", "salak", "selai",
    "serundeng", "sirsak", "songket", "tauco", "telur", "tenun", "tepung", "terasi", "topi", "ubi", "wajik", "wedang",
    "wingko", "sarung", "sandal", "sepatu", "selendang", "kemeja", "keranjang", "tikar", "lampu", "meja", "ukiran",
    "wayang", "topeng", "gelang", "kalung", "cincin", "dompet", "sabun", "lulur", "balsam",
)
TRAITS = (
    "asli", "pedas", "manis", "gurih", "original", "premium", "super", "khas", "renyah", "organik", "tradisional",
    "bakar", "goreng", "kering", "basah", "jumbo", "mini", "tawar", "asam", "segar", "halus", "bubuk", "panggang",
    "tulis", "cap", "sulam", "pilihan", "rumahan", "murah", "grosir", "kiloan", "kemasan",
)
SYLLABLES = (
    "ka", "ri", "na", "di", "ma", "ta", "ra", "lu", "mi", "sa", "wati", "sari", "jaya", "gung", "ndo", "ban", "ci",
    "su", "bu", "pe",
)
# fmt: on


def invented_names(count: int) -> list[str]:
    """Names of makers and places that no dictionary has, always the same."""
    rng = random.Random(11)
    names: dict[str, None] = {}
    while len(names) < count:
        names["".join(rng.choices(SYLLABLES, k=rng.randint(3, 4)))] = None
    return list(names)


async def hand(stack: Stack, database: str) -> RawConnection:
    """A superuser's connection for making rows: no triggers, no waiting for the disk, no time limit."""
    conn = await asyncpg.connect(stack.superuser_dsn(database))
    await queries.without_waiting.rows(conn)
    await queries.without_triggers.run(conn)
    return conn


async def make_rows(
    stack: Stack, database: str, tables: Sequence[str], make: sql.Query, total: int, **values: Any
) -> None:
    """Rows number 1 to `total` by several hands, chunk by chunk; indexes are made again afterwards."""
    admin = await hand(stack, database)
    indexes = await queries.droppable_indexes.rows(admin, tables=list(tables)) if total > CHUNK else []
    for index in indexes:
        await admin.execute(f"DROP INDEX {index['name']}")
    waiting = list(range(1, total + 1, CHUNK))[::-1]
    began, said_at = time.monotonic(), time.monotonic()

    async def work() -> None:
        nonlocal said_at
        conn = await hand(stack, database)
        while waiting:
            first = waiting.pop()
            await make.run(conn, first=first, last=min(total, first + CHUNK - 1), total=total, **values)
            if time.monotonic() - said_at > 20:
                said_at = time.monotonic()
                say(f"  {database}: {first:,} of {total:,}, {time.monotonic() - began:.0f} s")
        await conn.close()

    await asyncio.gather(*(work() for _ in range(HANDS)))
    say(f"  {database}: rows in {time.monotonic() - began:.0f} s, now {len(indexes)} indexes")
    definitions = [index["definition"] for index in indexes][::-1]

    async def build() -> None:
        conn = await hand(stack, database)
        while definitions:
            await conn.execute(definitions.pop(0))
        await conn.close()

    await asyncio.gather(*(build() for _ in range(HANDS)))
    await admin.close()


async def settle_down(stack: Stack, database: str) -> None:
    """As a database is that has been running: vacuumed, analysed, on disk.

    What autovacuum still owes to the making of the rows is forgotten, or it would be counted as a cost of size.
    """
    conn = await asyncpg.connect(stack.superuser_dsn(database))
    await conn.execute("VACUUM (ANALYZE, PARALLEL 0)")
    await conn.execute("CHECKPOINT")
    await queries.forget_what_vacuum_owes.rows(conn)
    await conn.close()


async def make_products(stack: Stack, products: int) -> tuple[list[str], dict[str, Any]]:
    """A catalogue; the words to search for, and what it took."""
    began = time.monotonic()
    nouns, names = [*WORDS, *MORE_WORDS], invented_names(4_000)
    conn = await hand(stack, "catalog")
    await queries.make_shops.run(conn, shops=SHOPS, regions=list(REGIONS))
    words = {"nouns": nouns, "traits": list(TRAITS), "names": names, "categories": list(CATEGORIES)}
    await make_rows(stack, "catalog", ["products"], queries.make_products, products, shops=SHOPS, **words)
    await queries.make_vocabulary.run(conn, words=[*nouns, *TRAITS, *names])
    titles = [row["title"] for row in await queries.some_titles.rows(conn)]
    await conn.close()
    await settle_down(stack, "catalog")
    made = {"products": products, "shops": SHOPS, "making_s": round(time.monotonic() - began)}
    return sorted({word for title in titles for word in title.split() if not word.isdigit()}), made


async def make_orders(stack: Stack, database: str, orders: int, owner_id: UUID) -> tuple[list[str], dict[str, Any]]:
    """A market with so many orders behind it; its products and what there is."""
    began = time.monotonic()
    conn = await hand(stack, database)
    sold = await queries.make_sellers.rows(conn, shops=SHOPS, regions=list(REGIONS), owner_id=owner_id)
    await queries.make_past_days.run(conn)
    today = datetime.now(UTC).date()
    for day in (today - timedelta(days=back) for back in range(1, OUTBOX_DAYS + 8)):
        await queries.make_past_day.run(conn, day=date(day.year, day.month, day.day))
    values = {"shops": SHOPS, "buyers": BUYERS, "open": OPEN_ORDERS, "keys_days": KEPT_DAYS, "outbox_days": OUTBOX_DAYS}
    await make_rows(stack, database, ORDER_TABLES, queries.make_orders, orders, **values)
    await queries.event_log_ends.rows(conn)
    await queries.add_up_the_past.run(conn)
    await settle_down(stack, database)
    (counted,) = await queries.counted.rows(conn)
    await conn.close()
    return [str(row["product_id"]) for row in sold], dict(counted) | {"making_s": round(time.monotonic() - began)}


def shop_ids(count: int) -> list[str]:
    """Ids of some shops, as make_sellers makes them (md5 of their numbers)."""
    rng = random.Random(5)
    return [
        str(UUID(md5(f"shop {n}".encode(), usedforsecurity=False).hexdigest())) for n in rng.sample(range(SHOPS), count)
    ]
