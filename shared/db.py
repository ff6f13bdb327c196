"""PostgreSQL: a pool, transactions opened in plain sight, and what must hold around a commit.

A transaction commits before its caller goes on, so an answer is never sent for what is not durable. Events appended to
it are written by one statement just before the commit. A commit is never cancelled half-way; when its outcome is
unknown the caller is told so.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal, TypeAlias, TypeVar

import asyncpg
import orjson

from shared.outbox import Outgoing, write
from shared.problems import OutcomeUnknown, Overloaded
from shared.sql import Row

RawConnection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[Row] | asyncpg.Connection[Row]"
Isolation: TypeAlias = Literal["read_committed", "repeatable_read", "serializable"]
T = TypeVar("T")

CONNECTION_LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a query in the moment in which the server ends the connection
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,  # it starts, or recovers
    asyncpg.TooManyConnectionsError,
)
TRANSIENT = (
    *CONNECTION_LOST,
    TimeoutError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.DiskFullError,  # until somebody makes room: no event is poison because of it
    asyncpg.OutOfMemoryError,
)


class Connection:
    """A connection in a transaction (or in autocommit, for reading), with the events that wait for its commit."""

    __slots__ = ("at_end", "events", "in_transaction", "raw", "settings", "traceparents", "wakes")

    def __init__(self, raw: RawConnection, *, in_transaction: bool, settings: Any = None) -> None:
        self.raw = raw
        self.settings = settings  # the service's own, for use cases that a handler calls
        self.wakes: set[str] = set()  # who is woken after the commit: "events", "calls", or a name of the service's own
        self.in_transaction = in_transaction
        self.events: list[Outgoing] = []
        self.at_end: dict[str, Callable[[Connection], Awaitable[None]]] = {}  # by name: done once, before the commit
        self.traceparents: dict[str, str] = {}  # ordering key -> what caused this key's events, in a batch

    def fetch(self, query: str, *args: Any) -> Awaitable[list[Row]]:
        """All rows."""
        return self.raw.fetch(query, *args)

    def fetchrow(self, query: str, *args: Any) -> Awaitable[Row | None]:
        """The first row, or None."""
        return self.raw.fetchrow(query, *args)

    def fetchval(self, query: str, *args: Any) -> Awaitable[Any]:
        """The first column of the first row, or None."""
        return self.raw.fetchval(query, *args)

    def execute(self, query: str, *args: Any) -> Awaitable[str]:
        """Run a command; its status."""
        return self.raw.execute(query, *args)

    @asynccontextmanager
    async def planned_once(self) -> AsyncIterator[None]:
        """Within, plans are made for all values and kept: for queries with a dear plan that no value changes."""
        assert not self.in_transaction, "what is set would last until its end"
        async with self.raw.transaction():
            await self.raw.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            yield


class Database:
    """One service's database."""

    def __init__(self, pool: "asyncpg.Pool[Row]", *, source: str, settings: Any = None) -> None:
        self.pool = pool
        self.source = source  # the CloudEvents source of what is published from here
        self.settings = settings
        self.acquire_seconds = 5.0
        self.wakers: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)  # by the names in conn.wakes

    @classmethod
    async def connect(
        cls,
        dsn: str,
        *,
        source: str,
        size: int = 10,
        acquire_seconds: float = 5,
        command_seconds: float = 20,
        settings: Any = None,
    ) -> "Database":
        """A pool of at most `size` connections."""
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=size,
            timeout=5,
            command_timeout=command_seconds,
            max_inactive_connection_lifetime=60,
            init=_prepare,
            reset=_no_reset,  # nothing here uses session state: SET LOCAL only, no LISTEN, no session locks
            server_settings={"application_name": source, "jit": "off"},
        )
        database = cls(pool, source=source, settings=settings)
        database.acquire_seconds = acquire_seconds
        return database

    async def close(self) -> None:
        """Close the pool; connections still in use get five seconds."""
        try:
            async with asyncio.timeout(5):
                await self.pool.close()
        except TimeoutError:
            self.pool.terminate()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection in autocommit, for reading. Raises Overloaded when none is free in time."""
        async with self._connection() as raw:
            yield Connection(raw, in_transaction=False, settings=self.settings)

    @asynccontextmanager
    async def transaction(self, isolation: Isolation = "read_committed") -> AsyncIterator[Connection]:
        """One transaction; on leaving it is durable, or an exception says why not.

        Raises Overloaded when no connection is free in time and OutcomeUnknown when the connection is lost during the
        commit.
        """
        async with self._connection() as raw:
            transaction = raw.transaction(isolation=isolation)
            await transaction.start()
            conn = Connection(raw, in_transaction=True, settings=self.settings)
            try:
                yield conn
                for finish in conn.at_end.values():
                    await finish(conn)
                if conn.events:
                    await write(conn, conn.events, source=self.source)
                    conn.wakes.add("events")
            except BaseException:
                await _uninterrupted(_roll_back(transaction))
                raise
            try:
                await _uninterrupted(transaction.commit())
            except CONNECTION_LOST as error:
                raise OutcomeUnknown from error
            finally:  # also when nobody knows: it may be committed
                for name in conn.wakes:
                    for wake in self.wakers[name]:
                        wake()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator["asyncpg.pool.PoolConnectionProxy[Row]"]:
        try:
            raw = await self.pool.acquire(timeout=self.acquire_seconds)
        except TimeoutError as error:
            raise Overloaded("no database connection became free in time") from error
        except CONNECTION_LOST as error:
            raise Overloaded("the database cannot be reached") from error
        try:
            yield raw
        finally:
            with suppress(*CONNECTION_LOST):  # lost in this moment: what was committed is done all the same
                await self.pool.release(raw)


async def connect_alone(dsn: str, *, name: str) -> "asyncpg.Connection[Row]":
    """A connection outside of any pool: for session locks and LISTEN."""
    conn: asyncpg.Connection[Row] = await asyncpg.connect(
        dsn, timeout=5, command_timeout=20, server_settings={"application_name": name}
    )
    await _prepare(conn)
    return conn


async def _roll_back(transaction: "asyncpg.transaction.Transaction") -> None:
    """Roll back; a lost connection has done so already."""
    try:
        await transaction.rollback()
    except CONNECTION_LOST:
        return


async def _uninterrupted(work: Awaitable[T]) -> T:
    """Wait for `work` to its end; a cancellation that comes meanwhile is raised afterwards."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _prepare(conn: Any) -> None:
    await conn.set_type_codec("jsonb", schema="pg_catalog", encoder=_encode_jsonb, decoder=orjson.loads, format="text")


def _encode_jsonb(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


async def _no_reset(_: Any) -> None:
    return None
