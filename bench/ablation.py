"""The ablation table: what each part of the kernel costs or gives, seen by taking it away, one at a time.

`python -m bench.ablation` for a trial; a part of `make bench`. The parts are taken away from the outside (without.py),
from orders and catalog; everything else of the stack is as ever. Without its parts the system keeps less of its
promises: the table says what the promises cost, not what to switch off.
"""

import asyncio
import functools
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bench import machine
from bench.stage import HOME, PORT_BASE
from bench.trial import PLAYED, Child, Say, Trial, alternate, noise, trial, when


@dataclass(frozen=True)
class Part:
    """Something that is taken away. Where it has no part in a load it is not measured under it."""

    name: str  # in without.py
    title: str
    instead: str
    is_in_sagas: bool = True
    is_in_accept: bool = True


PARTS = (
    Part("outbox", "outbox", "events are made and thrown away; no saga can run", is_in_sagas=False),
    Part("inbox", "inbox", "every delivery counts as new, without a statement", is_in_accept=False),
    Part("batches", "batches of the worker", "a transaction for each event of a poll", is_in_accept=False),
    Part("group_commit", "group commit", "a transaction for each order"),
    Part("tracing", "tracing", "no trace ids, no spans"),
    Part("authentication", "authentication", "no token is looked at"),
    Part("remembered_tokens", "memory of verified tokens", "each request's signature is verified"),
    Part("whole_answers", "answers in one piece", "the request and its answer as ASGI's messages"),
)


async def ablation(stage: Trial, say: Say, parts: Sequence[Part] = PARTS) -> dict[str, Any]:
    """Sagas with everything and without each part, then accepted orders, in one run."""
    say("ablation: whole sagas")
    run = functools.partial(_sagas, stage)
    changed = {part.name: functools.partial(run, (part.name,)) for part in parts if part.is_in_sagas}
    full_sagas, sagas = await alternate(functools.partial(run, ()), changed, say)
    say("ablation: accepted orders")
    run = functools.partial(_accept, stage)
    changed = {part.name: functools.partial(run, (part.name,)) for part in parts if part.is_in_accept}
    full_accept, accept = await alternate(functools.partial(run, ()), changed, say)
    return machine.stamped(
        {
            "seconds": stage.seconds,
            "full": {"sagas": full_sagas, "accept": full_accept},
            "noise": {"sagas": noise(full_sagas), "accept": noise(full_accept)},
            "without": {part.name: {"sagas": sagas.get(part.name), "accept": accept.get(part.name)} for part in PARTS},
        }
    )


async def _sagas(stage: Trial, without: tuple[str, ...]) -> dict[str, Any]:
    return await stage.sagas(*(Child(service, without) for service in PLAYED))


async def _accept(stage: Trial, without: tuple[str, ...]) -> dict[str, Any]:
    return await stage.accept(Child("orders", without))


def parts_of(found: dict[str, Any]) -> list[Part]:
    """The parts that were taken away: a result that a short run took over may be older than a part."""
    return [part for part in PARTS if part.name in found["without"]]


def markdown(found: dict[str, Any]) -> list[str]:
    """The table."""
    lines = [
        "### What each part costs",
        "",
        "One part at a time is taken away from orders and catalog, each as one process. Ratios are to the full thing "
        f"just before and just after it in the same run, {when(found)}. A rate below 1 means that it is slower without "
        "the part. CPU is processor time per order of orders, catalog, PostgreSQL and Kafka. Two full trials in a row "
        "differed by up to "
        f"{found['noise']['sagas']:.0%} (sagas) and {found['noise']['accept']:.0%} (accepted orders): what is smaller "
        "than that is not seen.",
        "",
        "| without | then | sagas | CPU a saga | accepted orders | CPU an order |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for part in parts_of(found):
        sagas, accept = found["without"][part.name]["sagas"], found["without"][part.name]["accept"]
        lines.append(f"| {part.title} | {part.instead} | {_two(sagas)} | {_two(accept)} |")
    full = found["full"]
    lines += [
        "",
        *_blemishes(found),
        f"With everything: {_range(full['sagas'])} sagas and {_range(full['accept'])} accepted orders a second.",
    ]
    return lines


def _blemishes(found: dict[str, Any]) -> list[str]:
    """Where a rate does not tell all."""
    return [
        f"Without {part.title} ({load}): {figures['refused']} orders refused, {unfinished} sagas not whole in time.\n"
        for part in parts_of(found)
        for load, figures in found["without"][part.name].items()
        if figures is not None and (figures["refused"] or figures.get("unfinished"))
        for unfinished in [figures.get("unfinished", 0)]
    ]


def _two(figures: dict[str, Any] | None) -> str:
    if figures is None:
        return "- | -"
    return f"{figures['ratio']:.2f} | {figures['cpu_ratio']:.2f}"


def _range(fulls: list[dict[str, Any]]) -> str:
    rates = [each["per_s"] for each in fulls]
    return f"{min(rates):,.0f} to {max(rates):,.0f}"


async def _alone(home: str, port_base: str, seconds: float, parts: Sequence[Part]) -> dict[str, Any]:
    async with trial(home=home, port_base=port_base, seconds=seconds) as stage:
        return await ablation(stage, lambda text: click.echo(text, err=True), parts)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", default=HOME, show_default=True)
@click.option("--port-base", default=PORT_BASE, show_default=True)
@click.option("--seconds", default=6.0, show_default=True, help="How long each load runs.")
@click.option("--only", "names", multiple=True, type=click.Choice([part.name for part in PARTS]))
@click.option("--out", type=click.Path(path_type=Path), help="Default: standard output.")
def main(home: str, port_base: str, seconds: float, names: tuple[str, ...], out: Path | None) -> None:
    """The ablation table on a stack of its own that is made anew."""
    parts = [part for part in PARTS if not names or part.name in names]
    text = json.dumps(asyncio.run(_alone(home, port_base, seconds, parts)), indent=1) + "\n"
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text)


if __name__ == "__main__":
    main()
