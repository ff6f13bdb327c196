"""Stock under everything at once: random lives of orders on several partitions, sellers counting and repricing."""

import asyncio
import random
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.catalog.handlers import handlers
from shared.contracts.base import Event
from shared.testing.delivery import deliver
from tests.catalog.conftest import Market, Seller
from tests.catalog.orders_say import asked_again, cancelled, confirmed, parcel_cancelled, placed, returned

BROKEN_RULES = """
SELECT 'reserved is not what open orders hold' AS rule, stock.product_id FROM stock
  LEFT JOIN (SELECT product_id, sum(quantity) AS held FROM reservations WHERE state = 'reserved' GROUP BY product_id)
       AS open USING (product_id)
 WHERE reserved <> coalesce(held, 0)
UNION ALL
SELECT 'sold is not what orders got', stock.product_id FROM stock
  LEFT JOIN (SELECT product_id, sum(quantity) AS got FROM reservations WHERE state = 'committed' GROUP BY product_id)
       AS gone USING (product_id)
  LEFT JOIN (SELECT product_id, sum(quantity) AS back
               FROM restocks, unnest(product_ids, quantities) AS line (product_id, quantity)
              WHERE kind = 'parcel' GROUP BY product_id) AS parcels USING (product_id)
 WHERE sold <> coalesce(got, 0) - coalesce(back, 0)
UNION ALL
SELECT 'the version of stock is not that of its product', product_id FROM stock JOIN products USING (product_id)
 WHERE stock.version <> products.version OR is_listed <> (state = 'listed')
"""


def life(chance: random.Random, products: list[UUID]) -> list[Event]:
    """What happens to one order, in its order; nothing says that it makes sense."""
    order_id = uuid4()
    lines = {product: chance.randint(1, 3) for product in chance.sample(products, chance.randint(1, 3))}
    some = dict([chance.choice(list(lines.items()))])
    said: list[Event] = [placed(order_id, lines, version=chance.choice([1, 99]))]
    for _ in range(chance.randint(1, 5)):
        said.append(
            chance.choice(
                [
                    confirmed(order_id),
                    cancelled(order_id),
                    asked_again(order_id, chance.randint(2, 4), lines),
                    parcel_cancelled(order_id, some),
                    returned(order_id, some),
                    said[-1],
                ]
            )
        )
    return said


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_nothing_is_oversold_lost_or_made(market: Market, seed: int) -> None:
    chance = random.Random(seed)
    seller = await market.seller()
    products = [await market.product(seller, stock=12) for _ in range(5)]

    async def partition(lives: list[list[Event]]) -> None:
        """Batches of a partition: the lives interleaved, each in its own order."""
        while any(lives):
            going = [each for each in lives if each]
            batch = [each.pop(0) for each in chance.sample(going, chance.randint(1, min(8, len(going))))]
            await deliver(market.db, handlers, *batch)

    await asyncio.gather(
        *(partition([life(chance, products) for _ in range(12)]) for _ in range(4)),
        *(count(market, seller, product, chance.randint(-2, 3)) for product in products * 4),
        *(reprice(market, seller, product) for product in products[:2]),
    )

    async with market.db.reading() as conn:
        broken = [dict(row) for row in await conn.fetch(BROKEN_RULES)]
    assert broken == []
    for product in products:
        stock = await market.stock(product)
        assert 0 <= stock["reserved"] <= stock["on_hand"]
        assert stock["on_hand"] + stock["sold"] - stock["returned"] == stock["received"]


async def count(market: Market, seller: Seller, product: UUID, change: int) -> None:
    answer: Any = await market.client.post(
        f"/v1/products/{product}/stock", json={"change": change}, headers=seller.headers
    )
    assert answer.status_code in (200, 409)


async def reprice(market: Market, seller: Seller, product: UUID) -> None:
    answer: Any = await market.client.put(
        f"/v1/products/{product}/price", json={"unit_price_minor": 5, "expected_version": 1}, headers=seller.headers
    )
    assert answer.status_code == 200
