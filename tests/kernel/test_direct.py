"""The short way around FastAPI: the same answers as the long way, and only for requests that lose nothing by it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, cast
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.types import Receive, Scope, Send

from shared.db import Database
from shared.direct import DirectRoute, DirectWay, direct_answers, path_of, query_of
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


class Place(BaseModel):
    """Where something is."""

    thing_id: UUID


class Asked(BaseModel):
    """What is asked of it."""

    size: int = Field(default=3, ge=1, le=9)
    word: str | None = Field(default=None, max_length=5)
    price: int | None = Field(default=None, ge=0)


class Thing(DirectRoute):
    """Tells what it understood."""

    async def answer(self, request: Request) -> Response:
        place, asked = path_of(request, Place), query_of(request, Asked)
        return Response(f"{place.thing_id} {asked}", media_type="text/plain")


things = APIRouter(route_class=Thing)


@things.get("/{thing_id}")
async def thing(thing_id: UUID, asked: Annotated[Asked, Query()]) -> Response:
    """Described here, answered by the route's class."""
    raise AssertionError("the class of the route answers, and this is never called")


ordinary = APIRouter(prefix="/v1/ordinary")


@ordinary.get("/{thing_id}")
async def ordinary_thing(
    thing_id: UUID,
    size: Annotated[int, Query(ge=1, le=9)] = 3,
    word: Annotated[str | None, Query(max_length=5)] = None,
    price: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """The same, by FastAPI."""
    return Response(f"{thing_id} {Asked(size=size, word=word, price=price)}", media_type="text/plain")


nested = APIRouter(prefix="/v1/things")
nested.include_router(things)


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
    app = make_app("echo", router, nested, ordinary, database=cast(Database, None), settings=None)
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


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200),
        ("?size=5&word=satu", 200),
        ("?size=5&size=6&unknown=1", 200),
        ("?word=&price=0", 200),
        ("?word=a%20b%2Bc", 200),
        ("?word=a+%C3%A9", 200),
        ("?size=0", 422),
        ("?size=", 422),
        ("?size=two&word=too-long&price=-1", 422),
    ],
)
async def test_parameters_are_read_and_refused_as_fastapi_does(query: str, status: int) -> None:
    thing_id = uuid4()
    with both_ways() as (client, long):
        short = await client.get(f"/v1/things/{thing_id}{query}", headers={"traceparent": UNSAMPLED})
        assert long.came == 0
        traced = await client.get(f"/v1/things/{thing_id}{query}", headers={"traceparent": SAMPLED})
        usual = await client.get(f"/v1/ordinary/{thing_id}{query}", headers={"traceparent": UNSAMPLED})
        assert long.came == 2

    assert short.status_code == status
    assert (short.content, short.headers) == (traced.content, traced.headers) == (usual.content, usual.headers)


@pytest.mark.parametrize("thing_id", ["1", "%20", "not-an-id", "0" * 31, "{thing_id}"])
async def test_a_place_that_is_none_is_refused_as_fastapi_does(thing_id: str) -> None:
    with both_ways() as (client, long):
        short = await client.get(f"/v1/things/{thing_id}", headers={"traceparent": UNSAMPLED})
        assert long.came == 0
        usual = await client.get(f"/v1/ordinary/{thing_id}", headers={"traceparent": UNSAMPLED})

    assert short.status_code == 422
    assert short.json()["errors"][0]["pointer"] == "/path/thing_id"
    assert short.content == usual.content


def test_parameters_that_are_a_model_are_described_like_others() -> None:
    app = make_app("echo", nested, ordinary, database=cast(Database, None), settings=None)

    paths: dict[str, Any] = app.openapi()["paths"]

    direct, usual = paths["/v1/things/{thing_id}"]["get"], paths["/v1/ordinary/{thing_id}"]["get"]
    assert (direct["parameters"], direct["responses"]) == (usual["parameters"], usual["responses"])


async def test_only_addresses_of_its_pattern_go_the_short_way() -> None:
    with both_ways() as (client, long):
        for path in ("/v1/things/", "/v1/things/a/b", "/v1/things", "/v2/things/a"):
            assert (await client.get(path)).status_code == 404
        assert (await client.post("/v1/things/a")).status_code == 405

    assert long.came == 5


@pytest.mark.parametrize(
    ("earlier", "later"),
    [("/things/newest", "/things/{id}"), ("/things/{id}", "/things/newest"), ("/{kind}/newest", "/things/{id}")],
)
def test_a_direct_route_that_another_comes_before_is_refused(earlier: str, later: str) -> None:
    first, second = APIRouter(), APIRouter(route_class=Echo)
    first.get(earlier)(echo)
    second.get(later)(echo)

    with pytest.raises(ValueError, match="comes before"):
        direct_answers([first, second])
    assert [route.path for route in direct_answers([second, first])] == [later]


@pytest.mark.parametrize("earlier", ["/things", "/things/{id}/parts", "/other/{id}"])
def test_a_direct_route_comes_after_others_that_nobody_takes_for_it(earlier: str) -> None:
    first, second = APIRouter(), APIRouter(route_class=Echo)
    first.get(earlier)(echo)
    second.get("/things/{id}")(echo)

    assert [route.path for route in direct_answers([first, second])] == ["/things/{id}"]
