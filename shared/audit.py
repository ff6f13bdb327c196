"""The audit of delivery: what each owner published against what each handler group recorded, and checks that are SQL.

Counts and fingerprints per event type and minute are compared up to a watermark; only where they differ are ids read
one by one. The watermark is what the relay has sent when the audit begins; the caller makes sure that every group has
passed it before `compare` reads the inboxes. Reads only.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from shared import ledger, sql
from shared.handlers import Handlers
from shared.sql import Query, Row

AuditConnection: TypeAlias = "asyncpg.Connection[Row]"
Figures: TypeAlias = dict[tuple[str, datetime], tuple[int, int]]  # (type, minute) -> count, fingerprint

queries = sql.load(__file__, "audit.sql")
kernel_checks = sql.load(__file__, "kernel_audit.sql")
ledger_checks = sql.load(ledger.__file__, "audit.sql")

IDS_SHOWN = 5


@dataclass(frozen=True)
class Watermark:
    """How far one topic has been sent."""

    topic: str
    last_id: int
    holes: frozenset[int]

    def is_below(self, id_: int) -> bool:
        """Whether the event at this outbox id was sent."""
        return id_ <= self.last_id and id_ not in self.holes


@dataclass(frozen=True)
class Owner:
    """A service that publishes."""

    name: str
    conn: AuditConnection
    watermarks: dict[str, Watermark]


@dataclass(frozen=True)
class Listener:
    """A handler group in the database where it records what it heard."""

    handlers: Handlers
    conn: AuditConnection


@dataclass(frozen=True)
class Difference:
    """Where one minute of one event type differs, with some of the ids."""

    minute: datetime
    missing: tuple[UUID, ...]
    extra: tuple[UUID, ...]


@dataclass
class Flow:
    """One event type on its way to one group. Clean when nothing is missing, nothing is extra."""

    type: str
    group: str
    published: int = 0
    recorded: int = 0
    missing: int = 0
    extra: int = 0
    dead: int = 0
    waiting: int = 0
    discarded: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.missing or self.extra or self.dead)


@dataclass(frozen=True)
class Violation:
    """Something that must never be; `key` stays the same when it is looked at again."""

    key: str
    what: str


@dataclass(frozen=True)
class Checked:
    """What a check of one place found."""

    name: str
    place: str
    why: str
    violations: tuple[Violation, ...]


async def owner(name: str, conn: AuditConnection) -> Owner:
    """A publishing service with its watermarks as they are now."""
    rows = await queries.watermarks.rows(conn)
    marks = {row["topic"]: Watermark(row["topic"], row["last_id"], frozenset(row["holes"])) for row in rows}
    return Owner(name, conn, marks)


async def compare(owners: Sequence[Owner], listeners: Sequence[Listener], *, since: datetime) -> list[Flow]:
    """A flow for every event type that a group listens to, from the (whole) minute `since` on."""
    published = {one.name: await _published(one, since) for one in owners}
    by_name = {one.name: one for one in owners}
    flows = []
    for listener in listeners:
        recorded = await _recorded(listener, since)
        aside = await queries.set_aside_by_type.rows(listener.conn, handler_group=listener.handlers.group, since=since)
        for type_, handler in sorted(listener.handlers.by_type.items()):
            source = by_name.get(handler.event.declaration.owner)
            if source is None:
                continue
            flow = Flow(type_, listener.handlers.group)
            await _fill(flow, source, listener, published[source.name], recorded[source.name])
            for row in aside:
                if row["type"] == type_:
                    state = row["state"] if row["state"] in ("dead", "discarded") else "waiting"
                    setattr(flow, state, getattr(flow, state) + row["events"])
            flows.append(flow)
    return flows


async def _published(one: Owner, since: datetime) -> Figures:
    holes = [(mark.topic, hole) for mark in one.watermarks.values() for hole in mark.holes]
    rows = await queries.published_by_minute.rows(
        one.conn,
        topics=list(one.watermarks),
        last_ids=[mark.last_id for mark in one.watermarks.values()],
        hole_topics=[topic for topic, _ in holes],
        hole_ids=[hole for _, hole in holes],
        since=since,
    )
    return {(row["type"], row["minute"]): (row["events"], row["fingerprint"]) for row in rows}


async def _recorded(listener: Listener, since: datetime) -> dict[str, Figures]:
    rows = await queries.recorded_by_minute.rows(listener.conn, handler_group=listener.handlers.group, since=since)
    by_source: dict[str, Figures] = defaultdict(dict)
    for row in rows:
        by_source[row["source"]][row["type"], row["minute"]] = (row["events"], row["fingerprint"])
    return by_source


async def _fill(flow: Flow, source: Owner, listener: Listener, published: Figures, recorded: Figures) -> None:
    minutes = {minute for type_, minute in published.keys() | recorded.keys() if type_ == flow.type}
    for minute in sorted(minutes):
        said = published.get((flow.type, minute), (0, 0))
        heard = recorded.get((flow.type, minute), (0, 0))
        flow.published += said[0]
        flow.recorded += heard[0]
        if said != heard:
            await _explain(flow, source, listener, minute)


async def _explain(flow: Flow, source: Owner, listener: Listener, minute: datetime) -> None:
    """Look at the events of a minute one by one. What was recorded beyond the watermark is no difference."""
    heard = {
        row["event_id"]
        for row in await queries.recorded_ids.rows(
            listener.conn, handler_group=flow.group, source=source.name, type=flow.type, minute=minute
        )
    }
    # Read after the inbox: what is recorded was published before, so it is among these.
    rows = await queries.published_ids.rows(source.conn, type=flow.type, minute=minute)
    sent = {row["event_id"] for row in rows if source.watermarks[row["topic"]].is_below(row["id"])}
    missing = sorted(sent - heard)
    extra = sorted(heard - {row["event_id"] for row in rows})
    if missing or extra:
        flow.missing += len(missing)
        flow.extra += len(extra)
        flow.differences.append(Difference(minute, tuple(missing[:IDS_SHOWN]), tuple(extra[:IDS_SHOWN])))


async def check_order(
    owners: Sequence[Owner], listeners: Sequence[Listener], *, since: datetime, most: int
) -> list[Checked]:
    """Whether each group recorded the last `most` events of each topic in order, key by key."""
    found = []
    for listener in listeners:
        violations = []
        for one in owners:
            for topic in sorted(listener.handlers.topics & one.watermarks.keys()):
                violations += await _out_of_order(listener, one, topic, since, most)
        found.append(
            Checked(
                "events_in_order_per_key",
                listener.handlers.group,
                "Events of one ordering key are recorded in the order in which they were published (I7).",
                tuple(violations[:100]),
            )
        )
    return found


async def _out_of_order(listener: Listener, one: Owner, topic: str, since: datetime, most: int) -> list[Violation]:
    mark = one.watermarks[topic]
    rows = await queries.latest_published.rows(one.conn, topic=topic, last_id=mark.last_id, since=since, most=most)
    heard_rows = await queries.recorded_at.rows(
        listener.conn, handler_group=listener.handlers.group, event_ids=[row["event_id"] for row in rows]
    )
    heard = {row["event_id"]: row["recorded_at"] for row in heard_rows}
    latest: dict[str, tuple[datetime, UUID]] = {}
    violations = []
    for row in reversed(rows):
        at = heard.get(row["event_id"])
        if at is None or row["type"] not in listener.handlers.by_type:
            continue
        before = latest.get(row["ordering_key"])
        if before is not None and at < before[0]:
            what = f"{row['type']} {row['event_id']} was recorded before {before[1]}, which came first"
            violations.append(Violation(str(row["event_id"]), what))
        latest[row["ordering_key"]] = (at, row["event_id"]) if before is None else max(before, (at, row["event_id"]))
    return violations


async def keeps_a_ledger(conn: AuditConnection) -> bool:
    """Whether the database has the tables of a ledger."""
    return bool(await queries.has_ledger.value(conn))


async def run_check(place: str, conn: AuditConnection, query: Query, parameters: Mapping[str, Any]) -> Checked:
    """Run a check that is one query: a row (key, what) per violation."""
    rows = await query.rows(conn, **{name: parameters[name] for name in query.names})
    return Checked(query.name, place, query.why, tuple(Violation(row["key"], row["what"]) for row in rows))


def still_there(first: Checked, second: Checked) -> Checked:
    """What both looks have found: what was only on its way is not a violation."""
    keys = {violation.key for violation in first.violations}
    left = tuple(violation for violation in second.violations if violation.key in keys)
    return Checked(second.name, second.place, second.why, left)
