"""The supervisor of a stack that a test changes: `python -m faults.supervised PLAN`, with the environment of
`./lumbung up`.

The plan is JSON: `environment`: what every process is told besides; `without`: protections that are taken away from the
services (faults/child.py). Otherwise it is the stack's own supervisor.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from deploy.local import supervisor
from deploy.local.layout import Layout
from deploy.local.processes import WORKER, build_processes, module_of
from deploy.local.spec import ProcessSpec
from deploy.local.stack import SERVICES, Stack


def main(plan: dict[str, Any]) -> None:
    """Run until SIGTERM."""

    def changed(layout: Layout, stack: Stack) -> Sequence[ProcessSpec]:
        return [_changed(spec, plan) for spec in build_processes(layout, stack)]

    with patch.object(supervisor, "build_processes", changed):
        supervisor.main()


def child_command(spec: ProcessSpec, **plan: Any) -> list[str]:
    """What starts a service's process with what a test changes in it (faults/child.py)."""
    service = service_of(spec.name)
    options = spec.command[spec.command.index(module_of(service)) + 1 :]
    child = {"service": service, "options": options, **plan}
    return [sys.executable, "-m", "faults.child", json.dumps(child)]


def service_of(process: str) -> str:
    """The service that a process is, or is a part of."""
    return process.removesuffix(WORKER)


def _changed(spec: ProcessSpec, plan: dict[str, Any]) -> ProcessSpec:
    command = spec.command
    if plan["without"] and service_of(spec.name) in SERVICES:
        command = child_command(spec, without=plan["without"])
    return replace(spec, command=command, environment={**spec.environment, **plan["environment"]})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
