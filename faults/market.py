"""People who buy while things break: whole lives of orders, every request tried again until it is answered.

A life is drawn from the seed: cash on delivery or QRIS (a tenth never pays, a twentieth is notified twice), shipped,
delivered, some confirmed by the buyer, some called off at once. A twentieth of the orders is sent twice at the same
time with one key. A client does what a good client does: it keeps its key, tries again after a lost connection or a
503, and looks before it repeats a step that has no key.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from bench.load import SHIP_TO, Client
from faults.ground import Ground

ANSWER_SECONDS = 15.0
PAUSE_SECONDS = 0.2
LIFE_SECONDS = 300.0  # after so long without progress a life is given up, and counted
AGAIN = (408, 425, 429, 500, 502, 503, 504)
FINAL = ("completed", "cancelled")


@dataclass(frozen=True)
class Life:
    """What a buyer means to do."""

    number: int
    buyer: int
    key: str
    lines: tuple[tuple[str, int], ...]
    method: str
    is_sent_twice: bool
    ending: str  # "completed", "delivered", "confirmed", "called off" or "unpaid"
    notices: int


@dataclass
class Tally:
    """What became of the lives."""

    lives: int = 0
    orders: dict[str, Life] = field(default_factory=dict)  # by order id
    doubled: int = 0  # lives whose key was answered with two different orders
    given_up: list[str] = field(default_factory=list)
    unanswered: int = 0  # of these: gave up before they were told an order
    statuses: Counter[int] = field(default_factory=Counter)
    breaks: int = 0  # connections lost, refused or silent
    longest_seconds: float = 0.0  # that a placing took until it was answered
    samples: dict[int, str] = field(default_factory=dict)
    refusals_without_retry_after: int = 0
    placed_at: list[float] = field(default_factory=list)  # monotonic


def lives(ground: Ground, seed: int) -> Iterator[Life]:
    """Lives without end, all drawn from the seed."""
    rng = random.Random(seed)
    number = 0
    while True:
        method = "qris" if rng.random() < 0.3 else "cod"
        chosen = rng.random()
        if method == "qris" and chosen < 0.1:
            ending = "unpaid"
        elif chosen < 0.25:
            ending = "called off"
        else:
            ending = "confirmed" if chosen < 0.4 else "delivered" if chosen < 0.7 else "completed"
        yield Life(
            number=number,
            buyer=rng.randrange(len(ground.buyers)),
            key=str(UUID(int=rng.getrandbits(128), version=4)),
            lines=tuple((product, rng.randrange(1, 3)) for product in rng.sample(ground.products, rng.randrange(1, 4))),
            method=method,
            is_sent_twice=rng.random() < 0.05,
            ending=ending,
            notices=2 if rng.random() < 0.05 else 1,
        )
        number += 1


class Listener(Client):
    """A connection that also hears when to try again."""

    retry_after: str = ""

    def on_header(self, name: bytes, value: bytes) -> None:
        """The one header that matters here."""
        if name.lower() == b"retry-after":
            self.retry_after = value.decode()

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """As before, and nothing left from the last answer."""
        self.retry_after = ""
        return await super().send(request)


class Line:
    """A client's connection to one service, opened anew after each break."""

    def __init__(self, port: int, tally: Tally) -> None:
        self._port = port
        self._tally = tally
        self._client: Listener | None = None
        self._transport: asyncio.BaseTransport | None = None

    async def ask(self, method: str, path: str, token: str, body: Any = None, key: str = "") -> tuple[int, Any] | None:
        """Status and JSON of one try; None when the connection broke."""
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(content)}\r\n"
        head += f"authorization: Bearer {token}\r\n" if token else ""
        head += f"idempotency-key: {key}\r\n" if key else ""
        head += "content-type: application/json\r\n" if content else ""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if self._client is None or self._transport is None or self._transport.is_closing():
                    loop = asyncio.get_running_loop()
                    self._transport, self._client = await loop.create_connection(Listener, "127.0.0.1", self._port)
                status, text = await self._client.send((head + "\r\n").encode() + content)
        except (OSError, TimeoutError):
            self.close()
            self._tally.breaks += 1
            return None
        self._tally.statuses[status] += 1
        if status == 503 and not self._client.retry_after:
            self._tally.refusals_without_retry_after += 1
        if status >= 400:
            self._tally.samples.setdefault(status, f"{method} {path}: {text[:300].decode(errors='replace')}")
        return status, json.loads(text) if text[:1] in b"{[" and text else None

    def close(self) -> None:
        """Give the connection up."""
        if self._transport is not None:
            self._transport.close()
        self._client = self._transport = None


class GivenUp(Exception):
    """A step was not answered for so long that this client stops trying."""


@dataclass
class Market:
    """A load that runs until it has placed enough orders and is told that it may stop."""

    ground: Ground
    seed: int
    clients: int = 16
    tally: Tally = field(default_factory=Tally)
    life_seconds: float = LIFE_SECONDS
    places_only: bool = False  # cash on delivery, and not waited for: goes on while nothing is confirmed
    pause_seconds: float = 0.0  # between two lives of a client

    async def run(self, orders: int, may_stop: asyncio.Event | None = None) -> Tally:
        """Live at least `orders` lives, and on until `may_stop` is set."""
        source = lives(self.ground, self.seed)

        async def client() -> None:
            line = Line(self.ground.stack.ports["orders"], self.tally)
            pay = Line(self.ground.stack.ports["payments"], self.tally)
            while self.tally.lives < orders or (may_stop is not None and not may_stop.is_set()):
                self.tally.lives += 1
                life = next(source)
                if self.places_only:
                    life = replace(life, method="cod", ending="confirmed")
                try:
                    await self._live(life, line, pay)
                except GivenUp as error:
                    self.tally.given_up.append(f"life {life.number} ({life.ending}): {error}")
                await asyncio.sleep(self.pause_seconds)
            line.close()
            pay.close()

        fresh = asyncio.create_task(self._stay_signed_in())
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self.clients):
                    group.create_task(client())
        finally:
            fresh.cancel()
            await asyncio.wait([fresh])
        self.ground.answered |= self.tally.orders.keys()
        return self.tally

    async def _stay_signed_in(self) -> None:
        while True:
            await self.ground.sign_in()
            await asyncio.sleep(10)

    async def _live(self, life: Life, line: Line, pay: Line) -> None:
        try:
            order = await self._place(life, line)
        except GivenUp:
            self.tally.unanswered += 1
            raise
        order_id = order["order_id"]
        self.tally.orders[order_id] = life
        if self.places_only:
            return
        if life.ending == "called off":
            await self._call_off(life, line, order_id)
            return
        if life.method == "qris":
            if life.ending == "unpaid":
                return
            seen = await self._until(life, line, order_id, lambda o: o["payment"].get("qr_payload") or _is_over(o))
            if not seen["payment"].get("qr_payload"):
                return
            body = {"qrContent": seen["payment"]["qr_payload"], "even_if_expired": True, "times": life.notices}
            await self._until_answered(pay, "POST", "/sandbox/pay", "", body, is_enough=lambda status: status < 500)
        seen = await self._until(life, line, order_id, lambda o: o["status"] == "confirmed" or _is_over(o))
        if life.ending == "confirmed" or _is_over(seen):
            return
        for parcel in seen["parcels"]:
            await self._send(life, line, order_id, parcel)

    async def _place(self, life: Life, line: Line) -> Any:
        body = {
            "lines": [{"product_id": product, "quantity": quantity} for product, quantity in life.lines],
            "ship_to": SHIP_TO,
            "payment": {"method": life.method},
        }
        began = time.monotonic()
        twin = asyncio.create_task(self._place_again(life, body)) if life.is_sent_twice else None
        try:
            placed = await self._until_answered(
                line, "POST", "/v1/orders", life.buyer, body, key=life.key, is_enough=lambda status: status == 201
            )
        except BaseException:
            if twin is not None:
                twin.cancel()
            raise
        self.tally.longest_seconds = max(self.tally.longest_seconds, time.monotonic() - began)
        self.tally.placed_at.append(time.monotonic())
        if twin is not None and (await twin)["order_id"] != placed["order_id"]:
            self.tally.doubled += 1
        return placed

    async def _place_again(self, life: Life, body: Any) -> Any:
        line = Line(self.ground.stack.ports["orders"], self.tally)
        try:
            return await self._until_answered(
                line, "POST", "/v1/orders", life.buyer, body, key=life.key, is_enough=lambda status: status == 201
            )
        finally:
            line.close()

    async def _call_off(self, life: Life, line: Line, order_id: str) -> None:
        """Cancelled once: a repetition after a lost answer is refused, and then a look says why."""
        path = f"/v1/orders/{order_id}/cancel"
        await self._until_answered(
            line, "POST", path, life.buyer, {"reason": "buyer"}, is_enough=lambda status: status in (200, 409)
        )
        await self._until(life, line, order_id, _is_over)

    async def _send(self, life: Life, line: Line, order_id: str, parcel: Any) -> None:
        path = f"/v1/parcels/{parcel['parcel_id']}"
        due = parcel["goods_minor"] + parcel["shipping_minor"] if life.method == "cod" else 0
        steps: list[tuple[str, int, Any]] = [
            ("ship", 0, {"carrier": "Pos Contoh", "tracking": f"F{life.number}"}),
            ("deliver", 0, {"collected_minor": due}),
        ]
        if life.ending == "completed":
            steps.append(("complete", life.buyer, {}))
        for step, who, body in steps:
            await self._until_answered(
                line, "POST", f"{path}/{step}", who, body, is_enough=lambda status: status in (200, 409)
            )

    async def _until(self, life: Life, line: Line, order_id: str, is_so: Any) -> Any:
        """The order once it is so."""
        deadline = time.monotonic() + self.life_seconds
        pause = 0.1
        while True:
            order = await self._until_answered(
                line, "GET", f"/v1/orders/{order_id}", life.buyer, is_enough=lambda status: status == 200
            )
            if is_so(order):
                return order
            if time.monotonic() > deadline:
                raise GivenUp(f"order {order_id} stays {order['status']}")
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 1.5)

    async def _until_answered(
        self, line: Line, method: str, path: str, who: int | str, body: Any = None, *, is_enough: Any, key: str = ""
    ) -> Any:
        deadline = time.monotonic() + self.life_seconds
        while True:
            token = who if isinstance(who, str) else self.ground.tokens[who]
            answer = await line.ask(method, path, token, body, key)
            if answer is not None and is_enough(answer[0]):
                return answer[1]
            if answer is not None and answer[0] not in (*AGAIN, 401, 409):
                raise GivenUp(f"{method} {path} was answered {answer[0]}: {str(answer[1])[:200]}")
            if time.monotonic() > deadline:
                raise GivenUp(f"{method} {path} was not answered, the last time with {answer and answer[0]}")
            await asyncio.sleep(PAUSE_SECONDS)


def _is_over(order: Any) -> bool:
    return order["status"] in FINAL
