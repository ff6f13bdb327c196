"""One trace id from the buyer's click to the stock and the lender's webhook, seen by a foreign OTLP receiver."""

import asyncio

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings

from deploy.demo.acts import PASSWORD, address, plentiful, sell, stocked
from deploy.demo.chapters.lenders import lending
from deploy.demo.chapters.money import member_shop
from deploy.demo.world import Person, World, new_key, new_trace
from tests.journeys.conftest import OTLP_PORT

GROUP = "messaging.consumer.group.name"


@pytest.mark.timeout(120)
async def test_one_trace_id_runs_from_the_click_to_the_stock(world: World) -> None:
    buyer = Person("Ibu Jejak", f"jejak-{new_key()[:8]}@contoh.id")
    await world.sign_up_by_email(buyer, PASSWORD)
    shop = world.shops[5]
    product_id = shop.products[plentiful(shop)[0].title]
    trace = new_trace()
    spans: list[Span] = []

    async with OtelTapHttpProtobufReceiver(OtelTapHttpProtobufReceiverSettings(http_port=OTLP_PORT)) as receiver:

        async def collect() -> None:
            async for span in receiver.stream_traces():
                if span.trace_id.hex() == trace.trace_id:
                    spans.append(span)

        collecting = asyncio.create_task(collect())
        page = await world.http.get(world.stack.url("storefront") + f"/produk/{product_id}", headers=trace.header)
        order = await world.call(
            "POST",
            "orders",
            "/v1/orders",
            person=buyer,
            body={
                "lines": [{"product_id": product_id, "quantity": 1}],
                "ship_to": address("18.71"),
                "payment": {"method": "cod"},
            },
            key=new_key(),
            trace=trace,
        )
        await world.until(buyer, order["order_id"], "confirmed")
        wanted = {str(world.stack.ports[name]) for name in ("storefront", "catalog", "orders")}
        for _ in range(200):  # an exporter that found no receiver before waits some seconds until it tries again
            if wanted <= _values(spans, "server.port") and {"catalog", "orders"} <= _values(spans, GROUP):
                break
            await asyncio.sleep(0.1)
        collecting.cancel()

    seen = {(span.name, *sorted(_text(span))) for span in spans}
    assert page.status_code == 200
    assert wanted <= _values(spans, "server.port"), seen
    assert {"catalog", "orders"} <= _values(spans, GROUP), seen


@pytest.mark.timeout(120)
async def test_one_trace_id_runs_from_the_click_to_the_lenders_webhook(world: World) -> None:
    story, shop, buyer = lending(world), member_shop(world, 0), world.buyers[0]
    bank, trace = story.lenders[0], new_trace()
    product_id = await stocked(world, shop, 1)
    spans: list[Span] = []
    await story.receiver.start()
    subscription = f"/v1/subscriptions/{bank.given['webhook']['subscription_id']}"
    await world.call("POST", "financing", f"{subscription}/resume", person=bank.client)

    async with OtelTapHttpProtobufReceiver(OtelTapHttpProtobufReceiverSettings(http_port=OTLP_PORT)) as receiver:

        async def collect() -> None:
            async for span in receiver.stream_traces():
                if span.trace_id.hex() == trace.trace_id:
                    spans.append(span)

        collecting = asyncio.create_task(collect())
        page = await world.http.get(world.stack.url("storefront") + f"/produk/{product_id}", headers=trace.header)
        order = await sell(world, shop, buyer, {product_id: 1}, trace=trace)
        parcel_id = order["parcels"][0]["parcel_id"]
        sales: list[str] = []
        for _ in range(200):
            sales = [
                one.traceparent
                for one in story.receiver.of_type("lending.sale_completed.v1")
                if one.data["parcel_id"] == parcel_id
            ]
            if sales and {"catalog", "financing"} <= _values(spans, GROUP):
                break
            await asyncio.sleep(0.1)
        collecting.cancel()
    await world.call("POST", "financing", f"{subscription}/pause", person=bank.client)
    await story.receiver.stop()

    assert page.status_code == 200
    assert [one[3:35] for one in sales] == [trace.trace_id]
    assert {"catalog", "financing"} <= _values(spans, GROUP), {(span.name, *sorted(_text(span))) for span in spans}
    assert {str(world.stack.ports[name]) for name in ("storefront", "orders")} <= _values(spans, "server.port")


def _values(spans: list[Span], name: str) -> set[str]:
    return {value for span in spans for key, value in _attributes(span) if key == name}


def _attributes(span: Span) -> list[tuple[str, str]]:
    return [(item.key, str(item.value.int_value or item.value.string_value)) for item in span.attributes]


def _text(span: Span) -> list[str]:
    return [f"{key}={value}" for key, value in _attributes(span)]
