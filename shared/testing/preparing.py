"""Preparing every named query against a migrated database: a misspelt column fails before any feature test runs."""

import asyncpg

from shared.db import Database
from shared.sql import Queries


async def prepare_all(db: Database, queries: Queries) -> None:
    """Have the server parse each query, with the service's own rights. Raises AssertionError naming all faults."""
    faults = []
    async with db.reading() as conn:
        for query in queries:
            try:
                statement = await conn.raw.prepare(query.text)
            except asyncpg.PostgresError as error:
                faults.append(f"{queries.path.name}: {query.name}: {error}")
            else:
                taken = len(statement.get_parameters())
                if taken != len(query.names):
                    faults.append(f"{queries.path.name}: {query.name}: {taken} parameters for {query.names}")
    assert not faults, "\n".join(faults)
