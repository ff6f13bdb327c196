"""How every command answers: a table for people, `--json` for programs, and the exit codes that `lumbung
--help` promises.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

import click

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NOT_RUNNING = 3

F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """Adds `--json`, as the parameter `as_json`."""
    option = click.option("--json", "as_json", is_flag=True, help="Answer as one JSON document.")
    return option(function)


def emit_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, default=str))


def emit_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as their content; nothing is cut. Where there are no rows, that is said."""
    cells = [[str(heading) for heading in headings], *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if not rows:
        click.echo("(none)")


def fail(sentence: str, code: int = EXIT_FAILED) -> NoReturn:
    """End the command with a sentence on standard error."""
    click.echo(f"lumbung: {sentence}", err=True)
    raise SystemExit(code)
