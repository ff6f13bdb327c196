"""Cooperatives without Kafka: the app over HTTP on a throw-away database, and people who join."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
class Cooperative:
    """A cooperative with its officers and the ids of its founders, who are candidates."""

    cooperative_id: UUID
    chair: Person
    treasurer: Person
    secretary: Person
    founders: list[UUID]

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/v1/cooperatives/{self.cooperative_id}"


@dataclass
class Member:
    """A member with an account."""

    member_id: UUID
    person: Person

    @property
    def path(self) -> str:
        """Below the cooperative's path."""
        return f"/members/{self.member_id}"


PRINCIPAL = 100_000
MANDATORY = 20_000
LIMIT = 1_000_000
MARKET_LIMIT = 1_000_000_000


def new_cooperative(**other: Any) -> dict[str, Any]:
    """What a client sends to register one: nine founders by name."""
    body = {
        "name": f"Koperasi Uji {uuid4().hex[:8]}",
        "region_code": "18.01",
        "principal_savings_minor": PRINCIPAL,
        "mandatory_savings_minor": MANDATORY,
        "withdrawal_limit_minor": LIMIT,
        "founders": [{"name": f"Pendiri {number}"} for number in range(9)],
    }
    return body | other


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

    async def admit(self, cooperative: Cooperative, limit_minor: int) -> None:
        """An operator says what the cooperative may owe the market."""
        headers = self.person(roles=["operator"]).headers
        path = f"{cooperative.path}/market_limit"
        answer = await self.client.put(path, json={"limit_minor": limit_minor}, headers=headers)
        assert answer.status_code == 200, answer.text

    async def cooperative(self, *, market_limit_minor: int = MARKET_LIMIT, **other: Any) -> Cooperative:
        """A new cooperative with three officers, whose savings pay at the market."""
        chair, treasurer, secretary = self.person(), self.person(), self.person()
        officers = [
            {"account_id": str(person.account_id), "role": role}
            for person, role in ((chair, "ketua"), (treasurer, "bendahara"), (secretary, "sekretaris"))
        ]
        answer = await self.post("/v1/cooperatives", chair, new_cooperative(officers=officers, **other), status=201)
        made = answer.json()
        cooperative = Cooperative(
            UUID(made["cooperative_id"]), chair, treasurer, secretary, [UUID(each) for each in made["founders"]]
        )
        if market_limit_minor:
            await self.admit(cooperative, market_limit_minor)
        return cooperative

    async def candidate(self, cooperative: Cooperative, person: Person | None = None) -> Member:
        """Somebody whose application was approved."""
        person = person or self.person()
        made = await self.post(f"{cooperative.path}/applications", person, {"name": "Ibu Sari"}, status=201)
        application_id = made.json()["application_id"]
        path = f"{cooperative.path}/applications/{application_id}/approve"
        approved = await self.post(path, cooperative.chair, status=200)
        return Member(UUID(approved.json()["member_id"]), person)

    async def deposit(self, cooperative: Cooperative, member: Member, kind: str, amount_minor: int) -> dict[str, Any]:
        """Savings that the treasurer takes in."""
        body = {"kind": kind, "amount_minor": amount_minor}
        path = f"{cooperative.path}{member.path}/deposits"
        found: dict[str, Any] = (await self.post(path, cooperative.treasurer, body, status=201)).json()
        return found

    async def member(
        self, cooperative: Cooperative, *, voluntary_minor: int = 0, person: Person | None = None
    ) -> Member:
        """Somebody who is admitted, with voluntary savings."""
        member = await self.candidate(cooperative, person)
        await self.deposit(cooperative, member, "principal", PRINCIPAL)
        if voluntary_minor:
            await self.deposit(cooperative, member, "voluntary", voluntary_minor)
        return member

    async def shown(self, cooperative: Cooperative, member: Member) -> dict[str, Any]:
        """The member as the chair sees them."""
        found: dict[str, Any] = await self.get(f"{cooperative.path}{member.path}", cooperative.chair)
        return found

    async def trial(self, cooperative: Cooperative, on: str | None = None) -> dict[str, int]:
        """The trial balance by code, debits positive; both columns have one sum."""
        path = f"{cooperative.path}/ledger/trial-balance" + (f"?on={on}" if on else "")
        balance = await self.get(path, cooperative.chair)
        assert balance["debit_minor"] == balance["credit_minor"]
        return {line["code"]: line["debit_minor"] - line["credit_minor"] for line in balance["lines"]}


@pytest.fixture(scope="session")
def cooperatives_settings() -> CooperativesSettings:
    """Settings that need no environment."""
    return CooperativesSettings(
        surplus_before_year_end=False,  # whatever the stack of the story was told
        database_url="postgresql://unused",
        kafka_bootstrap="127.0.0.1:1",
        kafka_username="unused",
        kafka_password="unused",
        http_port=1,
        identity_url="http://127.0.0.1:1",
        members_key="a key for tests, as long as a real one would be",
    )


@asynccontextmanager
async def office_on(db: Database, settings: CooperativesSettings) -> AsyncIterator[Office]:
    """The service over HTTP, in this process, with everything but its worker and relay."""
    app = make_app("cooperatives", *service.routers, database=db, settings=settings)
    tokens = Tokens()
    app.state.verifier = tokens.verifier()
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://cooperatives", timeout=30
    ) as client:
        yield Office(client, db, tokens)


@pytest_asyncio.fixture(scope="session")
async def office(make_database: MakeDatabase, cooperatives_settings: CooperativesSettings) -> AsyncIterator[Office]:
    """One for the whole run; tests make cooperatives of their own."""
    db = await make_database("cooperatives", settings=cooperatives_settings)
    async with office_on(db, cooperatives_settings) as office:
        yield office
