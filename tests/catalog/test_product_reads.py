"""Product pages and lists: the short way and shared queries change nothing of what is answered."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from services.catalog.routes.product_models import ProductPage, ProductView
from services.catalog.store import search
from shared.direct import DirectWay
from shared.http import BODY_BYTES_MAX
from shared.telemetry import UnsampledTraces
from tests.catalog.conftest import Market

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = SAMPLED[:-1] + "0"


@pytest_asyncio.fixture
async def short(market: Market) -> AsyncIterator[httpx2.AsyncClient]:
    """The service as its server has it: by the short way, where nobody records."""
    app = market.running.app
    layered = DirectWay(app, app, app.state.direct_answers, body_bytes_max=BODY_BYTES_MAX)
    transport = httpx2.ASGITransport(app=UnsampledTraces(layered, ratio=0))
    async with httpx2.AsyncClient(transport=transport, base_url="http://catalog", timeout=30) as client:
        yield client


async def both_ways(short: httpx2.AsyncClient, path: str) -> httpx2.Response:
    """The answer, which is the same by both ways."""
    direct = await short.get(path, headers={"traceparent": UNSAMPLED})
    traced = await short.get(path, headers={"traceparent": SAMPLED})
    assert (direct.status_code, direct.content, direct.headers) == (traced.status_code, traced.content, traced.headers)
    return direct


async def test_a_page_is_the_same_by_both_ways(market: Market, short: httpx2.AsyncClient) -> None:
    product_id = await market.product(await market.seller())

    page = await both_ways(short, f"/v1/products/{product_id}")
    unknown = await both_ways(short, f"/v1/products/{uuid4()}")
    malformed = await both_ways(short, "/v1/products/none")

    assert ProductView.model_validate(page.json()).product_id == product_id
    assert page.headers["content-type"] == "application/json"
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:lumbung:problem:not-found")
    assert (malformed.status_code, malformed.json()["errors"][0]["pointer"]) == (422, "/path/product_id")


@pytest.mark.parametrize(
    ("query", "count"),
    [("", 3), ("&limit=2", 2), ("&sort=price_asc", 3), ("&min_price=15000&max_price=15000", 3), ("&category=batik", 0)],
)
async def test_a_list_is_the_same_by_both_ways(
    market: Market, short: httpx2.AsyncClient, query: str, count: int
) -> None:
    seller = await market.seller()
    for _ in range(3):
        await market.product(seller)

    answer = await both_ways(short, f"/v1/products?shop_id={seller.shop_id}{query}")

    assert len(ProductPage.model_validate(answer.json()).items) == count


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/query/limit"),
        ("limit=many", "/query/limit"),
        ("category=a%00b", "/query/category"),
        ("region=1", "/query/region"),
        ("sort=oldest", "/query/sort"),
        ("min_price=-1", "/query/min_price"),
        ("facets=perhaps", "/query/facets"),
    ],
)
async def test_a_malformed_list_is_refused_the_same_by_both_ways(
    short: httpx2.AsyncClient, query: str, pointer: str
) -> None:
    answer = await both_ways(short, f"/v1/products?{query}")

    assert (answer.status_code, [fault["pointer"] for fault in answer.json()["errors"]]) == (422, [pointer])


async def test_a_cursor_of_another_list_is_refused_the_same_by_both_ways(
    market: Market, short: httpx2.AsyncClient
) -> None:
    seller = await market.seller()
    for _ in range(2):
        await market.product(seller)
    cursor = (await short.get(f"/v1/products?shop_id={seller.shop_id}&limit=1")).json()["next_cursor"]

    answer = await both_ways(short, f"/v1/products?sort=price_asc&cursor={cursor}")

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:lumbung:problem:malformed")


async def test_everybody_who_asks_at_a_time_gets_what_they_asked_for(market: Market, short: httpx2.AsyncClient) -> None:
    seller = await market.seller()
    titles = {await market.product(seller, title=f"Barang {number}"): f"Barang {number}" for number in range(30)}
    unknown = uuid4()

    async def page(product_id: Any) -> Any:
        return (await short.get(f"/v1/products/{product_id}")).json().get("title")

    asked = [*titles, unknown, *titles]
    shown = await asyncio.gather(*(page(product_id) for product_id in asked))

    assert shown == [titles.get(product_id, "There is no such product, or it is not yours.") for product_id in asked]


@pytest.mark.parametrize("address", ["/v1/products/{product_id}", "/v1/products?shop_id={shop_id}&facets=false"])
async def test_what_was_changed_before_the_question_is_in_the_answer(
    market: Market, short: httpx2.AsyncClient, address: str
) -> None:
    seller = await market.seller()
    product_id = await market.product(seller)
    path = address.format(product_id=product_id, shop_id=seller.shop_id)
    changed = 1  # the version of which its seller has been told

    async def change() -> None:
        nonlocal changed
        for version in range(1, 13):
            body = {"unit_price_minor": 15_000 + version, "expected_version": version}
            answer = await short.put(f"/v1/products/{product_id}/price", json=body, headers=seller.headers)
            changed = answer.json()["version"]

    async def look() -> None:
        while changed < 13:
            before = changed
            document = (await short.get(path)).json()
            product = document["items"][0] if "items" in document else document
            assert product["version"] >= before
            assert product["unit_price_minor"] in (15_000, 14_999 + product["version"])

    await asyncio.gather(change(), *(look() for _ in range(8)))


async def test_a_database_in_trouble_is_told_to_everybody_by_both_ways(
    short: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: Any) -> Any:
        raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")

    monkeypatch.setattr(search, "products", busy)
    path = f"/v1/products/{uuid4()}"

    answers = await asyncio.gather(*(both_ways(short, path) for _ in range(4)))

    assert [(answer.status_code, answer.headers["retry-after"]) for answer in answers] == [(503, "1")] * 4
