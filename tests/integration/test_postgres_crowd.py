"""Many at once on few customers, as several workers would be: nothing is lost, nothing twice, nobody waits for ever."""

import asyncio
from collections import Counter
from random import Random

from sojourn.core.model import Hot
from sojourn.ports import Conflict, StoreBusy
from sojourn.records import Changed, LogFilter, Move, Position, Stored
from sojourn.store.postgres import PostgresStore
from tests.contract.storekit import NOW, event, queued, replace, row, settled
from tests.integration.pgkit import opened

CUSTOMERS = [f"c{n}" for n in range(8)]
EVENTS = 240


class Crowd:
    """What the workers of a test share, and what they have done."""

    def __init__(self, stores: list[PostgresStore]) -> None:
        self.stores = stores
        self.events = [(f"e{n}", CUSTOMERS[n % len(CUSTOMERS)]) for n in range(EVENTS)]
        self.refused: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.taking = 3

    async def until_done(self, worker: int) -> None:
        """Take events in, each until it is stored, and let those whom somebody else has come in a later round."""
        rng, store = Random(worker), self.stores[worker % len(self.stores)]
        left = self.events[worker % 3 :: 3]
        while left:
            batch = left[:12]
            try:
                done = await self._intake(store, batch, rng)
            except (Conflict, StoreBusy) as error:
                self.refused[str(error)] += 1
                continue
            left = [one for one in left if one[0] not in done]
        self.taking -= 1

    async def _intake(self, store: PostgresStore, batch: list[tuple[str, str]], rng: Random) -> set[str]:
        async with store.transaction() as tx:
            loaded = await tx.load({customer for _, customer in batch}, wait=False)
            mine = [one for one in batch if one[1] in loaded]
            verdicts = await tx.known([(name, b"one") for name, _ in mine])
            new = [one for one, verdict in zip(mine, verdicts, strict=True) if verdict == "new"]
            count = Counter(customer for _, customer in new)
            await tx.save([_changed(loaded[name], n) for name, n in sorted(count.items())], NOW)
            await tx.append_inbox([event(name, customer) for name, customer in new])
            await tx.append_log([row(f"m-{name}", customer, "held") for name, customer in new])
            await tx.enqueue([queued(f"m-{name}", customer) for name, customer in new])
            await tx.withdraw([f"m-{name}" for name, _ in new if rng.random() < 0.1])
            await asyncio.sleep(rng.random() / 100)
        return {name for name, _ in mine}

    async def delivery(self, worker: int) -> None:
        """Claim and settle until nothing comes any more."""
        store, idle = self.stores[worker % len(self.stores)], 0
        while idle < 20 or self.taking:
            try:
                found = await self._hand_over(store, f"w{worker}")
            except (Conflict, StoreBusy) as error:
                self.refused[str(error)] += 1
                continue
            idle = 0 if found else idle + 1
            await asyncio.sleep(0.02)

    async def _hand_over(self, store: PostgresStore, worker: str) -> int:
        async with store.transaction() as tx:
            claimed = await tx.claim(NOW, {"sms": 5}, NOW + 1000, worker)
            loaded = await tx.load({one.customer for one in claimed.stale}, wait=False)
            again = [one for one in claimed.stale if one.customer in loaded]
            await tx.save([_changed(stored, 0) for stored in loaded.values()], NOW)
            await tx.enqueue([queued(one.message_id, one.customer) for one in again])
        if claimed.orders:
            async with store.transaction() as tx:
                await tx.load({one.customer for one in claimed.orders})
                held = await tx.settle(worker, [settled(one.message_id, one.customer) for one in claimed.orders])
                await tx.append_log([row(one.message_id, one.customer) for one in claimed.orders])
            self.sent.update(held)
        return len(claimed.orders) + len(claimed.stale)

    async def timers(self) -> None:
        """Look at who is due, and put him off, some times."""
        for _ in range(20):
            async with self.stores[0].transaction() as tx:
                due = await tx.due(NOW, 4)
                loaded = await tx.load([one.customer for one in due], wait=False)
                assert len(loaded) == len(due)
                await tx.save([_changed(stored, 0) for stored in loaded.values()], NOW)
            await asyncio.sleep(0.02)


def _changed(stored: Stored, count: int) -> Changed:
    state = replace(stored.state, hot=Hot(stored.state.hot.clock + count))
    return Changed(stored, state, NOW)


async def test_a_crowd_loses_nothing_and_does_nothing_twice(database: str) -> None:
    async with opened(database) as first, opened(database) as second:
        async with first.transaction() as tx:
            await tx.advance([Move("p/0", None, Position(0, NOW))])
        crowd = Crowd([first, second])
        async with asyncio.timeout(60):
            await asyncio.gather(
                *(crowd.until_done(n) for n in range(3)), *(crowd.delivery(n) for n in range(2)), crowd.timers()
            )
        for customer in CUSTOMERS:
            kept = await first.views.customer(customer)
            assert kept is not None
            assert kept.state.hot.clock == EVENTS // len(CUSTOMERS)
        counts = await first.views.counts()
        left = sum(depth.ready for depth in await first.views.lanes())
        shown = (await first.views.log(LogFilter(status="sent"), 999)).rows
    assert counts["events"] == EVENTS
    assert set(crowd.sent.values()) == {1}
    assert len(shown) == sum(crowd.sent.values())
    assert left == 0
    assert not [word for word in crowd.refused if "waited for each other" in word]
