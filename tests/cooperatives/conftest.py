"""Cooperatives without Kafka: the app over HTTP on a throw-away database, and people who join."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import pytest_asyncio

from services.cooperatives.handlers import handlers
from services.cooperatives.main import service
from services.cooperatives.settings import CooperativesSettings
from shared.contracts.base import Event
from shared.db import Database
from shared.http import make_app
from shared.testing.delivery import deliver
from shared.testing.tokens import Tokens
from tests.conftest import MakeDatabase


@dataclass
class Person:
    """Somebody with a token."""

    account_id: UUID
    headers: dict[str, str]


@dataclass
class Office:
    """The service over HTTP."""

    client: httpx2.AsyncClient
    db: Database
    tokens: Tokens

    def person(self, account_id: UUID | None = None, **said: Any) -> Person:
        """Somebody who is signed in."""
        account_id = account_id or uuid4()
        return Person(account_id, self.tokens.headers(account_id, **said))

    async def hear(self, *events: Event) -> None:
        """The service hears these events."""
        await deliver(self.db, handlers, *events)

    async def post(
        self, path: str, person: Person, body: Any = None, *, key: str | None = None, status: int | None = None
    ) -> httpx2.Response:
        """POST as this person, with a fresh Idempotency-Key unless one is given."""
        headers = person.headers | {"Idempotency-Key": key or uuid4().hex}
        answer = await self.client.post(path, json=body if body is not None else {}, headers=headers)
        assert status is None or answer.status_code == status, answer.text
        return answer

    async def get(self, path: str, person: Person | None = None, *, status: int = 200) -> Any:
        """GET as this person."""
        answer = await self.client.get(path, headers=person.headers if person else {})
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture(scope="session")
def cooperatives_settings() -> CooperativesSettings:
    """Settings that need no environment."""
    return CooperativesSettings(
        database_url="postgresql://unused",
        kafka_bootstrap="127.0.0.1:1",
        kafka_username="unused",
        kafka_password="unused",
        http_port=1,
        identity_url="http://127.0.0.1:1",
        members_key="a key for tests, as long as a real one would be",
    )


@pytest_asyncio.fixture(scope="session")
async def office(make_database: MakeDatabase, cooperatives_settings: CooperativesSettings) -> AsyncIterator[Office]:
    """The service over HTTP, in this process, with everything but its worker and relay."""
    db = await make_database("cooperatives", settings=cooperatives_settings)
    app = make_app("cooperatives", *service.routers, database=db, settings=cooperatives_settings)
    tokens = Tokens()
    app.state.verifier = tokens.verifier()
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://cooperatives", timeout=30
    ) as client:
        yield Office(client, db, tokens)
