"""Enums in SQL equal enums in Python."""

from services.catalog.domain.shop import Role
from services.catalog.domain.stock import RestockKind, State
from shared.db import Database


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
