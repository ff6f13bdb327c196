"""The demonstration's story as a test: every chapter happens, every figure agrees with SQL, and the audit is clean."""

import subprocess
import sys

import pytest

from deploy.demo.world import World
from deploy.local.layout import PROJECT


@pytest.mark.timeout(400)
async def test_the_whole_journey_happens(world: World) -> None:
    assert world.timeline.figures >= 15


@pytest.mark.timeout(120)
async def test_the_audit_is_clean_after_the_journey(world: World) -> None:
    audit = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "audit", "--settle", "60"],
        cwd=PROJECT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert audit.returncode == 0, audit.stdout + audit.stderr
