"""Too much at once: three times the clients, ten thousand sockets that say nothing, and clients that never finish."""

import asyncio
import contextlib
import resource
import socket
import time
from collections.abc import Awaitable, Callable
from functools import partial

import psutil

from deploy.local.stack import SERVICES
from faults.books import Outcome
from faults.catalogue import Run, fault
from faults.market import Market, Tally
from shared.http import PIPELINED_MAX
from shared.settings import ServiceSettings

USUAL, TIMES = 64, 3
OVERLOAD_SECONDS = 10.0
RUSH_OVER = 500  # more clients than the service lets ask at the same time
RUSH_SECONDS = 12.0
AGAIN_SECONDS_MAX = 5.0  # until an order is answered as usual, once a rush is over
SOCKETS = 10_000
GROWTH_MB_MAX = 300
HEAD, BODY = b"POST /v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n", b" " * 1000
CLIENT_SECONDS_MAX = 45.0  # a request must have arrived whole after 30 s, says the setting


@fault(
    "three-times-overload",
    "Overloaded, orders answers or refuses with 503 and Retry-After; memory stays bounded; it recovers at once.",
)
async def three_times_overload(run: Run) -> Outcome:
    """First three times as many clients as it is measured with, then more than it lets ask: these must be refused."""
    open_max = ServiceSettings.model_fields["http_connections"].default
    outcome = run.outcome(
        "three-times-overload", f"{USUAL * TIMES}, then {open_max + RUSH_OVER} clients without a pause"
    )
    _may_open(open_max + 2 * RUSH_OVER)

    async def breaking(tally: Tally) -> None:
        before = _memory_of_orders(run)
        for clients, seconds in ((USUAL * TIMES, OVERLOAD_SECONDS), (open_max + RUSH_OVER, RUSH_SECONDS)):
            placed, refused = len(tally.placed_at), tally.statuses[503]
            is_over = asyncio.Event()
            crowd = Market(run.ground, run.seed + clients, clients, tally=tally, places_only=True)
            crowd.life_seconds = run.patience_seconds
            pressing = asyncio.create_task(crowd.run(0, is_over))
            await asyncio.sleep(seconds)
            peak = _memory_of_orders(run)
            is_over.set()
            await pressing
            outcome.runs += 1
            outcome.notes.append(
                f"{clients} clients: {len(tally.placed_at) - placed} orders answered 201, "
                f"{tally.statuses[503] - refused} times 503 with Retry-After"
            )
            _judge_memory(outcome, before, peak)
        if tally.statuses[503] == refused:
            outcome.faults.append("nobody was refused")
        await _as_usual_again(outcome, tally)

    await run.under_load(outcome, breaking)
    return outcome


async def _as_usual_again(outcome: Outcome, tally: Tally) -> None:
    """The load goes on: how long until it is answered and nobody is refused."""
    began = time.monotonic()
    while True:
        placed, refused = len(tally.placed_at), tally.statuses[503]
        await asyncio.sleep(0.5)
        took = time.monotonic() - began
        if len(tally.placed_at) > placed and tally.statuses[503] == refused:
            break
        if took > AGAIN_SECONDS_MAX:
            outcome.faults.append(f"not as usual {took:.0f} s after the rush")
            break
    outcome.notes.append(f"as usual {took:.1f} s after the rush")


def _may_open(files: int) -> int:
    """Let this process open so many files, as far as the machine lets it; how many it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        files = min(files, hard)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
        return files
    return max(soft, files)


@fault(
    "ten-thousand-idle-sockets",
    "Sockets that say nothing cost bounded memory, are refused and cut off; afterwards all goes on.",
)
async def ten_thousand_idle_sockets(run: Run) -> Outcome:
    """As many as this process may open, to orders, while people buy."""
    wanted = min(SOCKETS, _may_open(SOCKETS + 2_000) - 2_000)
    outcome = run.outcome("ten-thousand-idle-sockets", f"{wanted} connections to orders that send nothing")
    if wanted < ServiceSettings.model_fields["http_connections"].default + 500:
        outcome.skipped = "this process may open too few files"
        return outcome
    port = run.ground.stack.ports["orders"]

    async def breaking(tally: Tally) -> None:
        before = _memory_of_orders(run)
        idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        for _socket in range(wanted):
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(5):
                    idle.append(await asyncio.open_connection("127.0.0.1", port))
        peak = _memory_of_orders(run)
        outcome.runs += 1
        outcome.notes.append(f"{len(idle)} sockets open")
        answered = await _head_of_an_answer(port)
        if not (answered.startswith(b"HTTP/1.1 503 ") and b"\r\nretry-after:" in answered.lower()):
            outcome.faults.append(f"a newcomer was not refused with Retry-After, but answered {answered[:60]!r}")
        placed = len(tally.placed_at)
        await asyncio.sleep(AGAIN_SECONDS_MAX)
        if len(tally.placed_at) == placed:
            outcome.faults.append(f"those who were there placed no order in {AGAIN_SECONDS_MAX:.0f} s")
        began = time.monotonic()
        ends = await asyncio.gather(*(_has_been_closed(reader) for reader, _ in idle))
        outcome.notes.append(
            f"{sum(ends)} cut off by the service, the last after {time.monotonic() - began:.0f} s more"
        )
        if not all(ends):
            outcome.faults.append(f"{len(ends) - sum(ends)} were still open after {CLIENT_SECONDS_MAX:.0f} s")
        _judge_memory(outcome, before, max(peak, _memory_of_orders(run)))
        for _, writer in idle:
            writer.close()
        await _as_usual_again(outcome, tally)

    await run.under_load(outcome, breaking)
    return outcome


async def _head_of_an_answer(port: int) -> bytes:
    """What a client gets that comes now."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        async with asyncio.timeout(CLIENT_SECONDS_MAX):
            return await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()


async def _has_been_closed(reader: asyncio.StreamReader) -> bool:
    """Whether the other side closes in time."""
    try:
        async with asyncio.timeout(CLIENT_SECONDS_MAX):
            return not await reader.read()
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def _memory_of_orders(run: Run) -> int:
    """Of both its processes, in bytes: what is accepted waits in one, its events in the other."""
    return sum(psutil.Process(run.ground.stack.pid_of(name)).memory_info().rss for name in ("orders", "orders-worker"))


def _judge_memory(outcome: Outcome, before: int, after: int) -> None:
    growth = (after - before) / 2**20
    outcome.notes.append(f"memory of orders: {before / 2**20:.0f} MB before, {after / 2**20:.0f} MB after")
    if growth > GROWTH_MB_MAX:
        outcome.faults.append(f"memory grew by {growth:.0f} MB")


@fault(
    "a-slow-client-on-each-port",
    "A client that sends a byte a second, or never takes its answers, loses its connection; nobody waits for it.",
)
async def a_slow_client_on_each_port(run: Run) -> Outcome:
    """All services at the same time: ten clients each with a slow head, a slow body, and answers that they leave."""
    names = (*SERVICES, "orders-worker")
    outcome = run.outcome(
        "a-slow-client-on-each-port",
        f"10 clients each with a slow head, a slow body, and no ear for answers, on each of {len(names)} ports",
    )

    async def breaking(tally: Tally) -> None:
        slow: dict[str, Callable[[int], Awaitable[float]]] = {
            "head": partial(_send_slowly, at_once=b"", slowly=HEAD + BODY),
            "body": partial(_send_slowly, at_once=HEAD, slowly=BODY),
            "reader": _ask_and_leave,
        }
        for slowness, client in slow.items():
            ports = [run.ground.stack.ports[name] for name in names for _client in range(10)]
            lasted = await asyncio.gather(*(client(port) for port in ports))
            outcome.runs += len(lasted)
            outcome.notes.append(f"slow {slowness}: they lasted between {min(lasted):.0f} and {max(lasted):.0f} s")
            if max(lasted) >= CLIENT_SECONDS_MAX:
                outcome.faults.append(f"slow {slowness}: a connection lasted {max(lasted):.0f} s")
        if tally.longest_seconds > AGAIN_SECONDS_MAX:
            outcome.faults.append(f"somebody waited {tally.longest_seconds:.1f} s for an order")

    return await run.under_load(outcome, breaking)


async def _ask_and_leave(port: int) -> float:
    """Ask for as many long pages as one may at once, and read none: how long the service puts up with it."""
    began = time.monotonic()
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that the kernel does not take them for us
    narrow.setblocking(False)
    narrow.connect_ex(("127.0.0.1", port))
    _, writer = await asyncio.open_connection(sock=narrow, limit=1024)
    try:
        writer.write(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n" * PIPELINED_MAX)
        async with asyncio.timeout(CLIENT_SECONDS_MAX):
            while True:
                await asyncio.sleep(1)
                writer.write(b"\r\n")  # who does not read sees only so that the connection is gone
                await writer.drain()
    except (OSError, TimeoutError):
        return time.monotonic() - began
    finally:
        writer.close()


async def _send_slowly(port: int, *, at_once: bytes, slowly: bytes) -> float:
    """How long the service puts up with it."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(at_once)
        for byte in slowly:
            writer.write(bytes([byte]))
            await writer.drain()
            try:
                async with asyncio.timeout(1):
                    if not await reader.read(1):
                        break
            except TimeoutError:
                pass
            if time.monotonic() - began > CLIENT_SECONDS_MAX:
                break
    except OSError:
        return time.monotonic() - began
    finally:
        writer.close()
    return time.monotonic() - began
