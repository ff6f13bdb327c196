"""The people and goods of a run, made through the API row by row with parallel workers before any clock starts.

Passwords are hashed cheaply in the stack of this benchmark (a setting of identity): no measured transaction signs in.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import uuid4

from bench.online_marketplace.api import Answer, Api
from bench.online_marketplace.profiles import Profile
from bench.online_marketplace.workload import Choice, Product, first_price_minor
from bench.stage import CATEGORIES, REGIONS, WORDS
from deploy.local.layout import PROJECT
from deploy.local.stack import Stack

WORKERS = 16
PASSWORD = "online-marketplace-2026"  # noqa: S105  of invented people
ENVIRONMENT = {
    "LUMBUNG_SANDBOX_SYNCHRONOUS": "true",
    "LUMBUNG_PASSWORD_MEMORY_KIB": "1024",
    "LUMBUNG_PASSWORD_PASSES": "1",
    "LUMBUNG_ACCESS_TOKEN_SECONDS": "3000",
}
T = TypeVar("T")
R = TypeVar("R")


@dataclass
class Person:
    """An account with a token."""

    account_id: str
    email: str
    token: str = ""


@dataclass
class World:
    """Everything the driver works on; `sellers[n]` owns `shops[n]`, which sells `mirror[n]`."""

    stack: Stack
    profile: Profile
    customers: list[Person] = field(default_factory=list)
    sellers: list[Person] = field(default_factory=list)
    shops: list[str] = field(default_factory=list)
    mirror: list[list[Product]] = field(default_factory=list)
    operator: Person = field(default_factory=lambda: Person("", ""))

    def api(self, service: str) -> Api:
        """A client of a service."""
        return Api("127.0.0.1", self.stack.ports[service])

    def choice(self, seed: int) -> Choice:
        """A fresh source of choices over this world."""
        rng = random.Random(seed)
        order = list(range(len(self.customers)))
        rng.shuffle(order)
        profile = self.profile
        return Choice(self.mirror, profile.seller_skew, profile.is_single_seller, rng, deque(order))


async def populate(stack: Stack, profile: Profile, *, seed: int) -> World:
    """Accounts, shops and products. Raises RuntimeError when one is refused."""
    world = World(stack, profile)
    rng = random.Random(seed)
    identity, catalog = world.api("identity"), world.api("catalog")
    world.operator = await _operator(identity, stack)
    people = await each(range(profile.customers + profile.sellers), lambda _: _register(identity))
    world.customers, world.sellers = people[: profile.customers], people[profile.customers :]
    await sign_in(world)

    async def open_shop(number: int) -> str:
        body = {"name": f"Toko OM {number}", "region_code": REGIONS[number % len(REGIONS)]}
        answer = await catalog.call("POST", "/v1/shops", world.sellers[number].token, body, key=uuid4().hex)
        return str(made(answer)["shop_id"])

    world.shops = await each(range(profile.sellers), open_shop)

    async def list_product(wanted: tuple[int, str, int]) -> Product:
        seller, title, price_minor = wanted
        form = product_form(title, price_minor) | {"shop_id": world.shops[seller], "stock": profile.stock}
        answer = await catalog.call("POST", "/v1/products", world.sellers[seller].token, form, key=uuid4().hex)
        return Product(str(made(answer)["product_id"]), seller, title, price_minor)

    wanted = [
        (seller, f"{' '.join(rng.sample(WORDS, 3))} {seller}-{number}", first_price_minor(rng))
        for seller in range(profile.sellers)
        for number in range(profile.products_per_seller)
    ]
    products = await each(wanted, list_product)
    size = profile.products_per_seller
    world.mirror = [products[n * size : (n + 1) * size] for n in range(profile.sellers)]
    return world


async def sign_in(world: World) -> None:
    """Fresh tokens for everybody; they are good for 50 minutes."""
    identity = world.api("identity")

    async def one(person: Person) -> None:
        form = urlencode({"grant_type": "password", "username": person.email, "password": PASSWORD})
        person.token = str(made(await identity.call("POST", "/v1/token", form=form))["access_token"])

    await each([*world.customers, *world.sellers, world.operator], one)


def product_form(title: str, unit_price_minor: int) -> dict[str, Any]:
    """A product as a seller describes it."""
    return {
        "title": title,
        "description": f"Produk uji {title}",
        "category": CATEGORIES[len(title) % len(CATEGORIES)],
        "unit_price_minor": unit_price_minor,
        "weight_grams": 250,
    }


def made(answer: Answer) -> Any:
    """The body of an answer that must be good. Raises RuntimeError."""
    if answer.status >= 300:
        raise RuntimeError(f"refused: {answer.status} {json.dumps(answer.body)[:300]}")
    return answer.body


async def each(wanted: Iterable[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
    """`work` for all, with a few workers; results in order."""
    numbered = list(enumerate(wanted))
    results: dict[int, R] = {}

    async def source() -> AsyncIterator[tuple[int, T]]:
        while numbered:
            yield numbered.pop()

    async def worker() -> None:
        async for number, one in source():
            results[number] = await work(one)

    async with asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            group.create_task(worker())
    return [results[number] for number in sorted(results)]


async def _register(identity: Api) -> Person:
    email = f"om-{uuid4().hex}@contoh.id"
    body = {"email": email, "password": PASSWORD, "name": "Pembeli Uji"}
    return Person(str(made(await identity.call("POST", "/v1/accounts", body=body))["account_id"]), email)


async def _operator(identity: Api, stack: Stack) -> Person:
    """Only an operator's hand makes an operator: the command line."""
    email = f"om-operator-{uuid4().hex[:12]}@contoh.id"
    command = [sys.executable, "-m", "deploy.cli", "user", "add", "--email", email, "--password-stdin", "--json"]
    environment = {"LUMBUNG_HOME": str(stack.home), "LUMBUNG_PORT_BASE": str(stack.port_base)}
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=PROJECT, check=True, text=True, input=PASSWORD + "\n", stdout=subprocess.PIPE,
        env=os.environ | environment,
    )  # fmt: skip
    return Person(str(json.loads(done.stdout)["account_id"]), email)
