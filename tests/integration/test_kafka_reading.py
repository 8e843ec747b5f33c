"""Reading Kafka with positions in the store: merged order, idle sources, rewinding, workers that come and go."""

import asyncio
import contextlib
from collections.abc import Collection, Mapping

import aiokafka
import pytest

from sojourn.kafka.access import KafkaAccess
from sojourn.kafka.reader import Reader
from sojourn.kafka.values import Span
from sojourn.ports import StoreBusy
from sojourn.records import Position
from tests.integration.readingkit import Positions, create, next_records, now_ms, read_until, reading, send, step
from tools.servers import KafkaBroker


async def test_a_backlog_of_several_topics_is_read_in_the_order_of_arrival(kafka: KafkaBroker, topics: str) -> None:
    names = [f"{topics}.{name}" for name in "abc"]
    await create(kafka.bootstrap, *names)
    begin = now_ms() - 600_000
    await send(
        kafka.bootstrap,
        ((names[(7 * n) % 3], (5 * n) % 3 if n % 4 else 0, begin + 10 * n, b"%d" % n) for n in range(9_000)),
    )
    positions = Positions()
    async with reading(kafka.bootstrap, names, positions, topics) as reader:
        await read_until(reader, positions, lambda: len(positions.stored) >= 9_000)
    assert [int(record.value or b"") for record in positions.stored] == list(range(9_000))
    assert positions.conflicts == 0


@pytest.mark.parametrize("kind", ["gzip", "snappy", "lz4", "zstd"])
async def test_batches_are_read_however_their_publisher_packs_them(kafka: KafkaBroker, topics: str, kind: str) -> None:
    name = f"{topics}.{kind}"
    await create(kafka.bootstrap, name)
    begin = now_ms() - 60_000
    packed = ((name, n % 3, begin + n, b"%d" % n) for n in range(3_000))
    await send(kafka.bootstrap, packed, compression_type=kind, linger_ms=20)
    positions = Positions()
    async with reading(kafka.bootstrap, [name], positions, topics) as reader:
        await read_until(reader, positions, lambda: len(positions.stored) >= 3_000)
    assert [int(record.value or b"") for record in positions.stored] == list(range(3_000))
    logs = sorted((kafka.folder / "data").glob(f"{name}-*/*.log"))
    marks = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
    assert [log.read_bytes()[22] & 7 for log in logs] == [marks[kind]] * 3  # the attributes of the first batch


async def test_what_is_not_kept_comes_again_and_a_conflict_goes_on_from_the_store(
    kafka: KafkaBroker, topics: str
) -> None:
    name = f"{topics}a"
    await create(kafka.bootstrap, name, partitions=1)
    begin = now_ms() - 60_000
    await send(kafka.bootstrap, ((name, 0, begin + n, b"%d" % n) for n in range(100)))
    positions = Positions()
    async with reading(kafka.bootstrap, [name], positions, topics) as reader:
        first = await next_records(reader, 10)
        assert [record.offset for record in first.records] == list(range(10))
        again = await next_records(reader, 20)
        assert [record.offset for record in again.records] == list(range(20))
        assert again.spans == {f"kafka:{name}/0": Span(None, 20, again.records[0].epoch)}
        positions.at[f"kafka:{name}/0"] = Position(50, begin, now_ms())  # another worker was here
        assert positions.commit(again, now_ms()) is None
        await reader.rewind()
        chunk = await next_records(reader, 1_000)
        assert [record.offset for record in chunk.records] == list(range(50, 100))
        assert chunk.spans == {f"kafka:{name}/0": Span(50, 100, chunk.records[0].epoch)}
        positions.at[f"kafka:{name}/0"] = Position(7, begin, now_ms())  # behind what is in hand
        await reader.rewind()
        assert [record.offset for record in (await next_records(reader, 3)).records] == [7, 8, 9]


async def test_sources_without_unread_records_are_idle_as_of_the_look(kafka: KafkaBroker, topics: str) -> None:
    name = f"{topics}a"
    await create(kafka.bootstrap, name, partitions=3)
    positions = Positions()
    async with reading(kafka.bootstrap, [name], positions, topics) as reader:
        await read_until(reader, positions, lambda: len(positions.at) == 3)
        assert all(at.next == 0 and at.stored_to > now_ms() - 10_000 for at in positions.at.values())
        before = now_ms()
        await send(kafka.bootstrap, [(name, 1, before, b"one")])
        await read_until(reader, positions, lambda: positions.at[f"kafka:{name}/1"].next == 1)
        assert reader.assigned == {f"kafka:{name}/{n}" for n in range(3)}
        await read_until(reader, positions, lambda: min(at.stored_to for at in positions.at.values()) > before)
        assert reader.lag() == dict.fromkeys(reader.assigned, 0)
        assert reader.lag_seconds() == dict.fromkeys(reader.assigned, 0.0)
        assert reader.trouble is None


async def test_what_lies_unread_is_never_idle_and_is_counted_as_lag(kafka: KafkaBroker, topics: str) -> None:
    name = f"{topics}a"
    await create(kafka.bootstrap, name, partitions=1)
    begin = now_ms() - 60_000
    await send(kafka.bootstrap, ((name, 0, begin + n, b"%d" % n) for n in range(50)))
    positions = Positions()
    async with reading(kafka.bootstrap, [name], positions, topics) as reader:
        chunk = await next_records(reader, 49)
        await asyncio.sleep(0.6)
        chunk = await reader.next(49)
        assert chunk.idle == frozenset()
        assert reader.lag() == {f"kafka:{name}/0": 50}
        assert 50 < reader.lag_seconds()[f"kafka:{name}/0"] < 120
        chunk = await reader.next(50)
        assert chunk.idle == {f"kafka:{name}/0"} == chunk.merged


async def test_records_of_a_source_never_go_back_in_time_and_never_lie_ahead(kafka: KafkaBroker, topics: str) -> None:
    name = f"{topics}a"
    await create(kafka.bootstrap, name, partitions=2)
    begin = now_ms()
    await send(
        kafka.bootstrap,
        [
            (name, 0, begin - 5_000, b"first"),
            (name, 0, begin - 9_000, b"its clock went back"),
            (name, 0, begin + 3_600_000, b"its clock is an hour ahead"),
            (name, 0, begin - 1_000, b"last"),
            (name, 1, begin - 7_000, b"other"),
        ],
    )
    positions = Positions()
    async with reading(kafka.bootstrap, [name], positions, topics) as reader:
        await read_until(reader, positions, lambda: len(positions.stored) == 5)
    assert [record.value for record in positions.stored] == [
        b"other",
        b"first",
        b"its clock went back",
        b"its clock is an hour ahead",
        b"last",
    ]
    assert [record.arrival for record in positions.stored[:3]] == [begin - 7_000, begin - 5_000, begin - 5_000]
    assert positions.stored[3].arrival == positions.stored[4].arrival <= now_ms()
    assert positions.stored[3].timestamp == begin + 3_600_000


async def test_workers_that_come_and_go_lose_and_skip_nothing(kafka: KafkaBroker, topics: str) -> None:
    names = [f"{topics}{name}" for name in "ab"]
    await create(kafka.bootstrap, *names, partitions=4)
    total = 24_000
    sending = asyncio.create_task(
        send(kafka.bootstrap, ((names[n % 2], (n // 2) % 4, now_ms(), b"%d" % n) for n in range(total)), linger_ms=5)
    )
    positions, readers = Positions(), list[Reader]()

    async def work(seconds: float) -> None:
        async with reading(kafka.bootstrap, names, positions, topics) as reader, asyncio.timeout(60):
            end = asyncio.get_running_loop().time() + seconds
            while asyncio.get_running_loop().time() < end and len(positions.stored) < total:
                if (await step(reader, positions, 100)).records:
                    readers.append(reader)
                await asyncio.sleep(0.02)
                if len(readers) % 17 == 0:  # a transaction that fails: nothing is stored
                    await reader.next(100)
                    await reader.rewind()

    long = [asyncio.create_task(work(60)) for _ in range(2)]
    for _ in range(4):
        await work(1.0)
    await asyncio.gather(sending, *long)
    assert sorted(int(record.value or b"") for record in positions.stored) == list(range(total))
    assert len(set(readers)) >= 4
    by_source: dict[str, list[int]] = {}
    for record in positions.stored:
        by_source.setdefault(record.source, []).append(record.offset)
    assert all(offsets == list(range(3_000)) for offsets in by_source.values())
    assert {at.next for at in positions.at.values()} == {3_000}


async def test_a_topic_that_is_not_there_yet_is_read_once_it_is(kafka: KafkaBroker, topics: str) -> None:
    positions = Positions()
    names = [f"{topics}a", f"{topics}later"]
    await create(kafka.bootstrap, names[0], f"{topics}x.one", partitions=1)
    async with reading(kafka.bootstrap, names, positions, topics, patterns=[rf"{topics}x\..*"]) as reader:
        await read_until(reader, positions, lambda: len(positions.at) == 2)
        assert reader.missing == {names[1]}
        await create(kafka.bootstrap, names[1], f"{topics}x.two", partitions=1)
        await send(kafka.bootstrap, [(names[1], 0, now_ms(), b"here"), (f"{topics}x.two", 0, now_ms(), b"too")])
        await read_until(reader, positions, lambda: len(positions.stored) == 2)
        assert reader.missing == frozenset()
        assert reader.trouble is None


async def test_gaps_left_by_transactions_are_passed_and_aborted_records_are_none(
    kafka: KafkaBroker, topics: str
) -> None:
    name = f"{topics}a"
    await create(kafka.bootstrap, name, partitions=1)
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=topics)
    await producer.start()
    try:
        async with producer.transaction():
            await producer.send_and_wait(name, b"kept", partition=0)
        with contextlib.suppress(LookupError):
            async with producer.transaction():
                await producer.send_and_wait(name, b"aborted", partition=0)
                raise LookupError
    finally:
        await producer.stop()
    positions = Positions()
    async with reading(kafka.bootstrap, [name], positions, topics) as reader:
        await read_until(
            reader, positions, lambda: f"kafka:{name}/0" in positions.at and positions.at[f"kafka:{name}/0"].next == 4
        )
        assert [record.value for record in positions.stored] == [b"kept"]
        assert reader.lag() == {f"kafka:{name}/0": 0}
    async with reading(kafka.bootstrap, [name], positions, topics) as reader:
        await send(kafka.bootstrap, [(name, 0, now_ms(), b"next")])
        await read_until(reader, positions, lambda: len(positions.stored) == 2)
    assert positions.conflicts == 0


async def test_latest_begins_behind_what_is_there_and_stays_there_over_a_restart(
    kafka: KafkaBroker, topics: str
) -> None:
    name = f"{topics}a"
    await create(kafka.bootstrap, name, partitions=1)
    await send(kafka.bootstrap, [(name, 0, now_ms(), b"old")])
    positions = Positions()
    async with reading(kafka.bootstrap, [name], positions, topics, begin="latest") as reader:
        await read_until(reader, positions, lambda: bool(positions.at))
    await send(kafka.bootstrap, [(name, 0, now_ms(), b"new")])
    async with reading(kafka.bootstrap, [name], positions, topics, begin="latest") as reader:
        await read_until(reader, positions, lambda: bool(positions.stored))
    assert [record.value for record in positions.stored] == [b"new"]


async def test_a_store_that_is_away_keeps_records_back_until_it_is_there(kafka: KafkaBroker, topics: str) -> None:
    name = f"{topics}a"
    await create(kafka.bootstrap, name, partitions=1)
    await send(kafka.bootstrap, [(name, 0, now_ms(), b"one")])
    positions = Positions()
    away = [1, 2, 3]

    async def stored(sources: Collection[str]) -> Mapping[str, Position]:
        if away:
            away.pop()
            raise StoreBusy("The database is away", next_step="Wait")
        return await positions.read(sources)

    reader = Reader(KafkaAccess(kafka.bootstrap), [name], topics, stored, now_ms)
    await reader.start()
    try:
        async with asyncio.timeout(20):
            while not reader.trouble:
                assert (await reader.next()).records == ()
            assert "database is away" in reader.trouble
        await read_until(reader, positions, lambda: bool(positions.stored))
        assert reader.trouble is None
    finally:
        await reader.stop()


async def test_a_worker_without_a_partition_is_well_and_takes_over_when_the_other_leaves(
    kafka: KafkaBroker, topics: str
) -> None:
    name = f"{topics}a"
    await create(kafka.bootstrap, name, partitions=1)
    positions = Positions()
    async with reading(kafka.bootstrap, [name], positions, topics) as second:
        async with reading(kafka.bootstrap, [name], positions, topics) as first:
            async with asyncio.timeout(20):
                while len(first.assigned | second.assigned) != 1 or first.assigned & second.assigned:
                    await step(first, positions)
                    await step(second, positions)
            await send(kafka.bootstrap, [(name, 0, now_ms(), b"one")])
            async with asyncio.timeout(20):
                while len(positions.stored) < 1:
                    await step(first, positions)
                    await step(second, positions)
            with contextlib.suppress(TimeoutError):
                await read_until(second, positions, lambda: False, within_s=3)
            assert {first.trouble, second.trouble} == {None}
        await send(kafka.bootstrap, [(name, 0, now_ms(), b"two")])
        await read_until(second, positions, lambda: len(positions.stored) == 2)
    assert [record.value for record in positions.stored] == [b"one", b"two"]
