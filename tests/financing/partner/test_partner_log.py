"""The log of a lender: positions without gaps whatever writers do, nothing without a live consent, append-only."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.financing.deliveries.keeping import Keeping
from services.financing.use_cases.tell_lenders import tell, tell_now
from shared.clock import utc_now
from shared.db import Connection, Database
from tests.financing.partner.conftest import Partner, World, fact_for


class RolledBack(Exception):
    """The writer thought better of it."""


async def positions_of(db: Database, partner: Partner) -> list[int]:
    """All positions in the lender's log."""
    async with db.reading() as conn:
        rows = await conn.fetch("SELECT position FROM lender_log WHERE lender_id = $1 ORDER BY position", partner.id)
    return [row["position"] for row in rows]


async def give_consent(conn: Connection) -> UUID:
    """A live consent."""
    consent_id, now = uuid4(), utc_now()
    await conn.execute(
        "INSERT INTO consents (consent_id, person_id, shop_id, scopes, purpose, data_items, legal_basis, text_version,"
        " text_sha256, language, channel, actor_id, evidence, given_at, until) VALUES ($1, $2, $3, '{sales}',"
        " 'working_capital', '{turnover}', 'consent', '1', repeat('0', 64), 'id', 'web', $2, 'click', $4, $5)",
        consent_id,
        uuid4(),
        uuid4(),
        now,
        now + timedelta(days=90),
    )
    return consent_id


async def end_consent(conn: Connection, consent_id: UUID) -> None:
    """It is revoked."""
    await conn.execute(
        "UPDATE consents SET ended_at = clock_timestamp(), end_reason = 'revoked', acknowledge_by = clock_timestamp()"
        " WHERE consent_id = $1",
        consent_id,
    )


async def test_positions_have_no_gap_whatever_concurrent_writers_do(world: World) -> None:
    partners = [await world.partner() for _ in range(4)]
    rng = random.Random(7)
    written: dict[UUID, int] = {partner.id: 0 for partner in partners}

    async def write(chosen: Sequence[Partner], is_rolled_back: bool) -> None:
        try:
            async with world.db.transaction() as conn:
                await tell(conn, [fact_for(partner.id) for partner in chosen])
                if is_rolled_back:
                    raise RolledBack
        except RolledBack:
            return
        for partner in chosen:
            written[partner.id] += 1

    async def writer() -> None:
        for _ in range(25):
            chosen = rng.choices(partners, k=rng.randint(1, 6))  # in any order, some of them twice
            await write(chosen, rng.random() < 0.3)

    await asyncio.gather(*(writer() for _ in range(8)))

    for partner in partners:
        assert written[partner.id] > 0
        assert await positions_of(world.db, partner) == list(range(1, written[partner.id] + 1))


async def test_facts_of_one_transaction_keep_their_order(world: World) -> None:
    partner = await world.partner()
    facts = [fact_for(partner.id, number) for number in range(5)]

    async with world.db.transaction() as conn:
        places = await tell_now(conn, facts)

    assert places == [(partner.id, number) for number in range(1, 6)]
    page = await world.done("GET", "/v1/events", partner)
    assert [event["data"]["number"] for event in page["events"]] == [0, 1, 2, 3, 4]


async def test_without_a_live_consent_nothing_is_written(world: World) -> None:
    partner = await world.partner()
    async with world.db.transaction() as conn:
        live, revoked = await give_consent(conn), await give_consent(conn)
        await end_consent(conn, revoked)

    async with world.db.transaction() as conn:
        places = await tell_now(
            conn,
            [
                fact_for(partner.id, 1, consent_id=revoked),
                fact_for(partner.id, 2, consent_id=live),
                fact_for(partner.id, 3, consent_id=uuid4()),
                fact_for(partner.id, 4),
            ],
        )

    assert places == [(partner.id, 1), (partner.id, 2)]
    page = await world.done("GET", "/v1/events", partner)
    assert [event["data"]["number"] for event in page["events"]] == [2, 4]


async def test_a_consent_that_is_revoked_in_this_moment_is_waited_for(world: World) -> None:
    partner = await world.partner()
    async with world.db.transaction() as conn:
        consent_id = await give_consent(conn)

    async def tell_under_it() -> list[tuple[UUID, int]]:
        async with world.db.transaction() as conn:
            return await tell_now(conn, [fact_for(partner.id, consent_id=consent_id)])

    async with world.db.transaction() as conn:
        await end_consent(conn, consent_id)
        telling = asyncio.create_task(tell_under_it())
        done, _ = await asyncio.wait([telling], timeout=0.3)
        assert not done, "it did not wait for the revocation"

    assert await telling == []
    assert await positions_of(world.db, partner) == []


async def test_the_log_is_append_only(world: World) -> None:
    partner = await world.partner()
    await world.tell(partner, times=2)

    for change in ("UPDATE lender_log SET data = '{}'", "DELETE FROM lender_log"):
        async with world.db.reading() as conn:
            with pytest.raises(asyncpg.RaiseError, match="append-only"):
                await conn.execute(f"{change} WHERE lender_id = $1", partner.id)


async def test_what_is_too_much_is_forgotten_and_said_to_be_lost(world: World) -> None:
    partner = await world.partner()
    subscription_id, _, _ = await world.webhook(partner)
    await world.tell(partner, times=7)

    await Keeping(world.db, days=400, rows_max=3).forget()

    assert await positions_of(world.db, partner) == [5, 6, 7]
    health = await world.health(partner, subscription_id)
    assert (health["missed"], health["lost"]) == (7, 4)
    page = await world.done("GET", "/v1/events?after=0", partner)
    assert page["first_position"] == 5 and [event["position"] for event in page["events"]] == [5, 6, 7]
    await world.call("DELETE", f"/v1/subscriptions/{subscription_id}", partner)


async def test_two_use_cases_in_one_transaction_never_wait_in_a_circle(world: World) -> None:
    first, second = await world.partner(), await world.partner()

    async def tell_twice(*partners: Partner) -> None:
        for _ in range(20):
            async with world.db.transaction() as conn:
                for partner in partners:
                    await tell(conn, [fact_for(partner.id)])
                    await asyncio.sleep(0)

    await asyncio.gather(*(tell_twice(*pair) for pair in [(first, second), (second, first)] * 3))

    for partner in (first, second):
        assert await positions_of(world.db, partner) == list(range(1, 121))
