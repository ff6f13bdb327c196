"""Paying from cooperative savings: asked and answered by events, in time, late, twice, refused, given back."""

from typing import Any
from uuid import UUID, uuid4

from services.orders.handlers import handlers
from services.orders.store import accounts
from shared.clock import utc_now
from shared.contracts.cooperatives import SavingsCharged, SavingsRefused
from shared.contracts.orders import (
    OrderCancelled,
    OrderConfirmed,
    OrderPaid,
    RefundMade,
    ReservationRequested,
    SavingsChargeRequested,
)
from shared.testing.delivery import check_handler
from tests.orders.conftest import Market, Person, Shop, order_body
from tests.orders.moves import one_product


async def asked(market: Market) -> tuple[Shop, Person, dict[str, Any], SavingsChargeRequested]:
    """An order whose stock is reserved, and what its buyer's cooperative is asked."""
    shop, product_id, buyer = await one_product(market, 10_000)
    body = order_body({product_id: 1}, method="savings")
    body["payment"]["cooperative_id"] = str(uuid4())
    answer = await market.post("/v1/orders", buyer, body)
    assert answer.status_code == 201, answer.text
    order: dict[str, Any] = answer.json()
    assert await market.events(SavingsChargeRequested, order["order_id"]) == []  # not before there is stock
    await market.reserve(order["order_id"])
    (request,) = await market.events(SavingsChargeRequested, order["order_id"])
    assert str(request.cooperative_id) == body["payment"]["cooperative_id"]
    return shop, buyer, order, request


def charged(request: SavingsChargeRequested, **other: Any) -> SavingsCharged:
    said: dict[str, Any] = {
        "charge_id": request.charge_id,
        "order_id": request.order_id,
        "cooperative_id": request.cooperative_id,
        "amount_minor": request.amount_minor,
        "currency": "IDR",
        "member_id": uuid4(),
        "charged_at": utc_now(),
    }
    return SavingsCharged(**(said | other))


def refused(request: SavingsChargeRequested) -> SavingsRefused:
    return SavingsRefused(
        charge_id=request.charge_id,
        order_id=request.order_id,
        cooperative_id=request.cooperative_id,
        amount_minor=request.amount_minor,
        currency="IDR",
        reason="too_little",
        refused_at=utc_now(),
    )


async def clearing(market: Market, request: SavingsChargeRequested) -> int:
    async with market.db.reading() as conn:
        return await accounts.balance_minor(conn, accounts.savings_clearing(request.cooperative_id))


async def test_savings_pay_an_order_whatever_happens_to_the_worker(market: Market) -> None:
    _, buyer, order, request = await asked(market)
    assert (request.amount_minor, request.buyer_id) == (order["total_minor"], buyer.account_id)

    await check_handler(market.db, handlers, charged(request))

    shown = await market.show(order["order_id"], buyer)
    assert (shown["status"], shown["payment"]["status"]) == ("confirmed", "paid")
    assert len(await market.events(OrderConfirmed, order["order_id"])) == 1
    (paid,) = await market.events(OrderPaid, order["order_id"])
    assert (paid.payment_method, paid.amount_minor) == ("savings", order["total_minor"])
    assert await clearing(market, request) == order["total_minor"]


async def test_refused_savings_end_the_order_whatever_happens_to_the_worker(market: Market) -> None:
    _, buyer, order, request = await asked(market)

    await check_handler(market.db, handlers, refused(request))

    (cancelled,) = await market.events(OrderCancelled, order["order_id"])
    shown = await market.show(order["order_id"], buyer)
    assert (cancelled.reason, shown["status"], shown["payment"]["status"]) == (
        "payment_refused", "cancelled", "refused",
    )  # fmt: skip
    assert await clearing(market, request) == 0


async def test_savings_that_come_late_ask_for_the_stock_again(market: Market) -> None:
    _, buyer, order, request = await asked(market)
    await market.expire(order["order_id"])
    assert (await market.show(order["order_id"], buyer))["cancel_reason"] == "unpaid"

    await market.hear(charged(request))

    (again,) = await market.events(ReservationRequested, order["order_id"])
    await market.reserve(order["order_id"], again.attempt)
    assert (await market.show(order["order_id"], buyer))["status"] == "confirmed"
    assert await clearing(market, request) == order["total_minor"]


async def test_late_savings_without_stock_are_credited_again(market: Market) -> None:
    shop, _, order, request = await asked(market)
    await market.expire(order["order_id"])
    await market.hear(charged(request))

    await market.refuse(order["order_id"], next(iter(shop.products)), attempt=2)

    (refund,) = await market.events(RefundMade, order["order_id"])
    assert (refund.payment_method, refund.amount_minor) == ("savings", order["total_minor"])
    assert sum(part.goods_minor + part.shipping_minor for part in refund.parts) == order["total_minor"]
    assert await clearing(market, request) == 0


async def test_savings_for_an_order_that_its_buyer_cancelled_are_credited_again(market: Market) -> None:
    _, buyer, order, request = await asked(market)
    await market.post(f"/v1/orders/{order['order_id']}/cancel", buyer)

    await check_handler(market.db, handlers, charged(request))

    (refund,) = await market.events(RefundMade, order["order_id"])
    assert (refund.reason, refund.amount_minor, refund.parts) == ("after_cancel", order["total_minor"], ())
    assert await clearing(market, request) == 0


async def test_a_cooperative_that_was_not_asked_is_not_believed(market: Market) -> None:
    _, buyer, order, request = await asked(market)

    await market.hear(charged(request, cooperative_id=uuid4()), charged(request, charge_id=uuid4()))

    assert (await market.show(order["order_id"], buyer))["status"] == "reserved"
    assert await clearing(market, request) == 0
    async with market.db.reading() as conn:
        dead = await conn.fetchval(
            "SELECT count(*) FROM dead_letters WHERE ordering_key = $1", str(UUID(order["order_id"]))
        )
    assert dead >= 1


async def test_a_refund_of_a_settled_order_goes_back_to_the_savings(market: Market) -> None:
    shop, buyer, order, request = await asked(market)
    await market.hear(charged(request))
    shown = await market.show(order["order_id"], buyer)
    path = f"/v1/parcels/{shown['parcels'][0]['parcel_id']}"
    await market.post(f"{path}/ship", shop.owner, {"carrier": "Pos"})
    await market.post(f"{path}/deliver", shop.owner)
    await market.post(f"{path}/complete", buyer)

    answer = await market.post(
        f"/v1/orders/{order['order_id']}/refunds", shop.owner, {"everything": True, "reason": "damaged"}
    )

    assert [refund["status"] for refund in answer.json()["refunds"]] == ["made"]
    assert await clearing(market, request) == 0
    async with market.db.reading() as conn:
        assert await accounts.balance_minor(conn, accounts.payee(shop.shop_id)) == 0


async def test_nothing_waits_for_a_cooperative_that_is_not_there(market: Market) -> None:
    _, buyer, order, _ = await asked(market)

    await market.expire(order["order_id"])

    assert (await market.show(order["order_id"], buyer))["cancel_reason"] == "unpaid"
