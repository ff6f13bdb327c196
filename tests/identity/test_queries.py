"""Every named query is prepared against a migrated database, and used."""

from pathlib import Path

from services.identity import store
from shared.db import Database


async def test_every_named_query_can_be_prepared(identity_db: Database) -> None:
    faults = []
    async with identity_db.reading() as conn:
        for query in store.queries:
            try:
                await conn.raw.prepare(query.text)
            except Exception as error:  # collected, so that one run shows all
                faults.append(f"{query.name}: {error}")

    assert faults == []


def test_every_named_query_is_used() -> None:
    code = Path(store.__file__).read_text(encoding="utf-8")

    assert [query.name for query in store.queries if f"queries.{query.name}." not in code] == []


async def test_the_audit_cannot_read_secrets_and_contacts(identity_db: Database) -> None:
    async with identity_db.reading() as conn:
        readable = await conn.fetch(
            "SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
            " AND has_table_privilege('lumbung_audit', c.oid, 'SELECT')"
        )
    names = {row["relname"] for row in readable}

    assert {"accounts", "sessions"} <= names
    assert names.isdisjoint({"contacts", "passwords", "clients", "codes", "refresh_tokens", "signing_keys"})
