"""The slow loop that forgets what was kept long enough; on PostgreSQL one process at a time drops a month."""

import asyncio
from typing import Final

import structlog

from sojourn.bootstrap.loops import pause
from sojourn.bootstrap.settings import Settings
from sojourn.bootstrap.trouble import Trouble
from sojourn.operations.retention import Keep, forget_page
from sojourn.ports import Store

START_S: Final = 60.0  # a start has better things to do
PAGE_S: Final = 1.0
REST_S: Final = 3_600.0

log: structlog.stdlib.BoundLogger = structlog.get_logger("sojourn")


async def forget_slowly(
    store: Store, settings: Settings, trouble: Trouble, stopping: asyncio.Event, *, start_s: float = START_S
) -> None:
    """Drop page after page of what is older than the settings say, until ``stopping``; then look once an hour.

    Raises:
        TryLater: The store is away; whoever runs the loop tries again.
    """
    keep = Keep(settings.keep_events, settings.keep_log)
    await pause(stopping, start_s)
    while not stopping.is_set():
        gone = await forget_page(store, keep)
        trouble.works("retention", wrote=bool(gone))
        if gone:
            log.info("old events and decisions were forgotten", number=gone)
        await pause(stopping, PAGE_S if gone else REST_S)
