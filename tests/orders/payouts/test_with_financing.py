"""Instalments between orders and financing: what one says the other knows, and the audit sees when not (I11)."""

from datetime import timedelta
from typing import Any

import asyncpg

from deploy import audit
from services.financing.handlers import handlers as financing_handlers
from shared.clock import utc_now
from shared.contracts.financing import InstalmentRefused
from shared.contracts.payouts import InstalmentWithheld
from shared.db import Database
from shared.testing.delivery import deliver, published
from tests.orders.payouts.desk import Desk, mandate

BETWEEN = {"instalments_are_known_to_financing", "instalments_were_withheld"}


async def found(desk: Desk, financing: Database) -> set[str]:
    """Which checks between the two find something."""
    addresses: dict[str, Any] = {}
    for name, database in (("orders", desk.db), ("financing", financing)):
        async with database.reading() as conn:
            database_name = await conn.fetchval("SELECT current_database()")
        addresses[name] = desk.stack.audit_dsn(name).rsplit("/", 1)[0] + f"/{database_name}"
    since = utc_now() - timedelta(hours=1)
    findings = await audit.run(addresses, {}, since=since, look_again_seconds=0.01, settle_seconds=0)
    return {check.name for check in findings.checks if check.violations} & BETWEEN


async def test_an_instalment_for_a_loan_nobody_knows_comes_back(desk: Desk, financing_db: Database) -> None:
    payee_id = await desk.payee(500_000)
    said = mandate(payee_id, await desk.lender(), 200_000)
    await desk.hear(said)
    await desk.approve(await desk.draft())
    (event,) = await published(desk.db, InstalmentWithheld)
    unheard = await found(desk, financing_db)

    await deliver(financing_db, financing_handlers, event)
    (refused,) = await published(financing_db, InstalmentRefused, instalment_id=event.instalment_id)
    unanswered = await found(desk, financing_db)
    await desk.hear(refused)

    assert unheard == {"instalments_are_known_to_financing"}
    assert unanswered == {"instalments_are_known_to_financing"}
    assert (refused.reason, refused.amount_minor) == ("unknown_loan", 200_000)
    assert await found(desk, financing_db) == set()
    assert await desk.balance(payee_id) == 200_000
    assert await desk.balance("clearing:financing") == 0

    await desk.corrupt("UPDATE instalments SET amount_minor = amount_minor + 1")
    assert await found(desk, financing_db) == BETWEEN
    async with financing_db.reading() as conn:
        name = await conn.fetchval("SELECT current_database()")
    superuser = await asyncpg.connect(desk.stack.superuser_dsn(name))
    await superuser.execute("DELETE FROM instalments WHERE instalment_id = $1", event.instalment_id)
    await superuser.close()
