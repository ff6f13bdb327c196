"""Named queries: `.sql` files beside a service, `-- name: lock_stock`, a comment that says why, the query.

`:name` in a query becomes `$1` when the file is loaded (casts `::type`, strings and comments are left alone). Binding a
missing or an unknown name fails at the call.
"""

import re
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import asyncpg

Row: TypeAlias = asyncpg.Record

_TOKEN = re.compile(
    r"(?P<skip>'(?:[^']|'')*'|--[^\n]*|\$\$.*?\$\$|::)|:(?P<name>[a-z_][a-z0-9_]*)",
    re.DOTALL,
)


class Runs(Protocol):
    """What a query needs of a connection."""

    def fetch(self, query: str, *args: Any) -> Awaitable[list[Row]]: ...

    def fetchrow(self, query: str, *args: Any) -> Awaitable[Row | None]: ...

    def fetchval(self, query: str, *args: Any) -> Awaitable[Any]: ...

    def execute(self, query: str, *args: Any) -> Awaitable[str]: ...


class Query:
    """One named query. `rows`, `row`, `value` and `run` bind by name."""

    __slots__ = ("name", "names", "text", "why")

    def __init__(self, name: str, why: str, source: str) -> None:
        self.name, self.why = name, why
        numbers: dict[str, int] = {}

        def number(match: re.Match[str]) -> str:
            found = match["name"]
            return match[0] if found is None else f"${numbers.setdefault(found, len(numbers) + 1)}"

        self.text = _TOKEN.sub(number, source)
        self.names = tuple(numbers)

    def _bind(self, values: dict[str, Any]) -> list[Any]:
        if len(values) != len(self.names):
            raise TypeError(f"query {self.name} takes {sorted(self.names)}, got {sorted(values)}")
        try:
            return [values[name] for name in self.names]
        except KeyError as missing:
            raise TypeError(f"query {self.name} takes {sorted(self.names)}, got {sorted(values)}") from missing

    async def rows(self, conn: Runs, **values: Any) -> list[Row]:
        """All rows."""
        return await conn.fetch(self.text, *self._bind(values))

    async def row(self, conn: Runs, **values: Any) -> Row | None:
        """The first row, or None."""
        return await conn.fetchrow(self.text, *self._bind(values))

    async def value(self, conn: Runs, **values: Any) -> Any:
        """The first column of the first row, or None."""
        return await conn.fetchval(self.text, *self._bind(values))

    async def run(self, conn: Runs, **values: Any) -> int:
        """Execute; the number of rows it touched (0 when the command has none to count)."""
        status = await conn.execute(self.text, *self._bind(values))
        count = status.rsplit(" ", 1)[-1]
        return int(count) if count.isdigit() else 0


class Queries:
    """All queries of one file, as attributes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._queries = {query.name: query for query in _parse(path.read_text(encoding="utf-8"))}

    def __getattr__(self, name: str) -> Query:
        try:
            return self._queries[name]
        except KeyError:
            raise AttributeError(f"{self.path.name} has no query named {name}") from None

    def __iter__(self) -> Iterator[Query]:
        return iter(self._queries.values())


def load(beside: str, name: str) -> Queries:
    """The queries of the file `name` in the folder of the module `beside` (its `__file__`)."""
    return Queries(Path(beside).with_name(name))


def _parse(text: str) -> Iterator[Query]:
    seen: set[str] = set()
    for chunk in re.split(r"^-- name: *", text, flags=re.MULTILINE)[1:]:
        name, _, rest = chunk.partition("\n")
        lines = rest.strip().splitlines()
        why: list[str] = []
        while lines and lines[0].startswith("--"):
            why.append(lines.pop(0)[2:].strip())
        if name.strip() in seen:
            raise ValueError(f"query {name.strip()} is there twice")
        if not why or not lines:
            raise ValueError(f"query {name.strip()} needs a comment that says why, and a query")
        seen.add(name.strip())
        yield Query(name.strip(), " ".join(why), "\n".join(lines).rstrip().rstrip(";"))
