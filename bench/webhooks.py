"""Commit to webhook: how long after a commit its event stands at the lender's endpoint, while a tenth of them are dead.

A throw-away database, a thousand lenders with an endpoint each; three processes beside PostgreSQL: one that writes,
one that delivers (woken by NOTIFY), one that receives. Half of the dead refuse connections, half take them and never
answer.
`python -m bench.webhooks` measures on the stack of LUMBUNG_HOME, of which only the infrastructure must run.
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psutil

from bench.databases import throw_away
from bench.load import percentile_ms
from deploy.local.layout import PROJECT
from deploy.local.stack import Stack, load_stack
from services.financing.settings import FinancingSettings
from services.financing.use_cases.register_lender import register_lender
from services.financing.use_cases.subscribe import Subscribe, subscribe
from services.financing.use_cases.tell_lenders import LENDER_NEWS, LenderFact, tell_now
from shared import sql
from shared.clock import utc_now
from shared.db import Database
from shared.wakes import Wakes

queries = sql.load(__file__, "measure.sql")
ENDPOINTS, DEAD = 1_000, 100
DELIVERIES_PER_SECOND = 200  # that arrive: the dead ones' share comes on top
NAME = "bench_webhooks"
KEY = "the key of a benchmark"
RECEIVER_PORT, CLOSED_PORT = 28998, 28997
SETTLE_SECONDS = 20


async def measure(stack: Stack, seconds: int) -> dict[str, Any]:
    """Latencies from commit to arrival in milliseconds, and what the delivering process cost."""
    async with _database(stack) as (database, dsn):
        endpoints = await _subscribe(database)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "arrived"
            receiver = _start("bench.webhook_receiver", str(RECEIVER_PORT), str(file))
            sender = _start("bench.webhook_sender", KEY, LUMBUNG_DATABASE_URL=dsn)
            try:
                cpu_before = sum(psutil.Process(sender.pid).cpu_times()[:2])
                committed = await _write(database, dsn, list(endpoints), seconds)
                cpu_seconds = sum(psutil.Process(sender.pid).cpu_times()[:2]) - cpu_before
                living = {key: at for key, at in committed.items() if endpoints[key[0]].startswith("/live")}
                await _until_delivered(database, living)
            finally:
                for process in (sender, receiver):
                    process.send_signal(signal.SIGTERM)
                    process.wait(20)
            arrivals = [json.loads(line) for line in file.read_text().splitlines()]
    lenders = {path: lender_id for lender_id, path in endpoints.items()}
    first: dict[tuple[UUID, int], float] = {}
    for path, position, at in arrivals:
        first.setdefault((lenders[path], position), at)
    latencies = sorted(first[key] - at for key, at in living.items() if key in first)
    return {
        "p50_ms": percentile_ms(latencies, 0.50),
        "p99_ms": percentile_ms(latencies, 0.99),
        "max_ms": percentile_ms(latencies, 1.0),
        "delivered": len(latencies),
        "lost": len(living) - len(latencies),
        "doubled": len(arrivals) - len(first),
        "per_s": round(len(latencies) / seconds, 1),
        "told_to_the_dead": len(committed) - len(living),
        "endpoints": ENDPOINTS,
        "dead": DEAD,
        "sender_cpu_percent": round(100 * cpu_seconds / seconds),
    }


@asynccontextmanager
async def _database(stack: Stack) -> AsyncIterator[tuple[Database, str]]:
    """A migrated database of financing, dropped in the end, and its address."""
    async with throw_away(stack, "financing", NAME) as dsn:
        settings = FinancingSettings(
            database_url=dsn,
            kafka_bootstrap="unused:1",
            kafka_username="unused",
            kafka_password="unused",  # noqa: S106  of nothing
            http_port=1,
            identity_url="http://127.0.0.1:1",
            partner_key=KEY,
            webhook_local_allowed=True,
        )
        database = await Database.connect(dsn, source="financing", size=6, settings=settings)
        try:
            yield database, dsn
        finally:
            await database.close()


async def _subscribe(database: Database) -> dict[UUID, str]:
    """A thousand lenders with a webhook each: the path of each lender's endpoint."""
    endpoints: dict[UUID, str] = {}
    now = utc_now()
    for number in range(ENDPOINTS):
        port = RECEIVER_PORT
        path = f"/live/{number}"
        if number < DEAD:
            port, path = (CLOSED_PORT, f"/dead/{number}") if number % 2 else (RECEIVER_PORT, f"/hang/{number}")
        lender_id = uuid4()
        async with database.transaction() as conn:
            lender = await register_lender(
                conn, lender_id=lender_id, client_id=uuid4(), slug=f"bench-{number}", name=f"Bank {number}", now=now
            )
            wish = Subscribe(uuid4(), "webhook", f"http://127.0.0.1:{port}{path}", (), 0)
            await subscribe(conn, lender, wish, now=now)
        endpoints[lender_id] = path
    return endpoints


async def _write(database: Database, dsn: str, lender_ids: list[UUID], seconds: int) -> dict[tuple[UUID, int], float]:
    """Tell facts at a steady rate, a transaction each, to lenders by chance; when each was committed."""
    wakes = Wakes(dsn, source="financing")
    database.wakers[LENDER_NEWS].append(wakes.teller(LENDER_NEWS))
    notifying = asyncio.create_task(wakes.run_forever())
    committed: dict[tuple[UUID, int], float] = {}
    rate = DELIVERIES_PER_SECOND * ENDPOINTS / (ENDPOINTS - DEAD)
    rng = random.Random(1)

    async def one(lender_id: UUID) -> None:
        fact = LenderFact(
            lender_id,
            "lending.application_published.v1",
            {
                "application_id": uuid4(), "shop_id": uuid4(), "region_code": "18.01", "sector": "food",
                "size_class": "micro", "amount_minor": 25_000_000, "currency": "IDR", "tenor_months": 12,
            },
            subject={"application_id": uuid4()},
        )  # fmt: skip
        async with database.transaction() as conn:
            (place,) = await tell_now(conn, [fact])
        committed[place] = time.time()

    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            group.create_task(one(rng.choice(lender_ids)))
    notifying.cancel()
    await asyncio.wait([notifying])
    return committed


async def _until_delivered(database: Database, living: dict[tuple[UUID, int], float]) -> None:
    """Wait until the living endpoints have everything, or give up."""
    deadline = time.monotonic() + SETTLE_SECONDS
    lender_ids = list({lender_id for lender_id, _ in living})
    while time.monotonic() < deadline:
        async with database.reading() as conn:
            behind = await queries.behind_on_webhooks.value(conn, lender_ids=lender_ids)
        if not behind:
            return
        await asyncio.sleep(0.2)


def _start(module: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A process that says when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=PROJECT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", f"{module} did not start"
    return process


if __name__ == "__main__":
    found = asyncio.run(measure(load_stack(), int(sys.argv[1]) if len(sys.argv) > 1 else 30))
    print(json.dumps(found, indent=2))
