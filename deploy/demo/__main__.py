"""`make demo`: starts the stack, loads a spreadsheet of products, plays the main job, and leaves the stack open.

Exit code 0 when every step happened and every figure agreed with SQL; 1 with the reason otherwise. During the story the
clocks of orders are short (a payment has seconds, a delivered parcel completes by itself after seconds); afterwards the
stack is started again with the usual ones.
"""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import click
import httpx2

from deploy.demo import doors, story
from deploy.demo.acts import what_is_missing
from deploy.demo.world import StoryBroke, World
from deploy.local import control
from deploy.local.layout import PROJECT, current_layout
from deploy.local.stack import SERVICES, Stack, load_stack
from deploy.seed.read import Seed, SeedError, read_seed

SHORT_CLOCKS = {
    "LUMBUNG_PAYMENT_SECONDS": "12",
    "LUMBUNG_COMPLETION_SECONDS": "6",
    "LUMBUNG_SWEEP_SECONDS": "1",
    "LUMBUNG_TRACE_RATIO": "1",
    "LUMBUNG_SURPLUS_BEFORE_YEAR_END": "true",
}
OWN_SEED = PROJECT / "deploy" / "seed" / "products.xlsx"


def lumbung(*arguments: str, environment: dict[str, str] | None = None) -> int:
    """The command of the same name, with its output shown."""
    command = [sys.executable, "-m", "deploy.cli", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=os.environ | (environment or {}), check=False).returncode


async def play(stack: Stack, seed: Seed) -> World:
    """All chapters, in order. Raises StoryBroke."""
    databases = {service: await asyncpg.connect(stack.audit_dsn(service)) for service in SERVICES}
    limits = httpx2.Limits(max_connections=100)
    async with httpx2.AsyncClient(timeout=30, limits=limits) as http:
        world = World(stack, seed, http, databases)
        await story.play(world)
    for database in databases.values():
        await database.close()
    return world


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seed", "seed_path", type=click.Path(path_type=Path), default=OWN_SEED, help="Spreadsheet of products.")
@click.option("--keep-clocks", is_flag=True, help="Leave the short clocks of the story on afterwards.")
def main(seed_path: Path, keep_clocks: bool) -> None:
    """Play the whole main job on the real stack."""
    began = time.monotonic()
    seed = read(seed_path)
    control.take_down(current_layout(), click.echo)
    if lumbung("up", environment=SHORT_CLOCKS):
        raise SystemExit(1)
    stack = load_stack()
    try:
        world = asyncio.run(play(stack, seed))
    except StoryBroke as reason:
        click.echo(f"\nThe story broke: {reason}", err=True)
        click.echo("The stack is left as it is; look with ./lumbung status and ./lumbung logs NAME.", err=True)
        raise SystemExit(1) from None
    world.timeline.chapter("The auditor looks")
    if lumbung("audit", "--settle", "60"):
        click.echo("\nThe audit found differences (above).", err=True)
        raise SystemExit(1)
    if not keep_clocks:
        world.timeline.chapter("Back to everyday clocks")
        if lumbung("down") or lumbung("up"):
            raise SystemExit(1)
    world.timeline.chapter(
        f"Done in {time.monotonic() - began:.0f} s; {world.timeline.figures} figures agreed with SQL"
    )
    doors.show(world, click.echo)


def read(path: Path) -> Seed:
    """The seed; exits with what is wrong with it, row by row."""
    try:
        seed = read_seed(path)
    except SeedError as error:
        click.echo(str(error), err=True)
        raise SystemExit(1) from None
    missing = None if seed.problems else what_is_missing(seed)
    for problem in (*seed.problems, *filter(None, [missing])):
        click.echo(f"{path}: {problem}", err=True)
    if seed.problems or missing:
        click.echo("The columns and rules are in deploy/seed/README.md.", err=True)
        raise SystemExit(1)
    return seed


if __name__ == "__main__":
    main()
