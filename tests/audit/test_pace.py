"""An audit that runs all the time works for a share of it."""

import asyncio
import time

import pytest

from deploy.audit import Pace


@pytest.mark.parametrize(("share", "least", "most"), [(1.0, 0.0, 0.0), (0.5, 2.0, 3.0), (0.05, 38.0, 48.0)])
async def test_after_work_comes_rest_by_its_share(
    monkeypatch: pytest.MonkeyPatch, share: float, least: float, most: float
) -> None:
    rests = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", rest)
    pace = Pace(share)

    await pace.rest(2.0)

    assert least <= sum(rests) <= most


async def test_what_the_audit_computes_is_work_too(monkeypatch: pytest.MonkeyPatch) -> None:
    computed = iter((10.0, 13.0, 13.0))
    rests = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(time, "process_time", lambda: next(computed))
    monkeypatch.setattr(asyncio, "sleep", rest)
    pace = Pace(0.5)

    await pace.rest(1.0)

    assert sum(rests) == 4.0


async def test_time_for_which_it_was_stopped_is_no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sleep may take an hour too long, as it does for a process that is stopped meanwhile; so none is long."""
    rests = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", rest)

    await Pace(0.5).rest(10.0)

    assert max(rests) <= 0.25
