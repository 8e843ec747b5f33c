"""The store on PostgreSQL: several transactions at a time, in several processes, on customers who are locked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, ParamSpec, TypeVar

import asyncpg
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from sojourn.ports import Store, StoreBroken, StoreBusy, Tx
from sojourn.store.context import Context
from sojourn.store.failures import of_postgresql, told
from sojourn.store.migrate import check, prepare
from sojourn.store.months import MAKING, Month, Months, make
from sojourn.store.remembered import Remembered
from sojourn.store.sealing import Master
from sojourn.store.transaction import SqlTx
from sojourn.store.views import SqlViews

P = ParamSpec("P")
T = TypeVar("T")
CONNECTIONS: Final = 10
#: A transaction of a process that hangs must not hold customers for longer (below Kafka's rebalance timeout).
PATIENCE_MS: Final = 4_000
CONNECT_S: Final = 5.0
_READERS: Final = 8  # times the patience: a count over years takes its time and hinders nobody
# The internal one comes when the server's last word arrives just before something is asked.
_LOST: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)


class PostgresStore(Store):
    """A store in a PostgreSQL database, given by its address as libpq writes it.

    ``clock`` gives ms UTC; without one it is the database's. A transaction reads what is committed (READ COMMITTED);
    what two of them must not do at once is kept apart by the lock on a customer and by the revision that each save
    checks. A statement, and a transaction that stands still, ends after ``patience_ms``.
    """

    def __init__(
        self,
        dsn: str,
        master: Master,
        clock: Callable[[], int] | None = None,
        *,
        connections: int = CONNECTIONS,
        patience_ms: int = PATIENCE_MS,
        name: str = "sojourn",
    ) -> None:
        self._dsn = dsn
        self._master = master
        self._clock = clock
        self._connections = connections
        self._patience_ms = patience_ms
        self._name = name
        self._months = Months(self._make_months)
        self._memory = Remembered()
        self._writers: AsyncEngine | None = None
        self._readers: AsyncEngine | None = None
        self._running: set[AsyncConnection] = set()
        self._ended = asyncio.Event()

    @property
    def views(self) -> SqlViews:
        """Read without a transaction, on connections that cannot write."""
        return SqlViews(_Readers(self._opened(self._readers)), self._master)

    @property
    def engine(self) -> AsyncEngine:
        """The writers' engine, for counting statements; nobody else writes through it."""
        return self._opened(self._writers)

    async def open(self) -> None:
        """See ``Store.open``; of several processes that start at once one migrates and the others wait for it."""
        async with self._alone() as connection:
            await connection.run_sync(_prepare, self._master)
        self._writers = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            hide_parameters=True,  # they are customers' values, and the text of an error may be printed
            isolation_level="AUTOCOMMIT",  # BEGIN and COMMIT are said here: one must know when a COMMIT was lost
            pool_size=self._connections,
            max_overflow=0,
            pool_timeout=self._patience_ms / 2000,
        )
        self._readers = self._reading()

    def _reading(self) -> AsyncEngine:
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect_to_read,
            hide_parameters=True,
            pool_size=max(1, self._connections // 4),
            max_overflow=1,
            pool_timeout=self._patience_ms / 2000,
            pool_pre_ping=True,
        )
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    async def open_to_read(self) -> None:
        """Open the views alone, for a command beside the processes: nothing is migrated or written.

        Raises StoreBroken for a schema that this program does not read, and for another master key.
        """
        readers = self._reading()
        try:
            await _Readers(readers).read(lambda connection: check(connection, self._master))
        except BaseException:
            await readers.dispose()
            raise
        self._readers = readers

    async def close(self) -> None:
        """See ``Store.close``."""
        engines = (self._writers, self._readers)
        self._writers = self._readers = None
        while self._running:
            self._ended.clear()
            await self._ended.wait()
        for engine in engines:
            if engine is not None:
                await engine.dispose()
        self._months.forget()

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """See ``Store.transaction``; several may be open at a time, up to the number of connections."""
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Tx]:
        connection = await self._begun()
        context = Context(
            connection.sync_connection,  # type: ignore[arg-type]
            self._master,
            self._clock,
            self._months,
            self._memory,
        )
        place = _Here(connection, self._months)
        self._running.add(connection)
        try:
            yield SqlTx(place, context)
            await place.say("COMMIT")
        except BaseException as error:
            context.failed()
            await asyncio.shield(_end(connection, place, error))
            raise
        else:
            context.committed()
            await connection.close()
        finally:
            self._running.discard(connection)
            self._ended.set()

    async def _begun(self) -> AsyncConnection:
        """Give a connection with a transaction on it; where one died in the pool, the pool replaces them all."""
        for again in (True, False):
            connection = await _connected(self._opened(self._writers))
            try:
                await _Here(connection, self._months).say("BEGIN")
            except BaseException as error:
                await connection.invalidate()
                await connection.close()
                if not (again and isinstance(error, StoreBusy)):
                    raise
            else:
                return connection
        raise AssertionError("the second try returns or raises")

    async def _connect(self, factor: int = 1, **changes: str) -> "asyncpg.Connection[Any]":
        patience = str(self._patience_ms * factor)
        settings = {
            "application_name": self._name,
            "statement_timeout": patience,
            "idle_in_transaction_session_timeout": patience,
            "lock_timeout": str(self._patience_ms // 2),
            "default_transaction_isolation": "read committed",
            "timezone": "UTC",
            "jit": "off",
            # A plan is kept for long; one that was made while the tables were small must not read them whole.
            "enable_seqscan": "off",
            **changes,
        }
        # Behind the server's own patience: only a server that does not answer at all is given up by the clock here.
        limit = factor * self._patience_ms / 1000 + 1
        return await asyncpg.connect(self._dsn, server_settings=settings, timeout=CONNECT_S, command_timeout=limit)

    async def _connect_to_read(self) -> "asyncpg.Connection[Any]":
        return await self._connect(_READERS, enable_seqscan="on", application_name=f"{self._name}-views")

    async def _connect_to_make(self) -> "asyncpg.Connection[Any]":
        return await asyncpg.connect(self._dsn, server_settings={"application_name": self._name}, timeout=CONNECT_S)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection of its own, with a transaction, for changes of the schema."""
        maker = create_async_engine(
            "postgresql+asyncpg://", async_creator=self._connect_to_make, hide_parameters=True, poolclass=NullPool
        )
        connection = await _connected(maker)
        try:
            with _understood():
                async with connection.begin():
                    yield connection
        finally:
            await connection.close()
            await maker.dispose()

    async def _make_months(self, months: list[Month]) -> None:
        async with self._alone() as connection:
            await connection.run_sync(make, months)

    @staticmethod
    def _opened(engine: AsyncEngine | None) -> AsyncEngine:
        if engine is None:
            raise StoreBroken("The store is not open", next_step="Open it before using it.")
        return engine


class _Here:
    """Runs work on a connection that lives in the event loop."""

    def __init__(self, connection: AsyncConnection, months: Months) -> None:
        self._connection = connection
        self._months = months

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See ``Place.run``."""
        try:
            with _understood():
                return await self._connection.run_sync(lambda _: work(*args, **kwargs))
        except Exception:
            self._months.forget()
            raise

    async def say(self, word: str) -> None:
        """Begin or end the transaction."""
        with _understood():
            await self._connection.exec_driver_sql(word)


class _Readers:
    """Connections that read, each call in a transaction that sees one moment."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def read(self, work: Callable[[Connection], T]) -> T:
        """See ``Reader.read``."""
        with _understood():
            async with self._engine.connect() as connection:
                return await connection.run_sync(work)


@contextlib.contextmanager
def _understood() -> Any:
    """Tell errors in the store's words, also those that come from asyncpg past SQLAlchemy."""
    try:
        with told():
            yield
    except _LOST as error:
        raise of_postgresql(error) from error


async def _connected(engine: AsyncEngine) -> AsyncConnection:
    with _understood():
        return await engine.connect()


async def _end(connection: AsyncConnection, place: _Here, error: BaseException) -> None:
    """Undo a transaction; where that cannot be said any more, or somebody was cut off in the middle, hang up."""
    try:
        if isinstance(error, asyncio.CancelledError):
            await connection.invalidate()
        else:
            await place.say("ROLLBACK")
    except Exception:
        await connection.invalidate()
    finally:
        await connection.close()


def _prepare(connection: Connection, master: Master) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MAKING})
    prepare(connection, master)
