"""One worker of a world: the real use cases in loops, and every point at which it may be slow, frozen or dead."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from sojourn.bootstrap.answers import AnswerReader
from sojourn.delivery.claim import Given
from sojourn.delivery.render import Press
from sojourn.delivery.send import Result
from sojourn.delivery.settle import SettledBatch
from sojourn.delivery.worker import Delivery
from sojourn.errors import TryLater
from sojourn.intake.apply import Incoming, Reading, apply_records
from sojourn.intake.deciding import Deciding
from sojourn.intake.decode import decode
from sojourn.intake.frontier import STALLED_MS
from sojourn.intake.releases import Releases
from sojourn.intake.timers import fire_due, fire_past_stalled
from sojourn.places import place_of
from sojourn.ports import Conflict, StoreBusy
from sojourn.publication.sweep import IN_FORCE, sweep_page
from tests.worlds.kafka import Reader
from tests.worlds.provider import Link
from tests.worlds.shared import SharedTx

if TYPE_CHECKING:
    from tests.worlds.world import World

SESSION_S = 6.0  # a member that is not heard of leaves the group
IDLE_TX_S = 4.0  # the server gives up a client that is silent inside a transaction
CHUNK = 20


class Unheard:
    """Nobody counts here."""

    def claimed(self, given: Given) -> None:
        """Nothing."""

    def ended(self, result: Result) -> None:
        """Nothing."""

    def settled(self, batch: SettledBatch) -> None:
        """Nothing."""


class Worker:
    """One life of a worker; ``name`` is its own, as a process has its own id at each start."""

    def __init__(self, world: "World", name: str) -> None:
        self.world, self.name = world, name
        self.dice = random.Random(f"{world.plan.seed} {name}")
        self.alive = True
        self.late_ms = self.dice.choice((-4_000, -4_000, -500, 7_000))  # hears so long after a release takes effect
        self.frozen_until = 0.0
        self.store = world.shared.of(self)
        self.reader = Reader(world.broker)
        self.tasks: list[asyncio.Task[None]] = []
        self._use()
        link = Link(world.taken, self.point, self.dice, self._provider_trouble, world.now, world.plan.at_once)
        channels = dict.fromkeys(("sms", "email", "call"), link)
        self.delivery = Delivery(
            self.store, self.deciding, self.press, channels,
            worker=name, clock=world.now, read_answer=self.answers, listener=Unheard(), alone=False,
        )  # fmt: skip

    def start(self) -> None:
        """Begin all loops."""
        self.world.group.join(self.name)
        loops = (self._read, self._fire, self._deliver, self._sweep)
        ripe = (self._may_read, self._may_fire, self._may_deliver, self._may_sweep)
        for work, when in zip(loops, ripe, strict=True):
            self.tasks.append(asyncio.create_task(self._loop(work, when), name=f"{self.name} {work.__name__}"))

    def _use(self) -> None:
        """Take the releases that are known now."""
        world = self.world
        self.known = self._heard()
        self.deciding = Deciding(Releases(tuple(world.releases[: self.known])), topics=world.broker.counts)
        newest = world.editions[self.known - 1]
        self.catalogue = newest.project.catalogue
        self.press = Press(newest.renderer, frozenset(newest.book.rules.purposes))
        self.answers = AnswerReader(newest.project)

    def _heard(self) -> int:
        """How many releases this worker has heard of; it may be after they took effect."""
        published = self.world.shared.tables.publications.values()
        return sum(one.at + self.late_ms <= self.world.now() for one in published)

    # ---- points

    async def point(self, what: str) -> None:
        """Something could happen here."""
        world = self.world
        world.step()
        await self._gone()
        roll = self.dice.random()
        if roll < 0.2:
            await asyncio.sleep(self.dice.uniform(0.001, 0.04))
        elif roll < 0.22:
            await asyncio.sleep(self.dice.uniform(0.05, 1.0))
        troubles = world.plan.troubles
        if world.trouble(self.dice, troubles.kills):
            world.trace(self.name, f"killed before: {what}")
            self.die()
        elif world.trouble(self.dice, troubles.freezes):
            self.freeze(self.dice.choice((1.0, 5.0, 20.0, 120.0)), what)
        elif world.trouble(self.dice, troubles.moves):
            world.trace("group", "deals anew")
            world.group.rotate()
        await self._gone()

    async def _gone(self) -> None:
        """A dead process runs no further; a frozen one later."""
        loop = asyncio.get_running_loop()
        while self.alive and loop.time() < self.frozen_until:  # noqa: ASYNC110 (it may be frozen again)
            await asyncio.sleep(self.frozen_until - loop.time())
        if not self.alive:
            await loop.create_future()

    async def statement(self, tx: SharedTx, what: str) -> None:
        """A statement on its way to the server."""
        await self.point(what)
        world = self.world
        if world.trouble(self.dice, world.plan.troubles.aways):
            world.database_away(self.dice.choice((1.0, 8.0, 40.0)))
        if world.loop.time() < world.away_until or world.trouble(self.dice, world.plan.troubles.fails):
            world.trace(self.name, f"the connection breaks at: {what}")
            raise StoreBusy("the connection is lost", next_step="Try again.")

    def die(self) -> None:
        """SIGKILL: the server hears of it at once or a little later, the group after its session, then a new start."""
        self.alive = False
        world = self.world
        world.loop.call_later(self.dice.choice((0.0, 0.5, 3.0)), self._close_all)
        world.loop.call_later(SESSION_S, lambda: world.group.leave(self.name))
        world.loop.call_later(self.dice.uniform(0.5, 30), world.start_worker)

    def freeze(self, seconds: float, what: str) -> None:
        """SIGSTOP for a while: the server gives it up in the middle of a transaction, the group after its session."""
        world = self.world
        world.trace(self.name, f"frozen for {seconds} s before: {what}")
        self.frozen_until = world.loop.time() + seconds
        if seconds > IDLE_TX_S:
            world.loop.call_later(IDLE_TX_S, self._close_all)
        if seconds > SESSION_S:
            world.loop.call_later(SESSION_S, lambda: world.group.leave(self.name))
            world.loop.call_later(seconds + 0.5, self._join_again)

    def _join_again(self) -> None:
        if self.alive and self.name not in self.world.group.members:
            self.world.group.join(self.name)

    def _close_all(self) -> None:
        for tx in [tx for tx in self.world.shared.open_transactions if tx.client is self]:
            tx.end()

    def _provider_trouble(self) -> bool:
        return self.world.is_troubled and self.dice.random() < self.world.plan.troubles.provider

    # ---- loops

    async def _loop(self, turn: Callable[[], Awaitable[Any]], ripe: Callable[[], float | None]) -> None:
        """Run turns when there may be something to do; what may go well later is tried again, less and less often."""
        pause = 0.1
        while True:
            await self.world.until(ripe)
            await self.point(f"a turn of {turn.__name__}")
            if self.known < self._heard():
                self._use()
                self.delivery.use(self.deciding, self.press, self.answers)
            try:
                did = await turn()
            except TryLater as error:
                self.world.trace(self.name, f"{turn.__name__}: {error.what}")
                did = None
            pause = 0.1 if did else min(5.0, pause * 2)
            await asyncio.sleep(pause * self.dice.uniform(0.5, 1.0))

    async def _read(self) -> Any:
        world, loop = self.world, self.world.loop
        if self.reader.unplaced:
            async with self.store.transaction() as tx:
                positions = await tx.positions()
            self.reader.place(positions)
        chunk = self.reader.next(CHUNK, world.now(), loop.time())
        if not chunk.spans:
            return None
        incoming = [
            Incoming(
                raw=record.value or b"",
                read=decode(record.value or b"", self.catalogue, world.now()),
                source=record.source,
                position=record.offset,
                stamp=record.timestamp,
                keyed=world.is_keyed(record),
            )
            for record in chunk.records
        ]
        reading = Reading(
            expect={source: span.expect for source, span in chunk.spans.items()},
            next={source: span.next for source, span in chunk.spans.items()},
            merged=chunk.merged,
            idle=chunk.idle,
            looked_at=chunk.looked_at,
        )
        try:
            await apply_records(self.store, self.deciding, incoming, reading)
        except (Conflict, StoreBusy):
            self.reader.rewind(loop.time())
            raise
        self.reader.keep(chunk)
        return bool(chunk.records)

    async def _fire(self) -> Any:
        fired = await fire_due(self.store, self.deciding)
        due = self.world.next_due()
        if due is None or due > self.world.now() - STALLED_MS:
            return fired.customers
        past = await fire_past_stalled(self.store, self.deciding)
        return fired.customers + past.customers

    async def _deliver(self) -> Any:
        self.delivery.ended.clear()
        return await self.delivery.exchange()

    async def _sweep(self) -> Any:
        released = self.deciding.releases.at(self.world.now())
        return await sweep_page(self.store, self.deciding, released) if released.number > 1 else None

    # ---- when there may be something to do: None: only once something has changed; else not before an instant (ms)

    def _may_read(self) -> float | None:
        world = self.world
        now = world.now()
        if self.reader.unplaced or self.reader.unread(now):
            return now
        wanted = world.next_wanted()
        if wanted is None or not self.reader.sources:
            return world.broker.next_readable(now)
        if now >= wanted - 1_000 and world.stored_to(self.reader.sources) <= max(wanted, now - 20_000):
            return now
        following = world.broker.next_readable(now)
        soon = wanted - 1_000 if now < wanted - 1_000 else now + 1_000
        return soon if following is None else min(soon, following)

    def _may_fire(self) -> float | None:
        return self.world.next_due()

    def _may_deliver(self) -> float | None:
        return self.world.now() if self.delivery.has_results else self.world.next_order()

    def _may_sweep(self) -> float | None:
        released = self.deciding.releases.all[-1]
        at = self.world.shared.tables.positions.get(IN_FORCE)
        unheard = self.world.shared.tables.publications.get(self.known + 1)
        if unheard is not None:
            return unheard.at + self.late_ms
        return None if released.number <= (at.next if at is not None else 1) else released.at


def keyed(customer: str | None, partition: int, count: int) -> bool:
    """Tell whether a record lies where its customer id puts it."""
    return customer is not None and place_of(customer) % count == partition
