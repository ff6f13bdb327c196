"""The HTTP calls of the driver, over keep-alive connections of its own: as little work as it can, on shared cores."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson

from bench.load import Client

CALL_SECONDS = 30
RETRY_SECONDS = 0.2


class Unanswered(Exception):
    """The service did not answer: it is down, or the connection broke."""


@dataclass
class Answer:
    """A status, and the body's JSON when there is one."""

    status: int
    body: Any

    @property
    def slug(self) -> str:
        """The stable name of a refusal; the status when it has none."""
        kind = self.body.get("type", "") if isinstance(self.body, dict) else ""
        return str(kind).rpartition(":")[2] or f"status {self.status}"


@dataclass
class Api:
    """One service. Connections are lent out: at most as many as there are calls at once."""

    host: str
    port: int
    _free: list[Client] = field(default_factory=list)

    async def call(
        self, method: str, path: str, token: str = "", body: Any = None, *, key: str = "", form: str = ""
    ) -> Answer:
        """One request. Raises Unanswered."""
        raw = form.encode() if form else b"" if body is None else orjson.dumps(body)
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        head = f"{method} {path} HTTP/1.1\r\nhost: {self.host}\r\ncontent-length: {len(raw)}\r\n"
        head += f"content-type: {kind}\r\n" if raw else ""
        head += f"authorization: Bearer {token}\r\n" if token else ""
        head += f"idempotency-key: {key}\r\n" if key else ""
        try:
            async with asyncio.timeout(CALL_SECONDS):
                client = self._free.pop() if self._free else await self._connect()
                status, answer = await client.send(head.encode() + b"\r\n" + raw)
        except (OSError, TimeoutError) as error:
            raise Unanswered(f"{method} {path}: {error!r}") from error
        self._free.append(client)
        return Answer(status, orjson.loads(answer) if answer else None)

    async def call_surely(
        self, method: str, path: str, token: str = "", body: Any = None, *, key: str = "", within_seconds: float
    ) -> Answer:
        """The same request again and again, under one key, until it is answered. Raises Unanswered after the time."""
        key = key or uuid4().hex
        deadline = asyncio.get_running_loop().time() + within_seconds
        while True:
            try:
                answer = await self.call(method, path, token, body, key=key)
                if answer.status not in (500, 502, 503) and answer.slug != "idempotency-key-in-use":
                    return answer
                problem: Exception = Unanswered(f"{method} {path}: {answer.status} {str(answer.body)[:200]}")
            except Unanswered as error:
                problem = error
            if asyncio.get_running_loop().time() > deadline:
                raise problem
            await asyncio.sleep(RETRY_SECONDS)

    async def _connect(self) -> Client:
        _, client = await asyncio.get_running_loop().create_connection(Client, self.host, self.port)
        return client
