"""Every named query is prepared against a migrated database: a misspelt column fails here first."""

from pathlib import Path

from services.catalog import store
from services.catalog.domain.shop import Role
from services.catalog.domain.stock import RestockKind, State
from shared.db import Database


async def test_every_named_query_can_be_prepared(catalog_db: Database) -> None:
    faults = []
    async with catalog_db.reading() as conn:
        for query in store.queries:
            try:
                await conn.raw.prepare(query.text)
            except Exception as error:  # collected, so that one run shows all
                faults.append(f"{query.name}: {error}")

    assert faults == []


def test_every_named_query_is_used() -> None:
    code = "".join(path.read_text() for path in Path(store.__file__).parent.glob("*.py"))

    assert [query.name for query in store.queries if f"queries.{query.name}." not in code] == []


async def test_enums_in_sql_equal_enums_in_python(catalog_db: Database) -> None:
    async with catalog_db.reading() as conn:
        rows = await conn.fetch(
            "SELECT typname, array_agg(enumlabel ORDER BY enumsortorder)::text[] AS labels"
            " FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid GROUP BY typname"
        )
    labels = {row["typname"]: row["labels"] for row in rows}

    assert labels["shop_role"] == [role.value for role in Role]
    assert labels["reservation_state"] == [state.value for state in State]
    assert labels["restock_kind"] == [kind.value for kind in RestockKind]
