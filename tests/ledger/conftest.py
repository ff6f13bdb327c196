"""Fixtures: the throw-away database of a made-up service that keeps a ledger, seen with a service's restricted role."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.provision_postgres import rights_script
from deploy.local.stack import OWNER, Stack
from shared import audit, ledger, migrate
from shared.db import Connection, Database, connect_alone
from shared.ledger import Kind, NewAccount, Transfer, credit, debit

ROLE = "orders"  # a service's restricted role; the ledger itself knows none
SERVICE = "keeps_a_ledger"
AT = datetime(2026, 11, 24, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Books:
    """A database with a ledger."""

    db: Database  # as the service sees it
    service_dsn: str
    owner_dsn: str
    audit_dsn: str

    @asynccontextmanager
    async def owner(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """A connection of the role that owns the tables."""
        conn = await connect_alone(self.owner_dsn, name="test")
        try:
            yield conn
        finally:
            await conn.close()

    async def account(self, kind: Kind = Kind.LIABILITY, least: int | None = 0, most: int | None = None) -> UUID:
        """A new account of any name."""
        code = f"test:{uuid4()}"
        async with self.db.transaction() as conn:
            opened = await ledger.open_accounts(
                conn, [NewAccount(code, kind, balance_min_minor=least, balance_max_minor=most)]
            )
        return opened[code]

    async def account_with(self, amount_minor: int) -> UUID:
        """A liability that has so much, and may not go below zero."""
        bank, account = await self.account(Kind.ASSET, None), await self.account()
        async with self.db.transaction() as conn:
            await ledger.post_all(conn, [move(bank, account, amount_minor)])
        return account

    async def violated(self) -> set[str]:
        """The checks of the audit that find something."""
        conn = await asyncpg.connect(self.audit_dsn)
        try:
            found = [await audit.run_check("test", conn, query, {}) for query in audit.ledger_checks]
        finally:
            await conn.close()
        return {check.name for check in found if check.violations}


NewBooks = Callable[[], Awaitable[Books]]


def move(
    debited: UUID, credited: UUID, amount_minor: int, *, id_: UUID | None = None, reason: str = "test"
) -> Transfer:
    """A transfer of two legs."""
    return Transfer(id_ or uuid4(), (debit(debited, amount_minor), credit(credited, amount_minor)), reason, AT)


async def figures(conn: Connection, *accounts: UUID) -> list[tuple[int, int, int]]:
    """What accounts have, what of it is held, and how many entries there are."""
    found = [await ledger.balance(conn, account) for account in accounts]
    return [(one.balance_minor, one.held_out_minor, one.version) for one in found]


@pytest_asyncio.fixture(scope="session")
async def new_books(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NewBooks]:
    """Makes databases with a ledger and nothing in it."""
    root: Path = tmp_path_factory.mktemp("root")
    (root / "shared").symlink_to(migrate.ROOT / "shared")
    folder = root / "services" / SERVICE / "migrations"
    folder.mkdir(parents=True)
    (folder / "uses").write_text("ledger\n")
    admin = await asyncpg.connect(stack.superuser_dsn())
    made: list[tuple[str, Database]] = []

    async def make() -> Books:
        name = f"test_ledger_{uuid4().hex[:12]}"
        await admin.execute(f"CREATE DATABASE {name} OWNER {OWNER} STRATEGY wal_log")
        rights = await asyncpg.connect(stack.superuser_dsn(name))
        await rights.execute(rights_script(ROLE).replace(f"DATABASE {ROLE}", f"DATABASE {name}"))
        await rights.close()
        owner_dsn = stack.owner_dsn(ROLE).rsplit("/", 1)[0] + f"/{name}"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(migrate, "ROOT", root)
            await migrate.migrate(owner_dsn, SERVICE)
        service_dsn = stack.dsn(ROLE).rsplit("/", 1)[0] + f"/{name}"
        db = await Database.connect(service_dsn, source=SERVICE, size=20)
        made.append((name, db))
        return Books(db, service_dsn, owner_dsn, stack.audit_dsn(ROLE).rsplit("/", 1)[0] + f"/{name}")

    yield make
    for name, db in made:
        await db.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest_asyncio.fixture(scope="session")
async def books(new_books: NewBooks) -> Books:
    """One database for tests that use accounts of their own."""
    return await new_books()
