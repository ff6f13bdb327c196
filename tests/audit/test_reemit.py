"""What was lost on the way comes again from the outbox; what is known is ignored."""

import asyncio
from dataclasses import fields
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result

from deploy.cli import dead_letters, reemit
from deploy.local.stack import Stack
from shared.clock import utc_now
from tests.audit.test_dead_letters import OneDatabase
from tests.audit.world import World


@pytest.fixture
def orders_stack(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command sees the orders database of the test's own market."""
    known = {field.name: getattr(world.stack, field.name) for field in fields(Stack)}
    monkeypatch.setattr(dead_letters, "load_stack", lambda _: OneDatabase(**known, database=world.names["orders"]))


async def _reemit(*options: str, minutes: int = 60) -> Result:
    since = (utc_now() - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S+0000")
    return await asyncio.to_thread(CliRunner().invoke, reemit.reemit, ["orders", "--since", since, *options])


@pytest.mark.usefixtures("orders_stack")
async def test_lost_events_are_recorded_after_they_were_sent_again(world: World) -> None:
    await world.corrupt("catalog", "DELETE FROM inbox WHERE source = 'orders'")
    assert not (await world.audit()).is_clean

    done = await _reemit("--yes")
    await world.relay()

    assert done.exit_code == 0, done.output
    assert "lumbung.orders: 4 events" in done.output
    assert (await world.audit()).is_clean


@pytest.mark.usefixtures("orders_stack")
async def test_a_dry_run_moves_no_cursor(world: World) -> None:
    async with world.databases["orders"].reading() as conn:
        before = await conn.fetch("SELECT topic, last_id, version FROM outbox_cursor ORDER BY topic")

    done = await _reemit("--dry-run")

    assert done.exit_code == 0, done.output
    async with world.databases["orders"].reading() as conn:
        assert await conn.fetch("SELECT topic, last_id, version FROM outbox_cursor ORDER BY topic") == before


@pytest.mark.usefixtures("orders_stack")
async def test_holes_below_the_new_cursor_stay(world: World) -> None:
    async with world.databases["orders"].transaction() as conn:
        await conn.execute(
            "UPDATE outbox_cursor SET holes = ARRAY[-5, 2], hole_xids = ARRAY[7, 8] WHERE topic = 'lumbung.orders'"
        )

    assert (await _reemit("--yes")).exit_code == 0

    async with world.databases["orders"].reading() as conn:
        row = await conn.fetchrow("SELECT last_id, holes, hole_xids FROM outbox_cursor WHERE topic = 'lumbung.orders'")
    assert row is not None
    assert tuple(row) == (0, [-5], [7])


async def test_further_back_than_inboxes_remember_is_refused() -> None:
    done = await _reemit("--yes", minutes=61 * 24 * 60)

    assert done.exit_code == 2
    assert "Inboxes remember 60 days" in done.output
