"""Financing without Kafka: its app over HTTP on a throw-away database, and the voices of the other services."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest_asyncio

from services.financing.handlers import handlers
from services.financing.main import service, start
from services.financing.settings import FinancingSettings
from shared.contracts.base import Delivery, Event
from shared.db import Database
from shared.http import make_app
from shared.service import Running
from shared.testing.delivery import deliver
from shared.testing.tokens import Tokens
from tests.conftest import MakeDatabase


@dataclass
class Caller:
    """Somebody with a token: a person, or a machine client."""

    account_id: UUID
    headers: dict[str, str]


@dataclass
class Desk:
    """The service over HTTP, and what surrounds it."""

    client: httpx2.AsyncClient
    db: Database
    tokens: Tokens
    settings: FinancingSettings

    def person(self, account_id: UUID | None = None, **said: Any) -> Caller:
        """Somebody who is signed in."""
        account_id = account_id or uuid4()
        return Caller(account_id, self.tokens.headers(account_id, **said))

    def operator(self) -> Caller:
        """Somebody who runs the platform."""
        return self.person(roles=["operator"])

    async def hear(self, *events: Event | Delivery) -> None:
        """The service hears these events."""
        await deliver(self.db, handlers, *events)

    async def get(self, path: str, caller: Caller) -> httpx2.Response:
        """GET as this caller."""
        return await self.client.get(path, headers=caller.headers)

    async def post(self, path: str, caller: Caller, body: Any = None, *, key: str | None = None) -> httpx2.Response:
        """POST as this caller, with a fresh Idempotency-Key unless one is given."""
        headers = caller.headers | {"Idempotency-Key": key or uuid4().hex}
        return await self.client.post(path, json=body if body is not None else {}, headers=headers)

    async def done(self, path: str, caller: Caller, body: Any = None, *, status: int = 201) -> dict[str, Any]:
        """POST that must succeed; its answer."""
        answer = await self.post(path, caller, body)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found


def financing_settings() -> FinancingSettings:
    """Settings that need no environment."""
    return FinancingSettings(
        database_url="postgresql://unused",
        kafka_bootstrap="127.0.0.1:1",
        kafka_username="unused",
        kafka_password="unused",
        http_port=1,
        identity_url="http://127.0.0.1:1",
    )


@asynccontextmanager
async def open_desk(db: Database, settings: FinancingSettings) -> AsyncIterator[Desk]:
    """The service over HTTP on this database, in this process, without its worker and relay."""
    app = make_app("financing", *service.routers, database=db, settings=settings)
    tokens = Tokens()
    app.state.verifier = tokens.verifier()
    running = Running(settings, db, app, frozenset({"http"}))
    await start(running)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://financing", timeout=30
    ) as client:
        yield Desk(client, db, tokens, settings)
    for close in reversed(running.closing):
        await close()


@pytest_asyncio.fixture(scope="session")
async def desk(make_database: MakeDatabase) -> AsyncIterator[Desk]:
    """One desk for the whole run; tests use ids and sectors of their own."""
    settings = financing_settings()
    async with open_desk(await make_database("financing", settings=settings), settings) as opened:
        yield opened
