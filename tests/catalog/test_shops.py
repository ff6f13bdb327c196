"""Shops over HTTP: opened, staffed, shown, and not shown."""

import json
from uuid import UUID, uuid4

import pytest

from shared.contracts.catalog import ShopOpened, ShopStaffChanged
from shared.testing.delivery import published
from tests.catalog.conftest import Market, product_body


async def test_opening_a_shop_publishes_it_and_its_owner_as_facts_one_and_two(market: Market) -> None:
    seller = await market.seller(region_code="18.71")

    (opened,) = await published(market.db, ShopOpened, shop_id=seller.shop_id)
    (staffed,) = await published(market.db, ShopStaffChanged, shop_id=seller.shop_id)
    assert (opened.sequence, opened.owner_id, opened.region_code) == (1, seller.account_id, "18.71")
    assert (staffed.sequence, [(m.account_id, m.role) for m in staffed.staff]) == (2, [(seller.account_id, "owner")])


async def test_the_same_key_opens_one_shop(market: Market) -> None:
    _, headers = market.person()
    headers |= {"Idempotency-Key": str(uuid4())}
    body = {"name": "Toko Sekali", "region_code": "18"}

    first = await market.client.post("/v1/shops", json=body, headers=headers)
    again = await market.client.post("/v1/shops", json=body, headers=headers)
    other = await market.client.post("/v1/shops", json=body | {"name": "Lain"}, headers=headers)

    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert first.json() == again.json()


async def test_a_region_that_does_not_exist_is_refused(market: Market) -> None:
    _, headers = market.person()

    answer = await market.client.post("/v1/shops", json={"name": "Toko", "region_code": "99.99"}, headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:lumbung:problem:unknown-region")


@pytest.mark.parametrize("name", ["Toko\x00", "To\nko", "\ud800 Toko"])
async def test_a_name_that_cannot_be_written_is_refused(market: Market, name: str) -> None:
    _, headers = market.person()
    body = json.dumps({"name": name, "region_code": "18"})  # not orjson: it refuses half a character

    answer = await market.client.post("/v1/shops", content=body, headers=headers | {"content-type": "application/json"})

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:lumbung:problem:malformed")


async def test_a_category_that_cannot_be_written_is_refused(market: Market) -> None:
    seller = await market.seller()
    body = product_body(seller.shop_id) | {"category": "a\x00b"}

    answer = await market.client.post("/v1/products", json=body, headers=seller.headers)

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:lumbung:problem:malformed")


async def test_staff_is_shown_to_staff_only(market: Market) -> None:
    seller = await market.seller(name="Toko Kita")
    packer, packer_headers = market.person()
    _, stranger_headers = market.person()

    put = await market.client.put(
        f"/v1/shops/{seller.shop_id}/staff/{packer}", json={"role": "packer"}, headers=seller.headers
    )
    seen_by_packer = (await market.client.get(f"/v1/shops/{seller.shop_id}", headers=packer_headers)).json()
    seen_by_stranger = (await market.client.get(f"/v1/shops/{seller.shop_id}", headers=stranger_headers)).json()
    mine = (await market.client.get("/v1/shops/mine", headers=packer_headers)).json()

    assert put.status_code == 204
    assert {member["role"] for member in seen_by_packer["staff"]} == {"owner", "packer"}
    assert seen_by_stranger["staff"] is None
    assert seen_by_stranger["name"] == "Toko Kita"
    assert seen_by_stranger["region_name"] == "Kabupaten Lampung Selatan, Lampung"
    assert [(shop["shop_id"], shop["role"]) for shop in mine["items"]] == [(str(seller.shop_id), "packer")]


async def test_a_packer_may_not_list_but_may_count(market: Market) -> None:
    seller = await market.seller()
    product_id = await market.product(seller)
    packer, headers = market.person()
    await market.client.put(
        f"/v1/shops/{seller.shop_id}/staff/{packer}", json={"role": "packer"}, headers=seller.headers
    )

    listed = await market.client.post("/v1/products", json=product_body(seller.shop_id), headers=headers)
    priced = await market.client.put(
        f"/v1/products/{product_id}/price", json={"unit_price_minor": 1, "expected_version": 1}, headers=headers
    )
    counted = await market.client.post(f"/v1/products/{product_id}/stock", json={"change": 5}, headers=headers)

    assert (listed.status_code, priced.status_code, counted.status_code) == (403, 403, 200)
    assert counted.json() == {"available": 15, "reserved": 0}


async def test_who_is_dismissed_is_out(market: Market) -> None:
    seller = await market.seller()
    helper, headers = market.person()
    path = f"/v1/shops/{seller.shop_id}/staff/{helper}"
    await market.client.put(path, json={"role": "manager"}, headers=seller.headers)
    while_there = await market.client.post("/v1/products", json=product_body(seller.shop_id), headers=headers)
    not_the_owner = await market.client.delete(f"/v1/shops/{seller.shop_id}/staff/{helper}", headers=headers)

    gone = await market.client.delete(path, headers=seller.headers)
    after = await market.client.post("/v1/products", json=product_body(seller.shop_id), headers=headers)

    assert (while_there.status_code, not_the_owner.status_code, gone.status_code) == (201, 403, 204)
    assert after.status_code == 404
    facts = await published(market.db, ShopStaffChanged, shop_id=seller.shop_id)
    assert [len(fact.staff) for fact in facts] == [1, 2, 1]
    assert [fact.sequence for fact in facts] == [2, 3, 5]  # 4 is the product


async def test_the_owner_stays(market: Market) -> None:
    seller = await market.seller()
    path = f"/v1/shops/{seller.shop_id}/staff/{seller.account_id}"

    demoted = await market.client.put(path, json={"role": "packer"}, headers=seller.headers)
    removed = await market.client.delete(path, headers=seller.headers)

    assert (demoted.status_code, removed.status_code) == (409, 409)
    assert len(await published(market.db, ShopStaffChanged, shop_id=seller.shop_id)) == 1


async def test_names_of_shops_come_by_ids_and_nonsense_is_left_out(market: Market) -> None:
    one, two = await market.seller(name="Toko Satu"), await market.seller(name="Toko Dua")

    answer = await market.client.get(f"/v1/shops?ids={one.shop_id},{two.shop_id},{uuid4()},bukan-id")

    shops = {UUID(shop["shop_id"]): shop["name"] for shop in answer.json()["items"]}
    assert shops == {one.shop_id: "Toko Satu", two.shop_id: "Toko Dua"}


async def test_without_a_token_nothing_is_opened(market: Market) -> None:
    answer = await market.client.post("/v1/shops", json={"name": "Toko", "region_code": "18"})

    assert answer.status_code == 401
