"""Named queries: what is a name and what is not, what a file must say, what binding refuses."""

import re
from pathlib import Path

import pytest

from deploy.local.layout import PROJECT
from shared.db import Database
from shared.sql import Queries, Query


def query(text: str) -> Query:
    return Query("test", "a test", text)


@pytest.mark.parametrize(
    ("source", "text", "names"),
    [
        ("SELECT :a, :b, :a", "SELECT $1, $2, $1", ("a", "b")),
        ("SELECT :a::int", "SELECT $1::int", ("a",)),
        ("SELECT x::text[] FROM t WHERE y = :y::uuid", "SELECT x::text[] FROM t WHERE y = $1::uuid", ("y",)),
        ("SELECT ':a', 'it''s :b', :c", "SELECT ':a', 'it''s :b', $1", ("c",)),
        ("SELECT 1 -- not :a, it's said\n, :b", "SELECT 1 -- not :a, it's said\n, $1", ("b",)),
        ("SELECT $$ :a $$, :b", "SELECT $$ :a $$, $1", ("b",)),
        ("SELECT a[2:3], :b_2", "SELECT a[2:3], $1", ("b_2",)),
        ("SELECT 1", "SELECT 1", ()),
    ],
)
def test_names_become_numbers(source: str, text: str, names: tuple[str, ...]) -> None:
    found = query(source)

    assert (found.text, found.names) == (text, names)


async def test_binding_is_by_name_and_complete(kernel_db: Database) -> None:
    subtract = query("SELECT :a::int - :b::int")

    async with kernel_db.reading() as conn:
        assert await subtract.value(conn, b=1, a=3) == 2
        for values in ({"a": 1}, {"a": 1, "c": 2}, {"a": 1, "b": 2, "c": 3}, {}):
            with pytest.raises(TypeError, match="takes"):
                await subtract.value(conn, **values)


async def test_the_ways_to_run_a_query(kernel_db: Database) -> None:
    numbers = query("SELECT n FROM generate_series(1, :most::int) AS n")

    async with kernel_db.reading() as conn:
        assert [row["n"] for row in await numbers.rows(conn, most=3)] == [1, 2, 3]
        row = await numbers.row(conn, most=3)
        assert row is not None and row["n"] == 1
        assert await numbers.row(conn, most=0) is None
        assert await numbers.value(conn, most=0) is None
        assert await numbers.run(conn, most=3) == 3
        assert await query("SET LOCAL jit = off").run(conn) == 0


def load(folder: Path, text: str) -> Queries:
    path = folder / "some.sql"
    path.write_text(text)
    return Queries(path)


def test_a_file_is_read_into_its_queries(tmp_path: Path) -> None:
    queries = load(tmp_path, "-- A header.\n\n-- name: one\n-- Why it is there.\n-- And how.\nSELECT\n  1;\n")

    assert queries.one.text == "SELECT\n  1"
    assert queries.one.why == "Why it is there. And how."
    with pytest.raises(AttributeError, match=r"some\.sql has no query named two"):
        _ = queries.two


@pytest.mark.parametrize(
    "text",
    [
        "-- name: one\nSELECT 1;",
        "-- name: one\n-- Why.\n",
        "-- name: one\n-- Why.\nSELECT 1;\n-- name: one\n-- Why.\nSELECT 2;",
    ],
)
def test_a_query_without_reason_or_text_or_with_a_taken_name_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="query one"):
        load(tmp_path, text)


SQL_FILES = sorted([*PROJECT.glob("services/**/*.sql"), *PROJECT.glob("shared/**/*.sql")])


@pytest.mark.parametrize("path", [path for path in SQL_FILES if "migrations" not in path.parts], ids=str)
def test_no_query_compares_with_a_clock_that_no_index_can_use(path: Path) -> None:
    """clock_timestamp() is volatile: it is asked for each row, so all are read; statement_timestamp() is not."""
    if path.name == "identity.sql":  # its rate limits are one row each
        return
    compared = [line for line in path.read_text().splitlines() if re.search(r"[<>]=? *clock_timestamp\(\)", line)]
    assert [line for line in compared if "is_late" not in line] == []
