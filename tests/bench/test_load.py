"""The orders that the load generator places are of the workload that its plan names."""

import json
import random

import pytest

from bench.load import Plan, order_request

SHELVES = [[f"{shop}-{number}" for number in range(5)] for shop in range(4)]


@pytest.mark.parametrize("shops", [1, 3])
def test_lines_are_different_products_of_as_many_shops_as_planned(shops: int) -> None:
    plan = Plan("127.0.0.1", 1, 1, 1, "orders", shelves=SHELVES, shops=shops)
    rng = random.Random(1)
    for _ in range(50):
        _, _, body = order_request(plan, "token", rng).partition(b"\r\n\r\n")
        products = [line["product_id"] for line in json.loads(body)["lines"]]
        assert len(set(products)) == plan.lines
        assert len({product.partition("-")[0] for product in products}) == shops
