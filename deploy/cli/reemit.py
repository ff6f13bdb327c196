"""The command `re-emit`: send events again that were sent before, from the outbox, which is the event log.

Groups that know them ignore them, those that lost one, or are new, handle it. The relay's cursor is moved back; the
relay notices by the cursor's version and goes on from there.
"""

from __future__ import annotations

from datetime import datetime

import click

from deploy.cli.dead_letters import PRESENT, on_stack, open_database, queries
from deploy.cli.output import emit_json, json_option
from deploy.local.stack import Stack
from shared.clock import utc_now
from shared.service import INBOX_DAYS
from shared.sql import Row


@click.command("re-emit")
@click.argument("service", type=click.Choice(PRESENT))
@click.option(
    "--since",
    required=True,
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]),
    metavar="TIME",
    help="With its offset from UTC: 2026-11-25T08:30+07:00.",
)
@click.option("--topic", help="Only this topic.")
@click.option("--dry-run", is_flag=True, help="Only say what would be sent again.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def reemit(service: str, since: datetime, topic: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Send what a service has published since a time once more.

    Every group that knows an event ignores it. Further back than inboxes remember this is only for groups that are
    empty, so it is refused.
    """
    if (utc_now() - since).days >= INBOX_DAYS:
        raise click.UsageError(f"Inboxes remember {INBOX_DAYS} days; what is older would be handled twice.")
    rows = on_stack(lambda stack: _ids(stack, service, since, topic))
    if as_json:
        emit_json([dict(row) for row in rows])
    for row in rows:
        click.echo(f"{row['topic']}: {row['events']} events from outbox id {row['first_id']} on", err=as_json)
    if not rows:
        click.echo("Nothing was sent since then.", err=as_json)
    if not rows or dry_run:
        return
    if not yes:
        click.confirm("Send them again?", abort=True, err=True)
    moved = on_stack(lambda stack: _move(stack, service, rows))
    click.echo(f"{moved} of {len(rows)} topics go on from there.", err=as_json)


async def _ids(stack: Stack, service: str, since: datetime, topic: str | None) -> list[Row]:
    async with open_database(stack, service) as database, database.reading() as conn:
        return await queries.outbox_ids_since.rows(conn, since=since, topic=topic)


async def _move(stack: Stack, service: str, rows: list[Row]) -> int:
    async with open_database(stack, service) as database, database.transaction() as conn:
        return sum(
            [await queries.move_cursor_back.run(conn, topic=row["topic"], first_id=row["first_id"]) for row in rows]
        )
