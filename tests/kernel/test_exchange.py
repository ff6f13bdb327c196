"""A direct answer is written in one piece; what a client reads is what it would read by the long way, byte for byte."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import pytest_asyncio
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from shared.db import Database
from shared.direct import DirectRoute, body_of
from shared.http import BODY_BYTES_MAX, Server, WholeExchange, make_app, server
from shared.problems import VersionChanged

TRACE = b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\n"  # the same in both answers
DONE = asyncio.Event()
ANSWERED: list[str] = []
LONG_BYTES = 2_000_000


class Said(BaseModel):
    """What a client says."""

    word: str


class Echo(DirectRoute):
    """Answers with what it was sent, or as it is told."""

    async def answer(self, request: Request) -> Response:
        _, said = await body_of(request, Said)
        assert b"word" in await request.body()  # asked for again, it is still there
        ANSWERED.append(said.word)
        match said.word:
            case "refuse":
                raise VersionChanged("since you read it")
            case "inject":
                return Response(b"", headers={"x-place": "here\r\nset-cookie: a=b"})
            case "stream":
                return StreamingResponse(iter([b"one", b"two"]), headers={"content-length": "6"})
            case "long":
                return Response(b"x" * LONG_BYTES)
            case "later":
                return Response(b"now", background=BackgroundTask(DONE.set))
            case "cookies":
                response = Response(b"two")
                response.set_cookie("a", "1")
                response.set_cookie("b", "2")
                return response
            case "wrong":
                return Response(b"much", headers={"content-length": "2"})
            case "slow":
                await asyncio.sleep(0.5)  # meanwhile what comes behind it comes whole
            case "close":
                return Response(b"bye", headers={"connection": "close"})
            case "nothing":
                return Response(status_code=204)
        return Response(said.word.encode(), 201, media_type="text/plain", headers={"x-kind": "echo"})


router = APIRouter(prefix="/echo", route_class=Echo)


@router.post("")
async def echo(request: Request) -> Response:
    """Described here, answered by the route's class."""
    raise AssertionError("the class of the route answers, and this is never called")


@pytest_asyncio.fixture(scope="module")
async def running() -> AsyncIterator[Server]:
    app = make_app("exchange", router, database=cast(Database, None), settings=None)
    http = server(app, host="127.0.0.1", port=0, receive_seconds=5, connections=100)
    task = asyncio.create_task(http.serve())
    while not http.started:
        await asyncio.sleep(0.01)
    yield http
    http.end()
    await task


def request_of(word: str, *, more: bytes = b"", version: bytes = b"1.1") -> bytes:
    body = b'{"word":"' + word.encode() + b'"}'
    return b"POST /echo HTTP/%b\r\nhost: x\r\n%bcontent-length: %d\r\n\r\n%b" % (version, more, len(body), body)


async def talk(running: Server, *pieces: bytes, wait_seconds: float = 0.3) -> tuple[bytes, bool]:
    """All that the server says to these pieces, the date left out, and whether it closed the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.servers[0].sockets[0].getsockname()[1])
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0.05)
    said = b""
    try:
        async with asyncio.timeout(wait_seconds):
            while piece := await reader.read(65536):
                said += piece
        is_closed = True
    except TimeoutError:
        is_closed = False
    writer.close()
    return re.sub(rb"date: [^\r]*\r\n", b"", said), is_closed


@pytest.mark.parametrize(
    ("word", "is_whole"),
    [
        ("hello", True), ("", True), ("refuse", False), ("stream", False), ("later", False), ("close", False),
        ("nothing", False), ("cookies", False), ("wrong", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("version", "more"),
    [(b"1.1", b""), (b"1.1", b"connection: close\r\n"), (b"1.0", b""), (b"1.0", b"connection: keep-alive\r\n")],
)
async def test_an_answer_in_one_piece_is_the_one_made_of_messages(
    running: Server, word: str, version: bytes, more: bytes, monkeypatch: pytest.MonkeyPatch, *, is_whole: bool
) -> None:
    asked = request_of(word, more=more + TRACE, version=version)
    answer, wholes = WholeExchange.answer, list[bool]()

    def counted(self: WholeExchange, response: Response) -> bool:
        wholes.append(answer(self, response))
        return wholes[-1]

    monkeypatch.setattr(WholeExchange, "answer", counted)
    in_one_piece = await talk(running, asked)
    assert any(wholes) == is_whole
    monkeypatch.setattr(WholeExchange, "answer", lambda *_: False)
    monkeypatch.setattr(WholeExchange, "body", lambda _: None)
    of_messages = await talk(running, asked)

    assert in_one_piece == of_messages
    assert in_one_piece[0].startswith(b"HTTP/1.1 ")


async def test_no_message_is_made_for_an_answer_in_one_piece(running: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise AssertionError("a message was sent or asked for")

    monkeypatch.setattr(RequestResponseCycle, "send", fail)
    monkeypatch.setattr(RequestResponseCycle, "receive", fail)

    said, _ = await talk(running, request_of("hello"))

    assert said.endswith(b"\r\n\r\nhello")


async def test_a_body_that_comes_in_pieces_is_waited_for(running: Server) -> None:
    whole = request_of("hello")

    assert await talk(running, whole[:-9], whole[-9:-3], whole[-3:]) == await talk(running, whole)


async def test_a_client_that_waits_to_be_asked_for_the_body_is_asked(running: Server) -> None:
    whole = request_of("hello", more=b"expect: 100-continue\r\n")
    head, _, body = whole.partition(b"\r\n\r\n")

    said, _ = await talk(running, head + b"\r\n\r\n", body)

    assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ")
    assert said.endswith(b"hello")


async def test_requests_that_come_together_are_answered_in_their_order(running: Server) -> None:
    said, _ = await talk(running, b"".join(map(request_of, ("one", "two", "refuse", "four"))))

    assert re.findall(rb"HTTP/1.1 (\d+)", said) == [b"201", b"201", b"409", b"201"]
    assert said.index(b"\r\n\r\none") < said.index(b"\r\n\r\ntwo") < said.index(b"\r\n\r\nfour")


async def test_a_header_can_not_be_smuggled_into_an_answer(running: Server) -> None:
    said, is_closed = await talk(running, request_of("inject"))

    assert said.startswith(b"HTTP/1.1 500 ")
    assert b"set-cookie" not in said
    assert is_closed


async def test_what_is_to_be_done_after_an_answer_is_done(running: Server) -> None:
    DONE.clear()

    assert (await talk(running, request_of("later")))[0].endswith(b"now")
    assert DONE.is_set()


async def test_a_client_that_takes_nothing_has_one_answer_waiting(running: Server) -> None:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", running.servers[0].sockets[0].getsockname()[1], limit=1024
    )
    writer.write(b"".join(map(request_of, ["long"] * 20)))
    await asyncio.sleep(0.5)

    waits = max(connection.transport.get_write_buffer_size() for connection in running.server_state.connections)
    assert 0 < waits <= LONG_BYTES + 1000
    got = 0
    while got < 20 * LONG_BYTES:
        got += len(await reader.read(2**20))
    writer.close()


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_what_is_too_long_is_refused_also_when_it_is_here_whole(running: Server, *, is_chunked: bool) -> None:
    body = b'{"word":"long-winded"}' + b" " * BODY_BYTES_MAX
    head = b"POST /echo HTTP/1.1\r\nhost: x\r\n"
    if is_chunked:
        asked = head + b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    else:
        asked = head + b"content-length: %d\r\n\r\n%b" % (len(body), body)

    said, _ = await talk(running, request_of("slow") + asked, wait_seconds=1.5)

    assert re.findall(rb"HTTP/1.1 (\d+)", said) == [b"201", b"413"]
    assert "long-winded" not in ANSWERED


async def test_after_a_client_that_went_away_others_are_served(running: Server) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", running.servers[0].sockets[0].getsockname()[1])
    writer.write(b"".join(map(request_of, ["x" * 5000] * 40)))
    writer.transport.abort()
    await asyncio.sleep(0.2)

    assert (await talk(running, request_of("hello")))[0].endswith(b"hello")
