"""Partner delivery over HTTP on a throw-away database, with an endpoint to deliver to."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest_asyncio

from deploy.local.stack import Stack
from services.financing.deliveries.posting import Poster
from services.financing.deliveries.webhooks import Webhooks
from services.financing.domain import sealing
from services.financing.main import service
from services.financing.routes.partner_views import SCOPE
from services.financing.running import News, Waiting
from services.financing.settings import FinancingSettings
from services.financing.store.lenders import Lender
from services.financing.use_cases.register_lender import register_lender
from services.financing.use_cases.tell_lenders import LenderFact, tell
from shared.clock import utc_now
from shared.db import Database
from shared.http import make_app
from shared.testing.tokens import Tokens
from shared.wakes import Wakes
from tests.conftest import MakeDatabase
from tests.financing.partner.receiver import Receiver

FACT = "lending.application_published.v1"
KEY = "a key for the tests of partner delivery"


@dataclass
class Partner:
    """A lender and its machine client."""

    lender: Lender
    headers: dict[str, str]

    @property
    def id(self) -> UUID:
        """The lender's."""
        return self.lender.lender_id


@dataclass
class World:
    """The service, its deliveries, and an endpoint."""

    http: httpx2.AsyncClient
    db: Database
    dsn: str
    tokens: Tokens
    settings: FinancingSettings
    news: News
    webhooks: Webhooks
    receiver: Receiver

    async def partner(self, slug: str = "") -> Partner:
        """A new lender with a client that may read events."""
        client_id, slug = uuid4(), slug or f"l-{uuid4().hex[:12]}"
        async with self.db.transaction() as conn:
            lender = await register_lender(
                conn, lender_id=uuid4(), client_id=client_id, slug=slug, name="Bank Uji", now=utc_now()
            )
        return Partner(lender, self.tokens.headers(client_id, kind="client", scope=SCOPE))

    async def tell(self, *partners: Partner, times: int = 1, **more: Any) -> None:
        """So many facts for each, a transaction per fact."""
        for number in range(times):
            async with self.db.transaction() as conn:
                await tell(conn, [fact_for(partner.id, number, **more) for partner in partners])

    async def call(self, method: str, path: str, partner: Partner, body: Any = None) -> httpx2.Response:
        """A request of the lender's client."""
        return await self.http.request(method, path, json=body, headers=partner.headers)

    async def done(self, method: str, path: str, partner: Partner, body: Any = None) -> dict[str, Any]:
        """A request that must succeed; its answer."""
        answer = await self.call(method, path, partner, body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def webhook(self, partner: Partner, **more: Any) -> tuple[str, str, str]:
        """A webhook subscription from the beginning: its id, its path at the receiver, its secret."""
        path = f"/{uuid4().hex}"
        body = {"transport": "webhook", "url": self.receiver.url(path), "from_position": 0} | more
        made = await self.done("POST", "/v1/subscriptions", partner, body)
        return made["subscription_id"], path, made["secret"]

    async def health(self, partner: Partner, subscription_id: str) -> dict[str, Any]:
        """How a subscription goes."""
        return await self.done("GET", f"/v1/subscriptions/{subscription_id}/health", partner)

    async def later(self, subscription_id: str) -> None:
        """The pause before the next attempt is over."""
        async with self.db.reading() as conn:
            await conn.execute(
                "UPDATE subscriptions SET next_attempt_at = clock_timestamp(), leased_until = CASE WHEN lease IS NOT"
                " NULL THEN clock_timestamp() END WHERE subscription_id = $1",
                UUID(subscription_id),
            )


def fact_for(lender_id: UUID, number: int = 0, **more: Any) -> LenderFact:
    """Something to tell."""
    application_id = uuid4()
    said: dict[str, Any] = {"type": FACT, "subject": {"application_id": application_id}} | more
    return LenderFact(lender_id, data={"application_id": application_id, "number": number}, **said)


def settings_of(dsn: str, **more: Any) -> FinancingSettings:
    """Settings that need no environment."""
    values: dict[str, Any] = {
        "database_url": dsn,
        "kafka_bootstrap": "127.0.0.1:1",
        "kafka_username": "unused",
        "kafka_password": "unused",
        "http_port": 1,
        "identity_url": "http://127.0.0.1:1",
        "partner_key": KEY,
        "webhook_local_allowed": True,
        "webhook_seconds": 2,
    }
    return FinancingSettings(**values | more)


@pytest_asyncio.fixture(scope="session")
async def world(make_database: MakeDatabase, stack: Stack) -> AsyncIterator[World]:
    """The service over HTTP, in this process; webhooks are delivered when a test says so."""
    settings = settings_of(stack.dsn("financing"), kafka_bootstrap=stack.kafka_bootstrap)
    db = await make_database("financing", settings=settings)
    async with db.reading() as conn:
        dsn = stack.dsn("financing").rsplit("/", 1)[0] + "/" + await conn.fetchval("SELECT current_database()")
    app = make_app("financing", *service.routers, database=db, settings=settings)
    tokens = Tokens()
    app.state.verifier = tokens.verifier()
    wakes = Wakes(dsn, source="financing")
    news = News(db, wakes)
    app.state.waiting = waiting = Waiting(db, news)
    poster = Poster(seconds=settings.webhook_seconds, most=64, is_local_allowed=True)
    webhooks = Webhooks(db, poster, news, key=sealing.key_of(KEY), most=32)
    receiver = Receiver()
    await receiver.start()
    jobs = [asyncio.create_task(job()) for job in (wakes.run_forever, waiting.run_forever)]
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://financing", timeout=40
    ) as http:
        yield World(http, db, dsn, tokens, settings, news, webhooks, receiver)
    for job in jobs:
        job.cancel()
    await asyncio.wait(jobs)
    await receiver.stop()
    await poster.close()
