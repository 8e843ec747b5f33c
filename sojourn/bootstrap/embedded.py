"""The embedded host: one process with intake, timers, delivery and releases on one store (design.md).

Loops outlive a store that is away: they wait with back-off and go on by themselves. Nothing is acknowledged
before it is stored. ``Engine`` is the seam that HTTP and pages stand on.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import structlog

from sojourn.bootstrap.answers import AnswerReader
from sojourn.bootstrap.channels_file import read_channels
from sojourn.bootstrap.counting import Counting, count_applied
from sojourn.bootstrap.figures import LOOK_S, look_up, show
from sojourn.bootstrap.health import summary
from sojourn.bootstrap.intake_queue import IntakeQueue, Received
from sojourn.bootstrap.lock import ProcessLock
from sojourn.bootstrap.metrics import Metrics
from sojourn.bootstrap.quarantine import Quarantine
from sojourn.bootstrap.readiness import parts_of
from sojourn.bootstrap.releases import (
    Edition,
    Shelf,
    changed_since,
    plan,
    release,
)
from sojourn.bootstrap.retention import forget_slowly
from sojourn.bootstrap.settings import Settings
from sojourn.bootstrap.traceparent import Headers, following
from sojourn.bootstrap.trouble import Trouble
from sojourn.bootstrap.wiring import make_channels, make_inbox, make_press, make_store
from sojourn.channels.inbox import InboxMessage
from sojourn.core.book import Book
from sojourn.core.model import Event
from sojourn.delivery.pace import backoff
from sojourn.delivery.port import Channel
from sojourn.delivery.worker import Delivery
from sojourn.errors import MustStop, SojournError, TryLater
from sojourn.intake.apply import Applied, Incoming, apply_events, close_instant
from sojourn.intake.deciding import Deciding
from sojourn.intake.decode import decode
from sojourn.intake.releases import RELEASED
from sojourn.intake.timers import Fired, fire_due
from sojourn.ports import Store, Views
from sojourn.publication.sweep import IN_FORCE, sweep_page
from sojourn.records import Position
from sojourn.tasks import ended

WORKER = "embedded"
STOP_S = 7.0
_IDLE_S = 0.5
_GATHER_S = 0.004
_POLL_S = 1.0

log: structlog.stdlib.BoundLogger = structlog.get_logger("sojourn")


class Engine:
    """One engine: ``open``, then ``run`` until ``stop``; in between ``submit`` events and read.

    Args:
        settings: Where the project, the database and the providers are.
        clock: Milliseconds UTC; the only clock of the engine.
        store: Another store than the settings name; for tests and rehearsals.
        channels: Other channels than the settings name.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], int],
        *,
        store: Store | None = None,
        channels: Mapping[str, Channel] | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.metrics = Metrics()
        self.quarantine = Quarantine()
        self.store = self.quarantine.guard(store if store is not None else make_store(settings, clock))
        self.shelf = Shelf(settings.var)
        self.notices: list[str] = []
        self.failure: SojournError | None = None
        self.trouble = Trouble(self.metrics, clock)
        self.last_fired: Fired | None = None
        self._given = channels
        self._options = read_channels(settings.project)
        self._inbox = make_inbox(settings, clock) if channels is None else None
        self._channels: Mapping[str, Channel] = {}
        self._edition: Edition | None = None
        self._delivery: Delivery | None = None
        self._lock = ProcessLock(settings.database_file.with_suffix(".lock")) if store is None else None
        self._deciding: Deciding | None = None
        self._queue = IntakeQueue(self._apply)
        self._tasks: list[asyncio.Task[None]] = []
        self._timers_wake = asyncio.Event()
        self._stopping = asyncio.Event()

    # ---- the seam

    @property
    def edition(self) -> Edition:
        """The release that is in force."""
        assert self._edition is not None, "the engine is not open"
        return self._edition

    @property
    def book(self) -> Book:
        """The book that is in force."""
        return self.edition.book

    @property
    def deciding(self) -> Deciding:
        """What every use case decides with."""
        assert self._deciding is not None, "the engine is not open"
        return self._deciding

    @property
    def delivery(self) -> Delivery:
        """The way out."""
        assert self._delivery is not None, "the engine is not open"
        return self._delivery

    @property
    def views(self) -> Views:
        """What people read."""
        return self.store.views

    @property
    def inbox(self) -> Sequence[InboxMessage]:
        """Messages of the local inbox, oldest first; empty where every provider is a real one."""
        return tuple(self._inbox.messages) if self._inbox is not None else ()

    @property
    def waiting(self) -> int:
        """How many inputs wait to be stored."""
        return self._queue.waiting

    async def submit(self, raws: Sequence[bytes], source: str, headers: Headers = ()) -> Received:
        """Store events and tell what became of each; when it returns they are stored and decided.

        Args:
            raws: One envelope each (requirements B2), as bytes.
            source: How they came, such as ``http``.
            headers: Of the request; an event that names no trace belongs to theirs.

        Raises:
            Overloaded: Too many wait; nothing was stored.
            TryLater: The store is away; send them again.
        """
        catalogue = self.edition.project.catalogue
        now = self.clock()
        incoming = []
        for raw in raws:
            read = decode(raw, catalogue, now)
            read = following(read, headers) if isinstance(read, Event) else read
            incoming.append(Incoming(raw=raw, read=read, source=source))
        if not incoming:
            return Received(0, 0)
        return await self._queue.submit(incoming)

    async def health(self) -> dict[str, Any]:
        """Tell how each part does, and why where it is not well."""
        return summary(await parts_of(self))

    # ---- life

    async def open(self) -> None:
        """Make everything ready: store, releases, channels. Takes no work yet.

        Raises:
            MustStop: Settings, project or database are unusable, or another engine runs on them.
        """
        if self._lock is not None:
            self._lock.take()
        await self.store.open()
        await self.quarantine.load(self.store)
        await self._load_releases()
        if self._inbox is not None:
            await self._inbox.open()
        self._channels = self._given or make_channels(self.settings, self._options, self._inbox)
        for channel in self._channels.values():
            await channel.open()
        edition = self.edition
        self._delivery = Delivery(
            self.store,
            self.deciding,
            make_press(self.settings, self._options, edition),
            self._channels,
            worker=WORKER,
            clock=self.clock,
            read_answer=AnswerReader(edition.project),
            listener=Counting(self),
        )
        self._take_answers(edition)

    async def run(self) -> None:
        """Work until ``stop``; raises what makes going on harmful.

        Raises:
            MustStop: The database must not be used any more.
        """
        loops = (
            self._intake_loop,
            self._timers_loop,
            self._delivery_loop,
            self._release_loop,
            self._retention_loop,
            self._figures_loop,
        )
        self._tasks = [asyncio.create_task(self._guarded(loop), name=loop.__name__) for loop in loops]
        await self._stopping.wait()
        await self._end()
        if self.failure is not None:
            raise self.failure

    def stop(self) -> None:
        """Ask for a clean end: nothing new is taken, what is under way is settled."""
        self._stopping.set()
        self._timers_wake.set()
        if self._delivery is not None:
            self._delivery.ended.set()

    async def close(self) -> None:
        """Give everything back; to be called after ``run`` has ended, or instead of it."""
        for channel in self._channels.values():
            await channel.close()
        if self._inbox is not None:
            await self._inbox.close()
        await self.store.close()
        if self._lock is not None:
            self._lock.release()

    # ---- single turns, for hosts with a clock of their own

    async def take(self) -> int:
        """Store one batch of what was submitted."""
        return await self._queue.run_once()

    async def fire(self) -> int:
        """Run every timer that is due by now, and give for how many customers."""
        count = 0
        while True:
            fired = await fire_due(self.store, self.deciding, quarantined=self.quarantine.customers)
            self.last_fired = fired
            self.quarantine.add(fired.broken)
            self.trouble.works("timers", wrote=fired.customers > 0)
            self.metrics.timers.inc(fired.customers)
            self.metrics.timer_lag.set(fired.late_ms / 1000)
            count += fired.customers
            if not fired.more:
                return count

    async def deliver(self) -> int:
        """One turn of the way out: settle what ended, start what may go."""
        done = await self.delivery.exchange()
        self.trouble.works("delivery", wrote=bool(done))
        return done

    async def probe(self) -> None:
        """Find out whether the store can be written again, after it could not.

        Raises:
            TryLater: It cannot.
        """
        async with self.store.transaction() as tx:
            await close_instant(tx, self.deciding, await tx.now())
        self.trouble.works("store", wrote=True)

    async def look_up(self) -> None:
        """Look at what waits in the store, and show it.

        Raises:
            TryLater: The store is away.
        """
        show(self.metrics, await look_up(self.views, {}, self.clock()))
        self.metrics.quarantined.set(len(self.quarantine.customers))
        self.trouble.works("figures", wrote=False)

    async def check_releases(self) -> int | None:
        """Look for a release; once its instant has come, use it and let everybody meet it.

        Gives the instant of one that is still ahead, else None.
        """
        positions = await self.store.views.positions()
        self.trouble.works("release", wrote=False)
        released = positions.get(RELEASED)
        if released is not None and released.next > len(self.shelf.editions):
            await self.shelf.catch_up(self.store)
            self._use(self.edition)
        for edition in self.shelf.editions[self.edition.published.number :]:
            if self.clock() < edition.published.at:
                return edition.published.at
            self._use(edition)
        await self._sweep(positions)
        return None

    # ---- loops

    async def _intake_loop(self) -> None:
        while not self._stopping.is_set():
            if await self._queue.run_once():
                self._timers_wake.set()
                self.delivery.ended.set()

    async def _timers_loop(self) -> None:
        while not self._stopping.is_set():
            self._timers_wake.clear()
            if await self.fire():
                self.delivery.ended.set()
            following = self.last_fired.next_due if self.last_fired is not None else None
            wait = _POLL_S if following is None else min(_POLL_S, max(0.001, (following - self.clock()) / 1000))
            await _wait(self._timers_wake, wait)

    async def _delivery_loop(self) -> None:
        while not self._stopping.is_set():
            self.delivery.ended.clear()
            if await self.deliver():
                self._timers_wake.set()
            if not self.delivery.has_results:
                await _wait(self.delivery.ended, _IDLE_S)
            if self.delivery.in_flight > 1:
                await asyncio.sleep(_GATHER_S)  # let results gather: one transaction for many

    async def _release_loop(self) -> None:
        while not self._stopping.is_set():
            ahead = await self.check_releases()
            wait = _POLL_S if ahead is None else min(_POLL_S, max(0.001, (ahead - self.clock()) / 1000))
            await _wait(self._stopping, wait)

    async def _retention_loop(self) -> None:
        await forget_slowly(self.store, self.settings, self.trouble, self._stopping)

    async def _figures_loop(self) -> None:
        while not self._stopping.is_set():
            await self.look_up()
            await _wait(self._stopping, LOOK_S)

    async def _guarded(self, loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a loop for ever: what may go well later is tried again, what does harm stops the engine."""
        failures = 0
        while not self._stopping.is_set():
            began = self.clock()
            try:
                await loop()
            except MustStop as error:
                self.failure = error
                log.critical("the engine stops", what=error.what, next_step=error.next_step)
                self.stop()
                return
            except Exception as error:
                failures = 1 if self.clock() - began > 10_000 else failures + 1
                self.trouble.note(error, loop.__name__.strip("_").removesuffix("_loop"))
                await _wait(self._stopping, min(5.0, backoff(loop.__name__, failures) / 8000))
            else:
                failures = 0

    async def _end(self) -> None:
        """Settle what is under way within the time that a stop may take."""
        self._queue.close(TryLater("The engine is stopping", next_step="Send it again when it is back"))
        for task in self._tasks:
            if task.get_name() != self._delivery_loop.__name__:
                task.cancel()
        await asyncio.wait(self._tasks, timeout=2)
        await ended(*self._tasks, again_s=2.0)
        try:
            await self.delivery.stop(STOP_S - 3)
        except SojournError as error:
            log.warning("what was under way could not be settled; its leases tell the next start", what=error.what)

    # ---- inside

    async def _apply(self, incoming: Sequence[Incoming]) -> Applied:
        began = self.clock()
        try:
            applied = await apply_events(self.store, self.deciding, incoming, quarantined=self.quarantine.customers)
        except Exception as error:
            self.trouble.note(error, "intake")
            raise
        self.trouble.works("intake", wrote=True)
        self.quarantine.add(applied.broken)
        count_applied(self.metrics, applied, (self.clock() - began) / 1000)
        self.metrics.intake_queue.set(self._queue.waiting)
        self.metrics.quarantined.set(len(self.quarantine.customers))
        return applied

    async def _load_releases(self) -> None:
        """Rebuild every book; release the folder at the very first start; finish what a kill interrupted."""
        await self.shelf.catch_up(self.store)
        folder = self.settings.project
        if not self.shelf.editions:
            planned = await plan(self.store, self.shelf, folder, "stay")
            await release(self.store, planned, "stay", lead_ms=0)
            await self.shelf.catch_up(self.store)
            self.notices.append(f"released the project for the first time: {len(planned.change.added)} journeys")
        elif changed_since(folder, self.shelf.editions[-1]):
            number = self.shelf.editions[-1].published.number
            self.notices.append(
                f"the project folder has changed since release {number}; `sojourn release` puts it in force"
            )
        in_force = [one for one in self.shelf.editions if one.published.at <= self.clock()]
        self._use((in_force or self.shelf.editions)[-1])

    def _use(self, edition: Edition) -> None:
        """Decide with all books that are loaded, and render with the edition that is in force."""
        new = edition is not self._edition
        self._edition = edition
        self._deciding = Deciding(self.shelf.releases)
        self.metrics.release.set(edition.published.number)
        if self._delivery is not None:
            press = make_press(self.settings, self._options, edition)
            self._delivery.use(self._deciding, press, AnswerReader(edition.project))
            self._take_answers(edition)
        self._timers_wake.set()
        if new:
            log.info("a release is in force", number=edition.published.number, running=edition.published.running)

    async def _sweep(self, positions: Mapping[str, Position]) -> None:
        """Let everybody meet the releases in force whom nothing else has made meet them."""
        swept = positions.get(IN_FORCE, Position(1, 0)).next
        for released in self.deciding.releases.to_meet(swept, self.clock()):
            while await sweep_page(self.store, self.deciding, released) is not None:
                self._timers_wake.set()

    def _take_answers(self, edition: Edition) -> None:
        if self._inbox is not None:
            self._inbox.use({name: call.example for name, call in edition.project.calls.items()})


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, at most so long."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
