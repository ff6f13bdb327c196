"""Keeps a process of our own running in the place of the stack's: starts it again, each time to die elsewhere."""

import asyncio
import itertools
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence

import httpx2

from deploy.local.layout import PROJECT
from deploy.local.processes import build_processes
from deploy.local.runner import LAUNCH
from faults.ground import Ground
from faults.supervised import child_command

READY_SECONDS = 120.0
PASSES = (10, 120)  # how often a point is passed before a death, drawn from the seed; a batch passes a point once
STOP_SECONDS = 30.0


def dies_with_us() -> list[str]:
    """What a command begins with so that it is killed when this process ends, however it ends."""
    return [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(int(signal.SIGKILL)), "-1", "-1"]


class Keeper:
    """A service's process (of the stack's name, with its roles) as a child of ours (faults/child.py)."""

    def __init__(
        self,
        ground: Ground,
        process: str,
        rng: random.Random,
        points: Sequence[str] = (),
        *,
        without: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        kafka_port: int = 0,
        passes: tuple[int, int] = PASSES,
    ) -> None:
        self.deaths = 0
        self.died_at: Counter[str] = Counter()
        self._ground = ground
        self._spec = next(spec for spec in build_processes(ground.layout, ground.stack) if spec.name == process)
        self._rng = rng
        self._points = tuple(points)
        self._turns = itertools.cycle(rng.sample(self._points, len(self._points)))  # so that each has its deaths
        self._without = tuple(without)
        self._environment = dict(environment or {})
        self._kafka_port = kafka_port
        self._passes = passes
        self._child: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The process as it runs now."""
        assert self._child is not None
        return self._child.pid

    @property
    def is_mortal(self) -> bool:
        """Whether there is a point at which it dies."""
        return bool(self._points)

    async def start(self) -> None:
        """Start it, keep it, and return when it is ready."""
        self._task = asyncio.create_task(self._keep())
        await self._until_ready()

    async def let_live(self) -> None:
        """From the next start on it does not die any more; ends the one that still would."""
        self._points = ()
        if self._child is not None and self._child.returncode is None:
            self._child.send_signal(signal.SIGKILL)
        await asyncio.sleep(0.2)
        await self._until_ready()

    async def stop(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._child is not None and self._child.returncode is None:
            self._child.terminate()
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await self._child.wait()
            except TimeoutError:
                self._child.kill()
                await self._child.wait()

    async def _keep(self) -> None:
        while True:
            point = next(self._turns) if self._points else ""
            command = child_command(
                self._spec,
                without=self._without,
                die={"point": point, "after": self._rng.randrange(*self._passes)} if point else None,
                kafka_port=self._kafka_port,
            )
            environment = {**self._spec.environment, **self._environment}
            with self._ground.log_of(f"{self._spec.name}-faults").open("ab") as log:
                self._child = await asyncio.create_subprocess_exec(
                    *dies_with_us(), *command,
                    cwd=PROJECT, env=environment, stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip
            code = await self._child.wait()
            if code == -signal.SIGKILL and point and self._points:  # without points it was `let_live` that ended it
                self.deaths += 1
                self.died_at[point] += 1
            await asyncio.sleep(0.2)

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        async with httpx2.AsyncClient(timeout=2, trust_env=False) as http:
            while True:
                try:
                    if (await http.get(f"{self._spec.url}/readyz")).status_code == 200:
                        return
                except httpx2.HTTPError:
                    pass
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{self._spec.name} of the suite is not ready after {READY_SECONDS:.0f} s")
                await asyncio.sleep(0.2)
