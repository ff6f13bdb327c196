"""Lists stay fast because of how they are planned: on 20,000 products, no list reads them all."""

import re
from itertools import pairwise
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.stack import Stack
from services.catalog.domain.search import LAST_ID, PRICE_BOUNDS_MINOR, Filters, Sort, start_of
from services.catalog.store import search
from shared.db import Database
from tests.conftest import MakeDatabase

FILL = """
WITH shop AS (
    INSERT INTO shops (shop_id, owner_id, name, region_code, opened_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 'Toko ' || i, (ARRAY['18.01', '36.73'])[1 + i % 2], now()
      FROM generate_series(1, 50) AS i RETURNING shop_id, region_code
), numbered AS (
    SELECT row_number() OVER () - 1 AS place, shop_id, region_code FROM shop
), product AS (
    INSERT INTO products (product_id, shop_id, title, description, category, unit_price_minor, currency, weight_grams,
                          payees, region_code, listed_at, changed_at)
    SELECT gen_random_uuid(), shop_id, 'Kopi ' || substr(md5(i::text), 1, 6) || ' nomor ' || i, '', slug,
           1000 + i % 700, 'IDR', 1, '[]', region_code, now() - make_interval(secs => i), now()
      FROM generate_series(1, 20000) AS i
      JOIN numbered ON place = i % 50
      JOIN categories ON position = 1 + i % 14
    RETURNING product_id
)
INSERT INTO stock (product_id, version, on_hand, received) SELECT product_id, 1, 9, 9 FROM product
"""


@pytest_asyncio.fixture(scope="module")
async def full(make_database: MakeDatabase, stack: Stack) -> Database:
    """20,000 products, known to the planner."""
    db = await make_database("catalog")
    async with db.transaction() as conn:
        await conn.execute(FILL)
    async with db.reading() as conn:
        name = await conn.fetchval("SELECT current_database()")
    owner = await asyncpg.connect(stack.superuser_dsn(name))
    await owner.execute("VACUUM ANALYZE")
    await owner.close()
    return db


def values_of(query: str, filters: Filters) -> dict[str, Any]:
    sort = {
        "products_newest": Sort.NEWEST,
        "products_cheapest": Sort.PRICE_ASC,
        "products_dearest": Sort.PRICE_DESC,
    }.get(query, Sort.RELEVANCE)
    key, last_id = start_of(sort)
    return {
        **filters.as_parameters(),
        "after_at": key,
        "after_price": key,
        "after_score": key,
        "after_id": last_id if sort is not Sort.RELEVANCE else LAST_ID,
        "limit": 25,
        "sample": 1_000,
        "enough": 5,
        "bounds": list(PRICE_BOUNDS_MINOR),
        "with_facets": True,
        "by": "relevance",
    }


async def plan(db: Database, name: str, filters: Filters, *, mode: str) -> str:
    """How the query runs once its plan is settled, as the service runs it: prepared, with parameters."""
    query = getattr(search.searches, name)
    values = values_of(name, filters)
    literals = [_literal(values[each]) for each in query.names]
    async with db.transaction() as conn:
        await conn.execute(f"SET LOCAL plan_cache_mode = {mode}")
        await conn.execute(f"PREPARE asked AS {query.text}")
        rows = await conn.fetch(f"EXPLAIN (ANALYZE, COSTS OFF) EXECUTE asked({', '.join(literals)})")
        await conn.execute("DEALLOCATE asked")
    return "\n".join(row[0] for row in rows)


def _literal(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "NULL" if value is None else str(value)
    if isinstance(value, list):
        return "'{" + ",".join(map(str, value)) + "}'"
    return str(value) if isinstance(value, int) else f"$text${value}$text$"


@pytest.mark.parametrize(
    ("query", "filters", "index"),
    [
        ("products_newest", Filters(), "products_newest"),
        ("products_cheapest", Filters(), "products_cheapest"),
        ("products_dearest", Filters(), "products_cheapest"),
        ("products_newest", Filters(category="kopi-teh"), "products_newest_of_category"),
        ("products_dearest", Filters(category="kopi-teh"), "products_cheapest_of_category"),
    ],
)
async def test_a_list_walks_an_index_and_reads_no_more_than_its_page(
    full: Database, query: str, filters: Filters, index: str
) -> None:
    text = await plan(full, query, filters, mode="auto")

    assert re.search(rf"Index (Only )?Scan( Backward)? using {index} on products", text), text
    assert "Seq Scan on products" not in text


@pytest.mark.parametrize("words", ["kopi nomor 77", "kopy nomer", "zzzz"])
async def test_a_search_uses_the_indexes_of_words_whatever_it_was_planned_for(full: Database, words: str) -> None:
    text = await plan(full, "products_relevant", Filters(words=words), mode="force_generic_plan")

    assert "Bitmap Index Scan on products_words" in text
    scanned = re.findall(r"Seq Scan on products .*?rows=(\d+)", text)
    assert scanned == [], text


async def test_a_word_of_every_title_is_looked_up_in_the_smaller_levels_only(full: Database) -> None:
    text = await plan(full, "products_relevant", Filters(words="kopi"), mode="auto")

    levels = re.findall(r"Bitmap Index Scan on products_words_(\d) \((actual|never executed)", text)
    assert ("0", "actual") in levels and ("1", "actual") in levels, text
    assert ("2", "actual") not in levels and ("3", "actual") not in levels, text


async def test_each_product_is_in_one_level(full: Database) -> None:
    async with full.reading() as conn:
        sizes = await conn.fetch(
            "SELECT search_level(product_id) AS level, count(*) AS products FROM products GROUP BY 1 ORDER BY 1"
        )
        searched = await conn.fetchval("SELECT count(DISTINCT product_id) FROM searched_products")

    assert [row["level"] for row in sizes] == [0, 1, 2, 3]
    assert sum(row["products"] for row in sizes) == searched == 20_000
    assert all(small["products"] < large["products"] for small, large in pairwise(sizes))
