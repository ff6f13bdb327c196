"""What the audit asks of orders' money: clean after anything that happens, and each check sees a planted fault."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from services.orders import main
from services.orders.store import accounts
from shared import ledger, sql
from shared.clock import utc_now
from shared.db import Connection
from tests.orders.conftest import Market
from tests.orders.moves import confirmed, one_product
from tests.orders.test_settlement import balance, completed

AUDIT = sql.load(main.__file__, "audit.sql")
LEDGER_AUDIT = sql.load(ledger.__file__, "audit.sql")
MONEY = (
    "completed_parcels_are_settled",
    "settlements_are_what_was_left",
    "refunds_are_the_sum_of_their_parts",
    "refunds_take_back_what_they_give",
    "money_is_booked",
    "unsettled_money_is_that_of_open_orders",
    "payees_got_what_was_settled",
    "commission_and_tax_are_what_was_settled",
    "money_is_where_it_came_in",
    "savings_claims_are_paid_into_the_bank",
    "dashboards_equal_their_rows",
)


class RolledBack(Exception):
    """Nothing of it happened."""


@asynccontextmanager
async def trying(market: Market) -> AsyncIterator[Connection]:
    """A transaction that is rolled back."""
    try:
        async with market.db.transaction() as conn:
            yield conn
            raise RolledBack
    except RolledBack:
        return


async def violations(conn: Connection, *names: str) -> dict[str, list[str]]:
    """What these checks find, by check."""
    found: dict[str, list[str]] = {}
    for name in names:
        rows = await getattr(AUDIT, name).rows(conn)
        if rows:
            found[name] = [f"{row['key']}: {row['what']}" for row in rows]
    return found


async def faults_of_money(market: Market) -> dict[str, list[str]]:
    """Every check of orders' money and of the ledger."""
    async with market.db.reading() as conn:
        found = await violations(conn, *MONEY)
        for query in LEDGER_AUDIT:
            if rows := await query.rows(conn):
                found[query.name] = [str(row["what"]) for row in rows]
    return found


@pytest_asyncio.fixture(scope="module")
async def world(market: Market) -> dict[str, Any]:
    """A settled order with a refund that is made, one with a refund that is owed, a paid one, cash."""
    shop, product_id, buyer = await one_product(market, 10_000)
    settled = await completed(market, shop, buyer, {product_id: 2}, "qris")
    path = f"/v1/orders/{settled['order_id']}/refunds"
    await market.post(path, shop.owner, {"amount_minor": 3_333, "reason": "goodwill"})
    await market.make_calls()
    await market.post(path, shop.owner, {"amount_minor": 1_111, "reason": "goodwill"})
    cash = await completed(market, shop, buyer, {product_id: 1}, "cod")
    paid = await confirmed(market, buyer, {product_id: 1}, method="qris")
    await market.post(f"/v1/orders/{paid['order_id']}/refunds", shop.owner, {"amount_minor": 500, "reason": "goodwill"})
    return {
        "settled": settled["order_id"],
        "parcel": settled["parcels"][0]["parcel_id"],
        "cash": cash["order_id"],
        "paid": paid["order_id"],
        "shop": shop.shop_id,
    }


FAULTS = {
    "completed_parcels_are_settled": "UPDATE parcels SET status = 'delivered' WHERE parcel_id = :parcel",
    "settlements_are_what_was_left": "UPDATE settlements SET goods_minor = goods_minor + 1 WHERE parcel_id = :parcel",
    "refunds_are_the_sum_of_their_parts": "UPDATE refund_parts SET amount_minor = amount_minor + 1"
    " WHERE parcel_id = :parcel",
    "refunds_take_back_what_they_give": "UPDATE settlement_parts SET returned_minor = returned_minor + 1"
    " WHERE parcel_id = :parcel AND kind = 'net' AND product_id IS NOT NULL",
    "money_is_booked": "UPDATE receipts SET amount_minor = amount_minor + 1 WHERE order_id = :paid",
    "unsettled_money_is_that_of_open_orders": "UPDATE receipts SET amount_minor = amount_minor + 1"
    " WHERE order_id = :paid",
    "payees_got_what_was_settled": "UPDATE settlement_parts SET amount_minor = amount_minor + 1"
    " WHERE parcel_id = :parcel AND kind = 'net'",
    "commission_and_tax_are_what_was_settled": "UPDATE settlement_parts SET amount_minor = amount_minor + 1"
    " WHERE parcel_id = :parcel AND kind = 'commission'",
    "money_is_where_it_came_in": "UPDATE refunds SET status = 'made' WHERE order_id = :paid",
    "savings_claims_are_paid_into_the_bank": "INSERT INTO savings_claim_payments"
    " VALUES (gen_random_uuid(), gen_random_uuid(), 5, 'never came', gen_random_uuid(), now())",
    "dashboards_equal_their_rows": "UPDATE shop_figures SET settled_minor = settled_minor + 1"
    " WHERE shop_id = :shop AND settled_minor > 0",
}


@pytest.mark.parametrize("check", MONEY)
async def test_a_planted_fault_is_seen(market: Market, world: dict[str, Any], check: str) -> None:
    fault = FAULTS[check]
    for name, value in world.items():
        fault = fault.replace(f":{name}", f"'{value}'")

    async with trying(market) as conn:
        before = await violations(conn, check)
        touched = await conn.execute(fault)
        after = await violations(conn, check)

    assert before == {}
    assert not touched.endswith(" 0")
    assert list(after) == [check]


async def test_money_of_an_order_that_has_ended_is_seen(market: Market, world: dict[str, Any]) -> None:
    async with trying(market) as conn:
        await conn.execute(
            "UPDATE orders SET status = 'cancelled', cancel_reason = 'buyer' WHERE order_id = $1", UUID(world["paid"])
        )
        found = await violations(conn, "unsettled_money_is_that_of_open_orders")

    assert any(world["paid"] in line for line in found["unsettled_money_is_that_of_open_orders"])


async def test_a_settlement_that_was_lost_is_seen(market: Market, world: dict[str, Any]) -> None:
    async with trying(market) as conn:
        await conn.execute("DELETE FROM settlement_parts WHERE parcel_id = $1", UUID(world["parcel"]))
        await conn.execute("DELETE FROM settlements WHERE parcel_id = $1", UUID(world["parcel"]))
        await conn.execute(
            "UPDATE parcels SET completed_at = clock_timestamp() - interval '1 hour' WHERE parcel_id = $1",
            UUID(world["parcel"]),
        )
        found = await violations(conn, "completed_parcels_are_settled")

    assert [line.split(":")[0] for line in found["completed_parcels_are_settled"]] == [world["parcel"]]


@pytest.mark.usefixtures("world")
async def test_nothing_is_wrong_with_the_money_of_all_these_tests(market: Market) -> None:
    assert await faults_of_money(market) == {}


@pytest.mark.usefixtures("world")
async def test_officers_see_the_books_of_the_market(market: Market) -> None:
    path = "/v1/trial-balance"

    shown = (await market.client.get(path, headers=market.person(roles=["finance"]).headers)).json()
    refused = await market.client.get(path, headers=market.person().headers)

    lines = {line["account"]: line for line in shown["items"]}
    assert refused.status_code == 403
    assert shown["debit_minor"] == shown["credit_minor"] > 0
    assert lines["cash:snap"]["debit_minor"] > 0 and lines["orders:unsettled"]["credit_minor"] > 0
    assert lines["income:commission"]["credit_minor"] > 0 and "payees" in lines


async def _paid_before_the_ledger(market: Market, *, refunded_minor: int) -> tuple[Any, Any, dict[str, Any]]:
    """A confirmed order as the code before the ledger left it: money and a refund, none of it booked."""
    shop, product_id, buyer = await one_product(market, 10_000)
    order = await market.payable(buyer, {product_id: 1})
    order_id = UUID(order["order_id"])
    async with market.db.transaction() as conn:
        await conn.execute(
            "UPDATE orders SET status = 'confirmed', confirmed_at = $2, paid_at = $2, received_minor = total_minor"
            " WHERE order_id = $1",
            order_id,
            utc_now(),
        )
        await conn.execute(
            "INSERT INTO receipts (provider, provider_reference, order_id, amount_minor, refunded_minor, verdict,"
            " received_at) VALUES ('snap', $1::text, $2, $3, $4, 'accepted', $5)",
            f"OLD-{order_id}",
            order_id,
            order["total_minor"],
            refunded_minor,
            utc_now(),
        )
        await conn.execute(
            "INSERT INTO refunds (refund_id, order_id, provider, provider_reference, amount_minor, reason, status,"
            " requested_at, made_at) VALUES (gen_random_uuid(), $1, 'snap', $2, $3, 'goodwill', 'made', $4, $4)",
            order_id,
            f"OLD-{order_id}",
            refunded_minor,
            utc_now(),
        )
    return shop, buyer, order


async def test_an_order_from_before_the_ledger_is_completed_and_settled(market: Market) -> None:
    shop, buyer, order = await _paid_before_the_ledger(market, refunded_minor=1_000)
    path = f"/v1/parcels/{order['parcels'][0]['parcel_id']}"
    await market.post(f"{path}/ship", shop.owner, {"carrier": "Pos"})
    await market.post(f"{path}/deliver", shop.owner)

    answer = await market.post(f"{path}/complete", buyer)

    assert answer.json() == {"status": "completed"}, answer.text
    assert await balance(market, accounts.payee(shop.shop_id)) == order["total_minor"] - 1_000 - 90
    assert await faults_of_money(market) == {}


async def test_the_clock_brings_orders_from_before_into_the_ledger(market: Market) -> None:
    shop, _, order = await _paid_before_the_ledger(market, refunded_minor=1_000)

    await market.sweeper.sweep_slowly()

    async with market.db.reading() as conn:
        legs = await ledger.about(conn, {"order_id": order["order_id"]})
    assert {leg.reason for leg in legs} == {"money_received", "refund", "refund_made"}
    answer = await market.post(
        f"/v1/orders/{order['order_id']}/refunds", shop.owner, {"everything": True, "reason": "goodwill"}
    )
    assert answer.json()["refunds"][0]["amount_minor"] == order["total_minor"] - 1_000
    assert await faults_of_money(market) == {}
