"""Reads topics together with other workers: batched, merged by time, with the positions in the store.

Kafka says who reads which partition, and nothing else. Where reading begins is the store's word, and the
compare-and-set on its positions fences whoever has lost a partition. Nothing that a broker does while this runs is
raised: reading recovers by itself, and ``trouble`` says what is wrong.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Literal

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError

from sojourn.kafka.access import KafkaAccess
from sojourn.kafka.merging import BLIND_S, HOLD_S, Held, blind, merge, unseen
from sojourn.kafka.probe import probe
from sojourn.kafka.session import FORGOTTEN_S, Desk, Plan, Session, Stored
from sojourn.kafka.values import WHOLE, Chunk, Notice, Record, Share, Span
from sojourn.tasks import ended, within

#: What aiokafka is told.
CLIENT: Final[Mapping[str, Any]] = {
    "enable_auto_commit": False,
    "auto_offset_reset": "none",  # where to begin is our word
    "isolation_level": "read_committed",
    "partition_assignment_strategy": (RangePartitionAssignor,),  # partition p of all topics with one worker
    "fetch_max_wait_ms": 50,
    "max_partition_fetch_bytes": 128 << 10,
    "fetch_max_bytes": 4 << 20,
    "session_timeout_ms": 6_000,
    "heartbeat_interval_ms": 500,  # how soon a worker hears that another one comes or goes
    "rebalance_timeout_ms": 10_000,
    "max_poll_interval_ms": 60_000,
    "request_timeout_ms": 12_000,  # above the rebalance timeout: a join is one request
}
_START_S: Final = 10.0
_LEAVE_S: Final = 2.5
_CLOSE_S: Final = 1.0
_END_S: Final = 5.0  # all of these one after the other, and a little
_BACK_OFF_S: Final = (0.2, 0.5, 1.0, 2.0, 3.0)
_BROKEN: Final = (KafkaError, OSError, TimeoutError)

log: structlog.stdlib.BoundLogger = structlog.get_logger("sojourn.kafka")


def tell(notice: Notice) -> None:
    """Log a notice; what a reader does with one unless told otherwise."""
    log.error(
        "a source does not go on where it stood",
        kind=notice.kind,
        source=notice.source,
        stored=notice.stored,
        found=notice.found,
    )


class Reader:
    """Gives records of its share of the topics, oldest first, until it is stopped.

    One task calls ``next``, stores the chunk in one transaction, and then calls ``keep`` with it, or ``rewind``
    after a Conflict. What was handed out and neither kept nor rewound is handed out again. Several tasks may do so
    side by side, each with a share of the partitions that no other one has.
    """

    def __init__(
        self,
        access: KafkaAccess,
        topics: Collection[str],
        group: str,
        stored: Stored,
        clock: Callable[[], int],
        *,
        patterns: Collection[str] = (),
        begin: Literal["earliest", "latest"] = "earliest",
        client_id: str = "sojourn",
        notice: Callable[[Notice], None] = tell,
        metadata_s: float = 30.0,
    ) -> None:
        """Make ready; nothing is opened.

        Args:
            access: The way to the brokers.
            topics: Names; one that does not exist yet is read from when it does.
            group: The consumer group that all workers form.
            stored: Reads positions of sources from the store; may raise TryLater.
            clock: Milliseconds UTC.
            patterns: Regular expressions of whole names.
            begin: Where a source begins that has no position.
            client_id: How the brokers name this client in their logs.
            notice: Called when a source cannot go on where it stood.
            metadata_s: How often new topics and partitions are looked for.
        """
        self._access, self._group, self._clock = access, group, clock
        self._names = frozenset(topics)
        self._pattern = "(?:" + "|".join([*map(re.escape, sorted(topics)), *(f"(?:{p})" for p in patterns)]) + r")\Z"
        self._client_id, self._metadata_ms = client_id, int(metadata_s * 1000)
        self._plan, self._desk = Plan(stored, clock, begin, notice), Desk()
        self._session: Session | None = None
        self._unseen_since: dict[Share, float] = {}
        self._task: asyncio.Task[None] | None = None

    # ---- what the worker calls

    async def start(self) -> None:
        """Begin; the brokers need not be there yet. Raises ConfigurationError where the access cannot be used."""
        self._access.arguments()
        self._task = asyncio.create_task(self._run(), name="kafka-reader")

    async def stop(self) -> None:
        """Leave the group and close the connections, within five seconds whatever the brokers do."""
        task, self._task = self._task, None
        if task is not None:
            await ended(task, again_s=_END_S)

    async def next(self, limit: int = 500, wait_s: float = 0.2, share: Share = WHOLE) -> Chunk:
        """Give the next records of a share, as soon as there are any, or an empty chunk after ``wait_s``."""
        loop, desk = asyncio.get_running_loop(), self._desk
        until = loop.time() + wait_s
        desk.asked_at = loop.time()
        desk.asked.set()
        for held in self._held(share):
            held.put_back()
        while True:
            desk.arrived.clear()
            taken = [] if self._waits_for_a_look(share, loop.time()) else merge(self._held(share), limit, loop.time())
            if taken or loop.time() >= until:
                if self._session is not None:
                    self._session.resume()
                return self._chunk(taken, share)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(until, self._overdue(share, loop.time()))):
                    await desk.arrived.wait()

    async def keep(self, chunk: Chunk) -> None:
        """This chunk is stored: go on behind it."""
        by_source = {held.source: (place, held) for place, held in self._desk.held.items()}
        for source, span in chunk.spans.items():
            if source in by_source:
                place, held = by_source[source]
                held.kept(span.expect, span.next)
                if source in chunk.idle:
                    held.told_at = chunk.looked_at
                self._desk.commits[TopicPartition(*place)] = span.next

    async def rewind(self, share: Share = WHOLE) -> None:
        """The store stands elsewhere than this reader believed: go on with a share from its positions."""
        self._desk.unplace(asyncio.get_running_loop().time(), self._held(share))

    # ---- what it tells

    @property
    def assigned(self) -> frozenset[str]:
        """The sources that this reader has now."""
        return frozenset(held.source for held in self._desk.held.values())

    @property
    def keyed(self) -> bool:
        """Whether the store knows of no record here that lies in another partition than its customer's."""
        return all(held.keyed for held in self._desk.held.values())

    @property
    def missing(self) -> frozenset[str]:
        """Topics that the brokers do not show: they are not there, or this user may not see them."""
        return frozenset() if self._session is None else self._names - self._session.consumer._client.cluster.topics()

    @property
    def trouble(self) -> str | None:
        """What keeps this reader from reading, None when all is well."""
        return "; ".join(self._desk.faults.values()) or None

    def lag(self) -> dict[str, int]:
        """How many records of each source are not stored yet (offsets that were skipped count too)."""
        return {held.source: max(0, held.end - held.low) for held in self._desk.held.values() if held.placed}

    def lag_seconds(self) -> dict[str, float]:
        """How old the oldest record of each source is that is not stored yet; 0 where there is none."""
        now = self._clock()
        return {held.source: held.behind(now) / 1000 for held in self._desk.held.values() if held.placed}

    # ---- inside

    def _held(self, share: Share) -> list[Held]:
        return [held for held in self._desk.held.values() if share.has(held.partition)]

    def _chunk(self, taken: Sequence[Record], share: Share) -> Chunk:
        at, every = self._desk.looked_at, self._held(share)
        idle = frozenset(held.source for held in every if held.idle(at) and held.told_at < at)
        of = {record.source for record in taken} | idle
        spans: dict[str, Span] = {held.source: held.span() for held in every if held.source in of}
        last = taken[-1].arrival if taken else at
        merged = frozenset(held.source for held in every if held.placed and held.nothing_before(at) >= last)
        return Chunk(tuple(taken), idle, at, merged, spans)

    def _waits_for_a_look(self, share: Share, now_s: float) -> bool:
        """Whether nothing is given out until the partitions were looked at again; once, and not for long."""
        for other in [one for one in self._unseen_since if one.of != share.of]:
            del self._unseen_since[other]  # it is not read so any more; what it waited for then says nothing of now
        held = self._held(share)
        if not unseen(held):
            self._unseen_since.pop(share, None)
            return False
        return now_s - self._unseen_since.setdefault(share, now_s) < (BLIND_S if blind(held) else HOLD_S)

    def _overdue(self, share: Share, now_s: float) -> float:
        """When the first of those that hold the others up stops to."""
        return min(
            (each.hungry_since + HOLD_S for each in self._held(share) if each.holds(now_s)),
            default=now_s + HOLD_S,
        )

    async def _run(self) -> None:
        """One session after another."""
        failed, loop = 0, asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._read()
            except Exception as error:  # whatever a broker brings aiokafka to
                failed = 1 if loop.time() - began > FORGOTTEN_S else failed + 1
                found = await probe(self._access, group=self._group)
                said = str(found or f"Kafka cannot be read ({type(error).__name__})")
                self._desk.faults = {"client": said}
                log.warning("reading Kafka begins anew", trouble=said, kind=type(error).__name__)
            await asyncio.sleep(_BACK_OFF_S[min(failed, len(_BACK_OFF_S)) - 1])

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            client_id=self._client_id,
            group_id=self._group,
            metadata_max_age_ms=self._metadata_ms,
            **CLIENT,
            **self._access.arguments(),
        )
        session = Session(consumer, self._plan, self._desk)
        try:
            await within(_START_S, consumer.start)
            consumer.subscribe(pattern=self._pattern, listener=session.listener)
            self._session = session
            self._desk.faults.clear()
            await session.run()
        finally:
            self._session = None
            await self._close(session)
            self._desk.held = {}

    async def _close(self, session: Session) -> None:
        with contextlib.suppress(*_BROKEN):
            await within(_CLOSE_S, session.commit)
        with contextlib.suppress(*_BROKEN):
            await within(_LEAVE_S, session.consumer.stop)
            return
        with contextlib.suppress(TimeoutError):  # the brokers do not answer: just close
            await within(_CLOSE_S, session.abandon)
