"""What people and tests do to a local stack.

Bring it up, take it down, restart or kill one process, look at it.

Everything goes through two files and a signal: `desired.json` says what should run, SIGHUP makes the
supervisor look, and `state.json` says what does. Nothing is signalled that is not recorded there with its
moment of birth.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.local import kafka, pids
from deploy.local.files import read_json, tail, write_json
from deploy.local.layout import PROJECT, Layout, LocalStackError, remember_port_base
from deploy.local.pids import Pid
from deploy.local.ports import require_free
from deploy.local.processes import (
    WORKER,
    base_environment,
    build_processes,
    layout_environment,
    remember_two_processes,
    remember_wishes,
)
from deploy.local.spec import ProcessSpec, with_dependencies
from deploy.local.stack import StackMissing, describe_stack, load_stack, recorded_pid, write_stack
from deploy.local.supervisor import end_leftovers

START_SECONDS_MAX = 180.0
DEATHS_BEFORE_GIVING_UP = 3
POLL_SECONDS = 0.1
DOWN_SECONDS_MAX = 90.0
APPEAR_SECONDS_MAX = 20.0
BEFORE_START = ("prepare-postgres", "prepare-kafka")  # must not touch files of a server that runs

Say = Callable[[str], None]


def state_of(layout: Layout) -> dict[str, Any]:
    """The supervisor's last words; empty if there never was one."""
    return read_json(layout.state_file) or {}


def processes_of(layout: Layout) -> dict[str, Any]:
    """What the supervisor last knew of each process, by name."""
    processes: dict[str, Any] = state_of(layout).get("processes", {})
    return processes


def supervisor_pid(layout: Layout) -> Pid | None:
    """The supervisor if it runs."""
    entry = state_of(layout).get("supervisor")
    pid = Pid(entry["pid"], entry["birth"]) if entry else None
    return pid if pid is not None and pid.is_alive() else None


def bring_up(layout: Layout, say: Say, *, names: Sequence[str] | None = None) -> bool:
    """Start what is asked for (everything, or `names` with what they need) and return when all of it is
    ready.

    True if there was something to do. Raises LocalStackError with the reason and the end of the log if it
    cannot.
    """
    layout.create()
    with _one_at_a_time(layout):
        _refuse_other_ports(layout)
        specs = _prepare(layout, say)
        wanted = _wanted(specs, names)
        running = supervisor_pid(layout)
        state = processes_of(layout)
        if running and all(state.get(name, {}).get("state") in ("ready", "done") for name in wanted):
            return False
        if running is None:
            ended = end_leftovers(state_of(layout))
            if ended:
                say(f"Ended what an earlier stack left behind: {', '.join(ended)}")
            _require_ports(layout, specs, wanted)
        remember_wishes(layout)
        desired = _desire(layout, specs, wanted, state if running else None)
        if running is None:
            supervisor = _start_supervisor(layout)
        else:
            supervisor = None
            running.send(signal.SIGHUP)
        _follow(layout, {name: desired[name] for name in wanted}, say, supervisor)
        return True


def _refuse_other_ports(layout: Layout) -> None:
    base = state_of(layout).get("port_base")
    if supervisor_pid(layout) is not None and base != layout.port_base:
        raise LocalStackError(
            f"The stack in {layout.home} runs with LUMBUNG_PORT_BASE={base}; "
            "stop it first, or name another LUMBUNG_HOME."
        )


def _prepare(layout: Layout, say: Say) -> list[ProcessSpec]:
    remember_port_base(layout)
    remember_two_processes(layout, is_running=supervisor_pid(layout) is not None)
    stack = describe_stack(layout)
    write_stack(layout, stack)
    if supervisor_pid(layout) is None or not layout.kafka_record.exists():
        kafka.record_place(layout, say)
    return build_processes(layout, stack)


def _wanted(specs: list[ProcessSpec], names: Sequence[str] | None) -> list[str]:
    if names is None:
        return [spec.name for spec in specs]
    known = [spec.name for spec in specs]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise LocalStackError(f"There is no process {', '.join(unknown)} here; there are {', '.join(known)}.")
    return with_dependencies(specs, names)


def _require_ports(layout: Layout, specs: list[ProcessSpec], wanted: list[str]) -> None:
    ports = {}
    for spec in specs:
        if spec.name in wanted:
            for number, port in enumerate(spec.ports):
                ports[spec.name if number == 0 else f"{spec.name} (its own controller)"] = port
    require_free(ports, port_base=layout.port_base)


def _desire(
    layout: Layout, specs: list[ProcessSpec], wanted: list[str], state: dict[str, Any] | None
) -> dict[str, int]:
    """Write down what should run, beside what runs already; the generation of each process.

    Tasks run once more, as a process that joins a running stack may bring tables or topics that were not there.
    """
    known: dict[str, int] = (read_json(layout.desired_file) or {}).get("processes", {}) if state else {}
    anew = {spec.name for spec in specs if spec.is_task and spec.name not in BEFORE_START}
    again = {name: known[name] + 1 for name in wanted if name in known and name in anew}
    desired = dict.fromkeys(wanted, 0) | known | again
    write_json(layout.desired_file, {"processes": desired})
    return desired


def _start_supervisor(layout: Layout) -> subprocess.Popen[bytes]:
    """Start the daemon in a session of its own, so that closing the terminal does not end it."""
    layout.state_file.unlink(missing_ok=True)
    environment = base_environment() | layout_environment(layout) | {"PYTHONPATH": str(PROJECT)}
    with (layout.logs / "supervisor.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "deploy.local.supervisor"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=PROJECT,
            start_new_session=True,
        )


def _follow(layout: Layout, wanted: dict[str, int], say: Say, supervisor: subprocess.Popen[bytes] | None) -> None:
    """Tell what becomes ready until all is; raise when something cannot become ready."""
    began = time.monotonic()
    told = {name for name, entry in processes_of(layout).items() if _is_there(entry, wanted.get(name))}
    while not told.issuperset(wanted):
        if supervisor is not None and supervisor.poll() is not None:
            raise LocalStackError(f"The supervisor ended.\n{tail(layout.logs / 'supervisor.log', 15)}")
        processes = processes_of(layout)
        for name in wanted:
            entry = processes.get(name)
            if name in told:
                continue
            if entry is None or entry["generation"] != wanted[name]:
                if time.monotonic() - began > APPEAR_SECONDS_MAX:
                    raise LocalStackError(f"The running supervisor does not take {name}; run './lumbung down' first.")
                continue
            if _is_there(entry, wanted[name]):
                told.add(name)
                seconds = entry["ready_seconds"] or 0.0
                say(f"  {name:<20} {entry['purpose']:<32} {seconds:5.1f} s  {entry['url'] or ''}".rstrip())
            elif entry["state"] == "failed" or (
                entry["restarts"] >= DEATHS_BEFORE_GIVING_UP and entry["ready_seconds"] is None
            ):
                raise LocalStackError(_failure(layout, name, entry))
        if time.monotonic() - began > START_SECONDS_MAX:
            late = ", ".join(name for name in wanted if name not in told)
            raise LocalStackError(f"Not ready after {START_SECONDS_MAX:.0f} s: {late}. See ./lumbung status.")
        time.sleep(POLL_SECONDS)


def _is_there(entry: dict[str, Any], generation: int | None) -> bool:
    return entry["state"] in ("ready", "done") and entry["generation"] == generation


def _failure(layout: Layout, name: str, entry: dict[str, Any]) -> str:
    log = layout.logs / f"{name}.log"
    return f"{name} does not start: {entry['note']}. The end of {log}:\n{tail(log, 20)}"


def take_down(layout: Layout, say: Say) -> bool:
    """Stop everything in order and leave no process; False if nothing ran.

    Raises LocalStackError if something will not end.
    """
    layout.create()
    with _one_at_a_time(layout):
        state = state_of(layout)
        running = supervisor_pid(layout)
        if running is not None:
            running.send(signal.SIGTERM)
            if not pids.wait_until_gone(running, seconds=DOWN_SECONDS_MAX):
                say("The supervisor did not end in time; ending it and what it left.")
                pids.end(running, stop_signal=signal.SIGKILL, seconds=5)
            state = state_of(layout)
        ended = end_leftovers(state)
        if running is None and ended:
            say(f"Ended what an earlier stack left behind: {', '.join(ended)}")
        return running is not None or bool(ended)


def delete_data(layout: Layout) -> bool:
    """Delete the files of a stack that is down, wherever they are; False if there were none.

    Raises LocalStackError for a folder that is not a stack's, so that a mistyped LUMBUNG_HOME costs nothing.
    """
    if not layout.home.exists() or not any(layout.home.glob("*.json")):
        return False
    if not layout.secrets_file.exists() or PROJECT.is_relative_to(layout.home):
        raise LocalStackError(f"{layout.home} does not look like the data folder of a stack, so it is left alone.")
    place = read_json(layout.postgres_record)
    if place is not None:
        shutil.rmtree(Path(place["data"]), ignore_errors=True)
        if not Path(place["data"]).is_relative_to(layout.home):
            shutil.rmtree(Path(place["data"]).parent, ignore_errors=True)
    shutil.rmtree(layout.home)
    return True


def processes_called(layout: Layout, name: str) -> list[str]:
    """The processes that `name` means, as far as they are there: of a service with two both; else the one.

    In the order in which they may be stopped. Raises LocalStackError when there is none, StackMissing without a stack.
    """
    _require_running(layout)
    processes = processes_of(layout)
    if found := [each for each in (name, name + WORKER) if each in processes]:
        return found
    raise LocalStackError(f"{name} does not run here.")


def restart(layout: Layout, name: str) -> None:
    """Stop one process and start it again at once; StackMissing if the stack does not run."""
    if processes_of(layout).get(name, {}).get("task"):
        raise LocalStackError(f"{name} is a step of the start and does not run; './lumbung up' repeats it.")
    _change(layout, name, lambda desired: desired | {name: desired.get(name, 0) + 1})


def stop(layout: Layout, name: str) -> None:
    """Stop one process and leave it stopped; what depends on it goes on without it.

    Raises LocalStackError for a worker without which its service may not run.
    """
    running = _require_running(layout)
    processes = processes_of(layout)
    desired = (read_json(layout.desired_file) or {}).get("processes", {})
    if name not in processes:
        raise LocalStackError(f"{name} does not run here.")
    if name.endswith(WORKER) and (service := name.removesuffix(WORKER)) in desired:
        raise LocalStackError(f"{service} does not run without {name}; './lumbung stop {service}' stops both.")
    dependents = [other for other in desired if other != name]
    write_json(layout.desired_file, {"processes": {other: desired[other] for other in dependents}})
    running.send(signal.SIGHUP)


def kill(layout: Layout, name: str, signal_number: int = signal.SIGKILL) -> int:
    """Send a signal to one process, as a fault would; the supervisor starts it again.

    Returns the pid that was hit.
    """
    _require_running(layout)
    pid = recorded_pid(state_of(layout), name)
    if pid is None or not pid.send(signal_number):
        raise StackMissing(f"{name} does not run in this stack.")
    return pid.number


def wait_ready(layout: Layout, name: str, *, not_pid: int | None = None, seconds: float = 60.0) -> int:
    """Poll until a process is ready (with another pid than `not_pid`, after a kill); its pid.

    Raises LocalStackError when the time is over.
    """
    deadline = time.monotonic() + seconds
    while True:
        entry = processes_of(layout).get(name, {})
        if entry.get("state") == "ready" and entry["pid"] != not_pid:
            return int(entry["pid"])
        if time.monotonic() > deadline:
            raise LocalStackError(f"{name} is not ready after {seconds:.0f} s: {entry.get('state', 'not there')}.")
        time.sleep(POLL_SECONDS)


def wait_stopped(layout: Layout, name: str, *, seconds: float = 60.0) -> None:
    """Poll until the supervisor no longer has the process; LocalStackError when the time is over."""
    deadline = time.monotonic() + seconds
    while name in processes_of(layout):
        if time.monotonic() > deadline:
            raise LocalStackError(f"{name} still runs after {seconds:.0f} s.")
        time.sleep(POLL_SECONDS)


def _change(layout: Layout, name: str, change: Callable[[dict[str, int]], dict[str, int]]) -> None:
    running = _require_running(layout)
    known = [spec.name for spec in build_processes(layout, load_stack(layout.home))]
    if name not in known:
        raise LocalStackError(f"There is no process {name}; there are {', '.join(known)}.")
    desired = (read_json(layout.desired_file) or {}).get("processes", {})
    write_json(layout.desired_file, {"processes": change(desired)})
    running.send(signal.SIGHUP)


def _require_running(layout: Layout) -> Pid:
    running = supervisor_pid(layout)
    if running is None:
        raise StackMissing("The stack does not run; start it with './lumbung up'.")
    return running


@contextmanager
def _one_at_a_time(layout: Layout) -> Iterator[None]:
    """Two `up` or `down` at once on one stack wait for each other."""
    descriptor = os.open(layout.home / "command.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
