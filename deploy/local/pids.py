"""Knowing a process again: a pid together with the moment it was born.

A pid alone is reused by the system, so a stale record could name a stranger. Nothing in the local stack is
ever signalled by name or by a bare pid: only by a pid whose birth matches the record.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Pid:
    """One process, for as long as it lives."""

    number: int
    birth: str

    def is_alive(self) -> bool:
        return birth_of(self.number) == self.birth

    def send(self, signal_number: int) -> bool:
        """Signal the process if it is still the one we mean; says whether it was."""
        if not self.is_alive():
            return False
        try:
            os.kill(self.number, signal_number)
        except ProcessLookupError:
            return False
        return True

    def send_group(self, signal_number: int) -> None:
        """Signal everything in the process group that this process leads.

        It may have died itself and left children.
        """
        try:
            os.killpg(self.number, signal_number)
        except (ProcessLookupError, PermissionError):
            return


def birth_of(number: int) -> str | None:
    """When the process was born, in the system's own ticks.

    None if there is none, or only its zombie is left.
    """
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
        return _birth_without_proc(number)
    return None if fields[0] in "ZX" else fields[19]


def _birth_without_proc(number: int) -> str | None:
    try:
        process = psutil.Process(number)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.0f}"
    except psutil.NoSuchProcess:
        return None


def identify(number: int) -> Pid | None:
    """The process behind a number right now."""
    birth = birth_of(number)
    return None if birth is None else Pid(number, birth)


def end(pid: Pid, *, stop_signal: int, seconds: float) -> None:
    """Stop a process that is not our child: politely, then after `seconds` for good, with its whole group."""
    if pid.send(stop_signal):
        wait_until_gone(pid, seconds=seconds)
    if pid.is_alive():
        pid.send_group(signal.SIGKILL)
        pid.send(signal.SIGKILL)
        wait_until_gone(pid, seconds=5)


def wait_until_gone(pid: Pid, *, seconds: float) -> bool:
    """Poll until the process is gone; False if it outlived the time."""
    deadline = time.monotonic() + seconds
    while pid.is_alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
