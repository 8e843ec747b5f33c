"""The production host: one worker of any number, on PostgreSQL and Kafka (docs/decisions/0003).

It runs the same use cases as the embedded engine. The database is all that workers share; each may be killed at any
instant, and each outlives a database and brokers that are away. ``Frame`` puts a Faust app around it.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

import structlog

from sojourn.bootstrap.answers import AnswerReader
from sojourn.bootstrap.channels_file import read_channels
from sojourn.bootstrap.control import obey
from sojourn.bootstrap.counting import Counting
from sojourn.bootstrap.editions import Editions
from sojourn.bootstrap.figures import Figures, look_up, show, show_lag
from sojourn.bootstrap.health import summary
from sojourn.bootstrap.inflow import Batch, Inflow
from sojourn.bootstrap.intake_queue import Received
from sojourn.bootstrap.loops import Loops, at_most, pause
from sojourn.bootstrap.metrics import Metrics
from sojourn.bootstrap.partitions import Partitions
from sojourn.bootstrap.quarantine import Quarantine
from sojourn.bootstrap.releases import Edition
from sojourn.bootstrap.roles import INTAKE, roles_of
from sojourn.bootstrap.rounds import Rounds
from sojourn.bootstrap.settings import Settings
from sojourn.bootstrap.taking import Taking
from sojourn.bootstrap.telling import Announcing
from sojourn.bootstrap.timing import Timing
from sojourn.bootstrap.traceparent import Headers
from sojourn.bootstrap.trouble import Trouble
from sojourn.bootstrap.wiring import (
    Secrets,
    make_access,
    make_channels,
    make_inbox,
    make_press,
    make_shared_store,
    make_tracing,
)
from sojourn.bootstrap.worker_health import worker_parts
from sojourn.channels.inbox import InboxMessage
from sojourn.core.book import Book
from sojourn.delivery.port import Channel
from sojourn.delivery.render import Press
from sojourn.delivery.worker import Delivery
from sojourn.errors import SojournError, TryLater
from sojourn.intake.deciding import Deciding
from sojourn.intake.mapping import Topics
from sojourn.intake.timers import Fired
from sojourn.kafka.probe import probe
from sojourn.kafka.publisher import Publisher
from sojourn.kafka.reader import Reader
from sojourn.ports import Store, Views
from sojourn.records import Position

SETTLE_S: Final = 3.5
CLOSE_S: Final = 1.5
_POLL_S: Final = 1.0
_FIGURES_MS: Final = 2_000

log: structlog.stdlib.BoundLogger = structlog.get_logger("sojourn")


class Production:
    """One worker: ``open``, then ``run`` until ``stop``; then ``close``.

    Args:
        settings: Where the project, the database, the brokers and the providers are.
        clock: Milliseconds UTC of this host; arrivals and timers go by the clock of the store.
        store: Another store than the settings name; for tests.
        channels: Other channels than the settings name; for tests.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], int],
        *,
        store: Store | None = None,
        channels: Mapping[str, Channel] | None = None,
    ) -> None:
        self.settings, self.clock = settings, clock
        self.roles = roles_of(settings.roles)
        self.access = make_access(settings)
        self.metrics = Metrics()
        self.quarantine = Quarantine()
        self.store = self.quarantine.guard(store if store is not None else make_shared_store(settings, clock))
        self.trouble = Trouble(self.metrics, clock)
        self.loops = Loops(self.trouble, clock)
        self.editions = Editions(settings, self.store)
        self.partitions = Partitions(self.access)
        self.publisher = Publisher(self.access, self.store, clock)
        self.opened, self.drained = asyncio.Event(), asyncio.Event()
        self.secrets: Secrets | None = None
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.tracing = make_tracing(settings, self.name, clock)
        self._options = read_channels(settings.project)
        self._given = channels
        self._inbox = make_inbox(settings, clock) if channels is None else None
        self._channels: Mapping[str, Channel] = {}
        self._deciding: Deciding | None = None
        self._delivery: Delivery | None = None
        self._counts: Mapping[str, int] = {}
        self.figures: Figures | None = None
        self._used: Edition | None = None
        self.taking, self.timing, self.rounds = Taking(self), Timing(self), Rounds(self)
        self.inflow = Inflow(self._make_reader, self.taking.apply, clock) if INTAKE in self.roles else None
        if self.tracing is not None and self.inflow is not None:
            self.inflow.follow = self.tracing.follow

    # ---- what HTTP and the frame see

    @property
    def stopping(self) -> asyncio.Event:
        """Set once an end was asked for."""
        return self.loops.stopping

    @property
    def edition(self) -> Edition:
        """The release that is in force."""
        return self.editions.in_force(self.clock())

    @property
    def book(self) -> Book:
        """The book that is in force."""
        return self.edition.book

    @property
    def deciding(self) -> Deciding:
        """What every use case decides with."""
        assert self._deciding is not None, "the worker is not open"
        return self._deciding

    @property
    def delivery(self) -> Delivery:
        """The way out."""
        assert self._delivery is not None, "the worker is not open"
        return self._delivery

    @property
    def views(self) -> Views:
        """What people read."""
        return self.store.views

    @property
    def inbox(self) -> Sequence[InboxMessage]:
        """Messages of this process's local inbox, oldest first; empty where every provider is a real one."""
        return tuple(self._inbox.messages) if self._inbox is not None else ()

    @property
    def waiting(self) -> int:
        """How many inputs of HTTP wait to be stored."""
        return self.taking.waiting

    @property
    def fired(self) -> Fired | None:
        """The last page of timers that this worker ran."""
        return self.timing.fired

    @property
    def topics(self) -> Topics:
        """The topics of the release in force."""
        project = self.edition.project
        return Topics(frozenset(project.catalogue.topics), project.topics)

    async def submit(self, raws: Sequence[bytes], source: str, headers: Headers = ()) -> Received:
        """See ``Taking.submit``."""
        return await self.taking.submit(raws, source, headers)

    async def health(self) -> dict[str, Any]:
        """Tell how each part does, and why where it is not well."""
        return summary(await worker_parts(self))

    async def brokers_answer(self) -> bool:
        """Tell whether Kafka can be used now; why not is logged."""
        trouble = await probe(self.access)
        if trouble is not None:
            log.warning("the brokers do not answer", what=trouble.what, next_step=trouble.next_step)
        return trouble is None

    async def look_up(self) -> None:
        """Look at the whole installation, if the last look is some seconds old.

        Raises:
            TryLater: The store is away.
        """
        now = self.clock()
        if self.figures is None or now - self.figures.at > _FIGURES_MS:
            self.figures = await look_up(self.views, self._counts, now)
            show(self.metrics, self.figures)
            self.metrics.quarantined.set(len(self.quarantine.customers))
            self.trouble.works("figures", wrote=False)
        reader = self.inflow.reader if self.inflow is not None else None
        if reader is not None:
            show_lag(self.metrics, reader.lag(), reader.lag_seconds())

    async def hear(self, record: bytes | None) -> None:
        """Do what a record of the control topic says; tried again until the store is there, never raises.

        A word at which the engine itself fails is left out, because the words behind it count as well.
        """
        while not self.stopping.is_set():
            try:
                log.info("a word on the control topic", became=await obey(self.store, record))
                return
            except SojournError as error:
                self.trouble.note(error, "control")
                await pause(self.stopping, _POLL_S)
            except Exception as error:
                self.trouble.note(error, "control")
                log.warning("a word on the control topic was left out", next_step="Say it with `sojourn intake waive`")
                return

    async def take(self, batch: Batch) -> None:
        """Store one batch of records and say so in it; never raises."""
        if self.inflow is not None:
            await self.inflow.take(batch)

    # ---- life

    async def open(self) -> bool:
        """Make everything ready, and wait for a database that is away; False when an end was asked for meanwhile.

        Raises:
            MustStop: Settings, project or database are unusable.
        """
        while not self.stopping.is_set():
            try:
                await self._open()
                self.opened.set()
                return True
            except TryLater as error:
                self.trouble.note(error, "store")
                await pause(self.stopping, _POLL_S)
        return False

    async def run(self) -> None:
        """Work until ``stop``; raises what makes going on harmful.

        Raises:
            MustStop: The database must not be used any more.
        """
        self.loops.start(self.rounds.loops(self.roles))
        await self.loops.until_stopped()
        await self._end()
        if self.loops.failure is not None:
            raise self.loops.failure

    def stop(self) -> None:
        """Ask for a clean end: nothing new is taken, what is under way is settled."""
        self.stopping.set()
        self.rounds.timers_wake.set()
        if self._delivery is not None:
            self._delivery.ended.set()

    async def close(self) -> None:
        """Give everything back, bounded; after ``run`` has ended, or instead of it."""
        ends = {name: channel.close() for name, channel in self._channels.items()}
        if self._inbox is not None:
            ends["inbox"] = self._inbox.close()
        if self.tracing is not None:
            ends["traces"] = self.tracing.close()
        await at_most(CLOSE_S, ends | {"brokers": self.partitions.close(), "store": self.store.close()})

    # ---- single turns

    async def fire(self) -> int:
        """See ``Timing.fire``."""
        return await self.timing.fire()

    async def deliver(self) -> int:
        """One turn of the way out: settle what ended, start what may go."""
        with self.metrics.exchange_seconds.time():
            done = await self.delivery.exchange()
        self.trouble.works("delivery", wrote=bool(done))
        return done

    async def look_at_releases(self) -> None:
        """Load what was published since the last look, and use what is in force."""
        fresh = await self.editions.catch_up()
        self.trouble.works("release", wrote=False)
        if fresh or self.edition is not self._used:
            self._use(self.edition)

    async def look_at_topics(self) -> None:
        """See how many partitions the topics have now."""
        await self.partitions.look()
        self._counts = self.partitions.counts(self.topics.names, await self.views.positions())
        if self._deciding is None or self._counts != self._deciding.topics:
            self._decide_with_all()

    # ---- inside

    async def _open(self) -> None:
        await self.store.open()
        await self.quarantine.load(self.store)
        await self.editions.load()
        async with self.store.transaction() as tx:
            self.secrets = await Secrets.of(tx)
        if self._inbox is not None and not self._channels:
            await self._inbox.open()
        if not self._channels:
            self._channels = self._given or make_channels(self.settings, self._options, self._inbox, self.secrets.calls)
            for channel in self._channels.values():
                await channel.open()
        await self.look_at_topics()
        edition = self.edition
        self._delivery = Delivery(
            self.store,
            self.deciding,
            self._press(edition),
            self._channels if self.tracing is None else self.tracing.channels(self._channels),
            worker=self.name,
            clock=self.clock,
            read_answer=AnswerReader(edition.project),
            listener=Counting(self) if self.tracing is None else self.tracing.listener(Counting(self)),
            alone=False,
        )
        self._use(edition)

    def _make_reader(self, topics: Collection[str]) -> Reader:
        return Reader(
            self.access,
            topics,
            self.settings.kafka_group,
            self._stored,
            self.clock,
            begin=self.settings.kafka_begin,
            client_id=f"sojourn-{self.name}",
        )

    async def _end(self) -> None:
        """Settle what is under way; every step is bounded, so that all of it takes less than ten seconds."""
        self.taking.close(TryLater("The worker is stopping", next_step="Send it again to another one"))
        await self.loops.end(in_peace=frozenset({"intake", "delivery", "outgoing"}))
        self.drained.set()
        ends = {"delivery": self.delivery.stop(SETTLE_S - 1), "outgoing": self.publisher.stop()}
        if self.inflow is not None:
            ends["intake"] = self.inflow.stop()
        await at_most(SETTLE_S, ends)

    async def _stored(self, sources: Collection[str]) -> Mapping[str, Position]:
        positions = await self.views.positions()
        return {source: positions[source] for source in sources if source in positions}

    def _use(self, edition: Edition) -> None:
        """Decide with all books that are loaded, and render with the edition that is in force."""
        new = edition is not self._used
        self._decide_with_all()
        if not new:
            return
        self._used = edition
        self.metrics.release.set(edition.published.number)
        self.delivery.use(self.deciding, self._press(edition), AnswerReader(edition.project))
        if self._inbox is not None:
            self._inbox.use({name: call.example for name, call in edition.project.calls.items()})
        self.rounds.wake()
        log.info("a release is in force", number=edition.published.number, running=edition.published.running)

    def _decide_with_all(self) -> None:
        self._deciding = Deciding(self.editions.releases, dict(self._counts), Announcing())
        if self._delivery is not None:
            self._delivery.deciding = self._deciding
        if self.inflow is not None:
            self.inflow.use(self.edition.project.catalogue, self.topics, self._counts)

    def _press(self, edition: Edition) -> Press:
        assert self.secrets is not None
        return make_press(self.settings, self._options, edition, self.secrets.links)
