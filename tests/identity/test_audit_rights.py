"""What the audit role may read of identity."""

from shared.db import Database


async def test_the_audit_cannot_read_secrets_and_contacts(identity_db: Database) -> None:
    async with identity_db.reading() as conn:
        readable = await conn.fetch(
            "SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
            " AND has_table_privilege('lumbung_audit', c.oid, 'SELECT')"
        )
    names = {row["relname"] for row in readable}

    assert {"accounts", "sessions"} <= names
    assert names.isdisjoint({"contacts", "passwords", "clients", "codes", "refresh_tokens", "signing_keys"})
