"""The measurements: each returns plain figures; ratios are only ever within one run."""

import asyncio
import collections
import json
import re
import statistics
import subprocess
import sys
import time
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import asyncpg
import httpx2

from bench.load import SHIP_TO, Plan, percentile_ms
from bench.stage import HOME, Stage, load, lumbung, sign_in
from deploy.local.layout import PROJECT
from deploy.local.stack import SERVICES
from shared import sql
from shared.sql import Row

queries = sql.load(__file__, "measure.sql")
FOLDER = PROJECT / HOME / "work"
NOOP_PORT = 28999
CLIENTS = 64
SAGA_WARMUP_SECONDS = 3
SETTLE_SECONDS = 60
RELAY_SECONDS_MAX = 120.0


async def look(stage: Stage, service: str, query: str, **values: Any) -> list[Row]:
    """A named query, by the audit role."""
    conn = await asyncpg.connect(stage.stack.audit_dsn(service))
    try:
        rows: list[Row] = await getattr(queries, query).rows(conn, **values)
        return rows
    finally:
        await conn.close()


async def clock(stage: Stage) -> datetime:
    """The database's clock."""
    (row,) = await look(stage, "orders", "now")
    moment: datetime = row[0]
    return moment


async def pgbench(stage: Stage, seconds: int) -> float:
    """Transactions per second of pgbench (-M prepared, 32 clients) that write the same order, lines and event."""
    name = "bench_pgbench"
    programs = stage.stack.postgres_programs
    admin = await asyncpg.connect(stage.stack.superuser_dsn())
    await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await admin.execute(f"CREATE DATABASE {name} STRATEGY wal_log")
    await admin.close()
    dsn = stage.stack.superuser_dsn(name)
    dump = [str(programs / "pg_dump"), "--schema-only", stage.stack.superuser_dsn("orders")]
    schema = subprocess.run(dump, check=True, stdout=subprocess.PIPE).stdout
    psql = [str(programs / "psql"), "-q", "-X", dsn]
    subprocess.run(psql, input=schema, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (row,) = await look(stage, "orders", "sample_event")
    script = str(Path(__file__).with_name("pgbench.sql"))
    options = ["-n", "-M", "prepared", "-c", "32", "-j", "2", "-T", str(seconds), "-f", script]
    command = [str(programs / "pgbench"), *options, "-D", f"payload={row[0]}", dsn]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    admin = await asyncpg.connect(stage.stack.superuser_dsn())
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")  # else its vacuum shares the cores with the next one
    await admin.close()
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("tps ="))
    return float(line.split()[2])


def orders_plan(stage: Stage, seconds: float, *, shops: int = 3) -> Plan:
    """Orders of three lines, of as many shops, signed in."""
    return Plan(
        host="127.0.0.1",
        port=stage.stack.ports["orders"],
        clients=CLIENTS,
        seconds=seconds,
        kind="orders",
        tokens=stage.tokens,
        shelves=stage.shelves,
        shops=shops,
        seed=int(time.time()),
    )


async def accept(stage: Stage, seconds: float) -> dict[str, Any]:
    """Orders accepted per second, durable, relay on, handlers stopped; and where the accepting process spends it.

    The lines of each are from three shops; `one_shop` are orders of three lines from one.
    """
    await sign_in(stage)
    for service in SERVICES:
        if service != "orders":
            lumbung("stop", service)
    result = load(orders_plan(stage, seconds), FOLDER)
    profile = asyncio.create_task(asyncio.to_thread(profile_of, stage.stack.pid_of("orders"), int(seconds)))
    profiled = await asyncio.to_thread(load, orders_plan(stage, seconds + 2), FOLDER)
    result["profile"] = await profile
    result["per_s_while_profiled"] = profiled["per_s"]
    result["one_shop"] = load(orders_plan(stage, seconds, shops=1), FOLDER)
    return result


def profile_of(pid: int, seconds: int) -> list[tuple[str, float]]:
    """The functions with most own time (py-spy, 200 samples a second), as shares of all samples."""
    py_spy = Path(sys.executable).with_name("py-spy")
    path = FOLDER / f"profile-{uuid4().hex[:6]}.txt"
    options = ["-p", str(pid), "-d", str(seconds), "-r", "200", "-f", "raw", "-o", str(path)]
    command = [str(py_spy), "record", "--gil", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    own: collections.Counter[str] = collections.Counter()
    for line in path.read_text().splitlines():
        stack_text, _, count = line.rpartition(" ")
        own[re.sub(r":\d+\)$", ")", stack_text.split(";")[-1])] += int(count)
    total = sum(own.values())
    return [(name, round(count / total, 3)) for name, count in own.most_common(20)] if total else []


async def relay(stage: Stage) -> dict[str, Any]:
    """Events per second of a relay that finds a full outbox: orders' events after a time without it.

    All other services are stopped already, by `accept`; buyers sign in again.
    """
    lumbung("up", "--only", "identity")
    await sign_in(stage)
    env = [line for line in lumbung("env", "orders").splitlines() if "=" in line]
    lumbung("stop", "orders")
    environment = dict(line.split("=", 1) for line in env) | {"PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "services.orders.main", "--role", "http"]
    alone = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)
    try:
        await ready(stage.stack.url("orders"))
        load(orders_plan(stage, 12), FOLDER)
    finally:
        alone.terminate()
        alone.wait(20)
    (row,) = await look(stage, "orders", "outbox_left")
    waiting = int(row[0])
    coming = asyncio.create_task(asyncio.to_thread(lumbung, "up", "--only", "orders"))  # it sends before that returns
    await _until_left(stage, int(waiting * 0.9), coming)
    first = time.monotonic()
    left = await _until_left(stage, int(waiting * 0.05), coming)
    seconds = time.monotonic() - first
    await coming
    return {"events": waiting, "per_s": round((waiting * 0.9 - left) / seconds, 1)}


async def _until_left(stage: Stage, most: int, coming: "asyncio.Task[str]") -> int:
    """How many events wait, once they are so few. Raises what went wrong with who is to send them."""
    deadline = time.monotonic() + RELAY_SECONDS_MAX
    while (left := int((await look(stage, "orders", "outbox_left"))[0][0])) > most:
        if coming.done():
            coming.result()
        if time.monotonic() > deadline:
            raise RuntimeError(f"{left} events still wait after {RELAY_SECONDS_MAX:.0f} s")
        await asyncio.sleep(0.01)
    return left


async def sagas(stage: Stage, seconds: float, *, shops: int = 3) -> dict[str, Any]:
    """Whole sagas per second, from POST to stock committed, with everything on; of orders from so many shops.

    Sustained: committed per second between the end of the warm-up and the last order, while the queue does not grow
    (`drained_after_s` says how long after the last order the last saga ended). `whole_run_per_s` counts the start and
    that end, too.
    """
    lumbung("up")
    await sign_in(stage)
    since = await clock(stage)
    plan = orders_plan(stage, seconds + SAGA_WARMUP_SECONDS, shops=shops)
    plan.warmup_seconds = 0
    accepted = await asyncio.to_thread(load, plan, FOLDER)
    ((orders, first_at, last_at),) = await look(stage, "orders", "placed_since", since=since)
    deadline = time.monotonic() + 120
    while (await look(stage, "catalog", "committed_since", since=since))[0][0] < orders:
        if time.monotonic() > deadline:
            raise RuntimeError(f"not all of {orders} sagas ended within two minutes")
        await asyncio.sleep(0.2)
    placed = {row[0]: row[1] for row in await look(stage, "orders", "placed_times", since=since)}
    committed = {row[0]: row[1] for row in await look(stage, "catalog", "committed_times", since=since)}
    took = sorted((committed[key] - placed[key]).total_seconds() for key in placed)
    warm_at = first_at + timedelta(seconds=SAGA_WARMUP_SECONDS)
    whole = sum(warm_at <= at <= last_at for at in committed.values())
    last_committed_at = max(committed.values())
    return {
        "sagas": orders,
        "per_s": round(whole / (last_at - warm_at).total_seconds(), 1),
        "whole_run_per_s": round(orders / (last_committed_at - first_at).total_seconds(), 1),
        "accepted_per_s_meanwhile": accepted["per_s"],
        "p50_ms": percentile_ms(took, 0.5),
        "p99_ms": percentile_ms(took, 0.99),
        "drained_after_s": round((last_committed_at - last_at).total_seconds(), 2),
        "statuses": accepted["statuses"],
    }


async def idle_latency(stage: Stage, count: int) -> dict[str, Any]:
    """From the commit of an order to its handler in catalog, one order at a time, when nothing else happens."""
    since = await clock(stage)
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {stage.tokens[0]}"}, timeout=30) as http:
        for number in range(count):
            body = {
                "lines": [{"product_id": stage.products[number % len(stage.products)], "quantity": 1}],
                "ship_to": SHIP_TO,
                "payment": {"method": "cod"},
            }
            headers = {"idempotency-key": uuid4().hex}
            (await http.post(stage.stack.url("orders") + "/v1/orders", json=body, headers=headers)).raise_for_status()
            await asyncio.sleep(0.35)
    written = {row[0]: row[1] for row in await look(stage, "orders", "outbox_times", since=since)}
    recorded = {row[0]: row[1] for row in await look(stage, "catalog", "inbox_times", since=since)}
    took = sorted((recorded[key] - written[key]).total_seconds() for key in written if key in recorded)
    return {"p50_ms": percentile_ms(took, 0.5), "p99_ms": percentile_ms(took, 0.99), "orders": len(took)}


async def pages(stage: Stage, seconds: float) -> dict[str, Any]:
    """Product page, list and search, and a FastAPI route that does nothing, one after the other."""
    noop = subprocess.Popen([sys.executable, "-m", "bench.noop", str(NOOP_PORT)], cwd=PROJECT)
    try:
        await ready(f"http://127.0.0.1:{NOOP_PORT}", "/")
        words = sorted({word for title in stage.titles for word in title.split() if not word.isdigit()})
        typos = [word[:2] + word[3:] for word in words if len(word) > 4]
        plans = {
            "noop": (NOOP_PORT, ["/"]),
            "detail": (stage.stack.ports["catalog"], [f"/v1/products/{p}" for p in stage.products[:1000]]),
            "list": (
                stage.stack.ports["catalog"],
                ["/v1/products?limit=20", "/v1/products?limit=20&category=kopi-teh"],
            ),
            "search": (
                stage.stack.ports["catalog"],
                [f"/v1/products?limit=20&q={quote(' '.join(pair))}" for pair in pairwise(words)],
            ),
            "search_typo": (stage.stack.ports["catalog"], [f"/v1/products?limit=20&q={quote(t)}" for t in typos]),
        }
        figures = {}
        for name, (port, paths) in plans.items():
            clients = 32 if name in ("noop", "detail", "list") else 4
            plan = Plan("127.0.0.1", port, clients, seconds, "get", paths=paths, warmup_seconds=1)
            figures[name] = await asyncio.to_thread(load, plan, FOLDER)
        return figures
    finally:
        noop.terminate()
        noop.wait(10)


def idle(seconds: float) -> dict[str, Any]:
    """What the stack costs when nobody comes: CPU of one core, memory; once the broker has compiled what it needs."""
    time.sleep(SETTLE_SECONDS)
    processes = json.loads(lumbung("status", "--json", "--seconds", str(seconds)))["processes"]
    return {
        "cpu_percent": round(sum(p["cpu_percent"] for p in processes), 1),
        "rss_mb": round(sum(p["memory_mb"] for p in processes)),
        "processes": {p["name"]: (round(p["cpu_percent"], 1), round(p["memory_mb"])) for p in processes if p["pid"]},
    }


async def ready(url: str, path: str = "/readyz") -> None:
    """Wait until a process answers."""
    async with httpx2.AsyncClient(timeout=2) as http:
        for _ in range(300):
            try:
                if (await http.get(url + path)).status_code == 200:
                    return
            except httpx2.HTTPError:
                pass
            await asyncio.sleep(0.1)
    raise RuntimeError(f"{url} does not answer")


def median(values: list[float]) -> float:
    """The middle one."""
    return statistics.median(values)
