"""A lender's endpoint: keeps what it gets, and answers what the test says."""

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass
class Post:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The event in the body."""
        found: dict[str, Any] = orjson.loads(self.body)
        return found

    @property
    def position(self) -> int:
        """Its place in the log."""
        return int(self.event["position"])


@dataclass
class Receiver:
    """Endpoints of many lenders on one port, apart by path."""

    port: int = 0
    posts: list[Post] = field(default_factory=list)
    answers: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # path -> (status, more headers), in turn
    always: dict[str, tuple[int, str]] = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)
    tls: ssl.SSLContext | None = None
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen, on the same port as before when there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections from now on."""
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def url(self, path: str) -> str:
        """The address of an endpoint."""
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Post]:
        """What an endpoint got, in order."""
        return [post for post in self.posts if post.path == path]

    def positions(self, path: str) -> list[int]:
        """The places of what an endpoint got, in the order in which it came."""
        return [post.position for post in self.at(path)]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            path = head[0].split(" ")[1]
            headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            if path in self.hanging:
                await reader.read()
                return
            status, more = self.answers[path].pop(0) if self.answers.get(path) else self.always.get(path, (204, ""))
            self.posts.append(Post(path, headers, body))
            writer.write(f"HTTP/1.1 {status} x\r\n{more}content-length: 0\r\nconnection: close\r\n\r\n".encode())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()
