"""The demonstration's story on the suite's stack: it leaves something in every service for handlers and the audit."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from unittest.mock import patch

import asyncpg
import httpx2

from bench.stage import say
from deploy.demo import story
from deploy.demo import world as demo_world
from deploy.demo.__main__ import OWN_SEED, read
from deploy.demo.acts import PASSWORD, sell, stocked
from deploy.demo.chapters import lenders
from deploy.demo.chapters.cooperative import deposit
from deploy.demo.chapters.money import member_shop, payout
from deploy.demo.world import Person, Timeline, World, new_key
from deploy.local.stack import SERVICES
from faults.ground import Ground

PATIENCE_SECONDS = 150.0
SALES = 12
PIECES = 2
ASIDE_MINOR = 50_000_000  # more than a member spends here: whichever charge comes first, all are covered


class Quiet(Timeline):
    """Only chapters are told; the demonstration itself tells the rest."""

    def chapter(self, title: str) -> None:
        """A new part of the story."""
        say(f"    {title}")

    def _write(self, text: str) -> None:
        pass


class Patient(World):
    """On a busy machine each step may take longer than a person who looks on would wait."""

    async def until(
        self, person: Person, order_id: str, *statuses: str, within_seconds: float = PATIENCE_SECONDS
    ) -> Any:
        """The order once it has one of `statuses`."""
        return await super().until(person, order_id, *statuses, within_seconds=within_seconds)


@contextmanager
def patience() -> Iterator[None]:
    """The same for whatever else is waited for."""
    with (
        patch.object(demo_world, "SETTLE_SECONDS", PATIENCE_SECONDS),
        patch.object(lenders, "SECONDS", PATIENCE_SECONDS),
    ):
        yield


@asynccontextmanager
async def in_databases(ground: Ground, world: World) -> AsyncIterator[None]:
    """The story looks into the databases by connections of its own, which end here: a database in use has no copy."""
    try:
        for service in SERVICES:
            world.databases[service] = await asyncpg.connect(ground.stack.audit_dsn(service))
        with patience():
            yield
    finally:
        for database in world.databases.values():
            await database.close()
        world.databases.clear()


async def play_story(ground: Ground) -> World:
    """All chapters. Raises StoryBroke."""
    http = httpx2.AsyncClient(timeout=PATIENCE_SECONDS, limits=httpx2.Limits(max_connections=100))
    world = Patient(ground.stack, read(OWN_SEED), http, {})
    world.timeline = Quiet()
    async with in_databases(ground, world):
        await story.play(world)
    ground.is_played = True
    return world


async def stock_up(ground: Ground, world: World) -> None:
    """What must be there before life goes on with nothing but orders: pieces on shelves, savings of a buyer."""
    async with in_databases(ground, world):
        await _sign_in(world)
        for number in range(2):
            await stocked(world, member_shop(world, number), 2 * SALES * PIECES)
        await deposit(world, world.club.treasurer, _buyer_id(world), "voluntary", ASIDE_MINOR)


async def live_on(ground: Ground, world: World) -> None:
    """Members buy and give back, with savings and QRIS; shops are paid less their instalments; one erases the account.

    Nobody speaks to any service but orders and identity: what the others come to, they come to by events.
    """
    async with in_databases(ground, world):
        await _sign_in(world)
        buyer, club = world.buyers[0], world.club
        for number in range(SALES):
            shop = member_shop(world, number % 2)
            product_id = await stocked(world, shop, PIECES)
            method = "savings" if number % 4 < 2 else "qris"
            cooperative_id = club.cooperative_id if method == "savings" else None
            order = await sell(world, shop, buyer, {product_id: PIECES}, method=method, cooperative_id=cooperative_id)
            if number % 3 == 0:
                path = f"/v1/orders/{order['order_id']}/refunds"
                body = {"lines": [{"product_id": product_id, "quantity": 1}], "reason": "damaged"}
                await world.call("POST", "orders", path, person=shop.seller, body=body, key=new_key())
            if number % 4 == 3:
                await payout(world)  # passes on what the one before withheld
        await world.call("DELETE", "identity", "/v1/accounts/me", person=club.founders[-1])


def _buyer_id(world: World) -> str:
    return world.club.members[world.buyers[0].contact]


async def _sign_in(world: World) -> None:
    """Tokens live ten minutes, the story may be older."""
    people = [*world.operators, *world.club.founders, world.buyers[0]]
    for person in people:
        await world.sign_in_by_password(person, PASSWORD)
    for number in range(2):
        await world.sign_in_by_code(member_shop(world, number).seller)
