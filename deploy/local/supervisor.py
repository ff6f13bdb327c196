"""The daemon that keeps a local stack running: `python -m deploy.local.supervisor`, started by `lumbung up`.

Exactly one per data folder (it holds a file lock as long as it lives). What should run stands in
`desired.json`; SIGHUP makes it read that again. What runs stands in `state.json`. SIGTERM stops everything,
in reverse order of dependence. When it is killed with -9 the kernel ends its children (see launch.py), and
whatever is left is ended by recorded pid and birth at the next start.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deploy.local import pids
from deploy.local.files import read_json, write_json
from deploy.local.layout import Layout, current_layout
from deploy.local.processes import build_processes
from deploy.local.runner import Backoff, Runner
from deploy.local.spec import ProcessSpec, with_dependencies
from deploy.local.stack import load_stack, recorded_pid

LOG_BYTES_MAX = 20 * 1024 * 1024
ROTATE_SECONDS = 30.0
LOOK_SECONDS = 0.05
EXIT_ALREADY_RUNNING = 3


class Supervisor:
    """All processes of one stack; knows nothing about what they are."""

    def __init__(
        self, layout: Layout, build: Callable[[], Sequence[ProcessSpec]], *, backoff: Backoff | None = None
    ) -> None:
        """`build` is asked for the processes at each look at `desired.json`, as the tree may have changed since."""
        self._layout = layout
        self._build = build
        self._backoff = backoff or Backoff()
        self._runners: dict[str, Runner] = {}
        self._generations: dict[str, int] = {}
        self._reconciling = asyncio.Lock()
        self._began_at = time.time()

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        wake = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, wake.set)
        end_leftovers(read_json(self._layout.state_file))
        rotate = asyncio.create_task(self._rotate_logs())
        stopping = asyncio.create_task(stop.wait())
        wake.set()
        while not stop.is_set():
            waking = asyncio.create_task(wake.wait())
            await asyncio.wait({stopping, waking}, return_when=asyncio.FIRST_COMPLETED)
            waking.cancel()
            if wake.is_set() and not stop.is_set():
                wake.clear()
                await self.reconcile()
        rotate.cancel()
        await self.stop_all()

    async def reconcile(self) -> None:
        """Start what should run and does not, stop what should not, start anew what was asked to."""
        async with self._reconciling:
            desired: dict[str, int] = (read_json(self._layout.desired_file) or {}).get("processes", {})
            specs = {spec.name: spec for spec in self._build()}
            names = with_dependencies(list(specs.values()), [name for name in desired if name in specs])
            wanted = {name: desired.get(name, 0) for name in names}
            leaving = [n for n in self._runners if wanted.get(n) != self._generations[n]]
            await asyncio.gather(*(self._runners[name].stop() for name in leaving))
            for name in leaving:
                del self._runners[name]
                del self._generations[name]
            arriving = [name for name in wanted if name not in self._runners]
            for name in arriving:
                self._runners[name] = self._runner(specs[name])
                self._generations[name] = wanted[name]
            for name in arriving:
                self._runners[name].start()
            self.write_state()

    def _runner(self, spec: ProcessSpec) -> Runner:
        return Runner(
            spec,
            logs=self._layout.logs,
            backoff=self._backoff,
            changed=self.write_state,
            wait_for=self._wait_for,
        )

    async def _wait_for(self, name: str) -> None:
        """Until the process of this name is ready: the one that there is then, it may have been replaced meanwhile."""
        while (runner := self._runners.get(name)) is None or not runner.ready.is_set():
            await asyncio.sleep(LOOK_SECONDS)

    async def stop_all(self) -> None:
        """Stop everything, each process after all that depend on it."""
        gone = {name: asyncio.Event() for name in self._runners}

        async def stop_in_turn(name: str, runner: Runner) -> None:
            for other in self._runners.values():
                if name in other.spec.depends:
                    await gone[other.spec.name].wait()
            await runner.stop()
            gone[name].set()

        await asyncio.gather(*(stop_in_turn(name, runner) for name, runner in self._runners.items()))
        self.write_state(is_over=True)

    def write_state(self, *, is_over: bool = False) -> None:
        own = pids.identify(os.getpid())
        assert own is not None
        state: dict[str, Any] = {
            "port_base": self._layout.port_base,
            "processes": {
                name: runner.describe() | {"generation": self._generations[name]}
                for name, runner in self._runners.items()
            },
            "supervisor": None if is_over else {"pid": own.number, "birth": own.birth, "began_at": self._began_at},
        }
        write_json(self._layout.state_file, state)

    async def _rotate_logs(self) -> None:
        while True:
            await asyncio.sleep(ROTATE_SECONDS)
            for log in self._layout.logs.glob("*.log"):
                rotate(log, bytes_max=LOG_BYTES_MAX)


def rotate(log: Path, *, bytes_max: int) -> bool:
    """Move a log's content to `<name>.log.1` when it grew too large.

    Writers append, so they simply go on at the start.
    """
    if log.stat().st_size <= bytes_max:
        return False
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)
    return True


def end_leftovers(state: Any) -> list[str]:
    """End what a supervisor that died without stopping left behind; the names of what was still there."""
    ended = []
    for name, entry in reversed(list((state or {}).get("processes", {}).items())):
        pid = recorded_pid(state, name)
        if pid is not None and pid.is_alive():
            pids.end(pid, stop_signal=entry["stop_signal"], seconds=entry["stop_seconds"])
            ended.append(name)
    return ended


def main() -> None:
    layout = current_layout()
    lock = layout.lock_file.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another supervisor already runs this stack.", file=sys.stderr)
        sys.exit(EXIT_ALREADY_RUNNING)
    asyncio.run(Supervisor(layout, lambda: build_processes(layout, load_stack(layout.home))).run())


if __name__ == "__main__":
    main()
