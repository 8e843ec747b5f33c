"""Forgetting what was kept long enough: events that came, and decisions with their messages and attempts.

Open work is in neither: customers, runs, orders and dead letters stay.
"""

from typing import Final

import msgspec

from sojourn.ports import Store

#: Days. An event that comes again is told from a new one only while the first is kept (N8, Q49).
LEAST_EVENT_DAYS: Final = 30
#: Days. Providers report and people complain about a message for weeks.
LEAST_LOG_DAYS: Final = 90
PAGE: Final = 500
_DAY_MS: Final = 86_400_000


class Keep(msgspec.Struct, frozen=True):
    """For how many days events and decisions are kept; 0: for ever."""

    events: int
    log: int


async def forget_page(store: Store, keep: Keep, limit: int = PAGE) -> int:
    """Drop some of what is older than it is kept, and give about how much; 0: there is nothing more, for now.

    Raises:
        TryLater: The store is away or in use; nothing was dropped in the transaction under way.
    """
    gone = 0
    if keep.events:
        async with store.transaction() as tx:
            before = await tx.now() - max(keep.events, LEAST_EVENT_DAYS) * _DAY_MS
            gone += await tx.forget_inbox(before, limit)
    if keep.log:
        async with store.transaction() as tx:
            before = await tx.now() - max(keep.log, LEAST_LOG_DAYS) * _DAY_MS
            gone += await tx.forget_log(before, limit)
    return gone
