"""Calls to other organisations: once per subject, again after a death with the same id, given up in time."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared import calls_out
from shared.calls_out import Answered, CallOut, CallsOut, Purpose, Refused, TryLater, hanging, one_by_one, request
from shared.db import Connection, Database
from shared.sql import Row
from shared.testing import eventually


class Provider:
    """The other side, and what the service writes down about its answers."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.name = f"test-{uuid4().hex[:8]}"
        self.asked: list[CallOut] = []
        self.errors: dict[str, Exception] = {}
        self.answers_after: asyncio.Event | None = None
        self.was_asked = asyncio.Event()

    def runner(self, **options: int) -> CallsOut:
        """Another process that makes the calls."""
        return CallsOut(self.db, {self.name: Purpose(self.make, one_by_one(self.record), self.give_up)}, **options)

    async def make(self, call: CallOut) -> str:
        self.asked.append(call)
        self.was_asked.set()
        if self.answers_after is not None:
            await self.answers_after.wait()
        if error := self.errors.get(call.subject):
            raise error
        return f"answer to {call.request['n']}"

    async def record(self, conn: Connection, call: CallOut, answer: Any) -> None:
        await self._write(conn, call, answer)

    async def give_up(self, conn: Connection, call: CallOut, why: str) -> None:
        await self._write(conn, call, f"gave up: {why}")

    async def _write(self, conn: Connection, call: CallOut, what: str) -> None:
        await conn.execute(
            "INSERT INTO effects (counter_id, kind, number, handler_group) VALUES ($1, $2, $3, $4)",
            *(call.id, what, call.request["n"], self.name),
        )

    async def wants(self, subject: str, n: int = 1, **options: float) -> None:
        async with self.db.transaction() as conn:
            await request(conn, self.name, subject, {"n": n}, **options)

    async def recorded(self) -> list[str]:
        async with self.db.reading() as conn:
            rows = await conn.fetch("SELECT kind FROM effects WHERE handler_group = $1 ORDER BY position", self.name)
        return [row["kind"] for row in rows]

    async def calls(self) -> list[Row]:
        async with self.db.reading() as conn:
            return await conn.fetch(
                "SELECT id, state::text AS state, attempts, last_error,"
                " extract(epoch FROM due_at - clock_timestamp())::float AS due_in_seconds"
                " FROM calls_out WHERE purpose = $1 ORDER BY created_at",
                self.name,
            )

    async def lease_runs_out(self) -> None:
        async with self.db.transaction() as conn:
            await conn.execute(
                "UPDATE calls_out SET due_at = clock_timestamp(), leased_until = clock_timestamp() WHERE purpose = $1",
                self.name,
            )


@pytest.fixture
def provider(kernel_db: Database) -> Provider:
    return Provider(kernel_db)


async def test_an_answer_is_recorded_with_its_effect(provider: Provider) -> None:
    await provider.wants("invoice 1")

    assert await provider.runner().step() == 1
    assert await provider.runner().step() == 0

    assert await provider.recorded() == ["answer to 1"]
    assert [call["state"] for call in await provider.calls()] == ["done"]


async def test_asking_twice_for_the_same_is_one_call(provider: Provider) -> None:
    await provider.wants("invoice 1", 1)
    await provider.wants("invoice 1", 2)

    await provider.runner().step()

    assert await provider.recorded() == ["answer to 1"]


async def test_what_is_rolled_back_is_not_called(provider: Provider) -> None:
    async def change_ones_mind() -> None:
        async with provider.db.transaction() as conn:
            await request(conn, provider.name, "invoice 1", {"n": 1})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_ones_mind()

    assert await provider.runner().step() == 0


async def test_after_a_death_between_call_and_record_it_is_called_again_with_the_same_id(provider: Provider) -> None:
    await provider.wants("invoice 1")
    provider.answers_after = asyncio.Event()
    dying = asyncio.create_task(provider.runner().step())
    await provider.was_asked.wait()
    dying.cancel()
    await asyncio.wait([dying])
    assert await provider.recorded() == []

    provider.answers_after = None
    assert await provider.runner().step() == 0, "nobody else calls while the lease lasts"
    await provider.lease_runs_out()
    assert await provider.runner().step() == 1

    assert len({call.id for call in provider.asked}) == 1
    assert [call.attempts for call in provider.asked] == [1, 2]
    assert await provider.recorded() == ["answer to 1"]


async def test_two_processes_do_not_make_the_same_call_within_a_lease(provider: Provider) -> None:
    for n in range(40):
        await provider.wants(f"invoice {n}", n)

    runners = [provider.runner(most=5) for _ in range(4)]
    while sum(await asyncio.gather(*(runner.step() for runner in runners))):
        pass

    assert len(provider.asked) == len({call.id for call in provider.asked}) == 40
    assert len(await provider.recorded()) == 40


async def test_an_answer_that_comes_after_anothers_is_not_recorded_again(provider: Provider) -> None:
    await provider.wants("invoice 1")
    provider.answers_after = asyncio.Event()
    slow = asyncio.create_task(provider.runner().step())
    await provider.was_asked.wait()
    await provider.lease_runs_out()
    quick = asyncio.create_task(provider.runner().step())

    async def is_asked_twice() -> bool:
        return len(provider.asked) == 2

    await eventually(is_asked_twice, every_seconds=0.01)
    provider.answers_after.set()
    await asyncio.gather(slow, quick)

    assert await provider.recorded() == ["answer to 1"]


async def test_a_refusal_is_given_up_with_its_effect(provider: Provider) -> None:
    provider.errors["invoice 1"] = Refused("no such account")
    await provider.wants("invoice 1")

    await provider.runner().step()
    await provider.lease_runs_out()

    assert await provider.runner().step() == 0
    assert await provider.recorded() == ["gave up: no such account"]
    assert [call["state"] for call in await provider.calls()] == ["failed"]


async def test_after_its_deadline_a_call_is_given_up_without_being_made(provider: Provider) -> None:
    await provider.wants("invoice 1", deadline_seconds=0)

    await provider.runner().step()

    assert provider.asked == []
    assert await provider.recorded() == ["gave up: its deadline has passed"]


async def test_later_pauses_grow(provider: Provider) -> None:
    provider.errors["invoice 1"] = TryLater("closed for lunch")
    await provider.wants("invoice 1")

    pauses = []
    for _ in range(5):
        await provider.runner().step()
        ((_, state, _, error, due_in_seconds),) = await provider.calls()
        assert (state, error) == ("waiting", "closed for lunch")
        pauses.append(due_in_seconds)
        await provider.lease_runs_out()

    assert pauses[0] < 2
    assert pauses[4] > 3 * pauses[0]


async def test_the_other_side_may_say_when(provider: Provider) -> None:
    provider.errors["invoice 1"] = TryLater("closed for lunch", seconds=120)
    await provider.wants("invoice 1")

    await provider.runner().step()

    assert 110 < (await provider.calls())[0]["due_in_seconds"] <= 120


async def test_a_fault_of_ours_stops_no_other_call_and_is_listed(provider: Provider) -> None:
    provider.errors["invoice 1"] = ZeroDivisionError("our mistake")
    await provider.wants("invoice 1", 1)
    await provider.wants("invoice 2", 2)

    assert await provider.runner().step() == 2

    assert await provider.recorded() == ["answer to 2"]
    async with provider.db.reading() as conn:
        listed = [call for call in await hanging(conn) if call["purpose"] == provider.name]
    assert [(call["subject"], call["last_error"]) for call in listed] == [
        ("invoice 1", "ZeroDivisionError: our mistake")
    ]


async def test_a_commit_wakes_the_runner_and_a_delay_does_not(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_out, "POLL_SECONDS", 3600.0)
    runner = provider.runner()
    provider.db.wakers["calls"].append(runner.wake)
    task = asyncio.create_task(runner.run_forever())

    await provider.wants("invoice 1", 1)
    await provider.wants("invoice 2", 2, delay_seconds=3600)

    async def is_recorded() -> bool:
        return await provider.recorded() == ["answer to 1"]

    await eventually(is_recorded)
    task.cancel()
    await asyncio.wait([task])
    provider.db.wakers["calls"].remove(runner.wake)
    assert all(isinstance(call.id, UUID) for call in provider.asked)


async def test_answers_that_come_together_share_a_transaction_and_a_bad_one_spoils_no_other(provider: Provider) -> None:
    for n in range(20):
        await provider.wants(f"invoice {n}", n)
    batches: list[list[str]] = []

    async def record(conn: Connection, answered: Sequence[Answered]) -> None:
        batches.append([one.call.subject for one in answered])
        for one in answered:
            if one.call.subject == "invoice 7":
                raise ZeroDivisionError
            await provider.record(conn, one.call, one.answer)

    await CallsOut(provider.db, {provider.name: Purpose(provider.make, record, provider.give_up)}).step()

    assert sorted(await provider.recorded()) == sorted(f"answer to {n}" for n in range(20) if n != 7)
    assert [call["state"] for call in await provider.calls()].count("done") == 19
    assert max(len(batch) for batch in batches) > 10, "they were to be recorded together"
    assert len([batch for batch in batches if "invoice 7" in batch]) <= 2, "a bad one spoils one batch only"


async def test_an_answer_recorded_by_another_process_is_not_recorded_again_with_its_batch(provider: Provider) -> None:
    for n in range(5):
        await provider.wants(f"invoice {n}", n)
    provider.answers_after = asyncio.Event()
    slow = asyncio.create_task(provider.runner().step())
    while len(provider.asked) < 5:
        await asyncio.sleep(0.01)
    await provider.lease_runs_out()
    async with provider.db.transaction() as conn:  # another process was asked for the first two, and is done
        for call in provider.asked[:2]:
            await provider.record(conn, call, "another's answer")
        await conn.execute("UPDATE calls_out SET state = 'done' WHERE id = ANY($1)", [c.id for c in provider.asked[:2]])
    provider.answers_after.set()
    await slow

    recorded = await provider.recorded()
    assert len(recorded) == 5 and recorded.count("another's answer") == 2


async def test_answers_of_a_purpose_that_is_recorded_alone_share_no_transaction(provider: Provider) -> None:
    for n in range(10):
        await provider.wants(f"invoice {n}", n)
    transactions: list[str] = []

    async def record(conn: Connection, call: CallOut, answer: Any) -> None:
        transactions.append(await conn.fetchval("SELECT pg_current_xact_id()::text"))
        await provider.record(conn, call, answer)

    await CallsOut(provider.db, {provider.name: Purpose.alone(provider.make, record, provider.give_up)}).step()

    assert len(set(transactions)) == len(transactions) == 10
    assert {call["state"] for call in await provider.calls()} == {"done"}
