"""Every named query of the kernel is one that the database understands; a planted fault is named."""

from pathlib import Path

import pytest

from shared import relay, sql
from shared.db import Database
from shared.sql import Queries
from shared.testing import prepare_all

KERNEL = sql.load(relay.__file__, "kernel.sql")


async def test_every_query_of_the_kernel_can_be_prepared(kernel_db: Database) -> None:
    assert len(list(KERNEL)) > 20

    await prepare_all(kernel_db, KERNEL)


async def test_a_misspelt_column_is_found_and_named(kernel_db: Database, tmp_path: Path) -> None:
    path = tmp_path / "broken.sql"
    path.write_text(
        "-- name: fine\n-- A comment.\nSELECT 1;\n\n-- name: misspelt\n-- A comment.\nSELECT ordring_key FROM outbox;\n"
    )

    with pytest.raises(AssertionError, match=r"broken\.sql: misspelt: .*ordring_key"):
        await prepare_all(kernel_db, Queries(path))
