"""A small closed-loop HTTP load generator: N clients, each sending its next request when the last one is answered.

It runs as a process of its own (`python -m bench.load PLAN.json`) and costs as little as it can, because it shares two
cores with what it measures. A plan names the address, the clients' tokens, the kind of request and how long.
"""

import asyncio
import json
import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httptools
import uvloop

SHIP_TO = {
    "name": "Pembeli Uji",
    "phone": "+628120000001",
    "address": "Jalan Uji 1",
    "region_code": "36.73",
}


@dataclass
class Plan:
    """What to send."""

    host: str
    port: int
    clients: int
    seconds: float
    kind: str  # "orders" or "get"
    tokens: list[str] = field(default_factory=list)
    shelves: list[list[str]] = field(default_factory=list)  # ids of products, by shop
    paths: list[str] = field(default_factory=list)
    lines: int = 3
    shops: int = 3  # that the lines of an order are from
    warmup_seconds: float = 2.0
    seed: int = 1
    record: str = ""  # a file for (order id, sent at, answered at), one JSON line each


class Client(asyncio.Protocol):
    """One keep-alive connection that answers `send` with status and body."""

    def __init__(self) -> None:
        self._parser: Any = None
        self._transport: Any = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server closed the connection"))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        assert self._answer is not None
        if not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), self._body))

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and await its answer. Raises ConnectionError."""
        if self._transport.is_closing():
            raise ConnectionError("the server closed the connection")
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


def order_request(plan: Plan, token: str, rng: random.Random) -> bytes:
    """A new order of `plan.lines` different products from `plan.shops` shops, as many of each, paid at the door."""
    shelves = rng.sample(plan.shelves, plan.shops)
    products = [product_id for shelf in shelves for product_id in rng.sample(shelf, plan.lines // plan.shops)]
    lines = [{"product_id": product_id, "quantity": 1} for product_id in products]
    body = json.dumps({"lines": lines, "ship_to": SHIP_TO, "payment": {"method": "cod"}}).encode()
    return (
        f"POST /v1/orders HTTP/1.1\r\nhost: {plan.host}\r\nauthorization: Bearer {token}\r\n"
        f"idempotency-key: {uuid4()}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body


def get_request(plan: Plan, token: str, rng: random.Random) -> bytes:
    """A page of the plan."""
    signed_in = f"authorization: Bearer {token}\r\n" if token else ""
    return f"GET {rng.choice(plan.paths)} HTTP/1.1\r\nhost: {plan.host}\r\n{signed_in}\r\n".encode()


async def run(plan: Plan) -> dict[str, Any]:
    """Send until the time is up; counts by status, rate and latencies of what came after the warm-up."""
    loop = asyncio.get_running_loop()
    begin = time.monotonic() + plan.warmup_seconds
    end = begin + plan.seconds
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    sample_bad = ""
    recorded: list[tuple[str, float, float]] = []

    async def client(number: int) -> None:
        nonlocal sample_bad
        rng = random.Random(plan.seed * 100_003 + number)
        token = plan.tokens[number % len(plan.tokens)] if plan.tokens else ""
        _, connection = await loop.create_connection(Client, plan.host, plan.port)
        while (sent := time.monotonic()) < end:
            request = order_request(plan, token, rng) if plan.kind == "orders" else get_request(plan, token, rng)
            at = time.time()
            status, body = await connection.send(request)
            answered = time.monotonic()
            if status >= 300 and not sample_bad:
                sample_bad = body[:300].decode(errors="replace")
            if answered >= begin and answered <= end:
                statuses[status] = statuses.get(status, 0) + 1
                latencies.append(answered - sent)
            if plan.record and status == 201:
                recorded.append((json.loads(body)["order_id"], at, time.time()))

    async with asyncio.TaskGroup() as group:
        for number in range(plan.clients):
            group.create_task(client(number))
    if plan.record:
        Path(plan.record).write_text("".join(json.dumps(row) + "\n" for row in recorded))  # noqa: ASYNC240  all is over
    latencies.sort()
    return {
        "per_s": round(sum(n for s, n in statuses.items() if s < 300) / plan.seconds, 1),
        "statuses": statuses,
        "p50_ms": percentile_ms(latencies, 0.50),
        "p99_ms": percentile_ms(latencies, 0.99),
        "first_refusal": sample_bad,
    }


def percentile_ms(ordered_seconds: list[float], share: float) -> float | None:
    """A percentile of sorted seconds, in milliseconds."""
    if not ordered_seconds:
        return None
    return round(1000 * ordered_seconds[min(len(ordered_seconds) - 1, int(share * len(ordered_seconds)))], 2)


if __name__ == "__main__":
    plan = Plan(**json.loads(Path(sys.argv[1]).read_text()))
    sys.stdout.write(json.dumps(uvloop.run(run(plan))))
