"""Timers and releases that are due: page by page, each tick at its own due instant (N7, design.md "Time")."""

from collections.abc import Set

import msgspec

from sojourn.core.book import Book
from sojourn.intake.apply import ENGINE_ERROR, close_instant
from sojourn.intake.ledger import Ledger, Pace, at_once
from sojourn.ports import Store
from sojourn.records import DeadLetter

PAGE = 500


class Fired(msgspec.Struct, frozen=True):
    """One page of timers: how many customers, whose tick raised, whether there is more, and when to come again."""

    customers: int
    rows: int
    broken: tuple[str, ...]
    more: bool
    next_due: int | None
    late_ms: int = 0


async def fire_due(
    store: Store,
    book: Book,
    *,
    quarantined: Set[str] = frozenset(),
    limit: int = PAGE,
    pace: Pace = at_once,
) -> Fired:
    """Run what is due by the store's clock for one page of customers; a late timer fires late, as of its due time.

    The instants that it completes are closed for the intake: what comes later arrives later.

    Raises:
        TryLater: Nothing was done; the same page comes again.
    """
    async with store.transaction() as tx:
        now = await tx.now()
        page = await tx.due(now, limit)
        ledger = Ledger(book, pace)
        if page:
            customers = [one.customer for one in page]
            await ledger.load(tx, customers, (), now)
            for customer in customers:
                if customer in quarantined:
                    ledger.put_off(customer)
                ledger.through(customer, now)
            await ledger.write(tx, now)
            fresh = [name for name in ledger.broken() if name not in quarantined]
            if fresh:
                await tx.append_dead_letters([_letter(name, ledger.broken()[name], now) for name in fresh])
            await close_instant(tx, now)
        broken = tuple(name for name in ledger.broken() if name not in quarantined)
        late = max((now - one.due for one in page), default=0)
        following = await tx.next_due()
    return Fired(len(page), len(ledger.rows()), broken, len(page) == limit, following, late)


def _letter(customer: str, error: Exception, now: int) -> DeadLetter:
    return DeadLetter(
        source="timers",
        arrival=now,
        reason=ENGINE_ERROR,
        detail=type(error).__name__,
        raw=b"",
        customer=customer,
    )
