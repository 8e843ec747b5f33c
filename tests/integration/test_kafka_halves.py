"""A backlog is read in two halves side by side: nothing is lost, doubled or overtaken, whatever befalls one of them."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

import pytest

from sojourn.bootstrap.inflow import Batch, Inflow
from sojourn.core.model import Event
from sojourn.errors import MustStop, TryLater
from sojourn.intake.apply import Applied, Incoming, Reading
from sojourn.intake.frontier import source_of
from sojourn.intake.mapping import Topics
from sojourn.kafka.access import KafkaAccess
from sojourn.kafka.reader import Reader
from sojourn.kafka.values import HALVES, WHOLE, Chunk, Share
from sojourn.places import place_of
from sojourn.ports import Conflict, StoreBroken, StoreBusy
from sojourn.records import Position
from tests.integration.enginekit import known
from tests.integration.readingkit import Positions, create, now_ms, send
from tests.unit.rules.kit import reference
from tools.servers import KafkaBroker

MANY = 6_000
PEOPLE = [f"C{n}" for n in range(60)]
Hook = Callable[[Sequence[Incoming], Reading], Awaitable[None]]


class Asked(Reader):
    """Keeps which shares were asked for and how long each was to be waited for."""

    asked: list[tuple[Share, float]]
    took: list[float]

    async def next(self, limit: int = 500, wait_s: float = 0.2, share: Share = WHOLE) -> Chunk:
        """See ``Reader.next``."""
        self.asked.append((share, wait_s))
        begin = time.monotonic()
        chunk = await super().next(limit, wait_s, share)
        self.took.append(time.monotonic() - begin)
        return chunk


class Way:
    """One worker's way in, onto positions that several may share; ``hook`` is called before a batch is stored."""

    def __init__(self, broker: KafkaBroker, positions: Positions, group: str, counts: Mapping[str, int]) -> None:
        self.broker, self.positions, self.group = broker, positions, group
        self.asked: list[tuple[Share, float]] = []
        self.took: list[float] = []
        self.hook: Hook | None = None
        self.under_way = self.most = 0
        self.inflow = Inflow(self._make, self._apply, now_ms)
        self.inflow.use(reference("csat_after_claim").catalogue, Topics(frozenset(counts), {}), counts)

    def _make(self, topics: Collection[str]) -> Reader:
        access = KafkaAccess(self.broker.bootstrap)
        reader = Asked(access, topics, self.group, self.positions.read, now_ms, metadata_s=2.0)
        reader.asked, reader.took = self.asked, self.took
        return reader

    async def _apply(self, incoming: Sequence[Incoming], reading: Reading) -> Applied:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0.002)
            if self.hook is not None:
                await self.hook(incoming, reading)
            self._store(incoming, reading)
        finally:
            self.under_way -= 1
        return Applied(arrival=0, fates=("accepted",) * len(incoming))

    def _store(self, incoming: Sequence[Incoming], reading: Reading) -> None:
        at = self.positions.at
        for source, expect in reading.expect.items():
            if (at[source].next if source in at else None) != expect:
                self.positions.conflicts += 1
                raise Conflict("elsewhere", source=source)
        stray = {one.source for one in incoming if not one.keyed}
        for source, behind in reading.next.items():
            keyed = source not in stray and (source not in at or at[source].keyed)
            at[source] = Position(behind, 0, now_ms(), keyed, reading.epochs.get(source, ""))
        self.positions.stored += incoming  # type: ignore[arg-type]

    async def until(self, done: Callable[[], bool], within_s: float = 30.0) -> None:
        async with asyncio.timeout(within_s):
            while not done():
                with contextlib.suppress(TryLater):
                    await self.inflow.turn()

    def all_of(self, count: int = MANY) -> Callable[[], bool]:
        """Whether so many records are stored."""
        return lambda: len(self.positions.stored) >= count

    @property
    def shares(self) -> set[Share]:
        """Which shares were ever asked for."""
        return {share for share, _ in self.asked}

    def check(self, count: int = MANY) -> None:
        """Each record was stored once, each partition in order, and each customer's records as they arrived."""
        stored: list[Any] = self.positions.stored
        assert len(stored) == count
        offsets: dict[str, list[int]] = defaultdict(list)
        stamps: dict[str, list[int]] = defaultdict(list)
        for one in stored:
            offsets[one.source].append(one.position)
            if isinstance(one.read, Event):
                stamps[one.read.customer].append(one.stamp)
        assert all(found == list(range(len(found))) for found in offsets.values())
        assert all(found == sorted(found) for found in stamps.values())


def records(counts: Mapping[str, int], people: Sequence[str], many: int = MANY) -> Any:
    """Give records of all people in all topics, each where its customer's lie, a few milliseconds apart."""
    names, begin = sorted(counts), now_ms() - 600_000
    raws = {who: known(who, begin) for who in people}
    for n in range(many):
        topic, who = names[(7 * n) % len(names)], people[(n * n + n // 3) % len(people)]
        yield topic, place_of(who) % counts[topic], begin + 5 * n, raws[who]


@contextlib.asynccontextmanager
async def filled(
    broker: KafkaBroker, prefix: str, counts: Mapping[str, int], people: Sequence[str] = PEOPLE
) -> AsyncIterator[Way]:
    """Give a way in to topics that hold a backlog."""
    named = {f"{prefix}{name}": count for name, count in counts.items()}
    for name, count in named.items():
        await create(broker.bootstrap, name, partitions=count)
    await send(broker.bootstrap, records(named, people))
    way = Way(broker, Positions(), f"{prefix}g", named)
    try:
        yield way
    finally:
        await way.inflow.stop()


@pytest.mark.parametrize(
    ("counts", "halves"),
    [
        ({"a": 2, "b": 2}, True),
        ({"a": 6, "b": 2, "c": 4}, True),
        ({"a": 6, "b": 3}, False),
        ({"a": 1, "b": 2}, False),
    ],
    ids=["even", "several even ones", "6 and 3", "one"],
)
async def test_every_record_once_and_no_customers_records_overtake_each_other(
    kafka: KafkaBroker, topics: str, counts: Mapping[str, int], halves: bool
) -> None:
    async with filled(kafka, topics, counts) as way:
        await way.until(way.all_of())
        way.check()
        assert way.shares == ({WHOLE, *HALVES} if halves else {WHOLE})
        assert way.most == (2 if halves else 1)
        assert way.positions.conflicts == 0


async def test_an_empty_half_is_not_waited_for(kafka: KafkaBroker, topics: str) -> None:
    people = [who for who in PEOPLE if place_of(who) % 2 == 0]

    async def slow(incoming: Sequence[Incoming], reading: Reading) -> None:
        await asyncio.sleep(0.05)  # meanwhile enough is fetched for the next batch to be a whole one

    async with filled(kafka, topics, {"a": 2}, people) as way:
        way.hook = slow
        await way.until(way.all_of(1_000))
        way.asked.clear()
        way.took.clear()
        await way.until(way.all_of())
        way.check()
        assert set(HALVES) <= way.shares
        assert sorted(way.took)[len(way.took) // 2] < 0.1


@pytest.mark.parametrize("error", [Conflict("moved"), StoreBusy("away"), StoreBroken("damaged"), ValueError("a fault")])
@pytest.mark.parametrize("half", [0, 1])
async def test_what_befalls_one_half_leaves_the_others_batch_stored(
    kafka: KafkaBroker, topics: str, error: Exception, half: int
) -> None:
    async with filled(kafka, topics, {"a": 2, "b": 2}) as way:
        failed: list[int] = []

        async def fail(incoming: Sequence[Incoming], reading: Reading) -> None:
            if failed or way.asked[-1][0] == WHOLE or not all(one.endswith(f"/{half}") for one in reading.expect):
                return
            failed.append(len(incoming))
            raise error

        way.hook = fail
        raised: list[Exception] = []
        async with asyncio.timeout(20):
            while not failed:
                before = len(way.positions.stored)
                try:
                    count = await way.inflow.turn()
                except (MustStop, TryLater, ValueError) as told:
                    raised.append(told)
        assert len(way.positions.stored) > before
        assert raised == ([] if isinstance(error, Conflict) else [error])
        if isinstance(error, Conflict):
            assert count == len(way.positions.stored) - before
        await way.until(way.all_of())
        way.check()


async def test_what_does_harm_is_told_although_the_other_half_may_go_well_later(
    kafka: KafkaBroker, topics: str
) -> None:
    async with filled(kafka, topics, {"a": 2}) as way:

        async def fail(incoming: Sequence[Incoming], reading: Reading) -> None:
            if HALVES[0] in way.shares:
                first = any(source.endswith("/0") for source in reading.expect)
                raise StoreBusy("away") if first else StoreBroken("damaged")

        way.hook = fail
        with pytest.raises(StoreBroken):
            await way.until(lambda: False)


async def test_a_record_outside_its_customers_partition_ends_the_halves_for_good(
    kafka: KafkaBroker, topics: str
) -> None:
    async with filled(kafka, topics, {"a": 2}) as way:
        stray = next(who for who in PEOPLE if place_of(who) % 2 == 1)
        await send(kafka.bootstrap, [(f"{topics}a", 0, now_ms() - 1_000, known(stray, now_ms()))])
        await way.until(way.all_of(MANY + 1))
        assert set(HALVES) <= way.shares
        way.asked.clear()
        await send(kafka.bootstrap, records({f"{topics}a": 2}, PEOPLE, 2_000))
        await way.until(way.all_of(MANY + 2_001))
        assert way.shares == {WHOLE}
        again = Way(kafka, way.positions, f"{topics}g", {f"{topics}a": 2})  # another life, that has the store alone
        await way.inflow.stop()
        await send(kafka.bootstrap, records({f"{topics}a": 2}, PEOPLE, 2_000))
        await again.until(again.all_of(MANY + 4_001))
        await again.inflow.stop()
        assert again.shares == {WHOLE}


async def test_a_rubbish_topic_is_left_alone_while_the_other_is_read_on(kafka: KafkaBroker, topics: str) -> None:
    async with filled(kafka, topics, {"a": 2}) as full:
        good, rubbish, begin = f"{topics}a", f"{topics}b", now_ms() - 600_000
        await create(kafka.bootstrap, rubbish, partitions=2)
        await send(kafka.bootstrap, ((rubbish, n % 2, begin + 5 * n, b"{") for n in range(3_000)))
        way = Way(kafka, full.positions, f"{topics}h", {good: 2, rubbish: 2})

        def found(topic: str) -> int:
            stored: list[Any] = way.positions.stored
            return sum(one.source.startswith(f"kafka:{topic}/") for one in stored)

        await way.until(lambda: found(good) >= MANY)
        await way.inflow.stop()
        assert way.inflow.stopped == {rubbish}
        assert found(good) == MANY
        assert found(rubbish) < 3_000
        assert set(HALVES) <= way.shares


async def test_who_is_cancelled_in_the_middle_of_both_halves_reads_them_again(kafka: KafkaBroker, topics: str) -> None:
    async with filled(kafka, topics, {"a": 2, "b": 2}) as way:
        both = asyncio.Event()

        async def hang(incoming: Sequence[Incoming], reading: Reading) -> None:
            if way.under_way == 2 and not both.is_set():
                both.set()
            if both.is_set():
                await asyncio.sleep(60)

        way.hook = hang
        task = asyncio.create_task(way.until(way.all_of()))
        async with asyncio.timeout(20):
            await both.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert way.under_way == 0
        way.hook = None
        await way.until(way.all_of())
        way.check()


async def test_partitions_that_move_to_another_worker_in_the_middle_are_read_once(
    kafka: KafkaBroker, topics: str
) -> None:
    async with filled(kafka, topics, {"a": 4, "b": 4}) as way:
        other = Way(kafka, way.positions, way.group, {f"{topics}a": 4, f"{topics}b": 4})

        async def slowly(incoming: Sequence[Incoming], reading: Reading) -> None:
            await asyncio.sleep(0.15)

        way.hook = other.hook = slowly
        async with asyncio.TaskGroup() as group:
            group.create_task(way.until(way.all_of()))
            await asyncio.sleep(0.5)
            group.create_task(other.until(way.all_of()))
        await other.inflow.stop()
        offsets: dict[str, list[int]] = defaultdict(list)
        stored: list[Any] = way.positions.stored
        for one in stored:
            offsets[one.source].append(one.position)
        assert len(stored) == MANY
        assert all(found == list(range(len(found))) for found in offsets.values())


async def test_a_rewind_of_one_half_leaves_the_other_where_it_is(kafka: KafkaBroker, topics: str) -> None:
    async with filled(kafka, topics, {"a": 2}) as way:
        await way.until(way.all_of(1_000))
        reader, source = way.inflow.reader, source_of(f"{topics}a", 1)
        assert reader is not None
        await reader.rewind(HALVES[1])
        begin = time.monotonic()
        assert (await reader.next(10, 0.2, HALVES[0])).records
        assert time.monotonic() - begin < 0.2
        async with asyncio.timeout(10):
            while not (chunk := await reader.next(10, 0.2, HALVES[1])).records:
                pass
        assert chunk.spans[source].expect == way.positions.at[source].next
        await way.until(way.all_of())
        way.check()


async def test_a_batch_whose_agent_is_ended_comes_again(kafka: KafkaBroker, topics: str) -> None:
    async with filled(kafka, topics, {"a": 2}) as way:
        agents: list[asyncio.Task[None]] = []

        async def hand(batch: Batch) -> None:
            agents.append(asyncio.create_task(way.inflow.take(batch)))

        async def end(incoming: Sequence[Incoming], reading: Reading) -> None:
            if len(agents) in (1, 6):
                agents[-1].cancel()
            await asyncio.sleep(0)

        way.inflow.hand, way.hook = hand, end
        told: list[TryLater] = []
        async with asyncio.timeout(20):
            while not told:
                try:
                    await way.inflow.turn()
                except TryLater as error:
                    told.append(error)
        assert "agent was ended" in told[0].what
        await way.until(way.all_of())
        way.check()
