"""The demonstration's story as a test: every chapter happens, and every figure agrees with SQL."""

import pytest

from deploy.demo import story
from deploy.demo.chapters.lenders import lending
from deploy.demo.world import World, shops_of
from deploy.seed.read import Seed
from tests.journeys.conftest import audit

FIGURES_MIN = 60


@pytest.mark.timeout(400)
async def test_the_whole_main_job_happens(world: World) -> None:
    assert world.timeline.figures >= FIGURES_MIN
    assert lending(world).receiver.refused == 0  # every webhook was signed rightly


@pytest.mark.timeout(120)
async def test_the_audit_is_clean_after_the_story(world: World) -> None:
    found = audit()

    assert found.returncode == 0, found.stdout + found.stderr


def test_each_chapter_has_a_title_of_its_own_and_says_what_it_tells(seed: Seed) -> None:
    titles = [title for title, _ in story.CHAPTERS]

    assert len(set(titles)) == len(titles)
    assert all(chapter.__doc__ for _, chapter in story.CHAPTERS)
    assert len(shops_of(seed)) == len({row.shop_name for row in seed.rows})
