"""Carts, lists and what is stuck: everybody sees what is theirs."""

import asyncio
from uuid import UUID, uuid4

import httpx2

from shared.clock import utc_now
from shared.contracts.catalog import PriceChanged, ProductWithdrawn
from shared.contracts.orders import OrderPlaced
from shared.testing.delivery import published
from tests.orders.conftest import Market, Person, order_body


def checkout() -> dict[str, object]:
    body = order_body({uuid4(): 1})
    return {"ship_to": body["ship_to"], "payment": body["payment"]}


async def test_a_cart_shows_prices_shipping_and_what_changed(market: Market) -> None:
    shop, buyer = await market.shop(1_000, 2_000, 3_000), market.person()
    a, b, c = shop.products
    for product_id in (a, b, c):
        answer = await market.client.put(f"/v1/cart/items/{product_id}", json={"quantity": 2}, headers=buyer.headers)
        assert answer.status_code == 200, answer.text
    await market.hear(
        PriceChanged(
            product_id=b, shop_id=shop.shop_id, version=2, unit_price_minor=2_500, currency="IDR", sequence=9,
            changed_at=utc_now(),
        ),
        ProductWithdrawn(product_id=c, shop_id=shop.shop_id, version=2, sequence=10, withdrawn_at=utc_now()),
    )  # fmt: skip

    cart = (await market.client.get("/v1/cart?region_code=18.71", headers=buyer.headers)).json()

    changed = {item["product_id"]: item["changed"] for item in cart["items"]}
    assert changed == {str(a): [], str(b): ["version", "price"], str(c): ["withdrawn"]}
    assert (cart["goods_minor"], cart["shipping_minor"], cart["total_minor"]) == (7_000, 24_000, 31_000)
    assert [(parcel["shop_id"], parcel["shipping_minor"]) for parcel in cart["parcels"]] == [
        (str(shop.shop_id), 24_000)
    ]
    without = (await market.client.get("/v1/cart", headers=buyer.headers)).json()
    assert (without["shipping_minor"], without["total_minor"]) == (None, 7_000)
    refused = await market.post("/v1/cart/checkout", buyer, checkout())
    assert refused.status_code == 409 and refused.json()["type"].endswith("offer-changed")
    assert len(refused.json()["offers"]) == 2


async def test_checking_out_orders_the_cart_once_and_empties_it(market: Market) -> None:
    shop, buyer = await market.shop(1_000, 2_000), market.person()
    for product_id in shop.products:
        await market.client.put(f"/v1/cart/items/{product_id}", json={"quantity": 3}, headers=buyer.headers)
    key = uuid4().hex

    first = await market.post("/v1/cart/checkout", buyer, checkout(), key=key)
    again = await market.post("/v1/cart/checkout", buyer, checkout(), key=key)
    other = await market.post("/v1/cart/checkout", buyer, checkout())

    assert first.status_code == 201 and first.content == again.content
    assert first.json()["goods_minor"] == 9_000
    assert other.status_code == 409 and other.json()["type"].endswith("empty-cart")
    assert (await market.client.get("/v1/cart", headers=buyer.headers)).json()["items"] == []
    assert len(await published(market.db, OrderPlaced, buyer_id=buyer.account_id)) == 1


async def test_a_cart_refuses_what_is_not_for_sale_and_forgets_what_is_taken_out(market: Market) -> None:
    shop, buyer = await market.shop(1_000), market.person()
    (product_id,) = shop.products

    unknown = await market.client.put(f"/v1/cart/items/{uuid4()}", json={"quantity": 1}, headers=buyer.headers)
    zero = await market.client.put(f"/v1/cart/items/{product_id}", json={"quantity": 0}, headers=buyer.headers)
    await market.client.put(f"/v1/cart/items/{product_id}", json={"quantity": 1}, headers=buyer.headers)
    left = await market.client.delete(f"/v1/cart/items/{product_id}", headers=buyer.headers)

    assert (unknown.status_code, zero.status_code) == (409, 422)
    assert left.status_code == 200 and left.json()["items"] == []


async def test_buyers_and_sellers_page_through_their_own_orders(market: Market) -> None:
    first, second = await market.shop(1_000), await market.shop(5_000)
    (a,), (b,) = first.products, second.products
    buyer = market.person()
    placed = [(await market.place(buyer, {a: 1, b: 1}))["order_id"] for _ in range(5)]

    pages, cursor = [], ""
    while cursor is not None:
        query = f"/v1/orders?limit=2{cursor and f'&cursor={cursor}'}"
        page = (await market.client.get(query, headers=buyer.headers)).json()
        pages.append([item["order_id"] for item in page["items"]])
        cursor = page["next_cursor"]
    sold = (await market.client.get(f"/v1/orders?shop_id={first.shop_id}", headers=first.owner.headers)).json()
    foreign = (await market.client.get(f"/v1/orders?shop_id={first.shop_id}", headers=second.owner.headers)).json()
    spoilt = await market.client.get("/v1/orders?cursor=abc", headers=buyer.headers)

    assert [order_id for page in pages for order_id in page] == placed[::-1] and [len(page) for page in pages] == [
        2,
        2,
        1,
    ]
    assert [item["order_id"] for item in sold["items"]] == placed[::-1]
    assert {parcel["shop_id"] for item in sold["items"] for parcel in item["parcels"]} == {str(first.shop_id)}
    assert {item["total_minor"] for item in sold["items"]} == {1_000 + 8_000}
    assert foreign["items"] == [] and spoilt.status_code == 422


async def test_staff_see_their_own_parcel_and_the_address_only_when_it_must_be_sent(market: Market) -> None:
    first, second = await market.shop(1_000), await market.shop(5_000)
    buyer = market.person()
    order = await market.place(buyer, {p: 1 for shop in (first, second) for p in shop.products})

    before = await market.show(order["order_id"], first.owner)
    await market.reserve(order["order_id"])
    after = await market.show(order["order_id"], first.owner)

    assert before["ship_to"] is None and after["ship_to"]["address"] == "Jalan Veteran 12"
    assert [parcel["shop_id"] for parcel in after["parcels"]] == [str(first.shop_id)]
    assert {UUID(line["product_id"]) for line in after["lines"]} == set(first.products)
    assert after["total_minor"] == 9_000 and after["payment"]["qr_payload"] is None


async def test_operators_see_what_is_stuck_and_nobody_else_does(market: Market) -> None:
    shop, buyer = await market.shop(1_000), market.person()
    order = await market.place(buyer, dict.fromkeys(shop.products, 1))
    await market.overdue(order["order_id"])

    seen = await market.client.get("/v1/orders/stuck", headers=market.person(roles=["operator"]).headers)
    refused = await market.client.get("/v1/orders/stuck", headers=buyer.headers)

    assert order["order_id"] in [stuck["order_id"] for stuck in seen.json()["orders"]]
    assert refused.status_code == 403
    assert (await market.show(order["order_id"], buyer))["status"] == "placed"


async def test_the_interface_is_described(market: Market) -> None:
    document = (await market.client.get("/openapi.json")).json()

    body = document["paths"]["/v1/orders"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["required"]) == {"lines", "ship_to", "payment"}
    assert "$ref" not in str(body)


async def test_what_many_put_into_carts_at_once_shares_transactions_and_mixes_nothing(market: Market) -> None:
    shop = await market.shop(1_000, 2_000, 3_000)
    buyers = [market.person() for _ in range(8)]
    wishes = [(buyer, product_id) for buyer in buyers for product_id in shop.products]

    async def put(buyer: Person, product_id: UUID, quantity: int) -> httpx2.Response:
        path, body = f"/v1/cart/items/{product_id}", {"quantity": quantity}
        return await market.client.put(path, json=body, headers=buyer.headers)

    answers = await asyncio.gather(
        put(buyers[0], uuid4(), 1), *(put(buyer, product_id, 2) for buyer, product_id in wishes)
    )

    assert [answer.status_code for answer in answers] == [409] + [200] * len(wishes)
    for buyer in buyers:
        cart = (await market.client.get("/v1/cart", headers=buyer.headers)).json()
        assert {item["product_id"] for item in cart["items"]} == {str(product_id) for product_id in shop.products}
        assert cart["goods_minor"] == 12_000
    last = (await put(buyers[0], next(iter(shop.products)), 5)).json()
    assert [item["quantity"] for item in last["items"]][-1] == 5, "what was put in last is at the end"
    assert last["goods_minor"] == 15_000
