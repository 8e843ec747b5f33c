"""Stores that break one promise each; the worlds must find every one of them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import msgspec

from sojourn.intake.frontier import FOREVER, source_of
from sojourn.intake.releases import RELEASED
from sojourn.records import Changed, Claimed, Inbox, Move, Position, Queued, Settled, Stored, TombKey, Verdict, Waiver
from sojourn.store.memory_data import Order
from tests.worlds.history import History
from tests.worlds.plan import TOPICS
from tests.worlds.shared import Client, SharedStore, SharedTx

replace = msgspec.structs.replace


class NoFence(SharedTx):
    """A source moves on wherever it stands."""

    async def advance(self, moves: Sequence[Move]) -> None:
        here = {move.source: self.tables.positions.get(move.source) for move in moves}
        expected = {source: None if at is None else at.next for source, at in here.items()}
        await super().advance([Move(move.source, expected[move.source], move.to) for move in moves])


class KeepsSettled(SharedTx):
    """An order stays when its outcome is recorded."""

    async def settle(self, worker: str, results: Sequence[Settled]) -> frozenset[str]:
        orders = {result.message_id: self.tables.orders.get(result.message_id) for result in results}
        held = await super().settle(worker, results)
        for name, order in orders.items():
            if order is not None:
                await self._do(partial(_put_back, self, name, order))
        return held


async def _put_back(tx: SharedTx, name: str, order: Order) -> None:
    tx.tables.put(tx.tables.orders, name, order)


class KnowsNothing(SharedTx):
    """Every event is new."""

    async def known(self, events: Sequence[tuple[str, bytes]]) -> Sequence[Verdict]:
        await super().known(events)
        return ["new"] * len(events)

    async def append_inbox(self, entries: Sequence[Inbox]) -> None:
        for entry in entries:
            self.tables.digests.pop(entry.event_id, None)
        await super().append_inbox(entries)


class NoLocks(SharedTx):
    """Customers are not locked, and nobody looks at the revision."""

    async def load(
        self,
        customers: Collection[str],
        tombs: Collection[TombKey] = (),
        *,
        every_tomb: bool = False,
        wait: bool = True,
    ) -> Mapping[str, Stored]:
        await self._say("load")
        return await self._do(lambda: self.inner.load(customers, tombs, every_tomb=every_tomb))

    async def save(self, changes: Sequence[Changed], now: int) -> Mapping[str, Stored]:
        await self._say("save")
        fitted = [_fitted(change, self.tables.stored.get(change.before.subject)) for change in changes]
        self.saved = {change.after.customer: change for change in changes} | self.saved
        return await self._do(lambda: self.inner.save(fitted, now))


def _fitted(change: Changed, here: Stored | None) -> Changed:
    return replace(change, before=replace(change.before, revision=0 if here is None else here.revision))


class ForgetsTombs(SharedTx):
    """Ended runs are not loaded."""

    async def load(
        self,
        customers: Collection[str],
        tombs: Collection[TombKey] = (),
        *,
        every_tomb: bool = False,
        wait: bool = True,
    ) -> Mapping[str, Stored]:
        return await super().load(customers, (), every_tomb=every_tomb, wait=wait)


class HandsOutStale(SharedTx):
    """An order goes out whatever has happened to its customer since."""

    async def claim(self, now: int, slots: Mapping[str, int], lease_until: int, worker: str, **more: Any) -> Claimed:
        for name, order in list(self.tables.orders.items()):
            stored = self.tables.stored.get(order.subject)
            if order.until is not None and stored is not None:
                self.tables.orders[name] = replace(order, revision=stored.revision, until=now + 1)
        return await super().claim(now, slots, lease_until, worker, release=1)


class ShortLeases(SharedTx):
    """A lease ends at once, and the order is ready again."""

    async def claim(self, now: int, slots: Mapping[str, int], lease_until: int, worker: str, **more: Any) -> Claimed:
        claimed = await super().claim(now, slots, lease_until, worker, **more)
        for order in claimed.orders:
            held = self.tables.orders.get(order.message_id)
            if held is not None:
                self.tables.put(self.tables.orders, order.message_id, replace(held, lease_until=None))
        return claimed


class LosesOrders(SharedTx):
    """The outbox is not part of the transaction: one statement in many is lost."""

    _count: ClassVar[int] = 0

    async def enqueue(self, orders: Sequence[Queued]) -> None:
        LosesOrders._count += 1
        await super().enqueue(orders if LosesOrders._count % 40 else orders[:-1])


class WritesAnyway(SharedTx):
    """What is rolled back is written all the same."""

    def end(self) -> None:
        if not self.over and self.journal:
            self.tables.write(self.journal)
            self.journal = []
        super().end()


class NoFrontier(SharedTx):
    """Timers need not wait for any source."""

    async def waivers(self) -> Sequence[Waiver]:
        await super().waivers()
        return [Waiver(source=source, at=0, until=FOREVER, by="", reason="") for source in self.sources]

    @property
    def sources(self) -> list[str]:
        """All that there are."""
        return [source_of(topic, n) for topic, count in TOPICS.items() for n in range(count)]


class HidesReleases(SharedTx):
    """Nobody hears of a release before he comes upon it by himself."""

    async def positions(self) -> Mapping[str, Position]:
        return {source: at for source, at in (await super().positions()).items() if source != RELEASED}


class LateTimers(SharedTx):
    """A due time that gets earlier is not written."""

    async def save(self, changes: Sequence[Changed], now: int) -> Mapping[str, Stored]:
        return await super().save([_not_earlier(change) for change in changes], now)


def _not_earlier(change: Changed) -> Changed:
    before = change.before.due
    if before is None or change.due is None or change.due >= before:
        return change
    return replace(change, due=before)


BROKEN: tuple[type[SharedTx], ...] = (
    NoFence,
    KeepsSettled,
    KnowsNothing,
    NoLocks,
    ForgetsTombs,
    HandsOutStale,
    ShortLeases,
    LosesOrders,
    WritesAnyway,
    NoFrontier,
    HidesReleases,
    LateTimers,
)


def store_of(kind: type[SharedTx]) -> Callable[[Callable[[], int], History], SharedStore]:
    """Give what makes a store whose transactions are of a kind."""

    class Broken(SharedStore):
        def make(self, client: Client) -> SharedTx:
            return kind(self, client)

    return Broken
