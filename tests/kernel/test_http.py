"""What every service answers when something is wrong around it: slow clients, large bodies, a busy database."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx2
import pytest
import pytest_asyncio
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from deploy.local.stack import Stack
from shared.db import Database
from shared.http import BODY_BYTES_MAX, FRAME_BYTES_MAX, Db, Server, make_app, server
from shared.telemetry import current_traceparent
from tests.conftest import MakeDatabase

RECEIVE_SECONDS = 0.5
LONG_BYTES = 10_000_000
router = APIRouter()


@router.post("/echo")
async def echo(request: Request) -> dict[str, int]:
    return {"bytes": len(await request.body())}


@router.get("/long")
async def long() -> Response:
    return Response(b"x" * LONG_BYTES)


@router.get("/stream")
async def stream() -> StreamingResponse:
    return StreamingResponse(iter([b"x" * 100_000] * (LONG_BYTES // 100_000)))


@router.get("/locked")
async def locked(db: Db) -> None:
    async with db.transaction() as conn:
        await conn.execute("SET LOCAL lock_timeout = '50ms'")
        await conn.execute("SELECT pg_advisory_xact_lock(42)")


@router.get("/misfit")
async def misfit(db: Db) -> None:
    async with db.reading() as conn:
        await conn.fetchval("SELECT $1::int", 2**40)


@router.get("/trace")
async def trace() -> dict[str, str | None]:
    return {"traceparent": current_traceparent()}


@dataclass
class Running:
    """A service with these routes, served as all are."""

    url: str
    port: int
    db: Database
    http: Server


@asynccontextmanager
async def serving(db: Database, *, connections: int = 100, trace_ratio: float = 0.0) -> AsyncIterator[Running]:
    app = make_app("kernel", router, database=db, settings=None)
    http = server(
        app,
        host="127.0.0.1",
        port=0,
        receive_seconds=RECEIVE_SECONDS,
        connections=connections,
        trace_ratio=trace_ratio,
    )
    task = asyncio.create_task(http.serve())
    while not http.started:
        await asyncio.sleep(0.01)
    port = http.servers[0].sockets[0].getsockname()[1]
    yield Running(f"http://127.0.0.1:{port}", port, db, http)
    http.end()
    await task


@pytest_asyncio.fixture(scope="module")
async def service(make_database: MakeDatabase) -> AsyncIterator[Running]:
    async with serving(await make_database("orders", size=4)) as running:
        yield running


@pytest.mark.parametrize(
    "sent", [b"", b"GET /healthz HTTP/1.1\r\nhost", b"POST /echo HTTP/1.1\r\ncontent-length: 5\r\n\r\nab"]
)
async def test_a_client_that_does_not_finish_its_request_loses_its_connection(service: Running, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(sent)
    started = asyncio.get_running_loop().time()

    answer = b"waiting"
    try:
        async with asyncio.timeout(RECEIVE_SECONDS * 6):
            answer = await reader.read()
    except ConnectionError:
        answer = b""

    assert answer == b""
    assert asyncio.get_running_loop().time() - started >= RECEIVE_SECONDS * 0.8
    writer.close()


def narrow_client(port: int) -> socket.socket:
    """One that keeps little of what it has not read."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    client.setblocking(False)
    client.connect_ex(("127.0.0.1", port))
    return client


async def bytes_until_cut(reader: asyncio.StreamReader) -> int:
    """How much still comes until the connection ends. Raises TimeoutError when it does not."""
    got = 0
    with suppress(ConnectionError):
        async with asyncio.timeout(RECEIVE_SECONDS * 10):
            while piece := await reader.read(2**20):
                got += len(piece)
    return got


@pytest.mark.parametrize("path", [b"/long", b"/stream"])
@pytest.mark.parametrize("ending", [b"", b"connection: close\r\n"])
@pytest.mark.parametrize("is_half_taken", [False, True])
async def test_a_client_that_does_not_take_its_answer_loses_its_connection(
    service: Running, path: bytes, ending: bytes, *, is_half_taken: bool
) -> None:
    reader, writer = await asyncio.open_connection(sock=narrow_client(service.port))
    writer.write(b"GET " + path + b" HTTP/1.1\r\nhost: x\r\n" + ending + b"\r\n")
    got, stops_at = 0, asyncio.get_running_loop().time() + (RECEIVE_SECONDS * 1.5 if is_half_taken else 0)
    while asyncio.get_running_loop().time() < stops_at and got < LONG_BYTES // 4:
        got += len(await reader.read(50_000))
        await asyncio.sleep(0.01)
    await asyncio.sleep(RECEIVE_SECONDS * 3)  # more waits than fits into the buffers of both kernels
    got += await bytes_until_cut(reader)

    assert 0 < got < LONG_BYTES
    writer.close()


async def test_also_a_rest_that_the_transport_keeps_is_not_kept_for_ever(service: Running) -> None:
    reader, writer = await asyncio.open_connection(sock=narrow_client(service.port), limit=1024)
    while not service.http.server_state.connections:
        await asyncio.sleep(0.01)
    for connection in service.http.server_state.connections:
        connection.transport.set_write_buffer_limits(high=2 * LONG_BYTES)  # so that it never asks us to pause
    writer.write(b"GET /long HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    await asyncio.sleep(RECEIVE_SECONDS * 3)

    assert 0 < await bytes_until_cut(reader) < LONG_BYTES
    writer.close()


async def test_a_client_that_takes_an_answer_slowly_gets_all_of_it(service: Running) -> None:
    got, began = 0, asyncio.get_running_loop().time()
    reader, writer = await asyncio.open_connection(sock=narrow_client(service.port))
    writer.write(b"GET /long HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    while piece := await reader.read(50_000):
        got += len(piece)
        await asyncio.sleep(0.01)  # in all much longer than a single deadline

    writer.close()

    assert got > LONG_BYTES
    assert asyncio.get_running_loop().time() - began > 2 * RECEIVE_SECONDS


async def test_a_client_that_asks_without_end_before_it_is_answered_loses_its_connection(service: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    asked, got = 1_000, b""
    writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n" * asked)
    with suppress(ConnectionError):
        async with asyncio.timeout(RECEIVE_SECONDS * 10):
            while piece := await reader.read(2**20):
                got += piece

    assert got.count(b"HTTP/1.1 200") < asked
    writer.close()


async def test_empty_lines_keep_no_connection_open(service: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
    await reader.readuntil(b'alive"}')
    with suppress(ConnectionError):
        async with asyncio.timeout(RECEIVE_SECONDS * 6):
            while not reader.at_eof():
                writer.write(b"\r\n")
                await writer.drain()
                await asyncio.sleep(RECEIVE_SECONDS / 5)
    writer.close()


async def test_a_connection_that_is_kept_alive_is_not_cut_between_requests(service: Running) -> None:
    async with httpx2.AsyncClient(base_url=service.url) as http:
        first = await http.get("/healthz")
        await asyncio.sleep(RECEIVE_SECONDS * 2)  # the time that passes is what is tested
        second = await http.get("/healthz")

    assert (first.status_code, second.status_code) == (200, 200)


async def test_more_open_connections_than_the_limit_are_told_when_to_try_again(make_database: MakeDatabase) -> None:
    async with serving(await make_database("orders", size=2), connections=10) as service:
        idle = [await asyncio.open_connection("127.0.0.1", service.port) for _ in range(12)]
        async with httpx2.AsyncClient(base_url=service.url) as http:
            answer = await http.get("/healthz")
        for _, writer in idle:
            writer.close()

        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["type"] == "urn:lumbung:problem:overloaded"


async def test_who_was_there_first_is_served_while_too_many_others_come(make_database: MakeDatabase) -> None:
    async with serving(await make_database("orders", size=2), connections=10) as service:
        async with (
            httpx2.AsyncClient(base_url=service.url) as early,
            httpx2.AsyncClient(base_url=service.url) as late,
        ):
            first = await early.get("/healthz")
            idle = [await asyncio.open_connection("127.0.0.1", service.port) for _ in range(12)]
            while_full = await early.get("/healthz")
            refused = await late.get("/healthz")
            for _, writer in idle:
                writer.close()
                await writer.wait_closed()
            again = await late.get("/healthz")

        assert [answer.status_code for answer in (first, while_full, refused, again)] == [200, 200, 503, 200]
        assert refused.headers["connection"] == "close"


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_over_the_limit_is_answered_with_a_problem(service: Running, *, is_chunked: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(BODY_BYTES_MAX // 1024 + 2):
            yield b"x" * 1024

    async with httpx2.AsyncClient(base_url=service.url) as http:
        answer = await http.post("/echo", content=chunks() if is_chunked else b"x" * (BODY_BYTES_MAX + 1))
        fits = await http.post("/echo", content=b"x" * BODY_BYTES_MAX)

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:lumbung:problem:too-large"
    assert fits.json() == {"bytes": BODY_BYTES_MAX}


@pytest.mark.parametrize(
    "start", [b"GET /healthz HTTP/1.1\r\nx: ", b"POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: "]
)
async def test_a_head_or_trailer_without_end_loses_its_connection(service: Running, start: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(start)

    sent = 0
    with suppress(ConnectionError):
        while sent < 64 * FRAME_BYTES_MAX:
            writer.write(b"a" * FRAME_BYTES_MAX)
            await writer.drain()
            sent += FRAME_BYTES_MAX

    assert sent < 64 * FRAME_BYTES_MAX
    writer.close()


async def test_nobody_is_led_to_the_host_that_a_request_names(service: Running) -> None:
    async with httpx2.AsyncClient(base_url=service.url) as http:
        answer = await http.get("/trace/", headers={"host": "evil.example"})

    assert (answer.status_code, answer.headers.get("location")) == (404, None)


async def test_others_are_answered_while_a_service_describes_itself_which_it_does_once(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_another_answered, in_time = threading.Event(), list[bool]()

    def takes_long(_: FastAPI) -> dict[str, str]:
        in_time.append(is_another_answered.wait(5))
        return {"openapi": "3.1.0"}

    monkeypatch.setattr(FastAPI, "openapi", takes_long)
    async with serving(service.db) as running, httpx2.AsyncClient(base_url=running.url) as http:
        describing = asyncio.create_task(http.get("/openapi.json"))
        await asyncio.sleep(0.2)
        await http.get("/healthz")
        is_another_answered.set()
        answers = [await describing, await http.get("/openapi.json")]

    assert in_time == [True]
    assert [answer.json() for answer in answers] == [{"openapi": "3.1.0"}] * 2


async def test_a_lock_that_is_not_free_in_time_is_answered_503(service: Running) -> None:
    async with httpx2.AsyncClient(base_url=service.url) as http, service.db.transaction() as conn:
        await conn.execute("SELECT pg_advisory_xact_lock(42)")
        answer = await http.get("/locked")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["type"] == "urn:lumbung:problem:overloaded"


async def test_a_fault_of_ours_is_answered_500_without_its_text(service: Running) -> None:
    async with httpx2.AsyncClient(base_url=service.url) as http:
        answer = await http.get("/misfit")

    assert answer.status_code == 500
    assert set(answer.json()) == {"type", "title", "status", "trace_id"}


async def test_a_pool_without_a_free_connection_is_answered_503(stack: Stack, make_database: MakeDatabase) -> None:
    db = await make_database("orders", size=1)
    db.acquire_seconds = 0.1
    async with serving(db) as running, httpx2.AsyncClient(base_url=running.url) as http, db.transaction():
        answer = await http.get("/locked")

    assert answer.status_code == 503


async def test_a_database_that_is_gone_is_answered_503(stack: Stack) -> None:
    dsn = stack.dsn("orders")
    host_port = dsn.split("@")[1].split("/")[0]
    gone = await Database.connect(dsn, source="orders", size=1)
    gone.pool.set_connect_args(dsn.replace(host_port, "127.0.0.1:1"))
    await gone.pool.expire_connections()
    async with serving(gone) as running, httpx2.AsyncClient(base_url=running.url) as http:
        answer = await http.get("/locked")
    await gone.close()

    assert answer.status_code == 503


async def test_a_request_that_is_not_sampled_still_has_its_callers_trace_id(service: Running) -> None:
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    async with httpx2.AsyncClient(base_url=service.url) as http:
        callers = await http.get("/trace", headers={"traceparent": given})
        own = await http.get("/trace")
        broken = await http.get("/trace", headers={"traceparent": "00-zz-zz-00"})

    assert callers.json() == {"traceparent": given}
    assert own.json()["traceparent"][-2:] == "00"
    assert len({own.json()["traceparent"], broken.json()["traceparent"], given}) == 3
