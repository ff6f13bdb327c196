"""The short way around FastAPI: the same answers as the long way, and only for requests that lose nothing by it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, cast

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.types import Receive, Scope, Send

from shared.db import Database
from shared.direct import DirectRoute, DirectWay
from shared.http import BODY_BYTES_MAX, TooLargeIsAProblem, make_app
from shared.problems import VersionChanged
from shared.telemetry import UnsampledTraces

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = SAMPLED[:-1] + "0"


class Echo(DirectRoute):
    """Answers with what it was sent, or as it is told."""

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        if body == b"refuse":
            raise VersionChanged("since you read it")
        if body == b"malformed":
            raise RequestValidationError([{"loc": ("body", "lines", 0), "msg": "no", "type": "x", "input": None}])
        if body == b"break":
            raise RuntimeError("a fault of ours")
        return Response(body, 201, media_type="text/plain")


router = APIRouter(prefix="/v1/echo", route_class=Echo)


@router.post("", status_code=201)
async def echo(request: Request) -> Response:
    """Described here, answered by the route's class."""
    raise AssertionError("the class of the route answers, and this is never called")


class Counting:
    """Counts who comes the long way."""

    def __init__(self, app: FastAPI) -> None:
        self.app = TooLargeIsAProblem(app)
        self.came = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.came += 1
        await self.app(scope, receive, send)


@contextmanager
def both_ways() -> Iterator[tuple[httpx2.AsyncClient, Counting]]:
    """A client, and the long way, which counts."""
    app = make_app("echo", router, database=cast(Database, None), settings=None)
    long = Counting(app)
    short = DirectWay(long, app, app.state.direct_answers, body_bytes_max=BODY_BYTES_MAX)
    transport = httpx2.ASGITransport(app=UnsampledTraces(short, ratio=0), raise_app_exceptions=False)
    yield httpx2.AsyncClient(transport=transport, base_url="http://echo"), long


@pytest.mark.parametrize(
    ("body", "status"), [(b"hello", 201), (b"", 201), (b"refuse", 409), (b"malformed", 422), (b"break", 500)]
)
async def test_the_short_way_answers_as_the_long_way_does(body: bytes, status: int) -> None:
    with both_ways() as (client, long):
        short = await client.post("/v1/echo", content=body, headers={"traceparent": UNSAMPLED})
        assert long.came == 0
        traced = await client.post("/v1/echo", content=body, headers={"traceparent": SAMPLED})
        assert long.came == 1

    assert short.status_code == traced.status_code == status
    assert (short.content, short.headers) == (traced.content, traced.headers)


async def test_a_body_without_a_length_goes_the_long_way() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"hel"
        yield b"lo"

    with both_ways() as (client, long):
        answer = await client.post("/v1/echo", content=parts())

    assert (answer.status_code, answer.content, long.came) == (201, b"hello", 1)


async def test_a_body_that_is_too_large_is_refused_on_the_long_way() -> None:
    with both_ways() as (client, long):
        answer = await client.post("/v1/echo", content=b"x" * (BODY_BYTES_MAX + 1))

    assert (answer.status_code, long.came) == (413, 1)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_other_methods_and_addresses_go_the_long_way() -> None:
    with both_ways() as (client, long):
        statuses = [(await client.get("/v1/echo")).status_code, (await client.post("/v1/echo/")).status_code]

    assert (statuses, long.came) == ([405, 404], 2)


def test_a_direct_route_is_described_like_every_other() -> None:
    app = make_app("echo", router, database=cast(Database, None), settings=None)

    document: dict[str, Any] = app.openapi()

    assert list(document["paths"]) == ["/v1/echo"]
    assert document["paths"]["/v1/echo"]["post"]["description"].startswith("Described here")
