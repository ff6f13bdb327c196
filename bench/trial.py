"""Short measurements of orders and catalog as processes of our own, in the place of the stack's: one against another.

What must stay true: nothing but what a trial changes differs between two of them. The machine does not hold still, so a
changed trial is compared with the full one before and the full one after it, never with another run.
"""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil

from bench import measure
from bench.online_marketplace.metrics import cpu_seconds
from bench.stage import HOME, PORT_BASE, Stage, goods, load, lumbung, people, sign_in
from deploy.local.files import tail
from deploy.local.layout import PROJECT
from deploy.local.runner import LAUNCH
from deploy.local.stack import load_stack

PRODUCTS = 2_000
WARMUP_SECONDS = 2.0
TOKEN_SECONDS = 240.0  # they live ten minutes
SAGAS_SECONDS_MAX = 120.0
REST_SECONDS_MAX = 180.0
READY_SECONDS = 90.0
STOP_SECONDS = 30.0
PLAYED = ("orders", "catalog")  # the two services that a saga runs through
Say = Callable[[str], None]


@dataclass(frozen=True)
class Child:
    """One process of a service: what is taken away from it, its roles, its own port and core if not as ever."""

    service: str
    without: tuple[str, ...] = ()
    role: str = "http,worker,relay"
    port: int | None = None
    core: int | None = None


@dataclass
class Trial:
    """A stage without its own orders and catalog."""

    stage: Stage
    seconds: float
    _told: dict[str, dict[str, str]] = field(default_factory=dict)
    _signed_in_at: float = field(default=float("-inf"))

    @property
    def folder(self) -> Path:
        """Where plans and logs go."""
        return self.stage.stack.home / "work"

    def lumbung(self, *arguments: str) -> str:
        """The command on this stack."""
        stack = self.stage.stack
        return lumbung(*arguments, LUMBUNG_HOME=str(stack.home), LUMBUNG_PORT_BASE=str(stack.port_base))

    async def prepare(self) -> None:
        """Learn what the stack starts its services with, and stop them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for service in PLAYED:
            self._told[service] = json.loads(await asyncio.to_thread(self.lumbung, "env", service, "--json"))
            await asyncio.to_thread(self.lumbung, "stop", service)

    @asynccontextmanager
    async def running(self, *children: Child) -> AsyncIterator[list[int]]:
        """These processes, ready; their pids. They end with the block, and with us however we end."""
        started = []
        try:
            for child in children:
                started.append(self._start(child))
            for child, process in zip(children, started, strict=True):
                await self._ready(child, process)
            yield [process.pid for process in started]
        finally:
            for process in started:
                process.terminate()
            for process in started:
                await asyncio.to_thread(process.wait, STOP_SECONDS)

    async def _ready(self, child: Child, process: "subprocess.Popen[bytes]") -> None:
        port = child.port or self.stage.stack.ports[child.service]
        deadline = time.monotonic() + READY_SECONDS
        said = "nothing yet"
        async with httpx2.AsyncClient(timeout=2, trust_env=False) as http:
            while time.monotonic() < deadline and process.poll() is None:
                try:
                    answer = await http.get(f"http://127.0.0.1:{port}/readyz")
                    if answer.status_code == 200:
                        return
                    said = answer.text
                except httpx2.HTTPError as error:
                    said = repr(error)
                await asyncio.sleep(0.1)
        log = self.folder / f"{child.service}.log"
        raise RuntimeError(f"{child} is not ready, it says {said}. The end of {log}:\n{tail(log, 15)}")

    def _start(self, child: Child) -> "subprocess.Popen[bytes]":
        tie = [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(int(signal.SIGKILL)), "-1", "-1"]
        command = [sys.executable, "-m", "bench.without", ",".join(child.without), child.service, "--role", child.role]
        environment = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2"}
        environment |= self._told[child.service]
        if child.port is not None:
            environment["LUMBUNG_HTTP_PORT"] = str(child.port)
        with (self.folder / f"{child.service}.log").open("ab") as log:
            process = subprocess.Popen([*tie, *command], cwd=PROJECT, env=environment, stdout=log, stderr=log)
        if child.core is not None:
            os.sched_setaffinity(process.pid, {child.core})  # before it has a second thread
        return process

    async def sagas(self, *children: Child) -> dict[str, Any]:
        """Orders per second from the first one placed to the last stock committed, after a warm-up.

        What is not whole within `SAGAS_SECONDS_MAX` is not waited for: the next warm-up stands behind it in the topics.
        """
        await self._fresh_tokens()
        async with self.running(*children) as pids:
            await self._come_to_rest()
            await self._whole_sagas(WARMUP_SECONDS, pids)
            return await self._whole_sagas(self.seconds, pids)

    async def accept(self, *children: Child) -> dict[str, Any]:
        """Orders accepted per second, after a warm-up. Handlers have nothing to do where catalog does not run."""
        await self._fresh_tokens()
        async with self.running(*children) as pids:
            await asyncio.to_thread(self._load, WARMUP_SECONDS)
            before = self._cpu_seconds(pids)
            figures = await asyncio.to_thread(self._load, self.seconds)
            used = self._cpu_seconds(pids) - before
        orders = figures["statuses"].get("201", 0)
        refused = sum(figures["statuses"].values()) - orders
        return _figures(figures["per_s"], orders, refused, used)

    async def _come_to_rest(self) -> None:
        """What was accepted while catalog did not run is whole, so that it is not counted with what follows."""
        deadline = time.monotonic() + REST_SECONDS_MAX
        while (waiting := await self._unfinished()) > 0:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{waiting} orders of an earlier trial still wait after {REST_SECONDS_MAX:.0f} s")
            await asyncio.sleep(0.5)

    async def _unfinished(self) -> int:
        """Orders on their way. In this order: what is answered meanwhile is set aside before that."""
        ((unanswered,),) = await measure.look(self.stage, "orders", "unanswered")
        ((set_aside,),) = await measure.look(self.stage, "catalog", "set_aside")
        return int(unanswered + set_aside)

    async def _whole_sagas(self, seconds: float, pids: Sequence[int]) -> dict[str, Any]:
        since = await measure.clock(self.stage)
        before = self._cpu_seconds(pids)
        answered = await asyncio.to_thread(self._load, seconds)
        ((orders, first_at, _),) = await measure.look(self.stage, "orders", "placed_since", since=since)
        deadline = time.monotonic() + SAGAS_SECONDS_MAX
        while (await measure.look(self.stage, "catalog", "committed_since", since=since))[0][0] < orders:
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.2)
        used = self._cpu_seconds(pids) - before
        rows = await measure.look(self.stage, "catalog", "committed_times", since=since)
        if not 0 < len(rows) <= orders:
            raise RuntimeError(f"{orders} orders were placed, the stock of {len(rows)} was committed: none, or others'")
        took = (max(row[1] for row in rows) - first_at).total_seconds()
        refused = sum(count for status, count in answered["statuses"].items() if status != "201")
        return _figures(len(rows) / took, len(rows), refused, used) | {"unfinished": orders - len(rows)}

    def _load(self, seconds: float) -> dict[str, Any]:
        plan = measure.orders_plan(self.stage, seconds)
        plan.warmup_seconds = 0
        return load(plan, self.folder)

    def _cpu_seconds(self, pids: Sequence[int]) -> float:
        """Used so far by these processes, PostgreSQL and Kafka; what other people's programs take is not in it."""
        of_stack = cpu_seconds(self.stage.stack)
        own = [psutil.Process(pid).cpu_times() for pid in pids]
        return float(of_stack["postgres"] + of_stack["kafka"] + sum(times.user + times.system for times in own))

    async def _fresh_tokens(self) -> None:
        if time.monotonic() - self._signed_in_at > TOKEN_SECONDS:
            await sign_in(self.stage)
            self._signed_in_at = time.monotonic()


def _figures(per_s: float, orders: int, refused: int, used_seconds: float) -> dict[str, Any]:
    cpu_ms = round(1000 * used_seconds / orders, 3) if orders else None
    return {"per_s": round(per_s, 1), "orders": orders, "refused": refused, "cpu_ms_per_order": cpu_ms}


async def alternate(
    full: Callable[[], Awaitable[dict[str, Any]]],
    changed: Mapping[str, Callable[[], Awaitable[dict[str, Any]]]],
    say: Say,
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Full, changed, full, changed, ..., full: the full ones, and each changed one with its ratios.

    `ratio` is of the rates, `cpu_ratio` of processor time per order, to the mean of the full ones before and after it.
    """
    fulls = [await full()]
    say(f"  full: {fulls[0]}")
    found = {}
    for name, run in changed.items():
        figures = await run()
        fulls.append(await full())
        found[name] = figures | compared(figures, fulls[-2:])
        say(f"  {name}: {found[name]}; full: {fulls[-1]}")
    return fulls, found


def compared(figures: dict[str, Any], fulls: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """The ratios of figures to the mean of full ones; None where there is nothing to divide."""

    def ratio(key: str) -> float | None:
        values: list[float] = [each[key] for each in fulls]
        if figures[key] is None or not all(values):
            return None
        return round(float(figures[key]) / (sum(values) / len(values)), 3)

    return {"ratio": ratio("per_s"), "cpu_ratio": ratio("cpu_ms_per_order")}


def noise(fulls: Sequence[dict[str, Any]]) -> float:
    """By what share two neighbouring full trials differed at most: a smaller effect than this is none."""
    steps = [abs(after["per_s"] / before["per_s"] - 1) for before, after in itertools.pairwise(fulls)]
    return round(max(steps, default=0.0), 3)


@asynccontextmanager
async def trial(*, home: str = HOME, port_base: str = PORT_BASE, seconds: float = 6) -> AsyncIterator[Trial]:
    """A trial on a stack that is made anew, with buyers and goods; it is gone afterwards."""
    place = {"LUMBUNG_HOME": home, "LUMBUNG_PORT_BASE": port_base}
    await asyncio.to_thread(lumbung, "down", "--delete-data", **place)
    await asyncio.to_thread(lumbung, "up", **place)
    try:
        stage = Stage(load_stack(PROJECT / home))
        await people(stage, measure.CLIENTS)
        await goods(stage, PRODUCTS)
        prepared = Trial(stage, seconds)
        await prepared.prepare()
        await prepared.sagas(*(Child(service) for service in PLAYED))  # Kafka compiles what it needs
        yield prepared
    finally:
        await asyncio.to_thread(lumbung, "down", "--delete-data", **place)


def when(found: dict[str, Any]) -> str:
    """How long, when and on which code, for a sentence."""
    return f"{found['seconds']:g} s a load ({found['at']}, commit {found['machine']['commit']})"
