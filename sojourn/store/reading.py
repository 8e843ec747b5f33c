"""Reading a database beside the process that writes it: nothing is migrated, locked or changed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from sojourn.errors import ConfigurationError
from sojourn.ports import StoreBroken, Views
from sojourn.store.migrate import KNOWN, current
from sojourn.store.sealing import master_key
from sojourn.store.sqlite import BUSY_MS, _reading_engine
from sojourn.store.threads import Lane
from sojourn.store.views import SqlViews

_NEXT: Final = "Start `sojourn run` there once, or name the right folder with --project"


@asynccontextmanager
async def reading(path: Path, key_file: Path) -> AsyncIterator[Views]:
    """Give the views of a database file, on a connection that cannot write.

    Raises:
        ConfigurationError: There is no database.
        StoreBroken: It is of another version, damaged, or sealed with another key.
    """
    if not await asyncio.to_thread(path.is_file):
        raise ConfigurationError("There is no database yet", file=path.name, next_step=_NEXT)
    master = master_key(key_file, create=False)
    lane = Lane("sojourn-reader", _reading_engine(path, BUSY_MS))
    try:
        version = await lane.run(lambda: current(lane.connection))
        if version not in KNOWN:
            raise StoreBroken(
                "The database is of a version that this program does not read",
                schema=version,
                next_step="Use the version of Sojourn that wrote it",
            )
        await lane.run(lane.connection.rollback)
        yield SqlViews(lane, master)
    finally:
        lane.close()
