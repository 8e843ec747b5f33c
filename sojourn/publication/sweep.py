"""A release takes effect: every customer meets it at its instant, page by page, resumable (Q43, Q45, N7).

Whoever else touches a customer lets him meet it first (``Ledger``), so the sweep blocks nobody: it visits those whom
nothing else has touched. A process that is killed in the middle goes on at the page where it was.
"""

from typing import Final

from sojourn.intake.apply import ENGINE_ERROR, close_instant
from sojourn.intake.deciding import Deciding, keep_letters
from sojourn.intake.ledger import Ledger
from sojourn.intake.releases import Released
from sojourn.ports import Store
from sojourn.records import DeadLetter, Move, Position

IN_FORCE: Final = "release in force"  # position: how many releases every customer has met
PAGE: Final = 500


async def sweep_page(store: Store, deciding: Deciding, released: Released) -> int | None:
    """Let one page of customers meet a release; give how many, or None when all have met it.

    Raises:
        Conflict: Another process has swept the page.
        TryLater: The store is away; the next call goes on where this one stopped.
    """
    place = f"sweep of release {released.number}"
    at = released.at
    async with store.transaction() as tx:
        position = await tx.position(place)
        reached = position.next if position is not None else 0
        page = await tx.customers(reached, PAGE)
        if not page:
            in_force = await tx.position(IN_FORCE)
            if in_force is None or in_force.next < released.number:
                expect = None if in_force is None else in_force.next
                await tx.advance([Move(IN_FORCE, expect, Position(released.number, at))])
            return None
        now = await tx.now()
        ledger = Ledger(deciding, await deciding.frontier(tx, now))
        names = [customer for _, customer in page]
        await ledger.load(tx, names, (), at)
        for name in names:
            ledger.before(name, at)
        await ledger.write(tx, now)
        broken = ledger.broken()
        await keep_letters(tx, deciding, [_letter(name, error, now) for name, error in broken.items()])
        await close_instant(tx, deciding, at)
        await tx.advance([Move(place, None if position is None else reached, Position(page[-1][0], at))])
    return len(page)


def _letter(customer: str, error: Exception, now: int) -> DeadLetter:
    return DeadLetter(
        source="publication", arrival=now, reason=ENGINE_ERROR, detail=type(error).__name__, raw=b"", customer=customer
    )
