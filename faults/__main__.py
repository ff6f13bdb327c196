"""`make faults`: everything that breaks, one after the other, on a stack of its own; then the report.

Prints per fault what it did, how often, its seed, and what was found after it. Writes bench/results/faults-latest.json
and the table in docs/reliability.md. Exit code 1 when something was not as promised.
"""

import asyncio
import os
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime

import click

from bench.stage import say
from deploy.local.layout import PROJECT
from faults import audit_cost, clocks, controls, kills, outages, overload, planted, replay, report, storms
from faults.books import Auditing, Outcome
from faults.catalogue import FAULTS, Listed, Run
from faults.ground import SHORT_CLOCKS, Ground

HOME = os.environ.get("LUMBUNG_HOME", ".local/faults")
PORT_BASE = int(os.environ.get("LUMBUNG_PORT_BASE", "25000"))
BUYERS = 16
TEST_SECONDS_MAX = 1800.0  # what takes longer hangs, and is broken off
# In this order: the story is played only once.
MODULES = (kills, outages, replay, planted, audit_cost, overload, storms, clocks, controls)
IN_ORDER = sorted(
    FAULTS, key=lambda name: [module.__name__ for module in MODULES].index(FAULTS[name].happen.__module__)
)


async def fresh_ground() -> Ground:
    """A stack that was started from nothing, with people and goods."""
    first = Ground.of(HOME, PORT_BASE) if (PROJECT / HOME / "stack.json").exists() else None
    if first is not None:
        await first.command("down", "--delete-data")
    for last in (False, False, True):  # a machine that is busy for a while is no reason to break off
        try:
            await _up()
            break
        except RuntimeError as error:
            if last:
                raise
            say(f"    {error}")
    ground = Ground.of(HOME, PORT_BASE)
    await ground.settle_in(BUYERS)
    return ground


async def _up() -> None:
    environment = os.environ | {"LUMBUNG_HOME": HOME, "LUMBUNG_PORT_BASE": str(PORT_BASE)} | SHORT_CLOCKS
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.cli", "up", "--json",
        cwd=PROJECT, env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the stack in {HOME} does not start: {said.decode()[-2000:]}")


async def happen(listed: Listed, run: Run) -> Outcome:
    """One fault; whatever goes wrong with it is its outcome, not the end of the suite."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(TEST_SECONDS_MAX):
            outcome = await listed.happen(run)
    except Exception as error:  # the suite goes on; what happened is in the report
        traceback.print_exc()
        outcome = run.outcome(listed.name, "broke off")
        first = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
        outcome.faults.append(f"{type(first).__name__}: {first}")
        outcome.is_control = False
    outcome.seconds = round(time.monotonic() - began, 1)
    return outcome


def tell(outcome: Outcome) -> None:
    """What is found, for people."""
    verdict = "as promised" if outcome.is_as_promised else "NOT AS PROMISED"
    if outcome.skipped:
        verdict = f"skipped: {outcome.skipped}"
    elif outcome.is_control and outcome.is_as_promised:
        verdict += " (control: seen to fail)"
    say(f"  {outcome.did}; {outcome.runs} times, seed {outcome.seed}, {outcome.seconds:.0f} s")
    say(
        f"  {outcome.orders} orders: lost {outcome.lost}, doubled {outcome.doubled}, unfinished {outcome.unfinished}; "
        f"audit {outcome.audit}: {outcome.differences} differences, {outcome.violations} violations"
    )
    for line in (*outcome.faults, *outcome.notes):
        say(f"    {line}")
    say(f"  {verdict}")


class Progress:
    """How much is done, and how much time the rest will take: as in the last result, else as the tests so far."""

    def __init__(self, names: list[str]) -> None:
        self._began = time.monotonic()
        self._known = {outcome["name"]: outcome["seconds"] for outcome in report.kept() if outcome.get("asked")}
        self._names = names

    def before(self, number: int) -> str:
        """In front of a test."""
        took = time.monotonic() - self._began
        usual = took / number if number else 120.0
        left = sum(self._known.get(name, usual) for name in self._names[number:])
        return f"[{number + 1}/{len(self._names)}, {took / 60:.0f} min so far, about {left / 60:.0f} min left]"


async def suite(
    names: list[str], orders: int, seed: int, *, is_kept: bool, is_reused: bool, told: Callable[[list[Outcome]], None]
) -> list[Outcome]:
    """All faults of these names; `told` hears of all outcomes so far, after each of them."""
    outcomes: list[Outcome] = []
    ground: Ground | None = None
    if is_reused:
        ground = Ground.of(HOME, PORT_BASE)
        await ground.settle_in(BUYERS)
    progress, code = Progress(names), report.commit()
    for number, name in enumerate(names):
        listed = FAULTS[name]
        say(f"{progress.before(number)} {name}: {listed.promise}")
        if ground is None:
            ground = await fresh_ground()
        run = Run(ground, orders, seed)
        if listed.is_control:  # what it loses never comes: no need to wait for it for long
            run = Run(ground, min(orders, 1500), seed, patience_seconds=40, auditing=Auditing(settle_seconds=20))
        outcome = await happen(listed, run)
        if not outcome.runs and not outcome.skipped:
            outcome.faults.append("it never happened")
        outcome.commit, outcome.asked = code, orders
        tell(outcome)
        outcomes.append(outcome)
        told(outcomes)
        if listed.spoils or not outcome.is_clean:
            ground = None
    if outcomes and not is_kept:  # also when the last test spoilt it
        await Ground.of(HOME, PORT_BASE).command("down", "--delete-data", is_checked=False)
    return outcomes


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--orders", default=5000, show_default=True, help="Orders placed during each fault, at least.")
@click.option("--only", metavar="A,B", help="Only these faults.")
@click.option("--seed", type=int, help="Repeat a run; otherwise by the date.")
@click.option("--list", "is_listing", is_flag=True, help="Only say what there is.")
@click.option("--keep", is_flag=True, help="Leave the stack running.")
@click.option("--reuse", is_flag=True, help="Begin on the stack that runs already.")
@click.option(
    "--resume", is_flag=True, help="Only what has no good result yet for this code, seed and number of orders."
)
@click.option("--no-report", is_flag=True, help="Write nothing.")
def main(
    orders: int,
    only: str | None,
    seed: int | None,
    is_listing: bool,
    keep: bool,
    reuse: bool,
    resume: bool,
    no_report: bool,
) -> None:
    """Break everything under load, and look whether all is as promised."""
    if is_listing:
        for listed in map(FAULTS.__getitem__, IN_ORDER):
            click.echo(f"{listed.name:<42} {listed.promise}")
        return
    names = only.split(",") if only else IN_ORDER
    if unknown := set(names) - set(FAULTS):
        raise click.UsageError(f"There is no fault {', '.join(sorted(unknown))}; see --list.")
    os.environ |= {"LUMBUNG_HOME": HOME, "LUMBUNG_PORT_BASE": str(PORT_BASE)} | SHORT_CLOCKS  # for all that we start
    number = seed if seed is not None else int(f"{datetime.now(UTC):%Y%m%d}")

    before = report.done_before(names, seed=number, orders=orders) if resume else []
    names = [name for name in names if name not in {outcome["name"] for outcome in before}]
    if before:
        say(f"done before: {', '.join(outcome['name'] for outcome in before)}")

    def told(outcomes: list[Outcome]) -> None:
        if not no_report:
            fresh = before + [each.as_document() for each in outcomes]
            report.keep(fresh, seed=number, is_part=only is not None)

    outcomes = asyncio.run(suite(names, orders, number, is_kept=keep, is_reused=reuse, told=told))
    if not no_report:
        say("written: bench/results/faults-latest.json, docs/reliability.md")
    sys.exit(0 if all(outcome.is_as_promised for outcome in outcomes) else 1)


if __name__ == "__main__":
    main()
