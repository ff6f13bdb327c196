"""Money: an order paid from savings, refunds before and after payout, batches that two persons send to a bank."""

import asyncio
import secrets
from typing import Any

from deploy.demo.acts import PASSWORD, SHIP_TO, on_stage, sell, stocked
from deploy.demo.chapters.cooperative import deposit
from deploy.demo.world import Shop, StoryBroke, World, new_key, save, short
from shared.calendar import day_of
from shared.clock import utc_now
from shared.money import rupiah

RETURNED_ONCE = "94"  # how an account number ends that the bank sandbox pays at the second try
STATEMENT_LINES = 6


async def savings_pay(world: World) -> None:
    """A member puts money aside and buys from a fellow member with it."""
    club, buyer, shop = world.club, world.buyers[0], member_shop(world, 1)
    member_id = club.members[buyer.contact]
    product_id = await stocked(world, shop, 4)
    item = f"/v1/cart/items/{product_id}"
    await world.call("PUT", "orders", item, person=buyer, body={"quantity": 3})
    basket = await world.call("GET", "orders", f"/v1/cart?region_code={SHIP_TO}", person=buyer)
    await world.call("DELETE", "orders", item, person=buyer)
    aside = basket["total_minor"] * 3 // 2  # half as much again stays saved
    paid = await deposit(world, club.treasurer, member_id, "voluntary", aside)
    order = await sell(world, shop, buyer, {product_id: 3}, method="savings", cooperative_id=club.cooperative_id)
    world.savings_order = order
    world.timeline.say(f"{buyer.name} buys from {shop.name}: {rupiah(order['total_minor'])} out of savings, by events")
    shown = await world.call("GET", "cooperatives", f"/v1/me/savings?member_id={member_id}", person=buyer)
    saved = await world.call("GET", "cooperatives", f"{club.path}/members/{member_id}", person=club.chair)
    left = paid["balance_minor"] - order["total_minor"]
    if saved["voluntary_minor"] != left:
        raise StoryBroke(f"{left} of savings should be left, the office sees {saved['voluntary_minor']}")
    await world.figure(
        f"savings left in rupiah, after {len(shown['items'])} movements",
        saved["voluntary_minor"],
        "cooperatives",
        "voluntary",
        member_id=member_id,
    )
    await world.figure(
        "what orders claims from the cooperative for it",
        order["total_minor"],
        "orders",
        "ledger_balance",
        code=f"clearing:savings:{club.cooperative_id}",
    )


async def refund_before_payout(world: World) -> None:
    """A piece was broken: refunded by line, before anything is paid out."""
    shop = on_stage(world, 0)
    await _refund(world, shop, pieces=1, reason="damaged")
    await balance(world, shop, f"{shop.name} is to get in rupiah, after commission")


async def payouts_go_out(world: World) -> None:
    """A batch is drafted by one operator, approved by the other, sent to the bank, and answered by it."""
    for number, shop in enumerate(paid_shops(world)):
        await _bank_account(world, shop, ends_with=RETURNED_ONCE if number == 1 else "10")
    batch = await payout(world)
    by_shop = {line["payee_id"]: line for line in batch["payouts"]}
    first, second, *_ = paid_shops(world)
    if by_shop[second.shop_id]["status"] != "returned":
        raise StoryBroke(f"the bank was to return the line of {second.name}: {by_shop[second.shop_id]}")
    reason = by_shop[second.shop_id]["returned_reason"]
    world.timeline.say(f"the bank returned the line of {second.name} ({reason}): it is to get the money again")
    await balance(world, second, "which in rupiah is")
    await balance(world, first, f"{first.name} was paid, and is to get")
    await _statement(world, first)


async def refund_after_payout(world: World) -> None:
    """Another piece comes back after the money has left: the shop owes it to the next payout."""
    shop = on_stage(world, 0)
    await _refund(world, shop, pieces=1, reason="damaged")
    owed = await balance(world, shop, f"{shop.name} has been paid already, so its balance in rupiah is")
    if owed >= 0:
        raise StoryBroke(f"a refund after payout leaves {shop.name} with {owed}")


async def payout(world: World) -> Any:
    """A batch from its draft to the bank's last answer. Who drafted it may not approve it."""
    drafter, approver = world.operators
    today = day_of(utc_now()).isoformat()
    body = {"up_to_date": today}
    drafted = await world.call("POST", "orders", "/v1/payouts", person=drafter, body=body, key=new_key())
    batch_id = drafted["batch"]["batch_id"]
    path = f"/v1/payouts/{batch_id}"
    refusal = await world.call("POST", "orders", f"{path}/approve", person=drafter, key=new_key(), expect=(403, 409))
    world.timeline.say(f"batch {short(batch_id)} is drafted; refused to its own drafter: {refusal['title']}")
    await world.call("POST", "orders", f"{path}/approve", person=approver, key=new_key())
    batch: Any = {}
    for _ in range(150):
        batch = await world.call("GET", "orders", path, person=approver)
        if batch["batch"]["status"] == "closed":
            break
        await asyncio.sleep(0.1)
    else:
        raise StoryBroke(f"the bank did not answer batch {batch_id}: {batch['batch']}")
    await _bank_file(world, batch)
    lines = [*batch["payouts"], *batch["remittances"]]
    for status in ("paid", "returned"):
        amount_minor = sum(line["amount_minor"] for line in lines if line["status"] == status)
        await world.figure(
            f"{status} by the bank in rupiah", amount_minor, "orders", "answered", batch_id=batch_id, status=status
        )
    return batch


async def _bank_file(world: World, batch: Any) -> None:
    """The file as an operator reads it at the command line, line by line what the batch says."""
    batch_id = batch["batch"]["batch_id"]
    arguments = ("payouts", "file", batch_id, "--as", world.operators[1].contact, "--password-stdin")
    text = await world.command(*arguments, stdin=PASSWORD + "\n")
    path = save(world.stack.home / "demo", f"payouts-{batch_id[-6:]}.csv", text)
    path.chmod(0o600)
    records = [line.split(",") for line in text.splitlines()]
    total = sum(int(record[-1]) for record in records if record[0] == "D")
    if total != batch["batch"]["file_total_minor"]:
        raise StoryBroke(f"the bank file sums to {total}, the batch says {batch['batch']['file_total_minor']}")
    await world.figure(
        f"the bank file ({len(records) - 2} lines, {path.name}) sums to, in rupiah",
        total,
        "orders",
        "bank_file_total",
        batch_id=batch_id,
    )


async def balance(world: World, shop: Shop, text: str) -> int:
    """What a shop's statement closes with, which the ledger's entries sum to."""
    shown = await world.call("GET", "orders", f"/v1/shops/{shop.shop_id}/statement", person=shop.seller)
    closing: int = shown["closing_minor"]
    await world.figure(text, closing, "orders", "ledger_balance", code=f"payee:{shop.shop_id}")
    return closing


async def _statement(world: World, shop: Shop) -> None:
    """Each rupiah of the statement leads to an order, and to the event that told of it."""
    path = f"/v1/shops/{shop.shop_id}/statement?limit=100"
    shown = await world.call("GET", "orders", path, person=shop.seller)
    for line in shown["items"]:
        if line["event_id"] is None or (line["order_id"] or line["payout_id"]) is None:
            raise StoryBroke(f"a line of the statement leads nowhere: {line}")
    event_ids = sorted(line["event_id"] for line in shown["items"])
    await world.figure(
        f"lines in the statement of {shop.name}, each with its event in the log",
        len(event_ids),
        "orders",
        "events_logged",
        event_ids=event_ids,
    )
    for line in shown["items"][-STATEMENT_LINES:]:
        where = f"order {short(line['order_id'])}" if line["order_id"] else f"payout {short(line['payout_id'])}"
        made = line["made_of"]
        parts = (
            f" = {rupiah(made['goods_minor'])} + {rupiah(made['shipping_minor'])} shipping"
            f" - {rupiah(made['commission_minor'])} commission - {rupiah(made['tax_minor'])} tax"
            if made
            else ""
        )
        amount, after = rupiah(line["amount_minor"]), rupiah(line["balance_minor"])
        world.timeline.detail(
            f"{line['kind']:<12} {amount:>12} → {after:>12}  {where}, event {line['event_id']}{parts}"
        )


async def _bank_account(world: World, shop: Shop, *, ends_with: str) -> None:
    path = f"/v1/shops/{shop.shop_id}/bank-account"
    known = await world.call("GET", "orders", path, person=shop.seller, expect=(200, 404))
    if "account_number" in known:
        return  # a change would hold payouts for days
    body = {
        "bank_code": "002",
        "account_number": f"{secrets.randbelow(10**8):08d}{ends_with}",
        "holder_name": shop.seller.name.upper(),
    }
    await world.call("PUT", "orders", path, person=shop.seller, body=body)


async def _refund(world: World, shop: Shop, *, pieces: int, reason: str) -> None:
    """So many pieces of the shop's dearest line in the main order go back."""
    order_id = world.main_order["order_id"]
    before = await world.look("orders", "refunded", order_id=order_id)
    mine = await world.rows("orders", "lines_of_shop", order_id=order_id, shop_id=shop.shop_id)
    line = mine[-1]
    body = {"lines": [{"product_id": str(line["product_id"]), "quantity": pieces}], "reason": reason}
    path = f"/v1/orders/{order_id}/refunds"
    await world.call("POST", "orders", path, person=shop.seller, body=body, key=new_key())
    await world.figure(
        f"given back to the buyer of order {short(order_id)} so far, in rupiah",
        before + pieces * line["unit_price_minor"],
        "orders",
        "refunded",
        order_id=order_id,
    )


def member_shop(world: World, number: int) -> Shop:
    """A shop under the cooperative; the first of them is on stage first."""
    return [shop for shop in world.shops if shop.is_of_club][number]


def paid_shops(world: World) -> list[Shop]:
    """Shops that have sold something so far: both of the cooperative's and the other of the main order."""
    sold = {parcel["shop_id"] for parcel in world.main_order["parcels"]}
    first, second = member_shop(world, 0), member_shop(world, 1)
    others = [shop for shop in world.shops if shop.shop_id in sold and shop not in (first, second)]
    return [first, second, *others]
