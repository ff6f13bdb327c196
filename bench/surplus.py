"""How long a large cooperative waits for its surplus: `python -m bench.surplus` on the running stack.

Makes a throw-away database with so many members and entries of patronage, measures the calculation (a dry run, as the
service's role, with everything it reads) and the real division with its books, and drops the database.
"""

import asyncio
import json
import statistics
import sys
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import click

from bench.databases import throw_away
from deploy.local.stack import load_stack
from services.cooperatives.domain.book_year import BookYear
from services.cooperatives.domain.cooperative import CapitalBase
from services.cooperatives.domain.division import divide
from services.cooperatives.domain.surplus import Rounding
from services.cooperatives.store import surplus as store
from services.cooperatives.use_cases.divide_surplus import divide_surplus, read_year, try_division
from shared import sql
from shared.db import Connection, Database, RawConnection
from shared.ids import new_id

queries = sql.load(__file__, "surplus.sql")
ALLOCATION = {
    "reserve": 4000, "member_capital": 1200, "member_service": 2800, "management": 500, "staff": 500, "education": 500,
    "social": 500,
}  # fmt: skip
INCOME_MINOR, EXPENSE_MINOR = 98_765_432_109, 55_555_555_555
SERVICE = "cooperatives"
RUNS = 3


async def make(raw: RawConnection, *, cooperative_id: Any, chair: Any, members: int, entries: int) -> None:
    """The cooperative, its members, savings, business and patronage."""
    conn = Connection(raw, in_transaction=False)
    of_it = {"cooperative_id": cooperative_id}
    await queries.without_triggers.run(conn)
    await queries.make_cooperative.run(conn, **of_it, chair=chair, allocation=json.dumps(ALLOCATION))
    await queries.make_members.run(conn, **of_it, chair=chair, members=members)
    await queries.make_places.run(conn, **of_it)
    await queries.make_savings.run(conn, **of_it)
    await queries.make_deposits.run(conn)
    await queries.make_business.run(conn, income=INCOME_MINOR, expense=EXPENSE_MINOR)
    await queries.set_balances.run(conn)
    await queries.make_shops.run(conn)
    await queries.make_parcels.run(conn, **of_it, parcels=entries // 2)
    await queries.look_at_all.run(conn)


async def measure(*, members: int, entries: int) -> dict[str, Any]:
    """Seconds, and what came out, to be compared between runs."""
    stack = load_stack()
    figures: dict[str, Any] = {"members": members, "entries": entries}
    cooperative_id, chair = new_id(), new_id()
    name = f"bench_surplus_{uuid4().hex[:8]}"
    async with throw_away(stack, SERVICE, name) as dsn:
        raw = await asyncpg.connect(stack.superuser_dsn(name))
        began = time.monotonic()
        await make(raw, cooperative_id=cooperative_id, chair=chair, members=members, entries=entries)
        await raw.close()
        figures["making_s"] = round(time.monotonic() - began, 2)
        db = await Database.connect(dsn, source=SERVICE, command_seconds=120)
        try:
            year = BookYear(2025, 12)
            async with db.reading() as conn:
                began = time.monotonic()
                moved = await store.movements_of_year(conn, cooperative_id, year)
                bases = await store.bases_of_members(conn, cooperative_id, year, CapitalBase.PRINCIPAL_AND_MANDATORY)
                figures["reading_s"] = round(time.monotonic() - began, 2)
            began = time.monotonic()
            divide(sum(account.credit_minor for account in moved), ALLOCATION, bases, Rounding.FLOOR)
            figures["calculating_s"] = round(time.monotonic() - began, 2)
            tries = []
            for _ in range(RUNS):
                began = time.monotonic()
                async with db.transaction("repeatable_read") as conn:
                    read = await read_year(conn, cooperative_id, 2025, by=chair)
                tried = await try_division(read, ALLOCATION)
                tries.append(time.monotonic() - began)
            figures["dry_run_s"] = round(statistics.median(tries), 2)
            figures["dry_runs_s"] = [round(one, 2) for one in tries]
            began = time.monotonic()
            async with db.transaction() as conn:
                done = await divide_surplus(
                    conn, cooperative_id, 2025, ALLOCATION, by=chair, must_be_over=True, now=datetime.now(UTC)
                )
            figures["dividing_s"] = round(time.monotonic() - began, 2)
        finally:
            await db.close()
    assert tried.shares == done.shares, "the dry run said something else than was divided"
    assert done.surplus_minor == INCOME_MINOR - EXPENSE_MINOR
    kept = sum(done.funds.values()) + done.undistributed_minor
    assert done.members_minor + kept == done.surplus_minor, "the parts are not the whole"
    figures |= {"dealings_minor": done.dealings_total_minor, "members_minor": done.members_minor}
    return figures


@click.command()
@click.option("--members", default=100_000, show_default=True)
@click.option("--entries", default=1_000_000, show_default=True, help="Of patronage; two for each parcel.")
def main(members: int, entries: int) -> None:
    """Measure the surplus of a large cooperative."""
    figures = asyncio.run(measure(members=members, entries=entries))
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
