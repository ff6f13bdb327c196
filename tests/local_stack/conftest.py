"""A supervisor over tiny child processes, in a data folder of its own."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest_asyncio

from deploy.local.files import write_json
from deploy.local.layout import Layout
from deploy.local.runner import Backoff
from deploy.local.spec import ProcessSpec
from deploy.local.supervisor import Supervisor

QUICK = Backoff(first=0.05, longest=0.4, stable=60, task_attempts=2)


def child(name: str, code: str, **more: Any) -> ProcessSpec:
    """A process that runs a line of Python."""
    return ProcessSpec(name=name, purpose=name, command=[sys.executable, "-I", "-S", "-c", code], **more)


SLEEPS = "import time; time.sleep(600)"


class Stage:
    """A stack of tiny processes."""

    def __init__(self, layout: Layout, supervisor: Supervisor) -> None:
        self.layout = layout
        self.supervisor = supervisor

    async def want(self, **generations: int) -> None:
        """Say what should run, and let the supervisor look."""
        write_json(self.layout.desired_file, {"processes": generations})
        await self.supervisor.reconcile()

    def process(self, name: str) -> dict[str, Any]:
        state = json.loads(self.layout.state_file.read_text())
        entry: dict[str, Any] = state["processes"][name]
        return entry

    async def until(self, holds: Callable[[], bool], *, seconds: float = 10) -> None:
        """Poll until it holds; fails with the state file when the time is over."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, self.layout.state_file.read_text()
            await asyncio.sleep(0.01)


MakeStage = Callable[[Sequence[ProcessSpec]], Stage]


@pytest_asyncio.fixture
async def make_stage(tmp_path: Path) -> AsyncIterator[MakeStage]:
    """Makes a stage; whatever it runs is stopped afterwards."""
    made: list[Stage] = []

    def make(specs: Sequence[ProcessSpec]) -> Stage:
        layout = Layout(home=tmp_path / "stack", port_base=40_000)
        layout.create()
        made.append(Stage(layout, Supervisor(layout, lambda: specs, backoff=QUICK)))
        return made[-1]

    yield make
    for stage in made:
        await stage.supervisor.stop_all()
