"""Migrations: from an empty database, twice, at the same time, edited, broken, in phases."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from shared import migrate as module
from shared.migrate import MigrationChanged, migrate
from tests.kernel.conftest import NewDsn

KERNEL = ["kernel/0001_kernel", "kernel/0002_partitions_late"]


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The migrations folder of a made-up service `made_up`, beside a copy of the kernel's."""
    for path in (module.ROOT / "shared" / "migrations").glob("*.sql"):
        copy = tmp_path / "shared" / "migrations" / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    folder = tmp_path / "services" / "made_up" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0001_things.pre.sql").write_text("CREATE TABLE things (id integer PRIMARY KEY, note text);")
    (folder / "0002_no_note.post.sql").write_text("ALTER TABLE things DROP COLUMN note;")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return folder


async def described(dsn: str) -> list[str]:
    """Every column of every table."""
    conn = await asyncpg.connect(dsn)
    rows = await conn.fetch(
        "SELECT table_name || '.' || column_name || ' ' || data_type AS line FROM information_schema.columns"
        " WHERE table_schema = 'public' ORDER BY 1"
    )
    await conn.close()
    return [row["line"] for row in rows]


async def test_an_empty_database_is_brought_up_to_date_and_a_second_time_changes_nothing(
    empty_database: NewDsn, service: Path
) -> None:
    dsn = await empty_database()

    applied = await migrate(dsn, "made_up")
    once = await described(dsn)

    assert applied == [*KERNEL, "made_up/0001_things", "made_up/0002_no_note"]
    assert "things.id integer" in once
    assert await migrate(dsn, "made_up") == []
    assert await described(dsn) == once


async def test_two_at_the_same_time_apply_each_file_once(empty_database: NewDsn, service: Path) -> None:
    dsn = await empty_database()

    one, other = await asyncio.gather(migrate(dsn, "made_up"), migrate(dsn, "made_up"))

    assert sorted(map(len, (one, other))) == [0, 4]


async def test_phases(empty_database: NewDsn, service: Path) -> None:
    dsn = await empty_database()

    before = await migrate(dsn, "made_up", phase="pre")
    assert "things.note text" in await described(dsn)
    after = await migrate(dsn, "made_up", phase="post")

    assert before == [*KERNEL, "made_up/0001_things"]
    assert after == ["made_up/0002_no_note"]
    assert "things.note text" not in await described(dsn)


async def test_an_edited_file_is_refused_and_nothing_is_applied(empty_database: NewDsn, service: Path) -> None:
    dsn = await empty_database()
    await migrate(dsn, "made_up")
    before = await described(dsn)
    (service / "0001_things.pre.sql").write_text("CREATE TABLE other_things ();")
    (service / "0003_more.pre.sql").write_text("CREATE TABLE more ();")

    with pytest.raises(MigrationChanged, match=r"made_up/0001_things was edited"):
        await migrate(dsn, "made_up")

    assert await described(dsn) == before


async def test_a_file_that_fails_leaves_nothing_and_is_named(empty_database: NewDsn, service: Path) -> None:
    dsn = await empty_database()
    (service / "0003_broken.pre.sql").write_text("CREATE TABLE half (); SELECT nothing FROM nowhere;")

    with pytest.raises(asyncpg.UndefinedTableError) as failed:
        await migrate(dsn, "made_up")

    assert "while applying made_up/0003_broken" in failed.value.__notes__
    assert not any(line.startswith("half.") for line in await described(dsn))
    (service / "0003_broken.pre.sql").write_text("CREATE TABLE half (id integer);")
    assert await migrate(dsn, "made_up") == ["made_up/0003_broken"]


async def test_a_shared_part_is_for_those_who_use_it(empty_database: NewDsn, service: Path) -> None:
    part = service.parents[2] / "shared" / "part" / "migrations"
    part.mkdir(parents=True)
    (part / "0001_part.pre.sql").write_text("CREATE TABLE part (id integer);")
    dsn = await empty_database()

    without = await migrate(dsn, "made_up")
    (service / "uses").write_text("part\n")
    (service / "0003_more.pre.sql").write_text("CREATE VIEW seen AS SELECT id FROM part;")
    added = await migrate(dsn, "made_up")

    assert "part/0001_part" not in without
    assert added == ["part/0001_part", "made_up/0003_more"]
    (service / "uses").write_text("prat\n")
    with pytest.raises(module.PartUnknown, match="made_up uses 'prat'"):
        await migrate(dsn, "made_up")
