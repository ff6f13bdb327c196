"""The outbox: with its transaction or not at all, in one statement, never changed afterwards."""

import json
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from deploy.local.stack import Stack
from shared import outbox
from shared.clock import utc_now
from shared.contracts.identity import AccountRegistered
from shared.db import Database
from shared.migrate import migrate
from shared.outbox import EventTooLarge
from shared.sql import Row
from shared.testing import published
from tests.kernel.conftest import ROLE, NewDsn, at
from tests.kernel.events import TOPIC, CounterNamed, CounterRaised


async def rows_of(db: Database, counter_id: UUID) -> list[Row]:
    async with db.reading() as conn:
        return await conn.fetch(
            "SELECT *, xid::text AS xid_text FROM outbox WHERE ordering_key = $1 ORDER BY id", str(counter_id)
        )


async def append_and_fail(db: Database, counter_id: UUID) -> None:
    async with db.transaction() as conn:
        outbox.append(conn, CounterRaised(counter_id=counter_id, number=1))
        raise ZeroDivisionError


async def test_what_is_committed_is_there_as_declared(kernel_db: Database) -> None:
    counter_id = uuid4()

    async with kernel_db.transaction() as conn:
        outbox.append(
            conn, CounterRaised(counter_id=counter_id, number=1), CounterNamed(counter_id=counter_id, number=2)
        )
        xid = await conn.fetchval("SELECT pg_current_xact_id()::text")

    first, second = await rows_of(kernel_db, counter_id)
    assert (first["type"], second["type"]) == ("kernel.counter_raised.v1", "kernel.counter_named.v1")
    assert second["id"] == first["id"] + 1
    assert first["topic"] == second["topic"] == TOPIC.name
    assert first["xid_text"] == second["xid_text"] == xid
    assert first["record_key"] == str(counter_id)
    assert json.loads(first["data"]) == {"counter_id": str(counter_id), "number": 1}


async def test_what_is_rolled_back_is_not_there(kernel_db: Database) -> None:
    counter_id = uuid4()

    with pytest.raises(ZeroDivisionError):
        await append_and_fail(kernel_db, counter_id)

    assert await rows_of(kernel_db, counter_id) == []


async def test_all_events_of_a_transaction_are_one_statement(kernel_db: Database, kernel_dsn: str) -> None:
    counter_id = uuid4()
    statements: list[str] = []

    async with kernel_db.transaction() as conn:
        raw = cast("Any", conn.raw)._con
        raw.add_query_logger(lambda record: statements.append(record.query))
        outbox.append(conn, *(CounterRaised(counter_id=counter_id, number=n) for n in range(100)))
        assert statements == [], "nothing is written before the end"
    raw._query_loggers.clear()

    assert sum("INSERT INTO outbox" in statement for statement in statements) == 1
    assert len(statements) == 2, "the events, and the commit"
    assert [json.loads(row["data"])["number"] for row in await rows_of(kernel_db, counter_id)] == [*range(100)]


@pytest.mark.parametrize("change", ["UPDATE outbox SET type = 'x'", "DELETE FROM outbox", "TRUNCATE outbox"])
async def test_the_log_is_append_only_even_for_its_owner(
    kernel_db: Database, superuser: "asyncpg.Connection[Row]", change: str
) -> None:
    counter_id = uuid4()
    async with kernel_db.transaction() as conn:
        outbox.append(conn, CounterRaised(counter_id=counter_id, number=1))
    before = await rows_of(kernel_db, counter_id)

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await superuser.execute(change)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with kernel_db.transaction() as conn:
            await conn.execute(change)

    assert await rows_of(kernel_db, counter_id) == before


async def test_the_trace_of_the_work_in_hand_is_kept(kernel_db: Database) -> None:
    counter_id, caused, told = uuid4(), uuid4(), uuid4()
    tracer = TracerProvider().get_tracer("test")

    with tracer.start_as_current_span("request") as span:
        async with kernel_db.transaction() as conn:
            conn.traceparents[str(caused)] = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
            outbox.append(conn, CounterRaised(counter_id=counter_id, number=1))
            outbox.append(conn, CounterRaised(counter_id=caused, number=1))
            outbox.append(
                conn, CounterRaised(counter_id=told, number=1), traceparent="00-" + "3" * 32 + "-" + "4" * 16 + "-00"
            )
    context = span.get_span_context()

    assert trace.format_trace_id(context.trace_id) in (await rows_of(kernel_db, counter_id))[0]["traceparent"]
    assert "1" * 32 in (await rows_of(kernel_db, caused))[0]["traceparent"]
    assert "3" * 32 in (await rows_of(kernel_db, told))[0]["traceparent"]


async def test_events_of_another_owner_are_refused(kernel_db: Database) -> None:
    with pytest.raises(AssertionError, match="kernel does not own"):
        async with kernel_db.transaction() as conn:
            outbox.append(conn, AccountRegistered(account_id=uuid4(), kind="person", registered_at=utc_now()))


async def test_events_need_a_transaction(kernel_db: Database) -> None:
    async with kernel_db.reading() as conn:
        with pytest.raises(AssertionError, match="inside a transaction"):
            outbox.append(conn, CounterRaised(counter_id=uuid4(), number=1))


async def test_an_event_that_kafka_would_refuse_fails_its_own_transaction(
    kernel_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.outbox.EVENT_BYTES_MAX", 50)
    counter_id = uuid4()

    with pytest.raises(EventTooLarge):
        async with kernel_db.transaction() as conn:
            outbox.append(conn, CounterRaised(counter_id=counter_id, number=1))

    assert await published(kernel_db, CounterRaised, counter_id=counter_id) == []


async def test_a_commit_wakes_the_relay_and_a_rollback_does_not(kernel_db: Database) -> None:
    woken: list[int] = []
    kernel_db.wakers["events"].append(wake := lambda: woken.append(1))

    async with kernel_db.transaction() as conn:
        outbox.append(conn, CounterRaised(counter_id=uuid4(), number=1))
        assert woken == []
    with pytest.raises(ZeroDivisionError):
        await append_and_fail(kernel_db, uuid4())
    async with kernel_db.transaction():
        pass

    kernel_db.wakers["events"].remove(wake)
    assert woken == [1]


async def test_partitions_that_are_made_late_take_over_the_rows_of_their_day(
    empty_database: NewDsn, stack: Stack
) -> None:
    owner_dsn = await empty_database()
    await migrate(owner_dsn, "kernel")
    owner = await asyncpg.connect(owner_dsn)
    await owner.execute("SELECT outbox_add_topic($1)", TOPIC.name)
    for table in ("outbox", "inbox"):  # as if the machine had slept for days
        for row in await owner.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::text::regclass", table
        ):
            if not row["name"].endswith("_default"):
                await owner.execute(f"DROP TABLE {row['name']}")
    db = await Database.connect(at(stack.dsn(ROLE), owner_dsn.rsplit("/", 1)[1]), source="kernel", size=1)
    async with db.transaction() as conn:
        outbox.append(conn, CounterRaised(counter_id=uuid4(), number=1))
        await conn.execute("INSERT INTO inbox VALUES ('g', 's', gen_random_uuid(), clock_timestamp(), 't')")

    async with owner.transaction():
        await owner.execute("LOCK TABLE outbox IN ACCESS SHARE MODE")  # as a backup does
        with pytest.raises(asyncpg.LockNotAvailableError):
            async with db.transaction() as conn:
                await outbox.queries.keep_partitions.value(conn, days_ahead=3, outbox_days=30, inbox_days=60)

    async with db.transaction() as conn:
        await outbox.queries.keep_partitions.value(conn, days_ahead=3, outbox_days=30, inbox_days=60)

    for table in ("outbox", "inbox"):
        rows = await owner.fetch(f"SELECT tableoid::regclass::text AS place FROM {table}")  # noqa: S608
        assert [row["place"] for row in rows] == [f"{table}_{utc_now():%Y%m%d}"]
    await db.close()
    await owner.close()
