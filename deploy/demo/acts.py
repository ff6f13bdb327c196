"""What several chapters do: choose a shop, order, pay, ship, wait. Each act is what a person would do over HTTP."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from deploy.demo.world import Person, Shop, StoryBroke, Trace, World, new_key
from deploy.seed.read import Seed, SeedRow

PASSWORD = "lumbung-padi-2026"  # noqa: S105  of invented people in a demonstration
# What a spreadsheet must have for every part of the story; further shops may have less.
SHOPS_ON_STAGE_MIN, ENOUGH_PRODUCTS, ENOUGH_PIECES = 2, 4, 5
BASKET_PIECES = 2
SHIP_TO = "18.71"  # where direct orders go


def address(region_code: str) -> dict[str, str]:
    """Where an invented buyer lives."""
    return {
        "name": "Ibu Sari",
        "phone": "+6281290000001",
        "address": "Jalan Veteran 12",
        "region_code": region_code,
        "postal_code": "42111",
    }


def shops_on_stage(world: World) -> list[Shop]:
    """The shops with enough for every part; a small market has two of them, whose parts then come in turn."""
    return [shop for shop in world.shops if is_well_stocked(shop.rows)]


def on_stage(world: World, part: int) -> Shop:
    """The shop that plays this part."""
    shops = shops_on_stage(world)
    return shops[part % len(shops)]


def is_well_stocked(rows: Sequence[SeedRow]) -> bool:
    """A shop's rows are enough for a part."""
    return sum(row.stock >= ENOUGH_PIECES for row in rows) >= ENOUGH_PRODUCTS


def what_is_missing(seed: Seed) -> str | None:
    """Why the story cannot be told with these rows, in one sentence."""
    rows_by_shop: dict[str, list[SeedRow]] = defaultdict(list)
    for row in seed.rows:
        rows_by_shop[row.shop_name].append(row)
    found = sum(is_well_stocked(rows) for rows in rows_by_shop.values())
    if found >= SHOPS_ON_STAGE_MIN:
        return None
    return (
        f"the story needs {SHOPS_ON_STAGE_MIN} shops that have {ENOUGH_PRODUCTS} products with a stock of "
        f"{ENOUGH_PIECES} or more; here are {found}"
    )


def plentiful(shop: Shop) -> list[SeedRow]:
    """A shop's rows, best stocked first."""
    return sorted(shop.rows, key=lambda row: (-row.stock, row.number))


def other_province(world: World) -> Shop:
    """A shop far from the first one, or else just another one."""
    first, *others = shops_on_stage(world)
    return next((s for s in others if s.region_code[:2] != first.region_code[:2]), others[0])


def shop_ids(world: World) -> list[str]:
    """The shops of this story."""
    return [shop.shop_id for shop in world.shops]


async def place(
    world: World,
    buyer: Person,
    quantities: dict[str, int],
    *,
    method: str,
    cooperative_id: str | None = None,
    trace: Trace | None = None,
    retry_down_seconds: float = 0,
) -> str:
    """Order directly, without a basket; the order's id."""
    lines = [{"product_id": product_id, "quantity": quantity} for product_id, quantity in quantities.items()]
    payment = {"method": method} | ({"cooperative_id": cooperative_id} if cooperative_id else {})
    answer = await world.call(
        "POST",
        "orders",
        "/v1/orders",
        person=buyer,
        body={"lines": lines, "ship_to": address(SHIP_TO), "payment": payment},
        key=new_key(),
        trace=trace,
        expect=(201,),
        retry_down_seconds=retry_down_seconds,
    )
    return str(answer["order_id"])


async def payable(world: World, buyer: Person, order_id: str) -> dict[str, Any]:
    """The payment of an order once it has a QRIS code."""
    for _ in range(200):
        order = await world.order(buyer, order_id)
        payment: dict[str, Any] = order["payment"]
        if payment.get("qr_payload"):
            return payment
        await asyncio.sleep(0.1)
    raise StoryBroke(f"order {order_id} ({order['status']}) got no QRIS code")


async def pay(world: World, payload: str, *, even_if_expired: bool = False) -> None:
    """The buyer scans the code with the sandbox's banking app."""
    answer = await world.http.post(
        world.stack.url("payments") + "/sandbox/pay", json={"qrContent": payload, "even_if_expired": even_if_expired}
    )
    if answer.status_code >= 300:
        raise StoryBroke(f"the sandbox refused the payment: {answer.status_code} {answer.text}")


async def events_include(world: World, order_id: str, kind: str) -> None:
    """Wait until an event of this kind is in the log."""
    for _ in range(200):
        if kind in {event["type"] for event in await world.events_of(order_id)}:
            return
        await asyncio.sleep(0.1)
    raise StoryBroke(f"no {kind} for order {order_id}")


async def sell(
    world: World,
    shop: Shop,
    buyer: Person,
    quantities: dict[str, int],
    *,
    method: str = "qris",
    cooperative_id: str | None = None,
    trace: Trace | None = None,
) -> Any:
    """An order of one shop from its click to its completion, as its buyer sees it then."""
    order_id = await place(world, buyer, quantities, method=method, cooperative_id=cooperative_id, trace=trace)
    if method == "qris":
        await pay(world, (await payable(world, buyer, order_id))["qr_payload"])
    order = await world.until(buyer, order_id, "confirmed")
    for parcel in order["parcels"]:
        await deliver(world, shop.seller, parcel["parcel_id"])
        await world.call("POST", "orders", f"/v1/parcels/{parcel['parcel_id']}/complete", person=buyer, body={})
    return await world.until(buyer, order_id, "completed")


async def deliver(world: World, person: Person, parcel_id: str, *, number: int = 0) -> str:
    """The parcel is shipped and reaches the buyer; its tracking number."""
    tracking = f"LMB{number + 1:06d}"
    path = f"/v1/parcels/{parcel_id}"
    body = {"carrier": "Pos Contoh", "tracking": tracking}
    await world.call("POST", "orders", f"{path}/ship", person=person, body=body)
    await world.call("POST", "orders", f"{path}/deliver", person=person, body={})
    return tracking


async def stocked(world: World, shop: Shop, pieces: int, *, part: int = 0) -> str:
    """A product of the shop with so many pieces: an early one of its spreadsheet, restocked if need be."""
    row = shop.rows[part % len(shop.rows)]
    product_id = shop.products[row.title]
    lacking = pieces - await world.look("catalog", "available", product_id=product_id)
    if lacking > 0:
        path = f"/v1/products/{product_id}/stock"
        await world.call("POST", "catalog", path, person=shop.seller, body={"change": lacking}, key=new_key())
    return product_id
