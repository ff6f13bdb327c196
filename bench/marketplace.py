"""Runs Online Marketplace as a part of `make bench`: in a process of its own, so that its driver is measured alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench import machine
from bench.online_marketplace import plots
from deploy.local.layout import PROJECT

FULL = (("OM-2C",), ("OM-HOT", "--pgbench-seconds", "0"), ("OM-FAIL", "--pgbench-seconds", "0"))
QUICK = (
    ("OM-2C", "--scale", "0.1", "--seconds", "18", "--concurrency", "8,32", "--pgbench-seconds", "5"),
    ("OM-HOT", "--scale", "0.5", "--seconds", "12", "--pgbench-seconds", "0"),
)


def run(folder: Path, *, is_quick: bool) -> dict[str, Any]:
    """Figures and verdicts by profile; their pictures are in `folder`. Raises CalledProcessError."""
    results: dict[str, Any] = {}
    for name, *options in QUICK if is_quick else FULL:
        command = [sys.executable, "-m", "bench.online_marketplace", "--profile", name, *options]
        done = subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True)
        results |= json.loads(done.stdout)
    for name, result in results.items():
        plots.write(result, folder, name.lower().replace("om-", "om"), machine.lines(result["machine"]))
    return results
