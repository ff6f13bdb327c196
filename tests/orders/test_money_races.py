"""Two things at once to the same money: the order's lock and the ledger decide; and whose money nobody else sees."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.orders.store import accounts
from shared.calendar import day_of
from shared.clock import utc_now
from shared.contracts.catalog import ShopStaffChanged, StaffMember
from shared.contracts.orders import ParcelCompleted, RefundMade
from tests.orders.conftest import Market, Person, Shop
from tests.orders.moves import confirmed, one_product
from tests.orders.test_money_audit import faults_of_money
from tests.orders.test_settlement import balance, completed

EVERYTHING = {"everything": True, "reason": "goodwill"}


async def delivered(market: Market, shop: Shop, buyer: Person, product_id: UUID) -> dict[str, Any]:
    """A paid order whose parcel waits for its buyer's word."""
    order = await confirmed(market, buyer, {product_id: 1}, method="qris")
    path = f"/v1/parcels/{order['parcels'][0]['parcel_id']}"
    await market.post(f"{path}/ship", shop.owner, {"carrier": "Pos"})
    await market.post(f"{path}/deliver", shop.owner)
    return order


async def test_of_ten_refunds_of_everything_one_is_made(market: Market) -> None:
    shop, product_id, buyer = await one_product(market)
    order = await completed(market, shop, buyer, {product_id: 1}, "qris")
    path = f"/v1/orders/{order['order_id']}/refunds"

    answers = await asyncio.gather(*(market.post(path, shop.owner, EVERYTHING) for _ in range(10)))
    await market.make_calls()

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 9}
    (refund,) = await market.events(RefundMade, order["order_id"])
    assert refund.amount_minor == order["total_minor"]
    assert await balance(market, accounts.payee(shop.shop_id)) == 0


async def test_a_refund_beside_the_completion_is_taken_from_whoever_has_the_money(market: Market) -> None:
    shop, product_id, buyer = await one_product(market)
    for _ in range(6):
        order = await delivered(market, shop, buyer, product_id)
        complete = f"/v1/parcels/{order['parcels'][0]['parcel_id']}/complete"

        answers = await asyncio.gather(
            market.post(complete, buyer),
            market.post(f"/v1/orders/{order['order_id']}/refunds", shop.owner, EVERYTHING),
            market.sweeper.sweep(),
        )

        assert [answer.status_code for answer in answers[:2] if answer is not None] == [200, 201]
    assert await balance(market, accounts.payee(shop.shop_id)) == 0
    assert await faults_of_money(market) == {}


async def test_a_parcel_completed_twice_at_once_is_settled_once(market: Market) -> None:
    shop, product_id, buyer = await one_product(market)
    order = await delivered(market, shop, buyer, product_id)
    path = f"/v1/parcels/{order['parcels'][0]['parcel_id']}/complete"

    answers = await asyncio.gather(*(market.post(path, buyer) for _ in range(5)))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 4}
    assert len(await market.events(ParcelCompleted, order["order_id"])) == 1
    assert await balance(market, accounts.payee(shop.shop_id)) == order["total_minor"] - 100


async def test_many_parcels_of_one_shop_are_settled_at_once(market: Market) -> None:
    shop, product_id, _ = await one_product(market)
    buyers = [market.person() for _ in range(12)]
    orders = [await delivered(market, shop, buyer, product_id) for buyer in buyers]

    answers = await asyncio.gather(
        *(
            market.post(f"/v1/parcels/{order['parcels'][0]['parcel_id']}/complete", buyer)
            for order, buyer in zip(orders, buyers, strict=True)
        )
    )

    assert {answer.status_code for answer in answers} == {200}
    assert await balance(market, accounts.payee(shop.shop_id)) == sum(o["total_minor"] - 100 for o in orders)


async def test_a_payout_approved_while_refunds_are_asked_for_pays_or_owes_each_rupiah_once(market: Market) -> None:
    sold = []
    for _ in range(8):
        shop, product_id, buyer = await one_product(market)
        account = {"bank_code": "002", "account_number": "1234567801", "holder_name": "SITI AMINAH"}
        path = f"/v1/shops/{shop.shop_id}/bank-account"
        assert (await market.client.put(path, json=account, headers=shop.owner.headers)).status_code == 200
        sold.append((shop, await completed(market, shop, buyer, {product_id: 1}, "qris")))
    drafter, approver = market.person(roles=["finance"]), market.person(roles=["finance"])
    batch = (await market.post("/v1/payouts", drafter, {"up_to_date": day_of(utc_now()).isoformat()})).json()["batch"]

    approved, *refunds = await asyncio.gather(
        market.post(f"/v1/payouts/{batch['batch_id']}/approve", approver),
        *(market.post(f"/v1/orders/{order['order_id']}/refunds", shop.owner, EVERYTHING) for shop, order in sold),
    )
    await market.make_calls()

    assert [approved.status_code, *(refund.status_code for refund in refunds)] == [200] + [201] * len(sold)
    paid = Counter({UUID(line["payee_id"]): line["amount_minor"] for line in approved.json()["payouts"]
                    if line["status"] == "scheduled"})  # fmt: skip
    for shop, order in sold:
        assert paid[shop.shop_id] in (0, order["total_minor"] - 100)
        assert await balance(market, accounts.payee(shop.shop_id)) == -paid[shop.shop_id]
        assert len(await market.events(RefundMade, order["order_id"])) == 1
    assert await faults_of_money(market) == {}


async def test_a_refund_tried_again_by_two_at_once_is_asked_for_once(market: Market) -> None:
    shop, product_id, buyer = await one_product(market)
    order = await confirmed(market, buyer, {product_id: 1}, method="qris")
    path = f"/v1/orders/{order['order_id']}/refunds"
    refund_id = (await market.post(path, shop.owner, EVERYTHING)).json()["refunds"][0]["refund_id"]
    async with market.db.transaction() as conn:  # the provider refuses it
        await conn.execute("UPDATE refunds SET status = 'failed' WHERE refund_id = $1", UUID(refund_id))
        await conn.execute("UPDATE calls_out SET state = 'failed' WHERE subject = $1", refund_id)
    operators = [market.person(roles=["operator"]) for _ in range(4)]

    answers = await asyncio.gather(*(market.post(f"{path}/{refund_id}/retry", one) for one in operators))
    await market.make_calls()

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 3}
    assert len(await market.events(RefundMade, order["order_id"])) == 1


@pytest.mark.parametrize("what", ["statement", "dashboard"])
async def test_money_is_seen_by_who_leads_the_shop_and_by_operators(market: Market, what: str) -> None:
    shop, other = await market.shop(), await market.shop()
    manager, packer = market.person(), market.person()
    staff = (
        StaffMember(account_id=shop.owner.account_id, role="owner"),
        StaffMember(account_id=manager.account_id, role="manager"),
        StaffMember(account_id=packer.account_id, role="packer"),
    )
    await market.hear(ShopStaffChanged(shop_id=shop.shop_id, staff=staff, sequence=9, changed_at=utc_now()))
    callers = [shop.owner, manager, market.person(roles=["operator"]), packer, other.owner, market.person()]

    seen = [
        (await market.client.get(f"/v1/shops/{shop.shop_id}/{what}", headers=one.headers)).status_code
        for one in callers
    ]
    nobody = await market.client.get(f"/v1/shops/{shop.shop_id}/{what}")

    assert seen == [200, 200, 200, 404, 404, 404]
    assert nobody.status_code == 401


async def test_who_leads_two_shops_of_an_order_gives_back_for_each_and_for_no_third(market: Market) -> None:
    shops = [await market.shop(10_000), await market.shop(20_000), await market.shop(40_000)]
    manager, buyer = market.person(), market.person()
    for shop, role in zip(shops, ("manager", "manager", "packer"), strict=True):
        staff = (StaffMember(account_id=manager.account_id, role=role),)
        await market.hear(ShopStaffChanged(shop_id=shop.shop_id, staff=staff, sequence=9, changed_at=utc_now()))
    products = [next(iter(shop.products)) for shop in shops]
    order = await confirmed(market, buyer, dict.fromkeys(products, 1), method="qris")
    path = f"/v1/orders/{order['order_id']}/refunds"

    answers = [
        await market.post(path, manager, {"lines": [{"product_id": str(product), "quantity": 1}], "reason": "damaged"})
        for product in products
    ]
    await market.make_calls()

    assert [answer.status_code for answer in answers] == [201, 201, 409]
    made = await market.events(RefundMade, order["order_id"])
    assert {(refund.shop_id, refund.amount_minor) for refund in made} == {
        (shops[0].shop_id, 10_000),
        (shops[1].shop_id, 20_000),
    }


async def test_a_cursor_of_another_kind_is_refused(market: Market) -> None:
    shop = await market.shop()
    path = f"/v1/shops/{shop.shop_id}/statement"

    answers = [
        (await market.client.get(path, headers=shop.owner.headers, params={"cursor": cursor})).status_code
        for cursor in ("x", "WyJhIl0", "WzEsMiwiYSJd")
    ]
    unknown = await market.client.get(f"/v1/shops/{uuid4()}/statement", headers=shop.owner.headers)

    assert set(answers) == {400} or set(answers) <= {400, 422}
    assert unknown.status_code == 404
