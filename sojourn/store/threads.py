"""One database connection in one thread of its own: SQLite's writer, and its reader."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from sojourn.store.failures import told

P = ParamSpec("P")
T = TypeVar("T")


class Lane:
    """Runs functions one after the other in its own thread, with errors told in the store's words."""

    def __init__(self, name: str, engine: Engine) -> None:
        self.engine = engine
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The connection, for functions that run in this thread; opened anew after a failure closed it."""
        if self._connection is None or self._connection.closed:
            self._connection = self.engine.connect()
        return self._connection

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in the thread. A cancelled caller waits until it has ended, then is cancelled."""

        def call() -> T:
            with told():
                return work(*args, **kwargs)

        job = asyncio.get_running_loop().run_in_executor(self._pool, call)
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                await job
            raise

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work in one transaction of its own, which sees one moment."""

        def call() -> T:
            connection = self.connection
            with connection.begin():
                return work(connection)

        return await self.run(call)

    def close(self) -> None:
        """Close the connection and end the thread."""

        def end() -> None:
            with contextlib.suppress(SQLAlchemyError):
                if self._connection is not None:
                    self._connection.close()
                self.engine.dispose()

        self._pool.submit(end).result()
        self._pool.shutdown()
