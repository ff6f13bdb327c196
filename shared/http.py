"""The HTTP side of a service, made the same way everywhere: problems, health, metrics, limits on slow clients."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeAlias

import asyncpg
import orjson
import structlog
import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from shared import problems
from shared.db import TRANSIENT, Database
from shared.direct import EXCHANGE, DirectWay, direct_answers
from shared.pace import news_within
from shared.problems import Overloaded, Problem
from shared.telemetry import UnsampledTraces, is_unsampled

BODY_BYTES_MAX = 256 * 1024  # routes that take files say their own
FRAME_BYTES_MAX = 256 * 1024  # of a request, all but its body
PIPELINED_MAX = 64  # requests that wait behind one of the same connection
FRAMING = frozenset({b"connection", b"transfer-encoding"})
TAKEN_BYTES_MIN = 16 * 1024  # of answers that wait, by a client that is slow and there, until each deadline
DATE_SECONDS = 1.0  # how often the Date of answers is written anew
log = structlog.get_logger()

DATABASE_TROUBLE = tuple(
    error
    for error in TRANSIENT
    if issubclass(error, asyncpg.PostgresError | asyncpg.InterfaceError | asyncpg.InternalClientError)
)
Check: TypeAlias = Callable[[], str | None]

operations = APIRouter(include_in_schema=False)


@operations.get("/healthz")
async def healthz() -> Response:
    """The process runs and its event loop turns."""
    return Response(b'{"status":"alive"}', media_type="application/json")


@operations.get("/readyz")
async def readyz(request: Request) -> Response:
    """What the process needs is there; else 503 with the reasons."""
    reasons = [reason for check in request.app.state.checks if (reason := check()) is not None]
    database: Database = request.app.state.db
    try:
        async with asyncio.timeout(2), database.reading() as conn:
            await conn.fetchval("SELECT 1")
    except Exception as error:  # any failure means the same: not ready
        reasons.append(f"database: {type(error).__name__}")
    body = {"status": "ready"} if not reasons else {"status": "not ready", "why": reasons}
    return Response(orjson.dumps(body), 503 if reasons else 200, media_type="application/json")


@operations.get("/metrics")
async def metrics() -> Response:
    """Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@operations.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """What the service can do, for programs. Made once, beside the event loop: it takes a quarter of a second."""
    app: FastAPI = request.app
    if app.state.openapi is None:
        app.state.openapi = await asyncio.to_thread(lambda: orjson.dumps(app.openapi()))
    return Response(app.state.openapi, media_type="application/json")


@operations.get("/docs")
async def docs(request: Request) -> Response:
    """The same, for people."""
    return get_swagger_ui_html(openapi_url="/openapi.json", title=request.app.title)


def make_app(title: str, *routers: APIRouter, database: Database, settings: Any) -> FastAPI:
    """The application with the service's routers and the operational ones."""
    app = FastAPI(
        title=f"Lumbung {title}",
        version="1",
        openapi_url=None,  # ours does not stop the event loop
        redirect_slashes=False,  # they would lead to whatever host the request names
        max_body_size=BODY_BYTES_MAX,
        telemetry={"operation_spans": False, "metrics": False, "logs": False, "exclude": _is_untraced},
    )
    app.state.db = database
    app.state.settings = settings
    app.state.checks = []
    app.state.openapi = None
    app.state.direct_answers = direct_answers(routers)
    problems.install(app)
    for error in DATABASE_TROUBLE:
        app.add_exception_handler(error, _busy_database)
    for router in routers:
        app.include_router(router)
    app.include_router(operations)
    return app


class TooLarge(Problem):
    """The request is larger than this address takes."""

    status = 413
    slug = "too-large"


class TooLargeIsAProblem:
    """FastAPI answers a body over its limit in plain text; here it is a problem document like every error."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through, but for that one answer."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        is_replaced = False

        async def replacing(message: Message) -> None:
            nonlocal is_replaced
            if message["type"] == "http.response.start" and message["status"] == TooLarge.status:
                is_replaced = True
                await problems.response(TooLarge())(scope, receive, send)
            elif not is_replaced:
                await send(message)

        await self.app(scope, receive, replacing)


async def _busy_database(_: Request, error: Exception) -> Response:
    """A lock or a statement took too long, or the connection was lost: nothing was done, and trying again may work."""
    if isinstance(error, ValueError):  # asyncpg's word for an argument that does not fit: a fault of ours
        raise error
    log.warning("database_trouble", error=f"{type(error).__name__}: {error}")
    return problems.response(Overloaded("the database is busy or was lost; nothing was changed"))


def _is_untraced(scope: Any) -> bool:
    return is_unsampled(scope) or scope.get("path") in ("/healthz", "/readyz", "/metrics")


async def database_of(request: Request) -> Database:
    """The service's database. Like every dependency here it is async: a plain function would cost a thread hop."""
    database: Database = request.app.state.db
    return database


Db: TypeAlias = Annotated[Database, Depends(database_of)]


async def too_many_open(scope: Scope, receive: Receive, send: Send) -> None:
    """Instead of uvicorn's own 503, which is plain text and does not say when to try again; the connection ends."""
    answer = problems.response(Overloaded("too many connections or requests are open"))
    answer.headers["connection"] = "close"
    await answer(scope, receive, send)


class WholeExchange:
    """What `shared.direct.Exchange` says, of a request of uvicorn's: its body and its answer without messages.

    What uvicorn checks of each message is checked once, and all of an answer is written once.
    """

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def body(self) -> bytes | None:
        """The body; None while it is not here whole."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected:
            return None
        body, cycle.body = bytes(cycle.body), bytearray()
        cycle.message_event.clear()
        return body

    def answer(self, response: Response) -> bool:
        """Write an ordinary answer, unless its client is slow or gone. Raises RuntimeError for an invalid header."""
        cycle = self._cycle
        if type(response) is not Response or response.background is not None or cycle.scope["method"] == "HEAD":
            return False
        headers = dict(response.raw_headers)
        if headers.get(b"content-length") != b"%d" % len(response.body) or not FRAMING.isdisjoint(headers):
            return False
        if len(headers) < len(response.raw_headers) or cycle.disconnected or cycle.flow.write_paused:
            return False
        if HEADER_RE.search(b"".join(headers)) or HEADER_VALUE_RE.search(b"".join(headers.values())):
            raise RuntimeError("an invalid HTTP header")
        lines = [b"%b: %b\r\n" % header for header in (*cycle.default_headers, *response.raw_headers)]
        if not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        whole = b"".join((STATUS_LINE[response.status_code], *lines, b"\r\n", response.body))
        cycle.response_started = cycle.response_complete = True
        cycle.transport.write(whole)
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True


class DeadlineProtocol(HttpToolsProtocol):
    """A request that has not arrived whole by its deadline, or is endless around its body, loses its connection.

    uvicorn itself waits for ever (its issue #157), so that a client sending a byte a minute would hold a socket, and
    keeps headers and trailers of any length, which costs memory and the square of their length in time. It reads on
    while requests of the same connection wait for their turn, however many, and after an empty line it forgets that
    nobody asks; and it keeps what a client does not take. A client takes some of what waits for it until each deadline.
    """

    receive_seconds = 30.0
    connections_max = 1_000
    is_direct = False  # the application takes whole exchanges
    _frame_bytes = 0  # what came of the request in hand and is not body
    _deadline: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None  # the deadline of who has answers to take
    _untaken_bytes = 0  # when it began
    _is_surplus = False  # came when as many as are let in were there

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """A client came: its first request is due."""
        super().connection_made(transport)
        self._is_surplus = self._are_too_many()
        self._arm()

    def data_received(self, data: bytes) -> None:
        """More of a request, or of several."""
        self._frame_bytes += len(data)
        super().data_received(data)
        if self._frame_bytes > FRAME_BYTES_MAX or len(self.pipeline) > PIPELINED_MAX:
            self._expire()
        elif self.cycle is None or self.cycle.response_complete:  # it was no request, nor the beginning of one
            self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """It went."""
        self._disarm()
        self._unwatch()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client takes its answers more slowly than they are made."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """It took most of them."""
        self._unwatch()
        super().resume_writing()

    def on_response_complete(self) -> None:
        """An answer is made, and perhaps not taken: this is watched also when the connection then closes."""
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._watch()

    def on_message_begin(self) -> None:
        """The first bytes of a request."""
        self._disarm()
        self._arm()
        super().on_message_begin()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Who was there first goes on being served; uvicorn's own limit refuses everybody while there are too many."""
        if self.is_direct:
            cycle.scope["extensions"] = {EXCHANGE: WholeExchange(cycle)}  # type: ignore[dict-item]  # not a dict: ours
        chosen: Any = too_many_open if self._is_surplus and self._are_too_many() else app
        super()._start_asgi_task(cycle, chosen)

    def _are_too_many(self) -> bool:
        return len(self.connections) >= self.connections_max

    def on_body(self, body: bytes) -> None:
        """Part of the body, which the application bounds."""
        self._frame_bytes -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is here."""
        self._disarm()
        self._frame_bytes = 0
        super().on_message_complete()

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.receive_seconds, self._expire)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _watch(self) -> None:
        self._unwatch()
        self._untaken_bytes = self.transport.get_write_buffer_size()
        self._taking = self.loop.call_later(self.receive_seconds, self._look)

    def _unwatch(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _look(self) -> None:
        left = self.transport.get_write_buffer_size()
        if left > max(0, self._untaken_bytes - TAKEN_BYTES_MIN):
            self.transport.abort()
        elif left:
            self._watch()

    def _expire(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()


class Server(uvicorn.Server):
    """A server that leaves signals to its process, which has more to end than the server."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ends = asyncio.Event()

    def end(self) -> None:
        """Take no more connections, answer what is under way, and return from `serve`."""
        self.should_exit = True
        self._ends.set()

    async def main_loop(self) -> None:
        """Until `end`. uvicorn's own looks for it ten times a second, which costs a process that nobody asks."""
        while not await self.on_tick(0):
            await news_within(self._ends, DATE_SECONDS)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn would raise the signal again when it has stopped, and so kill us before our own clean end."""
        yield


def server(
    app: FastAPI, *, host: str, port: int, receive_seconds: float, connections: int, trace_ratio: float = 0.0
) -> Server:
    """A uvicorn server for `app`."""
    direct = getattr(app.state, "direct_answers", None)
    settings = {"receive_seconds": receive_seconds, "connections_max": connections, "is_direct": bool(direct)}
    protocol = type("Protocol", (DeadlineProtocol,), settings)
    layered: ASGIApp = TooLargeIsAProblem(app)  # outside of FastAPI's own outermost layers, like those that follow
    if direct:
        layered = DirectWay(layered, app, direct, body_bytes_max=BODY_BYTES_MAX)
    config = uvicorn.Config(
        UnsampledTraces(layered, ratio=trace_ratio),
        host=host,
        port=port,
        http=protocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers="FORWARDED_ALLOW_IPS" in os.environ,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
        backlog=2048,
    )
    return Server(config)
