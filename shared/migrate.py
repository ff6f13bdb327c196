"""Migrations: numbered plain SQL, the kernel's first, then those of the shared parts it uses, then the service's.

`0001_name.pre.sql` runs before the new code (it adds), `0002_name.post.sql` after the old code is gone (it removes). A
file that was applied is never edited: its checksum is kept, and a change stops the run. Running twice changes nothing.
A service that keeps a ledger says so by a line `ledger` in its `migrations/uses`, and gets `shared/ledger/migrations`.
"""

import asyncio
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import asyncpg

from shared.contracts import TOPICS

Phase: TypeAlias = Literal["pre", "post", "all"]
ROOT = Path(__file__).parent.parent
LOCK_NAME = 0x6D696772  # "migr"


class MigrationChanged(Exception):
    """A migration that was applied has other contents now; write a new one instead."""


@dataclass(frozen=True)
class Migration:
    """One file."""

    source: str  # "kernel", a shared part ("ledger") or the service
    name: str
    phase: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


class PartUnknown(Exception):
    """A service uses a shared part that has no migrations."""


def migrations_of(service: str) -> Iterator[Migration]:
    """The files of the kernel, of the shared parts that `service` uses, and of `service`, in order.

    Raises PartUnknown for a line of `uses` that names no part.
    """
    own = ROOT / "services" / service / "migrations"
    uses = own / "uses"
    parts = uses.read_text(encoding="utf-8").split() if uses.exists() else []
    for part in parts:
        if not (ROOT / "shared" / part / "migrations").is_dir():
            raise PartUnknown(f"{service} uses {part!r}, and shared/{part}/migrations is not there")
    for source, folder in (
        ("kernel", ROOT / "shared" / "migrations"),
        *((part, ROOT / "shared" / part / "migrations") for part in parts),
        (service, own),
    ):
        for path in sorted(folder.glob("*.sql")):
            name, phase, _ = path.name.rsplit(".", 2)
            yield Migration(source, name, phase, path.read_text(encoding="utf-8"))


async def migrate(dsn: str, service: str, *, phase: Phase = "all") -> list[str]:
    """Bring the database of `service` up to date with the owner's `dsn`; the names of what was applied.

    Raises MigrationChanged, or the database's error naming the file.
    """
    conn = await asyncpg.connect(dsn)
    try:
        await conn.execute("SELECT pg_advisory_lock($1)", LOCK_NAME)
        await conn.execute(
            "CREATE TABLE IF NOT EXISTS migrations (source text, name text, checksum text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (source, name))"
        )
        applied = {(r["source"], r["name"]): r["checksum"] for r in await conn.fetch("SELECT * FROM migrations")}
        done = []
        for migration in migrations_of(service):
            known = applied.get((migration.source, migration.name))
            if known is not None:
                if known != migration.checksum:
                    raise MigrationChanged(f"{migration.source}/{migration.name} was edited after it was applied")
            elif phase in ("all", migration.phase):
                await _apply(conn, migration)
                done.append(f"{migration.source}/{migration.name}")
        for topic in TOPICS.values():
            if topic.owner == service:
                await conn.execute("SELECT outbox_add_topic($1)", topic.name)
        return done
    finally:
        await conn.close()


async def _apply(conn: "asyncpg.Connection[asyncpg.Record]", migration: Migration) -> None:
    try:
        async with conn.transaction():
            await conn.execute("SET LOCAL lock_timeout = '2s'")
            await conn.execute(migration.text)
            await conn.execute(
                "INSERT INTO migrations (source, name, checksum) VALUES ($1, $2, $3)",
                migration.source,
                migration.name,
                migration.checksum,
            )
    except asyncpg.PostgresError as error:
        error.add_note(f"while applying {migration.source}/{migration.name}")
        raise


if __name__ == "__main__":
    for applied_name in asyncio.run(migrate(sys.argv[2], sys.argv[1])):
        sys.stdout.write(f"{applied_name}\n")
