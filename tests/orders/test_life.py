"""The life of orders: stock answers, money in time, late, twice and wrong, cancelling, races."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from shared import qris, snap
from shared.clock import utc_now
from shared.contracts.orders import (
    OrderCancelled,
    OrderConfirmed,
    OrderPaid,
    ParcelCancelled,
    RefundMade,
    ReservationRequested,
)
from tests.orders.conftest import Market
from tests.orders.moves import confirmed, one_product

# stock


async def test_a_cod_order_is_confirmed_when_its_stock_is_reserved(market: Market) -> None:
    _, product_id, buyer = await one_product(market)

    order = await market.place(buyer, {product_id: 1})
    await market.reserve(order["order_id"])

    shown = await market.show(order["order_id"], buyer)
    assert shown["status"] == "confirmed" and shown["payment"]["status"] == "at_delivery"
    assert len(await market.events(OrderConfirmed, order["order_id"])) == 1
    assert await market.events(OrderPaid, order["order_id"]) == []


async def test_a_refused_order_ends_and_says_what_was_short(market: Market) -> None:
    _, product_id, buyer = await one_product(market)

    order = await market.place(buyer, {product_id: 1})
    await market.refuse(order["order_id"], product_id)

    shown = await market.show(order["order_id"], buyer)
    assert (shown["status"], shown["cancel_reason"]) == ("cancelled", "out_of_stock")
    assert shown["shortages"] == [{"product_id": str(product_id), "reason": "sold_out", "available": 0}]
    assert [parcel["status"] for parcel in shown["parcels"]] == ["cancelled"]
    (event,) = await market.events(OrderCancelled, order["order_id"])
    assert event.reason == "out_of_stock"


async def test_stale_and_unexpected_stock_answers_change_nothing(market: Market) -> None:
    _, product_id, buyer = await one_product(market)
    order = await market.place(buyer, {product_id: 1})

    await market.reserve(order["order_id"], attempt=2)
    still_placed = await market.show(order["order_id"], buyer)
    await market.post(f"/v1/orders/{order['order_id']}/cancel", buyer, {"reason": "buyer"})
    await market.reserve(order["order_id"])
    await market.refuse(order["order_id"], product_id)
    await market.reserve(str(uuid4()))

    assert still_placed["status"] == "placed"
    shown = await market.show(order["order_id"], buyer)
    assert (shown["status"], shown["cancel_reason"]) == ("cancelled", "buyer")
    assert len(await market.events(OrderCancelled, order["order_id"])) == 1
    assert await market.events(OrderConfirmed, order["order_id"]) == []


# money


async def test_a_qris_order_is_charged_when_reserved_and_confirmed_when_paid(market: Market) -> None:
    _, product_id, buyer = await one_product(market)

    order = await market.payable(buyer, {product_id: 2})
    code = qris.read_qris(order["payment"]["qr_payload"])
    first = await market.notify(order["order_id"], order["total_minor"])
    again = await market.notify(order["order_id"], order["total_minor"])

    assert order["status"] == "reserved" and order["payment"]["status"] == "open"
    assert code.amount == order["total_minor"]
    assert first.status_code == again.status_code == 200
    assert first.json() == {"responseCode": "2005200", "responseMessage": "Successful"}
    shown = await market.show(order["order_id"], buyer)
    assert shown["status"] == "confirmed" and shown["payment"]["status"] == "paid"
    assert shown["payment"]["qr_payload"] is None
    (paid,) = await market.events(OrderPaid, order["order_id"])
    assert paid.amount_minor == order["total_minor"] and paid.payment_method == "qris"
    assert len(await market.events(OrderConfirmed, order["order_id"])) == 1


async def test_a_virtual_account_order_gets_a_number_to_pay_to(market: Market) -> None:
    _, product_id, buyer = await one_product(market)

    order = await market.place(buyer, {product_id: 1}, method="va")
    await market.reserve(order["order_id"])
    await market.make_calls()

    shown = await market.show(order["order_id"], buyer)
    assert shown["payment"]["account_number"] and shown["payment"]["qr_payload"] is None


async def test_no_charge_is_made_for_an_order_that_was_cancelled_meanwhile(market: Market) -> None:
    _, product_id, buyer = await one_product(market)
    order = await market.place(buyer, {product_id: 1}, method="qris")
    await market.reserve(order["order_id"])

    await market.post(f"/v1/orders/{order['order_id']}/cancel", buyer)
    await market.make_calls()

    assert await market.reference_of(order["order_id"]) == "None"


async def spoil(market: Market, order: dict[str, Any], how: str) -> Any:
    order_id, total_minor = order["order_id"], order["total_minor"]
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    old = snap.format_timestamp(utc_now().replace(year=2025))
    spoilt: dict[str, dict[str, Any]] = {
        "another key": {"key": stranger},
        "another body": {"body": b'{"originalPartnerReferenceNo": "x"}'},
        "an old time": {"timestamp": old},
        "another time than signed": {"X-TIMESTAMP": snap.format_timestamp(utc_now().replace(microsecond=0)) + " "},
        "no signature": {"X-SIGNATURE": None},
        "a broken signature": {"X-SIGNATURE": "AAAA"},
        "another partner": {"X-PARTNER-ID": "somebody"},
    }
    return await market.notify(order_id, total_minor, **spoilt[how])


@pytest.mark.parametrize(
    "how",
    [
        "another key",
        "another body",
        "an old time",
        "another time than signed",
        "no signature",
        "a broken signature",
        "another partner",
    ],
)
async def test_a_forged_notification_changes_nothing(market: Market, how: str) -> None:
    _, product_id, buyer = await one_product(market)
    order = await market.payable(buyer, {product_id: 1})
    before = (await market.count("receipts"), await market.count("outbox"))

    answer = await spoil(market, order, how)

    assert answer.status_code == 401 and answer.json()["type"].endswith("bad-signature")
    assert (await market.show(order["order_id"], buyer))["status"] == "reserved"
    assert (await market.count("receipts"), await market.count("outbox")) == before


async def test_a_notification_for_an_unknown_charge_is_refused(market: Market) -> None:
    answer = await market.notify(str(uuid4()), 1_000, reference="Q123")

    assert answer.status_code == 404 and answer.json()["type"].endswith("unknown-charge")


async def test_a_notification_that_another_merchants_money_paid_for_our_order_is_refused(market: Market) -> None:
    _, product_id, buyer = await one_product(market)
    order = await market.payable(buyer, {product_id: 1})
    before = (await market.count("receipts"), await market.count("outbox"))

    answer = await market.notify(order["order_id"], order["total_minor"], reference="Q-OF-ANOTHER-MERCHANT")

    assert answer.status_code == 404 and answer.json()["type"].endswith("unknown-charge")
    assert (await market.show(order["order_id"], buyer))["status"] == "reserved"
    assert (await market.count("receipts"), await market.count("outbox")) == before


async def test_a_notification_for_an_order_without_a_charge_is_refused(market: Market) -> None:
    _, product_id, buyer = await one_product(market)
    order = await market.place(buyer, {product_id: 1}, method="cod")

    answer = await market.notify(order["order_id"], order["total_minor"], reference="Q-OF-ANOTHER-MERCHANT")

    assert answer.status_code == 404 and answer.json()["type"].endswith("unknown-charge")
    assert (await market.show(order["order_id"], buyer))["payment"]["received_minor"] == 0


async def test_a_wrong_amount_does_not_confirm_and_goes_back(market: Market) -> None:
    _, product_id, buyer = await one_product(market)
    order = await market.payable(buyer, {product_id: 1})
    await market.pay_at_sandbox(order["order_id"], amount=order["total_minor"] - 1)

    answer = await market.notify(order["order_id"], order["total_minor"] - 1)
    await market.make_calls()

    assert answer.status_code == 200
    shown = await market.show(order["order_id"], buyer)
    assert shown["status"] == "reserved" and shown["payment"]["received_minor"] == 0
    assert [(r["amount_minor"], r["reason"], r["status"]) for r in shown["refunds"]] == [
        (order["total_minor"] - 1, "wrong_amount", "made")
    ]
    assert "payment_wrong_amount" in [moment["what"] for moment in shown["timeline"]]
    (event,) = await market.events(RefundMade, order["order_id"])
    assert event.amount_minor == order["total_minor"] - 1
    assert await market.events(OrderPaid, order["order_id"]) == []


async def test_money_that_comes_twice_goes_back_once(market: Market) -> None:
    _, product_id, buyer = await one_product(market)
    order = await confirmed(market, buyer, {product_id: 1}, method="qris")

    await market.receive(order["order_id"], order["total_minor"], reference="Q-ANOTHER-PAYMENT")

    shown = await market.show(order["order_id"], buyer)
    assert shown["status"] == "confirmed"
    assert [(r["amount_minor"], r["reason"]) for r in shown["refunds"]] == [(order["total_minor"], "duplicate")]
    assert len(await market.events(OrderPaid, order["order_id"])) == 1


async def test_an_order_that_nobody_pays_expires_after_the_provider_was_asked(market: Market) -> None:
    _, product_id, buyer = await one_product(market)
    order = await market.payable(buyer, {product_id: 1})

    await market.overdue(order["order_id"])
    await market.sweeper.sweep()
    still = await market.show(order["order_id"], buyer)
    await market.make_calls()

    assert still["status"] == "reserved"
    shown = await market.show(order["order_id"], buyer)
    assert (shown["status"], shown["cancel_reason"]) == ("cancelled", "unpaid")
    (event,) = await market.events(OrderCancelled, order["order_id"])
    assert event.reason == "unpaid"


async def test_a_lost_notification_loses_no_paid_order(market: Market) -> None:
    _, product_id, buyer = await one_product(market)
    order = await market.payable(buyer, {product_id: 1})
    await market.pay_at_sandbox(order["order_id"])

    await market.expire(order["order_id"])

    assert (await market.show(order["order_id"], buyer))["status"] == "confirmed"
    assert await market.events(OrderCancelled, order["order_id"]) == []


async def test_an_order_ends_when_the_provider_does_not_answer_in_time(market: Market) -> None:
    _, product_id, buyer = await one_product(market)
    order = await market.payable(buyer, {product_id: 1})

    for _ in range(2):
        await market.overdue(order["order_id"])
        await market.sweeper.sweep()

    assert (await market.show(order["order_id"], buyer))["cancel_reason"] == "unpaid"


async def test_late_money_gets_the_stock_again_when_there_is_some(market: Market) -> None:
    _, product_id, buyer = await one_product(market)
    order = await market.payable(buyer, {product_id: 2})
    await market.expire(order["order_id"])

    await market.pay_at_sandbox(order["order_id"], even_if_expired=True)
    await market.notify(order["order_id"], order["total_minor"])
    asking = await market.show(order["order_id"], buyer)
    await market.reserve(order["order_id"], attempt=1)
    await market.reserve(order["order_id"], attempt=2)

    assert asking["status"] == "reclaiming"
    (request,) = await market.events(ReservationRequested, order["order_id"])
    assert request.attempt == 2 and [(line.product_id, line.quantity) for line in request.lines] == [(product_id, 2)]
    shown = await market.show(order["order_id"], buyer)
    assert shown["status"] == "confirmed" and shown["cancel_reason"] is None
    assert [parcel["status"] for parcel in shown["parcels"]] == ["pending"]
    assert len(await market.events(OrderConfirmed, order["order_id"])) == 1
    assert len(await market.events(OrderPaid, order["order_id"])) == 1


async def test_late_money_goes_back_when_the_stock_is_gone(market: Market) -> None:
    _, product_id, buyer = await one_product(market)
    order = await market.payable(buyer, {product_id: 1})
    await market.expire(order["order_id"])
    await market.pay_at_sandbox(order["order_id"], even_if_expired=True)
    await market.notify(order["order_id"], order["total_minor"])

    await market.refuse(order["order_id"], product_id, attempt=2)
    await market.make_calls()

    shown = await market.show(order["order_id"], buyer)
    assert (shown["status"], shown["cancel_reason"]) == ("cancelled", "paid_too_late")
    (refund,) = await market.events(RefundMade, order["order_id"])
    assert (refund.amount_minor, refund.reason) == (order["total_minor"], "paid_too_late")
    assert [event.reason for event in await market.events(OrderCancelled, order["order_id"])] == [
        "unpaid",
        "paid_too_late",
    ]
    assert await market.events(OrderPaid, order["order_id"]) == []


async def test_money_for_an_order_that_its_buyer_cancelled_goes_back(market: Market) -> None:
    _, product_id, buyer = await one_product(market)
    order = await market.payable(buyer, {product_id: 1})
    await market.pay_at_sandbox(order["order_id"])
    await market.post(f"/v1/orders/{order['order_id']}/cancel", buyer)

    await market.make_calls()  # ends the charge: the provider says it is paid, is asked how much, and gives it back

    shown = await market.show(order["order_id"], buyer)
    assert shown["status"] == "cancelled"
    (refund,) = await market.events(RefundMade, order["order_id"])
    assert (refund.amount_minor, refund.reason) == (order["total_minor"], "after_cancel")
    assert await market.events(ReservationRequested, order["order_id"]) == []


# cancelling


async def test_the_buyer_cancels_a_paid_order_before_it_is_shipped(market: Market) -> None:
    _, product_id, buyer = await one_product(market)
    order = await confirmed(market, buyer, {product_id: 1}, method="qris")

    answer = await market.post(f"/v1/orders/{order['order_id']}/cancel", buyer, {"reason": "berubah pikiran"})
    again = await market.post(f"/v1/orders/{order['order_id']}/cancel", buyer)
    await market.make_calls()

    assert (answer.status_code, answer.json()) == (200, {"status": "cancelled"})
    assert again.status_code == 409
    (parcel,) = await market.events(ParcelCancelled, order["order_id"])
    assert [(line.product_id, line.quantity) for line in parcel.lines] == [(product_id, 1)]
    (refund,) = await market.events(RefundMade, order["order_id"])
    assert refund.amount_minor == order["total_minor"]
    assert len(await market.events(OrderCancelled, order["order_id"])) == 1


async def test_nobody_else_cancels_or_sees_an_order(market: Market) -> None:
    _, product_id, buyer = await one_product(market)
    order = await market.place(buyer, {product_id: 1})
    stranger = market.person()

    answer = await market.post(f"/v1/orders/{order['order_id']}/cancel", stranger)
    shown = await market.client.get(f"/v1/orders/{order['order_id']}", headers=stranger.headers)

    assert answer.status_code == shown.status_code == 404
    assert await market.events(OrderCancelled, order["order_id"]) == []


async def test_a_shop_cancels_its_parcel_and_its_share_goes_back(market: Market) -> None:
    first, second = await market.shop(10_000), await market.shop(20_000)
    buyer = market.person()
    order = await confirmed(market, buyer, {p: 1 for s in (first, second) for p in s.products}, method="qris")
    own = next(parcel for parcel in order["parcels"] if parcel["shop_id"] == str(first.shop_id))

    foreign = await market.post(f"/v1/parcels/{own['parcel_id']}/cancel", second.owner)
    answer = await market.post(f"/v1/parcels/{own['parcel_id']}/cancel", first.owner)
    await market.make_calls()

    assert foreign.status_code == 404 and answer.json() == {"status": "cancelled"}
    (refund,) = await market.events(RefundMade, order["order_id"])
    assert refund.amount_minor == own["goods_minor"] + own["shipping_minor"] and refund.shop_id == first.shop_id
    assert len(await market.events(ParcelCancelled, order["order_id"])) == 1
    assert (await market.show(order["order_id"], buyer))["status"] == "confirmed"
    other = next(parcel for parcel in order["parcels"] if parcel["shop_id"] == str(second.shop_id))
    await market.post(f"/v1/parcels/{other['parcel_id']}/cancel", second.owner)
    await market.make_calls()
    shown = await market.show(order["order_id"], buyer)
    assert (shown["status"], shown["cancel_reason"]) == ("cancelled", "seller")
    refunds = await market.events(RefundMade, order["order_id"])
    assert sum(refund.amount_minor for refund in refunds) == order["total_minor"]


# races


@pytest.mark.parametrize("round_", range(8))
async def test_money_and_a_cancelling_buyer_and_the_clock_agree_on_one_end(market: Market, round_: int) -> None:
    _, product_id, buyer = await one_product(market)
    order = await market.payable(buyer, {product_id: 1})
    order_id = order["order_id"]
    await market.pay_at_sandbox(order_id)
    await market.overdue(order_id)
    work = [
        market.notify(order_id, order["total_minor"]),
        market.post(f"/v1/orders/{order_id}/cancel", buyer),
        market.sweeper.sweep(),
        market.notify(order_id, order["total_minor"]),
    ]

    await asyncio.gather(*work[round_ % 4 :], *work[: round_ % 4])
    await market.make_calls()

    shown = await market.show(order_id, buyer)
    refunded = sum(refund.amount_minor for refund in await market.events(RefundMade, order_id))
    if shown["status"] == "confirmed":
        assert refunded == 0 and len(await market.events(OrderConfirmed, order_id)) == 1
    else:
        assert (shown["status"], refunded) == ("cancelled", order["total_minor"])


async def test_twenty_cancellations_at_once_are_one(market: Market) -> None:
    _, product_id, buyer = await one_product(market)
    order = await confirmed(market, buyer, {product_id: 1}, method="qris")

    answers = await asyncio.gather(*(market.post(f"/v1/orders/{order['order_id']}/cancel", buyer) for _ in range(20)))
    await market.make_calls()

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    assert len(await market.events(RefundMade, order["order_id"])) == 1
