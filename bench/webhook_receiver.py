"""Endpoints of many lenders in one process: answers 204, and writes down when what came.

`python -m bench.webhook_receiver PORT FILE`; paths that begin with `/hang` are never answered. On SIGTERM it writes a
JSON line (path, position, time of arrival) per delivery to FILE.
"""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import httptools
import uvloop

ANSWER = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"
arrived: list[tuple[str, float, bytes]] = []


class Endpoint(asyncio.Protocol):
    """One connection, one request."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body = b""
        self._transport: Any = None  # uvloop's is no asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._url.startswith(b"/hang"):
            return
        arrived.append((self._url.decode(), time.time(), self._body))
        self._transport.write(ANSWER)
        self._transport.close()


async def main(port: int, file: Path) -> None:
    """Listen until SIGTERM."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    server = await loop.create_server(Endpoint, "127.0.0.1", port, backlog=2048)
    print("ready", flush=True)
    await stopping.wait()
    server.close()
    lines = [json.dumps((path, json.loads(body)["position"], at)) + "\n" for path, at, body in arrived]
    file.write_text("".join(lines))  # noqa: ASYNC240  all is over


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2])))
