"""Too much at once: three times the clients, ten thousand sockets that say nothing, and clients that never finish."""

import asyncio
import resource
import time

import psutil

from deploy.local.stack import SERVICES
from faults.books import Outcome
from faults.catalogue import Run, fault
from faults.market import Market, Tally

USUAL, TIMES = 64, 3
OVERLOAD_SECONDS = 15.0
SOCKETS = 10_000
GROWTH_MB_MAX = 300
RECOVERY_SECONDS_MAX = 60.0
CLIENT_SECONDS_MAX = 45.0  # a request must have arrived whole after 30 s, says the setting


@fault(
    "three-times-overload",
    "Overloaded, orders answers or refuses with 503 and Retry-After; memory stays bounded; it recovers at once.",
)
async def three_times_overload(run: Run) -> Outcome:
    """Three times as many clients as it is measured with, placing without a pause."""
    outcome = run.outcome("three-times-overload", f"{USUAL * TIMES} clients that place orders without a pause")
    orders = psutil.Process(run.ground.stack.pid_of("orders"))

    async def breaking(tally: Tally) -> None:
        before = orders.memory_info().rss
        is_over = asyncio.Event()
        crowd = Market(run.ground, run.seed + 99, USUAL * TIMES, tally=tally, places_only=True)
        crowd.life_seconds = run.patience_seconds
        pressing = asyncio.create_task(crowd.run(0, is_over))
        await asyncio.sleep(OVERLOAD_SECONDS)
        is_over.set()
        await pressing
        outcome.runs += 1
        _judge_memory(outcome, before, orders.memory_info().rss)

    await run.under_load(outcome, breaking)
    return outcome


@fault(
    "ten-thousand-idle-sockets",
    "Sockets that say nothing cost bounded memory, are refused and cut off; afterwards all goes on.",
)
async def ten_thousand_idle_sockets(run: Run) -> Outcome:
    """As many as this process may open, to orders, while people buy."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(SOCKETS, (soft if hard == resource.RLIM_INFINITY else max(soft, hard)) - 2_000)
    outcome = run.outcome("ten-thousand-idle-sockets", f"{wanted} connections to orders that send nothing")
    if wanted < 1_000:
        outcome.skipped = f"this process may only open {soft} files"
        return outcome
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(wanted + 2_000, hard)), hard))
    orders = psutil.Process(run.ground.stack.pid_of("orders"))

    async def breaking(tally: Tally) -> None:
        before, peak = orders.memory_info().rss, 0
        idle: list[asyncio.StreamWriter] = []
        refused = 0
        for _socket in range(wanted):
            try:
                async with asyncio.timeout(5):
                    idle.append((await asyncio.open_connection("127.0.0.1", run.ground.stack.ports["orders"]))[1])
            except (OSError, TimeoutError):
                refused += 1
        peak = orders.memory_info().rss
        refused_with_503 = tally.statuses[503]
        began = time.monotonic()
        placed = len(tally.placed_at)
        while len(tally.placed_at) == placed and time.monotonic() - began < RECOVERY_SECONDS_MAX:
            await asyncio.sleep(0.5)
        took = time.monotonic() - began
        outcome.runs += 1
        outcome.notes.append(
            f"{len(idle)} sockets open, {refused} refused; 503 meanwhile: {refused_with_503}; "
            f"orders again after {took:.0f} s"
        )
        if len(tally.placed_at) == placed:
            outcome.faults.append(f"no order within {RECOVERY_SECONDS_MAX:.0f} s")
        _judge_memory(outcome, before, max(peak, orders.memory_info().rss))
        for writer in idle:
            writer.close()

    await run.under_load(outcome, breaking)
    return outcome


def _judge_memory(outcome: Outcome, before: int, after: int) -> None:
    growth = (after - before) / 2**20
    outcome.notes.append(f"memory of orders: {before / 2**20:.0f} MB before, {after / 2**20:.0f} MB after")
    if growth > GROWTH_MB_MAX:
        outcome.faults.append(f"memory grew by {growth:.0f} MB")


@fault(
    "a-slow-client-on-each-port",
    "A client that sends a byte a second loses its connection, and nobody waits for it.",
)
async def a_slow_client_on_each_port(run: Run) -> Outcome:
    """All services at the same time, twenty clients each."""
    outcome = run.outcome("a-slow-client-on-each-port", f"20 clients on each of {len(SERVICES)} ports, a byte a second")

    async def breaking(_: Tally) -> None:
        lasted = await asyncio.gather(
            *(_send_slowly(run.ground.stack.ports[name]) for name in SERVICES for _client in range(20))
        )
        outcome.runs += len(lasted)
        outcome.notes.append(f"they lasted between {min(lasted):.0f} and {max(lasted):.0f} s")
        if max(lasted) >= CLIENT_SECONDS_MAX:
            outcome.faults.append(f"a connection lasted {max(lasted):.0f} s")

    return await run.under_load(outcome, breaking)


async def _send_slowly(port: int) -> float:
    """How long the service puts up with it."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for byte in b"POST /v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n" + b" " * 1000:
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
