"""Programmes without Kafka: the app over HTTP on the throw-away database, officers and people."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest_asyncio

from services.programmes.main import service
from services.programmes.settings import ProgrammesSettings
from shared.calendar import day_of
from shared.clock import utc_now
from shared.db import Database
from shared.http import make_app
from shared.testing.tokens import Tokens

PUBLIC_URL = "https://lumbung.example/api/programmes"


def today() -> date:
    """The day it is in Jakarta."""
    return day_of(utc_now())


@dataclass
class Desk:
    """The service over HTTP."""

    client: httpx2.AsyncClient
    db: Database
    tokens: Tokens

    def person(self, *roles: str, kind: Any = "person") -> tuple[UUID, dict[str, str]]:
        """Somebody, and the headers that say so."""
        account_id = uuid4()
        return account_id, self.tokens.headers(account_id, roles=roles, kind=kind)

    async def training(self, headers: dict[str, str], **other: Any) -> UUID:
        """A new training of one day, today."""
        body = training_body() | other
        answer = await self.client.post("/v1/trainings", json=body, headers=once(headers))
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["training_id"])

    async def enrol(self, training_id: UUID, headers: dict[str, str], name: str = "Siti Aminah") -> dict[str, Any]:
        """Take part."""
        answer = await self.client.post(f"/v1/trainings/{training_id}/enrolments", json={"name": name}, headers=headers)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def certificate(
        self, officer: dict[str, str], *, name: str = "Siti Aminah", **training: Any
    ) -> tuple[UUID, dict[str, str], dict[str, Any]]:
        """Somebody who passed a training: their id and headers, and the certificate as issued."""
        training_id = await self.training(officer, **training)
        person_id, headers = self.person()
        enrolment_id = (await self.enrol(training_id, headers, name))["enrolment_id"]
        issued = await self.complete(training_id, officer, {enrolment_id: "passed"})
        return person_id, headers, issued[0]

    async def complete(
        self, training_id: UUID, officer: dict[str, str], results: dict[str, str]
    ) -> list[dict[str, Any]]:
        """Everybody came today, and these are the results."""
        came = await self.client.post(
            f"/v1/trainings/{training_id}/attendances",
            json={"day": today().isoformat(), "enrolment_ids": list(results)},
            headers=officer,
        )
        assert came.status_code == 204, came.text
        answer = await self.client.post(
            f"/v1/trainings/{training_id}/completions",
            json={"results": [{"enrolment_id": each, "result": result} for each, result in results.items()]},
            headers=officer,
        )
        assert answer.status_code == 200, answer.text
        certificates: list[dict[str, Any]] = answer.json()["certificates"]
        return certificates

    async def figures(self, region: str | None, period: str, **headers: str) -> dict[tuple[str, str], int | None]:
        """What anybody may see: value by (region, indicator)."""
        query = f"period={period}" + (f"&region={region}" if region else "")
        answer = await self.client.get(f"/v1/indicators?{query}", headers=headers)
        assert answer.status_code == 200, answer.text
        return {(row["kode_wilayah"], row["indikator"]): row["nilai"] for row in answer.json()["items"]}


def once(headers: dict[str, str]) -> dict[str, str]:
    """With a key of its own."""
    return headers | {"Idempotency-Key": str(uuid4())}


def training_body() -> dict[str, Any]:
    """What an officer sends to announce a training of one day."""
    return {
        "title": "Keamanan pangan untuk industri rumah tangga",
        "scheme": "keamanan-pangan",
        "region_code": "18.01",
        "starts_on": today().isoformat(),
        "ends_on": today().isoformat(),
        "capacity": 20,
        "provider": "Dinas Kesehatan Lampung Selatan",
        "skkni_number": "181/2017",
        "validity_months": 36,
    }


def tomorrow() -> str:
    """As it is written in JSON."""
    return (today() + timedelta(days=1)).isoformat()


@pytest_asyncio.fixture(scope="session")
async def desk(programmes_db: Database) -> AsyncIterator[Desk]:
    """The service over HTTP, in this process, without its worker and relay."""
    settings = ProgrammesSettings(
        database_url="postgresql://unused",
        kafka_bootstrap="127.0.0.1:1",
        kafka_username="unused",
        kafka_password="unused",
        http_port=1,
        identity_url="http://127.0.0.1:1",
        programmes_url="http://127.0.0.1:1",
        verification_url=PUBLIC_URL,
    )
    app = make_app("programmes", *service.routers, database=programmes_db, settings=settings)
    tokens = Tokens()
    app.state.verifier = tokens.verifier()
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://programmes", timeout=30
    ) as client:
        yield Desk(client, programmes_db, tokens)
