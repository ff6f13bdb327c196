"""The audit's checks of cooperatives and of its ledger, and how to plant what they must see."""

import asyncpg

from deploy.local.stack import Stack
from services.cooperatives import main
from shared import ledger, sql
from shared.db import Database

AUDIT = sql.load(main.__file__, "audit.sql")
LEDGER_AUDIT = sql.load(ledger.__file__, "audit.sql")


async def faults(db: Database, *names: str) -> dict[str, list[str]]:
    """What the checks find, by check; all of them when none is named."""
    found: dict[str, list[str]] = {}
    async with db.reading() as conn:
        for query in [*AUDIT, *LEDGER_AUDIT]:
            if names and query.name not in names:
                continue
            if rows := await query.rows(conn):
                found[query.name] = [" ".join(str(value) for value in row.values()) for row in rows]
    return found


async def faults_after(stack: Stack, db: Database, *statements: str) -> dict[str, list[str]]:
    """What the checks find when somebody who may do anything has changed what nobody may; it is rolled back."""
    async with db.reading() as conn:
        name = await conn.fetchval("SELECT current_database()")
    owner = await asyncpg.connect(stack.superuser_dsn(name))
    try:
        await owner.execute("SET session_replication_role = replica")  # no triggers, no foreign keys
        transaction = owner.transaction()
        await transaction.start()
        for statement in statements:
            assert (await owner.execute(statement))[-2:] != " 0", f"nothing was changed: {statement}"
        found = {query.name: await query.rows(owner) for query in AUDIT}
        await transaction.rollback()
    finally:
        await owner.close()
    return {name: [str(row["what"]) for row in rows] for name, rows in found.items() if rows}
