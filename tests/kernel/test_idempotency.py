"""Idempotency-Key: replay, reuse, use at the same time, absence, scope."""

import asyncio
from uuid import UUID, uuid4

import pytest
from fastapi import Request, Response
from pydantic import BaseModel

from shared import idempotency
from shared.db import Database
from shared.idempotency import Claim, KeyInUse, KeyMissing, KeyReused, Replay, key_of
from shared.problems import NotFound


class Made(BaseModel):
    """What was made."""

    made_id: UUID


def request(path: str = "/things", *, key: str | None = None) -> Request:
    headers = [] if key is None else [(b"idempotency-key", key.encode("latin-1"))]
    return Request({"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers})


def claim_of(key: str, body: object = None, *, person: UUID | None = None, path: str = "/things") -> Claim:
    return Claim.of(person or UUID(int=1), request(path), key, body if body is not None else {"a": 1})


async def make(db: Database, claimed: Claim, *, pause: asyncio.Event | None = None) -> Response:
    """A command: writes an effect, answers with a new id."""

    async def work() -> Made:
        await conn.execute(
            "INSERT INTO effects (counter_id, kind, number) VALUES ($1, $2, 1)", UUID(int=0), claimed.key
        )
        if pause is not None:
            await pause.wait()
        return Made(made_id=uuid4())

    async with db.transaction() as conn:
        return await idempotency.once(conn, claimed, work)


async def effects(db: Database, key: str) -> int:
    async with db.reading() as conn:
        return int(await conn.fetchval("SELECT count(*) FROM effects WHERE kind = $1", key))


async def test_the_same_command_again_gets_the_same_answer_byte_for_byte(kernel_db: Database) -> None:
    key = uuid4().hex

    first = await make(kernel_db, claim_of(key, {"a": 1, "b": 2}))
    second = await make(kernel_db, claim_of(key, {"b": 2, "a": 1}))

    assert (second.status_code, second.body) == (first.status_code, first.body) == (201, first.body)
    assert await effects(kernel_db, key) == 1


async def test_the_same_key_with_another_body_is_refused(kernel_db: Database) -> None:
    key = uuid4().hex
    await make(kernel_db, claim_of(key, {"a": 1}))

    with pytest.raises(KeyReused):
        await make(kernel_db, claim_of(key, {"a": 2}))

    assert await effects(kernel_db, key) == 1


async def test_of_fifty_at_the_same_time_one_is_done(kernel_db: Database) -> None:
    key = uuid4().hex
    pause = asyncio.Event()
    tasks = [asyncio.create_task(make(kernel_db, claim_of(key), pause=pause)) for _ in range(50)]

    while sum(task.done() for task in tasks) < 49:
        await asyncio.wait([task for task in tasks if not task.done()], return_when=asyncio.FIRST_COMPLETED, timeout=10)
    pause.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)

    assert sum(isinstance(answer, KeyInUse) for answer in answers) == 49
    assert sum(isinstance(answer, Response) for answer in answers) == 1
    assert await effects(kernel_db, key) == 1


async def test_a_refused_command_may_use_its_key_again(kernel_db: Database) -> None:
    key = uuid4().hex

    async def refuse() -> Made:
        raise NotFound

    with pytest.raises(NotFound):
        async with kernel_db.transaction() as conn:
            await idempotency.once(conn, claim_of(key), refuse)

    assert (await make(kernel_db, claim_of(key, {"a": "corrected"}))).status_code == 201


async def test_another_person_or_route_is_another_scope(kernel_db: Database) -> None:
    key = uuid4().hex

    answers = [
        await make(kernel_db, claim_of(key)),
        await make(kernel_db, claim_of(key, {"a": 2}, person=uuid4())),
        await make(kernel_db, claim_of(key, {"a": 3}, path="/things/1")),
    ]

    assert len({answer.body for answer in answers}) == 3
    assert await effects(kernel_db, key) == 3


async def test_claims_of_a_group_are_told_apart(kernel_db: Database) -> None:
    known, new, reused = (claim_of(uuid4().hex) for _ in range(3))
    async with kernel_db.transaction() as conn:
        await idempotency.store(conn, [(known, 201, b"known"), (reused, 201, b"other")])

    async with kernel_db.transaction() as conn:
        outcomes = await idempotency.claim(conn, [known, new, new, claim_of(reused.key, {"a": 2})])

    assert outcomes[:2] == [Replay(201, b"known"), None]
    assert [type(outcome) for outcome in outcomes[2:]] == [KeyInUse, KeyReused]


def test_a_key_may_be_quoted_or_bare() -> None:
    assert key_of(request(key='"abc"')) == key_of(request(key="abc")) == key_of(request(key=" abc ")) == "abc"


@pytest.mark.parametrize("key", [None, "", '""', "  ", "x" * 256, "caf\xe9", "a\tb"])
def test_a_missing_or_absurd_key_is_refused(key: str | None) -> None:
    with pytest.raises(KeyMissing) as refused:
        key_of(request(key=key))

    assert refused.value.status == 400


async def test_an_answer_that_was_not_seen_in_time_is_refused_by_the_database(kernel_db: Database) -> None:
    key = uuid4().hex
    claimed = claim_of(key)
    await make(kernel_db, claimed)

    async def late() -> None:
        async with kernel_db.transaction() as conn:
            await conn.execute("INSERT INTO effects (counter_id, kind, number) VALUES ($1, $2, 1)", UUID(int=0), key)
            await idempotency.store(conn, [(claimed, 201, b"{}")])

    with pytest.raises(KeyInUse):
        await late()

    assert await effects(kernel_db, key) == 1
