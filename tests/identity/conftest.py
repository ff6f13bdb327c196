"""Identity in this process: its real application on a real database, the real notice sandbox, cheap password hashes."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from deploy.sandbox.notices import create_app
from deploy.sandbox.settings import NoticeSettings
from services.identity import routes
from services.identity.main import own_verifier
from services.identity.routes.running import RunningIdentity
from services.identity.settings import IdentitySettings
from services.identity.use_cases.ask_for_notice import PURPOSE
from services.identity.use_cases.rotate_keys import ensure_keys
from services.identity.use_cases.send_notice import NoticeChannel
from shared.calls_out import CallsOut
from shared.clock import utc_now
from shared.db import Database
from shared.http import make_app

IDENTITY_KEY = "a key for tests, as long as a real one would be"
NOTICES_TOKEN = "a token for tests"
PASSWORD = "kopi lampung 1873"


def settings_for_tests(notices_url: str) -> IdentitySettings:
    """As the service would read them, with password hashes that cost half a millisecond."""
    return IdentitySettings(
        database_url=SecretStr("unused"),
        kafka_bootstrap="unused",
        kafka_username="unused",
        kafka_password=SecretStr("unused"),
        http_port=1,
        identity_url="http://identity.test",
        identity_key=SecretStr(IDENTITY_KEY),
        notices_url=notices_url,
        notices_token=SecretStr(NOTICES_TOKEN),
        password_memory_kib=1024,
        password_passes=1,
        password_waiting_max=500,
    )


@pytest_asyncio.fixture(scope="session")
async def notices_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The notice sandbox, listening."""
    folder: Path = tmp_path_factory.mktemp("notices")
    app = create_app(NoticeSettings(sandbox_dir=folder, notices_token=NOTICES_TOKEN))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done()
        await asyncio.sleep(0.01)
    yield "http://127.0.0.1:%d" % server.servers[0].sockets[0].getsockname()[1]  # noqa: UP031 - shorter so
    server.should_exit = True
    await serving


@dataclass
class People:
    """The service as people meet it: over HTTP, each from a network address of their own."""

    app: FastAPI
    db: Database
    running: RunningIdentity
    calls: CallsOut
    notices_url: str
    clients: list[httpx2.AsyncClient] = field(default_factory=list)

    def from_address(self, address: str | None = None) -> httpx2.AsyncClient:
        """An HTTP client at a network address."""
        address = address or ".".join(str(secrets.randbelow(250) + 1) for _ in range(4))
        transport = httpx2.ASGITransport(app=self.app, client=(address, 4711))
        self.clients.append(httpx2.AsyncClient(transport=transport, base_url="http://identity.test"))
        return self.clients[-1]

    async def messages(self, to: str) -> list[dict[str, Any]]:
        """What came to a phone or mailbox, newest first, after everything due was sent."""
        while await self.calls.step():
            pass
        async with httpx2.AsyncClient() as client:
            answer = await client.get(self.notices_url + "/messages", params={"to": to})
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def code(self, to: str) -> str:
        """The newest code that came."""
        found = re.search(r"\b\d{6}\b", (await self.messages(to))[0]["text"])
        assert found is not None
        return found[0]

    async def signed_up(self, **body: Any) -> dict[str, str]:
        """The Authorization header of a new person with an e-mail address and PASSWORD."""
        client = self.from_address()
        body = {"email": new_email(), "password": PASSWORD, "name": "Siti"} | body
        made = await client.post("/v1/accounts", json=body)
        assert made.status_code == 201, made.text
        tokens = await sign_in(client, username=body["email"])
        return {"Authorization": f"Bearer {tokens['access_token']}"}


@pytest_asyncio.fixture(scope="session")
async def people(identity_db: Database, notices_url: str) -> AsyncIterator[People]:
    """The service and those who use it."""
    settings = settings_for_tests(notices_url)
    running = RunningIdentity.start(settings, identity_db)
    async with identity_db.transaction() as conn:
        await ensure_keys(conn, running.keys.vault, now=utc_now())
    app = make_app("identity", *routes.routers, database=identity_db, settings=settings)
    app.state.identity = running
    app.state.verifier = own_verifier(identity_db)
    channel = NoticeChannel(identity_db, running.keys, url=notices_url, token=NOTICES_TOKEN, timeout_seconds=5)
    people = People(app, identity_db, running, CallsOut(identity_db, {PURPOSE: channel.purpose}), notices_url)
    yield people
    for client in people.clients:
        await client.aclose()
    await channel.close()
    await running.passwords.close()


def new_phone() -> str:
    """A number that nobody else in this run has, in the national spelling."""
    return f"0812{secrets.randbelow(10**8):08d}"


def international(phone: str) -> str:
    """As it is stored."""
    return "+62" + phone[1:]


def new_email() -> str:
    """An address that nobody else in this run has."""
    return f"{secrets.token_hex(6)}@contoh.id"


async def sign_in(client: httpx2.AsyncClient, *, username: str, password: str = PASSWORD) -> dict[str, Any]:
    """The answer of the password grant."""
    answer = await client.post("/v1/token", data={"grant_type": "password", "username": username, "password": password})
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


async def published_of(db: Database, account_id: str | UUID) -> list[str]:
    """The types of the events about an account, in order."""
    async with db.reading() as conn:
        rows = await conn.fetch("SELECT type FROM outbox WHERE ordering_key = $1 ORDER BY id", str(account_id))
    return [row["type"] for row in rows]
