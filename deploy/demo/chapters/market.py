"""The market's journey: from a spreadsheet to an order that is paid, shipped, delivered and completed."""

import asyncio
import contextlib
import csv
import io
import os
import random
import signal
from typing import Any
from urllib.parse import quote

import segno

from deploy.demo.acts import (
    BASKET_PIECES,
    PASSWORD,
    address,
    deliver,
    events_include,
    on_stage,
    other_province,
    pay,
    payable,
    place,
    plentiful,
    shops_on_stage,
)
from deploy.demo.world import Person, Shop, StoryBroke, World, new_key, new_trace, save, short
from deploy.local.stack import StackMissing
from shared import qris
from shared.money import rupiah

RACERS = 60
RACE_UNITS = 10
ORDERS_DURING_KILLS = 40
HOME_REGION = "36.73"  # the buyer lives in Kota Serang
IMPORT_COLUMNS = ("title", "description", "category", "unit_price_minor", "stock", "weight_grams")


async def sellers_import_products(world: World) -> None:
    """Each seller imports a spreadsheet."""
    for shop in world.shops:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(IMPORT_COLUMNS)
        writer.writerows([getattr(row, column) for column in IMPORT_COLUMNS] for row in shop.rows)
        answer = await world.call(
            "POST",
            "catalog",
            "/v1/imports",
            person=shop.seller,
            form={"shop_id": shop.shop_id},
            files={"file": ("produk.csv", text.getvalue().encode(), "text/csv")},
        )
        await _import_done(world, shop, answer["import_id"])
    value = 0
    for shop in world.shops:
        value += await _learn_products(world, shop)
    products = [product_id for shop in world.shops for product_id in shop.products.values()]
    count = sum(len(shop.rows) for shop in world.shops)
    await world.figure("products listed from spreadsheets", count, "catalog", "products", product_ids=products)
    await world.figure("what they offer is worth, in rupiah", value, "catalog", "stock_value", product_ids=products)
    await world.figure("the same products in orders' own copy", count, "orders", "offers", product_ids=products)


async def _import_done(world: World, shop: Shop, import_id: str) -> None:
    for _ in range(600):
        state = await world.call("GET", "catalog", f"/v1/imports/{import_id}", person=shop.seller)
        if state["state"] in ("done", "failed"):
            break
        await asyncio.sleep(0.05)
    if state["state"] != "done" or state["failed"] or state["done"] != len(shop.rows):
        raise StoryBroke(f"the import of {shop.name} ended as {state['state']}: {_faults(shop, state)}")


def _faults(shop: Shop, state: dict[str, Any]) -> str:
    """What catalog said of the rows, with the numbers that the seller's spreadsheet shows."""
    faults = [
        f"row {shop.rows[error['row'] - 2].number}, {error['column']}: {error['message']}" for error in state["errors"]
    ]
    return "; ".join(faults) or str(state["reason"])


async def _learn_products(world: World, shop: Shop) -> int:
    """The ids of a shop's products, as buyers see them; what they offer is worth, in rupiah."""
    cursor: str | None = ""
    titles = {row.title for row in shop.rows}  # the shop may have more, from an earlier file or by hand
    value = 0
    while cursor is not None:
        query = f"/v1/products?shop_id={shop.shop_id}&limit=100" + (f"&cursor={cursor}" if cursor else "")
        page = await world.call("GET", "catalog", query)
        for item in page["items"]:
            if item["title"] not in titles:
                continue
            shop.products[item["title"]] = item["product_id"]
            value += await _restock(world, shop, item) * item["unit_price_minor"]
        cursor = page["next_cursor"]
    if missing := titles - shop.products.keys():
        raise StoryBroke(f"{shop.name} does not list {', '.join(sorted(missing))}, which its file has")
    return value


async def _restock(world: World, shop: Shop, item: dict[str, Any]) -> int:
    """Bring back what an earlier demonstration sold, which a repeated import does not; how many there are then."""
    available = int(item["available"])
    lacking = max(0, next((row.stock for row in shop.rows if row.title == item["title"]), 0) - available)
    if lacking:
        path = f"/v1/products/{item['product_id']}/stock"
        await world.call("POST", "catalog", path, person=shop.seller, body={"change": lacking}, key=new_key())
    return available + lacking


async def buyer_finds_products(world: World) -> None:
    """A search with a typo finds the product."""
    target = world.shops[0].rows[0]
    typo = misspell(target.title)
    page = await world.call("GET", "catalog", f"/v1/products?q={quote(typo)}&limit=100")
    titles = [item["title"] for item in page["items"]]
    if target.title not in titles:
        raise StoryBroke(f"the search for {typo!r} found {titles}, not {target.title!r}")
    world.timeline.say(f"search “{typo}” finds “{titles[0]}” first, and “{target.title}” among {len(titles)}")


async def buyer_orders_from_two_shops(world: World) -> None:
    """A basket over two shops becomes one order; it is paid by QRIS."""
    buyer = world.buyers[0]
    for shop in (on_stage(world, 0), other_province(world)):
        for row in sorted(plentiful(shop)[:8], key=lambda row: row.weight_grams)[:2]:
            await world.call(
                "PUT",
                "orders",
                f"/v1/cart/items/{shop.products[row.title]}",
                person=buyer,
                body={"quantity": BASKET_PIECES},
            )
    cart = await world.call("GET", "orders", f"/v1/cart?region_code={HOME_REGION}", person=buyer)
    trace = new_trace()
    order = await world.call(
        "POST",
        "orders",
        "/v1/cart/checkout",
        person=buyer,
        body={"ship_to": address(HOME_REGION), "payment": {"method": "qris"}},
        key=new_key(),
        trace=trace,
        expect=(201,),
    )
    order_id = order["order_id"]
    parcels = order["parcels"]
    world.timeline.say(f"order {short(order_id)} is durable (201), {len(parcels)} parcels, trace {trace.trace_id}")
    for parcel in parcels:
        goods, shipping = rupiah(parcel["goods_minor"]), rupiah(parcel["shipping_minor"])
        world.timeline.detail(f"parcel {short(parcel['parcel_id'])}: goods {goods} + shipping {shipping}")
    await world.figure("total in rupiah", order["total_minor"], "orders", "order_total", order_id=order_id)
    if cart["total_minor"] != order["total_minor"]:
        raise StoryBroke(f"the basket said {cart['total_minor']}, the order says {order['total_minor']}")
    payment = await payable(world, buyer, order_id)
    payload = payment["qr_payload"]
    code = qris.read_qris(payload)
    world.timeline.say(f"stock is reserved; a dynamic QRIS code of {len(payload)} characters, CRC right")
    if code.amount != order["total_minor"]:
        raise StoryBroke(f"the QRIS code asks for {code.amount}, the order costs {order['total_minor']}")
    picture = io.BytesIO()
    segno.make(payload).save(picture, kind="svg", scale=6)
    path = save(world.stack.home / "demo", "qris.svg", picture.getvalue())
    world.timeline.detail(f"its picture: {path}")
    await pay(world, payload)
    await world.until(buyer, order_id, "confirmed")
    await world.figure("received in rupiah", order["total_minor"], "orders", "received", order_id=order_id)
    world.timeline.say("the provider's signed callback came; the order is confirmed, its stock is committed")
    await events_include(world, order_id, "catalog.stock_committed.v1")
    traces = await world.show_events(order_id)
    if set(traces) != {trace.trace_id}:
        raise StoryBroke(f"the trace {trace.trace_id} does not run through {traces}")
    world.main_order = order


async def parcels_travel(world: World) -> None:
    """Each shop ships its parcel; one is completed by the buyer, one by the clock."""
    buyer, order_id = world.buyers[0], world.main_order["order_id"]
    order = await world.order(buyer, order_id)
    for number, parcel in enumerate(order["parcels"]):
        shop = next(shop for shop in world.shops if shop.shop_id == parcel["shop_id"])
        person = world.packer if shop is on_stage(world, 0) else shop.seller
        tracking = await deliver(world, person, parcel["parcel_id"], number=number)
        world.timeline.say(f"{shop.name} shipped parcel {short(parcel['parcel_id'])} ({tracking}), it was delivered")
    first, *_ = order["parcels"]
    await world.call("POST", "orders", f"/v1/parcels/{first['parcel_id']}/complete", person=buyer, body={})
    world.timeline.say("the buyer confirmed the first parcel; the clock completes the other")
    await world.until(buyer, order_id, "completed", within_seconds=90)
    await world.figure(
        "parcels completed", len(order["parcels"]), "orders", "parcels_in", order_id=order_id, status="completed"
    )
    await world.figure(
        "of them by the clock", len(order["parcels"]) - 1, "orders", "completed_by_clock", order_id=order_id
    )


async def second_order_is_cancelled(world: World) -> None:
    """A second order is cancelled, and its stock comes back."""
    buyer, shop = world.buyers[0], on_stage(world, 1)
    row = plentiful(shop)[0]
    product_id = shop.products[row.title]
    before = await world.look("catalog", "available", product_id=product_id)
    order_id = await place(world, buyer, {product_id: 3}, method="qris")
    await world.until(buyer, order_id, "reserved")
    await world.figure("available while it is reserved", before - 3, "catalog", "available", product_id=product_id)
    await world.call("POST", "orders", f"/v1/orders/{order_id}/cancel", person=buyer, body={"reason": "buyer"})
    await world.until(buyer, order_id, "cancelled")
    await world.figure("available after it is cancelled", before, "catalog", "available", product_id=product_id)


async def payments_come_late(world: World) -> None:
    """A third order expires unpaid; money that comes too late buys the stock again, or goes back."""
    buyer, shop = world.buyers[0], on_stage(world, 2)
    rows = plentiful(shop)
    plenty, scarce = shop.products[rows[0].title], shop.products[rows[1].title]
    left = await world.look("catalog", "available", product_id=scarce)
    await world.call(
        "POST", "catalog", f"/v1/products/{scarce}/stock", person=shop.seller, body={"change": 1 - left}, key=new_key()
    )
    reclaimed = await place(world, buyer, {plenty: 1}, method="qris")
    refunded = await place(world, buyer, {scarce: 1}, method="qris")
    codes = {order_id: (await payable(world, buyer, order_id))["qr_payload"] for order_id in (reclaimed, refunded)}
    world.timeline.say("two orders wait for their money, and do not get it")
    for order_id in codes:
        order = await world.until(buyer, order_id, "cancelled", within_seconds=120)
    world.timeline.say("both expired unpaid; their stock came back")
    rival = Person("Pak Budi", f"budi-{new_key()[:8]}@contoh.id")
    await world.sign_up_by_email(rival, PASSWORD)
    taken = await place(world, rival, {scarce: 1}, method="cod")
    await world.until(rival, taken, "confirmed")
    for code in codes.values():
        await pay(world, code, even_if_expired=True)
    await world.until(buyer, reclaimed, "confirmed")
    world.timeline.say("late money for what is still there: reserved again and confirmed")
    await events_include(world, reclaimed, "orders.reservation_requested.v1")
    order = await world.order(buyer, refunded)
    await world.figure(
        "late money for what is gone, refunded in rupiah", order["total_minor"], "orders", "refunded", order_id=refunded
    )


async def sixty_race_for_ten(world: World) -> None:
    """60 buyers race for the last 10 units: exactly 10 get them."""
    shop = on_stage(world, 3)
    product_id = shop.products[plentiful(shop)[0].title]
    left = await world.look("catalog", "available", product_id=product_id)
    await world.call(
        "POST",
        "catalog",
        f"/v1/products/{product_id}/stock",
        person=shop.seller,
        body={"change": RACE_UNITS - left},
        key=new_key(),
    )
    racers = [Person(f"Pembeli {n}", f"pembeli-{n}-{new_key()[:8]}@contoh.id") for n in range(RACERS)]
    await asyncio.gather(*(world.sign_up_by_email(racer, PASSWORD) for racer in racers))
    world.buyers.extend(racers)
    world.timeline.say(f"{RACERS} buyers are signed in; {RACE_UNITS} units are left")
    order_ids = await asyncio.gather(*(place(world, racer, {product_id: 1}, method="cod") for racer in racers))
    final = await asyncio.gather(
        *(
            world.until(racer, order_id, "confirmed", "cancelled")
            for racer, order_id in zip(racers, order_ids, strict=True)
        )
    )
    winners = sum(order["status"] == "confirmed" for order in final)
    if winners != RACE_UNITS:
        raise StoryBroke(f"{winners} of {RACERS} buyers got the last {RACE_UNITS} units")
    await world.figure(
        "buyers who got one", winners, "orders", "orders_in", order_ids=list(order_ids), status="confirmed"
    )
    await world.figure("units left", 0, "catalog", "on_hand", product_id=product_id)


async def services_are_killed(world: World) -> None:
    """Services are killed with -9 in the middle, and all orders still end right."""
    rng = random.Random(len(world.buyers))
    shops = shops_on_stage(world)
    pieces = [
        shop.products[row.title]
        for shop in shops[4:] or shops
        for row in plentiful(shop)[2:]  # the first two have had their part
        for _ in range(row.stock - BASKET_PIECES)
    ]
    bought = rng.sample(pieces, min(ORDERS_DURING_KILLS, len(pieces)))
    buyers = world.buyers[1:]

    async def one(number: int) -> tuple[Person, str]:
        buyer = buyers[number % len(buyers)]
        await asyncio.sleep(number * 0.05)
        return buyer, await place(world, buyer, {bought[number]: 1}, method="cod", retry_down_seconds=60)

    async def kills() -> None:
        for delay, victim in ((0.6, "catalog"), (0.8, "orders"), (0.4, "orders-worker")):
            await asyncio.sleep(delay)
            with contextlib.suppress(StackMissing):  # orders may run as one process
                os.kill(world.stack.pid_of(victim), signal.SIGKILL)
                world.timeline.say(f"kill -9 {victim}")

    *placed, _ = await asyncio.gather(*(one(number) for number in range(len(bought))), kills())
    orders = [pair for pair in placed if pair is not None]
    await asyncio.gather(*(world.until(buyer, order_id, "confirmed", within_seconds=90) for buyer, order_id in orders))
    await world.figure(
        "orders placed while services died, all confirmed",
        len(orders),
        "orders",
        "orders_in",
        order_ids=[order_id for _, order_id in orders],
        status="confirmed",
    )


def misspell(title: str) -> str:
    """The title's first two words as a hurried thumb types them: a letter in the middle of the longest is lost."""
    words = title.split()[:2]
    longest = max(words, key=len)
    middle = len(longest) // 2
    return " ".join(w[:middle] + w[middle + 1 :] if w == longest else w for w in words).lower()
