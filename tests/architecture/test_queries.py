"""Every named query of every service, and of the audit, can be prepared against a migrated database."""

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from deploy.audit import BETWEEN_SERVICES
from shared import audit
from shared.sql import Queries, Query
from tests.conftest import MakeDatabase

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/migrations"))


def _queries(service: str) -> Iterator[tuple[str, Query]]:
    for path in [*sorted((ROOT / "services" / service).glob("*.sql")), ROOT / "deploy" / "cli" / "dead_letters.sql"]:
        for query in Queries(path):
            yield path.name, query
    for path in sorted((ROOT / "shared").glob("*.sql")):
        for query in Queries(path):
            yield path.name, query
    for query in BETWEEN_SERVICES:
        if query.name.split("/")[1] == service:
            yield "deploy/cli/audit.sql", query


@pytest.mark.parametrize("service", SERVICES)
async def test_every_named_query_can_be_prepared(make_database: MakeDatabase, service: str) -> None:
    database = await make_database(service, size=2)

    faults = []
    async with database.reading() as conn:
        for file, query in _queries(service):
            try:
                await conn.raw.prepare(query.text)
            except asyncpg.PostgresError as error:
                faults.append(f"{file}: {query.name}: {error}")

    assert faults == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_query_of_a_service_is_used(service: str) -> None:
    folder = ROOT / "services" / service
    code = "".join(path.read_text() for path in folder.rglob("*.py"))

    assert [query.name for query in Queries(folder / f"{service}.sql") if f"queries.{query.name}." not in code] == []


async def test_a_misspelt_column_is_caught(make_database: MakeDatabase) -> None:
    database = await make_database("identity", size=2)

    async with database.reading() as conn:
        with pytest.raises(asyncpg.UndefinedColumnError):
            await conn.raw.prepare("SELECT handler_grop FROM inbox")


def test_checks_between_services_come_in_pairs() -> None:
    names = [query.name.split("/") for query in BETWEEN_SERVICES]

    assert all(len(name) == 3 and name[1] in SERVICES for name in names)
    for check in {name[0] for name in names}:
        assert sorted(name[2] for name in names if name[0] == check) == ["confirms", "expects"]


def test_every_check_says_why() -> None:
    assert all(
        len(query.why) > 20 for query in [*audit.kernel_checks, *BETWEEN_SERVICES] if "confirms" not in query.name
    )
