"""PostgreSQL stores on one database, for the tests of what is PostgreSQL's own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg
from sqlalchemy import event

from sojourn.ports import Tx
from sojourn.store.postgres import PostgresStore
from sojourn.store.sealing import Master
from tests.contract.storekit import Clock

MASTER = Master(bytes(32))
CONNECTIONS = 4


@asynccontextmanager
async def opened(database: str, patience_ms: int = 4_000) -> AsyncIterator[PostgresStore]:
    """Give the store of one more process on this database."""
    store = PostgresStore(database, MASTER, Clock(), patience_ms=patience_ms, connections=CONNECTIONS)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def connected(database: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """Give a bare connection to look behind the store's back."""
    connection = await asyncpg.connect(database)
    try:
        yield connection
    finally:
        await connection.close()


@contextmanager
def watched(store: PostgresStore, note: Callable[[str, Any], None]) -> Iterator[None]:
    """Call ``note`` before each statement that the store's writers send, with its values."""
    engine = store.engine.sync_engine

    def checked_out(_connection: object, record: Any, _proxy: object) -> None:
        record.info["watch"] = note

    def checked_in(_connection: object, record: Any) -> None:
        record.info.pop("watch", None)

    def executed(_c: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        note(statement, parameters)

    listeners: list[tuple[str, Any]] = [
        ("checkout", checked_out),
        ("checkin", checked_in),
        ("before_cursor_execute", executed),
    ]
    for name, listener in listeners:
        event.listen(engine, name, listener)
    try:
        yield
    finally:
        for name, listener in listeners:
            event.remove(engine, name, listener)


class Held:
    """A transaction that does some work and then stays open until it is let go."""

    def __init__(self, store: PostgresStore, work: Callable[[Tx], Awaitable[Any]]) -> None:
        self._store = store
        self._work = work
        self._free = asyncio.Event()
        self._begun = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def _run(self) -> None:
        try:
            async with self._store.transaction() as tx:
                await self._work(tx)
                self._begun.set()
                await self._free.wait()
        finally:
            self._begun.set()

    async def __aenter__(self) -> "Held":
        self._task = asyncio.create_task(self._run())
        await self._begun.wait()
        if self._task.done():
            await self._task
        return self

    async def free(self) -> None:
        """Commit it."""
        self._free.set()
        if self._task is not None:
            await self._task

    async def __aexit__(self, *_error: object) -> None:
        await self.free()
