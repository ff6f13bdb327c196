"""Commands for the databases: migrate, psql."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable

import click

from deploy.cli.output import EXIT_NOT_RUNNING, emit_json, fail, json_option
from deploy.local import control
from deploy.local.layout import current_layout
from deploy.local.migrations import migrate_services
from deploy.local.stack import SERVICES, load_stack

SERVICE = click.Choice(SERVICES)


@click.command()
@click.argument("services", nargs=-1, type=SERVICE)
@json_option
def migrate(services: tuple[str, ...], as_json: bool) -> None:
    """Apply the migrations that the databases have not seen yet.

    `up` does this by itself; use it after writing a migration while the stack runs.
    """
    layout = current_layout()
    if control.supervisor_pid(layout) is None:
        fail("The stack does not run; start it with './lumbung up'.", EXIT_NOT_RUNNING)
    applied = asyncio.run(migrate_services(load_stack(layout.home), list(services) or None))
    if as_json:
        emit_json(applied)
        return
    for service, names in applied.items():
        click.echo(f"{service}: {', '.join(names) or 'up to date'}")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("service", type=SERVICE)
@click.option(
    "--role",
    type=click.Choice(["service", "owner", "audit", "superuser"]),
    default="audit",
    show_default=True,
    help="Whose rights to use; the default may only read.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(service: str, role: str, arguments: tuple[str, ...]) -> None:
    """Open psql in the database of a service; further arguments go to psql.

    \b
    For example:
      ./lumbung psql orders -c 'select count(*) from orders'
      ./lumbung psql catalog --role owner
    """
    stack = load_stack(current_layout().home)
    stack.pid_of("postgres")  # says so when it does not run
    addresses: dict[str, Callable[[str], str]] = {
        "service": stack.dsn,
        "owner": stack.owner_dsn,
        "audit": stack.audit_dsn,
        "superuser": stack.superuser_dsn,
    }
    program = stack.postgres_programs / "psql"
    chosen = str(program) if program.exists() else shutil.which("psql")
    if chosen is None:
        fail("psql is missing; run 'make venv'.")
    # The address goes by environment, because it holds a password and command lines can be read by everybody.
    user, _, rest = addresses[role](service).removeprefix("postgresql://").partition(":")
    password, _, place = rest.partition("@")
    host, _, port_and_database = place.partition(":")
    port, _, database = port_and_database.partition("/")
    variables = {"PGUSER": user, "PGPASSWORD": password, "PGHOST": host, "PGPORT": port, "PGDATABASE": database}
    os.execve(chosen, [chosen, *arguments], os.environ | variables)  # noqa: S606 - psql takes over the terminal
