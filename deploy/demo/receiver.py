"""A lender's webhook endpoint as its engineers would write it: keeps what is signed rightly, refuses what is not."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from standardwebhooks import Webhook, WebhookVerificationError


@dataclass(frozen=True)
class Delivery:
    """One event that came, its signature verified."""

    position: int
    type: str
    data: dict[str, Any]
    traceparent: str


@dataclass
class Receiver:
    """Listens on a port of its own; killed, it refuses connections until it is started again."""

    secret: str = ""
    port: int = 0
    deliveries: list[Delivery] = field(default_factory=list)
    refused: int = 0
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/lumbung"

    async def start(self) -> None:
        """Listen, on the same port as before when there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def of_type(self, kind: str) -> Sequence[Delivery]:
        """What came of one type."""
        return [one for one in self.deliveries if one.type == kind]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            writer.write(f"HTTP/1.1 {self._take(headers, body)} x\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def _take(self, headers: dict[str, str], body: bytes) -> int:
        try:
            Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            self.refused += 1
            return 401
        event = orjson.loads(body)
        known = {one.position for one in self.deliveries}
        if event["position"] not in known:
            said = Delivery(event["position"], event["type"], event["data"], headers.get("traceparent", ""))
            self.deliveries.append(said)
        return 204
