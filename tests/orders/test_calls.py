"""Calls to the payment provider: down, killed in between, answering at once, refusing."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from deploy.sandbox.keys import ensure_keys
from services.orders.calls import Calls, purposes
from services.orders.provider import Charge, Provider, open_session
from services.orders.use_cases.record_steps import CHARGE
from shared.calls_out import CallOut, CallsOut, Purpose, Refused
from shared.contracts.orders import OrderCancelled, OrderConfirmed, OrderPaid, RefundMade
from shared.ids import new_id
from tests.orders.conftest import Market
from tests.sandbox.processes import Sandbox


async def reserved(market: Market, quantity: int = 1) -> tuple[str, int]:
    """A QRIS order whose stock is reserved and whose charge is not made yet; its id and total."""
    shop, buyer = await market.shop(10_000), market.person()
    order = await market.place(buyer, dict.fromkeys(shop.products, quantity), method="qris")
    await market.reserve(order["order_id"])
    return order["order_id"], order["total_minor"]


async def state_of(market: Market, order_id: str) -> str:
    async with market.db.reading() as conn:
        return str(await conn.fetchval("SELECT status::text FROM orders WHERE order_id = $1", UUID(order_id)))


async def due_at_once(market: Market) -> None:
    """What was postponed is due now."""
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE calls_out SET due_at = clock_timestamp() WHERE state = 'waiting'")


async def test_a_provider_that_is_down_is_asked_again_and_meanwhile_listed(market: Market) -> None:
    order_id, _ = await reserved(market)
    market.sandbox.kill()
    try:
        await market.make_calls()
        operator = market.person(roles=["operator"])
        stuck = (await market.client.get("/v1/orders/stuck", headers=operator.headers)).json()
    finally:
        await asyncio.to_thread(market.sandbox.start)

    hanging = [call for call in stuck["calls"] if call["subject"] == order_id]
    assert [(call["purpose"], call["state"]) for call in hanging] == [(CHARGE, "waiting")]
    assert "did not answer" in hanging[0]["last_error"]
    await due_at_once(market)
    await market.make_calls()
    assert await market.reference_of(order_id) != "None"


async def test_a_call_whose_answer_was_lost_is_made_again_and_is_the_same_charge(market: Market) -> None:
    order_id, total_minor = await reserved(market)
    async with open_session() as http:
        calls = Calls(market.db, Provider.of(market.settings, http))
        call = CallOut(new_id(), CHARGE, order_id, {}, 1)
        lost = await calls.charge(call)  # and the process dies before it is recorded

    await market.make_calls()

    assert lost is not None and lost.reference == await market.reference_of(order_id)
    await market.pay_at_sandbox(order_id)
    await market.notify(order_id, total_minor)
    assert len(await market.events(OrderPaid, order_id)) == 1


async def test_a_refund_that_the_provider_refuses_is_visible(market: Market) -> None:
    order_id, total_minor = await reserved(market)
    await market.make_calls()
    await market.receive(order_id, total_minor, reference="Q-UNKNOWN-TO-THE-PROVIDER")
    operator = market.person(roles=["operator"])

    answer = await market.post(
        f"/v1/orders/{order_id}/refunds", operator, {"amount_minor": 1_000, "reason": "goodwill"}
    )
    await market.make_calls()

    assert answer.status_code == 201, answer.text
    shown = await market.show(order_id, operator)
    assert [(refund["amount_minor"], refund["status"]) for refund in shown["refunds"]] == [(1_000, "failed")]
    assert await market.events(RefundMade, order_id) == []
    stuck = (await market.client.get("/v1/orders/stuck", headers=operator.headers)).json()
    refund_id = shown["refunds"][0]["refund_id"]
    assert [call["state"] for call in stuck["calls"] if call["subject"] == refund_id] == ["failed"]


async def test_an_order_whose_charge_cannot_be_made_ends(market: Market) -> None:
    order_id, _ = await reserved(market)

    async def refuse(_: CallOut) -> None:
        raise Refused("the amount is above the limit of a QRIS payment")

    usual = purposes(market.db, None)[CHARGE]
    calls = CallsOut(market.db, {CHARGE: Purpose(refuse, usual.record, usual.give_up)})
    await calls.step()

    (event,) = await market.events(OrderCancelled, order_id)
    assert event.reason == "payment_refused"


@pytest.fixture(params=[1.0, 0.0], ids=["accepting", "refusing"])
def prompt_sandbox(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, float]]:
    """A provider that answers a charge at once: paid, or refused."""
    sandbox = Sandbox(
        "deploy.sandbox.payments",
        tmp_path / "prompt",
        LUMBUNG_SANDBOX_SYNCHRONOUS="true",
        LUMBUNG_SANDBOX_ACCEPTANCE=str(request.param),
        LUMBUNG_PAYMENT_CALLBACK_URL="http://127.0.0.1:9/none",
    )
    sandbox.start()
    yield sandbox, request.param
    sandbox.stop()


async def test_a_provider_may_answer_at_once(market: Market, prompt_sandbox: tuple[Sandbox, float]) -> None:
    sandbox, share = prompt_sandbox
    keys = ensure_keys(sandbox.folder)
    settings = market.settings.model_copy(
        update={
            "payments_url": sandbox.url,
            "payments_client_id": keys.client_id,
            "payments_client_secret": type(market.settings.payments_client_secret)(keys.client_secret),
            "payments_private_key_file": keys.merchant_private_key_file,
        }
    )
    orders = [await reserved(market, quantity) for quantity in (1, 2, 3, 4)]  # their answers are recorded together

    async with open_session() as http:
        calls = CallsOut(market.db, purposes(market.db, Provider.of(settings, http)))
        await calls.step()

    for order_id, total_minor in orders:
        if share == 1.0:
            assert await state_of(market, order_id) == "confirmed"
            (paid,) = await market.events(OrderPaid, order_id)
            assert paid.amount_minor == total_minor
            assert len(await market.events(OrderConfirmed, order_id)) == 1
        else:
            (event,) = await market.events(OrderCancelled, order_id)
            assert event.reason == "payment_refused"


async def test_without_a_provider_a_charge_is_refused(market: Market) -> None:
    order_id, _ = await reserved(market)

    await CallsOut(market.db, purposes(market.db, None)).step()

    assert await state_of(market, order_id) == "cancelled"


async def test_a_charge_that_was_made_while_its_order_was_cancelled_is_ended(market: Market) -> None:
    order_id, _ = await reserved(market)
    async with open_session() as http:
        provider = Provider.of(market.settings, http)
        usual = purposes(market.db, provider)[CHARGE]

        async def make_slowly(call: CallOut) -> Charge | None:
            charge: Charge | None = await usual.make(call)
            operator = market.person(roles=["operator"])
            cancelled = await market.post(f"/v1/orders/{order_id}/cancel", operator)
            assert cancelled.status_code == 200
            return charge

        await CallsOut(market.db, {CHARGE: Purpose(make_slowly, usual.record, usual.give_up)}).step()
    await market.make_calls()

    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{market.sandbox.url}/sandbox/charges/{UUID(order_id).hex}")
    assert answer.json()["latestTransactionStatus"] == "05"
    operator = market.person(roles=["operator"])
    assert (await market.show(order_id, operator))["payment"]["status"] == "ended"


async def test_an_order_whose_charge_was_never_made_expires_without_a_question(market: Market) -> None:
    order_id, _ = await reserved(market)

    await market.overdue(order_id)
    await market.sweeper.sweep()
    await market.make_calls()

    (event,) = await market.events(OrderCancelled, order_id)
    assert event.reason == "unpaid"
    operator = market.person(roles=["operator"])
    assert (await market.show(order_id, operator))["payment"]["status"] == "ended"
    stuck = (await market.client.get("/v1/orders/stuck", headers=operator.headers)).json()
    assert order_id not in [call["subject"] for call in stuck["calls"]]
