"""What the benchmark of size makes is a market as the services leave it; its figures are kept with their date."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from bench import large, scale
from deploy.local.stack import Stack
from services.orders import main
from services.orders.domain.order import OrderStatus
from shared import sql
from tests.conftest import MakeDatabase

AUDIT = sql.load(main.__file__, "audit.sql")
# The others look at the ledger, which is left out.
CHECKS = (
    "orders_are_in_one_class",
    "orders_are_not_stuck",
    "orders_have_lines_parcels_and_sums",
    "parcels_hold_what_their_lines_say",
    "parcels_follow_their_order",
    "completed_parcels_are_settled",
    "settlements_are_what_was_left",
    "refunds_are_the_sum_of_their_parts",
    "refunds_take_back_what_they_give",
    "dashboards_equal_their_rows",
)
ACCEPT = {"slowdown_time": 1.05, "slowdown_cpu": 1.11}
DASHBOARDS = {"slowdown_time": 1.02, "slowdown_cpu": 0.98}


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SHOPS": 40, "BUYERS": 50, "OPEN_ORDERS": 100, "CHUNK": 700}.items():
        monkeypatch.setattr(large, name, value)


@pytest.mark.usefixtures("_small")
async def test_the_orders_that_are_made_are_as_the_service_leaves_them(
    make_database: MakeDatabase, stack: Stack
) -> None:
    db = await make_database("orders")
    async with db.reading() as conn:
        name = await conn.fetchval("SELECT current_database()")
        indexes = await conn.fetch("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1")

    sold, made = await large.make_orders(stack, name, 2_000, uuid4())

    found = {}
    async with db.reading() as conn:
        for check in CHECKS:
            if rows := await getattr(AUDIT, check).rows(conn):
                found[check] = [dict(row) for row in rows[:3]]
        statuses = {
            row["status"]: row["orders"]
            for row in await conn.fetch("SELECT status::text AS status, count(*) AS orders FROM orders GROUP BY 1")
        }
        again = await conn.fetch(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename !~ '^outbox_[0-9]' ORDER BY 1"
        )
    assert found == {}
    assert statuses == {"completed": 1_805, "confirmed": 100, "cancelled": 95}
    assert set(statuses) <= {status.value for status in OrderStatus}
    assert len(sold) == 160 and made["orders"] == 2_000 and made["events"] > 0
    assert {row["indexdef"] for row in again} <= {row["indexdef"] for row in indexes}
    assert len([row for row in indexes if " outbox_2" not in row["indexdef"]]) == len(again)


@pytest.mark.usefixtures("_small")
async def test_the_products_that_are_made_can_be_searched(make_database: MakeDatabase, stack: Stack) -> None:
    db = await make_database("catalog")
    async with db.reading() as conn:
        name = await conn.fetchval("SELECT current_database()")
    owner = await asyncpg.connect(stack.superuser_dsn(name))
    await large.queries.make_shops.run(owner, shops=40, regions=["18.01", "36.73"])
    words = {"nouns": ["keripik", "kopi"], "traits": ["pedas"], "names": ["sukamaju"], "categories": ["kopi-teh"]}

    await large.make_rows(stack, name, ["products"], large.queries.make_products, 1_500, shops=40, **words)

    found = await owner.fetchval("SELECT count(*) FROM searched_products WHERE document @@ 'keripik & sukamaju'")
    counted = await owner.fetchrow(
        "SELECT (SELECT count(*) FROM products) AS products, (SELECT count(*) FROM stock) AS stock,"
        " (SELECT count(*) FROM pg_indexes WHERE tablename = 'products' AND indexname LIKE 'products_words%') AS levels"
    )
    await owner.close()
    assert 0 < found <= 1_500
    assert counted is not None and tuple(counted) == (1_500, 1_500, 4)


def test_the_figure_is_the_worse_of_time_and_cpu_time_and_there_is_none_of_a_smaller_market() -> None:
    found = {"p99_ms": 31.5}
    details = {
        "search": {"products": 1_000_000, "search": found},
        "orders": {"large_orders": 10_000_000, "accept": ACCEPT, "dashboards": DASHBOARDS},
    }

    figures = scale.summary(details)
    smaller = scale.summary({"search": {"products": 999_999, "search": found}, "orders": {"large_orders": 300_000}})

    assert figures == {"search_p99_ms_1m": 31.5, "order_insert_slowdown_10m": 1.11, "dashboard_slowdown_10m": 1.02}
    assert scale.summary({}) == smaller == dict.fromkeys(scale.KEYS)


def test_a_quick_run_takes_over_the_last_figures_with_their_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scale, "RESULT", tmp_path / "scale-latest.json")
    details: dict[str, Any] = {"measured_at": "2026-11-30T07:00:00+00:00", "search": {}}

    nothing = scale.last()
    scale.RESULT.write_text(json.dumps({"details": details}))

    assert nothing == {} and scale.last() == details
