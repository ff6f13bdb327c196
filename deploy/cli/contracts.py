"""The command `contracts`: the declared events, whether what is committed is fresh, what changed since a revision."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import click

from deploy import docs, registry
from deploy.cli.output import EXIT_FAILED, emit_json, emit_table, fail, json_option
from shared.contracts import publish
from shared.contracts.compatibility import differences

PLACE = publish.FOLDER.relative_to(registry.ROOT).as_posix()


@click.group()
def contracts() -> None:
    """The events that services tell each other: list, show, write, check."""


@contracts.command("list")
@json_option
def list_events(as_json: bool) -> None:
    """List the events: topic, keys, and who listens."""
    listeners = registry.listeners()
    rows = [
        {
            "type": name,
            "owner": event.declaration.owner,
            "topic": event.declaration.topic.name,
            "keyed_by": event.declaration.keyed_by,
            "ordered_by": event.declaration.ordered_by,
            "groups": sorted(group for group, _ in listeners.get(name, [])),
        }
        for name, event in publish.declared().items()
    ]
    if as_json:
        emit_json(rows)
        return
    emit_table(
        ("event", "topic", "record key", "in order per", "heard by"),
        [
            (row["type"], row["topic"], row["keyed_by"], row["ordered_by"], ", ".join(row["groups"]) or "-")
            for row in rows
        ],
    )


@contracts.command()
@click.argument("event_type")
def show(event_type: str) -> None:
    """Print the JSON Schema of an event type and an example of it."""
    event = publish.declared().get(event_type)
    if event is None:
        fail(f"There is no event {event_type}; './lumbung contracts list' names them all.")
    emit_json({"schema": publish.schema_of(event), "example": publish.example_of(event_type)})


@contracts.command()
def write() -> None:
    """Write schemas, AsyncAPI and reference pages from the code."""
    changed = [f"{PLACE}/{name}" for name in publish.write()] + [f"docs/{name}" for name in docs.write()]
    click.echo("\n".join(changed) or "Everything is fresh already.")


@contracts.command()
@click.option("--against", metavar="REVISION", help="Also compare with the schemas committed in this git revision.")
@json_option
def check(against: str | None, as_json: bool) -> None:
    """Fail when the files are stale, or an event needs a new version.

    \b
    For example, before a release:
      ./lumbung contracts check --against v1.4.0
    """
    stale = [f"{PLACE}/{name}" for name in publish.stale()] + [f"docs/{name}" for name in docs.stale()]
    broken = incompatibilities(released(against)) if against else {}
    if as_json:
        emit_json({"stale": stale, "incompatible": broken})
    else:
        for name in stale:
            click.echo(f"{name} is stale; run 'make schemas'.")
        for type_, faults in broken.items():
            for fault in faults:
                click.echo(f"{type_} {fault}")
        if broken:
            click.echo(f"These changes since {against} need a new version of the event.")
    if stale or broken:
        raise SystemExit(EXIT_FAILED)


def incompatibilities(old: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """By event type, what may not replace the schemas in `old`."""
    current = {name: publish.schema_of(event) for name, event in publish.declared().items()}
    broken: dict[str, list[str]] = {}
    for type_, schema in old.items():
        if type_ not in current:
            broken[type_] = ["/: the event was removed; the log still holds old ones"]
        elif found := differences(schema, current[type_]):
            broken[type_] = [str(difference) for difference in found]
    return broken


def released(revision: str, *, root: Path = registry.ROOT) -> dict[str, dict[str, Any]]:
    """The schemas as committed in a git revision, by event type. Ends the command when git cannot tell."""
    names = _git(root, "ls-tree", "--name-only", revision, f"{PLACE}/").splitlines()
    schemas = [json.loads(_git(root, "show", f"{revision}:{name}")) for name in names if _is_event(name)]
    return {schema["$id"].removeprefix("urn:lumbung:event:"): schema for schema in schemas}


def _is_event(name: str) -> bool:
    return name.endswith(".json") and not name.endswith("/asyncapi.json")


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        fail(f"git cannot tell what was released: {done.stderr.strip()}")
    return done.stdout
