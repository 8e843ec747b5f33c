"""Writing to the store of a project from a command, also while engines or workers run on it."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from sojourn.bootstrap.clock import wall_clock
from sojourn.bootstrap.postgres_access import must_be_current
from sojourn.bootstrap.settings import Settings, read_settings
from sojourn.bootstrap.wiring import make_store
from sojourn.errors import ConfigurationError
from sojourn.ports import Store

T = TypeVar("T")


def work(project: Path | None, do: Callable[[Store, Settings], Awaitable[T]]) -> T:
    """Give what a function does with the open store of a project.

    Raises:
        ConfigurationError: There is no store there.
    """
    settings = read_settings(os.environ, project)
    if not settings.shared and not settings.database_file.is_file():
        raise ConfigurationError(
            "There is no database yet",
            file=settings.database_file.name,
            next_step="Start `sojourn run` there once, or name the right folder with --project",
        )

    async def run() -> T:
        if settings.shared:
            await must_be_current(settings.database)
        store = make_store(settings, wall_clock, create=False)
        await store.open()
        try:
            return await do(store, settings)
        finally:
            await store.close()

    return asyncio.run(run())
