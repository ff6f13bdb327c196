"""The supervisor of a stack whose clock can be stepped: every process it starts loads faults/clock.c.

`python -m faults.supervised LIBRARY CLOCK_FILE`, with the environment of `./lumbung up`. It is the stack's own
supervisor; only the environment of what it starts is larger.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from unittest.mock import patch

from deploy.local import supervisor
from deploy.local.layout import Layout
from deploy.local.processes import build_processes
from deploy.local.spec import ProcessSpec
from deploy.local.stack import Stack


def main(library: str, clock: str) -> None:
    """Run until SIGTERM."""

    def with_clock(layout: Layout, stack: Stack) -> Sequence[ProcessSpec]:
        more = {"LD_PRELOAD": library, "FAULTS_CLOCK": clock}
        return [
            replace(spec, environment={**(spec.environment or {}), **more}) for spec in build_processes(layout, stack)
        ]

    with patch.object(supervisor, "build_processes", with_clock):
        supervisor.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
