"""One process per service against two, and one service alone on a core: `python -m bench.processes`.

Two processes are what `LUMBUNG_TWO_PROCESSES` makes of a service in the local stack: one answers HTTP, one handles
events and sends the outbox. Alone on a core means that orders has the first core, and everything else, the generator
included, has the others.
"""

import asyncio
import functools
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import psutil

from bench import machine
from bench.stage import HOME, PORT_BASE
from bench.trial import PLAYED, Child, Say, Trial, alternate, noise, trial, when
from deploy.local.files import read_json
from deploy.local.stack import Stack, recorded_pid

TITLES = {
    "two": "two processes each of orders and catalog (HTTP; worker and relay)",
    "alone": "orders alone on one core, everything else on the others",
}
SHORT = {"two": "two processes per service", "alone": "orders alone on one core"}


async def processes(stage: Trial, say: Say) -> dict[str, Any]:
    """Sagas and accepted orders with one process per service, with two, and with orders alone on a core."""
    cores = os.sched_getaffinity(0)
    found: dict[str, Any] = {"seconds": stage.seconds, "cores": len(cores)}
    for what, services in (("sagas", PLAYED), ("accept", ("orders",))):
        say(f"processes: {what}")
        run = stage.sagas if what == "sagas" else stage.accept
        changed = {"two": functools.partial(run, *two(stage.stage.stack, services))}
        if len(cores) > 1:
            changed["alone"] = functools.partial(_alone_on_a_core, stage, what, services)
        fulls, compared = await alternate(functools.partial(run, *map(Child, services)), changed, say)
        found[what] = {"one": fulls, "noise": noise(fulls), **compared}
    return machine.stamped(found)


def two(stack: Stack, services: tuple[str, ...]) -> list[Child]:
    """Each service as two processes."""
    return [
        child
        for service in services
        for child in (
            Child(service, role="http"),
            Child(service, role="worker,relay", port=stack.ports[f"{service}-worker"]),
        )
    ]


async def _alone_on_a_core(stage: Trial, what: str, services: tuple[str, ...]) -> dict[str, Any]:
    run = stage.sagas if what == "sagas" else stage.accept
    first, *others = sorted(os.sched_getaffinity(0))
    children = [Child(service, core=first if service == "orders" else None) for service in services]
    with confined(stage.stage.stack, set(others)):
        return await run(*children)


@contextmanager
def confined(stack: Stack, cores: set[int]) -> Iterator[None]:
    """Everything that runs of the stack, and we with what we start, on these cores only."""
    before = os.sched_getaffinity(0)
    _pin(stack, cores)
    try:
        yield
    finally:
        _pin(stack, before)


def _pin(stack: Stack, cores: set[int]) -> None:
    """Pin each thread that there is; new ones inherit it from the one that makes them."""
    state = read_json(stack.home / "state.json")
    families = [[psutil.Process()]]
    for name in state["processes"]:
        if (pid := recorded_pid(state, name)) is not None and pid.is_alive():
            process = psutil.Process(pid.number)
            families.append([process, *process.children(recursive=True)])
    for process in (each for family in families for each in family):
        try:
            for thread in process.threads():
                os.sched_setaffinity(thread.id, cores)
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue  # ended in this moment


def markdown(found: dict[str, Any]) -> list[str]:
    """The table."""
    lines = [
        "### One process or two, and one core alone",
        "",
        f"Ratios to one process per service on all {found['cores']} cores just before and just after, {when(found)}. "
        f"Two trials of the same in a row differed by up to {found['sagas']['noise']:.0%} (sagas) and "
        f"{found['accept']['noise']:.0%} (accepted orders).",
        "",
        "| how | sagas/s | ratio | CPU a saga | accepted/s | ratio | CPU an order |",
        "|---|---:|---:|---:|---:|---:|---:|",
        f"| one process per service | {_mean(found['sagas']['one'])} | 1 | 1 "
        f"| {_mean(found['accept']['one'])} | 1 | 1 |",
    ]
    for name, title in TITLES.items():
        if name in found["sagas"]:
            cells = " | ".join(_three(found[what][name]) for what in ("sagas", "accept"))
            lines.append(f"| {title} | {cells} |")
    return lines


def _three(figures: dict[str, Any]) -> str:
    return f"{figures['per_s']:,.0f} | {figures['ratio']:.2f} | {figures['cpu_ratio']:.2f}"


def _mean(fulls: list[dict[str, Any]]) -> str:
    return f"{sum(each['per_s'] for each in fulls) / len(fulls):,.0f}"


async def _alone(home: str, port_base: str, seconds: float) -> dict[str, Any]:
    async with trial(home=home, port_base=port_base, seconds=seconds) as stage:
        return await processes(stage, lambda text: click.echo(text, err=True))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", default=HOME, show_default=True)
@click.option("--port-base", default=PORT_BASE, show_default=True)
@click.option("--seconds", default=6.0, show_default=True, help="How long each load runs.")
@click.option("--out", type=click.Path(path_type=Path), help="Default: standard output.")
def main(home: str, port_base: str, seconds: float, out: Path | None) -> None:
    """Processes and cores, on a stack of its own that is made anew."""
    text = json.dumps(asyncio.run(_alone(home, port_base, seconds)), indent=1) + "\n"
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text)


if __name__ == "__main__":
    main()
