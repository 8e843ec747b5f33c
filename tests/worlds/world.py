"""One world from one seed: workers, clock, logs, faults; it runs until everything has come to rest."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from sojourn.core.model import Row
from sojourn.intake.frontier import topic_of
from sojourn.intake.releases import RELEASED, Released
from sojourn.kafka.values import Record
from sojourn.records import Position, Published
from tests.worlds.history import History, watched
from tests.worlds.kafka import Broker, Group
from tests.worlds.loop import VirtualLoop, run
from tests.worlds.plan import BEGIN, TOPICS, Edition, Plan, edition, plan
from tests.worlds.provider import Taken
from tests.worlds.shared import SharedStore
from tests.worlds.worker import Worker, keyed

LEAD_MS = 5_000
MOST_POINTS = 40_000


@dataclass
class World:
    """Everything that is shared. Times: loop time in s from 0, instants in ms."""

    plan: Plan
    make_store: Callable[[Callable[[], int], History], SharedStore] = SharedStore
    tell: Callable[[str], None] | None = None
    points: int = 0
    troubles: int = 0
    workers: list[Worker] = field(default_factory=list)
    away_until: float = 0.0

    def __post_init__(self) -> None:
        self.history = History()
        self.shared = self.make_store(self.now, self.history)
        self.broker = Broker(TOPICS)
        self.group = Group(self.broker)
        self.taken = Taken()
        self.editions: list[Edition] = [edition(self.plan.kind)]
        self.releases = [Released(1, 0, "stay", self.editions[0].book)]
        self.shared.tables.publications[1] = Published(number=1, at=0, running="stay", digest="", content=b"")
        self.dice = random.Random(f"world {self.plan.seed}")
        self.loop: VirtualLoop
        self._waiters: list[asyncio.Future[None]] = []

    # ---- time

    def now(self) -> int:
        """Give the instant, ms."""
        return BEGIN + int(self.loop.time() * 1000)

    def trace(self, who: str, what: str) -> None:
        """Tell what happens, where somebody listens."""
        if self.tell is not None:
            self.tell(f"{self.loop.time():14.3f}  {who:8}  {what}")

    async def until(self, ripe: Callable[[], float | None]) -> None:
        """Wait until an instant that ``ripe`` names has come; it is asked again whenever something has changed."""
        while True:
            at = ripe()
            wait = None if at is None else (at - self.now()) / 1000
            if wait is not None and wait <= 0:
                return
            changed: asyncio.Future[None] = self.loop.create_future()
            self._waiters.append(changed)
            timer = None if wait is None else self.loop.call_later(wait + 0.001, _set, changed)
            await changed
            if timer is not None:
                timer.cancel()

    def changed(self) -> None:
        """Something may be to do now."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            _set(waiter)

    def step(self) -> None:
        """One point more; a world that finds no rest breaks off."""
        self.points += 1
        if self.points > MOST_POINTS:
            raise AssertionError("this world finds no rest")

    # ---- troubles

    @property
    def is_troubled(self) -> bool:
        """Whether troubles may still come."""
        return self.troubles < self.plan.troubles.most

    def trouble(self, dice: random.Random, rate: float) -> bool:
        """Roll for a trouble."""
        if dice.random() >= rate or not self.is_troubled:
            return False
        self.troubles += 1
        return True

    def database_away(self, seconds: float) -> None:
        """Nobody reaches the database for a while; what was under way is rolled back."""
        self.trace("database", f"away for {seconds} s")
        self.away_until = self.loop.time() + seconds
        for tx in list(self.shared.open_transactions):
            tx.end()

    # ---- what there is to do

    def next_due(self) -> int | None:
        """Give the earliest timer."""
        return min((s.due for s in self.shared.tables.stored.values() if s.due is not None), default=None)

    def next_order(self) -> int | None:
        """Give when the first order is ready, or its lease ends."""
        orders = self.shared.tables.orders.values()
        return min((o.queued.ready_at if o.lease_until is None else o.lease_until for o in orders), default=None)

    def next_wanted(self) -> int | None:
        """Give the instant for which somebody will ask how far the sources are stored."""
        return min((at for at in (self.next_due(), self.next_order()) if at is not None), default=None)

    def stored_to(self, sources: frozenset[str]) -> int:
        """Give up to which arrival all of these are stored."""
        positions = self.shared.tables.positions
        return min(positions[source].stored_to if source in positions else 0 for source in sources)

    def is_keyed(self, record: Record) -> bool:
        """Tell whether a record lies where its customer puts it."""
        topic, partition = topic_of(record.source)
        return keyed((record.key or b"").decode(), partition, TOPICS[topic])

    # ---- the way of the world

    def start_worker(self) -> None:
        """A process more, under a name of its own."""
        worker = Worker(self, f"w{len(self.workers) + 1}")
        self.workers.append(worker)
        self.trace(worker.name, "starts")
        worker.start()

    def _deal(self) -> None:
        """Everybody hears what is his now, each at another moment."""
        for worker in self.workers:
            if worker.alive:
                self.loop.call_later(self.dice.choice((0.0, 0.1, self.plan.deaf_s)), self._tell_share, worker)

    def _tell_share(self, worker: Worker) -> None:
        if self.loop.time() < worker.frozen_until:
            self.loop.call_at(worker.frozen_until + 0.1, self._tell_share, worker)
        elif worker.alive:
            worker.reader.assign(self.group.of(worker.name), self.loop.time())
            self.changed()

    async def _publish(self) -> None:
        for record in self.plan.records:
            await asyncio.sleep(max(0.0, (record.at - self.now()) / 1000))
            self.broker.append(record.source, record.at, record.customer, record.raw, record.late)
            self.changed()

    async def _release(self) -> None:
        if self.plan.release is None:
            return
        at, running = self.plan.release
        await asyncio.sleep((at - self.now()) / 1000)
        second = edition(self.plan.kind, running)
        self.editions.append(second)
        self.releases.append(Released(2, at + LEAD_MS, running, second.book))
        number_two = Published(number=2, at=at + LEAD_MS, running=running, digest="", content=b"")
        self.shared.tables.publications[2] = number_two
        self.shared.tables.positions[RELEASED] = Position(2, number_two.at, at)
        self.trace("release", f"2 in force from {at + LEAD_MS}, {running}")
        self.changed()

    async def live(self) -> None:
        """Run from the beginning to the end of the plan."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.shared.committed = self.changed
        self.group.changed = self._deal
        events = [asyncio.create_task(self._publish()), asyncio.create_task(self._release())]
        for _ in range(self.plan.workers):
            self.start_worker()
        await asyncio.sleep((self.plan.until - self.now()) / 1000)
        await asyncio.gather(*events)
        await self._end()

    async def _end(self) -> None:
        """Stop whoever runs, and tell of those who should still run and do not."""
        for worker in self.workers:
            for task in worker.tasks:
                if task.done() and not task.cancelled():
                    error = task.exception()
                    raise AssertionError(f"{task.get_name()} ended: {error!r}") from error
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def rows(self) -> list[Row]:
        """Give the log."""
        return [row for _, (_, row) in sorted(self.shared.tables.log.items())]


def _set(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def lived(
    seed: int,
    *,
    make_store: Callable[[Callable[[], int], History], SharedStore] = SharedStore,
    tell: Callable[[str], None] | None = None,
) -> World:
    """Let the world of a seed live, and give it as it is at its end."""
    world = World(plan(seed), make_store, tell)
    with watched(world.history):
        run(world.live())
    return world
