"""One POST to a lender's endpoint: to an address that was looked at, never redirected, bounded in time and size.

No connection is kept: a connection that was verified for one name must not serve another at the same address.
"""

import asyncio
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx2

from services.financing.domain.targets import BadTarget, Target, address_of, check, parse

RESOLVE_SECONDS = 5.0
RESOLVERS_LEAST = 16
ADDRESSES_MAX = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint said; no status when it could not be asked."""

    status: int | None
    retry_after: str | None = None
    error: str | None = None


class Poster:
    """Posts, many at a time. `trust`: whose certificates are believed; None: the machine's."""

    def __init__(
        self, *, seconds: float, most: int, is_local_allowed: bool, trust: ssl.SSLContext | None = None
    ) -> None:
        self.seconds = seconds
        self._is_local_allowed = is_local_allowed
        limits = httpx2.Limits(max_connections=most, max_keepalive_connections=0)
        self._http = httpx2.AsyncClient(
            trust_env=False,
            limits=limits,
            follow_redirects=False,
            verify=trust or ssl.create_default_context(),
            timeout=seconds,
        )
        # A thread for every post that may be on its way: names that never resolve hold up nobody else's.
        self._resolvers = ThreadPoolExecutor(max(RESOLVERS_LEAST, most), thread_name_prefix="resolve")

    async def close(self) -> None:
        """Close what is open."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)
        await self._http.aclose()

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Send once; whatever goes wrong is in the answer."""
        try:
            async with asyncio.timeout(self.seconds):
                target = parse(url, is_local_allowed=self._is_local_allowed)
                addresses = check(target, await self._resolve(target), is_local_allowed=self._is_local_allowed)
                return await self._send_to_one(target, addresses[:ADDRESSES_MAX], body, headers)
        except TimeoutError:
            return Answer(None, error=f"no answer within {self.seconds:g} s")
        except BadTarget as refusal:
            return Answer(None, error=refusal.detail or refusal.title())
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
            return Answer(None, error=f"{type(error).__name__}: {error}"[:300])

    async def _send_to_one(self, target: Target, addresses: list[str], body: bytes, headers: dict[str, str]) -> Answer:
        """To the first address that takes the connection."""
        for address in addresses[:-1]:
            try:
                return await self._send(target, address, body, headers)
            except httpx2.ConnectError:
                continue
        return await self._send(target, addresses[-1], body, headers)

    async def _send(self, target: Target, address: str, body: bytes, headers: dict[str, str]) -> Answer:
        sent = headers | {"host": target.authority, "connection": "close", "user-agent": "Lumbung-Webhooks/1"}
        extensions = {"sni_hostname": target.host} if target.scheme == "https" else {}
        async with self._http.stream(
            "POST", target.at(address), content=body, headers=sent, extensions=extensions
        ) as answer:  # its body does not interest us and is not read
            return Answer(answer.status_code, answer.headers.get("retry-after"))

    async def _resolve(self, target: Target) -> list[str]:
        """The addresses of the name, now. Raises OSError, TimeoutError."""
        if address_of(target.host) is not None:
            return [target.host]
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await asyncio.get_running_loop().run_in_executor(
                self._resolvers,
                lambda: socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM),
            )
        return [str(place[4][0]) for place in found]
