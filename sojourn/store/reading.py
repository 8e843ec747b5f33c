"""Reading a database beside the process that writes it: nothing is migrated, locked or changed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from sojourn.errors import ConfigurationError
from sojourn.ports import Views
from sojourn.store.migrate import check
from sojourn.store.sealing import Master
from sojourn.store.sqlite import BUSY_MS, _reading_engine
from sojourn.store.threads import Lane
from sojourn.store.views import SqlViews

_NEXT: Final = "Start `sojourn run` there once, or name the right folder with --project"


@asynccontextmanager
async def reading(path: Path, key: Callable[[], Master]) -> AsyncIterator[Views]:
    """Give the views of a database file, on a connection that cannot write.

    Args:
        path: The file.
        key: Gives its master key; asked only where there is a file.

    Raises:
        ConfigurationError: There is no database.
        StoreBroken: It is of another version, damaged, or sealed with another key.
    """
    if not await asyncio.to_thread(path.is_file):
        raise ConfigurationError("There is no database yet", file=path.name, next_step=_NEXT)
    master = await asyncio.to_thread(key)
    lane = Lane("sojourn-reader", _reading_engine(path, BUSY_MS))
    try:
        await lane.read(lambda connection: check(connection, master))
        yield SqlViews(lane, master)
    finally:
        lane.close()


@asynccontextmanager
async def reading_postgres(dsn: str, master: Master) -> AsyncIterator[Views]:
    """Give the views of a PostgreSQL database, on connections that cannot write.

    Raises:
        StoreBusy: The server cannot be reached.
        StoreBroken: The database is empty, of another version, or sealed with another key.
    """
    from sojourn.store.postgres import PostgresStore  # slow to import, and embedded mode never needs it

    store = PostgresStore(dsn, master, connections=2, name="sojourn-reading")
    await store.open_to_read()
    try:
        yield store.views
    finally:
        await store.close()
