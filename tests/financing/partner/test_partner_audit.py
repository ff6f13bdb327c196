"""The audit's checks of lenders' logs: clean after real work, and each finds what it is for."""

from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from deploy import audit
from deploy.local.stack import Stack
from services.financing.domain import sealing
from services.financing.use_cases.tell_lenders import tell
from shared import outbox
from shared.clock import utc_now
from shared.contracts.financing import ApplicationPublished
from tests.conftest import MakeDatabase
from tests.financing.partner.conftest import KEY, Partner, World, fact_for, settings_of

CHECKS = {
    "lender_logs_have_no_gaps",
    "lender_logs_have_their_counter",
    "subscriptions_are_not_beyond_their_log",
    "published_applications_reach_their_lenders",
    "lender_logs_hold_no_personal_data",
    "kafka_passwords_are_not_kept",
}


@pytest_asyncio.fixture
async def audited(world: World, make_database: MakeDatabase, stack: Stack) -> tuple[World, str]:
    """The service on a database of this test's own, with lenders that were told something; its name."""
    db = await make_database("financing", size=4, settings=settings_of(stack.dsn("financing")))
    async with db.reading() as conn:
        name = str(await conn.fetchval("SELECT current_database()"))
    own = World(world.http, db, world.dsn, world.tokens, world.settings, world.news, world.webhooks, world.receiver)
    partners = [await own.partner(), await own.partner()]
    for _ in range(3):
        await publish(own, *partners)
    async with db.transaction() as conn:
        await conn.execute(
            "INSERT INTO subscriptions (subscription_id, lender_id, transport, created_at)"
            " VALUES ($1, $2, 'pull', now())",
            uuid4(),
            partners[0].id,
        )
        await conn.execute(
            "INSERT INTO kafka_access (lender_id, slug, sealed_password, wanted_at) VALUES ($1, $2, $3, now())",
            partners[0].id,
            partners[0].lender.slug,
            sealing.seal(sealing.key_of(KEY), b"x", context="x", nonce=bytes(12)),
        )
    return own, name


async def publish(world: World, *partners: Partner) -> None:
    """An application, published and told."""
    application_id, now = uuid4(), utc_now()
    async with world.db.transaction() as conn:
        outbox.append(
            conn,
            ApplicationPublished(
                application_id=application_id,
                shop_id=uuid4(),
                consent_id=uuid4(),
                region_code="18.01",
                sector="food",
                size_class="micro",
                amount_minor=5_000_000,
                currency="IDR",
                tenor_months=12,
                purpose="working_capital",
                lenders=tuple(partner.id for partner in partners),
                published_at=now,
            ),
        )
        facts = [fact_for(partner.id, subject={"application_id": application_id}) for partner in partners]
        await tell(
            conn,
            [type(fact)(fact.lender_id, fact.type, {"application_id": application_id}) for fact in facts],
        )


async def found(stack: Stack, name: str) -> set[str]:
    """The names of our checks that find something."""
    address = stack.audit_dsn("financing").rsplit("/", 1)[0] + f"/{name}"
    findings = await audit.run(
        {"financing": address},
        {"financing": []},
        since=utc_now() - timedelta(hours=1),
        look_again_seconds=0.01,
        settle_seconds=0,
    )
    assert {check.name for check in findings.checks} >= CHECKS
    return {check.name for check in findings.checks if check.violations} & CHECKS


@pytest.mark.parametrize(
    ("corruption", "check"),
    [
        ("DELETE FROM lender_log WHERE position = 2", "lender_logs_have_no_gaps"),
        ("UPDATE lender_log SET position = 9 WHERE position = 3", "lender_logs_have_no_gaps"),
        ("UPDATE lender_logs SET head = head + 1", "lender_logs_have_no_gaps"),
        ("DELETE FROM lender_logs", "lender_logs_have_their_counter"),
        ("UPDATE subscriptions SET position = 4", "subscriptions_are_not_beyond_their_log"),
        (
            "UPDATE lender_log SET data = '{\"application_id\": 1}' WHERE position = 1",
            "published_applications_reach_their_lenders",
        ),
        (
            "UPDATE lender_log SET data = '{\"application_id\": ' WHERE position = 1",
            "published_applications_reach_their_lenders",
        ),
        (
            'UPDATE lender_log SET data = \'{"x": "siti@contoh.id"}\' WHERE position = 1',
            "lender_logs_hold_no_personal_data",
        ),
        ("UPDATE kafka_access SET wanted_at = now() - interval '1 hour'", "kafka_passwords_are_not_kept"),
    ],
)
async def test_a_corruption_is_found(audited: tuple[World, str], stack: Stack, corruption: str, check: str) -> None:
    _, name = audited
    assert await found(stack, name) == set()

    conn = await asyncpg.connect(stack.superuser_dsn(name))
    await conn.execute("SET session_replication_role = replica")
    await conn.execute(corruption)
    await conn.close()

    assert check in await found(stack, name)
