"""Placing orders: durable when answered, each alone with its own answer."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.clock import utc_now
from shared.contracts.catalog import PriceChanged, ProductWithdrawn
from shared.contracts.orders import OrderPlaced
from shared.testing.delivery import published
from tests.orders.conftest import Market, order_body


async def test_an_order_over_two_shops_becomes_two_parcels_and_one_event(market: Market) -> None:
    first, second = await market.shop(10_000, 2_500), await market.shop(7_000, region_code="36.73")
    a, b = first.products
    (c,) = second.products
    buyer = market.person()

    answer = await market.post("/v1/orders", buyer, order_body({a: 2, b: 1, c: 3}))

    assert answer.status_code == 201, answer.text
    order = answer.json()
    assert order["status"] == "placed" and order["currency"] == "IDR"
    assert {p["shop_id"]: (p["goods_minor"], p["shipping_minor"], p["status"]) for p in order["parcels"]} == {
        str(first.shop_id): (22_500, 2 * 8_000, "pending"),
        str(second.shop_id): (21_000, 2 * 32_000, "pending"),
    }
    assert order["total_minor"] == 22_500 + 16_000 + 21_000 + 64_000
    (event,) = await published(market.db, OrderPlaced, order_id=UUID(order["order_id"]))
    assert event.total_minor == order["total_minor"] and event.buyer_id == buyer.account_id
    assert [(line.product_id, line.quantity, line.unit_price_minor) for line in event.lines] == [
        (a, 2, 10_000),
        (b, 1, 2_500),
        (c, 3, 7_000),
    ]
    shown = await market.show(order["order_id"], buyer)
    assert shown["ship_to"]["name"] == "Ibu Sari" and len(shown["lines"]) == 3
    assert [moment["what"] for moment in shown["timeline"]] == ["placed"]


async def test_the_same_key_is_the_same_order_byte_for_byte(market: Market) -> None:
    shop, buyer = await market.shop(5_000), market.person()
    (product_id,) = shop.products
    key = uuid4().hex

    first = await market.post("/v1/orders", buyer, order_body({product_id: 1}), key=key)
    again = await market.post("/v1/orders", buyer, order_body({product_id: 1}), key=f'"{key}"')
    other = await market.post("/v1/orders", buyer, order_body({product_id: 2}), key=key)
    stranger = await market.post("/v1/orders", market.person(), order_body({product_id: 1}), key=key)

    assert first.status_code == again.status_code == 201 and first.content == again.content
    assert other.status_code == 422 and other.json()["type"].endswith("idempotency-key-reused")
    assert stranger.status_code == 201 and stranger.json()["order_id"] != first.json()["order_id"]
    assert len(await published(market.db, OrderPlaced, buyer_id=buyer.account_id)) == 1


async def test_an_order_without_a_key_is_refused(market: Market) -> None:
    shop, buyer = await market.shop(5_000), market.person()

    answer = await market.client.post(
        "/v1/orders", json=order_body(dict.fromkeys(shop.products, 1)), headers=buyer.headers
    )

    assert answer.status_code == 400 and answer.json()["type"].endswith("idempotency-key-missing")


async def test_an_offer_that_changed_is_shown_with_its_current_values(market: Market) -> None:
    shop, buyer = await market.shop(5_000), market.person()
    (product_id,) = shop.products
    await market.hear(
        PriceChanged(
            product_id=product_id, shop_id=shop.shop_id, version=2, unit_price_minor=6_000, currency="IDR", sequence=3,
            changed_at=utc_now(),
        )
    )  # fmt: skip
    body = order_body({product_id: 1})

    body["lines"][0]["unit_price_minor"] = 5_000
    by_price = await market.post("/v1/orders", buyer, body)
    body["lines"][0] |= {"unit_price_minor": 6_000, "version": 1}
    by_version = await market.post("/v1/orders", buyer, body)
    body["lines"][0]["version"] = 2
    right = await market.post("/v1/orders", buyer, body)

    assert by_price.status_code == by_version.status_code == 409
    assert by_price.json()["type"].endswith("offer-changed")
    assert by_price.json()["offers"] == [
        {
            "product_id": str(product_id),
            "version": 2,
            "unit_price_minor": 6_000,
            "currency": "IDR",
            "is_listed": True,
        }
    ]
    assert right.status_code == 201
    assert len(await published(market.db, OrderPlaced, buyer_id=buyer.account_id)) == 1


async def test_a_withdrawn_product_cannot_be_ordered(market: Market) -> None:
    shop, buyer = await market.shop(5_000), market.person()
    (product_id,) = shop.products
    await market.hear(
        ProductWithdrawn(product_id=product_id, shop_id=shop.shop_id, version=2, sequence=3, withdrawn_at=utc_now())
    )

    answer = await market.post("/v1/orders", buyer, order_body({product_id: 1}))

    assert answer.status_code == 409 and answer.json()["offers"][0]["is_listed"] is False
    assert await published(market.db, OrderPlaced, buyer_id=buyer.account_id) == []


async def test_whose_savings_pay_is_said_for_savings_and_only_then(market: Market) -> None:
    shop, buyer = await market.shop(5_000), market.person()
    missing = order_body(dict.fromkeys(shop.products, 1), method="savings")
    beside = order_body(dict.fromkeys(shop.products, 1), method="cod")
    beside["payment"]["cooperative_id"] = str(uuid4())

    answers = [await market.post("/v1/orders", buyer, body) for body in (missing, beside)]

    assert [answer.status_code for answer in answers] == [422, 422]


async def test_256_orders_at_once_get_256_right_answers(market: Market) -> None:
    shop = await market.shop(1_000, 2_000, 3_000)
    products = list(shop.products)
    buyers = [market.person() for _ in range(256)]
    body = order_body(dict.fromkeys(products, 1))
    keys = [uuid4().hex for _ in buyers]
    bodies: list[Any] = [body] * len(buyers)
    buyers[10] = market.person(kind="client", scope="orders:read")
    bodies[20] = order_body({uuid4(): 1})
    buyers[31], keys[31] = buyers[30], keys[30]
    before = await market.count("orders")

    tasks = [
        asyncio.create_task(market.post("/v1/orders", buyer, sent, key=key))
        for buyer, sent, key in zip(buyers, bodies, keys, strict=True)
    ]
    await asyncio.sleep(0)
    tasks[40].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(answers[40], asyncio.CancelledError)
    status = {i: a.status_code for i, a in enumerate(answers) if not isinstance(a, BaseException)}
    assert status.pop(10) == 403 and status.pop(20) == 409
    pair = sorted((status.pop(30), status.pop(31)))
    assert pair in ([201, 201], [201, 409])
    assert set(status.values()) == {201} and len(status) == 251
    async with market.db.reading() as conn:
        stored = await conn.fetch(
            "SELECT buyer_id, count(*) AS orders FROM orders WHERE buyer_id = ANY($1) GROUP BY 1",
            [buyer.account_id for buyer in buyers],
        )
    assert {row["orders"] for row in stored} == {1}
    assert buyers[20].account_id not in {row["buyer_id"] for row in stored}
    cancelled = sum(row["buyer_id"] == buyers[40].account_id for row in stored)
    assert await market.count("orders") == before + 252 + cancelled
    for buyer in buyers[:60]:
        events = await published(market.db, OrderPlaced, buyer_id=buyer.account_id)
        assert len(events) == sum(row["buyer_id"] == buyer.account_id for row in stored)


async def test_of_fifty_requests_at_once_with_one_key_one_order_is_made(market: Market) -> None:
    shop, buyer, key = await market.shop(1_000), market.person(), uuid4().hex
    body = order_body(dict.fromkeys(shop.products, 1))

    answers = await asyncio.gather(*(market.post("/v1/orders", buyer, body, key=key) for _ in range(50)))
    last = await market.post("/v1/orders", buyer, body, key=key)

    assert last.status_code == 201
    assert {(answer.status_code, answer.content) for answer in answers if answer.status_code != 409} == {
        (201, last.content)
    }
    in_use = "urn:lumbung:problem:idempotency-key-in-use"
    assert {answer.json()["type"] for answer in answers if answer.status_code == 409} <= {in_use}
    assert len(await published(market.db, OrderPlaced, buyer_id=buyer.account_id)) == 1


async def test_one_key_of_many_people_at_once_is_an_order_of_each(market: Market) -> None:
    shop, key = await market.shop(1_000), uuid4().hex
    buyers = [market.person() for _ in range(50)]
    body = order_body(dict.fromkeys(shop.products, 1))

    answers = await asyncio.gather(*(market.post("/v1/orders", buyer, body, key=key) for buyer in buyers))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["order_id"] for answer in answers}) == len(buyers)
    for buyer, answer in zip(buyers, answers, strict=True):
        (event,) = await published(market.db, OrderPlaced, buyer_id=buyer.account_id)
        assert str(event.order_id) == answer.json()["order_id"], "nobody gets another's order"


async def test_nothing_is_left_behind_by_an_order_that_is_refused_in_a_batch(market: Market) -> None:
    shop, buyer = await market.shop(1_000), market.person()
    tables = ("orders", "parcels", "order_lines", "addresses", "idempotency_keys", "outbox")
    before = {table: await market.count(table) for table in tables}

    answer = await market.post("/v1/orders", buyer, order_body({**dict.fromkeys(shop.products, 1), uuid4(): 1}))

    assert answer.status_code == 409
    assert {table: await market.count(table) for table in tables} == before


BAD_BODIES: list[Any] = [
    [],
    None,
    "x",
    {},
    {"lines": []},
    *(
        {"lines": [{"product_id": str(uuid4()), "quantity": bad}]}
        for bad in (0, -1, 1001, 10**18, 1.5, True, "1", None)
    ),
    {"lines": [{"product_id": "keripik", "quantity": 1}]},
    {"lines": [{"product_id": str(uuid4()), "quantity": 1}] * 2},
    {"lines": [{"product_id": str(uuid4()), "quantity": 1} for _ in range(101)]},
    {"payment": {"method": "gold"}},
    {"payment": {}},
    {"ship_to": {"name": "", "phone": "+628129", "address": "x", "region_code": "18.01"}},
    {"ship_to": {"name": "Sari", "phone": "call me", "address": "x", "region_code": "18.01"}},
    {"ship_to": {"name": "Sari", "phone": "+6281290000001", "address": "x", "region_code": "1801"}},
    {"ship_to": {"name": "Sari", "phone": "+6281290000001", "address": "x", "region_code": "18"}},
    {"coupon": "GRATIS"},
    {"lines": [{"product_id": str(uuid4()), "quantity": 1, "version": 2**40}]},
    {"lines": [{"product_id": str(uuid4()), "quantity": 1, "unit_price_minor": -1}]},
    {"ship_to": {"name": "Sari\x00", "phone": "+6281290000001", "address": "x", "region_code": "18.01"}},
    {"ship_to": {"name": "Sari", "phone": "+6281290000001", "address": "x" * 501, "region_code": "18.01"}},
]


@pytest.mark.parametrize("spoilt", BAD_BODIES, ids=lambda value: str(value)[:60])
async def test_a_malformed_order_is_refused_with_a_problem(market: Market, spoilt: Any) -> None:
    body = order_body({uuid4(): 1}) | spoilt if isinstance(spoilt, dict) and spoilt else spoilt
    before = (await market.count("orders"), await market.count("outbox"))
    headers = market.person().headers | {"Idempotency-Key": uuid4().hex}

    answer = await market.client.post("/v1/orders", json=body, headers=headers)

    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await market.count("orders"), await market.count("outbox")) == before


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b'{"lines":' + b"[" * 5_000])
async def test_a_body_that_is_no_json_is_refused(market: Market, raw: bytes) -> None:
    headers = market.person().headers | {"Idempotency-Key": uuid4().hex}

    answer = await market.client.post("/v1/orders", content=raw, headers=headers)

    assert answer.status_code == 422 and answer.headers["content-type"] == "application/problem+json"


async def test_who_is_not_signed_in_is_refused(market: Market) -> None:
    answer = await market.client.post("/v1/orders", json={}, headers={"Idempotency-Key": "k"})

    assert answer.status_code == 401 and answer.json()["type"].endswith("unauthenticated")
