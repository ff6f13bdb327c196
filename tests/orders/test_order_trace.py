"""Everything that happens to an order continues the trace in which it was placed, whoever acts."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from opentelemetry.context import attach, detach

from shared.db import Database
from shared.telemetry import context_of
from tests.orders.conftest import Market

BUYERS = "00-" + "b" * 32 + "-" + "1" * 16 + "-01"
SOMEBODY_ELSES = "00-" + "e" * 32 + "-" + "2" * 16 + "-01"


@contextmanager
def within(traceparent: str) -> Iterator[None]:
    context = context_of(traceparent)
    assert context is not None
    token = attach(context)
    yield
    detach(token)


async def traces(db: Database, order_id: str) -> dict[str, str]:
    """The trace id of each event of the order, by its type."""
    async with db.reading() as conn:
        rows = await conn.fetch("SELECT type, traceparent FROM outbox WHERE ordering_key = $1", order_id)
    return {row["type"]: row["traceparent"][3:35] for row in rows}


async def test_payment_parcels_and_the_clock_continue_the_buyers_trace(market: Market) -> None:
    shop = await market.shop(10_000)
    buyer = market.person()
    with within(BUYERS):
        order = await market.place(buyer, dict.fromkeys(shop.products, 1), method="qris")
    order_id = order["order_id"]
    await market.reserve(order_id)
    await market.make_calls()
    with within(SOMEBODY_ELSES):
        answer = await market.notify(order_id, order["total_minor"])
        assert answer.status_code == 200, answer.text
        (parcel,) = order["parcels"]
        path = f"/v1/parcels/{parcel['parcel_id']}"
        assert (await market.post(f"{path}/ship", shop.owner, {"carrier": "Pos"})).status_code == 200
        assert (await market.post(f"{path}/deliver", shop.owner)).status_code == 200
        assert (await market.post(f"{path}/complete", buyer)).status_code == 200

    found = await traces(market.db, order_id)

    assert set(found) >= {
        "orders.order_placed.v1",
        "orders.order_paid.v1",
        "orders.order_confirmed.v1",
        "orders.parcel_completed.v1",
    }
    assert set(found.values()) == {"b" * 32}
    async with market.db.reading() as conn:
        asked = await conn.fetchval("SELECT traceparent FROM calls_out WHERE subject = $1", str(UUID(order_id)))
    assert asked[3:35] == "b" * 32, "the provider is called within the same trace"
