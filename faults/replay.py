"""Every event three times, and in another order between keys: the state must be the same, table by table.

Two spans of time are replayed: the demonstration's story (a cooperative, its meeting, savings, loans, a training, as
others hear of them) from an empty market, and what members and strangers then bought, from copies of all databases
made between the two. The events of a span are handled anew from the copies at its beginning: once in the order of the
outboxes, twice so (what differs between these two is drawn or timed, and no state), and once with each key's history
three times over, keys mixed by the seed, in batches of any size. Services that nobody spoke to over HTTP during the
second span must also have come to the very state that the running stack has.

A replay takes minutes, so each has a clock of its own that stands at the beginning of the span, a second later each
time: no deadline of the span is over, and what a handler took from the clock is seen to differ, and is no state.
"""

import asyncio
import hashlib
import json
import os
import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import asyncpg

from bench.online_marketplace.facts import queries as tables
from bench.stage import say
from deploy import registry
from deploy.local.stack import SERVICES
from faults.books import Outcome, close, look
from faults.catalogue import CLIENTS, Run, fault
from faults.copies import Copies
from faults.ground import Ground, queries
from faults.market import Market
from faults.story import live_on, play_story, stock_up
from shared import dead_letters
from shared.contracts.base import Delivery
from shared.db import Database
from shared.handlers import Handlers
from shared.testing.delivery import KERNEL_TABLES
from shared.worker import Runner

TIMES = 3
BATCH_MAX = 200
RETRY_ROUNDS = 50
LEFT_OUT = 0.1
ONLY_HEARD = ("catalog", "cooperatives", "financing", "programmes")  # the second span speaks to identity and orders
HEARS_THE_STORY = (
    "identity",
    "cooperatives",
    "financing",
    "programmes",
    "storefront",
)  # makes sense of it from nothing
# Given to what arrives in the order of arrival: between keys there is no order that they could keep to.
BY_ARRIVAL = {
    ("lender_log", "position"),
    ("ledger_entries", "account_version"),
    ("ledger_entries", "balance_after_minor"),
    # What is shown of a figure grows by blocks of enough units: who is in which block is a matter of arrival.
    ("shown", "value"),
    ("shown", "blocks"),
    ("shown", "units_least"),
    ("contributions", "pending"),
}
# How far webhooks have come: their own loop writes it, no handler.
NOT_BY_EVENTS = {"subscriptions"}
State = dict[str, list[dict[str, Any]]]


@fault(
    "events-thrice-and-shuffled",
    "Every event delivered three times and shuffled across keys leads every service to the same state.",
)
async def events_thrice_and_shuffled(run: Run) -> Outcome:
    """Replay what the story and then a load have said, each from copies of all databases made before it."""
    outcome = run.outcome(
        "events-thrice-and-shuffled", f"all events of the story and of a load {TIMES} times, keys mixed"
    )
    first, second = (Copies(run.ground, prefix=f"faults_{name}") for name in ("first", "second"))
    await _keep(run.ground, first)
    world = await play_story(run.ground)
    await stock_up(run.ground, world)
    await look(run.ground, outcome, run.auditing)
    await _keep(run.ground, second)
    market = Market(run.ground, run.seed + 7, CLIENTS)
    await asyncio.gather(market.run(run.orders), live_on(run.ground, world))
    await close(run.ground, outcome, market.tally)
    await run.ground.stop_services()
    copies = Copies(run.ground)
    for span, before, after in (("the story", first, second), ("the load", second, None)):
        events = await _events(run.ground, before, after)
        outcome.notes.append(f"{span}: {len(events)} events")
        for service in SERVICES:
            groups = registry.handler_groups(service)
            if groups and (after is None or service in HEARS_THE_STORY):
                await _compare(run, outcome, copies, before, service, groups, events, is_live=after is None)
        if after is None:
            await _control(run, outcome, copies, before, events)
    for each in (copies, first, second):
        await each.drop()
    await run.ground.command("up")
    return outcome


async def _keep(ground: Ground, copies: Copies) -> None:
    """Copy all databases as they are now; the services stand still for it."""
    await ground.stop_services()
    await copies.make(*SERVICES)
    await ground.command("up")


async def _compare(
    run: Run,
    outcome: Outcome,
    copies: Copies,
    before: Copies,
    service: str,
    groups: list[Handlers],
    events: list[Delivery],
    *,
    is_live: bool,
) -> None:
    rng = run.rng(service)
    orders = (events, events, thrice_and_shuffled(events, rng))
    states = await _replays(run.ground, copies, before, service, groups, orders, rng)
    volatile = drawn(states[0], states[1]) | BY_ARRIVAL
    one, other = (fingerprint(state, volatile) for state in (states[0], states[2]))
    outcome.runs += 1
    rows = sum(len(rows) for rows in states[0].values())
    odd = sorted(f"{table}.{column}" for table, column in volatile - BY_ARRIVAL if not column.endswith(("_at", "_id")))
    if odd:
        outcome.notes.append(f"{service}: differs between two equal replays, so not compared: {', '.join(odd)}")
    say(f"    {service}: {rows} rows, {one} once, {other} thrice and shuffled")
    outcome.faults += [f"{service}: {difference}" for difference in differences(states[0], states[2], volatile)]
    if is_live and service in ONLY_HEARD:
        live = await state_of(run.ground.stack.superuser_dsn(service))
        volatile = volatile | drawn_in(live, states[0])
        here, there = ({t: rows for t, rows in s.items() if t not in NOT_BY_EVENTS} for s in (states[0], live))
        outcome.faults += [f"{service} as it ran: {d}" for d in differences(here, there, volatile)]


async def _replays(
    ground: Ground,
    copies: Copies,
    before: Copies,
    service: str,
    groups: list[Handlers],
    orders: Sequence[list[Delivery]],
    rng: random.Random,
) -> list[State]:
    """The state that each of these orders of events leads to, from a fresh copy, with a clock a second later each."""
    states = []
    for number, events in enumerate(orders):
        await copies.make(service, of=before.pattern)
        with _clock(service, orders[0][0].occurred_at + timedelta(seconds=number)):
            states.append(await _handled(ground, copies, service, groups, events, rng))
    return states


async def _control(run: Run, outcome: Outcome, copies: Copies, before: Copies, events: list[Delivery]) -> None:
    """With some events left out the states must be seen to differ, else this test could not fail.

    That the inbox is taken away is no such control: we tried, and each handler was found to do nothing twice by itself.
    """
    rng = run.rng("control")
    groups = registry.handler_groups("catalog")
    orders = (events, events, [event for event in events if rng.random() > LEFT_OUT])
    states = await _replays(run.ground, copies, before, "catalog", groups, orders, rng)
    differing = [text.split(" ", 1)[0] for text in differences(states[0], states[2], drawn(states[0], states[1]))]
    outcome.notes.append(f"with {LEFT_OUT:.0%} of the events left out catalog differs in {', '.join(differing)}")
    if "stock" not in differing:
        outcome.faults.append("lost events were not seen: this test cannot fail")


async def _events(ground: Ground, before: Copies, after: Copies | None) -> list[Delivery]:
    """What all services have said since some copies were made, until others were (or until now), oldest first."""
    found = []
    for service in SERVICES:
        known = await _ends(ground, before, service)
        until = await _ends(ground, after, service) if after is not None else {}
        rows = await ground.look(service, "outbox_after", topics=list(known), last_ids=list(known.values()))
        found += [
            (row["occurred_at"], row["id"], _delivery(service, row))
            for row in rows
            if row["id"] <= until.get(row["topic"], row["id"])
        ]
    return [delivery for _, _, delivery in sorted(found, key=lambda one: one[:2])]


async def _ends(ground: Ground, copies: Copies, service: str) -> dict[str, int]:
    """The last outbox id of each topic in a copy."""
    conn: Any = await asyncpg.connect(ground.stack.superuser_dsn(copies.name(service)))
    try:
        return {row["topic"]: row["last_id"] for row in await queries.outbox_ends.rows(conn)}
    finally:
        await conn.close()


def _delivery(service: str, row: Any) -> Delivery:
    return Delivery(
        event_id=row["event_id"],
        source=service,
        type=row["type"],
        occurred_at=row["occurred_at"],
        ordering_key=row["ordering_key"],
        traceparent=None,
        topic=row["topic"],
        partition=0,
        offset=row["id"],
        record_key=row["record_key"],
        data=row["data"].encode(),
    )


def thrice_and_shuffled(events: list[Delivery], rng: random.Random) -> list[Delivery]:
    """Each key's history three times over; between keys any order, drawn from the seed."""
    queues: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for event in sorted(events, key=lambda one: one.offset):
        queues[event.topic, event.record_key].append(event)
    turns = [key for key, queue in queues.items() for _ in range(TIMES * len(queue))]
    rng.shuffle(turns)
    left = {key: iter(queue * TIMES) for key, queue in queues.items()}
    return [next(left[key]) for key in turns]


@contextmanager
def _clock(service: str, moment: datetime) -> Iterator[None]:
    """All of a service's modules read this moment from their clock."""
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith(f"services.{service}.") and hasattr(module, "utc_now"):
                stack.enter_context(patch.object(module, "utc_now", lambda: moment))
        yield


async def _handled(
    ground: Ground, copies: Copies, service: str, groups: list[Handlers], events: list[Delivery], rng: random.Random
) -> State:
    """The state of a copy once it has handled these events, and what was to be tried later, too."""
    settings = registry.settings_of(service)
    with patch.dict(os.environ, ground.environment_of(service)):
        values = None if settings is None else settings()
    dsn = ground.stack.dsn(service).rsplit("/", 1)[0] + f"/{copies.name(service)}"
    db = await Database.connect(dsn, source=service, size=3, settings=values)
    try:
        for handlers in groups:
            mine = [event for event in events if event.topic in handlers.topics]
            runner = Runner(db, handlers)
            at = 0
            while at < len(mine):
                size = rng.randrange(1, BATCH_MAX)
                await runner.process([event for event in mine[at : at + size] if event.type in handlers.by_type])
                at += size
        for _round in range(RETRY_ROUNDS):
            await copies.corrupt(service, "UPDATE dead_letters SET due_at = now() WHERE state = 'retry'")
            if not any([await dead_letters.retry_due(db, handlers) for handlers in groups]):
                break
    finally:
        await db.close()
    return await state_of(ground.stack.superuser_dsn(copies.name(service)))


async def state_of(dsn: str) -> State:
    """Every row of every table of the service's own, and what it said, by type and key."""
    conn: Any = await asyncpg.connect(dsn)
    try:
        state: State = {}
        for (table,) in await tables.own_tables.rows(conn, not_state=list(KERNEL_TABLES)):
            rows = await conn.fetch(f'SELECT to_jsonb(t)::text FROM "{table}" AS t')  # noqa: S608  a name from the catalogue
            state[table] = [json.loads(row[0]) for row in rows]
        for name in ("said", "set_aside"):
            state[f"({name})"] = [json.loads(row[0]) for row in await getattr(queries, name).rows(conn)]
        return state
    finally:
        await conn.close()


def drawn(one: State, other: State) -> set[tuple[str, str]]:
    """The columns whose values differ between two runs of the same: ids that were drawn, moments."""
    found = set()
    for table, rows in one.items():
        for column in {name for row in rows for name in row}:
            if _values(rows, column) != _values(other.get(table, []), column):
                found.add((table, column))
    return found


def drawn_in(live: State, replayed: State) -> set[tuple[str, str]]:
    """Columns of moments and traces: the live run had its own clock, and was followed."""
    return {
        (table, column)
        for table, rows in live.items()
        for column in {name for row in rows for name in row}
        if (column.endswith("_at") or column == "traceparent")
        and _values(rows, column) != _values(replayed.get(table, []), column)
    }


def _values(rows: list[dict[str, Any]], column: str) -> list[str]:
    return sorted(json.dumps(row.get(column), sort_keys=True) for row in rows)


def _plain(rows: list[dict[str, Any]], table: str, volatile: set[tuple[str, str]]) -> list[str]:
    kept = [{name: value for name, value in row.items() if (table, name) not in volatile} for row in rows]
    return sorted(json.dumps(row, sort_keys=True) for row in kept)


def fingerprint(state: Mapping[str, list[dict[str, Any]]], volatile: set[tuple[str, str]]) -> str:
    """A short hash of a state without what is drawn."""
    text = json.dumps({table: _plain(rows, table, volatile) for table, rows in sorted(state.items())})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differences(one: State, other: State, volatile: set[tuple[str, str]]) -> list[str]:
    """Table by table, what differs: counts, and of each side the first row that the other has not, from near where."""
    found = []
    for table in sorted(set(one) | set(other)):
        here, there = (_plain(state.get(table, []), table, volatile) for state in (one, other))
        if here != there:
            mine, theirs = sorted(set(here) - set(there)), sorted(set(there) - set(here))
            one_row, other_row = (mine or ["-"])[0], (theirs or ["-"])[0]
            apart = next((at for at, (a, b) in enumerate(zip(one_row, other_row, strict=False)) if a != b), 0)
            near = max(0, apart - 60)
            first = f"{one_row[near : near + 300]} against {other_row[near : near + 300]}"
            found.append(f"{table} differs ({len(here)} rows against {len(there)}): {first}")
    return found
