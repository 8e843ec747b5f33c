"""Claim: lease what may go out now; what is no longer fresh goes through decide first (Q27, design.md).

One transaction and no provider call in it. Orders whose worker went silent come back here once: a message is in
doubt then, never ready again by itself; a call is idempotent for the other system and simply goes again.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from sojourn.core.model import Deliver, HandOver, Outcome, Row
from sojourn.delivery.render import Press, Printed
from sojourn.errors import TryLater
from sojourn.intake.apply import ENGINE_ERROR, close_instant
from sojourn.intake.deciding import Deciding, keep_letters
from sojourn.intake.frontier import Frontier
from sojourn.intake.ledger import Ledger
from sojourn.ports import Store, Tx
from sojourn.records import Claimed, DeadLetter, Leased, Settled, Stale

LEASE_MS = 60_000
SILENT = "silent"
_ROUNDS = 4


class Given(msgspec.Struct, frozen=True):
    """What a claim gave: orders to hand over, at which instant, and how many rows and doubts came of it."""

    orders: tuple[Leased, ...]
    now: int
    judged: int = 0
    doubts: int = 0
    broken: tuple[str, ...] = ()


async def claim(
    store: Store,
    deciding: Deciding,
    press: Press,
    slots: Mapping[str, int],
    worker: str,
    *,
    repeatable: Mapping[str, bool],
    abandoned: bool = False,
) -> Given:
    """Lease at most so many orders of each channel; with ``abandoned`` also take over every lease there is.

    Only a process that is alone with its store may take over leases that have not run out. What was stale and may go
    after all is leased in a transaction of its own: locks on customers are taken once in each, in one order.

    Raises:
        TryLater: Nothing was leased.
    """
    turn = _Turn(store, deciding, press, worker, repeatable)
    given = await turn.take(slots, abandoned=abandoned)
    for _ in range(_ROUNDS - 1):
        if not (given.judged or given.doubts):
            break
        taken = Counter(order.channel for order in given.orders)
        try:
            more = await turn.take({name: free - taken[name] for name, free in slots.items()})
        except TryLater:
            break  # what is leased goes out; the rest comes with the next claim
        given = _together(given, more)
        if not (more.judged or more.doubts):
            break
    return given


def _together(one: Given, other: Given) -> Given:
    return Given(
        one.orders + other.orders,
        other.now,
        one.judged + other.judged,
        one.doubts + other.doubts,
        one.broken + other.broken,
    )


@dataclass(frozen=True, slots=True)
class _Turn:
    """What all transactions of one claim have in common."""

    store: Store
    deciding: Deciding
    press: Press
    worker: str
    repeatable: Mapping[str, bool]

    async def take(self, free: Mapping[str, int], *, abandoned: bool = False) -> Given:
        """Claim in one transaction, and put what is stale or silent to decide."""
        async with self.store.transaction() as tx:
            now = await tx.now()
            edge = await self.deciding.frontier(tx, now)
            desk = _Desk(tx, self.deciding, edge, self.press, self.worker, self.repeatable, now)
            release, patient = self.deciding.releases.at(now).number, edge.is_behind
            horizon = now + LEASE_MS if abandoned else now
            while abandoned and await desk.round(
                await tx.claim(horizon, {"": 500}, horizon + LEASE_MS, self.worker, release=release)
            ):
                pass
            claimed = await tx.claim(now, free, now + LEASE_MS, self.worker, release=release, patient=patient)
            desk.keep(claimed.orders)
            await desk.round(claimed)
        return Given(tuple(desk.orders), now, desk.judged, desk.doubts, tuple(desk.broken))


class _Desk:
    """One claim under way."""

    def __init__(
        self,
        tx: Tx,
        deciding: Deciding,
        edge: Frontier,
        press: Press,
        worker: str,
        repeatable: Mapping[str, bool],
        now: int,
    ) -> None:
        self.tx, self.deciding, self.edge, self.press = tx, deciding, edge, press
        self.book = deciding.releases.at(now).book
        self.worker, self.repeatable, self.now = worker, repeatable, now
        self.orders: list[Leased] = []
        self.outdated: list[Leased] = []
        self.broken: list[str] = []
        self.judged = self.doubts = 0

    def keep(self, orders: Sequence[Leased]) -> None:
        """Keep what may go; an order for a template that was changed since is judged anew."""
        for leased in orders:
            order = leased.order
            info = self.book.templates.get(order.template) if isinstance(order, Deliver) else None
            changed = isinstance(order, Deliver) and (info is None or info.version != order.template_version)
            (self.outdated if changed else self.orders).append(leased)

    async def round(self, claimed: Claimed) -> bool:
        """Put stale messages and silent orders to decide; tell whether there were any."""
        outdated, self.outdated = self.outdated, []
        if not (claimed.stale or claimed.expired or outdated):
            return False
        await self._take_back(claimed.expired, outdated)
        stale = [*claimed.stale, *(Stale(one.message_id, one.customer) for one in outdated)]
        ledger = Ledger(self.deciding, self.edge)
        behind = self.edge.worst.behind if self.edge.is_behind else None
        customers = list(dict.fromkeys([*(s.customer for s in stale), *(one.customer for one in claimed.expired)]))
        await ledger.load(self.tx, customers, (), self.now)
        stale += await self._siblings(ledger, stale)
        for one in stale:
            ledger.before(one.customer, self.now)
            ledger.put(one.customer, HandOver(one.message_id, behind), self.now)
        for leased in claimed.expired:
            ledger.before(leased.customer, self.now)
            ledger.put(leased.customer, self._doubt(leased), self.now, self._finish(leased))
        for customer in customers:
            ledger.through(customer, self.now)
        await ledger.write(self.tx, self.now)
        await self._tell(ledger)
        await close_instant(self.tx, self.deciding, self.now)
        self.judged += len(stale)
        self.doubts += sum(isinstance(one.order, Deliver) for one in claimed.expired)
        return bool(customers)

    async def _siblings(self, ledger: Ledger, stale: Sequence[Stale]) -> list[Stale]:
        """Take stale orders back, and with them all that wait of the same customers; give the others.

        The new verdict makes every other order of its customer stale. Judged one by one they would make each other
        stale for ever; judged together they carry the same revision.
        """
        named = {one.message_id for one in stale}
        others = [
            Stale(send.id, customer)
            for customer in dict.fromkeys(one.customer for one in stale)
            if (state := ledger.state(customer)) is not None
            for send in state.hot.sends
            if send.status == "ready" and send.channel != "call" and send.id not in named
        ]
        taken = await self.tx.withdraw([*named, *(one.message_id for one in others)])
        return [one for one in others if one.message_id in taken]

    async def _take_back(self, expired: Sequence[Leased], outdated: Sequence[Leased]) -> None:
        """Record silent orders as unknown attempts; they and outdated ones leave the outbox."""
        told = [self._settled(one, "unknown") for one in expired]
        told += [self._settled(one, "outdated") for one in outdated]
        await self.tx.settle(self.worker, told)

    def _settled(self, one: Leased, outcome: str) -> Settled:
        return Settled(
            message_id=one.message_id,
            customer=one.customer,
            channel=one.channel,
            started=self.now,
            ended=self.now,
            outcome=outcome,
            provider=SILENT if outcome == "unknown" else "engine",
        )

    def _doubt(self, leased: Leased) -> Outcome:
        if not isinstance(leased.order, Deliver):
            return Outcome(leased.message_id, "not_taken", None, {"code": SILENT}, self.now)
        again = self.repeatable.get(leased.channel, False)
        return Outcome(leased.message_id, "unknown", None, {"code": SILENT, "repeatable": again})

    def _finish(self, leased: Leased) -> "_Finish | None":
        return _Finish(leased.order, self.press, self.now) if isinstance(leased.order, Deliver) else None

    async def _tell(self, ledger: Ledger) -> None:
        broken = ledger.broken()
        self.broken += broken
        letters = [broken_letter(name, error, self.now) for name, error in broken.items()]
        await keep_letters(self.tx, self.deciding, letters)


class _Finish:
    """Completes the row of a message whose worker went silent with the text that it had in hand."""

    def __init__(self, order: Deliver, press: Press, now: int) -> None:
        self._order, self._press, self._now = order, press, now

    def __call__(self, row: Row) -> Row:
        if row.message_id != self._order.message_id:
            return row
        printed = self._press.message(self._order, self._now)
        return msgspec.structs.replace(row, **printed.columns) if isinstance(printed, Printed) else row


def broken_letter(customer: str, error: Exception, now: int) -> DeadLetter:
    """Give the dead letter that says that decide raised for a customer while something was on its way out."""
    return DeadLetter(
        source="delivery", arrival=now, reason=ENGINE_ERROR, detail=type(error).__name__, raw=b"", customer=customer
    )
