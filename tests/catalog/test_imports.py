"""Imports over HTTP and in the background: progress, errors per row, again without doubling, killed and resumed."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.catalog.handlers import handlers
from services.catalog.use_cases import run_imports
from services.catalog.use_cases.import_rows import import_rows
from services.catalog.use_cases.run_imports import ImportRunner
from shared.contracts.catalog import ProductListed, ProductRevised
from shared.testing.delivery import Killed, deliver, published
from tests.catalog import sheets
from tests.catalog.conftest import Market, Seller
from tests.catalog.orders_say import confirmed, placed


async def upload(market: Market, seller: Seller, content: bytes, name: str = "produk.csv") -> Any:
    return await market.client.post(
        "/v1/imports",
        files={"file": (name, content)},
        data={"shop_id": str(seller.shop_id)},
        headers=seller.headers,
    )


async def imported(market: Market, seller: Seller, content: bytes) -> dict[str, Any]:
    """Uploaded and worked off; how it ended."""
    answer = await upload(market, seller, content)
    assert answer.status_code == 202, answer.text
    while await market.running.app.state.import_runner.run_next():
        pass
    view = await market.client.get(f"/v1/imports/{answer.json()['import_id']}", headers=seller.headers)
    result: dict[str, Any] = view.json()
    return result


def rows(count: int, *, price: int = 10_000, stock: int = 5) -> list[tuple[Any, ...]]:
    return [(f"Kopi Bubuk {i}", "Enak.", "kopi-teh", price + i, stock, 250) for i in range(count)]


async def test_a_file_becomes_products_in_one_run_of_facts(market: Market) -> None:
    seller = await market.seller()

    result = await imported(market, seller, sheets.xlsx_of(rows(30)))

    assert (result["state"], result["total"], result["done"], result["failed"]) == ("done", 30, 30, 0)
    facts = await published(market.db, ProductListed, shop_id=seller.shop_id)
    assert [fact.sequence for fact in facts] == list(range(3, 33))
    page = (await market.client.get(f"/v1/products?shop_id={seller.shop_id}&limit=100")).json()
    assert len(page["items"]) == 30
    assert {item["available"] for item in page["items"]} == {5}
    await market.product(seller)
    assert (await published(market.db, ProductListed, shop_id=seller.shop_id))[-1].sequence == 33


async def test_an_accepted_file_wakes_the_runner_and_a_refused_one_does_not(market: Market) -> None:
    seller = await market.seller()
    woken: list[None] = []
    wakers = market.db.wakers["imports"]
    wakers.append(lambda: woken.append(None))

    assert (await upload(market, seller, b"%PDF-1.7", "produk.pdf")).status_code >= 400
    assert not woken
    assert (await upload(market, seller, sheets.csv_of(rows(1)))).status_code == 202

    wakers.pop()
    assert len(woken) == 1
    assert market.running.app.state.import_runner.wake in wakers, "main.py says who is woken"


async def test_wrong_rows_are_told_and_the_others_imported(market: Market) -> None:
    seller = await market.seller()
    content = sheets.csv_of(
        [
            ("Kopi A", "", "kopi-teh", "Rp12.500", 1, 100),
            ("Kopi B", "", "mobil", "12.5", 1, 100),
            ("Kopi A", "", "kopi-teh", 1, 1, 100),
            ("Kopi C", "", "kopi-teh", 9_000, "", ""),
        ]
    )

    result = await imported(market, seller, content)

    assert (result["done"], result["failed"], result["state"]) == (2, 2, "done")
    assert [(error["row"], error["column"]) for error in result["errors"]] == [
        (3, "category"),
        (3, "unit_price_minor"),
        (4, "title"),
    ]


async def test_the_same_file_again_doubles_nothing_and_brings_no_sold_stock_back(market: Market) -> None:
    seller = await market.seller()
    await imported(market, seller, sheets.csv_of(rows(3)))
    (first, *_) = await published(market.db, ProductListed, shop_id=seller.shop_id)
    order_id = uuid4()

    await deliver(market.db, handlers, placed(order_id, {first.product_id: 2}), confirmed(order_id))

    again = await imported(market, seller, sheets.csv_of(rows(3)))
    dearer = await imported(market, seller, sheets.csv_of(rows(3, price=20_000, stock=5)))

    assert (again["done"], dearer["done"]) == (3, 3)
    assert len(await published(market.db, ProductListed, shop_id=seller.shop_id)) == 3
    revisions = await published(market.db, ProductRevised, shop_id=seller.shop_id)
    assert [(r.version, r.unit_price_minor) for r in revisions] == [(2, 20_000), (2, 20_001), (2, 20_002)]
    assert (await market.stock(first.product_id))["on_hand"] == 3


async def test_two_rows_that_mean_one_product_change_it_once(market: Market) -> None:
    seller = await market.seller()

    def file(price: int) -> bytes:  # titles that differ for us, and are the same to the database
        return sheets.csv_of([(title, "", "kopi-teh", price, 1, 100) for title in ("Kopi ø", "Kopi o")])

    await imported(market, seller, file(10_000))
    again = await imported(market, seller, file(20_000))

    assert (again["done"], [error["row"] for error in again["errors"]]) == (1, [3])
    revisions = await published(market.db, ProductRevised, shop_id=seller.shop_id)
    assert [revision.version for revision in revisions] == [2]


async def test_a_new_count_is_taken_unless_buyers_have_reserved_more(market: Market) -> None:
    seller = await market.seller()
    await imported(market, seller, sheets.csv_of(rows(1)))
    (listed,) = await published(market.db, ProductListed, shop_id=seller.shop_id)

    await deliver(market.db, handlers, placed(uuid4(), {listed.product_id: 3}))

    too_few = await imported(market, seller, sheets.csv_of(rows(1, stock=2)))
    more = await imported(market, seller, sheets.csv_of(rows(1, stock=9)))

    assert [error["column"] for error in too_few["errors"]] == ["stock"]
    assert (more["done"], more["errors"]) == (1, [])
    assert await market.stock(listed.product_id) == {
        "on_hand": 9,
        "reserved": 3,
        "sold": 0,
        "returned": 0,
        "received": 9,
    }


async def test_a_reference_of_the_sellers_own_finds_the_product_under_a_new_title(market: Market) -> None:
    seller = await market.seller()
    header = ("sku", "title", "category", "unit_price_minor", "stock")
    await imported(market, seller, sheets.csv_of([("K-1", "Kopi", "kopi-teh", 1_000, 1)], header=header))

    renamed = await imported(market, seller, sheets.csv_of([("K-1", "Kopi Baru", "kopi-teh", 1_000, 1)], header=header))

    assert renamed["done"] == 1
    (revised,) = await published(market.db, ProductRevised, shop_id=seller.shop_id)
    assert revised.title == "Kopi Baru"


async def test_a_runner_killed_between_chunks_or_inside_one_doubles_nothing(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    seller = await market.seller()
    answer = await upload(market, seller, sheets.csv_of(rows(1_200)))
    import_id = UUID(answer.json()["import_id"])
    runner: ImportRunner = market.running.app.state.import_runner
    monkeypatch.setattr(runner, "_lease_seconds", 0.0)  # a dead runner's lease ends at once
    real, calls = import_rows, 0

    async def dies_in_the_second_chunk(*args: Any, **named: Any) -> None:
        nonlocal calls
        calls += 1
        await real(*args, **named)
        if calls == 2:
            raise Killed

    monkeypatch.setattr(run_imports, "import_rows", dies_in_the_second_chunk)
    with pytest.raises(Killed):
        await runner.run_next()
    half = (await market.client.get(f"/v1/imports/{import_id}", headers=seller.headers)).json()

    assert await runner.run_next()

    whole = (await market.client.get(f"/v1/imports/{import_id}", headers=seller.headers)).json()
    assert (half["state"], half["done"], half["total"]) == ("running", 500, 1_200)
    assert (whole["state"], whole["done"], whole["failed"]) == ("done", 1_200, 0)
    facts = await published(market.db, ProductListed, shop_id=seller.shop_id)
    assert [fact.sequence for fact in facts] == list(range(3, 1_203))
    assert len({fact.title for fact in facts}) == 1_200
    async with market.db.reading() as conn:
        kept = await conn.fetchval("SELECT content FROM imports WHERE import_id = $1", import_id)
    assert kept is None


async def test_a_hostile_file_is_refused_in_words_and_nothing_is_listed(market: Market) -> None:
    seller = await market.seller()

    at_once = await upload(market, seller, b"%PDF-1.7", "produk.xlsx")
    later = await imported(market, seller, sheets.bomb())

    assert (at_once.status_code, at_once.json()["type"]) == (422, "urn:lumbung:problem:file-refused")
    assert (later["state"], later["reason"]) == ("refused", "Berkas XLSX terlalu besar setelah dibuka.")
    assert await published(market.db, ProductListed, shop_id=seller.shop_id) == []


async def test_imports_are_for_those_who_list_and_seen_by_those_who_work_there(market: Market) -> None:
    seller, other = await market.seller(), await market.seller()
    import_id = (await upload(market, seller, sheets.csv_of(rows(1)))).json()["import_id"]

    into_a_foreign_shop = await upload(
        market, Seller(other.account_id, other.headers, seller.shop_id), sheets.csv_of(rows(1))
    )
    seen = await market.client.get(f"/v1/imports/{import_id}", headers=other.headers)

    assert (into_a_foreign_shop.status_code, seen.status_code) == (404, 404)


async def test_a_shop_cannot_queue_without_end(market: Market) -> None:
    seller = await market.seller()

    statuses = [(await upload(market, seller, sheets.csv_of(rows(1)))).status_code for _ in range(6)]

    assert statuses == [202] * 5 + [409]


async def test_who_was_dismissed_meanwhile_imports_nothing(market: Market) -> None:
    seller = await market.seller()
    helper, headers = market.person()
    path = f"/v1/shops/{seller.shop_id}/staff/{helper}"
    await market.client.put(path, json={"role": "manager"}, headers=seller.headers)
    as_helper = Seller(helper, headers, seller.shop_id)
    answer = await upload(market, as_helper, sheets.csv_of(rows(2)))
    await market.client.delete(path, headers=seller.headers)

    while await market.running.app.state.import_runner.run_next():
        pass

    view = await market.client.get(f"/v1/imports/{answer.json()['import_id']}", headers=seller.headers)
    assert view.json()["state"] == "refused"
    assert await published(market.db, ProductListed, shop_id=seller.shop_id) == []


@pytest.mark.parametrize("path", ["/v1/imports", "/v1/products/00000000-0000-0000-0000-000000000001/photos"])
async def test_a_file_of_somebody_unknown_is_not_read(market: Market, path: str) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(64):
            read += 1
            yield b"x" * 65_536

    headers = {"content-type": "multipart/form-data; boundary=x", "authorization": "Bearer x.y.z"}
    answer = await market.client.post(path, content=endless(), headers=headers)

    assert answer.status_code == 401
    assert read == 0
