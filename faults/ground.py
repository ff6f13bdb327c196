"""The ground that faults happen on: a running stack, buyers with tokens, shops with goods, all made through the API."""

import asyncio
import csv
import io
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import asyncpg
import httpx2

from deploy.local import control
from deploy.local.layout import PROJECT, Layout
from deploy.local.processes import TWO_PROCESSES
from deploy.local.stack import SERVICES, Stack, load_stack
from shared import sql
from shared.sql import Row

queries = sql.load(__file__, "faults.sql")

# Clocks short enough that every order ends within a test.
SHORT_CLOCKS = {
    "LUMBUNG_PAYMENT_SECONDS": "15",
    "LUMBUNG_COMPLETION_SECONDS": "6",
    "LUMBUNG_SWEEP_SECONDS": "1",
    "LUMBUNG_SURPLUS_BEFORE_YEAR_END": "true",
}
PASSWORD = "patah-tumbuh-2026"  # noqa: S105  of invented people
SHOPS, GOODS_OF_A_SHOP, PIECES = 4, 25, 1_000_000
REGIONS = ("18.71", "18.01", "36.73", "36.01")
TOKEN_SECONDS = 240.0  # they live ten minutes
T = TypeVar("T")


@dataclass
class Ground:
    """A stack and who is on it."""

    layout: Layout
    stack: Stack
    buyers: list[str] = field(default_factory=list)  # e-mail addresses; the first keeps the shops
    buyer_ids: list[str] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)  # every order that was ever answered with 201
    tokens: list[str] = field(default_factory=list)
    products: list[str] = field(default_factory=list)
    is_played: bool = False  # the demonstration's story happened here
    _signed_in_at: float = field(default=0.0)

    @classmethod
    def of(cls, home: str, port_base: int) -> "Ground":
        """The running stack in `home`."""
        layout = Layout(PROJECT / home, port_base)
        return cls(layout, load_stack(layout.home))

    @property
    def seller(self) -> str:
        """The token of who keeps the shops."""
        return self.tokens[0]

    @property
    def environment(self) -> dict[str, str]:
        """What says to a program which stack it is on."""
        home, base = str(self.layout.home), str(self.layout.port_base)
        return {"LUMBUNG_HOME": home, "LUMBUNG_PORT_BASE": base, TWO_PROCESSES: "orders"}  # both are killed

    def lumbung(self, *arguments: str, is_checked: bool = True, **environment: str) -> str:
        """The command, on this stack; its standard output. Raises CalledProcessError when checked."""
        command = [sys.executable, "-m", "deploy.cli", *arguments]
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env=os.environ | self.environment | SHORT_CLOCKS | environment,
            check=is_checked,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout

    async def command(self, *arguments: str, is_checked: bool = True, **environment: str) -> str:
        """The same, while others go on."""
        return await asyncio.to_thread(lambda: self.lumbung(*arguments, is_checked=is_checked, **environment))

    async def stop_services(self) -> None:
        """Stop all that has a database open; sandboxes, PostgreSQL and Kafka go on. `up` starts them again."""
        running = control.processes_of(self.layout)
        for service in {*SERVICES, "partners"} & running.keys():
            await asyncio.to_thread(self.lumbung, "stop", service)

    async def restart(self, *, environment: Mapping[str, str] | None = None, without: Sequence[str] = ()) -> None:
        """Start the stack again, changed as faults/supervised.py says."""
        await self.command("down")
        self.layout.state_file.unlink(missing_ok=True)
        plan = {"environment": dict(environment or {}), "without": list(without)}
        with self.log_of("supervisor").open("ab") as log:
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "faults.supervised", json.dumps(plan),
                cwd=PROJECT, env=os.environ | SHORT_CLOCKS | self.environment,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        await self.back("orders", seconds=180)
        for service in SERVICES:
            await self.back(service, seconds=60)
        assert control.supervisor_pid(self.layout) is not None

    async def program(self, module: str, *arguments: str, tries: int = 1) -> None:
        """Run a program of the stack's own. Raises RuntimeError with its words when the last try fails."""
        command = [sys.executable, "-m", module, *arguments]
        environment = os.environ | self.environment
        for _try in range(tries):
            done = await asyncio.to_thread(
                lambda: subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
            )
            if done.returncode == 0:
                return
            await asyncio.sleep(1)
        raise RuntimeError(f"{module} {' '.join(arguments)}: {(done.stderr or done.stdout)[-1500:]}")

    async def kill(self, name: str, *, signal_number: int = 9) -> int:
        """Send a signal to a process of the stack; the pid that was hit."""
        return await asyncio.to_thread(control.kill, self.layout, name, signal_number)

    async def back(self, name: str, *, not_pid: int | None = None, seconds: float = 90) -> int:
        """Wait until a process is ready again; its pid."""
        return await asyncio.to_thread(lambda: control.wait_ready(self.layout, name, not_pid=not_pid, seconds=seconds))

    def environment_of(self, service: str) -> dict[str, str]:
        """What the supervisor starts a service with, for a process of our own."""
        told: dict[str, str] = json.loads(self.lumbung("env", service, "--json"))
        return told

    async def settle_in(self, buyers: int) -> None:
        """Buyers, shops and goods, unless they are there."""
        if not self.buyers:
            await self._sign_up(buyers)
            await self._open_shops()

    async def _sign_up(self, count: int) -> None:
        async with httpx2.AsyncClient(base_url=self.stack.url("identity"), timeout=60) as http:
            self.buyers = [f"faults-{uuid4().hex[:12]}@contoh.id" for _ in range(count)]
            for email in self.buyers:
                body = {"email": email, "password": PASSWORD, "name": "Pembeli Uji"}
                account = (await http.post("/v1/accounts", json=body)).raise_for_status().json()
                self.buyer_ids.append(account["account_id"])
        await self.sign_in()

    def forget_tokens(self) -> None:
        """They are of another time."""
        self._signed_in_at = 0.0

    async def sign_in(self) -> None:
        """Fresh tokens for all buyers, unless theirs are fresh; asks again while identity is down."""
        if time.monotonic() - self._signed_in_at < TOKEN_SECONDS:
            return
        async with httpx2.AsyncClient(base_url=self.stack.url("identity"), timeout=20) as http:
            self.tokens = [await patiently(lambda email=email: _token(http, email)) for email in self.buyers]  # type: ignore[misc]  # a default binds the name
        self._signed_in_at = time.monotonic()

    async def _open_shops(self) -> None:
        rng = random.Random(7)
        catalog = self.stack.url("catalog")
        async with httpx2.AsyncClient(timeout=60, headers={"authorization": f"Bearer {self.seller}"}) as http:
            for number in range(SHOPS):
                shop = {"name": f"Toko Uji {number}", "region_code": REGIONS[number % len(REGIONS)]}
                shop_id = (await http.post(f"{catalog}/v1/shops", json=shop)).raise_for_status().json()["shop_id"]
                files = {"file": ("produk.csv", _goods(rng, number), "text/csv")}
                answer = await http.post(f"{catalog}/v1/imports", data={"shop_id": shop_id}, files=files)
                path = f"{catalog}/v1/imports/{answer.raise_for_status().json()['import_id']}"
                while (state := (await http.get(path)).raise_for_status().json())["state"] not in ("done", "failed"):
                    await asyncio.sleep(0.1)
                if state["state"] == "failed" or state["failed"]:
                    raise RuntimeError(f"the goods did not get in: {json.dumps(state)[:300]}")
                page = (await http.get(f"{catalog}/v1/products?shop_id={shop_id}&limit=100")).json()
                self.products += [item["product_id"] for item in page["items"]]
        await self._until_orders_know()

    async def _until_orders_know(self) -> None:
        """Wait until orders has its copy of the offers."""
        deadline = time.monotonic() + 60
        while True:
            ((known,),) = await self.look("orders", "offers_known", product_ids=self.products)
            if known == len(self.products):
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"orders knows {known} of {len(self.products)} products after a minute")
            await asyncio.sleep(0.2)

    async def look(self, service: str, query: str, **values: Any) -> list[Row]:
        """A named query, by the audit role."""
        conn = await asyncpg.connect(self.stack.audit_dsn(service), timeout=20, command_timeout=60)
        try:
            rows: list[Row] = await getattr(queries, query).rows(conn, **values)
            return rows
        finally:
            await conn.close()

    async def as_superuser(self, statement: str, *arguments: Any, database: str = "postgres") -> str:
        """Run one command that nobody of the product may run."""
        conn = await asyncpg.connect(self.stack.superuser_dsn(database), timeout=20)
        try:
            return str(await conn.execute(statement, *arguments))
        finally:
            await conn.close()

    def log_of(self, name: str) -> Path:
        """The log of a process."""
        return self.layout.logs / f"{name}.log"


def _goods(rng: random.Random, shop: int) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("title", "description", "category", "unit_price_minor", "stock", "weight_grams"))
    for number in range(GOODS_OF_A_SHOP):
        title = f"Keripik {shop} nomor {number}"
        writer.writerow((title, f"Dari {title}", "makanan-ringan", rng.randrange(5, 200) * 1000, PIECES, 250))
    return text.getvalue().encode()


async def _token(http: httpx2.AsyncClient, email: str) -> str:
    form = {"grant_type": "password", "username": email, "password": PASSWORD}
    return str((await http.post("/v1/token", data=form)).raise_for_status().json()["access_token"])


async def patiently(work: Callable[[], Awaitable[T]], *, seconds: float = 180) -> T:
    """Try again while HTTP fails, as people do; raises the last failure when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await work()
        except httpx2.HTTPError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.5)
