"""One trace id runs from the button on the page through orders to catalog's stock, seen by a foreign OTLP receiver."""

import asyncio

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings

from deploy.demo.world import new_trace
from shared.testing.waiting import eventually
from tests.journeys.conftest import OTLP_PORT
from tests.storefront.conftest import ADDRESS, Town, Visitor, add, forms_of


@pytest.mark.timeout(120)
async def test_one_trace_id_runs_from_the_button_to_the_stock(town: Town, buyer: Visitor) -> None:
    await add(buyer, town.products["Kopi robusta"])
    await buyer.go("/bayar")
    await buyer.send("/bayar", **ADDRESS)
    fields = next(fields for action, fields in forms_of(buyer.page) if action == "/bayar/pesan") | {"cara": "cod"}
    trace = new_trace()
    spans: list[Span] = []

    async with OtelTapHttpProtobufReceiver(OtelTapHttpProtobufReceiverSettings(http_port=OTLP_PORT)) as receiver:

        async def collect() -> None:
            async for span in receiver.stream_traces():
                if span.trace_id.hex() == trace.trace_id:
                    spans.append(span)

        async def is_complete() -> bool:
            wanted = {str(town.stack.ports["storefront"]), str(town.stack.ports["orders"]), "catalog"}
            return wanted <= _said(spans) and "POST orders" in {span.name for span in spans}

        collecting = asyncio.create_task(collect())
        await buyer.post("/bayar/pesan", fields, **trace.header)
        await eventually(is_complete, what="the spans of storefront, orders and catalog")
        collecting.cancel()

    assert buyer.path.startswith("/pesanan/")


def _said(spans: list[Span]) -> set[str]:
    """Where the spans come from: the ports of servers, the groups of consumers."""
    return {
        str(item.value.int_value or item.value.string_value)
        for span in spans
        for item in span.attributes
        if item.key in {"server.port", "messaging.consumer.group.name"}
    }
