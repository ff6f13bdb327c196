"""Named queries over a small SQLite file, for the sandboxes only.

What must stay true: every statement commits by itself unless `transaction` holds several, and what was committed
survives a kill -9 (write-ahead log; only a power cut could lose the last moments, which a sandbox may).
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

Value = str | int | bytes | None


class Database:
    """One connection and the queries of one `.sql` file; for one thread."""

    def __init__(self, path: Path, queries: Path) -> None:
        self._queries = dict(_named(queries.read_text()))
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=5)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(self._queries["schema"])

    def execute(self, name: str, **values: Value) -> int:
        """Run a named statement; returns how many rows it touched."""
        return self._connection.execute(self._queries[name], values).rowcount

    def rows(self, name: str, **values: Value) -> list[sqlite3.Row]:
        """All rows of a named query."""
        return self._connection.execute(self._queries[name], values).fetchall()

    def row(self, name: str, **values: Value) -> sqlite3.Row | None:
        """The first row of a named query, None when there is none."""
        found = self.rows(name, **values)
        return found[0] if found else None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Several statements as one, taken for writing at once so that nobody writes in between."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _named(text: str) -> Iterator[tuple[str, str]]:
    for block in re.split(r"^-- name: ", text, flags=re.MULTILINE)[1:]:
        name, _, query = block.partition("\n")
        yield name.strip(), query.strip()
