"""Reading the store of a project from a command, also while an engine runs on it."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from sojourn.bootstrap.reading import looking
from sojourn.bootstrap.settings import read_settings
from sojourn.ports import Views

T = TypeVar("T")


def read(project: Path | None, work: Callable[[Views], Awaitable[T]]) -> T:
    """Give what a function reads from the store of a project.

    Raises:
        ConfigurationError: There is no store there.
    """
    settings = read_settings(os.environ, project)

    async def run() -> T:
        async with looking(settings) as views:
            return await work(views)

    return asyncio.run(run())
