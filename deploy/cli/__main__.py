"""The `lumbung` command: one line here registers a command, its code stays in its own file and is loaded only
when called.

A line is `"name": "module:function"`. The section is the heading under which `lumbung --help` lists it.
"""

from __future__ import annotations

import importlib
import sys

import click

from deploy.cli.output import EXIT_FAILED
from deploy.local.layout import LocalStackError

SECTIONS: dict[str, dict[str, str]] = {
    "The stack on this machine": {
        "up": "deploy.cli.stack:up",
        "down": "deploy.cli.stack:down",
        "status": "deploy.cli.stack:status",
        "logs": "deploy.cli.stack:logs",
        "restart": "deploy.cli.stack:restart",
        "stop": "deploy.cli.stack:stop",
        "kill": "deploy.cli.stack:kill",
        "env": "deploy.cli.stack:env",
    },
    "Databases and topics": {
        "migrate": "deploy.cli.database:migrate",
        "psql": "deploy.cli.database:psql",
        "topics": "deploy.cli.topics:topics",
    },
    "People": {
        "user": "deploy.cli.users:user",
        "lender": "deploy.cli.lenders:lender",
    },
    "Money": {
        "payouts": "deploy.cli.payouts:payouts",
    },
    "Events": {
        "contracts": "deploy.cli.contracts:contracts",
        "audit": "deploy.cli.audit:audit",
        "dead-letters": "deploy.cli.dead_letters:dead_letters_group",
        "redrive": "deploy.cli.dead_letters:redrive",
        "discard": "deploy.cli.dead_letters:discard",
        "calls": "deploy.cli.dead_letters:calls",
        "re-emit": "deploy.cli.reemit:reemit",
    },
}

HELP = """Run, look at and repair Lumbung.

\b
Exit codes, the same for every command:
  0  it is done (or there was nothing to do)
  1  it could not be done; the reason is on standard error
  2  the command line is wrong
  3  the stack, or the process asked for, does not run

\b
LUMBUNG_HOME       data folder of the stack (default .local/stack)
LUMBUNG_PORT_BASE  first of its ports (default 8000)
"""


class Lumbung(click.Group):
    """Loads a command when it is asked for, so that `lumbung status` does not import the whole product."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for commands in SECTIONS.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for commands in SECTIONS.values():
            if cmd_name in commands:
                module, _, attribute = commands[cmd_name].partition(":")
                command = getattr(importlib.import_module(module), attribute)
                assert isinstance(command, click.Command)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section, commands in SECTIONS.items():
            rows = []
            for name in commands:
                command = self.get_command(ctx, name)
                assert command is not None
                rows.append((name, command.get_short_help_str(limit=80)))
            with formatter.section(section):
                formatter.write_dl(rows)


@click.command(cls=Lumbung, help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
def lumbung() -> None:
    """The group itself does nothing."""


def main() -> None:
    try:
        lumbung.main(prog_name="lumbung")
    except LocalStackError as error:
        click.echo(f"lumbung: {error}", err=True)
        sys.exit(getattr(error, "exit_code", EXIT_FAILED))


if __name__ == "__main__":
    main()
