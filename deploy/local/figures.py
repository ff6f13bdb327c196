"""What each process of a running stack costs: memory and CPU, with its children, measured over a short time."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import psutil

from deploy.local.control import state_of, supervisor_pid
from deploy.local.layout import Layout
from deploy.local.pids import Pid

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class ProcessFigures:
    """One line of `lumbung status`; memory in MB, CPU in percent of one core."""

    name: str
    purpose: str
    state: str
    note: str
    pid: int | None
    restarts: int
    ready_seconds: float | None
    memory_mb: float
    cpu_percent: float
    cpu_seconds: float
    url: str | None
    is_task: bool

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(layout: Layout, *, seconds: float) -> list[ProcessFigures]:
    """Look at every process, twice, `seconds` apart; the supervisor itself comes last."""
    state = state_of(layout)
    entries: dict[str, Any] = dict(state.get("processes", {}))
    supervisor = supervisor_pid(layout)
    if supervisor is not None:
        own = {"pid": supervisor.number, "birth": supervisor.birth, "state": "ready", "purpose": "keeps all running"}
        entries["supervisor"] = {"note": "", "restarts": 0, "ready_seconds": None, "url": None, "task": False} | own
    families = {name: _family(entry) for name, entry in entries.items()}
    before = {name: _cpu_seconds(family) for name, family in families.items()}
    began = time.monotonic()
    time.sleep(seconds)
    elapsed = time.monotonic() - began
    figures = []
    for name, entry in entries.items():
        used = _cpu_seconds(families[name])
        figures.append(
            ProcessFigures(
                name=name,
                purpose=entry["purpose"],
                state=entry["state"],
                note=entry["note"],
                pid=entry["pid"],
                restarts=entry["restarts"],
                ready_seconds=entry["ready_seconds"],
                memory_mb=round(sum(_memory(process) for process in families[name]) / MEGABYTE, 1),
                cpu_percent=round(max(0.0, used - before[name]) / elapsed * 100, 2),
                cpu_seconds=round(used, 2),
                url=entry["url"],
                is_task=entry["task"],
            )
        )
    return figures


def _family(entry: dict[str, Any]) -> list[psutil.Process]:
    """The process and its children; the supervisor stands alone, as its children have lines of their own."""
    if not entry.get("pid") or not Pid(entry["pid"], entry["birth"]).is_alive():
        return []
    try:
        process = psutil.Process(entry["pid"])
        children = [] if entry["purpose"] == "keeps all running" else process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [process, *children]


def _cpu_seconds(family: list[psutil.Process]) -> float:
    total = 0.0
    for process in family:
        try:
            times = process.cpu_times()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        total += times.user + times.system
    return total


def _memory(process: psutil.Process) -> int:
    """Its proportional share where the system tells it, else its resident size.

    0 for a process that has just ended.
    """
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
