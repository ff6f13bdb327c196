"""What a completed parcel becomes: shares, commission, tax, cash; each rupiah of it leads to its order and event."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from services.orders.store import accounts
from services.orders.use_cases.add_up_figures import add_up_figures
from shared.clock import utc_now
from shared.contracts.catalog import Payee
from shared.contracts.orders import ParcelCompleted, RefundMade
from shared.ledger import NewAccount
from tests.orders.conftest import Market, Person, Shop, listed_product
from tests.orders.moves import confirmed, one_product


async def balance(market: Market, account: NewAccount) -> int:
    async with market.db.reading() as conn:
        return await accounts.balance_minor(conn, account)


async def completed(market: Market, shop: Shop, buyer: Person, lines: dict[UUID, int], method: str) -> dict[str, Any]:
    """An order of one shop whose parcel is completed."""
    order = await confirmed(market, buyer, lines, method=method)
    path = f"/v1/parcels/{order['parcels'][0]['parcel_id']}"
    await market.post(f"{path}/ship", shop.owner, {"carrier": "Pos"})
    collected = order["total_minor"] if method == "cod" else 0
    await market.post(f"{path}/deliver", shop.owner, {"collected_minor": collected})
    answer = await market.post(f"{path}/complete", buyer)
    assert answer.json() == {"status": "completed"}, answer.text
    return order


async def statement_of(market: Market, payee_id: UUID, person: Person, **query: Any) -> dict[str, Any]:
    answer = await market.client.get(f"/v1/shops/{payee_id}/statement", headers=person.headers, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_completed_parcel_is_its_shops_less_the_commission(market: Market) -> None:
    shop, product_id, buyer = await one_product(market, 12_345)

    order = await completed(market, shop, buyer, {product_id: 2}, "qris")

    shipping = order["total_minor"] - 24_690
    assert await balance(market, accounts.payee(shop.shop_id)) == 24_690 - 246 + shipping  # 1 % of the goods, down
    shown = await statement_of(market, shop.shop_id, shop.owner)
    assert (shown["opening_minor"], shown["closing_minor"]) == (0, order["total_minor"] - 246)
    (line,) = shown["items"]
    parcel_id = order["parcels"][0]["parcel_id"]
    assert (line["kind"], line["order_id"], line["parcel_id"]) == ("parcel_settled", order["order_id"], parcel_id)
    assert line["transfer_id"] == parcel_id
    assert line["made_of"] == {
        "goods_minor": 24_690,
        "shipping_minor": shipping,
        "commission_minor": 246,
        "tax_minor": 0,
        "cash_kept_minor": 0,
    }
    (fact,) = await market.events(ParcelCompleted, order["order_id"])
    async with market.db.reading() as conn:
        event_id = await conn.fetchval(
            "SELECT event_id FROM outbox WHERE type = 'orders.parcel_completed.v1' AND ordering_key = $1",
            order["order_id"],
        )
    assert str(fact.parcel_id) == parcel_id and line["event_id"] == str(event_id)


async def test_cash_that_the_shop_has_already_leaves_it_owing_the_commission(market: Market) -> None:
    shop, product_id, buyer = await one_product(market, 10_000)

    order = await completed(market, shop, buyer, {product_id: 1}, "cod")

    assert await balance(market, accounts.payee(shop.shop_id)) == -100
    (line,) = (await statement_of(market, shop.shop_id, shop.owner))["items"]
    assert line["amount_minor"] == -100 and line["made_of"]["cash_kept_minor"] == order["total_minor"]
    paid = await completed(market, shop, buyer, {product_id: 1}, "qris")
    assert await balance(market, accounts.payee(shop.shop_id)) == paid["total_minor"] - 200


async def test_a_joint_listing_pays_every_member_to_the_rupiah(market: Market) -> None:
    shop, buyer, members = await market.shop(), market.person(), [market.person(), market.person()]
    payees = [
        Payee(party_id=shop.shop_id, share_basis_points=3_334),
        *(Payee(party_id=member.account_id, share_basis_points=3_333) for member in members),
    ]
    fact = listed_product(shop.shop_id, 9_999, payees=tuple(payees))
    await market.hear(fact)

    order = await completed(market, shop, buyer, {fact.product_id: 1}, "qris")

    parties = [shop.shop_id, *(member.account_id for member in members)]
    got = [await balance(market, accounts.payee(party_id)) for party_id in parties]
    shipping = order["total_minor"] - 9_999
    assert sum(got) == order["total_minor"] - 99
    assert got == [3_333 - 33 + shipping, 3_333 - 33, 3_333 - 33]  # 3333.67, 3332.67, 3332.67
    mine = await statement_of(market, members[0].account_id, members[0])
    assert mine["closing_minor"] == got[1] and mine["items"][0]["made_of"]["goods_minor"] == 3_333
    others = await market.client.get(f"/v1/shops/{members[0].account_id}/statement", headers=shop.owner.headers)
    assert others.status_code == 404


@pytest.fixture
def withholding_rules(market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules as they will be once the platform is appointed to withhold PPh 22."""
    rules = orjson.loads(market.settings.rules_file.read_bytes())
    rules["pph22_marketplace"][-1]["values"]["is_platform_appointed"] = True
    file = tmp_path / "rules.json"
    file.write_bytes(orjson.dumps(rules))
    monkeypatch.setattr(market.db, "settings", market.settings.model_copy(update={"rules_file": file}))


@pytest.mark.usefixtures("withholding_rules")
async def test_tax_is_withheld_by_what_the_seller_declared(market: Market) -> None:
    taxes = {}
    for said in (None, {"has_declared_small_turnover": True}, {"kind": "entity"}, {"has_exemption_letter": True}):
        shop, product_id, buyer = await one_product(market, 100_399)
        if said is not None:
            body = {"kind": "individual"} | said
            answer = await market.client.put(
                f"/v1/shops/{shop.shop_id}/taxpayer", json=body, headers=shop.owner.headers
            )
            assert answer.status_code == 200, answer.text
        await completed(market, shop, buyer, {product_id: 1}, "qris")
        (line,) = (await statement_of(market, shop.shop_id, shop.owner))["items"]
        taxes[str(said)] = line["made_of"]["tax_minor"]

    assert list(taxes.values()) == [501, 0, 501, 0]  # 0.5 % of the goods, down


async def test_only_who_leads_the_shop_declares_for_it(market: Market) -> None:
    shop, stranger = await market.shop(), market.person()
    path = f"/v1/shops/{shop.shop_id}/taxpayer"

    theirs = await market.client.put(path, json={"kind": "individual"}, headers=stranger.headers)
    wrong = await market.client.put(
        path, json={"kind": "entity", "has_declared_small_turnover": True}, headers=shop.owner.headers
    )

    assert (theirs.status_code, wrong.status_code) == (404, 422)
    assert await market.count("taxpayers WHERE party_id = '" + str(shop.shop_id) + "'") == 0


async def test_refunds_after_settlement_take_back_exactly_all_in_any_steps(market: Market) -> None:
    shop, buyer = await market.shop(9_999, 7_777), market.person()
    first, second = shop.products
    order = await completed(market, shop, buyer, {first: 3, second: 1}, "qris")
    path = f"/v1/orders/{order['order_id']}/refunds"
    commission_before = await _commission(market, shop)

    for body in (
        {"lines": [{"product_id": str(first), "quantity": 1}], "reason": "damaged"},
        {"amount_minor": 1_234, "reason": "goodwill"},
        {"amount_minor": 1, "reason": "goodwill"},
        {"lines": [{"product_id": str(second), "quantity": 1}], "reason": "damaged"},
        {"everything": True, "reason": "goodwill"},
    ):
        answer = await market.post(path, shop.owner, body)
        assert answer.status_code == 201, answer.text
    beyond = await market.post(path, shop.owner, {"amount_minor": 1, "reason": "goodwill"})
    await market.make_calls()

    assert beyond.status_code == 409
    assert commission_before == 299 + 77
    assert await _commission(market, shop) == 0
    assert await balance(market, accounts.payee(shop.shop_id)) == 0
    made = await market.events(RefundMade, order["order_id"])
    assert sum(refund.amount_minor for refund in made) == order["total_minor"]
    assert all(sum(p.goods_minor + p.shipping_minor for p in r.parts) == r.amount_minor for r in made)
    quantities = [line.quantity for refund in made for part in refund.parts for line in part.lines]
    assert sum(quantities) == 4
    lines = (await statement_of(market, shop.shop_id, shop.owner))["items"]
    assert [line["kind"] for line in lines] == ["parcel_settled", *["refund"] * 5]
    assert all(line["event_id"] and line["refund_id"] == line["transfer_id"] for line in lines[1:])


async def _commission(market: Market, shop: Shop) -> int:
    """What the market keeps of the shop's settled parcels."""
    async with market.db.reading() as conn:
        return int(
            await conn.fetchval(
                "SELECT coalesce(sum(p.amount_minor - p.returned_minor), 0) FROM settlement_parts AS p"
                " JOIN settlements AS s USING (parcel_id) WHERE s.shop_id = $1 AND p.kind = 'commission'",
                shop.shop_id,
            )
        )


async def test_what_was_refunded_before_is_not_settled(market: Market) -> None:
    shop, product_id, buyer = await one_product(market, 10_000)
    order = await confirmed(market, buyer, {product_id: 2}, method="qris")
    lines = [{"product_id": str(product_id), "quantity": 1}]
    await market.post(f"/v1/orders/{order['order_id']}/refunds", shop.owner, {"lines": lines, "reason": "damaged"})
    parcel = f"/v1/parcels/{order['parcels'][0]['parcel_id']}"

    await market.post(f"{parcel}/ship", shop.owner, {"carrier": "Pos"})
    await market.post(f"{parcel}/deliver", shop.owner)
    await market.post(f"{parcel}/complete", buyer)

    assert await balance(market, accounts.payee(shop.shop_id)) == order["total_minor"] - 10_000 - 100
    too_many = await market.post(
        f"/v1/orders/{order['order_id']}/refunds",
        shop.owner,
        {"lines": [{"product_id": str(product_id), "quantity": 2}], "reason": "damaged"},
    )
    assert too_many.status_code == 409 and too_many.json()["type"].endswith("more-than-sent")


async def test_cash_handed_back_after_settlement_gives_the_shop_its_commission_again(market: Market) -> None:
    shop, product_id, buyer = await one_product(market, 10_000)
    order = await completed(market, shop, buyer, {product_id: 1}, "cod")

    answer = await market.post(
        f"/v1/orders/{order['order_id']}/refunds", shop.owner, {"everything": True, "reason": "damaged"}
    )

    assert [refund["status"] for refund in answer.json()["refunds"]] == ["made"]
    assert await balance(market, accounts.payee(shop.shop_id)) == 0


async def test_the_statement_is_paged_and_each_page_shows_one_snapshot(market: Market) -> None:
    shop, product_id, buyer = await one_product(market, 10_000)
    for _ in range(3):
        await completed(market, shop, buyer, {product_id: 1}, "cod")

    first = await statement_of(market, shop.shop_id, shop.owner, limit=2)
    await completed(market, shop, buyer, {product_id: 1}, "cod")
    second = await statement_of(market, shop.shop_id, shop.owner, limit=2, cursor=first["next_cursor"])
    past = await statement_of(market, shop.shop_id, shop.owner, from_date="2020-01-01", to_date=date(2020, 2, 1))

    assert (first["closing_minor"], second["closing_minor"], second["next_cursor"]) == (-300, -300, None)
    assert [line["balance_minor"] for line in first["items"] + second["items"]] == [-100, -200, -300]
    assert (past["items"], past["closing_minor"]) == ([], 0)


async def test_the_dashboard_equals_a_recomputation(market: Market) -> None:
    shop, product_id, buyer = await one_product(market, 10_000)
    done = await completed(market, shop, buyer, {product_id: 1}, "qris")
    await market.post(
        f"/v1/orders/{done['order_id']}/refunds", shop.owner, {"amount_minor": 1_000, "reason": "goodwill"}
    )
    paid = await confirmed(market, buyer, {product_id: 2}, method="qris")
    at_the_door = await confirmed(market, buyer, {product_id: 1})

    path = f"/v1/shops/{shop.shop_id}/dashboard"
    answer = await market.client.get(path, headers=shop.owner.headers)
    listed = (await market.client.get(f"{path}?with_parcels=true", headers=shop.owner.headers)).json()
    stranger = await market.client.get(f"/v1/shops/{shop.shop_id}/dashboard", headers=buyer.headers)

    shown = answer.json()
    assert stranger.status_code == 404
    assert shown["orders"] == {"completed": 1, "confirmed": 2} and shown["parcels"] == {"completed": 1, "pending": 2}
    assert (shown["open_parcels"], shown["unsettled_minor"]) == (2, paid["total_minor"])
    assert shown["open"] is None and [parcel["order_id"] for parcel in listed["open"]] == [
        paid["order_id"],
        at_the_door["order_id"],
    ]
    assert sum(parcel["cost_minor"] for parcel in listed["open"]) == listed["open_minor"] == shown["open_minor"]
    assert shown["turnover_minor"] == done["total_minor"] - 1_000
    assert (shown["commission_minor"], shown["tax_minor"]) == (90, 0)
    assert shown["balance_minor"] == shown["turnover_minor"] - 90
    assert shown["balance_minor"] == await balance(market, accounts.payee(shop.shop_id)) == shown["next_payout_minor"]


async def test_adding_up_changes_no_figure_and_leaves_one_row_of_each_kind(market: Market) -> None:
    shop, product_id, buyer = await one_product(market, 10_000)
    for _ in range(3):
        await completed(market, shop, buyer, {product_id: 1}, "cod")
    await market.post(f"/v1/orders/{(await confirmed(market, buyer, {product_id: 1}))['order_id']}/cancel", buyer)
    path = f"/v1/shops/{shop.shop_id}/dashboard"
    before = (await market.client.get(path, headers=shop.owner.headers)).json()

    rounds = await asyncio.gather(*(_added_up(market) for _ in range(3)), return_exceptions=True)

    after = (await market.client.get(path, headers=shop.owner.headers)).json()
    async with market.db.reading() as conn:
        rows = await conn.fetch(
            "SELECT order_status::text, status::text, parcels, is_sum FROM shop_figures WHERE shop_id = $1 ORDER BY 2",
            shop.shop_id,
        )
    assert before["parcels"] == {"completed": 3, "cancelled": 1} and before["turnover_minor"] > 0
    assert before | {"as_of": ""} == after | {"as_of": ""}
    assert not [one for one in rounds if isinstance(one, BaseException)]
    assert [tuple(row) for row in rows] == [
        ("cancelled", "cancelled", 1, True),
        ("completed", "completed", 3, True),
        (None, None, 0, True),
    ]


async def _added_up(market: Market) -> int:
    async with market.db.transaction() as conn:
        return await add_up_figures(conn, now=utc_now())


async def test_a_failed_refund_is_tried_again_and_owed_meanwhile(market: Market) -> None:
    shop, product_id, buyer = await one_product(market, 10_000)
    order = await confirmed(market, buyer, {product_id: 1}, method="qris")
    operator = market.person(roles=["operator"])
    path = f"/v1/orders/{order['order_id']}/refunds"
    await market.post(path, shop.owner, {"amount_minor": 500, "reason": "goodwill"})
    async with market.db.transaction() as conn:  # the provider refuses it
        refund_id = await conn.fetchval(
            "UPDATE refunds SET status = 'failed' WHERE order_id = $1 RETURNING refund_id", UUID(order["order_id"])
        )
        await conn.execute("UPDATE calls_out SET state = 'failed', attempts = 1 WHERE subject = $1", str(refund_id))

    assert str(refund_id) in await _stuck(market, operator)
    by_shop = await market.post(f"{path}/{refund_id}/retry", shop.owner)
    unknown = await market.post(f"{path}/{uuid4()}/retry", operator)
    retried = await market.post(f"{path}/{refund_id}/retry", operator)
    again = await market.post(f"{path}/{refund_id}/retry", operator)
    await market.make_calls()

    assert [a.status_code for a in (by_shop, unknown, retried, again)] == [403, 404, 200, 409]
    assert len(await market.events(RefundMade, order["order_id"])) == 1
    assert str(refund_id) not in await _stuck(market, operator)


async def _stuck(market: Market, operator: Person) -> list[str]:
    """What the calls that want somebody are about."""
    answer = await market.client.get("/v1/orders/stuck", headers=operator.headers)
    return [call["subject"] for call in answer.json()["calls"]]
