"""What size costs: search at a million products, orders and dashboards at ten million orders. `python -m bench.scale`.

Two databases of orders lie side by side on one server, one small and one large, each with its own accepting process;
they are measured in turn, small and large and large and small, so that whatever else the machine does is in both. Rows
are made inside the databases (large.py). The result is bench/results/scale-latest.json; `make bench QUICK=1` takes it
over.
"""

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import asyncpg
import click

from bench import measure
from bench.databases import throw_away
from bench.large import TRAITS, make_orders, make_products, queries, shop_ids
from bench.load import Plan
from bench.stage import WORDS, Stage, claims_of, load, lumbung, people, say, sign_in
from deploy.local.layout import PROJECT
from deploy.local.stack import Stack, load_stack

HOME, PORT_BASE = ".local/bench-scale", "21000"
RESULT = Path(__file__).parent / "results" / "scale-latest.json"
PARTS = ("search", "orders")
KEYS = ("search_p99_ms_1m", "order_insert_slowdown_10m", "dashboard_slowdown_10m")
FOLDER = PROJECT / HOME / "work"
PRODUCTS, SMALL, ORDERS = 1_000_000, 10_000, 10_000_000
UNUSED = ("cooperatives", "financing", "programmes", "storefront", "payments", "notices", "bank")


def searches(words: list[str]) -> dict[str, list[str]]:
    """What is asked: two words as in `measure.pages`, one word, one mistyped word, two of the commonest words."""
    typos = [word[:2] + word[3:] for word in words if len(word) > 4]
    asked = {
        "search": [" ".join(pair) for pair in pairwise(words)],
        "search_one_word": words,
        "search_typo": typos,
        "search_common": [f"{noun} {trait}" for noun in WORDS[:12] for trait in TRAITS[:12]],
    }
    return {name: [f"/v1/products?limit=20&q={quote(text)}" for text in texts] for name, texts in asked.items()}


async def search(stage: Stage, products: int, seconds: float) -> dict[str, Any]:
    """Searches over HTTP, four clients, one kind after the other."""
    words, figures = await make_products(stage.stack, products)
    say(f"{products:,} products are there, {figures['making_s']} s; {len(words)} words to search for")
    for name, paths in searches(words).items():
        port = stage.stack.ports["catalog"]
        warm = Plan("127.0.0.1", port, 4, 2, "get", paths=paths, warmup_seconds=1)
        await asyncio.to_thread(load, warm, FOLDER)
        cpu = cpu_seconds(stage.stack.pid_of("catalog"), postgres_pid(stage.stack))
        plan = Plan("127.0.0.1", port, 4, seconds, "get", paths=paths, warmup_seconds=0)
        figures[name] = await asyncio.to_thread(load, plan, FOLDER)
        spent = cpu_seconds(stage.stack.pid_of("catalog"), postgres_pid(stage.stack)) - cpu
        figures[name]["cpu_ms_each"] = round(1000 * spent / max(1, figures[name]["per_s"] * seconds), 2)
        say(f"{name}: {figures[name]}")
    return figures


def postgres_pid(stack: Stack) -> int:
    """The server's first process."""
    return stack.pid_of("postgres")


def cpu_seconds(*pids: int) -> float:
    """What these processes and their children have used so far. A backend that has ended is in its parent's sum."""
    ticks = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(folder.name) in pids:
                    ticks += sum(map(int, fields[11:15]))
                elif int(fields[1]) in pids:
                    ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


class Market:
    """One of the two: its database, its accepting process and its port."""

    def __init__(self, stage: Stage, name: str, dsn: str, port: int) -> None:
        self.stage, self.name, self.dsn, self.port = stage, name, dsn, port
        self.made: dict[str, Any] = {}
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """The service as it is, with its HTTP role only: no relay and no handlers for either."""
        lines = [line for line in on_stack("env", "orders").splitlines() if "=" in line]
        environment = dict(line.split("=", 1) for line in lines) | {
            "PATH": "/usr/bin:/bin",
            "LUMBUNG_DATABASE_URL": self.dsn,
            "LUMBUNG_HTTP_PORT": str(self.port),
        }
        command = [sys.executable, "-m", "services.orders.main", "--role", "http"]
        self.process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)
        await measure.ready(f"http://127.0.0.1:{self.port}")

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)

    async def events(self) -> int:
        """How many events there were: one for each accepted order."""
        conn = await asyncpg.connect(self.stage.stack.superuser_dsn(self.name))
        try:
            return int(await queries.events_so_far.value(conn))
        finally:
            await conn.close()

    def cpu(self) -> float:
        """What the accepting process and the server have used so far, in seconds."""
        assert self.process is not None
        return cpu_seconds(self.process.pid, postgres_pid(self.stage.stack))

    async def accept(self, seconds: float) -> dict[str, Any]:
        """Orders of three lines, 64 clients in a closed loop; the rate, and the CPU time of each."""
        plan = measure.orders_plan(self.stage, seconds, shops=1)  # of any: all products are on one shelf
        plan.port, plan.warmup_seconds = self.port, 0
        before, cpu = await self.events(), self.cpu()
        done = await asyncio.to_thread(load, plan, FOLDER)
        spent, accepted = self.cpu() - cpu, await self.events() - before
        return {
            "per_s": done["per_s"],
            "p99_ms": done["p99_ms"],
            "cpu_ms": 1000 * spent / max(1, accepted),
            "orders": accepted,
        }

    async def dashboards(self, seconds: float) -> dict[str, Any]:
        """Dashboards of shops at random, 4 clients."""
        paths = [f"/v1/shops/{shop_id}/dashboard" for shop_id in shop_ids(500)]
        plan = Plan("127.0.0.1", self.port, 4, seconds, "get", self.stage.tokens[:1], paths=paths, warmup_seconds=0)
        cpu = self.cpu()
        done = await asyncio.to_thread(load, plan, FOLDER)
        if set(done["statuses"]) != {"200"}:
            raise RuntimeError(f"dashboards were answered with {done['statuses']}: {done['first_refusal']}")
        spent = self.cpu() - cpu
        return {"per_s": done["per_s"], "p99_ms": done["p99_ms"], "cpu_ms": 1000 * spent / (done["per_s"] * seconds)}

    async def pgbench(self, seconds: float) -> dict[str, Any]:
        """An order, its lines and its event, of a buyer who never bought before, written by pgbench; 8 clients."""
        programs = self.stage.stack.postgres_programs
        script = str(Path(__file__).with_name("pgbench.sql"))
        options = ["-n", "-M", "prepared", "-c", "8", "-j", "1", "-T", str(round(seconds)), "-f", script]
        payload = json.dumps({"filling": "x" * 900})
        command = [
            str(programs / "pgbench"),
            *options,
            "-D",
            f"payload={payload}",
            self.stage.stack.superuser_dsn(self.name),
        ]
        cpu = cpu_seconds(postgres_pid(self.stage.stack))
        done = await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, text=True)
        spent = cpu_seconds(postgres_pid(self.stage.stack)) - cpu
        (tps,) = (float(line.split()[2]) for line in done.stdout.splitlines() if line.startswith("tps ="))
        return {"per_s": round(tps, 1), "cpu_ms": 1000 * spent / max(1.0, tps * seconds)}


async def in_turn(small: Market, large: Market, what: str, seconds: float, rounds: int) -> dict[str, Any]:
    """Small, large, large, small, so many times; how much more the large one takes, in time and in CPU time."""
    runs: dict[str, list[dict[str, Any]]] = {small.name: [], large.name: []}
    for market in (small, large, large, small) * rounds:
        await sign_in_quietly(market.stage)
        runs[market.name].append(await getattr(market, what)(seconds))
    middle = {
        name: {key: statistics.median(one[key] for one in found) for key in ("per_s", "cpu_ms")}
        for name, found in runs.items()
    }
    of_small, of_large = middle[small.name], middle[large.name]
    figures = {
        "slowdown_time": round(of_small["per_s"] / of_large["per_s"], 3),
        "slowdown_cpu": round(of_large["cpu_ms"] / of_small["cpu_ms"], 3),
        "small": of_small,
        "large": of_large,
        "runs": runs,
    }
    say(f"{what}: {figures['slowdown_time']} in time, {figures['slowdown_cpu']} in CPU time; {of_small} {of_large}")
    return figures


async def sign_in_quietly(stage: Stage) -> None:
    """Tokens live ten minutes."""
    if time.monotonic() - getattr(stage, "signed_in_at", -1e9) > 400:
        await sign_in(stage)
        stage.signed_in_at = time.monotonic()  # type: ignore[attr-defined]  # noted on the stage, for nobody else


async def orders(stage: Stage, count: int, seconds: float, rounds: int) -> dict[str, Any]:
    """The small market and the large one, measured in turn."""
    on_stack("stop", "orders")
    owner_id = UUID(claims_of(stage.tokens[0])["sub"])
    figures: dict[str, Any] = {"small_orders": SMALL, "large_orders": count}
    async with (
        throw_away(stage.stack, "orders", "scale_small") as small_dsn,
        throw_away(stage.stack, "orders", "scale_large") as large_dsn,
    ):
        small = Market(stage, "scale_small", small_dsn, int(PORT_BASE) + 70)
        large = Market(stage, "scale_large", large_dsn, int(PORT_BASE) + 71)
        try:
            for market, size in ((small, SMALL), (large, count)):
                products, market.made = await make_orders(stage.stack, market.name, size, owner_id)
                stage.shelves = [products]
                say(f"{size:,} orders are there: {market.made}")
                await market.start()
            for market in (small, large):  # caches as they are when a market has been open for a while
                await sign_in_quietly(stage)  # making the rows took longer than a token lasts
                await market.accept(3)
                await market.dashboards(3)
            figures["accept"] = await in_turn(small, large, "accept", seconds, rounds)
            figures["dashboards"] = await in_turn(small, large, "dashboards", seconds, rounds)
            figures["pgbench"] = await in_turn(small, large, "pgbench", seconds, rounds)
            figures |= {"small": small.made, "large": large.made}
        finally:
            small.stop()
            large.stop()
    return figures


def on_stack(*arguments: str) -> str:
    """The command, on the stack of this measurement."""
    return lumbung(*arguments, LUMBUNG_HOME=HOME, LUMBUNG_PORT_BASE=PORT_BASE)


async def measured(
    parts: Sequence[str], *, products: int, order_count: int, seconds: float, rounds: int
) -> dict[str, Any]:
    """These of PARTS, on a stack of its own that is gone afterwards; each with its date."""
    began, at = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    loads = [os.getloadavg()]
    on_stack("down", "--delete-data")
    try:
        on_stack("up")
        for process in UNUSED:
            on_stack("stop", process)
        stage = Stage(load_stack(PROJECT / HOME))
        await people(stage, measure.CLIENTS)
        details: dict[str, Any] = {}
        if "search" in parts:
            details["search"] = {"measured_at": at, **await search(stage, products, seconds)}
            loads.append(os.getloadavg())
        if "orders" in parts:
            on_stack("stop", "catalog")
            await sign_in(stage)
            details["orders"] = {"measured_at": at, **await orders(stage, order_count, seconds, rounds)}
            loads.append(os.getloadavg())
    finally:
        on_stack("down", "--delete-data")
    for part in details.values():
        part |= {"load_averages": [round(one[0], 1) for one in loads], "took_s": round(time.monotonic() - began)}
    return details


def summary(details: dict[str, Any] | None) -> dict[str, Any]:
    """The figures that are compared over time, each the worse of time and CPU time; None for what was not measured at
    its size."""
    figures: dict[str, Any] = dict.fromkeys(KEYS)
    if details and details.get("search", {}).get("products", 0) >= PRODUCTS:
        figures["search_p99_ms_1m"] = details["search"]["search"]["p99_ms"]
    if details and details.get("orders", {}).get("large_orders", 0) >= ORDERS:
        for what, key in (("accept", "order_insert_slowdown_10m"), ("dashboards", "dashboard_slowdown_10m")):
            found = details["orders"][what]
            figures[key] = max(found["slowdown_time"], found["slowdown_cpu"])
    return figures


def markdown(result: dict[str, Any], details: dict[str, Any] | None) -> list[str]:
    """Lines for the page, each with its own date; none for what was not measured at its size."""
    lines = []
    if details and result["search_p99_ms_1m"] is not None:
        at = details["search"]["measured_at"]
        lines.append(f"- Search among {PRODUCTS:,} products ({at}): p99 {result['search_p99_ms_1m']} ms, 4 clients.")
    if details and result["order_insert_slowdown_10m"] is not None:
        at = details["orders"]["measured_at"]
        lines.append(
            f"- At {ORDERS:,} orders ({at}) accepting one is {result['order_insert_slowdown_10m']} times as dear as at "
            f"{SMALL:,}, a dashboard {result['dashboard_slowdown_10m']} times."
        )
    return lines


def last() -> dict[str, Any]:
    """What was measured last, each part with its date; nothing if nothing was."""
    try:
        found: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8"))["details"]
    except FileNotFoundError:
        return {}
    return found


def run(
    parts: Sequence[str] = PARTS,
    *,
    products: int = PRODUCTS,
    order_count: int = ORDERS,
    seconds: float = 10,
    rounds: int = 2,
) -> dict[str, Any]:
    """Measure, and write the result; the parts that are left out stay as they were."""
    figures = asyncio.run(measured(parts, products=products, order_count=order_count, seconds=seconds, rounds=rounds))
    details = last() | figures
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({**summary(details), "details": details}, indent=2, default=str) + "\n")
    return details


@click.command()
@click.option("--only", type=click.Choice(PARTS), help="Default: both parts.")
@click.option("--products", default=PRODUCTS, show_default=True)
@click.option("--orders", "order_count", default=ORDERS, show_default=True)
@click.option("--seconds", default=10.0, show_default=True, help="How long each load runs.")
@click.option("--rounds", default=2, show_default=True, help="How often small, large, large, small are measured.")
def main(only: str | None, products: int, order_count: int, seconds: float, rounds: int) -> None:
    """Measure what size costs."""
    parts = PARTS if only is None else (only,)
    say(json.dumps(summary(run(parts, products=products, order_count=order_count, seconds=seconds, rounds=rounds))))


if __name__ == "__main__":
    main()
