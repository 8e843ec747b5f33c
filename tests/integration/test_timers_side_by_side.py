"""Two pages of timers at once on PostgreSQL: nobody fires twice, nobody is left behind, no error is lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from sojourn.bootstrap.metrics import Metrics
from sojourn.bootstrap.quarantine import Quarantine
from sojourn.bootstrap.timing import Timing
from sojourn.bootstrap.trouble import Trouble
from sojourn.core.decide import decide
from sojourn.core.due import next_due
from sojourn.core.model import State
from sojourn.definitions.publish import first_book
from sojourn.intake.deciding import Deciding
from sojourn.intake.decode import Refused, decode
from sojourn.intake.ledger import STUCK_MS
from sojourn.intake.releases import Releases
from sojourn.intake.timers import PAGE
from sojourn.ports import Store, StoreBroken, StoreBusy
from sojourn.records import LANES, Changed, Move, Position, Stored
from sojourn.store.postgres import PostgresStore
from sojourn.testing.clock import VirtualClock
from tests.integration.enginekit import known
from tests.integration.pgkit import MASTER
from tests.integration.test_records import DUE, JOURNEY, bill
from tests.unit.rules.kit import EVERYTHING, SHANGHAI, project

MANY = 3 * PAGE  # the last page is full, and there is nothing behind it
LOADED = project(JOURNEY)
BOOK = first_book(LOADED)
PARKED, WRONG = "C7", "C8"
NAMES = [f"C{n}" for n in range(MANY)]


def owing(customer: str) -> State:
    """Give a customer who owes an installment; of one the run is of a version that nobody has."""
    state, now = State(customer), DUE - 9 * 86_400_000
    for raw in (known(customer, now, consent=EVERYTHING, timezone=SHANGHAI), bill(customer, now)):
        read = decode(raw, LOADED.catalogue, now)
        assert not isinstance(read, Refused), read
        state = decide(BOOK, state, read, now).state
    if customer == WRONG:
        state = replace(state, runs={name: replace(run, version=99) for name, run in state.runs.items()})
    return state


class Shaky:
    """A store whose transactions fail where ``fails`` says so, by their number."""

    def __init__(self, store: Store, fails: Callable[[int], Exception | None]) -> None:
        self._store, self._fails, self._count = store, fails, 0

    @property
    def views(self) -> Any:
        return self._store.views

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        self._count += 1
        return self._transaction(self._fails(self._count))

    @contextlib.asynccontextmanager
    async def _transaction(self, error: Exception | None) -> AsyncIterator[Any]:
        async with self._store.transaction() as tx:
            yield tx
            if error is not None:
                raise error


class Ripe:
    """A database in which many timers are ripe, and a worker's timers on it."""

    def __init__(self, store: PostgresStore) -> None:
        self.store, self.clock = store, VirtualClock(DUE + 60_000)
        self.quarantine, self.metrics = Quarantine(), Metrics()
        self.quarantine.add([PARKED])

    async def begin(self) -> None:
        """Store the customers, a third in each lane."""
        async with self.store.transaction() as tx:
            loaded = await tx.load(NAMES)
            changes = [
                Changed(loaded[name], owing(name), DUE, LANES[n % 3] if name != WRONG else "urgent", 1)
                for n, name in enumerate(NAMES)
            ]
            assert {next_due(BOOK, one.after) for one in changes if one.after.customer != WRONG} == {DUE}
            await tx.save(changes, DUE - 9 * 86_400_000)
            await tx.advance([Move("kafka:all/0", None, Position(9, DUE + 50_000, DUE + 50_000))])

    def timing(self, fails: Callable[[int], Exception | None] = lambda n: None) -> tuple[Timing, asyncio.Event]:
        """Give a worker's timers and what stops them."""
        stopping = asyncio.Event()
        host: Any = SimpleNamespace(
            store=Shaky(self.store, fails),
            deciding=Deciding(Releases.only(BOOK), topics={"all": 1}),
            quarantine=self.quarantine,
            metrics=self.metrics,
            trouble=Trouble(self.metrics, self.clock),
            stopping=stopping,
            clock=self.clock,
        )
        return Timing(host), stopping

    @property
    def counted(self) -> int:
        """How many customers the metrics have seen."""
        return int(self.metrics.registry.get_sample_value("sojourn_timers_fired_total") or 0)

    async def people(self) -> dict[str, Stored]:
        async with self.store.transaction() as tx:
            return dict(await tx.load(NAMES))

    async def check(self) -> None:
        """Everybody has fired once; who is parked and whose decision raises are put off."""
        people = await self.people()
        later = self.clock.now + STUCK_MS
        assert people[PARKED].due == people[WRONG].due == later
        assert not people[PARKED].state.hot.sends
        assert WRONG in self.quarantine.customers
        others = [one for name, one in people.items() if name not in (PARKED, WRONG)]
        assert {one.revision for one in others} == {2}
        assert all([send.status for send in one.state.hot.sends] == ["ready"] * 2 for one in others)
        assert sum(lane.ready for lane in (await self.store.views.waiting()).lanes) == 2 * len(others)
        assert sum((await self.store.views.dead_letter_counts()).values()) == 1


@pytest.fixture
async def ripe(database: str) -> AsyncIterator[Ripe]:
    clock = VirtualClock(DUE + 60_000)
    store = PostgresStore(database, MASTER, clock, patience_ms=4_000, connections=4)
    await store.open()
    try:
        made = Ripe(store)
        await made.begin()
        yield made
    finally:
        await store.close()


async def test_all_fire_once_in_all_lanes(ripe: Ripe) -> None:
    timing, _ = ripe.timing()
    assert await timing.fire() == ripe.counted == MANY
    await ripe.check()
    assert await timing.fire() == 0


async def test_several_workers_at_once_fire_each_once(ripe: Ripe) -> None:
    counts = await asyncio.gather(*(ripe.timing()[0].fire() for _ in range(2)))
    counts.append(await ripe.timing()[0].fire())
    assert sum(counts) == ripe.counted == MANY
    await ripe.check()


@pytest.mark.parametrize("fails", [2, 3])
async def test_an_error_of_one_page_is_told_and_the_others_customers_are_counted(ripe: Ripe, fails: int) -> None:
    timing, _ = ripe.timing(lambda n: StoreBusy("away") if n == fails else None)
    with pytest.raises(StoreBusy):
        await timing.fire()
    assert ripe.counted == 2 * PAGE
    assert await timing.fire() == PAGE
    assert ripe.counted == MANY
    await ripe.check()


async def test_what_does_harm_is_told_before_what_may_go_well_later(ripe: Ripe) -> None:
    errors = {2: StoreBusy("away"), 3: StoreBroken("damaged")}
    timing, _ = ripe.timing(errors.get)
    with pytest.raises(StoreBroken):
        await timing.fire()
    assert ripe.counted == PAGE


@pytest.mark.parametrize("cancelled", [True, False], ids=["cancelled", "stopped"])
async def test_an_end_in_the_middle_leaves_the_rest_for_the_next_one(ripe: Ripe, cancelled: bool) -> None:
    begun = asyncio.Event()
    timing, stopping = ripe.timing(lambda n: begun.set() if n == 3 else None)
    task = asyncio.create_task(timing.fire())
    async with asyncio.timeout(30):
        await begun.wait()
    if cancelled:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
    else:
        stopping.set()
        assert await task == MANY
    again, _ = ripe.timing()
    await again.fire()
    await ripe.check()
