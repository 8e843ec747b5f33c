"""The store on SQLite: one writer thread with whole transactions, a second connection for reading."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from sojourn.ports import Store, StoreBroken, StoreUnwritable, Tx
from sojourn.store.context import Context
from sojourn.store.migrate import prepare
from sojourn.store.remembered import Remembered
from sojourn.store.sealing import Master, master_key
from sojourn.store.threads import Lane
from sojourn.store.transaction import SqlTx
from sojourn.store.views import SqlViews

P = ParamSpec("P")
T = TypeVar("T")
BUSY_MS = 5_000
# A batch of 500 customers changes up to 4,400 pages: 32 MB hold them until the commit (docs: storage).
SETTINGS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    "cache_size=-32768",
    f"mmap_size={1 << 30}",  # cold pages are read in place, without a call a page
    # The log of writes is copied into the database by a thread of its own (_Copier). Only when that falls behind
    # does a commit do it: 8,000 pages are 32 MB.
    "wal_autocheckpoint=8000",
)
COPY_AFTER_S = 0.2


class SqliteStore(Store):
    """A store in one file. ``clock`` gives ms UTC; all that writes runs in one thread of its own."""

    def __init__(self, path: Path, master: Master, clock: Callable[[], int], busy_ms: int = BUSY_MS) -> None:
        self._path = path
        self._master = master
        self._clock = clock
        self._busy_ms = busy_ms
        self._turn = asyncio.Lock()
        self._memory = Remembered()
        self._writer: Lane | None = None
        self._reader: Lane | None = None
        self._copier: Lane | None = None
        self._copying: asyncio.Task[None] | None = None
        self._must_empty = False

    @classmethod
    def at(cls, path: Path, key_file: Path, clock: Callable[[], int]) -> "SqliteStore":
        """Give the store of a file and its master key, which is made only together with a new database.

        Raises StoreBroken when the database is there and its key is not.
        """
        fresh = not path.exists() or path.stat().st_size == 0
        return cls(path, master_key(key_file, create=fresh), clock)

    @property
    def views(self) -> SqlViews:
        """Read without a transaction, on a connection that cannot write."""
        return SqlViews(self._opened(self._reader), self._master)

    @property
    def engine(self) -> Engine:
        """The writer's engine, for counting statements; nobody else writes through it."""
        return self._opened(self._writer).engine

    async def open(self) -> None:
        """See ``Store.open``."""
        _make_folder(self._path.parent)
        writer = Lane("sojourn-writer", _writing_engine(self._path, self._busy_ms))
        try:
            await writer.run(_prepare, writer, self._master)
        except BaseException:
            writer.close()
            raise
        self._writer = writer
        self._reader = Lane("sojourn-reader", _reading_engine(self._path, self._busy_ms))
        self._copier = Lane("sojourn-copier", _writing_engine(self._path, 0))

    async def close(self) -> None:
        """See ``Store.close``."""
        async with self._turn:
            if self._copying is not None:
                self._copying.cancel()
                await asyncio.gather(self._copying, return_exceptions=True)
            for lane in (self._copier, self._reader, self._writer):
                if lane is not None:
                    lane.close()
            self._copier = self._reader = self._writer = None

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """See ``Store.transaction``."""
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Tx]:
        async with self._turn:
            lane = self._opened(self._writer)
            try:
                context = await lane.run(self._begin, lane)
                yield SqlTx(lane, context)
                await lane.run(_commit, context)
            except BaseException:
                self._memory.forget()
                await lane.run(_rollback, lane)
                raise
            context.committed()
            self._must_empty = self._must_empty or context.erased
            if self._must_empty:
                self._must_empty = not await lane.run(_empty_log, lane)
            if self._copying is None or self._copying.done():
                self._copying = asyncio.create_task(self._copy(), name="sojourn-copier")

    async def _copy(self) -> None:
        """Copy the log of writes into the database a moment after a commit, so that commits need not do it."""
        await asyncio.sleep(COPY_AFTER_S)
        if self._copier is not None:
            await self._copier.run(_copy_log, self._copier)

    def _begin(self, lane: Lane) -> Context:
        lane.connection.begin()
        return Context(lane.connection, self._master, self._clock, memory=self._memory)

    @staticmethod
    def _opened(lane: Lane | None) -> Lane:
        if lane is None:
            raise StoreBroken("The store is not open", next_step="Open it before using it.")
        return lane


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnwritable(
            "The folder of the database cannot be made",
            folder=folder.name,
            problem=type(error).__name__,
            next_step="Name another place for the database, or give the rights to this one.",
        ) from error


def _commit(context: Context) -> None:
    context.connection.commit()


def _empty_log(lane: Lane) -> bool:
    """Empty the log of writes, which still holds pages of the erased; False when a reader is in the way.

    A failure is not the transaction's, which is committed: the next one tries again.
    """
    driver = lane.connection.connection.driver_connection
    assert driver is not None
    try:
        busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError:
        return False
    return not busy


def _copy_log(lane: Lane) -> None:
    """Copy what nobody hinders from being copied; a failure is nobody's: the next commit's copying tries again."""
    with contextlib.suppress(SQLAlchemyError, sqlite3.Error):
        driver = lane.connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def _rollback(lane: Lane) -> None:
    """Leave no transaction, in SQLAlchemy's books nor in SQLite's: a COMMIT that failed leaves one in both."""
    lane.connection.rollback()
    driver = lane.connection.connection.driver_connection
    if driver is not None and driver.in_transaction:
        driver.rollback()


def _writing_engine(path: Path, busy_ms: int) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=StaticPool,
        hide_parameters=True,  # they are customers' values, and the text of an error may be printed
        connect_args={"isolation_level": None, "timeout": busy_ms / 1000},
    )

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _: Any) -> None:
        for pragma in SETTINGS:
            connection.execute(f"PRAGMA {pragma}")

    # IMMEDIATE takes the write lock at once: a transaction never has to give way in its middle.
    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _reading_engine(path: Path, busy_ms: int) -> Engine:
    engine = create_engine(
        f"sqlite:///file:{path}?mode=ro&uri=true",
        poolclass=StaticPool,
        hide_parameters=True,
        connect_args={"isolation_level": None, "timeout": busy_ms / 1000},
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _prepare(lane: Lane, master: Master) -> None:
    with lane.connection.begin():
        prepare(lane.connection, master)
