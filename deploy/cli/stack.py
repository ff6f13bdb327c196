"""Commands for the stack on this machine: up, down, status, logs, restart, stop, kill, env."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import click

from deploy.cli.output import EXIT_DONE, EXIT_NOT_RUNNING, emit_json, emit_table, fail, json_option
from deploy.local import control
from deploy.local.figures import ProcessFigures, measure
from deploy.local.layout import current_layout
from deploy.local.processes import INFRASTRUCTURE, SANDBOXES, missing_services, service_environment
from deploy.local.stack import SERVICES, load_stack


@click.command()
@click.option("--infra", is_flag=True, help="Only PostgreSQL and Kafka with databases, users and topics.")
@click.option("--only", metavar="A,B", help="Only these processes and what they need.")
@json_option
def up(infra: bool, only: str | None, as_json: bool) -> None:
    """Start the stack and return when all of it is ready.

    Starts what does not run yet: PostgreSQL, Kafka, migrations, the sandboxes and the services, side by side
    where they can. On a stack that runs already it changes nothing and says so. If something cannot start,
    the reason and the end of its log are shown, the exit code is 1 and the rest is left running to look at.
    """
    layout = current_layout()
    names = only.split(",") if only else list(INFRASTRUCTURE) if infra else None
    began = time.monotonic()
    changed = control.bring_up(layout, lambda line: click.echo(line, err=as_json), names=names)
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        emit_json({"changed": changed, "seconds": seconds, "home": str(layout.home), "port_base": layout.port_base})
    elif changed:
        click.echo(f"Ready in {seconds:.1f} s.")
        _tell_missing()
    else:
        click.echo("The stack runs already; nothing to do.")


def _tell_missing() -> None:
    missing = missing_services()
    if missing:
        click.echo(f"Not in this tree, so not started: {', '.join(missing)}.")


@click.command()
@click.option("--delete-data", is_flag=True, help="Also delete databases, topics, passwords and logs of this stack.")
@json_option
def down(delete_data: bool, as_json: bool) -> None:
    """Stop the stack, in reverse order, and leave no process behind.

    The data stays unless you ask otherwise. Processes that a killed supervisor left behind are ended, too.
    """
    layout = current_layout()
    began = time.monotonic()
    stopped = control.take_down(layout, lambda line: click.echo(line, err=as_json))
    seconds = round(time.monotonic() - began, 1)
    deleted = delete_data and control.delete_data(layout)
    if as_json:
        emit_json({"changed": stopped, "deleted": deleted, "seconds": seconds})
        return
    if stopped or not delete_data:
        click.echo(f"Stopped in {seconds:.1f} s." if stopped else "The stack does not run; nothing to do.")
    if deleted:
        click.echo(f"Deleted {layout.home}.")


@click.command()
@click.option("--seconds", default=0.5, show_default=True, help="How long to measure the CPU use.")
@json_option
def status(seconds: float, as_json: bool) -> None:
    """Show each process: state, pid, restarts, memory, CPU, address.

    Memory is the share that counts for this process alone (shared pages divided among those who share them),
    CPU is in percent of one core over the measured time. The exit code is 3 if the stack does not run.
    """
    layout = current_layout()
    running = control.supervisor_pid(layout)
    figures = measure(layout, seconds=seconds) if running else []
    if as_json:
        emit_json(
            {
                "running": running is not None,
                "home": str(layout.home),
                "port_base": layout.port_base,
                "processes": [figure.as_json() for figure in figures],
                "not_in_tree": missing_services(),
            }
        )
    elif running is None:
        click.echo("The stack does not run; start it with './lumbung up'.")
    else:
        _show_figures(figures)
        _tell_missing()
    raise SystemExit(EXIT_DONE if running else EXIT_NOT_RUNNING)


def _show_figures(figures: list[ProcessFigures]) -> None:
    headings = ("process", "state", "pid", "restarts", "memory", "cpu", "address")
    rows = []
    for figure in figures:
        if figure.is_task and figure.state == "done":
            continue
        memory = f"{figure.memory_mb:.0f} MB" if figure.pid else ""
        cpu = f"{figure.cpu_percent:.1f} %" if figure.pid else ""
        address = figure.url or ""
        rows.append((figure.name, figure.state, figure.pid or "", figure.restarts, memory, cpu, address or figure.note))
    all_memory = sum(figure.memory_mb for figure in figures)
    all_cpu = sum(figure.cpu_percent for figure in figures)
    emit_table(headings, [*rows, ("all", "", "", "", f"{all_memory:.0f} MB", f"{all_cpu:.1f} %", "")])


@click.command()
@click.argument("name", required=False)
@click.option("-n", "--lines", default=40, show_default=True, help="How many lines from the end.")
@click.option("-f", "--follow", is_flag=True, help="Go on showing what is added.")
def logs(name: str | None, lines: int, follow: bool) -> None:
    """Show the log of a process, or list the logs.

    The files are in the folder `logs` of the stack's data folder; `supervisor` has one, too.
    """
    layout = current_layout()
    files = {file.stem: file for file in sorted(layout.logs.glob("*.log"))}
    if name is None:
        emit_table(("log", "bytes", "file"), [(stem, file.stat().st_size, file) for stem, file in files.items()])
        return
    if name not in files:
        fail(f"There is no log {name}; there are {', '.join(files) or 'none yet'}.")
    command = ["tail", "-n", str(lines), *(["-F"] if follow else []), str(files[name])]
    try:
        subprocess.run(command, check=False)
    except KeyboardInterrupt:
        return


@click.command()
@click.argument("name")
@json_option
def restart(name: str, as_json: bool) -> None:
    """Stop a process and start it again, and wait until it is ready; of a service with two, both."""
    layout = current_layout()
    names = control.processes_called(layout, name)
    before = {each: control.processes_of(layout).get(each, {}).get("pid") for each in names}
    for each in names:
        control.restart(layout, each)
    pids = {each: control.wait_ready(layout, each, not_pid=before[each]) for each in names}
    if as_json:
        emit_json({"process": name, "pid": pids[name], "pids": pids})
    else:
        for each, pid in pids.items():
            click.echo(f"{each} runs again, pid {pid}.")


@click.command()
@click.argument("name")
@json_option
def stop(name: str, as_json: bool) -> None:
    """Stop a process and leave it stopped until the next `up`; of a service with two, both."""
    layout = current_layout()
    names = control.processes_called(layout, name)
    for each in names:
        control.stop(layout, each)
    for each in names:
        control.wait_stopped(layout, each)
    if as_json:
        emit_json({"process": name, "stopped": True})
    else:
        click.echo(f"{' and '.join(names)} {'are' if len(names) > 1 else 'is'} stopped.")


@click.command()
@click.argument("name")
@click.option("--signal", "signal_number", default=int(signal.SIGKILL), show_default=True, help="Its number.")
@click.option("--wait", is_flag=True, help="Return when it runs again.")
@json_option
def kill(name: str, signal_number: int, wait: bool, as_json: bool) -> None:
    """Hit one process with a signal, as a fault would; the supervisor starts it again."""
    layout = current_layout()
    pid = control.kill(layout, name, signal_number)
    again = control.wait_ready(layout, name, not_pid=pid) if wait else None
    if as_json:
        emit_json({"process": name, "killed": pid, "pid": again})
    else:
        click.echo(f"{name} (pid {pid}) got signal {signal_number}" + (f"; runs again, pid {again}." if again else "."))


@click.command()
@click.argument("service", required=False, type=click.Choice([*SERVICES, *SANDBOXES]))
@json_option
def env(service: str | None, as_json: bool) -> None:
    """Print the environment of a process as KEY=value, to run it by hand.

    \b
    Holds passwords. For example:
      ./lumbung stop orders
      env $(./lumbung env orders) .venv/bin/python -m services.orders.main
    """
    layout = current_layout()
    stack = load_stack(layout.home)
    variables = (
        service_environment(stack, service)
        if service
        else {"LUMBUNG_HOME": str(layout.home), "LUMBUNG_PORT_BASE": str(layout.port_base)}
    )
    if as_json:
        emit_json(variables)
    else:
        click.echo("".join(f"{name}={value}{os.linesep}" for name, value in sorted(variables.items())), nl=False)
