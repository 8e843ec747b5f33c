"""The store on SQLite: one writer thread with whole transactions, a second connection for reading."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from sojourn.core.model import Row
from sojourn.ports import Store, StoreBroken, StoreUnwritable, Tx
from sojourn.records import (
    Changed,
    Claimed,
    DeadLetter,
    Due,
    Inbox,
    LetterState,
    Move,
    Outgoing,
    Partitions,
    Position,
    Published,
    Queued,
    Settled,
    Stored,
    TombKey,
    Verdict,
    Waiver,
)
from sojourn.store import admin, leaving, log, outbox
from sojourn.store import customers as in_parts
from sojourn.store import events as came
from sojourn.store import tables as t
from sojourn.store.context import Context
from sojourn.store.migrate import migrate
from sojourn.store.sealing import Master, master_key
from sojourn.store.threads import Lane
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


class SqliteTx(Tx):
    """A transaction whose methods each run as one job in the writer's thread."""

    def __init__(self, lane: Lane, context: Context) -> None:
        self._lane = lane
        self._context = context

    async def _run(self, work: Callable[Concatenate[Context, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._lane.run(work, self._context, *args, **kwargs)

    async def now(self) -> int:
        """See ``Tx.now``."""
        return max(self._context.clock(), await self._run(came.newest_arrival))

    async def known(self, events: Sequence[tuple[str, bytes]]) -> Sequence[Verdict]:
        """See ``Tx.known``."""
        return await self._run(came.known, events)

    async def load(
        self,
        customers: Collection[str],
        tombs: Collection[TombKey] = (),
        *,
        every_tomb: bool = False,
        wait: bool = True,
    ) -> Mapping[str, Stored]:
        """See ``Tx.load``; one transaction at a time: there is nobody to wait for."""
        return await self._run(in_parts.load, customers, tombs, every_tomb)

    async def save(self, changes: Sequence[Changed], now: int) -> Mapping[str, Stored]:
        """See ``Tx.save``."""
        return await self._run(in_parts.save, changes, now)

    async def append_inbox(self, entries: Sequence[Inbox]) -> None:
        """See ``Tx.append_inbox``."""
        await self._run(came.append_inbox, entries)

    async def append_conflicts(self, entries: Sequence[Inbox]) -> None:
        """See ``Tx.append_conflicts``."""
        await self._run(came.append_conflicts, entries)

    async def append_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """See ``Tx.append_dead_letters``."""
        await self._run(came.append_dead_letters, letters)

    async def close_dead_letters(self, numbers: Collection[int], state: LetterState, now: int) -> int:
        """See ``Tx.close_dead_letters``."""
        return await self._run(came.close_dead_letters, numbers, state, now)

    async def append_log(self, rows: Sequence[Row]) -> None:
        """See ``Tx.append_log``."""
        await self._run(log.append, rows)

    async def enqueue(self, orders: Sequence[Queued]) -> None:
        """See ``Tx.enqueue``."""
        await self._run(outbox.enqueue, orders)

    async def withdraw(self, message_ids: Collection[str]) -> frozenset[str]:
        """See ``Tx.withdraw``."""
        return await self._run(outbox.withdraw, message_ids)

    async def due(
        self, now: int, limit: int, after: Due | None = None, partitions: Partitions | None = None
    ) -> Sequence[Due]:
        """See ``Tx.due``."""
        return await self._run(in_parts.due, now, limit, after, partitions)

    async def next_due(self) -> int | None:
        """See ``Tx.next_due``."""
        return await self._run(in_parts.next_due)

    async def claim(
        self,
        now: int,
        slots: Mapping[str, int],
        lease_until: int,
        worker: str,
        *,
        release: int = 1,
        patient: bool = False,
    ) -> Claimed:
        """See ``Tx.claim``."""
        return await self._run(outbox.claim, outbox.Terms(now, release, patient), slots, lease_until, worker)

    async def settle(self, worker: str, results: Sequence[Settled]) -> frozenset[str]:
        """See ``Tx.settle``."""
        return await self._run(outbox.settle, worker, results)

    async def position(self, source: str) -> Position | None:
        """See ``Tx.position``."""
        return await self._run(came.position, source)

    async def positions(self) -> Mapping[str, Position]:
        """See ``Tx.positions``."""
        return await self._run(came.positions)

    async def advance(self, moves: Sequence[Move]) -> None:
        """See ``Tx.advance``."""
        await self._run(came.advance, moves)

    async def waive(self, waiver: Waiver) -> None:
        """See ``Tx.waive``."""
        await self._run(came.waive, waiver)

    async def waivers(self) -> Sequence[Waiver]:
        """See ``Tx.waivers``."""
        return await self._run(came.waivers)

    async def send_out(self, records: Sequence[Outgoing]) -> None:
        """See ``Tx.send_out``."""
        await self._run(leaving.send_out, records)

    async def going_out(self, limit: int) -> Sequence[tuple[int, Outgoing]]:
        """See ``Tx.going_out``."""
        return await self._run(leaving.going_out, limit)

    async def gone_out(self, numbers: Collection[int]) -> None:
        """See ``Tx.gone_out``."""
        await self._run(leaving.gone_out, numbers)

    async def publications(self) -> Sequence[Published]:
        """See ``Tx.publications``."""
        return await self._run(admin.publications)

    async def add_publication(self, publication: Published) -> None:
        """See ``Tx.add_publication``."""
        await self._run(admin.add_publication, publication)

    async def customers(
        self, after: int, limit: int, journey: str | None = None, version: int | None = None
    ) -> Sequence[tuple[int, str]]:
        """See ``Tx.customers``."""
        return await self._run(in_parts.page, after, limit, journey, version)

    async def erase(self, customer: str, now: int) -> bool:
        """See ``Tx.erase``."""
        return await self._run(admin.erase, customer, now)

    async def forget_inbox(self, before: int, limit: int) -> int:
        """See ``Tx.forget_inbox``."""
        return await self._run(came.forget_inbox, before, limit)

    async def secret(self, name: str) -> bytes:
        """See ``Tx.secret``."""
        return await self._run(leaving.secret, name)


class SqliteStore(Store):
    """A store in one file. ``clock`` gives ms UTC; all that writes runs in one thread of its own."""

    def __init__(self, path: Path, master: Master, clock: Callable[[], int], busy_ms: int = BUSY_MS) -> None:
        self._path = path
        self._master = master
        self._clock = clock
        self._busy_ms = busy_ms
        self._turn = asyncio.Lock()
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
                yield SqliteTx(lane, context)
                await lane.run(_commit, context)
            except BaseException:
                await lane.run(_rollback, lane)
                raise
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
        return Context(lane.connection, self._master, self._clock)

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
        connect_args={"isolation_level": None, "timeout": busy_ms / 1000},
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _prepare(lane: Lane, master: Master) -> None:
    """Migrate, and make sure that the master key is the one that this database was made with."""
    with lane.connection.begin():
        migrate(lane.connection, master)
        proof = master.proof(b"this database")
        kept = lane.connection.execute(select(t.meta.c.value).where(t.meta.c.name == "master")).scalar()
        if kept is None:
            lane.connection.execute(insert(t.meta), {"name": "master", "value": proof})
        elif kept != proof:
            raise StoreBroken(
                "The master key does not belong to this database",
                next_step="Put the key file of this database back; without it no customer can be read.",
            )
