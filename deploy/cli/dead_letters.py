"""Commands for events that could not be handled, and for calls to others that hang: list, redrive, discard.

They work in the consuming service's own database with its own role and its own handlers, in the same transactions as
the service itself, and leave a record of who did what.
"""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import asyncpg
import click

from deploy import registry
from deploy.cli.output import EXIT_FAILED, emit_json, emit_table, fail, json_option
from deploy.local.layout import current_layout
from deploy.local.processes import service_environment
from deploy.local.stack import SERVICES, Stack, load_stack
from shared import dead_letters, sql
from shared.db import Database
from shared.handlers import Handlers
from shared.sql import Row

kernel = sql.load(dead_letters.__file__, "kernel.sql")
queries = sql.load(__file__, "dead_letters.sql")

MOST = 1000
PRESENT = tuple(name for name in SERVICES if name in registry.service_names())
T = TypeVar("T")


@click.group("dead-letters")
def dead_letters_group() -> None:
    """Events that a handler group has set aside: list, show."""


@dead_letters_group.command("list")
@click.option("--service", type=click.Choice(PRESENT), help="Only of this service.")
@click.option("--group", help="Only of this handler group.")
@click.option("--key", help="Only of this ordering key.")
@click.option("--type", "type_", help="Only of this event type.")
@json_option
def list_events(service: str | None, group: str | None, key: str | None, type_: str | None, as_json: bool) -> None:
    """List what waits, and whether it needs a person.

    \b
    States:
      dead    needs a person: mend the cause, then redrive or discard
      retry   is tried again by itself
      behind  waits for an earlier one of its key
    """
    found = on_stack(lambda stack: _open(stack, _services(service), group, key, type_))
    if as_json:
        emit_json([{"service": name, **dict(row)} for name, row in found])
        return
    rows = [
        (row["position"], name, row["handler_group"], row["state"], row["type"], row["ordering_key"], row["attempts"],
         f"{row['first_at']:%Y-%m-%d %H:%M:%S}", row["reason"].splitlines()[0][:100])
        for name, row in found
    ]  # fmt: skip
    emit_table(("position", "service", "group", "state", "event", "ordering key", "tries", "since", "reason"), rows)


@dead_letters_group.command()
@click.argument("service", type=click.Choice(PRESENT))
@click.argument("position", type=int)
def show(service: str, position: int) -> None:
    """Print one event, why it was set aside, and what was done."""
    row, actions = on_stack(lambda stack: _show(stack, service, position))
    if row is None:
        fail(f"{service} has no event at position {position}.")
    document = dict(row) | {
        "data": bytes(row["data"]).decode("utf-8", "replace"),
        "actions": [dict(a) for a in actions],
    }
    emit_json(document)


@click.command()
@click.option("--service", type=click.Choice(PRESENT), help="Only of this service.")
@click.option("--group", help="Only of this handler group.")
@click.option("--key", help="Only this ordering key.")
@click.option("--type", "type_", help="Only keys whose first waiting event is of this type.")
@click.option("--dry-run", is_flag=True, help="Only say what would be handled.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--actor", default=getpass.getuser, show_default="you", help="Who does it, for the record.")
@click.option("--note", default="", help="Why, for the record.")
@json_option
def redrive(
    service: str | None,
    group: str | None,
    key: str | None,
    type_: str | None,
    dry_run: bool,
    yes: bool,
    actor: str,
    note: str,
    as_json: bool,
) -> None:
    """Handle set-aside events again, key by key in order, until one fails again.

    Do this after the cause is mended. The handler is called with the stored event; nothing is published again, so
    other groups do not hear it twice. Each event leaves a record.
    """
    found = on_stack(lambda stack: _open(stack, _services(service), group, key, None))
    keys = _first_of_keys(found, type_)
    if not keys:
        click.echo("Nothing waits.") if not as_json else emit_json([])
        return
    if not as_json or dry_run:
        for (name, handler_group, ordering_key), rows in keys.items():
            click.echo(
                f"{name} {handler_group} {ordering_key}: {len(rows)} waiting, first {rows[0]['type']}", err=as_json
            )
    if dry_run:
        return
    if not yes:
        click.confirm(f"Handle these {len(keys)} keys again?", abort=True, err=True)
    outcomes = on_stack(lambda stack: _redrive(stack, list(keys), actor, note))
    failed = [outcome for outcome in outcomes if outcome["failure"]]
    if as_json:
        emit_json(outcomes)
    else:
        for outcome in outcomes:
            tail = f"; {outcome['left']} left: {outcome['failure']}" if outcome["failure"] else ""
            click.echo(f"{outcome['group']} {outcome['ordering_key']}: {outcome['done']} handled{tail}")
    if failed:
        raise SystemExit(EXIT_FAILED)


@click.command()
@click.argument("service", type=click.Choice(PRESENT))
@click.argument("position", type=int)
@click.option("--note", required=True, help="Why it may be given up, for the record.")
@click.option("--actor", default=getpass.getuser, show_default="you", help="Who does it, for the record.")
@click.option("--dry-run", is_flag=True, help="Only say what would be given up.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def discard(service: str, position: int, note: str, actor: str, dry_run: bool, yes: bool) -> None:
    """Give up one event for good; redrive what waits behind it afterwards."""
    row, _ = on_stack(lambda stack: _show(stack, service, position))
    if row is None or row["state"] not in ("dead", "retry", "behind"):
        fail(f"{service} has no waiting event at position {position}.")
    click.echo(f"{row['type']} {row['event_id']} of {row['ordering_key']} ({row['state']}): {row['reason']}")
    if dry_run:
        return
    if not yes:
        click.confirm("Give it up for good?", abort=True, err=True)
    if not on_stack(lambda stack: _discard(stack, service, row["handler_group"], position, actor, note)):
        fail(f"The event at position {position} does not wait any more.")
    click.echo("Discarded.")


@click.command()
@click.option("--service", type=click.Choice(PRESENT), help="Only of this service.")
@json_option
def calls(service: str | None, as_json: bool) -> None:
    """List calls to other organisations that hang, or have failed for good."""
    found = on_stack(lambda stack: _calls(stack, _services(service)))
    if as_json:
        emit_json([{"service": name, **dict(row)} for name, row in found])
        return
    rows = [
        (name, row["purpose"], row["subject"], row["state"], row["attempts"], f"{row['created_at']:%Y-%m-%d %H:%M:%S}",
         f"{row['due_at']:%H:%M:%S}", (row["last_error"] or "")[:100])
        for name, row in found
    ]  # fmt: skip
    emit_table(("service", "purpose", "subject", "state", "tries", "since", "next try", "last error"), rows)


def _services(service: str | None) -> list[str]:
    return [service] if service else list(PRESENT)


def on_stack(work: Callable[[Stack], Awaitable[T]]) -> T:
    """Do the work against the stack; what the database refuses becomes a sentence."""

    async def go() -> T:
        stack = load_stack(current_layout().home)
        stack.pid_of("postgres")  # says so when it does not run
        return await work(stack)

    try:
        return asyncio.run(go())
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        fail(f"The database cannot be asked: {error}")


@asynccontextmanager
async def open_database(stack: Stack, service: str, *, settings: Any = None) -> AsyncIterator[Database]:
    database = await Database.connect(stack.dsn(service), source=service, size=2, settings=settings)
    try:
        yield database
    finally:
        await database.close()


async def _open(
    stack: Stack, services: list[str], group: str | None, key: str | None, type_: str | None
) -> list[tuple[str, Row]]:
    found = []
    for service in services:
        async with open_database(stack, service) as database, database.reading() as conn:
            rows = await kernel.open_dead_letters.rows(
                conn, handler_group=group, ordering_key=key, type=type_, most=MOST
            )
            found += [(service, row) for row in sorted(rows, key=lambda row: int(row["position"]))]
    return found


async def _show(stack: Stack, service: str, position: int) -> tuple[Row | None, list[Row]]:
    async with open_database(stack, service) as database, database.reading() as conn:
        row = await queries.dead_letter_whole.row(conn, position=position)
        return row, await queries.dead_letter_actions_of.rows(conn, position=position)


async def _calls(stack: Stack, services: list[str]) -> list[tuple[str, Row]]:
    found = []
    for service in services:
        async with open_database(stack, service) as database, database.reading() as conn:
            found += [(service, row) for row in await kernel.calls_out_hanging.rows(conn, most=MOST)]
    return found


def _first_of_keys(found: list[tuple[str, Row]], type_: str | None) -> dict[tuple[str, str, str], list[Row]]:
    """The waiting events by (service, group, key), in order; only keys that begin with `type_` when it is given."""
    by_key: dict[tuple[str, str, str], list[Row]] = {}
    for service, row in sorted(found, key=lambda item: (item[0], item[1]["position"])):
        by_key.setdefault((service, row["handler_group"], row["ordering_key"]), []).append(row)
    return {key: rows for key, rows in by_key.items() if type_ is None or rows[0]["type"] == type_}


async def _redrive(stack: Stack, keys: list[tuple[str, str, str]], actor: str, note: str) -> list[dict[str, Any]]:
    outcomes = []
    for service in sorted({service for service, _, _ in keys}):
        with _environment(service_environment(stack, service)):
            cls = registry.settings_of(service)
            settings = cls() if cls else None
        groups = {handlers.group: handlers for handlers in registry.handler_groups(service)}
        async with open_database(stack, service, settings=settings) as database:
            for _, group, key in [one for one in keys if one[0] == service]:
                handlers = _group(groups, group)
                done = await dead_letters.redrive(database, handlers, key, actor=actor, note=note)
                outcomes.append(
                    {"group": group, "ordering_key": key, "done": done.done, "left": done.left, "failure": done.failure}
                )
    return outcomes


async def _discard(stack: Stack, service: str, group: str, position: int, actor: str, note: str) -> bool:
    handlers = _group({one.group: one for one in registry.handler_groups(service)}, group)
    async with open_database(stack, service) as database:
        return await dead_letters.discard(database, handlers, position, actor=actor, note=note)


def _group(groups: dict[str, Handlers], name: str) -> Handlers:
    return groups[name] if name in groups else fail(f"There is no handler group {name} in this tree any more.")


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """What the service itself would be told by its environment."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
