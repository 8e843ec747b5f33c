"""Reading the store of a project beside the processes that write it, whichever database it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sojourn.bootstrap.postgres_access import must_be_current
from sojourn.bootstrap.settings import Settings
from sojourn.bootstrap.wiring import make_master
from sojourn.ports import Views
from sojourn.store.reading import reading, reading_postgres


@asynccontextmanager
async def looking(settings: Settings) -> AsyncIterator[Views]:
    """Give the views of the store that the settings name, on connections that cannot write.

    Raises:
        ConfigurationError: There is none.
        StoreBroken: It is of another version, damaged, or sealed with another key.
    """
    if not settings.shared:
        async with reading(settings.database_file, lambda: make_master(settings, create=False)) as views:
            yield views
        return
    await must_be_current(settings.database)
    async with reading_postgres(settings.database, make_master(settings, create=False)) as views:
        yield views
