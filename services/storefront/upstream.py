"""The other services over HTTP: one connection pool each, a time limit, the trace carried along.

A refusal of theirs is `Refused`, with the slug that decides the sentence people read; silence, a broken answer or an
error of theirs is `Unreachable`. Nothing here logs or keeps what was sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import httpx2
import orjson
import structlog
from opentelemetry import propagate
from opentelemetry.trace import SpanKind

from shared.problems import TYPE_PREFIX, Problem
from shared.telemetry import tracer

log = structlog.get_logger()

CONNECT_SECONDS = 2.0
CONNECTIONS_MAX = 64


class Unreachable(Problem):
    """A part of Lumbung does not answer at the moment."""

    status = 503
    slug = "upstream-unreachable"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "5"}


class Refused(Problem):
    """Another service refused; its slug says what."""

    slug = "upstream-refused"

    def __init__(self, service: str, status: int, document: Mapping[str, Any]) -> None:
        super().__init__(str(document.get("detail") or document.get("title") or ""))
        self.service = service
        self.upstream_status = status
        self.reason = str(document.get("type", "")).removeprefix(TYPE_PREFIX)
        self.document = document


class Upstream:
    """One service."""

    def __init__(self, name: str, address: str, *, seconds: float) -> None:
        self.name = name
        self.client = httpx2.AsyncClient(
            base_url=address.rstrip("/"),
            timeout=httpx2.Timeout(seconds, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX),
            trust_env=False,
        )

    async def close(self) -> None:
        """Close its connections."""
        await self.client.aclose()

    async def get(self, path: str, *, token: str | None = None, params: Mapping[str, Any] | None = None) -> Any:
        """Read something."""
        return await self.call("GET", path, token=token, params=params)

    async def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        key: str | None = None,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, Any] | None = None,
        visitor: str | None = None,
    ) -> Any:
        """One call; the JSON of its answer, None when that is empty. Raises Refused or Unreachable."""
        answer = await self.send(
            method, path, token=token, key=key, params=params, json=json, form=form, files=files, visitor=visitor
        )
        if not answer.content:
            return None
        try:
            return orjson.loads(answer.content)
        except orjson.JSONDecodeError as error:
            raise Unreachable(f"{self.name} answered with something that is not JSON") from error

    async def send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        key: str | None = None,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, Any] | None = None,
        visitor: str | None = None,
        accept: str = "application/json",
    ) -> httpx2.Response:
        """One call; its answer, whole. Raises Refused or Unreachable.

        `visitor` is the network address of who is behind the call, for limits per address.
        """
        headers: dict[str, str] = {"Accept": accept}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        if visitor is not None:
            headers["X-Forwarded-For"] = visitor
        with tracer.start_as_current_span(f"{method} {self.name}", kind=SpanKind.CLIENT):
            propagate.inject(headers)
            request = self.client.build_request(
                method,
                path,
                headers=headers,
                params={name: value for name, value in (params or {}).items() if value not in (None, "")},
                json=json,
                data=form,
                files=files,
            )
            answer = await self._answer(request, is_repeatable=method == "GET" or key is not None)
        if answer.status_code < 400:
            return answer
        if answer.status_code >= 500:
            log.warning("upstream_failed", upstream=self.name, status=answer.status_code)
            raise Unreachable(f"{self.name} answered {answer.status_code}")
        raise Refused(self.name, answer.status_code, _document_of(answer))

    async def _answer(self, request: httpx2.Request, *, is_repeatable: bool) -> httpx2.Response:
        """The answer; a connection that the other side has closed meanwhile is worth a second try."""
        try:
            try:
                return await self.client.send(request)
            except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError):
                if not is_repeatable:
                    raise
                return await self.client.send(request)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            log.warning("upstream_unreachable", upstream=self.name, error=type(error).__name__)
            raise Unreachable(f"{self.name} did not answer") from error


@dataclass(frozen=True)
class Network:
    """The services that the storefront speaks with."""

    identity: Upstream
    catalog: Upstream
    orders: Upstream
    cooperatives: Upstream
    financing: Upstream
    programmes: Upstream

    @classmethod
    def at(cls, addresses: Mapping[str, str], *, seconds: float) -> "Network":
        """The services at these addresses, by name."""
        return cls(**{each.name: Upstream(each.name, addresses[each.name], seconds=seconds) for each in fields(cls)})

    async def close(self) -> None:
        """Close all connections."""
        for each in fields(self):
            await getattr(self, each.name).close()


def _document_of(answer: httpx2.Response) -> Mapping[str, Any]:
    try:
        document = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}
