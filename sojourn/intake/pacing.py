"""Journeys with a `limit` spread their messages evenly; a minute's worth may go at once."""

from collections.abc import Sequence
from typing import Final

import msgspec

from sojourn.core.book import Book
from sojourn.core.model import Deliver
from sojourn.ports import Tx
from sojourn.records import Queued

BURST_MS: Final = 60_000


async def spread(tx: Tx, book: Book, orders: Sequence[Queued], now: int) -> list[Queued]:
    """Give the orders with the instants from which they may go.

    The turns of a journey are shared by all processes of the store. A message that was given a turn keeps it when it
    is judged again.
    """
    limited: dict[str, list[int]] = {}
    steps: dict[str, int] = {}
    for n, queued in enumerate(orders):
        step = _step(book, queued)
        if step is not None:
            limited.setdefault(queued.order.send.journey, []).append(n)
            steps[queued.order.send.journey] = step
    if not limited:
        return list(orders)
    paced = list(orders)
    for name, places in sorted(limited.items()):  # in one order: two transactions must not wait for each other
        first = await tx.take_turns(name, len(places), steps[name], now)
        for turn, n in enumerate(places):
            at = (first + turn * steps[name]) // 1000
            paced[n] = msgspec.structs.replace(paced[n], ready_at=max(now, at - BURST_MS))
    return paced


def _step(book: Book, queued: Queued) -> int | None:
    """Give the microseconds between two messages of a limited journey; None where there is no limit to keep."""
    send = queued.order.send
    journey = book.journeys.get((send.journey, send.version))
    if not isinstance(queued.order, Deliver) or journey is None or journey.limit is None or send.attempt > 1:
        return None
    count, span = journey.limit
    return span * 1000 // count
