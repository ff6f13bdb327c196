"""What orders hears: each event once, twice, killed before its commit, and early."""

import itertools
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.orders import store
from services.orders.domain.order import OrderStatus, Verdict
from services.orders.domain.parcel import ParcelStatus
from services.orders.handlers import handlers
from shared.clock import utc_now
from shared.contracts.base import Event
from shared.contracts.catalog import (
    Payee,
    PriceChanged,
    ProductRevised,
    ProductWithdrawn,
    ShopOpened,
    ShopStaffChanged,
    Shortage,
    StaffMember,
    StockRefused,
    StockReserved,
)
from shared.contracts.identity import AccountErased
from shared.contracts.orders import OrderPlaced
from shared.testing.delivery import check_handler, published
from tests.orders.conftest import Market, listed_product, order_body


def facts_of(shop_id: UUID, product_id: UUID) -> dict[str, Event]:
    """One product's life: listed, a price, a revision, withdrawn, listed again."""
    fact = listed_product(shop_id, 1_000, product_id=product_id)
    common: dict[str, Any] = {"product_id": product_id, "shop_id": shop_id}
    return {
        "listed 1": fact,
        "price 2": PriceChanged(
            **common, version=2, unit_price_minor=2_000, currency="IDR", sequence=3, changed_at=utc_now()
        ),
        "revised 3": ProductRevised(
            **fact.model_dump(exclude={"listed_at", "version", "title", "unit_price_minor", "payees"}),
            version=3,
            title="Keripik baru",
            unit_price_minor=3_000,
            payees=(Payee(party_id=shop_id, share_basis_points=10_000),),
            revised_at=utc_now(),
        ),
        "withdrawn 4": ProductWithdrawn(**common, version=4, sequence=5, withdrawn_at=utc_now()),
        "price 5": PriceChanged(
            **common, version=5, unit_price_minor=5_000, currency="IDR", sequence=6, changed_at=utc_now()
        ),
    }


@pytest.mark.parametrize("what", ["listed 1", "price 2", "revised 3", "withdrawn 4"])
async def test_a_fact_of_a_product_survives_anything(market: Market, what: str) -> None:
    shop = await market.shop()

    await check_handler(market.db, handlers, facts_of(shop.shop_id, uuid4())[what])


async def test_facts_of_a_product_end_the_same_in_any_order(market: Market) -> None:
    shop = await market.shop()
    found = set()
    for order in itertools.permutations(range(5)):
        product_id = uuid4()
        facts = list(facts_of(shop.shop_id, product_id).values())
        await market.hear(*(facts[i] for i in order))
        async with market.db.reading() as conn:
            offer = (await store.offers(conn, [product_id]))[product_id]
        found.add((offer.version, offer.unit_price_minor, offer.title, offer.is_listed))

    assert found == {(5, 5_000, "Keripik baru", False)}


async def test_a_price_that_comes_before_its_product_is_not_lost(market: Market) -> None:
    shop, product_id, buyer = await market.shop(), uuid4(), market.person()
    facts = facts_of(shop.shop_id, product_id)

    await market.hear(facts["price 2"])
    early = await market.post("/v1/orders", buyer, order_body({product_id: 1}))
    await market.hear(facts["listed 1"])
    order = await market.place(buyer, {product_id: 1})

    assert early.status_code == 409 and early.json()["type"].endswith("unknown-products")
    assert order["goods_minor"] == 2_000


async def test_a_product_that_comes_before_its_shop_waits(market: Market) -> None:
    shop_id, buyer = uuid4(), market.person()
    fact = listed_product(shop_id, 1_000)
    await market.hear(fact)

    early = await market.post("/v1/orders", buyer, order_body({fact.product_id: 1}))
    opened = ShopOpened(shop_id=shop_id, owner_id=uuid4(), region_code="18.01", sequence=1, opened_at=utc_now())
    await check_handler(market.db, handlers, opened)
    order = await market.place(buyer, {fact.product_id: 1})

    assert early.status_code == 409 and order["status"] == "placed"


async def test_the_newest_staff_list_counts_and_an_older_one_does_not(market: Market) -> None:
    shop, packer = await market.shop(1_000), market.person()
    staff = (
        StaffMember(account_id=shop.owner.account_id, role="owner"),
        StaffMember(account_id=packer.account_id, role="packer"),
    )
    newer = ShopStaffChanged(shop_id=shop.shop_id, staff=staff, sequence=9, changed_at=utc_now())
    older = ShopStaffChanged(shop_id=shop.shop_id, staff=(), sequence=8, changed_at=utc_now())

    await check_handler(market.db, handlers, newer)
    await market.hear(older)

    async with market.db.reading() as conn:
        roles = [
            await store.role_in_shop(conn, shop_id=shop.shop_id, account_id=account_id)
            for account_id in (shop.owner.account_id, packer.account_id)
        ]
    assert roles == ["owner", "packer"]


@pytest.mark.parametrize("method", ["cod", "qris"])
async def test_reserved_stock_survives_anything(market: Market, method: str) -> None:
    shop, buyer = await market.shop(1_000), market.person()
    order = await market.place(buyer, dict.fromkeys(shop.products, 1), method=method)

    event = StockReserved(order_id=UUID(order["order_id"]), attempt=1, reserved_at=utc_now())
    await check_handler(market.db, handlers, event)

    expected = "confirmed" if method == "cod" else "reserved"
    assert (await market.show(order["order_id"], buyer))["status"] == expected


async def test_refused_stock_survives_anything(market: Market) -> None:
    shop, buyer = await market.shop(1_000), market.person()
    (product_id,) = shop.products
    order = await market.place(buyer, {product_id: 1})
    shortages = (Shortage(product_id=product_id, reason="changed", available=5),)

    event = StockRefused(order_id=UUID(order["order_id"]), attempt=1, shortages=shortages, refused_at=utc_now())
    await check_handler(market.db, handlers, event)

    assert (await market.show(order["order_id"], buyer))["cancel_reason"] == "offer_changed"


async def test_hundreds_of_answers_in_one_batch_go_each_to_its_order(market: Market) -> None:
    shop, buyer = await market.shop(1_000), market.person()
    (product_id,) = shop.products
    orders = [await market.place(buyer, {product_id: 1}) for _ in range(60)]
    shortage = (Shortage(product_id=product_id, reason="sold_out", available=0),)

    await market.hear(
        *(
            StockReserved(order_id=UUID(order["order_id"]), attempt=1, reserved_at=utc_now())
            if i % 2
            else StockRefused(order_id=UUID(order["order_id"]), attempt=1, shortages=shortage, refused_at=utc_now())
            for i, order in enumerate(orders)
        )
    )

    page = (await market.client.get("/v1/orders?limit=100", headers=buyer.headers)).json()
    by_id = {item["order_id"]: item["status"] for item in page["items"]}
    assert [by_id[order["order_id"]] for order in orders] == ["cancelled", "confirmed"] * 30


async def test_a_forgotten_person_cannot_order_and_leaves_no_address(market: Market) -> None:
    shop, buyer = await market.shop(1_000), market.person()
    (product_id,) = shop.products
    ended, under_way = [await market.place(buyer, {product_id: 1}) for _ in range(2)]
    await market.refuse(ended["order_id"], product_id)
    await market.client.put(f"/v1/cart/items/{product_id}", json={"quantity": 1}, headers=buyer.headers)

    await check_handler(market.db, handlers, AccountErased(account_id=buyer.account_id, erased_at=utc_now()))
    refused = await market.post("/v1/orders", buyer, order_body({product_id: 1}))

    assert refused.status_code == 403
    assert len(await published(market.db, OrderPlaced, buyer_id=buyer.account_id)) == 2
    assert (await market.show(ended["order_id"], buyer))["ship_to"] is None
    assert (await market.show(under_way["order_id"], buyer))["ship_to"] is not None
    await market.refuse(under_way["order_id"], product_id)
    await market.sweeper.sweep_slowly()
    assert (await market.show(under_way["order_id"], buyer))["ship_to"] is None
    cart = (await market.client.get("/v1/cart", headers=buyer.headers)).json()
    assert cart["items"] == []


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("order_status", [status.value for status in OrderStatus]),
        ("parcel_status", [status.value for status in ParcelStatus]),
        ("receipt_verdict", [verdict.value for verdict in Verdict]),
    ],
)
async def test_the_database_knows_the_same_words(market: Market, name: str, values: list[str]) -> None:
    async with market.db.reading() as conn:
        rows = await conn.fetch(
            "SELECT enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid WHERE typname = $1", name
        )

    assert {row["enumlabel"] for row in rows} == set(values)
