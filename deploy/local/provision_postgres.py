"""Databases, roles and rights of the local stack, in PostgreSQL; safe to run again at each start.

One database per service. `lumbung_owner` owns them and runs migrations; the role named like the service may
only read and write rows in its own database; `lumbung_audit` may only read. A migration may take rights away
again (an outbox is append-only, a signing key is nobody's to read), it never has to give them.
"""

from __future__ import annotations

import asyncio

import asyncpg

from deploy.local.stack import AUDIT, OWNER, SERVICES, Stack, load_stack

EXTENSIONS = ("pg_trgm", "unaccent", "btree_gin", "pg_stat_statements")

# Bounds that the server enforces whatever a client forgets: nothing that a service does lasts for ever.
SERVICE_LIMITS = {
    "statement_timeout": "15s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
    "transaction_timeout": "30s",
}
AUDIT_LIMITS = {"default_transaction_read_only": "on", "statement_timeout": "120s", "lock_timeout": "2s"}
OWNER_LIMITS = {"lock_timeout": "5s", "idle_in_transaction_session_timeout": "60s"}


async def provision_postgres(stack: Stack) -> None:
    """Bring roles, databases, extensions and rights to what they should be."""
    connection = await asyncpg.connect(stack.superuser_dsn())
    try:
        await _ensure_roles(connection, stack)
        await _ensure_databases(connection)
    finally:
        await connection.close()
    await asyncio.gather(*(_ensure_rights(stack, service) for service in SERVICES))


async def _ensure_roles(connection: asyncpg.Connection, stack: Stack) -> None:
    limits = dict.fromkeys(SERVICES, SERVICE_LIMITS) | {OWNER: OWNER_LIMITS, AUDIT: AUDIT_LIMITS}
    known = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
    statements = []
    for role, settings in limits.items():
        if role not in known:
            # The password is base64url text, so it needs no quoting beyond the quotes.
            statements.append(f"CREATE ROLE {role} LOGIN PASSWORD '{stack.postgres_passwords[role]}'")
        statements += [f"ALTER ROLE {role} SET {name} = '{value}'" for name, value in settings.items()]
    await connection.execute(";\n".join(statements))


async def _ensure_databases(connection: asyncpg.Connection) -> None:
    known = {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
    for service in SERVICES:
        if service not in known:
            await connection.execute(f"CREATE DATABASE {service} OWNER {OWNER} STRATEGY wal_log")
    await connection.execute(
        "REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC"
    )  # nobody's: a place to hide things


async def _ensure_rights(stack: Stack, service: str) -> None:
    connection = await asyncpg.connect(stack.superuser_dsn(service))
    try:
        await connection.execute(rights_script(service))
    finally:
        await connection.close()


def rights_script(service: str) -> str:
    """Everything that is granted inside one database, as one script."""
    defaults = f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER}"
    return ";\n".join(
        [
            *(f"CREATE EXTENSION IF NOT EXISTS {name}" for name in EXTENSIONS),
            f"REVOKE ALL ON DATABASE {service} FROM PUBLIC",
            f"GRANT CONNECT ON DATABASE {service} TO {service}, {AUDIT}",
            f"ALTER SCHEMA public OWNER TO {OWNER}",
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            f"GRANT USAGE ON SCHEMA public TO {service}, {AUDIT}",
            f"{defaults} GRANT USAGE ON SCHEMAS TO {service}, {AUDIT}",
            f"{defaults} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {service}",
            f"{defaults} GRANT USAGE, SELECT ON SEQUENCES TO {service}",
            f"{defaults} GRANT SELECT ON TABLES TO {AUDIT}",
            f"{defaults} GRANT SELECT ON SEQUENCES TO {AUDIT}",
        ]
    )


if __name__ == "__main__":
    asyncio.run(provision_postgres(load_stack()))
