"""The supervisor restarts what dies, waits for what it needs, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from deploy.local import pids
from deploy.local.files import read_json
from deploy.local.layout import PROJECT, Layout
from deploy.local.runner import Backoff
from deploy.local.supervisor import end_leftovers, rotate
from tests.local_stack.conftest import SLEEPS, MakeStage, child


@pytest.mark.parametrize(("failures", "pause"), [(1, 0.25), (2, 0.5), (3, 1.0), (6, 8.0), (7, 15.0), (500, 15.0)])
def test_the_pause_doubles_up_to_a_limit(failures: int, pause: float) -> None:
    assert Backoff().pause(failures) == pause


async def test_a_process_that_was_killed_runs_again(make_stage: MakeStage) -> None:
    stage = make_stage([child("shop", SLEEPS)])
    await stage.want(shop=0)
    await stage.until(lambda: stage.process("shop")["state"] == "ready")
    first = stage.process("shop")["pid"]

    os.kill(first, signal.SIGKILL)

    await stage.until(lambda: stage.process("shop")["state"] == "ready" and stage.process("shop")["pid"] != first)
    assert stage.process("shop")["restarts"] == 1


async def test_a_process_that_cannot_start_is_tried_less_and_less_often(make_stage: MakeStage) -> None:
    stage = make_stage([child("broken", "import sys; print('no such table'); sys.exit(7)")])

    await stage.want(broken=0)

    await stage.until(lambda: stage.process("broken")["note"] == "ended with exit code 7; next start in 0.2 s")
    assert "no such table" in (stage.layout.logs / "broken.log").read_text()


async def test_a_process_waits_for_what_it_needs(make_stage: MakeStage, tmp_path: Path) -> None:
    notes = tmp_path / "order"
    write = f"open({str(notes)!r}, 'a').write"
    specs = [
        child("late", f"import time; {write}('late '); time.sleep(600)", depends=("early",)),
        child("early", f"import time; time.sleep(0.3); {write}('early ')", is_task=True),
    ]
    stage = make_stage(specs)

    await stage.want(late=0)

    await stage.until(lambda: text_of(notes).endswith("late "))
    assert text_of(notes) == "early late "
    assert stage.process("early")["state"] == "done"


def text_of(file: Path) -> str:
    """The content, or nothing as long as there is no file."""
    return file.read_text() if file.exists() else ""


async def test_a_task_that_keeps_failing_is_given_up_and_nothing_that_needs_it_starts(make_stage: MakeStage) -> None:
    specs = [child("migrate", "raise SystemExit(3)", is_task=True), child("shop", SLEEPS, depends=("migrate",))]
    stage = make_stage(specs)

    await stage.want(shop=0)

    await stage.until(lambda: stage.process("migrate")["state"] == "failed")
    assert stage.process("migrate")["note"] == "ended with exit code 3"
    assert stage.process("shop")["state"] == "waiting"


async def test_who_waits_for_a_task_that_was_given_up_starts_when_it_is_asked_anew(
    make_stage: MakeStage, tmp_path: Path
) -> None:
    mended = tmp_path / "mended"
    task = f"import pathlib; raise SystemExit(0 if pathlib.Path({str(mended)!r}).exists() else 3)"
    stage = make_stage([child("migrate", task, is_task=True), child("shop", SLEEPS, depends=("migrate",))])
    await stage.want(shop=0, migrate=0)
    await stage.until(lambda: stage.process("migrate")["state"] == "failed")

    mended.touch()
    await stage.want(shop=0, migrate=1)

    await stage.until(lambda: stage.process("shop")["state"] == "ready")


async def test_asking_anew_starts_one_process_anew_and_no_other(make_stage: MakeStage) -> None:
    stage = make_stage([child("shop", SLEEPS), child("till", SLEEPS)])
    await stage.want(shop=0, till=0)
    await stage.until(lambda: {stage.process(name)["state"] for name in ("shop", "till")} == {"ready"})
    before = {name: stage.process(name)["pid"] for name in ("shop", "till")}

    await stage.want(shop=1, till=0)

    await stage.until(lambda: stage.process("shop")["state"] == "ready")
    assert stage.process("shop")["pid"] != before["shop"]
    assert stage.process("till")["pid"] == before["till"]


async def test_everything_stops_in_reverse_order_and_the_stubborn_one_is_killed(
    make_stage: MakeStage, tmp_path: Path
) -> None:
    notes = tmp_path / "order"
    says = (
        "import signal, sys, time; write = lambda text: open({0!r}, 'a').write(text);"
        "signal.signal(15, lambda *_: (write('-{1} '), sys.exit(0))); write('+{1} '); time.sleep(600)"
    )
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
    stage = make_stage(
        [
            child("ground", says.format(str(notes), "ground")),
            child("roof", says.format(str(notes), "roof"), depends=("ground",)),
            child("deaf", deaf, stop_seconds=0.2, depends=("ground",)),
        ]
    )
    await stage.want(roof=0, deaf=0)
    await stage.until(lambda: "+ground" in text_of(notes) and "+roof" in text_of(notes))
    await stage.until(lambda: stage.process("deaf")["state"] == "ready")
    numbers = [stage.process(name)["pid"] for name in ("ground", "roof", "deaf")]

    await stage.supervisor.stop_all()

    assert text_of(notes).endswith("-roof -ground ")
    assert [pids.birth_of(number) for number in numbers] == [None, None, None]
    assert read_json(stage.layout.state_file)["supervisor"] is None


async def test_the_children_of_a_child_do_not_stay_behind(make_stage: MakeStage) -> None:
    file = make_stage([]).layout.home / "grandchild"
    code = f"import subprocess, sys, time; c = subprocess.Popen([sys.executable, '-c', {SLEEPS!r}]);"
    code += f" open({str(file)!r}, 'w').write(str(c.pid)); time.sleep(600)"
    stage = make_stage([child("parent", code)])
    await stage.want(parent=0)
    await stage.until(lambda: file.exists() and file.read_text() != "")

    await stage.supervisor.stop_all()

    await stage.until(lambda: pids.birth_of(int(file.read_text())) is None)


def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import asyncio, sys
        from pathlib import Path
        from deploy.local.files import write_json
        from deploy.local.layout import Layout
        from deploy.local.supervisor import Supervisor
        from tests.local_stack.conftest import SLEEPS, child
        layout = Layout(home=Path({str(tmp_path)!r}), port_base=40000)
        layout.create()
        write_json(layout.desired_file, {{"processes": {{"shop": 0}}}})
        asyncio.run(Supervisor(layout, lambda: [child("shop", SLEEPS)]).run())
        """
    )
    layout = Layout(home=tmp_path, port_base=40_000)
    with subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT) as supervisor:
        number = _wait_for_pid(layout)
        supervisor.kill()

    deadline = time.monotonic() + 10
    while pids.birth_of(number) is not None:
        assert time.monotonic() < deadline, "the child outlived its supervisor"
        time.sleep(0.02)


def _wait_for_pid(layout: Layout) -> int:
    deadline = time.monotonic() + 10
    while True:
        state = read_json(layout.state_file) or {"processes": {}}
        if state["processes"].get("shop", {}).get("state") == "ready":
            number = state["processes"]["shop"]["pid"]
            assert isinstance(number, int)
            return number
        assert time.monotonic() < deadline, state
        time.sleep(0.02)


def test_leftovers_are_ended_but_a_stranger_with_the_same_pid_is_not() -> None:
    with (
        subprocess.Popen([sys.executable, "-c", SLEEPS]) as ours,
        subprocess.Popen([sys.executable, "-c", SLEEPS]) as other,
    ):
        birth = pids.birth_of(ours.pid)
        entry = {"stop_signal": int(signal.SIGKILL), "stop_seconds": 5}
        state = {
            "processes": {
                "shop": {"pid": ours.pid, "birth": birth, **entry},
                "till": {"pid": other.pid, "birth": "1", **entry},
            }
        }

        assert end_leftovers(state) == ["shop"]

        assert other.poll() is None
        other.kill()


def test_a_log_that_grew_too_large_is_moved_away(tmp_path: Path) -> None:
    log = tmp_path / "shop.log"
    log.write_text("x" * 100)

    assert rotate(log, bytes_max=1000) is False
    assert rotate(log, bytes_max=50) is True

    assert log.read_text() == ""
    assert (tmp_path / "shop.log.1").read_text() == "x" * 100
