"""A release takes effect: every customer meets it at its instant, page by page, resumable (Q43, Q45, N7).

Nothing else is decided while the sweep runs; the host holds intake, timers and delivery back. A process that is
killed in the middle goes on at the page where it was.
"""

from collections.abc import Callable
from typing import Final, Literal

from sojourn.core.book import Book
from sojourn.core.model import Publication
from sojourn.intake.apply import ENGINE_ERROR, close_instant
from sojourn.intake.ledger import Ledger
from sojourn.ports import Store
from sojourn.records import DeadLetter, Position

IN_FORCE: Final = "release in force"  # position: how many releases every customer has met
PAGE: Final = 500


async def sweep(
    store: Store,
    before: Book,
    after: Book,
    *,
    number: int,
    running: Literal["stay", "move", "drain"],
    at: int,
    told: Callable[[int], None] = lambda count: None,
) -> int:
    """Let every customer meet a release as of its instant, and give how many did.

    Raises:
        TryLater: The store is away; the next call goes on where this one stopped.
    """
    place = f"sweep of release {number}"
    done = 0
    while True:
        async with store.transaction() as tx:
            position = await tx.position(place)
            reached = position.next if position is not None else 0
            page = await tx.customers(reached, PAGE)
            if not page:
                in_force = await tx.position(IN_FORCE)
                await tx.advance(IN_FORCE, None if in_force is None else in_force.next, Position(number, at))
                return done
            ledger = Ledger(after)
            names = [customer for _, customer in page]
            await ledger.load(tx, names, (), at)
            for name in names:
                ledger.before(name, at, before)
                ledger.put(name, Publication(running), at)
            now = await tx.now()
            await ledger.write(tx, now)
            broken = ledger.broken()
            if broken:
                await tx.append_dead_letters([_letter(name, error, now) for name, error in broken.items()])
            await close_instant(tx, at)
            await tx.advance(place, None if position is None else reached, Position(page[-1][0], at))
        done += len(page)
        told(done)


def _letter(customer: str, error: Exception, now: int) -> DeadLetter:
    return DeadLetter(
        source="publication", arrival=now, reason=ENGINE_ERROR, detail=type(error).__name__, raw=b"", customer=customer
    )
