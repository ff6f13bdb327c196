"""Every error that leaves a service is a problem document (RFC 9457)."""

from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from shared import problems
from shared.problems import Forbidden, NotFound, Overloaded, Problem, documented


class OfferGone(Problem):
    """Another buyer took the last one.

    Longer explanation that no client sees.
    """

    status = 409
    slug = "offer-gone"


class Thing(BaseModel):
    """What is sent."""

    name: str
    parts: list[int]


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    problems.install(app)

    @app.get("/refused", responses=documented(OfferGone, NotFound, Forbidden))
    async def refused() -> None:
        raise OfferGone("the red one", product="red/1")

    @app.get("/overloaded")
    async def overloaded() -> None:
        raise Overloaded

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, headers={"X-Kind": "earl grey"})

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError("a secret of ours")

    @app.post("/things")
    async def things(thing: Thing) -> None:
        """Takes a thing."""

    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_a_refusal_says_what_and_why(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/refused")

    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:lumbung:problem:offer-gone",
        "title": "Another buyer took the last one.",
        "status": 409,
        "detail": "the red one",
        "product": "red/1",
    }


async def test_an_overloaded_service_says_when_to_come_again(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/overloaded")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_malformed_request_says_where(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/things", json={"parts": [1, "two"]})

    body = answer.json()
    assert (answer.status_code, body["type"]) == (422, "urn:lumbung:problem:malformed")
    assert {fault["pointer"] for fault in body["errors"]} == {"/body/name", "/body/parts/1"}


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/things", 405), ("/teapot", 418)])
async def test_errors_of_the_framework_are_problems_too(client: httpx2.AsyncClient, path: str, status: int) -> None:
    answer = await client.get(path)

    assert answer.status_code == answer.json()["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_fault_of_ours_tells_nothing_about_itself(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/broken")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text


async def test_problems_are_documented_by_status(client: httpx2.AsyncClient) -> None:
    answers = (await client.get("/openapi.json")).json()["paths"]["/refused"]["get"]["responses"]

    assert "offer-gone" in answers["409"]["description"]
    assert "application/problem+json" in answers["404"]["content"]


def test_problems_of_one_status_share_an_entry() -> None:
    both = documented(OfferGone, problems.VersionChanged)

    assert list(both) == [409]
    assert "offer-gone" in both[409]["description"] and "version-changed" in both[409]["description"]
