"""One connected life of a reader: it fetches, finds places in the store, looks how far the logs reach.

Four works run side by side and share a desk with the reader. None of them waits for the store or for a lock while
Kafka waits for an answer: the listener of rebalances only notes what it hears (aiokafka swallows its errors).
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from sojourn.errors import TryLater
from sojourn.intake.frontier import source_of
from sojourn.kafka.lives import lives
from sojourn.kafka.merging import Held
from sojourn.kafka.values import Notice, Record
from sojourn.records import Position
from sojourn.tasks import ended, within

Stored = Callable[[Collection[str]], Awaitable[Mapping[str, Position]]]
Partition = tuple[str, int]

FORGOTTEN_S: Final = 30.0
_FETCH_MS: Final = 200
_LOOK_S: Final = 0.25
_LIVES_S: Final = 5.0
_ANSWER_S: Final = 1.5
_COMMIT_S: Final = 5.0
_AGAIN_S: Final = 0.25
_BELIEVE_S: Final = 5.0
_SICK_S: Final = 5.0
_IDLY_S: Final = 0.75


@dataclass(slots=True)
class Desk:
    """What a reader and its sessions share. ``faults`` says by place what is wrong now."""

    held: dict[Partition, Held] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    unplaced: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    asked_at: float = 0.0
    looked_at: int = 0
    commits: dict[TopicPartition, int] = field(default_factory=dict)
    lives: dict[Partition, str] = field(default_factory=dict)
    """Of each partition: the life of its topic in which it was read last."""
    faults: dict[str, str] = field(default_factory=dict)

    def unplace(self, now_s: float, partitions: Iterable[Held] | None = None) -> None:
        """Give nothing out (of these partitions) until it is known again where the store stands."""
        for held in self.held.values() if partitions is None else partitions:
            held.unplace(now_s)
        self.unplaced.set()


@dataclass(frozen=True, slots=True)
class Plan:
    """How to read: positions from the store, the clock (ms UTC), where to begin, whom to tell."""

    stored: Stored
    clock: Callable[[], int]
    begin: Literal["earliest", "latest"]
    notice: Callable[[Notice], None]


class Session:
    """Reads with one consumer until it fails."""

    def __init__(self, consumer: AIOKafkaConsumer, plan: Plan, desk: Desk) -> None:
        self.consumer, self._plan, self._desk = consumer, plan, desk
        self._short: dict[Partition, float] = {}
        self._sick: dict[Partition, float] = {}
        self._careful_until = 0.0
        self._loop = asyncio.get_running_loop()

    @property
    def listener(self) -> ConsumerRebalanceListener:
        """What notes which partitions come and go."""
        return _Listener(self._desk)

    async def run(self) -> None:
        """Work until a work fails; raises its error."""
        works = (self._pump, self._place, self._look, self._commit)
        tasks = [asyncio.create_task(work(), name=f"kafka{work.__name__}") for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await ended(*tasks)

    def resume(self) -> None:
        """Fetch on from partitions of which enough was taken."""
        now_s = self._loop.time()
        for part in self.consumer.paused():
            place = (part.topic, part.partition)
            held = self._desk.held.get(place)
            if held is not None and not held.full and self._sick.get(place, 0.0) <= now_s:
                self.consumer.resume(part)

    async def abandon(self) -> None:
        """End what aiokafka leaves running when it is not let stop in time, without asking the brokers."""
        coordinator, fetcher = self.consumer._coordinator, self.consumer._fetcher
        ends = [self.consumer._client.close]
        if coordinator is not None:
            ends = [coordinator._stop_heartbeat_task, coordinator._stop_commit_offsets_refresh_task, *ends]
        if fetcher is not None:
            ends = [fetcher.close, *ends]
        for end in ends:
            with contextlib.suppress(KafkaError, OSError):
                await end()

    # ---- fetching

    async def _pump(self) -> None:
        """Move what aiokafka has fetched into our buffers, always all of it: one call empties every partition."""
        while True:
            if self._loop.time() - self._desk.asked_at > FORGOTTEN_S:  # nobody takes: let Kafka give them to others
                self._desk.asked.clear()
                await self._desk.asked.wait()
            careful = bool(self._sick) or self._loop.time() < self._careful_until
            try:
                fetched = await (self._one_by_one() if careful else self.consumer.getmany(timeout_ms=_FETCH_MS))
            except (OffsetOutOfRangeError, NoOffsetForPartitionError):
                self._desk.unplace(self._loop.time())
                await asyncio.sleep(_AGAIN_S)
            except Exception:  # a record that cannot be read takes what others had fetched with it
                if careful or len(self._desk.held) < 2:
                    raise
                self._fetch_again()
                self._careful_until = self._loop.time() + _SICK_S
            else:
                if fetched:
                    self._took(fetched)
                    self._desk.arrived.set()

    def _took(self, fetched: Mapping[TopicPartition, Sequence[Any]]) -> None:
        now, now_s = self._plan.clock(), self._loop.time()
        for part, records in fetched.items():
            held = self._desk.held.get((part.topic, part.partition))
            if held is None or not held.begun:
                continue
            held.fetched(_ours(records, held, now))
            held.seen(self.consumer.last_stable_offset(part) or -1, now_s)
            if held.full:
                self.consumer.pause(part)

    def _fetch_again(self) -> None:
        for (topic, partition), held in self._desk.held.items():
            if held.begun:
                self.consumer.seek(TopicPartition(topic, partition), held.position)

    async def _one_by_one(self) -> Mapping[TopicPartition, Sequence[Any]]:
        """Fetch from each partition by itself, and leave those alone for a while that cannot be read."""
        found: dict[TopicPartition, Sequence[Any]] = {}
        await asyncio.sleep(_FETCH_MS / 2000)
        now_s = self._loop.time()
        failed: list[Exception] = []
        for place, held in list(self._desk.held.items()):
            if self._sick.get(place, 0.0) > now_s:
                continue
            part = TopicPartition(*place)
            try:
                if self.consumer.paused() >= {part} and not held.full:
                    self.consumer.resume(part)
                if records := (await self.consumer.getmany(part)).get(part):
                    found[part] = records
            except (OffsetOutOfRangeError, NoOffsetForPartitionError):
                raise
            except Exception as error:
                failed.append(error)
                self._sick[place] = now_s + _SICK_S
                self._desk.faults[held.source] = f"{held.source} cannot be read ({type(error).__name__})"
                self.consumer.pause(part)
            else:
                if found.get(part) and self._sick.pop(place, None) is not None:
                    self._desk.faults.pop(held.source, None)
        if failed and len(failed) == len(self._desk.held):
            raise failed[0]
        return found

    # ---- where the store stands

    async def _place(self) -> None:
        """Find for every partition where the store stands, and go there; again until that is done."""
        while True:
            await self._desk.unplaced.wait()
            self._desk.unplaced.clear()
            try:
                await self._place_once()
                self._desk.faults.pop("store", None)
            except TryLater as error:
                self._desk.faults["store"] = str(error)
            if any(not held.placed for held in self._desk.held.values()):
                await asyncio.sleep(_AGAIN_S)
                self._desk.unplaced.set()

    async def _place_once(self) -> None:
        lost = {place: held for place, held in self._desk.held.items() if not held.placed}
        if not lost:
            return
        stored = await self._plan.stored(frozenset(held.source for held in lost.values()))
        ids = await self._lives({topic for topic, _ in lost})
        begins = await self._offsets([place for place in lost if place[0] in ids], self.consumer.beginning_offsets)
        ends = await self._offsets(begins, self.consumer.end_offsets)
        for place, end in ends.items():
            held = lost[place]
            if self._desk.held.get(place) is held and not held.placed:
                self._put(held, stored.get(held.source), begins[place], end, ids[held.topic])
        self._desk.arrived.set()

    def _put(self, held: Held, stored: Position | None, begin: int, end: int, life: str) -> None:
        place = (held.topic, held.partition)
        held.keyed = stored is None or stored.keyed
        if stored is None:
            self._go(held, None, begin if self._plan.begin == "earliest" else end, 0, life)
        elif self._anew(place, stored, end, life):
            if stored.epoch in ("", life) or self._desk.lives.get(place) != life:
                self._plan.notice(Notice("recreated", held.source, stored.next, end))
            self._go(held, stored.next, begin, stored.stored_to, life)
        elif stored.next > end:
            return  # a new leader may know less for a moment
        elif stored.next < begin:
            self._plan.notice(Notice("expired", held.source, stored.next, begin))
            self._go(held, stored.next, begin, stored.stored_to, life)
        elif held.epoch != life or not held.trim(stored.next, stored.stored_to):
            self._go(held, stored.next, stored.next, stored.stored_to, life)
        held.seen(end, self._loop.time())

    def _anew(self, place: Partition, stored: Position, end: int, life: str) -> bool:
        """Whether the topic lives anew since the store stood here, or its end was cut off and stays so."""
        if stored.epoch and life and stored.epoch != life:
            return True
        if stored.next <= end:
            self._short.pop(place, None)
            return False
        return self._loop.time() - self._short.setdefault(place, self._loop.time()) >= _BELIEVE_S

    def _go(self, held: Held, expect: int | None, at: int, floor: int, life: str) -> None:
        place, part = (held.topic, held.partition), TopicPartition(held.topic, held.partition)
        self._short.pop(place, None)
        self._desk.lives[place] = life
        held.epoch, held.end = life, -1
        held.place(expect, at, floor)
        with contextlib.suppress(IllegalStateError):  # taken away just now: the listener has told or will tell
            self.consumer.seek(part, at)
            self.consumer.resume(part)

    # ---- how far the logs reach

    async def _look(self) -> None:
        """Ask time and again how far each partition reaches: what is idle, and how much is unread."""
        silent, lives_at = 0, self._loop.time()
        while True:
            await asyncio.sleep(_LOOK_S)
            if self._loop.time() - lives_at >= _LIVES_S:
                lives_at = self._loop.time()
                await self._look_at_lives()
            at = self._plan.clock()
            places = [place for place, held in self._desk.held.items() if held.placed]
            ends = await self._offsets(places, self.consumer.end_offsets)
            for place, end in ends.items():
                held = self._desk.held.get(place)
                if held is not None and held.placed:
                    held.seen(end, self._loop.time())
                    await self._skip(held)
                    held.looked_at = at
            if ends:  # else nothing newer is known, and what was known before still holds
                self._desk.looked_at = at
            silent = 0 if ends or (not places and await self._answers()) else silent + 1
            if silent > 1:
                self._desk.faults["brokers"] = "No Kafka broker answers for the partitions that are read here"
            else:
                self._desk.faults.pop("brokers", None)

    async def _answers(self) -> bool:
        """Whether any broker answers, where no partition is ours to ask about."""
        await asyncio.sleep(_IDLY_S)
        with contextlib.suppress(TimeoutError, KafkaError):
            return bool(await within(_ANSWER_S, self.consumer._client.force_metadata_update))
        return False

    async def _look_at_lives(self) -> None:
        old = {held.topic: held.epoch for held in self._desk.held.values() if held.placed}
        new = await self._lives(old)
        other = {topic for topic, life in new.items() if life != old[topic]}
        if other:
            self._desk.unplace(self._loop.time(), [held for held in self._desk.held.values() if held.topic in other])

    async def _skip(self, held: Held) -> None:
        """Offsets without a record for us (markers, compacted ones) count as read once aiokafka has passed them."""
        if not held.waiting and held.unread:
            with contextlib.suppress(IllegalStateError):
                held.position = max(
                    held.position, await self.consumer.position(TopicPartition(held.topic, held.partition))
                )

    async def _lives(self, topics: Collection[str]) -> Mapping[str, str]:
        with contextlib.suppress(TimeoutError):
            return await within(_ANSWER_S, lives, self.consumer._client, topics)
        return {}

    async def _offsets(
        self, places: Iterable[Partition], ask: Callable[..., Awaitable[Mapping[Any, int]]]
    ) -> dict[Partition, int]:
        """Ask the leaders, each for its own partitions; no leader or a silent one: left out."""
        by_leader: dict[int, list[TopicPartition]] = defaultdict(list)
        for place in places:
            leader = self.consumer._client.cluster.leader_for_partition(TopicPartition(*place))
            if leader is not None and leader >= 0:
                by_leader[leader].append(TopicPartition(*place))
        answers = await asyncio.gather(
            *(within(_ANSWER_S, ask, parts) for parts in by_leader.values()), return_exceptions=True
        )
        return {
            (part.topic, part.partition): offset
            for answer in answers
            if not isinstance(answer, BaseException)
            for part, offset in answer.items()
        }

    # ---- Kafka's own offsets

    async def _commit(self) -> None:
        while True:
            await asyncio.sleep(_COMMIT_S)
            with contextlib.suppress(KafkaError):
                await self.commit()

    async def commit(self) -> None:
        """Tell Kafka what is stored: for its tools to show, nobody reads it back. Raises what aiokafka raises."""
        commits, self._desk.commits = self._desk.commits, {}
        assigned = self.consumer.assignment()
        offsets = {part: offset for part, offset in commits.items() if part in assigned}
        if offsets:
            await self.consumer.commit(offsets)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        self._desk.held = {}

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        now_s = asyncio.get_running_loop().time()
        self._desk.held = {
            (part.topic, part.partition): Held(source_of(part.topic, part.partition), part.topic, part.partition, now_s)
            for part in assigned
        }
        self._desk.unplaced.set()


def _ours(records: Iterable[Any], held: Held, now: int) -> list[Record]:
    floor, found = held.floor, []
    for each in records:
        own = each.timestamp if each.timestamp is not None and each.timestamp >= 0 else now
        floor = max(floor, min(own, now))
        found.append(
            Record(
                held.source,
                each.topic,
                each.partition,
                each.offset,
                own,
                floor,
                each.key,
                each.value,
                each.headers,
                held.epoch,
            )
        )
    return found
