"""Timers and releases that are due: page by page, each tick at its own due instant (N7, design.md "Time").

A timer runs when every source that may carry its customer's events is stored beyond it. Customers whom another
transaction has are left for the next look.
"""

from collections.abc import Callable, Iterator, Set

import msgspec

from sojourn.intake.apply import ENGINE_ERROR, close_instant
from sojourn.intake.deciding import Deciding, keep_letters
from sojourn.intake.frontier import Frontier
from sojourn.intake.ledger import Ledger
from sojourn.ports import Store, Tx
from sojourn.records import DeadLetter, Due

PAGE = 500


class Fired(msgspec.Struct, frozen=True):
    """One page of timers: how many customers, whose tick raised, whether there is more, and when to come again.

    ``late_ms``: how long the page's first timer was ripe. ``after`` goes on behind this page of a stalled source.
    """

    customers: int
    rows: int
    broken: tuple[str, ...]
    more: bool
    next_due: int | None
    late_ms: int = 0
    after: Due | None = None
    frontier: Frontier | None = None


async def fire_due(
    store: Store, deciding: Deciding, *, quarantined: Set[str] = frozenset(), limit: int = PAGE
) -> Fired:
    """Run what is due for one page of customers; a late timer fires late, as of its due time.

    In an embedded engine the instants that it completes are closed for the intake: what comes later arrives later.

    Raises:
        TryLater: Nothing was done; the same page comes again.
    """
    async with store.transaction() as tx:
        now = await tx.now()
        edge = await deciding.frontier(tx, now)
        page = await _page(tx, edge, limit)
        desk = _Desk(tx, deciding, edge, quarantined)
        if page:
            await desk.load(page)
            await desk.decide(lambda customer: desk.ledger.through(customer, now))
            await desk.write()
            await close_instant(tx, deciding, now)
        late = max((min(now, edge.of(0).stored_to if edge.count == 1 else now) - one.due for one in page), default=0)
        following = await tx.next_due()
    return Fired(
        len(desk.customers), desk.rows, desk.broken, len(page) == limit, following, max(0, late), frontier=edge
    )


async def fire_past_stalled(
    store: Store,
    deciding: Deciding,
    *,
    after: Due | None = None,
    quarantined: Set[str] = frozenset(),
    limit: int = PAGE,
) -> Fired:
    """Run for one page of customers what must not wait for a stalled source; the rest of theirs stays as it is.

    ``after`` of the answer goes on behind the page; a new look begins without it.

    Raises:
        TryLater: Nothing was done; the same page comes again.
    """
    async with store.transaction() as tx:
        now = await tx.now()
        edge = await deciding.frontier(tx, now)
        desk = _Desk(tx, deciding, edge, quarantined)
        page: list[Due] = []
        for _, held in edge.stalled():
            page = list(await tx.due(now, limit, after, held))
            if page:
                break
        await desk.load(page)
        await desk.decide(lambda customer: desk.past(customer, now))
        await desk.write()
    return Fired(
        len(desk.customers),
        desk.rows,
        desk.broken,
        len(page) == limit,
        None,
        after=page[-1] if len(page) == limit else None,
        frontier=edge,
    )


async def _page(tx: Tx, edge: Frontier, limit: int) -> list[Due]:
    """Give customers with something ripe: of all first, then of those whose sources are further than others'."""
    for before, among in edge.groups():
        page = list(await tx.due(before - 1, limit, None, among))
        if page:
            return page
    return []


class _Desk:
    """One page under way."""

    def __init__(self, tx: Tx, deciding: Deciding, edge: Frontier, quarantined: Set[str]) -> None:
        self.tx, self.deciding, self.edge, self.quarantined = tx, deciding, edge, quarantined
        self.ledger = Ledger(deciding, edge)
        self.customers: list[str] = []

    async def load(self, page: list[Due]) -> None:
        """Load the customers of a page whom nobody else has, and whose timers nobody else has run meanwhile."""
        if not page:
            return
        got = await self.ledger.load(self.tx, [one.customer for one in page], (), self.edge.now, wait=False)
        now = self.edge.now
        self.customers = [one.customer for one in page if one.customer in got and self.ledger.is_due(one.customer, now)]

    async def decide(self, each: Callable[[str], None]) -> None:
        """Run timers of each customer; those who are parked stay as they are."""

        def put() -> Iterator[None]:
            for customer in self.customers:
                if customer in self.quarantined:
                    self.ledger.put_off(customer)
                each(customer)
                yield

        await self.ledger.decide(self.tx, put)

    def past(self, customer: str, now: int) -> None:
        """Run of a customer's timers what must not wait, if the source that holds him back is stalled."""
        slowest = self.ledger.slowest(customer)
        if slowest.stalled:
            self.ledger.past(customer, now, slowest.behind)

    async def write(self) -> None:
        """Write what was decided, and a dead letter for each customer whose tick raised."""
        if self.customers:
            await self.ledger.write(self.tx, self.edge.now)
        await keep_letters(
            self.tx, self.deciding, [_letter(name, self.ledger.broken()[name], self.edge.now) for name in self.broken]
        )

    @property
    def broken(self) -> tuple[str, ...]:
        """Whose tick raised now."""
        return tuple(name for name in self.ledger.broken() if name not in self.quarantined)

    @property
    def rows(self) -> int:
        """How many rows were decided."""
        return len(self.ledger.rows())


def _letter(name: str, error: Exception, now: int) -> DeadLetter:
    return DeadLetter(
        source="timers", arrival=now, reason=ENGINE_ERROR, detail=type(error).__name__, raw=b"", customer=name
    )
