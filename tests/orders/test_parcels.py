"""Parcels to their end: shipped, delivered, paid at the door, completed, brought back, refunded, in rounds."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

from services.orders import main
from shared import sql
from shared.clock import utc_now
from shared.contracts.catalog import ShopStaffChanged
from shared.contracts.orders import (
    OrderPaid,
    ParcelCancelled,
    ParcelCompleted,
    ParcelDelivered,
    ParcelShipped,
    RefundMade,
    ReturnReceived,
)
from tests.orders.conftest import Market
from tests.orders.moves import confirmed, one_product


async def test_a_cod_parcel_is_paid_at_the_door_and_completed_by_the_buyer(market: Market) -> None:
    shop, product_id, buyer = await one_product(market)
    order = await confirmed(market, buyer, {product_id: 1})
    path = f"/v1/parcels/{order['parcels'][0]['parcel_id']}"
    body = {"carrier": "Pos", "tracking": "LMB1"}

    early = await market.post(f"{path}/deliver", shop.owner, {"collected_minor": order["total_minor"]})
    by_buyer = await market.post(f"{path}/ship", buyer, body)
    shipped = await market.post(f"{path}/ship", shop.owner, body)
    too_late = await market.post(f"/v1/orders/{order['order_id']}/cancel", buyer)
    short = await market.post(f"{path}/deliver", shop.owner, {"collected_minor": order["total_minor"] - 1})
    claimed = await market.post(f"{path}/deliver", buyer, {"collected_minor": order["total_minor"]})
    delivered = await market.post(f"{path}/deliver", shop.owner, {"collected_minor": order["total_minor"]})
    not_theirs = await market.post(f"{path}/complete", shop.owner)
    completed = await market.post(f"{path}/complete", buyer)

    assert [a.status_code for a in (early, by_buyer, too_late, short, claimed, not_theirs)] == [
        409, 403, 409, 409, 403, 403,
    ]  # fmt: skip
    assert [a.json()["status"] for a in (shipped, delivered, completed)] == ["shipped", "delivered", "completed"]
    assert (await market.show(order["order_id"], buyer))["status"] == "completed"
    (paid,) = await market.events(OrderPaid, order["order_id"])
    assert (paid.amount_minor, paid.payment_method) == (order["total_minor"], "cod")
    (fact,) = await market.events(ParcelCompleted, order["order_id"])
    assert (
        fact.completed_by == "buyer" and fact.goods_minor == 10_000 and fact.lines[0].payees[0].party_id == shop.shop_id
    )
    assert len(await market.events(ParcelShipped, order["order_id"])) == 1
    (event,) = await market.events(ParcelDelivered, order["order_id"])
    assert event.collected_minor == order["total_minor"]


async def test_the_clock_completes_what_nobody_objects_to(market: Market) -> None:
    shop, product_id, buyer = await one_product(market)
    order = await confirmed(market, buyer, {product_id: 1}, method="qris")
    parcel_id = order["parcels"][0]["parcel_id"]
    await market.post(f"/v1/parcels/{parcel_id}/ship", shop.owner, {"carrier": "Pos"})
    await market.post(f"/v1/parcels/{parcel_id}/deliver", buyer)
    await market.sweeper.sweep()
    before = await market.show(order["order_id"], buyer)

    async with market.db.transaction() as conn:
        await conn.execute("UPDATE parcels SET deadline_at = clock_timestamp() WHERE parcel_id = $1", UUID(parcel_id))
    await market.sweeper.sweep()

    assert before["parcels"][0]["status"] == "delivered"
    shown = await market.show(order["order_id"], buyer)
    assert shown["status"] == "completed" and shown["parcels"][0]["status"] == "completed"
    (fact,) = await market.events(ParcelCompleted, order["order_id"])
    assert fact.completed_by == "clock"


async def test_goods_that_come_back_undelivered_end_the_parcel_and_bring_the_money_back(market: Market) -> None:
    shop, product_id, buyer = await one_product(market)
    order = await confirmed(market, buyer, {product_id: 2}, method="qris")
    path = f"/v1/parcels/{order['parcels'][0]['parcel_id']}"
    await market.post(f"{path}/ship", shop.owner, {"carrier": "Pos"})
    lines = [{"product_id": str(product_id), "quantity": 1}]

    first = await market.post(f"{path}/returns", shop.owner, {"lines": lines})
    second = await market.post(f"{path}/returns", shop.owner, {"lines": lines})
    third = await market.post(f"{path}/returns", shop.owner, {"lines": lines})
    await market.make_calls()

    assert [a.status_code for a in (first, second, third)] == [201, 201, 409]
    assert (first.json()["status"], second.json()["status"]) == ("shipped", "returned")
    assert len(await market.events(ReturnReceived, order["order_id"])) == 2
    (refund,) = await market.events(RefundMade, order["order_id"])
    assert refund.amount_minor == order["total_minor"]
    assert (await market.show(order["order_id"], buyer))["status"] == "cancelled"


async def test_a_refund_is_never_more_than_was_paid(market: Market) -> None:
    shop, product_id, buyer = await one_product(market)
    order = await confirmed(market, buyer, {product_id: 2}, method="qris")
    path, key = f"/v1/orders/{order['order_id']}/refunds", uuid4().hex
    lines = {"lines": [{"product_id": str(product_id), "quantity": 1}], "reason": "damaged"}

    first = await market.post(path, shop.owner, lines, key=key)
    again = await market.post(path, shop.owner, lines, key=key)
    too_much = await market.post(path, shop.owner, {"amount_minor": order["total_minor"], "reason": "goodwill"})
    by_buyer = await market.post(path, buyer, lines)
    rest = await market.post(path, shop.owner, {"amount_minor": order["total_minor"] - 10_000, "reason": "goodwill"})
    await market.make_calls()

    assert first.status_code == 201 and first.content == again.content
    assert first.json()["refunds"][0]["amount_minor"] == 10_000
    assert too_much.status_code == 409 and too_much.json()["left_minor"] == order["total_minor"] - 10_000
    assert by_buyer.status_code == 404 and rest.status_code == 201
    refunds = await market.events(RefundMade, order["order_id"])
    assert sum(refund.amount_minor for refund in refunds) == order["total_minor"]


async def test_a_parcel_that_is_called_off_brings_back_only_what_it_still_holds(market: Market) -> None:
    first, second = await market.shop(10_000), await market.shop(20_000)
    buyer = market.person()
    order = await confirmed(market, buyer, {p: 1 for s in (first, second) for p in s.products}, method="qris")
    parcels = {parcel["shop_id"]: parcel for parcel in order["parcels"]}
    own, other = parcels[str(first.shop_id)], parcels[str(second.shop_id)]
    refunds = f"/v1/orders/{order['order_id']}/refunds"
    await market.post(refunds, first.owner, {"amount_minor": 4_000, "reason": "goodwill"})

    answer = await market.post(f"/v1/parcels/{own['parcel_id']}/cancel", first.owner)
    await market.make_calls()

    assert answer.json() == {"status": "cancelled"}
    made = await market.events(RefundMade, order["order_id"])
    assert sum(refund.amount_minor for refund in made) == own["goods_minor"] + own["shipping_minor"]
    await market.post(refunds, market.person(roles=["operator"]), {"amount_minor": 5_000, "reason": "goodwill"})
    await market.post(f"/v1/parcels/{other['parcel_id']}/ship", second.owner, {"carrier": "Pos"})
    lines = [{"product_id": product_id, "quantity": 1} for product_id in map(str, second.products)]
    returned = await market.post(f"/v1/parcels/{other['parcel_id']}/returns", second.owner, {"lines": lines})
    await market.make_calls()
    assert (returned.status_code, returned.json()["status"]) == (201, "returned")
    made = await market.events(RefundMade, order["order_id"])
    assert sum(refund.amount_minor for refund in made) == order["total_minor"]
    assert (await market.show(order["order_id"], buyer))["status"] == "cancelled"


async def test_an_operator_calls_off_the_parcel_of_a_shop_that_is_gone(market: Market) -> None:
    first, gone = await market.shop(10_000), await market.shop(20_000)
    buyer, operator = market.person(), market.person(roles=["operator"])
    order = await confirmed(market, buyer, {p: 1 for s in (first, gone) for p in s.products}, method="qris")
    parcels = {parcel["shop_id"]: parcel for parcel in order["parcels"]}
    sent, left = (f"/v1/parcels/{parcels[str(shop.shop_id)]['parcel_id']}" for shop in (first, gone))
    await market.post(f"{sent}/ship", first.owner, {"carrier": "Pos"})
    await market.hear(ShopStaffChanged(shop_id=gone.shop_id, staff=(), sequence=9, changed_at=utc_now()))
    assert (await market.post(f"{left}/cancel", gone.owner)).status_code == 404

    answer = await market.post(f"{left}/cancel", operator)
    await market.make_calls()

    assert answer.json() == {"status": "cancelled"}
    (cancelled,) = await market.events(ParcelCancelled, order["order_id"])
    (refund,) = await market.events(RefundMade, order["order_id"])
    cost_minor = sum(parcels[str(gone.shop_id)][part] for part in ("goods_minor", "shipping_minor"))
    assert (cancelled.reason, refund.amount_minor) == ("operator", cost_minor)
    assert (await market.post(f"{sent}/ship", operator)).status_code in {403, 422}
    await market.post(f"{sent}/deliver", first.owner)
    await market.post(f"{sent}/complete", buyer)
    assert (await market.show(order["order_id"], buyer))["status"] == "completed"


async def test_cash_is_complete_without_the_parcel_that_was_called_off(market: Market) -> None:
    first, second = await market.shop(10_000), await market.shop(20_000)
    buyer = market.person()
    order = await confirmed(market, buyer, {p: 1 for s in (first, second) for p in s.products})
    parcels = {parcel["shop_id"]: parcel for parcel in order["parcels"]}
    sent, other = parcels[str(first.shop_id)], parcels[str(second.shop_id)]
    cost_minor = sent["goods_minor"] + sent["shipping_minor"]
    await market.post(f"/v1/parcels/{sent['parcel_id']}/ship", first.owner, {"carrier": "Pos"})
    body = {"collected_minor": cost_minor}
    await market.post(f"/v1/parcels/{sent['parcel_id']}/deliver", first.owner, body)

    await market.post(f"/v1/parcels/{other['parcel_id']}/cancel", second.owner)

    (paid,) = await market.events(OrderPaid, order["order_id"])
    assert paid.amount_minor == cost_minor
    audit = sql.load(main.__file__, "audit.sql")
    async with market.db.reading() as conn:
        rows = await audit.paid_orders_have_the_money.rows(conn)
    assert order["order_id"] not in [row["key"] for row in rows]


async def test_a_carriers_round_ships_and_delivers_the_oldest_parcel_of_each_shop(market: Market) -> None:
    carrier = market.person(kind="client", scope="carrier")
    while (await market.post("/v1/manifests", carrier, {"count": 100})).json()["delivered"]:
        pass
    _, product_id, buyer = await one_product(market)
    first, second = [await confirmed(market, buyer, {product_id: 1}) for _ in range(2)]

    refused = await market.post("/v1/manifests", buyer, {"count": 1})
    rounds = [(await market.post("/v1/manifests", carrier, {"count": 5})).json()["delivered"] for _ in range(3)]

    assert refused.status_code == 403
    assert [[parcel["order_id"] for parcel in delivered] for delivered in rounds] == [
        [first["order_id"]],
        [second["order_id"]],
        [],
    ]
    assert len(await market.events(OrderPaid, first["order_id"])) == 1
    assert len(await market.events(ParcelShipped, first["order_id"])) == 1


async def test_a_round_that_is_asked_for_again_brings_nothing_more(market: Market) -> None:
    carrier = market.person(kind="client", scope="carrier")
    while (await market.post("/v1/manifests", carrier, {"count": 100})).json()["delivered"]:
        pass
    _, product_id, buyer = await one_product(market)
    first, second = [await confirmed(market, buyer, {product_id: 1}) for _ in range(2)]

    answers = [await market.post("/v1/manifests", carrier, {"count": 5}, key="round-1") for _ in range(2)]
    other = await market.post("/v1/manifests", carrier, {"count": 6}, key="round-1")
    unnamed = await market.client.post("/v1/manifests", json={"count": 5}, headers=carrier.headers)

    assert answers[0].content == answers[1].content and answers[0].status_code == answers[1].status_code == 200
    assert [parcel["order_id"] for parcel in answers[0].json()["delivered"]] == [first["order_id"]]
    assert (other.status_code, unnamed.status_code) == (422, 400)
    assert (await market.show(second["order_id"], buyer))["parcels"][0]["status"] == "pending"


async def test_rounds_at_the_same_time_are_as_if_one_after_the_other(market: Market) -> None:
    carrier = market.person(kind="client", scope="carrier")
    while (await market.post("/v1/manifests", carrier, {"count": 100})).json()["delivered"]:
        pass
    shops = [await one_product(market) for _ in range(2)]
    orders = [await confirmed(market, buyer, {product_id: 1}) for _, product_id, buyer in shops for _ in range(3)]

    answers = await asyncio.gather(*(market.post("/v1/manifests", carrier, {"count": 1}) for _ in range(8)))

    brought = [[parcel["order_id"] for parcel in answer.json()["delivered"]] for answer in answers]
    assert sorted(len(one) for one in brought) == [0, 0, 1, 1, 1, 1, 1, 1]
    assert sorted(order_id for one in brought for order_id in one) == sorted(order["order_id"] for order in orders)
    by_shop = sorted(shops, key=lambda shop: shop[0].shop_id)
    wanted = [order["order_id"] for shop in by_shop for order in orders if _is_of(order, shop[0].shop_id)]
    assert [order_id for one in brought for order_id in one] == wanted, "the first shop first, the oldest order first"
    for order in orders:
        assert len(await market.events(ParcelDelivered, order["order_id"])) == 1


def _is_of(order: dict[str, Any], shop_id: UUID) -> bool:
    return bool(order["parcels"][0]["shop_id"] == str(shop_id))
