"""The short way to a service's hottest routes, around the dozen layers between the server and a FastAPI route.

What must stay true: a direct route is an ordinary one, in OpenAPI and in what it answers, and everything can go the
long way. Only what those layers would hand on unchanged is taken: that method and path, no span to record (see
telemetry.py), and a body whose length is said and allowed. Its errors go to the same handlers.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeAlias

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.telemetry import is_unsampled

Answer: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]


class DirectRoute(APIRoute, ABC):
    """A route without path parameters, described by its signature but called with the request alone."""

    @abstractmethod
    async def answer(self, request: Request) -> Response:
        """What the route does; it finds its own parameters."""

    def get_route_handler(self) -> Answer:
        """For the long way."""
        return self.answer


def direct_answers(routers: Iterable[APIRouter]) -> dict[tuple[str, str], Answer]:
    """The direct routes among all routes, by method and path."""
    return {
        (method, route.path): route.answer
        for router in routers
        for route in router.routes
        if isinstance(route, DirectRoute)
        for method in route.methods or ()
    }


class DirectWay:
    """Takes the short way where it may, else goes on to `app`."""

    def __init__(
        self, app: ASGIApp, fastapi: FastAPI, answers: dict[tuple[str, str], Answer], *, body_bytes_max: int
    ) -> None:
        self.app = app
        self.fastapi = fastapi
        self.answers = answers
        self.body_bytes_max = body_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or go on."""
        answer = self.answers.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if answer is None or not is_unsampled(scope) or not self._is_short(scope):
            await self.app(scope, receive, send)
            return
        scope["app"] = self.fastapi
        request = Request(scope, receive)
        try:
            response = await answer(request)
        except Exception as error:
            await (await self._refusal(request, error))(scope, receive, send)
        else:
            await response(scope, receive, send)

    def _is_short(self, scope: Scope) -> bool:
        lengths = [value for name, value in scope["headers"] if name == b"content-length"]
        return len(lengths) == 1 and lengths[0].isdigit() and int(lengths[0]) <= self.body_bytes_max

    async def _refusal(self, request: Request, error: Exception) -> Response:
        handlers = self.fastapi.exception_handlers
        handler: Any = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
        response: Response = await handler(request, error)
        return response
