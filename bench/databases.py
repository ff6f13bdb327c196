"""A migrated database of a service, apart from the one that it uses, and gone afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from deploy.local.provision_postgres import rights_script
from deploy.local.stack import OWNER, Stack
from shared.migrate import migrate


@asynccontextmanager
async def throw_away(stack: Stack, service: str, name: str) -> AsyncIterator[str]:
    """The address of the database `name` for the service's restricted role. What bears that name before is dropped."""
    admin = await asyncpg.connect(stack.superuser_dsn())
    try:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await admin.execute(f"CREATE DATABASE {name} OWNER {OWNER} STRATEGY wal_log")
        owner = await asyncpg.connect(stack.superuser_dsn(name))
        await owner.execute(rights_script(service).replace(f"DATABASE {service}", f"DATABASE {name}"))
        await owner.close()
        await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {service}")
        await migrate(stack.owner_dsn(service).rsplit("/", 1)[0] + f"/{name}", service)
        yield stack.dsn(service).rsplit("/", 1)[0] + f"/{name}"
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await admin.close()
