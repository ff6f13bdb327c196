"""The demonstration's story as a test: every chapter happens, every figure agrees with SQL, and the audit is clean."""

import subprocess
import sys

import pytest

from deploy.demo import story
from deploy.demo.world import World
from deploy.local.layout import PROJECT
from deploy.seed.read import Seed


@pytest.mark.timeout(400)
async def test_the_whole_journey_happens(world: World, seed: Seed) -> None:
    for title, chapter in story.CHAPTERS:
        world.timeline.chapter(title)
        arguments = (world, seed) if chapter is story.sellers_open_shops else (world,)
        await chapter(*arguments)

    assert world.timeline.figures >= 18


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
