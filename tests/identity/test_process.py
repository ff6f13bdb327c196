"""Identity as a process of its own: it starts, survives being killed, and two of them agree about keys."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from deploy.local.processes import base_environment, service_environment
from deploy.local.stack import Stack
from shared.auth import Verifier
from shared.testing.waiting import eventually
from tests.conftest import MakeDatabase
from tests.identity.conftest import PASSWORD, new_email, new_phone, sign_in


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def process(environment: dict[str, str], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Identity's HTTP role, ready; killed at the end if it still runs."""
    with log.open("ab") as output:
        # The worker would join the consumer group of the stack that runs beside.
        running = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.identity.main",
            "--role",
            "http",
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        async with httpx2.AsyncClient(base_url=environment["LUMBUNG_IDENTITY_URL"]) as client:

            async def is_ready() -> bool:
                assert running.returncode is None, "identity ended by itself"
                try:
                    return (await client.get("/readyz")).status_code == 200
                except httpx2.TransportError:
                    return False

            await eventually(is_ready, what="identity's readiness")
        yield running
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


async def test_two_processes_agree_and_a_killed_one_forgets_nothing(
    stack: Stack, make_database: MakeDatabase, tmp_path: Path
) -> None:
    database = await make_database("identity", size=2)
    async with database.reading() as conn:
        name = await conn.fetchval("SELECT current_database()")
    log = tmp_path / "identity.log"
    environments = []
    for _ in range(2):
        port = free_port()
        own = {
            "LUMBUNG_DATABASE_URL": stack.dsn("identity").rsplit("/", 1)[0] + f"/{name}",
            "LUMBUNG_HTTP_PORT": str(port),
            "LUMBUNG_IDENTITY_URL": f"http://127.0.0.1:{port}",
            "LUMBUNG_PASSWORD_MEMORY_KIB": "1024",
            "LUMBUNG_LOG_LEVEL": "DEBUG",
        }
        environments.append(base_environment() | service_environment(stack, "identity") | own)
    email, phone = new_email(), new_phone()

    async with process(environments[0], log) as first, process(environments[1], log) as second:
        async with (
            httpx2.AsyncClient(base_url=environments[0]["LUMBUNG_IDENTITY_URL"]) as one,
            httpx2.AsyncClient(base_url=environments[1]["LUMBUNG_IDENTITY_URL"]) as other,
        ):
            body = {"email": email, "password": PASSWORD, "name": "Siti"}
            assert (await one.post("/v1/accounts", json=body)).status_code == 201
            assert (await one.post("/v1/accounts", json={"phone": phone, "name": "Budi"})).status_code == 201
            assert (await one.post("/v1/accounts", content=b'{"phone": ')).status_code == 422
            tokens = await sign_in(one, username=email)
            first.send_signal(signal.SIGKILL)
            await first.wait()

            headers = {"Authorization": f"Bearer {tokens['access_token']}"}
            assert (await other.get("/v1/accounts/me", headers=headers)).status_code == 200
            form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
            assert (await other.post("/v1/token", data=form)).status_code == 200
            published = (await other.get("/.well-known/jwks.json")).json()
        async with process(environments[0], log) as third:
            verifier = Verifier(environments[0]["LUMBUNG_IDENTITY_URL"])
            assert (await verifier.verify(tokens["access_token"])).kind == "person"
            async with httpx2.AsyncClient(base_url=environments[0]["LUMBUNG_IDENTITY_URL"]) as client:
                assert (await client.get("/.well-known/jwks.json")).json() == published
            await verifier.close()
            third.send_signal(signal.SIGTERM)
            assert await third.wait() == 0
        second.send_signal(signal.SIGTERM)
        assert await second.wait() == 0

    logged = log.read_text()
    assert '"starts"' in logged
    for text in (email, phone[1:], "Siti", "Budi", PASSWORD):
        assert text not in logged


async def test_absurd_settings_stop_the_start_with_a_sentence(stack: Stack) -> None:
    environment = base_environment() | service_environment(stack, "identity") | {"LUMBUNG_IDENTITY_KEY": "short"}

    refused = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.identity.main",
        env=os.environ | environment,
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    _, stderr = await refused.communicate()

    assert refused.returncode == 2
    assert b"LUMBUNG_IDENTITY_KEY: " in stderr
    assert b"short" not in stderr.replace(b"too_short", b"")
