"""The short way to a service's hottest routes, around the dozen layers between the server and a FastAPI route.

What must stay true: a direct route is an ordinary one, in OpenAPI and in what it answers, and everything can go the
long way. Only what those layers would hand on unchanged is taken: that method and path, no span to record (see
telemetry.py), and a body whose length is said and allowed, or none. Its errors go to the same handlers.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, TypeVar
from urllib.parse import parse_qsl

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.telemetry import is_unsampled

EXCHANGE = "lumbung.exchange"  # an extension of our server (ASGI, section "Extensions")
Answer: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
M = TypeVar("M", bound=BaseModel)


class Exchange(Protocol):
    """A request and its answer, each in one piece, where ASGI has several messages for each."""

    def body(self) -> bytes | None:
        """The body of the request, or None while it is not here whole."""
        ...

    def answer(self, response: Response) -> bool:
        """Send the answer; False, and nothing is sent, when it must go as messages."""
        ...


class ShortRequest(Request):
    """A request that came the short way: its length is said and allowed, so its body may be taken in one piece."""

    def __init__(self, scope: Scope, receive: Receive, exchange: Exchange | None) -> None:
        super().__init__(scope, receive)
        self._exchange = exchange

    async def body(self) -> bytes:
        """The body; remembered, as Starlette's is."""
        if self._exchange is not None and not hasattr(self, "_body"):
            whole = self._exchange.body()
            if whole is not None:
                self._body = whole
        return await super().body()


class DirectRoute(APIRoute, ABC):
    """A route described by its signature but called with the request alone."""

    @abstractmethod
    async def answer(self, request: Request) -> Response:
        """What the route does; it finds its own parameters, those of its path in `request.path_params`."""

    def get_route_handler(self) -> Answer:
        """For the long way."""
        return self.answer


def path_of(request: Request, model: type[M]) -> M:
    """The parameters of the path. Raises RequestValidationError, as FastAPI words it."""
    return _checked("path", request.path_params, model)


def query_of(request: Request, model: type[M]) -> M:
    """The parameters of the query; of one that is there twice the last. Raises RequestValidationError."""
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return _checked("query", dict(pairs), model)


async def body_of(request: Request, model: type[M]) -> tuple[Any, M]:
    """The body as JSON and as what it says. Raises RequestValidationError."""
    try:
        document = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        fault = {"type": "json_invalid", "loc": ("body",), "msg": f"JSON decode error: {error}", "input": None}
        raise RequestValidationError([fault]) from error
    return document, _checked("body", document, model)


def body_in_openapi(model: type[BaseModel]) -> dict[str, Any]:
    """What `openapi_extra` has to say of a body that the route reads itself."""
    schema = inlined(model.model_json_schema())
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema with its definitions put where they are used, as a request body in OpenAPI needs it."""
    definitions = schema.pop("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return resolve(definitions[node["$ref"].rpartition("/")[2]])
            return {key: resolve(value) for key, value in node.items()}
        return [resolve(item) for item in node] if isinstance(node, list) else node

    found: dict[str, Any] = resolve(schema)
    return found


def _checked(where: Literal["path", "query", "body"], values: Any, model: type[M]) -> M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = error.errors(include_context=False, include_url=False)
        raise RequestValidationError([fault | {"loc": (where, *fault["loc"])} for fault in faults]) from error


@dataclass(frozen=True, slots=True)
class Direct:
    """A direct route of an application."""

    method: str
    path: str
    pattern: re.Pattern[str]
    answer: Answer


def direct_answers(routers: Iterable[APIRouter]) -> list[Direct]:
    """The direct routes among all routes. Raises ValueError when the long way could lead to another route."""
    contexts = [context for router in routers for context in iter_route_contexts(router.routes)]
    found = []
    for place, context in enumerate(contexts):
        route = context.original_route
        if not isinstance(route, DirectRoute):
            continue
        assert context.path is not None
        if re.search(r"{[^}]*:", context.path):
            raise ValueError(f"{context.path}: a direct route takes the parameters of its path as they are written")
        for method in context.methods or ():
            for earlier in contexts[:place]:
                if method in (earlier.methods or ()) and _overlap(earlier.path or "", context.path):
                    raise ValueError(f"{earlier.path} comes before {context.path}, and may be meant")
            found.append(Direct(method, context.path, context.path_regex, route.answer))
    return found


def _overlap(one: str, other: str) -> bool:
    """Whether an address may match both paths."""
    parts, others = one.split("/"), other.split("/")
    return len(parts) == len(others) and all(a == b or "{" in a + b for a, b in zip(parts, others, strict=True))


class DirectWay:
    """Takes the short way where it may, else goes on to `app`."""

    def __init__(self, app: ASGIApp, fastapi: FastAPI, routes: Iterable[Direct], *, body_bytes_max: int) -> None:
        self.app = app
        self.fastapi = fastapi
        self.body_bytes_max = body_bytes_max
        self.answers: dict[tuple[str, str], Answer] = {}
        self.patterns: dict[str, list[tuple[re.Pattern[str], Answer]]] = {}  # by method
        for route in routes:
            if "{" in route.path:
                self.patterns.setdefault(route.method, []).append((route.pattern, route.answer))
            else:
                self.answers[route.method, route.path] = route.answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or go on; on the long way nobody passes by its limits."""
        exchange: Exchange | None = scope.get("extensions", {}).pop(EXCHANGE, None)
        is_plain = scope["type"] == "http" and is_unsampled(scope) and self._is_short(scope)
        answer = self._answer(scope) if is_plain else None
        if answer is None:
            await self.app(scope, receive, send)
            return
        scope["app"] = self.fastapi
        request = ShortRequest(scope, receive, exchange)
        try:
            response = await answer(request)
        except Exception as error:
            await (await self._refusal(request, error))(scope, receive, send)
        else:
            if exchange is None or not exchange.answer(response):
                await response(scope, receive, send)

    def _answer(self, scope: Scope) -> Answer | None:
        method, path = scope["method"], scope["path"]
        if (method, path) in self.answers:
            return self.answers[method, path]
        for pattern, answer in self.patterns.get(method, ()):
            if match := pattern.match(path):
                scope["path_params"] = match.groupdict()
                return answer
        return None

    def _is_short(self, scope: Scope) -> bool:
        """Whether the body is as long as it says and not too long; without these headers there is none (RFC 9112)."""
        lengths = [value for name, value in scope["headers"] if name in (b"content-length", b"transfer-encoding")]
        return not lengths or (len(lengths) == 1 and lengths[0].isdigit() and int(lengths[0]) <= self.body_bytes_max)

    async def _refusal(self, request: Request, error: Exception) -> Response:
        handlers = self.fastapi.exception_handlers
        handler: Any = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
        response: Response = await handler(request, error)
        return response
