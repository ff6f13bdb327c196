"""Steps that several tests begin with: a shop with a product, an order that is confirmed."""

from typing import Any
from uuid import UUID

from tests.orders.conftest import Market, Person, Shop


async def one_product(market: Market, price_minor: int = 10_000) -> tuple[Shop, UUID, Person]:
    """A shop, its product, and a buyer."""
    shop = await market.shop(price_minor)
    (product_id,) = shop.products
    return shop, product_id, market.person()


async def confirmed(market: Market, buyer: Person, lines: dict[UUID, int], *, method: str = "cod") -> dict[str, Any]:
    """An order that is confirmed; QRIS orders are paid."""
    if method == "cod":
        order = await market.place(buyer, lines)
        await market.reserve(order["order_id"])
    else:
        order = await market.payable(buyer, lines)
        await market.pay_at_sandbox(order["order_id"])
        assert (await market.notify(order["order_id"], order["total_minor"])).status_code == 200
    shown = await market.show(order["order_id"], buyer)
    assert shown["status"] == "confirmed", shown
    return shown
