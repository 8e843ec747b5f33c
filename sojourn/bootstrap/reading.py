"""Reading the store of a project beside the processes that write it, whichever database it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sojourn.bootstrap.clock import wall_clock
from sojourn.bootstrap.postgres_access import must_be_current
from sojourn.bootstrap.settings import Settings
from sojourn.bootstrap.wiring import make_store
from sojourn.ports import Views
from sojourn.store.reading import reading


@asynccontextmanager
async def looking(settings: Settings) -> AsyncIterator[Views]:
    """Give the views of the store that the settings name.

    Raises:
        ConfigurationError: There is none.
        StoreBroken: It is of another version, damaged, or sealed with another key.
    """
    if not settings.shared:
        async with reading(settings.database_file, settings.var / "master.key") as views:
            yield views
        return
    await must_be_current(settings.database)
    store = make_store(settings, wall_clock, create=False)
    await store.open()
    try:
        yield store.views
    finally:
        await store.close()
