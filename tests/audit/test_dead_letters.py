"""The commands for what was set aside: list, show, redrive, discard; each with its record, dry runs without effect."""

import asyncio
import json
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID, uuid4

import click
import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from deploy.cli import dead_letters
from deploy.local.stack import Stack
from services.catalog.handlers import handlers
from shared.clock import utc_now
from shared.contracts.orders import OrderCancelled, OrderConfirmed
from shared.db import Database
from shared.testing import deliver
from tests.conftest import MakeDatabase


@dataclass(frozen=True)
class OneDatabase(Stack):
    """The test stack with a throw-away database in the place of every service's own."""

    database: str = ""

    def dsn(self, service: str) -> str:
        """The throw-away one, with the service's role."""
        return super().dsn(service).rsplit("/", 1)[0] + f"/{self.database}"


@dataclass
class Poisoned:
    """A catalog with a confirmation that it cannot handle, and a cancellation behind it."""

    db: Database
    order_id: UUID

    async def call(self, command: click.Command, *arguments: str) -> Result:
        """Run a command, in a thread because it brings its own event loop."""
        return await asyncio.to_thread(CliRunner().invoke, command, list(arguments))

    async def waiting(self) -> list[dict[str, Any]]:
        """What the command lists."""
        listed = await self.call(
            dead_letters.dead_letters_group, "list", "--service", "catalog", "--key", str(self.order_id), "--json"
        )
        assert listed.exit_code == 0, listed.output
        found: list[dict[str, Any]] = json.loads(listed.output)
        return found

    async def redrive(self, *options: str) -> Result:
        """Handle again."""
        return await self.call(
            dead_letters.redrive, "--service", "catalog", "--key", str(self.order_id), "--actor", "tester", *options
        )


@pytest_asyncio.fixture
async def poisoned(stack: Stack, make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch) -> Poisoned:
    """Two events wait."""
    db = await make_database("catalog", size=2)
    async with db.reading() as conn:
        name = await conn.fetchval("SELECT current_database()")
    known = {field.name: getattr(stack, field.name) for field in fields(Stack)}
    monkeypatch.setattr(dead_letters, "load_stack", lambda _: OneDatabase(**known, database=name))
    order_id, buyer_id, now = uuid4(), uuid4(), utc_now()
    await deliver(db, handlers, OrderConfirmed(order_id=order_id, buyer_id=buyer_id, confirmed_at=now))
    await deliver(
        db, handlers, OrderCancelled(order_id=order_id, buyer_id=buyer_id, reason="operator", cancelled_at=now)
    )
    return Poisoned(db, order_id)


async def test_what_waits_is_listed_in_its_order(poisoned: Poisoned) -> None:
    rows = await poisoned.waiting()

    assert [(row["type"], row["state"]) for row in rows] == [
        ("orders.order_confirmed.v1", "dead"),
        ("orders.order_cancelled.v1", "behind"),
    ]
    assert "no stock set aside" in rows[0]["reason"]


async def test_an_event_is_shown_as_it_came(poisoned: Poisoned) -> None:
    position = (await poisoned.waiting())[0]["position"]

    shown = await poisoned.call(dead_letters.dead_letters_group, "show", "catalog", str(position))

    document = json.loads(shown.output)
    assert json.loads(document["data"])["order_id"] == str(poisoned.order_id)
    assert document["actions"] == []


async def test_a_dry_run_of_redrive_changes_nothing(poisoned: Poisoned) -> None:
    before = await poisoned.waiting()

    tried = await poisoned.redrive("--dry-run")

    assert tried.exit_code == 0
    assert "2 waiting, first orders.order_confirmed.v1" in tried.output
    assert await poisoned.waiting() == before


async def test_redrive_asks_first(poisoned: Poisoned) -> None:
    tried = await poisoned.redrive()

    assert tried.exit_code == 1
    assert "again?" in tried.output
    assert [row["attempts"] for row in await poisoned.waiting()] == [1, 1]


async def test_an_event_that_fails_again_keeps_waiting_and_says_why(poisoned: Poisoned) -> None:
    tried = await poisoned.redrive("--yes", "--json")

    assert tried.exit_code == 1
    outcome = json.loads(tried.stdout)[0]
    assert (outcome["done"], outcome["left"]) == (0, 2)
    assert "no stock set aside" in outcome["failure"]
    async with poisoned.db.reading() as conn:
        assert await conn.fetchval("SELECT actor FROM dead_letter_actions WHERE action = 'redrive'") == "tester"


async def test_after_a_discard_what_waited_behind_is_handled(poisoned: Poisoned) -> None:
    position = str((await poisoned.waiting())[0]["position"])
    arguments = ("catalog", position, "--note", "the order was a test", "--actor", "tester")
    assert (await poisoned.call(dead_letters.discard, *arguments, "--dry-run")).exit_code == 0
    assert len(await poisoned.waiting()) == 2

    discarded = await poisoned.call(dead_letters.discard, *arguments, "--yes")
    redriven = await poisoned.redrive("--yes")

    assert (discarded.exit_code, redriven.exit_code) == (0, 0), discarded.output + redriven.output
    assert await poisoned.waiting() == []
    async with poisoned.db.reading() as conn:
        actions = await conn.fetch("SELECT action, outcome, actor, note FROM dead_letter_actions ORDER BY id")
        state = await conn.fetchval("SELECT state FROM reservation_orders WHERE order_id = $1", poisoned.order_id)
        assert await conn.fetchval("SELECT count(*) FROM parked_keys") == 0
    assert [tuple(action) for action in actions] == [
        ("discard", "discarded", "tester", "the order was a test"),
        ("redrive", "done", "tester", ""),
    ]
    assert state == "released"


async def test_only_keys_that_begin_with_the_type_are_redriven(poisoned: Poisoned) -> None:
    tried = await poisoned.redrive("--yes", "--type", "orders.order_cancelled.v1")

    assert (tried.exit_code, tried.output) == (0, "Nothing waits.\n")


async def test_nothing_to_discard_is_refused(poisoned: Poisoned) -> None:
    tried = await poisoned.call(dead_letters.discard, "catalog", "999999999", "--note", "x", "--yes")

    assert tried.exit_code == 1
    assert "has no waiting event" in tried.output


async def test_a_call_that_hangs_is_listed(poisoned: Poisoned) -> None:
    async with poisoned.db.transaction() as conn:
        await conn.execute(
            "INSERT INTO calls_out (id, purpose, subject, request, attempts, last_error, give_up_at)"
            " VALUES ($1, 'charge', 'order-1', '{}', 3, 'unreachable', now())",
            uuid4(),
        )

    listed = await poisoned.call(dead_letters.calls, "--service", "catalog")

    assert "charge" in listed.output
    assert "unreachable" in listed.output
