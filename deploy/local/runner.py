"""Keeping one process of the stack running: start, wait until it is ready, start again when it dies, stop.

A process that keeps dying is started less and less often; one that ran for a minute is forgiven. Output goes
straight into a file, not through us, so nothing is lost and nothing blocks when the supervisor is gone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.layout import HOST, PROJECT
from deploy.local.pids import Pid, identify
from deploy.local.spec import Answers, Http, ProcessSpec, Readiness, Tcp

LAUNCH = Path(__file__).with_name("launch.py")
PROBE_SECONDS = 0.1


@dataclass(frozen=True)
class Backoff:
    """Seconds between two starts: `first`, then twice as long each time up to `longest`.

    `stable` seconds of life reset it.
    """

    first: float = 0.25
    longest: float = 15.0
    stable: float = 60.0
    task_attempts: int = 3

    def pause(self, failures: int) -> float:
        """The pause after so many failures in a row (1 or more)."""
        return float(min(self.longest, self.first * 2 ** min(failures - 1, 20)))


class Runner:
    """One process and its life. `changed` is called after each change of what `describe` tells."""

    def __init__(
        self,
        spec: ProcessSpec,
        *,
        logs: Path,
        backoff: Backoff,
        changed: Callable[[], None],
        wait_for: Callable[[str], Awaitable[object]],
    ) -> None:
        self.spec = spec
        self.log = logs / f"{spec.name}.log"
        self.ready = asyncio.Event()
        self._backoff = backoff
        self._changed = changed
        self._wait_for = wait_for
        self._child: asyncio.subprocess.Process | None = None
        self._pid: Pid | None = None
        self._task: asyncio.Task[None] | None = None
        self._state = "waiting"
        self._note = ""
        self._restarts = 0
        self._began_at = time.time()
        self._ready_seconds: float | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep(), name=self.spec.name)
        self._task.add_done_callback(self._tell_if_broken)

    def _tell_if_broken(self, task: asyncio.Task[None]) -> None:
        """A fault of ours must not look like a process that is still starting."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._set("failed", f"the supervisor could not keep it: {type(error).__name__}: {error}")

    async def stop(self) -> None:
        """End the process: its stop signal, then after its time kill -9 for the whole group."""
        self._set("stopping")
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._end_child()
        self.ready.clear()
        self._set("stopped")

    def describe(self) -> dict[str, Any]:
        """What the state file says about this process."""
        spec = self.spec
        return {
            "state": self._state,
            "note": self._note,
            "purpose": spec.purpose,
            "task": spec.is_task,
            "pid": self._pid.number if self._pid else None,
            "birth": self._pid.birth if self._pid else None,
            "restarts": self._restarts,
            "began_at": self._began_at,
            "ready_seconds": self._ready_seconds,
            "url": spec.url,
            "stop_signal": int(spec.stop_signal),
            "stop_seconds": spec.stop_seconds,
        }

    def _set(self, state: str, note: str = "") -> None:
        self._state, self._note = state, note
        self._changed()

    async def _keep(self) -> None:
        for name in self.spec.depends:
            await self._wait_for(name)
        failures = 0
        while True:
            started = time.monotonic()
            reason = await self._run_once()
            self.ready.clear()
            self._pid = self._child = None
            if reason is None:
                self._set("done")
                self.ready.set()
                return
            if time.monotonic() - started > self._backoff.stable:
                failures = 0
            failures += 1
            if self.spec.is_task and failures >= self._backoff.task_attempts:
                self._set("failed", reason)
                return
            pause = self._backoff.pause(failures)
            self._restarts += 1
            self._set("backing off", f"{reason}; next start in {pause:g} s")
            await asyncio.sleep(pause)

    async def _run_once(self) -> str | None:
        """Run until it ends. The reason it ended, or None for a task that did its work."""
        self._began_at = time.time()
        self._ready_seconds = None
        child = self._child = await self._spawn()
        self._pid = identify(child.pid)
        self._set("starting")
        ended = asyncio.ensure_future(child.wait())
        if not self.spec.is_task:
            probe = asyncio.ensure_future(self._until_ready())
            try:
                await asyncio.wait({ended, probe}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                probe.cancel()
            if not ended.done() and not probe.result():
                await self._end_child()
                return f"not ready after {self.spec.ready_seconds:g} s, so it was stopped"
            if not ended.done():
                self._mark_ready()
        code = await ended
        if self.spec.is_task and code == 0:
            self._ready_seconds = time.time() - self._began_at
            return None
        return _ending(code)

    def _mark_ready(self) -> None:
        self._ready_seconds = time.time() - self._began_at
        self._set("ready")
        self.ready.set()

    async def _spawn(self) -> asyncio.subprocess.Process:
        spec = self.spec
        prefix = [sys.executable, "-I", "-S", str(LAUNCH)]
        prefix += [str(os.getpid()), str(int(spec.death_signal)), str(spec.uid), str(spec.gid)]
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *prefix,
                *spec.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env=dict(spec.environment) if spec.environment else None,
                cwd=spec.folder or PROJECT,
                start_new_session=True,
            )

    async def _until_ready(self) -> bool:
        """Probe until it is ready; False when its time is over."""
        deadline = time.monotonic() + self.spec.ready_seconds
        while not await is_ready(self.spec.ready):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(PROBE_SECONDS)
        return True

    async def _end_child(self) -> None:
        child = self._child
        if child is None:
            return
        group = Pid(child.pid, "")
        if child.returncode is None:
            child.send_signal(self.spec.stop_signal)
            try:
                await asyncio.wait_for(child.wait(), self.spec.stop_seconds)
            except TimeoutError:
                group.send_group(signal.SIGKILL)
                await child.wait()
        group.send_group(signal.SIGKILL)  # what the process may have started and left behind
        self._child = self._pid = None


def _ending(code: int) -> str:
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


async def is_ready(readiness: Readiness | None) -> bool:
    """Ask once. A process without a question is ready as soon as it runs."""
    match readiness:
        case None:
            return True
        case Answers(command):
            return await _answers(command)
        case Tcp(port):
            return await _request(port, None) is not None
        case Http(port, path):
            answer = await _request(port, f"GET {path} HTTP/1.0\r\nHost: {HOST}\r\n\r\n")
            return answer is not None and answer.split(b" ", 2)[1:2] == [b"200"]


async def _answers(command: tuple[str, ...]) -> bool:
    quiet = asyncio.subprocess.DEVNULL
    try:
        child = await asyncio.create_subprocess_exec(*command, stdin=quiet, stdout=quiet, stderr=quiet)
    except OSError:
        return False
    return await child.wait() == 0


async def _request(port: int, text: str | None) -> bytes | None:
    """Connect and, if there is a text, send it and read the first line.

    None if nobody answers within two seconds.
    """
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                if text is None:
                    return b""
                writer.write(text.encode())
                return await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
