"""What catalog does when it hears of orders and of leavers: once, twice, killed, early, in batches, in races."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

from services.catalog.handlers import handlers
from shared.contracts.catalog import (
    ProductWithdrawn,
    ShopStaffChanged,
    StockCommitted,
    StockRefused,
    StockReleased,
    StockReserved,
)
from shared.contracts.identity import AccountErased
from shared.db import Database
from shared.testing.delivery import check_handler, deliver, published
from tests.catalog.conftest import Market, product_body
from tests.catalog.orders_say import asked_again, cancelled, confirmed, parcel_cancelled, placed, returned


async def dead_reason(db: Database, order_id: UUID) -> str | None:
    """Why an event of the order was set aside."""
    async with db.reading() as conn:
        reason: str | None = await conn.fetchval(
            "SELECT reason FROM dead_letters WHERE ordering_key = $1 AND state = 'dead'", str(order_id)
        )
    return reason


async def test_a_placed_order_reserves(market: Market) -> None:
    product_id, order_id = await market.product(await market.seller()), uuid4()

    await check_handler(market.db, handlers, placed(order_id, {product_id: 4}))

    (answer,) = await published(market.db, StockReserved, order_id=order_id)
    assert answer.attempt == 1
    assert await market.stock(product_id) == {"on_hand": 10, "reserved": 4, "sold": 0, "returned": 0, "received": 10}


async def test_a_placed_order_that_wants_too_much_is_refused_whole(market: Market) -> None:
    seller = await market.seller()
    plenty, scarce, order_id = await market.product(seller), await market.product(seller, stock=1), uuid4()

    await check_handler(market.db, handlers, placed(order_id, {plenty: 1, scarce: 2}))

    (answer,) = await published(market.db, StockRefused, order_id=order_id)
    assert [(s.product_id, s.reason, s.available) for s in answer.shortages] == [(scarce, "sold_out", 1)]
    assert (await market.stock(plenty))["reserved"] == 0


async def test_an_older_version_and_a_withdrawn_product_are_refused(market: Market) -> None:
    seller = await market.seller()
    product_id = await market.product(seller)
    await market.client.put(
        f"/v1/products/{product_id}/price", json={"unit_price_minor": 2, "expected_version": 1}, headers=seller.headers
    )
    older, withdrawn = uuid4(), uuid4()

    await deliver(market.db, handlers, placed(older, {product_id: 1}, version=1))
    await market.client.delete(f"/v1/products/{product_id}", headers=seller.headers)
    await deliver(market.db, handlers, placed(withdrawn, {product_id: 1}, version=3))

    (changed,) = await published(market.db, StockRefused, order_id=older)
    (gone,) = await published(market.db, StockRefused, order_id=withdrawn)
    assert (changed.shortages[0].reason, gone.shortages[0].reason) == ("changed", "withdrawn")


async def test_a_confirmed_order_commits(market: Market) -> None:
    product_id, order_id = await market.product(await market.seller()), uuid4()
    await deliver(market.db, handlers, placed(order_id, {product_id: 4}))

    await check_handler(market.db, handlers, confirmed(order_id))

    assert len(await published(market.db, StockCommitted, order_id=order_id)) == 1
    assert await market.stock(product_id) == {"on_hand": 6, "reserved": 0, "sold": 4, "returned": 0, "received": 10}


async def test_a_cancelled_order_releases(market: Market) -> None:
    product_id, order_id = await market.product(await market.seller()), uuid4()
    await deliver(market.db, handlers, placed(order_id, {product_id: 4}))

    await check_handler(market.db, handlers, cancelled(order_id))

    (released,) = await published(market.db, StockReleased, order_id=order_id)
    assert [(line.product_id, line.quantity) for line in released.lines] == [(product_id, 4)]
    assert (await market.stock(product_id))["reserved"] == 0


async def test_a_late_payment_asks_again(market: Market) -> None:
    product_id, order_id = await market.product(await market.seller()), uuid4()
    await deliver(market.db, handlers, placed(order_id, {product_id: 4}))
    await deliver(market.db, handlers, cancelled(order_id))

    await check_handler(market.db, handlers, asked_again(order_id, 2, {product_id: 4}))

    answers = await published(market.db, StockReserved, order_id=order_id)
    assert [answer.attempt for answer in answers] == [1, 2]
    assert (await market.stock(product_id))["reserved"] == 4


async def test_an_attempt_that_comes_after_a_newer_one_is_ignored(market: Market) -> None:
    product_id, order_id = await market.product(await market.seller()), uuid4()
    await deliver(market.db, handlers, asked_again(order_id, 3, {product_id: 2}))

    await deliver(market.db, handlers, asked_again(order_id, 2, {product_id: 5}), placed(order_id, {product_id: 4}))

    assert [a.attempt for a in await published(market.db, StockReserved, order_id=order_id)] == [3]
    assert (await market.stock(product_id))["reserved"] == 2


async def test_a_cancellation_that_comes_early_is_remembered(market: Market) -> None:
    product_id, order_id = await market.product(await market.seller()), uuid4()

    await check_handler(market.db, handlers, cancelled(order_id))
    await deliver(market.db, handlers, placed(order_id, {product_id: 4}))

    assert await published(market.db, StockReserved, order_id=order_id) == []
    assert (await market.stock(product_id))["reserved"] == 0


async def test_a_confirmation_without_a_reservation_is_a_dead_letter_and_stops_no_neighbour(market: Market) -> None:
    product_id, lost, good = await market.product(await market.seller()), uuid4(), uuid4()

    await deliver(
        market.db,
        handlers,
        placed(good, {product_id: 2}),
        confirmed(lost),
        confirmed(good),
    )

    assert "has no stock set aside" in (await dead_reason(market.db, lost) or "")
    assert len(await published(market.db, StockCommitted, order_id=good)) == 1


async def test_a_cancelled_parcel_goes_back_on_the_shelf_once(market: Market) -> None:
    product_id, order_id, parcel_id = await market.product(await market.seller()), uuid4(), uuid4()
    await deliver(market.db, handlers, placed(order_id, {product_id: 4}), confirmed(order_id))

    await check_handler(market.db, handlers, parcel_cancelled(order_id, {product_id: 4}, parcel_id=parcel_id))
    await deliver(market.db, handlers, parcel_cancelled(order_id, {product_id: 4}, parcel_id=parcel_id))

    (released,) = await published(market.db, StockReleased, order_id=order_id)
    assert released.parcel_id == parcel_id
    assert await market.stock(product_id) == {"on_hand": 10, "reserved": 0, "sold": 0, "returned": 0, "received": 10}
    assert await dead_reason(market.db, order_id) is None


async def test_a_return_is_counted_as_returned_once(market: Market) -> None:
    product_id, order_id, return_id = await market.product(await market.seller()), uuid4(), uuid4()
    await deliver(market.db, handlers, placed(order_id, {product_id: 4}), confirmed(order_id))

    await check_handler(market.db, handlers, returned(order_id, {product_id: 3}, return_id=return_id))
    await deliver(market.db, handlers, returned(order_id, {product_id: 3}, return_id=return_id))

    assert await market.stock(product_id) == {"on_hand": 9, "reserved": 0, "sold": 4, "returned": 3, "received": 10}


async def test_more_than_was_sold_does_not_come_back(market: Market) -> None:
    product_id, order_id = await market.product(await market.seller()), uuid4()
    await deliver(market.db, handlers, placed(order_id, {product_id: 4}), confirmed(order_id))

    await deliver(market.db, handlers, returned(order_id, {product_id: 5}))

    assert "gives back more" in (await dead_reason(market.db, order_id) or "")
    assert (await market.stock(product_id))["on_hand"] == 6


async def test_a_whole_life_in_one_batch(market: Market) -> None:
    product_id, order_id = await market.product(await market.seller()), uuid4()

    await deliver(
        market.db,
        handlers,
        placed(order_id, {product_id: 4}),
        cancelled(order_id),
        asked_again(order_id, 2, {product_id: 3}),
        confirmed(order_id),
        returned(order_id, {product_id: 1}),
    )

    assert await market.stock(product_id) == {"on_hand": 8, "reserved": 0, "sold": 3, "returned": 1, "received": 10}
    assert await dead_reason(market.db, order_id) is None


async def test_sixty_buyers_race_for_ten(market: Market) -> None:
    product_id = await market.product(await market.seller(), stock=10)
    orders = [placed(uuid4(), {product_id: 1}) for _ in range(60)]

    await asyncio.gather(*(deliver(market.db, handlers, *orders[i : i + 6]) for i in range(0, 60, 6)))

    reserved = {event.order_id for event in await published(market.db, StockReserved)}
    refused = {event.order_id for event in await published(market.db, StockRefused)}
    ours = {order.order_id for order in orders}
    assert (len(ours & reserved), len(ours & refused)) == (10, 50)
    assert (await market.stock(product_id))["reserved"] == 10


async def test_baskets_that_cross_and_sellers_who_count_do_not_deadlock(market: Market) -> None:
    seller = await market.seller()
    products = [await market.product(seller, stock=1000) for _ in range(6)]
    orders = [placed(uuid4(), dict.fromkeys(products[i % 6 :] + products[: i % 6], 1)) for i in range(24)]

    async def count(product_id: UUID) -> int:
        answer = await market.client.post(
            f"/v1/products/{product_id}/stock", json={"change": 1}, headers=seller.headers
        )
        return answer.status_code

    async def reprice(product_id: UUID) -> int:
        answer = await market.client.put(
            f"/v1/products/{product_id}/price",
            json={"unit_price_minor": 15_000, "expected_version": 1},
            headers=seller.headers,
        )
        return answer.status_code

    results = await asyncio.gather(
        *(deliver(market.db, handlers, *orders[i : i + 4]) for i in range(0, 24, 4)),
        *(count(product_id) for product_id in products * 3),
        *(reprice(product_id) for product_id in products[3:]),
    )

    assert set(results) == {None, 200}
    reserved = {event.order_id for event in await published(market.db, StockReserved)}
    held = len(reserved & {order.order_id for order in orders})
    for product_id in products:
        stock = await market.stock(product_id)
        assert (stock["on_hand"], stock["received"], stock["reserved"]) == (1003, 1003, held)


async def test_who_leaves_closes_their_shop_and_leaves_the_others(market: Market) -> None:
    leaver, other = await market.seller(), await market.seller()
    product_id, order_id = await market.product(leaver), uuid4()
    await market.client.put(
        f"/v1/shops/{other.shop_id}/staff/{leaver.account_id}", json={"role": "manager"}, headers=other.headers
    )
    await deliver(market.db, handlers, placed(order_id, {product_id: 4}))

    await check_handler(market.db, handlers, AccountErased(account_id=leaver.account_id, erased_at=datetime.now(UTC)))

    (withdrawn,) = await published(market.db, ProductWithdrawn, product_id=product_id)
    assert (withdrawn.version, withdrawn.sequence) == (2, 4)
    (*_, closed) = await published(market.db, ShopStaffChanged, shop_id=leaver.shop_id)
    (*_, left) = await published(market.db, ShopStaffChanged, shop_id=other.shop_id)
    assert (closed.sequence, closed.staff) == (5, ())
    assert [member.account_id for member in left.staff] == [other.account_id]
    listed = await market.client.post("/v1/products", json=product_body(leaver.shop_id), headers=leaver.headers)
    assert listed.status_code == 404
    await deliver(market.db, handlers, confirmed(order_id))
    assert (await market.stock(product_id))["sold"] == 4


async def test_somebody_without_a_shop_leaves_nothing_to_close(market: Market) -> None:
    await check_handler(market.db, handlers, AccountErased(account_id=uuid4(), erased_at=datetime.now(UTC)))


async def test_operators_see_old_reservations_and_nobody_else(market: Market) -> None:
    product_id, order_id = await market.product(await market.seller()), uuid4()
    await deliver(market.db, handlers, placed(order_id, {product_id: 4}))
    _, operator = market.person(roles=["operator"])
    _, person = market.person()
    found: list[dict[str, object]] = []
    cursor = ""

    refused = await market.client.get("/v1/reservations/stale", headers=person)
    while True:
        page = (
            await market.client.get(f"/v1/reservations/stale?older_than_seconds=0&limit=3{cursor}", headers=operator)
        ).json()
        found += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert refused.status_code == 403
    ours = [item for item in found if item["order_id"] == str(order_id)]
    assert [item["lines"] for item in ours] == [[{"product_id": str(product_id), "quantity": 4}]]
    assert len({str(item["order_id"]) for item in found}) == len(found)
