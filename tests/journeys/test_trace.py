"""One trace id runs from the buyer's click through storefront, orders and catalog, seen by a foreign OTLP receiver."""

import asyncio

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings

from deploy.demo.acts import PASSWORD, address, plentiful
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


def _values(spans: list[Span], name: str) -> set[str]:
    return {value for span in spans for key, value in _attributes(span) if key == name}


def _attributes(span: Span) -> list[tuple[str, str]]:
    return [(item.key, str(item.value.int_value or item.value.string_value)) for item in span.attributes]


def _text(span: Span) -> list[str]:
    return [f"{key}={value}" for key, value in _attributes(span)]
