"""Lists and search over HTTP: words, typos, filters, orders, places in a list, counts."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx2
import pytest
import pytest_asyncio

from services.catalog.domain.search import prefixes_of, words_of
from services.catalog.main import service, start
from services.catalog.routes.product_models import ProductPage
from shared.http import make_app
from shared.paging import encode
from shared.service import Running
from shared.testing.tokens import Tokens
from tests.catalog.conftest import Market
from tests.conftest import MakeDatabase

OFFERS = [
    ("Kopi Robusta Lampung 250 g", "kopi-teh", 35_000, "18.01"),
    ("Kopi Robusta Liwa", "kopi-teh", 42_000, "18.71"),
    ("Kopi Luwak Asli", "kopi-teh", 250_000, "18.01"),
    ("Keripik Pisang Cokelat", "makanan-ringan", 15_000, "18.71"),
    ("Keripik Pisang Balado", "makanan-ringan", 16_000, "36.73"),
    ("Keripik Singkong Pedas", "makanan-ringan", 12_000, "36.73"),
    ("Emping Melinjo Banten", "makanan-ringan", 28_000, "36.04"),
    ("Batik Tulis Baduy", "batik-kain", 450_000, "36.02"),
    ("Sate Bandeng Serang", "ikan-olahan", 40_000, "36.73"),
    ("Gula Aren Cair", "gula-madu", 22_000, "36.02"),
]


@pytest_asyncio.fixture(scope="module")
async def shelves(make_database: MakeDatabase, market: Market) -> AsyncIterator[Market]:
    """A market of its own with a few known products."""
    db = await make_database("catalog")
    app = make_app("catalog", *service.routers, database=db, settings=market.running.settings)
    tokens = Tokens()
    app.state.verifier = tokens.verifier()
    running = Running(market.running.settings, db, app, frozenset({"http"}))
    await start(running)

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://catalog") as client:
        own = Market(client, db, tokens, running)
        sellers = {}
        for title, category, price, region in OFFERS:
            if region not in sellers:
                sellers[region] = await own.seller(region_code=region, name=f"Toko {region}")
            await own.product(
                sellers[region], title=title, category=category, unit_price_minor=price, description="Buatan rumah."
            )
        yield own


async def found(shelves: Market, query: str) -> list[str]:
    answer = await shelves.client.get(f"/v1/products?{query}")
    assert answer.status_code == 200, answer.text
    page = ProductPage.model_validate(answer.json())
    return [item.title for item in page.items]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("kopi robusta", "Kopi Robusta"),
        ("kopi robsta", "Kopi Robusta"),
        ("kripik pisang", "Keripik Pisang"),
        ("kripik pisng", "Keripik Pisang"),
        ("keripikpisang", "Keripik Pisang"),
        ("btik tulis", "Batik Tulis"),
        ("empng", "Emping"),
        ("KOPI  Luwák!", "Kopi Luwak"),
        ("bande", "Sate Bandeng"),
        ("gula aren", "Gula Aren"),
    ],
)
async def test_words_beginnings_and_typos_are_found(shelves: Market, query: str, first: str) -> None:
    titles = await found(shelves, f"q={query}")

    assert titles
    assert titles[0].startswith(first)


async def test_exact_matches_stand_before_similar_ones(shelves: Market) -> None:
    titles = await found(shelves, "q=keripik pisang cokelat")

    assert titles[0] == "Keripik Pisang Cokelat"


async def test_nonsense_finds_nothing_and_signs_are_no_query(shelves: Market) -> None:
    assert await found(shelves, "q=zzzzqqqq") == []
    assert len(await found(shelves, "q=%27%20%26%20%7C%20%21%3A%2A")) == len(OFFERS)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("category=kopi-teh", 3),
        ("region=18", 4),
        ("region=18.01", 2),
        ("min_price=40000&max_price=250000", 3),
        ("q=kopi&region=18.71", 1),
        ("q=kopi robsta&max_price=40000", 1),
        ("category=tidak-ada", 0),
        ("q=kripik&category=batik-kain", 0),
    ],
)
async def test_filters(shelves: Market, query: str, count: int) -> None:
    assert len(await found(shelves, query)) == count


@pytest.mark.parametrize("sort", ["newest", "price_asc", "price_desc"])
async def test_pages_show_each_product_once_and_in_order(shelves: Market, sort: str) -> None:
    seen: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await shelves.client.get(f"/v1/products?sort={sort}&limit=3{cursor}")).json()
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert len({item["product_id"] for item in seen}) == len(OFFERS)
    key = "listed_at" if sort == "newest" else "unit_price_minor"
    values = [item[key] for item in seen]
    assert values == sorted(values, reverse=sort != "price_asc")


async def test_pages_of_a_search_show_each_product_once(shelves: Market) -> None:
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await shelves.client.get(f"/v1/products?q=keripik&limit=1{cursor}")).json()
        seen += [item["product_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert len(seen) == len(set(seen)) == 3


async def test_a_mistyped_search_by_price_is_corrected_too(shelves: Market) -> None:
    titles = await found(shelves, "q=kopi robsta&sort=price_desc")

    assert [title for title in titles if "Robusta" in title] == ["Kopi Robusta Liwa", "Kopi Robusta Lampung 250 g"]


async def test_many_corrected_matches_are_ordered_by_price_among_themselves(
    shelves: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.catalog.store.search.MATCHES_MAX", 2)

    titles = await found(shelves, "q=kripik&sort=price_asc")

    assert len(titles) == 2 and all(title.startswith("Keripik") for title in titles)


async def test_counts_say_how_to_narrow_a_list_down(shelves: Market) -> None:
    everything = (await shelves.client.get("/v1/products")).json()["facets"]
    banten = (await shelves.client.get("/v1/products?region=36")).json()["facets"]
    searched = (await shelves.client.get("/v1/products?q=keripik")).json()["facets"]
    without = (await shelves.client.get("/v1/products?facets=false")).json()["facets"]

    assert everything["total"] == {"count": 10, "more": False}
    assert everything["category"][0] == {
        "value": "makanan-ringan",
        "name": "Makanan ringan",
        "count": 4,
        "more": False,
    }
    assert [(region["value"], region["name"], region["count"]) for region in everything["region"]] == [
        ("36", "Banten", 6),
        ("18", "Lampung", 4),
    ]
    assert [(band["min_price"], band["max_price"], band["count"]) for band in everything["price"]] == [
        (10_000, 24_999, 4),
        (25_000, 49_999, 4),
        (250_000, None, 2),
    ]
    assert {region["value"] for region in banten["region"]} == {"36.02", "36.04", "36.73"}
    assert searched["total"]["count"] == 3
    assert without is None


@pytest.mark.parametrize(
    "query",
    [
        "cursor=xx",
        "cursor=W10",
        "sort=best",
        "limit=0",
        "limit=101",
        "region=Lampung",
        "min_price=-1",
        "shop_id=1",
        "q=" + "x" * 201,
        "category=%00",
        "q=kopi&category=%00",
        "cursor=" + encode("newest", "0001-01-01T00:00:00+14:00", UUID(int=1)),
        "cursor=" + encode("newest", "9999-12-31T23:59:59-12:00", UUID(int=1)),
        "sort=price_asc&cursor=" + encode("price_asc", 2**63, UUID(int=1)),
        "sort=price_asc&cursor=" + encode("price_asc", 1e30, UUID(int=1)),
        "q=kopi&cursor=" + encode("relevance", 2**64 - 1, UUID(int=1)),
    ],
)
async def test_malformed_lists_are_refused(shelves: Market, query: str) -> None:
    answer = await shelves.client.get(f"/v1/products?{query}")

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_a_place_in_one_order_is_none_in_another(shelves: Market) -> None:
    cursor = (await shelves.client.get("/v1/products?sort=newest&limit=1")).json()["next_cursor"]

    answer = await shelves.client.get(f"/v1/products?sort=price_asc&cursor={cursor}")

    assert answer.status_code == 422


async def test_a_withdrawn_product_leaves_the_lists(shelves: Market) -> None:
    seller = await shelves.seller()
    product_id = await shelves.product(seller, title="Dodol Durian Langka")
    assert await found(shelves, "q=dodol durian") == ["Dodol Durian Langka"]

    await shelves.client.delete(f"/v1/products/{product_id}", headers=seller.headers)

    assert await found(shelves, "q=dodol durian") == []
    assert await found(shelves, f"shop_id={seller.shop_id}") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, None),
        ("  ", None),
        ("'; DROP--", "drop"),
        ("Kopi Luwák", "kopi luwak"),
        ("a b c d e f g h i j", "a b c d e f g h"),
        ("日本", None),
    ],
)
def test_words_of_a_query(text: str | None, words: str | None) -> None:
    assert words_of(text) == words


def test_short_words_match_whole_and_long_ones_as_beginnings() -> None:
    assert prefixes_of("es kopi") == "'es' & 'kopi':*"
