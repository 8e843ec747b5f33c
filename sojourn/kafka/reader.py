"""Reads topics together with other workers: batched, merged by time, with the positions in the store.

Kafka says who reads which partition, and nothing else. Where reading begins is the store's word, and the
compare-and-set on its positions fences whoever has lost a partition. Nothing that a broker does while this runs is
raised: reading recovers by itself, and ``trouble`` says what is wrong.
"""

import asyncio
import contextlib
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from sojourn.errors import TryLater
from sojourn.intake.frontier import source_of
from sojourn.kafka.access import KafkaAccess
from sojourn.kafka.merging import HOLD_S, Held, merge
from sojourn.kafka.probe import probe
from sojourn.kafka.values import Chunk, Notice, Record, Span
from sojourn.records import Position

Stored = Callable[[Collection[str]], Awaitable[Mapping[str, Position]]]
Partition = tuple[str, int]

#: What aiokafka is told, measured in tests and benchmarks: see docs/explanation/production.md.
CLIENT: Final[Mapping[str, Any]] = {
    "enable_auto_commit": False,
    "auto_offset_reset": "none",  # where to begin is our word
    "isolation_level": "read_committed",
    "partition_assignment_strategy": (RangePartitionAssignor,),  # partition p of all topics with one worker
    "fetch_max_wait_ms": 50,
    "max_partition_fetch_bytes": 128 << 10,
    "fetch_max_bytes": 4 << 20,
    "session_timeout_ms": 6_000,
    "heartbeat_interval_ms": 500,
    "rebalance_timeout_ms": 10_000,
    "max_poll_interval_ms": 60_000,
    "request_timeout_ms": 12_000,  # above the rebalance timeout: a join is one request
}
_LOOK_S: Final = 0.25
_ANSWER_S: Final = 1.5
_COMMIT_S: Final = 5.0
_AGAIN_S: Final = 0.25
_START_S: Final = 10.0
_LEAVE_S: Final = 2.5
_FORGOTTEN_S: Final = 30.0
_BELIEVE_S: Final = 5.0
_BACK_OFF_S: Final = (0.2, 0.5, 1.0, 2.0, 3.0)

log: structlog.stdlib.BoundLogger = structlog.get_logger("sojourn.kafka")


def tell(notice: Notice) -> None:
    """Log a notice; what a reader does with one unless told otherwise."""
    log.error(
        "a source does not go on where it stood", **{name: getattr(notice, name) for name in notice.__struct_fields__}
    )


class Reader:
    """Gives records of its share of the topics, oldest first, until it is stopped.

    One task calls ``next``, stores the chunk in one transaction, and then calls ``keep`` with it, or ``rewind``
    after a Conflict. What was handed out and neither kept nor rewound is handed out again.
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
            topics: Names; one that does not exist yet is read from when it does.
            patterns: Regular expressions of whole names.
            stored: Reads positions of sources from the store; may raise TryLater.
            clock: Milliseconds UTC.
            begin: Where a source begins that has no position.
            notice: Called when a source cannot go on where it stood.
            metadata_s: How often new topics and partitions are looked for.
        """
        self._access, self._group, self._stored, self._clock = access, group, stored, clock
        self._names = frozenset(topics)
        self._pattern = "(?:" + "|".join([*map(re.escape, sorted(topics)), *(f"(?:{p})" for p in patterns)]) + r")\Z"
        self._begin, self._client_id, self._notice = begin, client_id, notice
        self._metadata_ms = int(metadata_s * 1000)
        self._held: dict[Partition, Held] = {}
        self._consumer: Any = None
        self._task: asyncio.Task[None] | None = None
        self._arrived, self._unplaced, self._asked = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._asked_at = 0.0
        self._looked_at = 0
        self._commits: dict[TopicPartition, int] = {}
        self._short: dict[Partition, float] = {}
        self._faults: dict[str, str] = {}

    # ---- what the worker calls

    async def start(self) -> None:
        """Begin; the brokers need not be there yet. Raises ConfigurationError where the access cannot be used."""
        self._access.arguments()
        self._task = asyncio.create_task(self._run(), name="kafka-reader")

    async def stop(self) -> None:
        """Leave the group and close the connections, within a few seconds whatever the brokers do."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def next(self, limit: int = 500, wait_s: float = 0.2) -> Chunk:
        """Give the next records, as soon as there are any, or an empty chunk after ``wait_s``."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        self._asked_at = loop.time()
        self._asked.set()
        for held in self._held.values():
            held.put_back()
        while True:
            self._arrived.clear()
            taken = merge(list(self._held.values()), limit, loop.time())
            if taken or loop.time() >= until:
                self._resume()
                return self._chunk(taken)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(until, self._overdue(loop.time()))):
                    await self._arrived.wait()

    async def keep(self, chunk: Chunk) -> None:
        """This chunk is stored: go on behind it."""
        by_source = {held.source: (place, held) for place, held in self._held.items()}
        for source, span in chunk.spans.items():
            if source in by_source:
                place, held = by_source[source]
                held.kept(span.expect, span.next)
                self._commits[TopicPartition(*place)] = span.next

    async def rewind(self) -> None:
        """The store stands elsewhere than this reader believed: go on from its positions."""
        now_s = asyncio.get_running_loop().time()
        for held in self._held.values():
            held.unplace(now_s)
        self._unplaced.set()

    # ---- what it tells

    @property
    def assigned(self) -> frozenset[str]:
        """The sources that this reader has now."""
        return frozenset(held.source for held in self._held.values())

    @property
    def missing(self) -> frozenset[str]:
        """Topics that the brokers do not show: they are not there, or this user may not see them."""
        return frozenset() if self._consumer is None else self._names - self._consumer._client.cluster.topics()

    @property
    def trouble(self) -> str | None:
        """What keeps this reader from reading, None when all is well."""
        return "; ".join(self._faults.values()) or None

    def lag(self) -> dict[str, int]:
        """How many records of each source are not stored yet (offsets that were skipped count too)."""
        return {held.source: max(0, held.end - held.low) for held in self._held.values() if held.placed}

    def lag_seconds(self) -> dict[str, float]:
        """How old the oldest record of each source is that is not stored yet; 0 where there is none."""
        now = self._clock()
        return {held.source: held.behind(now) / 1000 for held in self._held.values() if held.placed}

    # ---- handing out

    def _chunk(self, taken: Sequence[Record]) -> Chunk:
        at = self._looked_at
        idle = frozenset(held.source for held in self._held.values() if held.idle(at))
        of = {record.source for record in taken} | idle
        spans: dict[str, Span] = {held.source: held.span() for held in self._held.values() if held.source in of}
        last = taken[-1].arrival if taken else at
        merged = frozenset(
            held.source for held in self._held.values() if held.placed and held.nothing_before(at) >= last
        )
        return Chunk(tuple(taken), idle, at, merged, spans)

    def _overdue(self, now_s: float) -> float:
        """When the first of those that hold the others up stops to."""
        return min(
            (each.hungry_since + HOLD_S for each in self._held.values() if each.holds(now_s)), default=now_s + HOLD_S
        )

    def _resume(self) -> None:
        if self._consumer is None:
            return
        for part in self._consumer.paused():
            held = self._held.get((part.topic, part.partition))
            if held is not None and not held.full:
                self._consumer.resume(part)

    # ---- one life of the client after another

    async def _run(self) -> None:
        failed, loop = 0, asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._session()
            except Exception as error:  # whatever a broker brings aiokafka to
                failed = 1 if loop.time() - began > _FORGOTTEN_S else failed + 1
                found = await probe(self._access)
                self._faults = {"client": str(found or f"Kafka cannot be read ({type(error).__name__})")}
                log.warning("reading Kafka begins anew", trouble=self._faults["client"], kind=type(error).__name__)
            await asyncio.sleep(_BACK_OFF_S[min(failed, len(_BACK_OFF_S)) - 1])

    async def _session(self) -> None:
        consumer = AIOKafkaConsumer(
            client_id=self._client_id,
            group_id=self._group,
            metadata_max_age_ms=self._metadata_ms,
            **CLIENT,
            **self._access.arguments(),
        )
        tasks: list[asyncio.Task[None]] = []
        try:
            await asyncio.wait_for(consumer.start(), _START_S)
            consumer.subscribe(pattern=self._pattern, listener=_Listener(self))
            self._consumer = consumer
            self._faults.clear()
            works = (self._pump, self._place, self._look, self._commit)
            tasks = [asyncio.create_task(work(consumer), name=f"kafka-{work.__name__}") for work in works]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._consumer = None
            self._held = {}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._close(consumer)

    async def _close(self, consumer: AIOKafkaConsumer) -> None:
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            await asyncio.wait_for(self._tell_offsets(consumer), 1.0)
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            await asyncio.wait_for(consumer.stop(), _LEAVE_S)
            return
        with contextlib.suppress(KafkaError, OSError, TimeoutError):  # the brokers do not answer: just close
            await asyncio.wait_for(consumer._client.close(), 1.0)

    # ---- the four works of a session

    async def _pump(self, consumer: AIOKafkaConsumer) -> None:
        """Move what aiokafka has fetched into our buffers, always all of it: one call empties every partition."""
        loop = asyncio.get_running_loop()
        while True:
            if loop.time() - self._asked_at > _FORGOTTEN_S:  # nobody takes: let Kafka give the partitions to others
                self._asked.clear()
                await self._asked.wait()
            try:
                fetched = await consumer.getmany(timeout_ms=200)
            except (OffsetOutOfRangeError, NoOffsetForPartitionError):
                await self.rewind()
                await asyncio.sleep(_AGAIN_S)
                continue
            if fetched:
                self._took(consumer, fetched, loop.time())
                self._arrived.set()

    def _took(self, consumer: AIOKafkaConsumer, fetched: Mapping[TopicPartition, Sequence[Any]], now_s: float) -> None:
        now = self._clock()
        for part, records in fetched.items():
            held = self._held.get((part.topic, part.partition))
            if held is None or not held.begun:
                continue
            held.fetched(_ours(records, held, now))
            held.seen(consumer.last_stable_offset(part) or -1, now_s)
            if held.full:
                consumer.pause(part)

    async def _place(self, consumer: AIOKafkaConsumer) -> None:
        """Find for every partition where the store stands, and go there; again until that is done."""
        while True:
            await self._unplaced.wait()
            self._unplaced.clear()
            try:
                await self._place_once(consumer)
                self._faults.pop("store", None)
            except TryLater as error:
                self._faults["store"] = str(error)
            if any(not held.placed for held in self._held.values()):
                await asyncio.sleep(_AGAIN_S)
                self._unplaced.set()

    async def _place_once(self, consumer: AIOKafkaConsumer) -> None:
        lost = {place: held for place, held in self._held.items() if not held.placed}
        if not lost:
            return
        stored = await self._stored(frozenset(held.source for held in lost.values()))
        begins = await self._offsets(consumer, lost, consumer.beginning_offsets)
        ends = await self._offsets(consumer, begins, consumer.end_offsets)
        now_s = asyncio.get_running_loop().time()
        for place, end in ends.items():
            held = lost[place]
            if self._held.get(place) is held and not held.placed:
                self._put(consumer, held, stored.get(held.source), begins[place], end, now_s)
        self._arrived.set()

    def _put(
        self, consumer: AIOKafkaConsumer, held: Held, stored: Position | None, begin: int, end: int, now_s: float
    ) -> None:
        place = (held.topic, held.partition)
        first = begin if self._begin == "earliest" else end
        at, floor = (first, 0) if stored is None else (stored.next, stored.stored_to)
        if stored is not None and stored.next > end:
            if now_s - self._short.setdefault(place, now_s) < _BELIEVE_S:  # a new leader may know less for a moment
                return
            self._notice(Notice("recreated", held.source, stored.next, end))
            at = first
        elif stored is not None and stored.next < begin:
            self._notice(Notice("expired", held.source, stored.next, begin))
            at = begin
        elif stored is not None and held.trim(stored.next, floor):
            held.seen(end, now_s)
            return
        self._short.pop(place, None)
        held.place(None if stored is None else stored.next, at, floor)
        held.end = -1
        held.seen(end, now_s)
        with contextlib.suppress(IllegalStateError):  # taken away just now: on_partitions_revoked has told or will tell
            consumer.seek(TopicPartition(*place), at)
            consumer.resume(TopicPartition(*place))

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        """Ask time and again how far each partition reaches: what is idle, and how much is unread."""
        silent = 0
        while True:
            await asyncio.sleep(_LOOK_S)
            at = self._clock()
            places = [place for place, held in self._held.items() if held.placed]
            ends = await self._offsets(consumer, places, consumer.end_offsets)
            now_s = asyncio.get_running_loop().time()
            for place, end in ends.items():
                held = self._held.get(place)
                if held is not None and held.placed:
                    await self._skip(consumer, held)
                    held.seen(end, now_s)
                    held.looked_at = at
            self._looked_at = at
            silent = 0 if ends or not places else silent + 1
            if silent:
                self._faults["brokers"] = "No broker answers"
            else:
                self._faults.pop("brokers", None)

    async def _skip(self, consumer: AIOKafkaConsumer, held: Held) -> None:
        """Offsets without a record for us (markers, compacted ones) count as read once aiokafka has passed them."""
        if not held.waiting and held.unread:
            with contextlib.suppress(IllegalStateError):
                held.position = max(held.position, await consumer.position(TopicPartition(held.topic, held.partition)))

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            await asyncio.sleep(_COMMIT_S)
            with contextlib.suppress(KafkaError):
                await self._tell_offsets(consumer)

    async def _tell_offsets(self, consumer: AIOKafkaConsumer) -> None:
        """Commit to Kafka what is stored: for its tools to show, nobody reads it back."""
        commits, self._commits = self._commits, {}
        assigned = consumer.assignment()
        offsets = {part: offset for part, offset in commits.items() if part in assigned}
        if offsets:
            await consumer.commit(offsets)

    # ---- below

    async def _offsets(
        self, consumer: AIOKafkaConsumer, places: Iterable[Partition], ask: Callable[..., Awaitable[Mapping[Any, int]]]
    ) -> dict[Partition, int]:
        """Ask the leaders, each for its own partitions; no leader or a silent one: left out."""
        by_leader: dict[int, list[TopicPartition]] = defaultdict(list)
        for place in places:
            leader = consumer._client.cluster.leader_for_partition(TopicPartition(*place))
            if leader is not None and leader >= 0:
                by_leader[leader].append(TopicPartition(*place))
        answers = await asyncio.gather(
            *(asyncio.wait_for(ask(parts), _ANSWER_S) for parts in by_leader.values()), return_exceptions=True
        )
        return {
            (part.topic, part.partition): offset
            for answer in answers
            if not isinstance(answer, BaseException)
            for part, offset in answer.items()
        }

    def _got(self, parts: Iterable[TopicPartition]) -> None:
        now_s = asyncio.get_running_loop().time()
        self._held = {
            (part.topic, part.partition): Held(source_of(part.topic, part.partition), part.topic, part.partition, now_s)
            for part in parts
        }
        self._unplaced.set()

    def _lost(self) -> None:
        self._held = {}


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Only notes what happened: aiokafka swallows its errors, and Kafka waits while it runs."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        self._reader._lost()

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._reader._got(assigned)


def _ours(records: Iterable[Any], held: Held, now: int) -> list[Record]:
    floor, found = held.floor, []
    for each in records:
        own = each.timestamp if each.timestamp is not None and each.timestamp >= 0 else now
        floor = max(floor, min(own, now))
        found.append(
            Record(
                held.source, each.topic, each.partition, each.offset, own, floor, each.key, each.value, each.headers,
                held.epoch,
            )
        )  # fmt: skip
    return found
