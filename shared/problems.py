"""Refusals and errors as RFC 9457 problem documents, rendered once for every service.

A refusal is a class: its docstring is the title, its slug the name clients branch on, its status the HTTP status.
Refusals are normal: logged at info, never paged. 422 is for malformed input only.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from shared.telemetry import current_trace_id

log = structlog.get_logger()

TYPE_PREFIX = "urn:lumbung:problem:"
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """The request cannot be done."""

    status: ClassVar[int] = 409
    slug: ClassVar[str] = "refused"
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail or self.title())
        self.detail = detail
        self.members = members

    @classmethod
    def title(cls) -> str:
        """The first line of the docstring."""
        return (cls.__doc__ or "").strip().splitlines()[0]


class NotFound(Problem):
    """There is no such thing, or it is not yours."""

    status = 404
    slug = "not-found"


class Forbidden(Problem):
    """You may not do this."""

    status = 403
    slug = "forbidden"


class Unauthenticated(Problem):
    """Sign in first."""

    status = 401
    slug = "unauthenticated"
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}


class Malformed(Problem):
    """The request is malformed."""

    status = 422
    slug = "malformed"


class TooMany(Problem):
    """Too many requests; wait before the next one."""

    status = 429
    slug = "too-many-requests"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "5"}


class Overloaded(Problem):
    """The service has more to do than it can; try again shortly."""

    status = 503
    slug = "overloaded"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class OutcomeUnknown(Problem):
    """It is not known whether this was done; ask again with the same Idempotency-Key to find out."""

    status = 503
    slug = "outcome-unknown"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class VersionChanged(Problem):
    """Somebody changed it since you read it."""

    status = 409
    slug = "version-changed"


def document(problem: Problem) -> dict[str, Any]:
    """The problem document, without the trace id."""
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + problem.slug,
        "title": problem.title(),
        "status": problem.status,
    }
    if problem.detail:
        body["detail"] = problem.detail
    return body | problem.members


def response(problem: Problem) -> Response:
    """The problem as an HTTP answer."""
    body = document(problem)
    if trace_id := current_trace_id():
        body["trace_id"] = trace_id
    return Response(
        orjson.dumps(body, default=str),
        status_code=problem.status,
        headers=dict(problem.headers),
        media_type=MEDIA_TYPE,
    )


def documented(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that raises these problems."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for problem in problems:
        line = f"`{problem.slug}`: {problem.title()}"
        known = by_status.get(problem.status)
        text = line if known is None else f"{known['description']} {line}"
        by_status[problem.status] = {"description": text, "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}}}
    return by_status


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "trace_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def _pointer(location: Sequence[int | str]) -> str:
    return "/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in location)


def install(app: FastAPI) -> None:
    """Every error that leaves `app` is a problem document."""

    @app.exception_handler(Problem)
    async def refused(_: Request, problem: Problem) -> Response:
        log.info("refused", slug=problem.slug, detail=problem.detail)
        return response(problem)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Response:
        errors = [{"pointer": _pointer(fault["loc"]), "detail": fault["msg"]} for fault in error.errors()[:50]]
        return response(Malformed(errors=errors))

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        body = {"type": "about:blank", "title": status.phrase, "status": status.value}
        return Response(orjson.dumps(body), status.value, headers=error.headers, media_type=MEDIA_TYPE)

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> Response:
        log.error("request_failed", exc_info=error)
        body = {"type": "about:blank", "title": "Internal Server Error", "status": 500, "trace_id": current_trace_id()}
        return Response(orjson.dumps(body), 500, media_type=MEDIA_TYPE)
