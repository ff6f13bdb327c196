"""What OM-FAIL does to processes: planted on processes of our own."""

import asyncio
import signal
import subprocess
from types import SimpleNamespace

import pytest

from bench.online_marketplace import disturb


async def test_who_is_held_down_is_killed_again_whenever_it_comes_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disturb, "DOWN_SECONDS", 0.5)
    monkeypatch.setattr(disturb, "UP_LOOK_SECONDS", 0.02)
    lives: dict[str, list[subprocess.Popen[bytes]]] = {"catalog": [], "orders": []}

    def pid_of(name: str) -> int:
        """As a supervisor that starts again at once."""
        if not lives[name] or lives[name][-1].poll() is not None:
            lives[name].append(subprocess.Popen(["sleep", "60"]))
        return lives[name][-1].pid

    world = SimpleNamespace(stack=SimpleNamespace(pid_of=pid_of))
    killed = await disturb.kill_each(world, ("catalog", "orders"), 0.1, held_down="catalog")  # type: ignore[arg-type]
    await asyncio.sleep(0)
    ends = {name: [life.wait(5) for life in found] for name, found in lives.items()}

    assert [name for name, _ in killed] == ["catalog", "orders"]
    assert len(ends["catalog"]) > 3 and len(ends["orders"]) == 1
    assert set(ends["catalog"] + ends["orders"]) == {-signal.SIGKILL}
