"""Products over HTTP: listed, revised, priced, counted, withdrawn; and everything malformed or foreign refused."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from services.catalog.routes.product_models import ProductView
from shared.contracts.catalog import PriceChanged, ProductListed, ProductRevised, ProductWithdrawn
from shared.testing.delivery import published
from tests.catalog.conftest import Market, product_body


async def test_a_listed_product_is_shown_and_published(market: Market) -> None:
    seller = await market.seller(region_code="18.71")

    product_id = await market.product(seller)

    (fact,) = await published(market.db, ProductListed, product_id=product_id)
    assert (fact.version, fact.sequence, fact.unit_price_minor, fact.weight_grams) == (1, 3, 15_000, 500)
    assert [(payee.party_id, payee.share_basis_points) for payee in fact.payees] == [(seller.shop_id, 10_000)]
    answer = await market.client.get(f"/v1/products/{product_id}")
    page = ProductView.model_validate(answer.json())
    assert (page.available, page.version, page.is_listed, page.region_code) == (10, 1, True, "18.71")


async def test_each_change_is_the_next_version_and_the_next_fact_of_the_shop(market: Market) -> None:
    seller = await market.seller()
    product_id = await market.product(seller)
    revision = product_body(seller.shop_id) | {"title": "Keripik Pisang Keju", "expected_version": 2}
    path = f"/v1/products/{product_id}"

    priced = await market.client.put(
        f"{path}/price", json={"unit_price_minor": 17_500, "expected_version": 1}, headers=seller.headers
    )
    revised = await market.client.put(path, json=revision, headers=seller.headers)
    withdrawn = await market.client.delete(path, headers=seller.headers)
    again = await market.client.delete(path, headers=seller.headers)

    assert (priced.json()["version"], revised.json()["version"]) == (2, 3)
    assert (withdrawn.status_code, again.status_code) == (204, 204)
    (price,) = await published(market.db, PriceChanged, product_id=product_id)
    (revision_fact,) = await published(market.db, ProductRevised, product_id=product_id)
    (end,) = await published(market.db, ProductWithdrawn, product_id=product_id)
    assert [(f.version, f.sequence) for f in (price, revision_fact, end)] == [(2, 4), (3, 5), (4, 6)]
    assert (price.unit_price_minor, revision_fact.title) == (17_500, "Keripik Pisang Keju")
    page = (await market.client.get(path)).json()
    assert (page["is_listed"], page["available"], page["version"]) == (False, 0, 4)


async def test_a_change_of_an_older_version_is_refused(market: Market) -> None:
    seller = await market.seller()
    product_id = await market.product(seller)
    body = {"unit_price_minor": 1_000, "expected_version": 1}
    await market.client.put(f"/v1/products/{product_id}/price", json=body, headers=seller.headers)

    late = await market.client.put(f"/v1/products/{product_id}/price", json=body, headers=seller.headers)

    assert (late.status_code, late.json()["type"], late.json()["version"]) == (
        409,
        "urn:lumbung:problem:version-changed",
        2,
    )
    assert len(await published(market.db, PriceChanged, product_id=product_id)) == 1


async def test_a_joint_listing_needs_shares_that_sum_to_the_whole(market: Market) -> None:
    seller = await market.seller()
    member = str(uuid4())

    def payees(*shares: int) -> list[dict[str, Any]]:
        return [
            {"party_id": party, "share_basis_points": share}
            for party, share in zip([str(seller.shop_id), member], shares, strict=True)
        ]

    good = await market.client.post(
        "/v1/products", json=product_body(seller.shop_id) | {"payees": payees(2_500, 7_500)}, headers=seller.headers
    )
    bad = await market.client.post(
        "/v1/products", json=product_body(seller.shop_id) | {"payees": payees(2_500, 7_499)}, headers=seller.headers
    )

    assert (good.status_code, bad.status_code) == (201, 422)
    assert bad.json()["type"] == "urn:lumbung:problem:shares-do-not-sum"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "x" * 201),
        ("title", "dua\nbaris"),
        ("category", "tidak-ada"),
        ("unit_price_minor", -1),
        ("unit_price_minor", 10**16),
        ("unit_price_minor", 1.5),
        ("currency", "USD"),
        ("stock", -1),
        ("stock", 10**9),
        ("weight_grams", 0),
        ("description", "a\x00b"),
        ("shop_id", "bukan-id"),
    ],
)
async def test_malformed_products_are_refused_and_nothing_changes(market: Market, field: str, value: object) -> None:
    seller = await market.seller()

    answer = await market.client.post(
        "/v1/products", json=product_body(seller.shop_id) | {field: value}, headers=seller.headers
    )

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert await published(market.db, ProductListed, shop_id=seller.shop_id) == []


async def test_a_foreign_shop_and_product_read_as_not_found(market: Market) -> None:
    seller, other = await market.seller(), await market.seller()
    product_id = await market.product(seller)
    path = f"/v1/products/{product_id}"
    revision = product_body(seller.shop_id) | {"expected_version": 1}

    answers = [
        await market.client.post("/v1/products", json=product_body(seller.shop_id), headers=other.headers),
        await market.client.put(path, json=revision, headers=other.headers),
        await market.client.put(
            f"{path}/price", json={"unit_price_minor": 1, "expected_version": 1}, headers=other.headers
        ),
        await market.client.post(f"{path}/stock", json={"change": 1}, headers=other.headers),
        await market.client.delete(path, headers=other.headers),
        await market.client.put(
            f"/v1/shops/{seller.shop_id}/staff/{other.account_id}", json={"role": "manager"}, headers=other.headers
        ),
    ]

    assert [answer.status_code for answer in answers] == [404] * 6
    assert (await market.client.get(path)).json()["version"] == 1
    assert (await market.stock(product_id))["on_hand"] == 10


async def test_stock_is_counted_once_per_key_and_not_below_nothing(market: Market) -> None:
    seller = await market.seller()
    product_id = await market.product(seller)
    path = f"/v1/products/{product_id}/stock"
    headers = seller.headers | {"Idempotency-Key": str(uuid4())}

    first = await market.client.post(path, json={"change": -4}, headers=headers)
    again = await market.client.post(path, json={"change": -4}, headers=headers)
    too_much = await market.client.post(path, json={"change": -7}, headers=seller.headers)

    assert first.json() == again.json() == {"available": 6, "reserved": 0}
    assert (too_much.status_code, too_much.json()["type"]) == (409, "urn:lumbung:problem:stock-below-reserved")
    assert await market.stock(product_id) == {"on_hand": 6, "reserved": 0, "sold": 0, "returned": 0, "received": 6}


async def test_many_counts_at_once_all_count(market: Market) -> None:
    seller = await market.seller()
    product_id = await market.product(seller, stock=0)
    path = f"/v1/products/{product_id}/stock"

    answers = await asyncio.gather(
        *(market.client.post(path, json={"change": 1}, headers=seller.headers) for _ in range(30))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["available"] for answer in answers) == list(range(1, 31))


async def test_twenty_price_changes_at_once_make_one(market: Market) -> None:
    seller = await market.seller()
    product_id = await market.product(seller)
    path = f"/v1/products/{product_id}/price"

    answers = await asyncio.gather(
        *(
            market.client.put(path, json={"unit_price_minor": 1_000 + i, "expected_version": 1}, headers=seller.headers)
            for i in range(20)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    assert len(await published(market.db, PriceChanged, product_id=product_id)) == 1


async def test_the_facts_of_a_shop_have_no_gap_when_many_happen_at_once(market: Market) -> None:
    seller = await market.seller()

    await asyncio.gather(*(market.product(seller, title=f"Produk {i}") for i in range(12)))

    facts = await published(market.db, ProductListed, shop_id=seller.shop_id)
    assert [fact.sequence for fact in facts] == list(range(3, 15))


async def test_the_categories_are_there(market: Market) -> None:
    answer = await market.client.get("/v1/categories")

    items = answer.json()["items"]
    assert len(items) == 15
    assert items[1] == {"slug": "kopi-teh", "name": "Kopi & teh"}


async def test_malformed_json_and_unknown_ids_are_problems(market: Market) -> None:
    seller = await market.seller()
    headers = seller.headers | {"Content-Type": "application/json"}

    broken = await market.client.post("/v1/products", content=b'{"title": ', headers=headers)
    unknown = await market.client.get(f"/v1/products/{uuid4()}")
    no_id = await market.client.get("/v1/products/bukan-id")

    assert [answer.status_code for answer in (broken, unknown, no_id)] == [422, 404, 422]
    for answer in (broken, unknown, no_id):
        assert answer.headers["content-type"] == "application/problem+json"
