"""The driver: keeps N transactions in flight, each released by an answer or a mark; writes down what it saw.

What must stay true: a checkout ends with its mark, not with its answer; the mirror of a product changes only after the
catalog has answered; a customer never has two sessions at once.
"""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from bench.load import SHIP_TO
from bench.online_marketplace.api import Answer, Api, Unanswered
from bench.online_marketplace.journal import Checkout, Done, Journal, Look, Outcome, Update
from bench.online_marketplace.marks import CANCELLED, COMMITTED, Marks
from bench.online_marketplace.population import World, product_form
from bench.online_marketplace.workload import CartLine, Choice, Kind, draw_kind, raised

CHECKOUT_POSTS_MAX = 3
SHOPS_PER_ROUND = 10
MARK_SECONDS = 150  # longer than a whole stack needs to come back on busy cores
UNANSWERED_SECONDS = 90
METHODS = ("qris", "va", "va")  # BOLETO is a code to scan; debit and credit cards are paid to an account


@dataclass
class Driver:
    """One world under load. `journal` grows over all loads."""

    world: World
    seed: int
    journal: Journal = field(default_factory=Journal)

    def __post_init__(self) -> None:
        self._orders = self.world.api("orders")
        self._catalog = self.world.api("catalog")
        self._choice: Choice = self.world.choice(self.seed)
        self._rng = random.Random(self.seed + 1)
        self._tid = 0
        self._end = 0.0
        self._reasons: dict[str, str] = {}
        self.marks = Marks(self.world.stack, self._hear)

    async def run(self, *, concurrency: int, seconds: float) -> tuple[float, float]:
        """Load for so long; begins and ends on the monotonic clock. What is in flight at the end is awaited."""
        begin = time.monotonic()
        self._end = begin + seconds
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(self._slot())
        return begin, begin + seconds

    def stop(self) -> None:
        """Begin no further transaction."""
        self._end = 0.0

    async def _slot(self) -> None:
        work: dict[Kind, Callable[[int], Awaitable[Done | None]]] = {
            Kind.CHECKOUT: self._check_out,
            Kind.DASHBOARD: self._look,
            Kind.PRICE_UPDATE: self._reprice,
            Kind.PRODUCT_UPDATE: self._replace,
            Kind.UPDATE_DELIVERY: self._deliver,
        }
        while time.monotonic() < self._end:
            kind = draw_kind(self._rng)
            self._tid += 1
            tid, started = self._tid, time.monotonic()
            try:
                done = await work[kind](tid)
            except Unanswered as error:
                done = Done(tid, kind, started, time.monotonic(), Outcome.ERROR, str(error))
            if done is not None:
                self.journal.done.append(done)
            else:
                await asyncio.sleep(0.001)  # all customers or products of the drawn seller were busy: draw again

    def _hear(self, order_id: str, kind: str, value: bytes) -> None:
        self.journal.heard.setdefault(order_id, []).append(kind)
        if kind == CANCELLED:
            self._reasons[order_id] = str(json.loads(value).get("reason", ""))

    # -- checkout ------------------------------------------------------------------------------------------------

    async def _check_out(self, tid: int) -> Done | None:
        number = self._choice.customer()
        if number is None:
            return None
        try:
            return await self._session(tid, self.world.customers[number].token, number)
        finally:
            self._choice.idle.append(number)

    async def _session(self, tid: int, token: str, number: int) -> Done:
        lines = []
        for product, quantity in self._choice.cart():
            line = CartLine(product, quantity, product.version, product.unit_price_minor)
            await self._put(token, line)
            lines.append(line)
        body = {"ship_to": SHIP_TO, "payment": {"method": self._rng.choice(METHODS)}}
        reason = ""
        for _ in range(CHECKOUT_POSTS_MAX):
            started = time.monotonic()
            answer = await self._orders.call_surely(
                "POST", "/v1/cart/checkout", token, body, key=f"om-{self.seed}-{tid}", within_seconds=UNANSWERED_SECONDS
            )
            if answer.status == 201:
                return await self._await_mark(tid, number, started, str(answer.body["order_id"]), lines)
            reason = answer.slug
            if reason != "offer-changed":
                break
            lines = await self._see_again(token, lines)
        for line in lines:
            await self._surely("DELETE", f"/v1/cart/items/{line.product.product_id}", token)
        outcome = Outcome.ABORT if reason == "offer-changed" else Outcome.ERROR
        account = self.world.customers[number].account_id
        self.journal.checkouts.append(Checkout(tid, account, started, _seen(lines), outcome=outcome, reason=reason))
        return Done(tid, Kind.CHECKOUT, started, time.monotonic(), outcome, reason)

    async def _put(self, token: str, line: CartLine) -> Answer:
        body = {"quantity": line.quantity, "version": line.version, "unit_price_minor": line.unit_price_minor}
        return await self._surely("PUT", f"/v1/cart/items/{line.product.product_id}", token, body)

    async def _see_again(self, token: str, lines: list[CartLine]) -> list[CartLine]:
        """The buyer was told that something changed: looks at the cart and takes it as it is now."""
        cart = await self._surely("GET", "/v1/cart", token)
        now = {item["product_id"]: item for item in cart.body["items"]}
        seen = [
            CartLine(line.product, line.quantity, item["version"], item["unit_price_minor"])
            for line in lines
            if (item := now.get(line.product.product_id)) is not None and item["version"] is not None
        ]
        for line in seen:
            if now[line.product.product_id]["changed"]:
                await self._put(token, line)
        return seen

    async def _await_mark(self, tid: int, number: int, started: float, order_id: str, lines: list[CartLine]) -> Done:
        account = self.world.customers[number].account_id
        checkout = Checkout(tid, account, started, _seen(lines), order_id)
        self.journal.checkouts.append(checkout)
        mark = await self.marks.of(order_id, within_seconds=MARK_SECONDS)
        if mark is not None:
            kind, checkout.marked = mark
            checkout.outcome = Outcome.SUCCESS if kind == COMMITTED else Outcome.NOT_ACCEPTED
            checkout.reason = "" if kind == COMMITTED else self._reasons.get(order_id, "")
        ended = checkout.marked or time.monotonic()
        return Done(tid, Kind.CHECKOUT, started, ended, checkout.outcome, checkout.reason)

    # -- the others ----------------------------------------------------------------------------------------------

    async def _reprice(self, tid: int) -> Done | None:
        return await self._update(tid, Kind.PRICE_UPDATE)

    async def _replace(self, tid: int) -> Done | None:
        return await self._update(tid, Kind.PRODUCT_UPDATE)

    async def _update(self, tid: int, kind: Kind) -> Done | None:
        product = self._choice.free_product()
        if product is None:
            return None
        product.is_busy = True
        try:
            price_minor = product.unit_price_minor
            path = f"/v1/products/{product.product_id}"
            if kind is Kind.PRICE_UPDATE:
                price_minor = raised(price_minor, self._rng)
                path += "/price"
                body: dict[str, Any] = {"unit_price_minor": price_minor}
            else:
                body = product_form(product.title, price_minor) | {
                    "description": f"Produk uji, versi {self.seed}-{tid}"
                }
            body["expected_version"] = product.version
            started = time.monotonic()
            answer = await self._surely("PUT", path, self.world.sellers[product.seller].token, body)
            ended = time.monotonic()
            if answer.status == 409 and answer.slug == "version-changed":
                # Our own update, whose answer was lost with its service: the product tells how it is now.
                now = (await self._surely("GET", path.removesuffix("/price"), "")).body
                answer = Answer(200, {"version": now["version"]})
            if answer.status >= 300:
                return Done(tid, kind, started, ended, Outcome.ERROR, answer.slug)
            version = int(answer.body["version"])
            shop = self.world.shops[product.seller]
            self.journal.updates.append(
                Update(tid, shop, product.product_id, product.version, version, price_minor, ended)
            )
            product.version, product.unit_price_minor = version, price_minor
            return Done(tid, kind, started, ended, Outcome.SUCCESS)
        finally:
            product.is_busy = False

    async def _deliver(self, tid: int) -> Done:
        started = time.monotonic()
        body = {"count": SHOPS_PER_ROUND}
        answer = await self._surely("POST", "/v1/manifests", self.world.operator.token, body)
        ended = time.monotonic()
        if answer.status >= 300:
            return Done(tid, Kind.UPDATE_DELIVERY, started, ended, Outcome.ERROR, answer.slug)
        parcels = tuple(parcel["parcel_id"] for parcel in answer.body["delivered"])
        self.journal.deliveries.append((tid, parcels))
        return Done(tid, Kind.UPDATE_DELIVERY, started, ended, Outcome.SUCCESS)

    async def _look(self, tid: int) -> Done:
        seller = self._choice.seller()
        path = f"/v1/shops/{self.world.shops[seller]}/dashboard?with_parcels=true"
        started = time.monotonic()
        answer = await self._surely("GET", path, self.world.sellers[seller].token)
        ended = time.monotonic()
        if answer.status >= 300:
            return Done(tid, Kind.DASHBOARD, started, ended, Outcome.ERROR, answer.slug)
        figures = answer.body
        parcels = tuple((p["parcel_id"], p["cost_minor"]) for p in figures["open"])
        self.journal.looks.append(
            Look(self.world.shops[seller], figures["open_parcels"], figures["open_minor"], parcels)
        )
        return Done(tid, Kind.DASHBOARD, started, ended, Outcome.SUCCESS)

    async def _surely(self, method: str, path: str, token: str, body: Any = None) -> Answer:
        key = uuid4().hex
        return await self._orders_or_catalog(path).call_surely(
            method, path, token, body, key=key, within_seconds=UNANSWERED_SECONDS
        )

    def _orders_or_catalog(self, path: str) -> Api:
        return self._catalog if path.startswith("/v1/products") else self._orders


def _seen(lines: list[CartLine]) -> list[tuple[str, int, int, int]]:
    return [(line.product.product_id, line.version, line.unit_price_minor, line.quantity) for line in lines]
