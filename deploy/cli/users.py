"""Commands for people: the first operator is made here, because only an operator can do what operators do."""

from __future__ import annotations

import asyncio
import sys

import asyncpg
import click

from deploy.cli.output import emit_json, fail, json_option
from deploy.local.layout import current_layout
from deploy.local.stack import load_stack
from services.identity.domain import contacts, passwords
from services.identity.domain.contacts import Contact
from services.identity.use_cases.grant_role import add_operator
from shared.clock import utc_now
from shared.db import Database


@click.group()
def user() -> None:
    """People who run Lumbung: add."""


@user.command()
@click.option("--phone", help="0812..., 62812... or +62812...")
@click.option("--email", help="An e-mail address.")
@click.option("--name", default="Operator", show_default=True, help="For an account that is made.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking for it.")
@click.option("--no-password", is_flag=True, help="They sign in with one-time codes.")
@json_option
def add(
    phone: str | None,
    email: str | None,
    name: str,
    password_stdin: bool,
    no_password: bool,
    as_json: bool,
) -> None:
    """Make somebody an operator, registering them first if need be. Doing it again changes the password only.

    \b
    For example:
      ./lumbung user add --email siti@contoh.id
      ./lumbung user add --phone 081234567890 --no-password
    """
    if (phone is None) == (email is None):
        raise click.UsageError("give --phone or --email, and not both")
    try:
        contact = contacts.phone(phone) if phone is not None else contacts.email(str(email))
    except contacts.NotAContact as error:
        raise click.UsageError(str(error)) from error
    password = None if no_password else _password(from_stdin=password_stdin)
    password_hash = None if password is None else passwords.Hasher().hash(password)
    try:
        account_id = asyncio.run(_add(contact, name, password_hash))
    except (OSError, asyncpg.PostgresError) as error:
        fail(f"The database of identity cannot be asked: {error}")
    if as_json:
        emit_json({"account_id": account_id, "roles": ["operator"]})
    else:
        click.echo(f"{account_id} is an operator.")


def _password(*, from_stdin: bool) -> str:
    given: str = sys.stdin.readline().rstrip("\r\n") if from_stdin else click.prompt(
        "Password", hide_input=True, confirmation_prompt=True
    )  # fmt: skip
    if not passwords.LENGTH_MIN <= len(given) <= passwords.LENGTH_MAX:
        fail(f"A password has {passwords.LENGTH_MIN} to {passwords.LENGTH_MAX} characters.")
    return given


async def _add(contact: Contact, name: str, password_hash: str | None) -> str:
    """In identity's own database, with its own role; its relay publishes the fact."""
    database = await Database.connect(load_stack(current_layout().home).dsn("identity"), source="identity", size=2)
    try:
        async with database.transaction() as conn:
            return str(await add_operator(conn, contact, name=name, password_hash=password_hash, now=utc_now()))
    finally:
        await database.close()
